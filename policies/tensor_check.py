"""What every tensor of a bundle must be before it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def check_present(names: Sequence[str], tensors: Mapping[str, np.ndarray], family: str) -> None:
    """Every tensor that a policy of `family` needs is there. Raises `ValueError` that names the first that is not."""
    for name in names:
        if name not in tensors:
            raise ValueError(f"tensor {name!r} is missing from a policy of family {family!r}")


def check_tensor(name: str, array: np.ndarray, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """Dtype, shape and finiteness of one tensor. Raises `ValueError` that names it."""
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"tensor {name!r} is {array.dtype} {array.shape}, expected {dtype} {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"tensor {name!r} holds numbers that are not finite")
