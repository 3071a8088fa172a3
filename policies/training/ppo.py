"""Proximal policy optimisation (Schulman et al. 2017) on the native vector environment, readable top to bottom.

What is particular here:
- decisions take unequal time, so discounting is by elapsed time (semi-Markov: Sutton, Precup and Singh 1999) and traces
  by decision (GAE: Schulman et al. 2016);
- the critic sees hidden state that the actor does not (asymmetric actor-critic: Pinto et al. 2018), and is thrown away;
- training begins by imitating a planner, on the states that the learner itself comes to (DAgger: Ross et al. 2011);
- an action is drawn as in production, seeded by the event: no generator's state has to be kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from envs.reward import RewardWeights
from envs.vector import MOST_DECISIONS
from policies.families import NETWORK, SCORER
from policies.protocol import Policy
from policies.setting_checks import check_above_zero, check_not_below_zero, check_shares
from policies.training.actors import Critic, DenseActor, Seen, StepActor, pick, seen_at
from policies.training.env_group import EnvGroup, Inputs, MakeRecall, Setting
from policies.training.player import Player, Rollout
from policies.training.progress import Progress
from policies.training.rollout import Insider
from policies.training.torch_settings import torch_set_for_training
from policies.training.trained import Trained

LARGEST_GRADIENT = 0.5  # norm at which the gradient of each network is cut
WEIGHT_OF_VALUE = 0.5  # of the critic's loss beside the actor's, as is customary; they share no parameters
LEAST_SPREAD = 1e-8  # of advantages before they are divided by it
ADAM_EPSILON = 1e-5  # Andrychowicz et al. 2021
ROWS_AT_A_TIME = 8_192  # of the critic's pass over a rollout: they stay in the cache

MakePlayer = Callable[[EnvGroup, int, float, float], Player]


@dataclass(frozen=True)
class PPOSettings:
    """Settings of our PPO. `num_envs * n_steps` decisions make a rollout, of `n_epochs` passes in batches.

    `actor`: `dense` reads one journey's whole observation, `steps` weighs steps of any journey. `critic`: `hidden` sees
    the user's hidden state, `observed` what the actor sees. `imitation` is the share of the steps that only imitates
    the planner `teacher`, with `imitation_doubt` of the probability spread over the other legal actions. Learning rate
    and wish to try (`ent_coef`) fall linearly to 0. What was trained with exploration is played at `temperature`:
    firmer, yet with propensities below 1, which off-policy evaluation needs.

    `auxiliary` weighs the loss of predicting persona and success from the last layer. `shaping` is the potential
    of a journey's whole progress: what is best stays best (Ng, Harada and Russell 1999).
    """

    total_steps: int = 10_000_000
    num_envs: int = 1024
    n_steps: int = 32
    batch_size: int = 4096
    n_epochs: int = 2
    learning_rate: float = 1e-3
    discount_per_day: float = 0.98
    gae_lambda: float = 0.9
    clip_range: float = 0.2
    ent_coef: float = 0.02
    hidden: int = 64
    critic_hidden: int = 64
    actor: str = "dense"
    critic: str = "hidden"
    imitation: float = 0.1
    imitation_doubt: float = 0.2
    auxiliary: float = 0.0
    shaping: float = 0.0
    temperature: float = 0.25
    threads: int = 1

    def __post_init__(self) -> None:
        sizes = ("num_envs", "n_steps", "n_epochs", "hidden", "critic_hidden", "threads", "learning_rate")
        check_above_zero(self, "training", *sizes, "temperature")
        check_shares(self, "training", "imitation", "imitation_doubt", "discount_per_day", "gae_lambda")
        check_not_below_zero(self, "training", "clip_range", "ent_coef", "auxiliary", "shaping")
        if self.batch_size % self.num_envs or self.rollout % self.batch_size:
            raise ValueError(
                f"training.batch_size={self.batch_size} is not a multiple of num_envs={self.num_envs} that divides "
                f"num_envs * n_steps = {self.rollout}. Mend: choose such a one"
            )
        if self.total_steps < self.num_envs * self.n_steps:
            raise ValueError(f"training.total_steps={self.total_steps} is less than one rollout. Mend: raise it")
        for name, legal in (("actor", ("dense", "steps")), ("critic", ("hidden", "observed"))):
            if getattr(self, name) not in legal:
                wrong = f"training.{name}={getattr(self, name)!r}"
                raise ValueError(f"{wrong}: there is no such {name}. Mend: use {' or '.join(legal)}")

    @property
    def rollout(self) -> int:
        """Decisions of one rollout."""
        return self.num_envs * self.n_steps


class Part(NamedTuple):
    """What an update works on, `(m,)` of some moments."""

    seen: Seen
    actions: Tensor
    log_propensities: Tensor
    advantages: Tensor
    targets: Tensor
    advice: Tensor
    personas: Tensor
    fate: Tensor


class Batch(NamedTuple):
    """A rollout ready to learn from: its inputs, and the columns of `Part`, each `(T, n)`."""

    inputs: Inputs
    columns: tuple[Tensor, ...]


class Learner(NamedTuple):
    """What is learned."""

    actor: DenseActor | StepActor
    critic: Critic
    auxiliary: nn.Linear
    optimiser: torch.optim.Adam

    def modules(self) -> tuple[nn.Module, ...]:
        """All that has parameters."""
        return self.actor, self.critic, self.auxiliary


class PPO:
    """One training: `train` runs it to its end, `advance` by one rollout."""

    def __init__(
        self, settings: PPOSettings, practice: Sequence[Setting], weights: RewardWeights, seed: int,
        teacher: Policy | None = None, most_decisions: int = MOST_DECISIONS, recall: MakeRecall | None = None,
        make_player: MakePlayer = Player,
    ) -> None:  # fmt: skip
        self.settings, self.seed, self.teacher = settings, seed, teacher
        by_steps = settings.actor == "steps"
        informed = isinstance(teacher, Insider)
        self.group = EnvGroup(practice, settings.num_envs, weights, seed, by_steps, most_decisions, recall, informed)
        torch.manual_seed(seed)
        self.learner = make_learner(settings, self.group)
        self.player = make_player(self.group, settings.n_steps, settings.discount_per_day, settings.shaping)
        self.room = self.player.room
        self.steps, self.rollouts, self.seconds = 0, 0, 0.0
        self.curve: list[Progress] = []

    def train(self, on_progress: Callable[[Progress], None]) -> list[Progress]:
        """Train to the end; `on_progress` hears of every rollout. The curve has those before a checkpoint as well."""
        while self.steps < self.settings.total_steps:
            self.advance()
            on_progress(self.curve[-1])
        return self.curve

    def advance(self) -> Progress:
        """Play one rollout and learn from it."""
        began = time.perf_counter()
        with torch_set_for_training(self.settings.threads):
            imitated = self.teacher if self.steps < self.settings.imitation * self.settings.total_steps else None
            self.player.play(self.learner.actor, imitated)
            self.judge_cuts()
            if self.rollouts == 0:
                self.measure()
            self.learn(imitated is not None)
        self.steps, self.rollouts = self.steps + self.settings.rollout, self.rollouts + 1
        self.seconds += time.perf_counter() - began
        self.curve.append(Progress(self.steps, self.settings.total_steps, self.seconds, *ended(self.room)))
        return self.curve[-1]

    def judge_cuts(self) -> None:
        """What would have followed where episodes were cut, as the critic sees it."""
        for t, rows, flat in self.player.cut:
            with torch.inference_mode():
                self.room.ends[t][rows] = self.learner.critic.worth(torch.from_numpy(flat)).numpy()

    def measure(self) -> None:
        """Freeze the normalisation by what the first rollout showed."""
        everything = seen_at(self.room.inputs, range(self.settings.n_steps))
        self.learner.actor.measure(everything)
        self.learner.critic.measure(everything)

    def learn(self, imitating: bool) -> None:
        """The passes over the rollout."""
        settings, learner = self.settings, self.learner
        left = 1.0 - self.steps / settings.total_steps
        for group in learner.optimiser.param_groups:
            group["lr"] = settings.learning_rate * left
        batch = self.batch()
        order = np.random.default_rng((self.seed, self.rollouts))
        for _ in range(settings.n_epochs):
            for moments in order.permutation(settings.n_steps).reshape(-1, settings.batch_size // settings.num_envs):
                part = take(batch, moments.tolist())
                logits, last = learner.actor(part.seen)
                log_chances = torch.log_softmax(logits, dim=1)
                if imitating:
                    loss = imitation_loss(log_chances, part, settings.imitation_doubt)
                else:
                    loss = policy_loss(log_chances, part, settings.clip_range, settings.ent_coef * left)
                loss = loss + WEIGHT_OF_VALUE * (learner.critic(part.seen.flat) - part.targets).square().mean()
                if settings.auxiliary:
                    loss = loss + settings.auxiliary * auxiliary_loss(learner.auxiliary(last), part)
                learner.optimiser.zero_grad()
                loss.backward()
                for module in learner.modules():
                    nn.utils.clip_grad_norm_(module.parameters(), LARGEST_GRADIENT)
                learner.optimiser.step()

    def batch(self) -> Batch:
        """The rollout with its advantages and the critic's targets."""
        room, critic, last = self.room, self.learner.critic, self.settings.n_steps
        flat = torch.from_numpy(room.inputs.flat).flatten(0, 1)
        with torch.inference_mode():
            values = torch.cat([critic.worth(rows) for rows in torch.split(flat, ROWS_AT_A_TIME)])
        worths = values.numpy().reshape(last + 1, -1)
        gains = advantages(room.rewards, room.discounts, room.over, worths, room.ends, self.settings.gae_lambda)
        targets = gains + worths[:-1]
        rescale(critic, targets, self.rollouts)
        normal = (targets - critic.centre.item()) / critic.size_of_return.item()
        gains = (gains - gains.mean()) / (gains.std() + LEAST_SPREAD)
        columns = (room.actions, np.log(room.propensities), gains, normal, room.advice, room.personas, fates(room))
        kinds = (torch.int64, torch.float32, torch.float32, torch.float32, torch.int64, torch.int64, torch.float32)
        made = (torch.from_numpy(column).to(kind) for column, kind in zip(columns, kinds, strict=True))
        return Batch(room.inputs, tuple(made))

    def trained(self) -> Trained:
        """What there is to keep: the actor, its normalisation folded in, and the curve."""
        family = SCORER if self.settings.actor == "steps" else NETWORK
        return Trained(family, self.learner.actor.export(), self.curve)


