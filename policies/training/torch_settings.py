"""How torch computes while a network is played and trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_set_for_training(threads: int) -> Iterator[None]:
    """So many threads, quick products, no denormal numbers; afterwards as before, and denormal numbers again."""
    threads_before, precision_before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # gradients of illegal actions: nothing, but slow to compute
    torch.set_float32_matmul_precision("medium")  # products in bfloat16 where the processor has them: twice as fast
    try:
        yield
    finally:
        torch.set_num_threads(threads_before)
        torch.set_flush_denormal(False)
        torch.set_float32_matmul_precision(precision_before)
