"""The actors and the critic in torch, and how an actor leaves as plain arrays.

`DenseActor` reads the whole observation of one journey. `StepActor` weighs every step by its own features with shared
weights (`policies/step_features.py`), and so reads any journey. Inputs are normalised inside; `export` folds that into
the first layer, so that what is served needs no normaliser.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from journeys.actions import INTERVENTIONS, N_VARIANTS
from policies.network import Weights
from policies.step_features import ROW_SIZE, SHARED_SIZE
from policies.training.env_group import Inputs, Layout

NEVER = -80.0  # logit of an illegal action: exp is 1e-35, the least that float32 computes at full speed
LEAST_SPREAD = 0.05  # of an input before it is divided by its spread: entries lie in [0, 1]
BLOCK = 512  # rows: few shapes occur, and little is computed for nothing
SMALL = 0.01  # gain of an actor's last layer: nearly uniform at first (Andrychowicz et al. 2021)


class Seen(NamedTuple):
    """What is seen of `m` rows, as tensors; a step's row is there where it may be selected, one in a dozen.

    `flat` `(m, C)`, `shared` `(m, 69)`, `masks` `(m, A)`: those of `Inputs`. `now` `(m, 30)` is the row of the step
    that the user is in, or zeros; `legal` `(p, 30)` the row of step `which[i]` of user `who[i]`, both `(p,)`.
    """

    flat: Tensor
    shared: Tensor
    now: Tensor
    legal: Tensor
    who: Tensor
    which: Tensor
    masks: Tensor


def seen_at(inputs: Inputs, moments: Sequence[int]) -> Seen:
    """What is seen at some steps of `inputs`, whose arrays are `(T, n, ...)`, one step after the other."""
    steps = torch.as_tensor(moments)
    flat, shared, current, masks = (
        pick(torch.from_numpy(array), steps) for array in (inputs.flat, inputs.shared, inputs.current, inputs.masks)
    )
    rows = torch.from_numpy(inputs.rows)
    n, n_steps = rows.shape[1:3]
    if not n_steps:
        nothing = torch.empty(0, ROW_SIZE)
        return Seen(flat, shared, nothing, nothing, current[:0], current[:0], masks)
    moment, user = steps.repeat_interleave(n), torch.arange(n).repeat(len(steps))
    now = rows[moment, user, current.clamp_min(0)] * (current >= 0).unsqueeze(1)
    legal = masks[:, : N_VARIANTS * n_steps].reshape(-1, n_steps, N_VARIANTS).any(dim=2)
    who, which = legal.nonzero(as_tuple=True)
    return Seen(flat, shared, now, rows[moment[who], user[who], which], who, which, masks)


def pick(array: Tensor, steps: Tensor) -> Tensor:
    """Some steps of `array` `(T, n, ...)`, flattened; a single one is not copied."""
    return array[int(steps[0])] if len(steps) == 1 else array.index_select(0, steps).flatten(0, 1)


class Scale(nn.Module):
    """Inputs less their mean, over their spread: both frozen once they were measured."""

    mean: Tensor
    spread: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))

    def measure(self, values: Tensor) -> None:
        """Take mean and spread from `values` `(m, size)`."""
        self.mean.copy_(values.mean(dim=0))
        self.spread.copy_(values.std(dim=0).clamp_min(LEAST_SPREAD))

    def folded(self, layer: nn.Linear) -> tuple[Tensor, Tensor]:
        """Weights `(H, size)` and biases `(H,)` that do to raw inputs what `layer` does to normalised ones.

        Folding costs a pass over the weights; normalising the inputs would cost one over the whole batch.
        """
        weights = layer.weight / self.spread
        return weights, layer.bias - weights @ self.mean

    def through(self, layer: nn.Linear, values: Tensor) -> Tensor:
        """`layer` of normalised `values` `(m, size)`."""
        return nn.functional.linear(values, *self.folded(layer))

    def export(self, layer: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
        """`folded` as arrays `(size, H)` and `(H,)`."""
        weights, biases = self.folded(layer)
        return weights.detach().T.numpy().copy(), biases.detach().numpy().copy()


def linear(inputs: int, outputs: int, gain: float = math.sqrt(2.0)) -> nn.Linear:
    """A layer with orthogonal weights and no bias at first."""
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


def arrays(layer: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    """Weights `(inputs, outputs)` and biases."""
    return layer.weight.detach().T.numpy().copy(), layer.bias.detach().numpy().copy()


class DenseActor(nn.Module):
    """Two hidden layers over the observation, one logit per action."""

    def __init__(self, layout: Layout, hidden: int) -> None:
        super().__init__()
        self.size = layout.observation
        self.scale = Scale(self.size)
        self.one, self.two = linear(self.size, hidden), linear(hidden, hidden)
        self.three = linear(hidden, layout.n_actions, SMALL)

    def measure(self, seen: Seen) -> None:
        """Freeze the normalisation."""
        self.scale.measure(seen.flat[:, : self.size])

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Logits `(m, A)`, masked, and the last hidden layer `(m, H)`."""
        last = torch.relu(self.two(torch.relu(self.scale.through(self.one, seen.flat[:, : self.size]))))
        return self.three(last).masked_fill(~seen.masks, NEVER), last

    def export(self) -> dict[str, np.ndarray]:
        """Tensors of the family `network`."""
        parts = (*self.scale.export(self.one), *arrays(self.two), *arrays(self.three))
        return dict(zip(Weights._fields, parts, strict=True))