def ended(room: Rollout) -> tuple[int, float, float]:
    """Episodes that ended in a rollout, their mean return and the share completed; NaN where none did."""
    episodes = int(room.over.sum())
    if not episodes:
        return 0, float("nan"), float("nan")
    returns = sum(float(of_step[over].sum()) for of_step, over in zip(room.returns, room.over, strict=True))
    return episodes, returns / episodes, int((room.fate == 1).sum()) / episodes


def make_learner(settings: PPOSettings, group: EnvGroup) -> Learner:
    """Fresh networks and their optimiser."""
    if settings.actor == "steps":
        actor: DenseActor | StepActor = StepActor(group.layout, settings.hidden)
    else:
        actor = DenseActor(group.layout, settings.hidden)
    seen = group.layout.critic if settings.critic == "hidden" else group.layout.seen
    critic = Critic(seen, settings.critic_hidden)
    auxiliary = nn.Linear(settings.hidden, len(group.kinds) + 1)
    parameters = [p for module in (actor, critic, auxiliary) for p in module.parameters()]
    optimiser = torch.optim.Adam(parameters, settings.learning_rate, eps=ADAM_EPSILON, fused=True)
    return Learner(actor, critic, auxiliary, optimiser)


def take(batch: Batch, moments: Sequence[int]) -> Part:
    """All rows of some steps, flattened: users are independent, so whole steps are as good as any rows."""
    steps = torch.as_tensor(moments)
    return Part(seen_at(batch.inputs, moments), *(pick(column, steps) for column in batch.columns))


