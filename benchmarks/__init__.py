"""How fast, how large: every figure beside a peer or the bare limit, measured in one run. See docs/benchmarks.md."""
