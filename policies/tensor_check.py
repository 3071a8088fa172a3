"""What every tensor of a bundle must be before it is used."""

from __future__ import annotations

import numpy as np


def check_tensor(name: str, array: np.ndarray, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """Dtype, shape and finiteness of one tensor. Raises `ValueError` that names it."""
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"tensor {name!r} is {array.dtype} {array.shape}, expected {dtype} {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"tensor {name!r} holds numbers that are not finite")