def advantages(
    rewards: np.ndarray, discounts: np.ndarray, over: np.ndarray, values: np.ndarray, ends: np.ndarray, trace: float
) -> np.ndarray:
    """Generalised advantage estimates `(T, n)` with a discount of its own for every decision.

    `rewards`, `discounts` (of what comes after the decision), `over`, and `ends` (value after the decision where an
    episode was cut, 0 where it ended) are `(T, n)`, `values` `(T + 1, n)`. A_t = d_t + discount_t · trace · A_{t+1},
    d_t = r_t + discount_t · V_{t+1} - V_t; behind the end of an episode V is `ends` and A is 0.
    """
    gains, after = np.empty(rewards.shape), np.zeros(rewards.shape[1])
    for t in range(len(rewards) - 1, -1, -1):
        ahead = np.where(over[t], ends[t], values[t + 1])
        after = np.where(over[t], 0.0, after)
        after = rewards[t] + discounts[t] * (ahead + trace * after) - values[t]
        gains[t] = after
    return gains


def rescale(critic: Critic, targets: np.ndarray, rollouts: int) -> None:
    """Let the critic's scale follow the mean and spread of the targets, the less the more was seen."""
    weight = 1.0 / (rollouts + 1.0)
    before = critic.centre.item(), critic.size_of_return.item()
    centre = before[0] + weight * (float(targets.mean()) - before[0])
    size = before[1] + weight * (float(targets.std()) - before[1])
    with torch.no_grad():  # values in units of reward stay as they were (PopArt: van Hasselt et al. 2016)
        critic.value.weight.mul_(before[1] / size)
        critic.value.bias.copy_((critic.value.bias * before[1] + before[0] - centre) / size)
        critic.centre.fill_(centre)
        critic.size_of_return.fill_(size)


