"""The networks by which a neural-linear bandit reads: fitted once, to what decisions of a first log gained.

Riquelme, Tucker and Snoek 2018: a network learns to predict rewards; its last hidden layer is what a Bayesian linear
regression then reads. Here the layer stays as it is while the regression goes on learning, so that what was learned
from one log adds up with what is learned from the next.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from journeys.actions import INTERVENTIONS, N_VARIANTS
from journeys.spec import Journey
from policies.bandits.lived import Lived
from policies.bandits.tensors import LAYERS, read_by
from policies.network import Weights
from policies.step_features import INPUT_SIZE, NOWHERE, ROW_SIZE, SHARED_SIZE, step_skills, write_features_of_rows

EPOCHS, BATCH, LEARNING_RATE = 4, 1024, 1e-3
WEIGHT_DECAY = 1e-4  # returns are noisy: a network that is left alone learns them by heart
DECISIONS_AT_A_TIME = 16_384  # whose features are written at once
LEAST_SPREAD = 1e-8  # of returns before they are divided by it


def represent(lived: Lived, journey: Journey, hidden: int, seed: int) -> tuple[Weights, Weights]:
    """Two networks, for steps and for interventions, of two layers of `hidden` units; without a last layer."""
    torch.manual_seed(seed)
    inputs, base = read(lived, journey), N_VARIANTS * len(journey.steps)
    returns = torch.from_numpy((lived.returns - lived.returns.mean()) / max(lived.returns.std(), LEAST_SPREAD)).float()
    layers = list[np.ndarray]()
    for chosen, heads, n_heads in (
        (lived.actions < base, lived.actions % N_VARIANTS, N_VARIANTS),
        (lived.actions >= base, lived.actions - base, INTERVENTIONS),
    ):
        network = fit(inputs[chosen], torch.from_numpy(heads[chosen]), returns[chosen], hidden, n_heads, seed)
        parameters = list(network.parameters())[: len(LAYERS)]
        layers += [parameter.detach().numpy().T.copy() for parameter in parameters]
    return read_by(layers)


def read(lived: Lived, journey: Journey) -> Tensor:
    """What a step scorer would read of each decision, `(m, 99)`: of the step selected, or of the one the user is in."""
    table, base = step_skills(journey), N_VARIANTS * len(journey.steps)
    out = np.zeros((len(lived.actions), INPUT_SIZE), np.float32)
    for low in range(0, len(out), DECISIONS_AT_A_TIME):
        seen, actions = (
            lived.observations[low : low + DECISIONS_AT_A_TIME],
            lived.actions[low : low + DECISIONS_AT_A_TIME],
        )
        shared = np.zeros((len(seen), SHARED_SIZE), np.float32)
        rows, current = np.zeros((len(seen), len(journey.steps), ROW_SIZE), np.float32), np.zeros(len(seen), np.int64)
        write_features_of_rows(table, seen, shared, rows, current)
        step = np.where(actions < base, actions // N_VARIANTS, current)
        out[low : low + len(seen), :SHARED_SIZE] = shared
        out[low : low + len(seen), SHARED_SIZE:] = np.where(
            (step == NOWHERE)[:, None], np.float32(0.0), rows[np.arange(len(seen)), step]
        )
    return torch.from_numpy(out)


def fit(inputs: Tensor, heads: Tensor, returns: Tensor, hidden: int, n_heads: int, seed: int) -> nn.Sequential:
    """A network that predicts `returns` `(m,)` by the output that `heads` `(m,)` names."""
    network = nn.Sequential(
        nn.Linear(INPUT_SIZE, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, n_heads)
    )
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    order = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        for rows in torch.split(torch.from_numpy(order.permutation(len(inputs))), BATCH):
            predicted = network(inputs[rows]).gather(1, heads[rows].unsqueeze(1)).squeeze(1)
            loss = (predicted - returns[rows]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network
