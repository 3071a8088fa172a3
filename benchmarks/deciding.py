"""How fast an exported policy decides: real decision moments in, drawn actions with their propensities out, one core.

Beside the networks of a bundle, two of its bandits; the same network in ONNX Runtime (one thread) and as plain NumPy
matrix products, each followed by the same draw. These two compute all actions at once and leave nothing out; their
results differ in the last bits with the size of the batch, which is why neither serves. Seconds are those in which this
thread had the core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.measure import Contender, Row, against, beside, take_turns
from benchmarks.settings import Settings
from experiments.decision_moments import Moments, some_moments
from experiments.onnx_copy import model_of
from journeys.actions import INTERVENTIONS, N_VARIANTS, n_actions
from journeys.loading import load_journey
from journeys.observation import observation_size
from journeys.spec import Journey
from personas.persona import load_population
from policies.bandits.learning import policy_of
from policies.bandits.regression import add_rows
from policies.bandits.settings import BanditSettings
from policies.bandits.tensors import beginner
from policies.network import NetworkPolicy, Weights
from policies.protocol import Choices, Policy, draw
from policies.step_features import INPUT_SIZE
from policies.step_scorer import StepScorer

JOURNEY = "saas"
BATCH, ALONE = 4_096, 1
SINGLES = 512  # different moments decided one at a time
HIDDEN = 64  # units of each hidden layer, as in training
SCORER_HIDDEN = (32, 64)
BANDITS = {"LinUCB": "linucb", "Thompson": "thompson"}  # by name, families
LIVED, NOT_ZERO = 3_000, 0.4  # random observations that a bandit learned of, and the share of their inputs
LEAST_RATE, MOST_US = 2e6, 10.0
US = 1e6  # microseconds in a second

Decide = Callable[[np.ndarray, np.ndarray, np.ndarray], Choices]


def untrained(n_inputs: int, n_outputs: int, hidden: int = HIDDEN) -> Weights:
    """Random weights: speed depends on what was learned only through the units that are off, half of them here."""
    rng, layers = np.random.default_rng(1), ((n_inputs, hidden), (hidden, hidden), (hidden, n_outputs))
    sizes = (size for n, m in layers for size in ((n, m), (m,)))
    return Weights(*(rng.normal(0.0, 0.1, size).astype(np.float32) for size in sizes))


def random_bandit(family: str, journey: Journey) -> Policy:
    """A bandit that was told anything of any action: for a speed that depends on how sure it is, well on its way."""
    learner, rng = beginner(family, BanditSettings(), journey), np.random.default_rng(1)
    n_heads, size = learner.sums.moment.shape
    inputs = rng.random((LIVED, size)) * (rng.random((LIVED, size)) < NOT_ZERO)
    add_rows(learner.sums, rng.integers(0, n_heads, LIVED), inputs, rng.normal(size=LIVED), learner.settings.discount)
    return policy_of(learner, journey)


class NumpyNetwork:
    """The network as anybody would write it in NumPy."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Draw an action per row."""
        w = self.weights
        one = np.maximum(observations @ w.w1 + w.b1, 0.0)
        two = np.maximum(one @ w.w2 + w.b2, 0.0)
        logits = np.where(masks, two @ w.w3 + w.b3, -np.inf)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return draw(odds / odds.sum(axis=1, keepdims=True), keys)


class OnnxNetwork:
    """The bundle's ONNX copy in ONNX Runtime."""

    def __init__(self, policy: NetworkPolicy) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        content = model_of(policy).SerializeToString()
        self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Draw an action per row."""
        return draw(self.session.run(None, {"observations": observations, "masks": masks})[0], keys)


def deciders(journey: Journey) -> dict[str, Decide]:
    """Everything that is measured, the policies of a bundle first."""
    actions = n_actions(len(journey.steps))
    network = NetworkPolicy("network", untrained(observation_size(len(journey.steps), len(journey.skills)), actions))
    policies: dict[str, Policy] = {f"network, {HIDDEN} units": network}
    for hidden in SCORER_HIDDEN:
        parts = (untrained(INPUT_SIZE, size, hidden) for size in (N_VARIANTS, INTERVENTIONS))
        select, assist = parts
        policies[f"scorer of any journey, {hidden} units"] = StepScorer("scorer", select, assist, journey)
    policies |= {f"bandit, {name}": random_bandit(family, journey) for name, family in BANDITS.items()}
    peers: dict[str, Any] = {"ONNX Runtime": OnnxNetwork(network), "NumPy": NumpyNetwork(network.weights)}
    return {name: policy.decide for name, policy in {**policies, **peers}.items()}


def contender(name: str, decide: Decide, batches: list[Moments], seconds: float) -> Contender:
    """`decide` on the `batches` in turn, in samples that last about `seconds`."""
    size = len(batches[0].keys)

    def run(times: int) -> float:
        chosen = list(islice(cycle(batches), times))
        begin = time.thread_time()
        for batch in chosen:
            decide(*batch)
        return time.thread_time() - begin

    trial = min(len(batches), 16)
    run(trial)
    times = max(1, round(seconds * trial / run(trial)))
    return Contender(name, "decisions/s", lambda: (size * times, run(times)))


def in_us(row: Row) -> Row:
    """A rate as the time that one takes."""
    return row._replace(unit="µs a decision", median=US / row.median, low=US / row.high, high=US / row.low)


def judged(name: str, row: Row, size: int) -> Row:
    """The row with the target of a bundle's policies, in microseconds where one decides alone."""
    row = in_us(row) if size == ALONE else row
    if name.startswith(("network", "scorer")):
        if size == ALONE:
            return against(row, MOST_US, f"{MOST_US:g} µs", at_most=True)
        return against(row, LEAST_RATE, "2 M/s")
    return row


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    journey = load_journey(JOURNEY)
    moments, rows = some_moments(journey, load_population("mixed"), BATCH), list[Row]()
    singles = [Moments(*(part[i : i + 1] for part in moments)) for i in range(SINGLES)]
    for size, batches in ((BATCH, [moments]), (ALONE, singles)):
        contenders = [contender(n, decide, batches, settings.sample_seconds) for n, decide in deciders(journey).items()]
        measured = take_turns(f"deciding, {JOURNEY}, batch {size:,}", contenders, settings.rounds)
        judgements = [judged(name, row, size) for name, row in measured.items()]
        rows += [judgements[0], *(beside(row, judgements[0]) for row in judgements[1:])]
    return rows