def fates(room: Rollout) -> np.ndarray:
    """Whether the episode of each step ended completed, `(T, n)`: 1 or 0; -1 where that is not known yet."""
    fate = room.fate.astype(np.float32)
    for t in range(len(fate) - 2, -1, -1):
        fate[t] = np.where(room.over[t], fate[t], fate[t + 1])
    return fate


def policy_loss(log_chances: Tensor, part: Part, clip: float, wish_to_try: float) -> Tensor:
    """The clipped surrogate, less a bonus for entropy."""
    chosen = log_chances.gather(1, part.actions.unsqueeze(1)).squeeze(1)
    ratio = torch.exp(chosen - part.log_propensities)
    gain = torch.minimum(ratio * part.advantages, ratio.clamp(1.0 - clip, 1.0 + clip) * part.advantages)
    entropy = -(log_chances.exp() * log_chances).sum(dim=1)
    return -gain.mean() - wish_to_try * entropy.mean()


def imitation_loss(log_chances: Tensor, part: Part, doubt: float) -> Tensor:
    """Cross-entropy to the teacher's action, of which `doubt` is spread over all that is legal."""
    legal = part.seen.masks
    advised = log_chances.gather(1, part.advice.unsqueeze(1)).squeeze(1)
    others = (log_chances.masked_fill(~legal, 0.0)).sum(dim=1) / legal.sum(dim=1)
    return -((1.0 - doubt) * advised + doubt * others).mean()


def auxiliary_loss(guesses: Tensor, part: Part) -> Tensor:
    """Cross-entropy of persona `(m, P)` and, where it is known, of success (the last column of `guesses`)."""
    persona = nn.functional.cross_entropy(guesses[:, :-1], part.personas)
    known = part.fate >= 0.0
    success = nn.functional.binary_cross_entropy_with_logits(guesses[known, -1], part.fate[known])
    return persona + (success if bool(known.any()) else torch.zeros(()))
