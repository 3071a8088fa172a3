"""A bandit as a bundle keeps it: its sums, its settings and its networks as tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from journeys.actions import INTERVENTIONS, N_VARIANTS
from journeys.spec import Journey
from policies.bandits.inputs import NETWORK, RECENCY, SHARED_HEADS, sizes
from policies.bandits.learning import Learner
from policies.bandits.regression import Sums, nothing_seen, posterior
from policies.bandits.settings import BANDITS, N_SETTINGS, BanditSettings, settings_from
from policies.network import Weights
from policies.step_features import INPUT_SIZE
from policies.tensor_check import check_present, check_tensor

SUMS = tuple(f"sums.{name}" for name in Sums._fields)
SETTINGS = "settings"
SINGLE, DOUBLE, COUNT = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
PARTS, LAYERS = ("select", "assist"), ("w1", "b1", "w2", "b2")
NETWORKS = tuple(f"{part}.{layer}" for part in PARTS for layer in LAYERS)


def names_of(family: str) -> tuple[str, ...]:
    """Names of the tensors of a family."""
    return (*SUMS, SETTINGS, *(NETWORKS if BANDITS[family].kind == NETWORK else ()))


def tensors_of(learner: Learner) -> dict[str, np.ndarray]:
    """Every tensor by name."""
    sums = {name: np.array(array) for name, array in zip(SUMS, learner.sums, strict=True)}
    networks = [array for weights in learner.networks or () for array in weights[: len(LAYERS)]]
    return {**sums, SETTINGS: learner.settings.numbers(), **dict(zip(NETWORKS, networks, strict=False))}


def learner_from(family: str, tensors: Mapping[str, np.ndarray], journey: Journey) -> Learner:
    """The inverse of `tensors_of`; what it learns further leaves `tensors` alone.

    Raises `ValueError` that names the tensor which is missing, of another shape or type, or not finite.
    """
    check_present(names_of(family), tensors, family)
    check_tensor(SETTINGS, tensors[SETTINGS], DOUBLE, (N_SETTINGS,))
    settings = settings_from(tensors[SETTINGS])
    networks = networks_from(tensors) if BANDITS[family].kind == NETWORK else None
    n_heads, n_inputs = heads_of(family, settings, journey), inputs_of(family, networks)
    square = n_inputs, n_inputs
    wide = n_heads if settings.discount < 1.0 else 0
    shapes = ((n_heads, *square), (n_heads, n_inputs), (wide, *square), (n_heads,), (1,))
    kinds = (DOUBLE, DOUBLE, DOUBLE, COUNT, COUNT)
    for name, kind, shape in zip(SUMS, kinds, shapes, strict=True):
        check_tensor(name, tensors[name], kind, shape)
    learner = Learner(family, settings, Sums(*(np.array(tensors[name]) for name in SUMS)), networks)
    check_sums(learner)
    return learner


def check_sums(learner: Learner) -> None:
    """Sums are such as observations add up to. Raises `ValueError` that names the tensor."""
    sums, seen = learner.sums, int(learner.sums.seen[0])
    if seen < 0 or ((sums.touched < 0) | (sums.touched > seen)).any():
        raise ValueError(f"tensor {SUMS[3]!r} counts observations beyond the {seen} of {SUMS[4]!r}")
    for name, matrices in (("sums.precision", sums.precision), ("sums.widening", sums.widening)):
        if not np.array_equal(matrices, matrices.transpose(0, 2, 1)):
            raise ValueError(f"tensor {name!r} is no sum of products: it is not symmetric")
    with np.errstate(all="ignore"):
        found = posterior(sums, learner.settings.ridge, learner.settings.discount)
        sound = all(np.isfinite(part.astype(np.float32)).all() for part in found)
    if not sound:
        raise ValueError("tensor 'sums.precision' is no sum of products, or tensor 'sums.moment' is too large for it")


def beginner(
    family: str, settings: BanditSettings, journey: Journey, networks: tuple[Weights, Weights] | None = None
) -> Learner:
    """A bandit that has seen nothing."""
    size = heads_of(family, settings, journey), inputs_of(family, networks)
    return Learner(family, settings, nothing_seen(*size, settings.discount < 1.0), networks)


def heads_of(family: str, settings: BanditSettings, journey: Journey) -> int:
    """How many regressions a bandit has."""
    if BANDITS[family].kind == RECENCY:
        return INTERVENTIONS
    return SHARED_HEADS if settings.shared else N_VARIANTS * len(journey.steps) + INTERVENTIONS


def inputs_of(family: str, networks: tuple[Weights, Weights] | None) -> int:
    """How many inputs each of them has."""
    return sum(sizes(BANDITS[family].kind, len(networks[0].b2) if networks else 0))


def networks_from(tensors: Mapping[str, np.ndarray]) -> tuple[Weights, Weights]:
    """The networks by which a bandit reads. Raises `ValueError`."""
    one, two = (len(np.atleast_1d(tensors[f"{PARTS[0]}.{bias}"])) for bias in ("b1", "b2"))
    shapes = ((INPUT_SIZE, one), (one,), (one, two), (two,))
    for part in PARTS:
        for layer, shape in zip(LAYERS, shapes, strict=True):
            check_tensor(f"{part}.{layer}", tensors[f"{part}.{layer}"], SINGLE, shape)
    return read_by([tensors[name] for name in NETWORKS])


def read_by(layers: Sequence[np.ndarray]) -> tuple[Weights, Weights]:
    """Two networks of the eight `layers`, in the order of `NETWORKS`, without a last layer."""
    n, last = len(LAYERS), [np.zeros((len(layers[3]), 0), np.float32), np.zeros(0, np.float32)]
    return Weights(*[*layers[:n], *last]), Weights(*[*layers[n:], *last])
