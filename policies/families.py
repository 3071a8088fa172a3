"""The families of policies that a bundle can hold: what each one keeps as tensors, and how it is built from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from journeys.actions import INTERVENTIONS, N_VARIANTS, n_actions
from journeys.observation import observation_size
from journeys.spec import Journey
from policies.bandits import tensors as bandit_tensors
from policies.bandits.learning import policy_of
from policies.bandits.settings import BANDITS
from policies.expert_rules import expert_rules
from policies.fixed_path import fixed_path
from policies.greedy_belief import greedy_belief
from policies.network import NetworkPolicy, Weights
from policies.path import PATH_DIFFICULTIES, STEPS, LearningPath, PathPolicy
from policies.protocol import Policy
from policies.random_legal import RandomLegal
from policies.step_features import INPUT_SIZE
from policies.step_scorer import StepScorer
from policies.tensor_check import check_present, check_tensor
from policies.zpdes import Zpdes

NETWORK, SCORER, PATH = "network", "scorer", "path"
OF_ANY_JOURNEY: dict[str, Callable[[], Policy]] = {
    "rules": expert_rules,
    "fixed": fixed_path,
    "greedy": greedy_belief,
    "random": RandomLegal,
}
OF_ONE_JOURNEY: dict[str, Callable[[Journey], Policy]] = {"zpdes": Zpdes}
WITHOUT_TENSORS = (*OF_ANY_JOURNEY, *OF_ONE_JOURNEY)
FAMILIES = (NETWORK, SCORER, PATH, *BANDITS, *WITHOUT_TENSORS)
BOUND_TO_ONE = (NETWORK, PATH, *BANDITS)  # made for one journey: no bundle of any journey can hold them
PARTS = {"select": N_VARIANTS, "assist": INTERVENTIONS}  # of a step scorer: its networks, and what each rates


def tensor_names(family: str) -> tuple[str, ...]:
    """Names of the tensors that a policy of `family` needs. Raises `ValueError` where the family is unknown."""
    if family not in FAMILIES:
        raise ValueError(f"policy family {family!r} is unknown. Mend: use one of {', '.join(FAMILIES)}")
    if family == SCORER:
        return tuple(f"{part}.{name}" for part in PARTS for name in Weights._fields)
    if family == PATH:
        return (STEPS, PATH_DIFFICULTIES)
    if family in BANDITS:
        return bandit_tensors.names_of(family)
    return Weights._fields if family == NETWORK else ()


def baseline(name: str, journey: Journey) -> Policy:
    """One of `WITHOUT_TENSORS`, for `journey`. Raises `KeyError` where there is none of that name."""
    return OF_ONE_JOURNEY[name](journey) if name in OF_ONE_JOURNEY else OF_ANY_JOURNEY[name]()


def build_policy(family: str, tensors: Mapping[str, np.ndarray], temperature: float, journey: Journey) -> Policy:
    """A policy from its tensors, for the observations and masks of `journey`.

    Raises `ValueError` where the family is unknown, or a tensor is missing, of another shape or dtype, or not finite.
    """
    names = tensor_names(family)
    check_present(names, tensors, family)
    if family == SCORER:
        select, assist = (part_of(tensors, part) for part in PARTS)
        return StepScorer(SCORER, select, assist, journey, temperature)
    if family == PATH:
        return PathPolicy(PATH, LearningPath(*(tensors[name] for name in names)), journey)
    if family in BANDITS:
        return policy_of(bandit_tensors.learner_from(family, tensors, journey), journey)
    if family != NETWORK:
        return baseline(family, journey)
    weights = Weights(*(tensors[name] for name in names))
    n_steps = len(journey.steps)
    check_network(weights, observation_size(n_steps, len(journey.skills)), n_actions(n_steps))
    return NetworkPolicy(NETWORK, weights, temperature)


def part_of(tensors: Mapping[str, np.ndarray], part: str) -> Weights:
    """One network of a step scorer. Raises `ValueError` that names the tensor."""
    weights = Weights(*(tensors[f"{part}.{name}"] for name in Weights._fields))
    check_network(weights, INPUT_SIZE, PARTS[part], f"{part}.")
    return weights


def check_network(weights: Weights, n_entries: int, n_actions: int, prefix: str = "") -> None:
    """Layers fit each other, the observation and the actions. Raises `ValueError` that names the tensor."""
    one, two = (array.shape[-1] if array.ndim else 0 for array in (weights.w1, weights.w2))
    shapes = Weights((n_entries, one), (one,), (one, two), (two,), (two, n_actions), (n_actions,))  # type: ignore[arg-type]
    for name, array, shape in zip(Weights._fields, weights, shapes, strict=True):
        check_tensor(prefix + name, array, np.dtype(np.float32), shape)  # type: ignore[arg-type]