class Head(nn.Module):
    """Two hidden layers over what is shared and a row."""

    def __init__(self, hidden: int, outputs: int) -> None:
        super().__init__()
        self.one = linear(SHARED_SIZE + ROW_SIZE, hidden)
        self.two, self.three = linear(hidden, hidden), linear(hidden, outputs, SMALL)

    def forward(self, scale: Scale, shared: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(p, outputs)` and the last hidden layer, of `shared` `(p, 69)` and `rows` `(p, 30)`.

        Inputs are filled up to whole blocks: products of a shape that was not met before are prepared anew, which takes
        longer than computing them.
        """
        inputs = torch.cat([shared, rows], dim=1)
        blocks = nn.functional.pad(inputs, (0, 0, 0, -len(inputs) % BLOCK))
        last = torch.relu(self.two(torch.relu(scale.through(self.one, blocks))))
        return self.three(last)[: len(inputs)], last[: len(inputs)]

    def export(self, scale: Scale, prefix: str) -> dict[str, np.ndarray]:
        """Tensors of one part of the family `scorer`."""
        parts = (*scale.export(self.one), *arrays(self.two), *arrays(self.three))
        return {f"{prefix}.{name}": part for name, part in zip(Weights._fields, parts, strict=True)}


class StepActor(nn.Module):
    """Logits of each step's difficulties from its own row, of the interventions from the row of the current step."""

    def __init__(self, layout: Layout, hidden: int) -> None:
        super().__init__()
        self.n_steps = layout.n_steps
        self.scale = Scale(SHARED_SIZE + ROW_SIZE)
        self.select, self.assist = Head(hidden, N_VARIANTS), Head(hidden, INTERVENTIONS)

    def measure(self, seen: Seen) -> None:
        """Freeze the normalisation; of rows over the steps that may be selected."""
        self.scale.measure(torch.cat([seen.shared[seen.who], seen.legal], dim=1))

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Logits `(m, 3 S + 8)`, masked, and the last hidden layer of the interventions `(m, H)`."""
        of_steps, _ = self.select(self.scale, seen.shared.index_select(0, seen.who), seen.legal)
        steps = torch.full((len(seen.masks), self.n_steps, N_VARIANTS), NEVER)
        steps = steps.index_put((seen.who, seen.which), of_steps)
        of_help, last = self.assist(self.scale, seen.shared, seen.now)
        return torch.cat([steps.flatten(1), of_help], dim=1).masked_fill(~seen.masks, NEVER), last

    def export(self) -> dict[str, np.ndarray]:
        """Tensors of the family `scorer`."""
        return {**self.select.export(self.scale, "select"), **self.assist.export(self.scale, "assist")}


class Critic(nn.Module):
    """Value of a state, in spreads of the return. Sees the first `inputs` entries of `Inputs.flat`."""

    centre: Tensor
    size_of_return: Tensor

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inputs, self.scale = inputs, Scale(inputs)
        self.one, self.two = linear(inputs, hidden), linear(hidden, hidden)
        self.value = linear(hidden, 1, 1.0)
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("size_of_return", torch.ones(()))

    def measure(self, seen: Seen) -> None:
        """Freeze the normalisation of inputs."""
        self.scale.measure(seen.flat[:, : self.inputs])

    def forward(self, flat: Tensor) -> Tensor:
        """Normalised values `(m,)`."""
        first = torch.relu(self.scale.through(self.one, flat[:, : self.inputs]))
        return self.value(torch.relu(self.two(first))).squeeze(1)

    def worth(self, flat: Tensor) -> Tensor:
        """Values `(m,)` in units of reward."""
        return self.forward(flat) * self.size_of_return + self.centre
