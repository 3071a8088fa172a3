"""What a training yields, whatever the algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from policies.training.progress import Progress


class Trained(NamedTuple):
    """A policy as a bundle keeps it, its `family` and `tensors`, and the learning curve."""

    family: str
    tensors: Mapping[str, np.ndarray]
    curve: list[Progress]
