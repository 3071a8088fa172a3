"""`handrail paths`: the best path of a cohort, beside what other policies do. docs/paths.md."""
