"""Our bandits beside Vowpal Wabbit's and MABWiser's: what they earn on the same streams, and how fast, one core.

Every stream begins with rounds in which arms are drawn uniformly, the same for everybody, as a log from before; then a
batch is decided, and learned from, and so on. Contexts, mean rewards and noise are the same for all. The noise of a
round does not depend on the arm, so what somebody earns is what the best arms would have earned less the regret.

Settings are the best of a small search of each on streams of other seeds. Seconds are processor time of all threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from mabwiser.mab import LearningPolicy
from rich.progress import track
from vowpalwabbit import Workspace

from benchmarks.bandit_contestants import (
    VW_ADF,
    Contestant,
    Entry,
    arm_lines,
    mabwiser,
    ours,
    shared_line,
    vowpal_wabbit,
)
from benchmarks.linear_stream import Stream, linear_stream, stream_on
from benchmarks.measure import Row, against, beside, row_of
from benchmarks.settings import Settings
from experiments.decision_moments import some_moments
from experiments.statistics import paired_interval
from journeys.loading import load_journey
from personas.persona import load_population
from policies.bandits.exploration import HIGHEST, SAMPLED, Rule

ARMS, SIZE, NOISE = 10, 20, 0.3
ONBOARDING_NOISE = 0.05  # what an arm pays varies less with the context there: by some 0.03
BEFORE = 100  # rounds of random arms that everybody learns from first
SHORT, SHORTER = 2_000, 1_000  # rounds at most: of wide contexts, and where a batch is one round
ALONE, USUAL, LARGE = 1, 100, 1_000  # rounds of a batch
TIMES_THEIRS = 10.0  # how much faster ours are to be, batched

LINUCB, THOMPSON, EPSILON_GREEDY, FORGETTING = "LinUCB", "Thompson", "epsilon-greedy", "LinUCB that forgets"
OF_ARMS = "--noconstant --ignore_linear s"  # weights of arms alone: what all arms share does not help to choose
SQUARECB, EPSILON = f"{OF_ARMS} --squarecb --gamma_scale 100", f"{OF_ARMS} -l 4 --epsilon 0.005"
BAG = f"{OF_ARMS} --epsilon 0 --bag 5"
OURS = (
    Entry(LINUCB, ours(Rule(HIGHEST, 0.5, 0.0))),
    Entry(THOMPSON, ours(Rule(SAMPLED, 0.05, 0.0))),
    Entry(EPSILON_GREEDY, ours(Rule(HIGHEST, 0.0, 0.005))),
)
VOWPAL_WABBIT = (
    Entry("VW SquareCB", vowpal_wabbit(SQUARECB), LINUCB),
    Entry("VW SquareCB, after each round", vowpal_wabbit(SQUARECB), LINUCB, online=True),
    Entry("VW bagging", vowpal_wabbit(BAG), THOMPSON),
    Entry("VW epsilon-greedy", vowpal_wabbit(EPSILON), EPSILON_GREEDY),
)
MABWISER = (
    Entry("MABWiser LinUCB", mabwiser(LearningPolicy.LinUCB(alpha=0.5)), LINUCB),
    Entry("MABWiser LinTS", mabwiser(LearningPolicy.LinTS(alpha=0.1)), THOMPSON),
    Entry("MABWiser LinGreedy", mabwiser(LearningPolicy.LinGreedy(epsilon=0.005)), EPSILON_GREEDY),
)
ALL = (*OURS, *VOWPAL_WABBIT, *MABWISER)
ON_CHANGE = (
    Entry(FORGETTING, ours(Rule(HIGHEST, 0.5, 0.0), discount=0.998)),
    Entry(LINUCB, ours(Rule(HIGHEST, 0.5, 0.0))),
    Entry("VW SquareCB", vowpal_wabbit(f"{OF_ARMS} -l 2 --squarecb --gamma_scale 100"), FORGETTING),
    Entry("VW epsilon-greedy", vowpal_wabbit(EPSILON), FORGETTING),
    Entry("MABWiser LinUCB", mabwiser(LearningPolicy.LinUCB(alpha=0.5)), FORGETTING),
    Entry("MABWiser LinTS", mabwiser(LearningPolicy.LinTS(alpha=0.1)), FORGETTING),
)
ON_ONBOARDING = (
    Entry(LINUCB, ours(Rule(HIGHEST, 0.03, 0.0))),
    Entry(THOMPSON, ours(Rule(SAMPLED, 0.01, 0.0))),
    Entry("VW SquareCB", vowpal_wabbit(f"{OF_ARMS} -l 0.1 --squarecb --gamma_scale 1000"), LINUCB),
    Entry("MABWiser LinUCB", mabwiser(LearningPolicy.LinUCB(alpha=0.03)), LINUCB),
    Entry("MABWiser LinTS", mabwiser(LearningPolicy.LinTS(alpha=0.01)), THOMPSON),
)


class Played(NamedTuple):
    """One stream played: the `regret` of all its rounds, and seconds of processor time."""

    regret: float
    rounds: int
    deciding: float
    learning: float


Plays = Mapping[str, Sequence[Played]]  # of every entry, seed by seed


class Problem(NamedTuple):
    """Streams of one kind, and who plays them; `stream` makes one of so many rounds from a seed."""

    name: str
    stream: Callable[[int, int], Stream]
    entries: Sequence[Entry]
    batch: int


def linear(rounds: int, seed: int) -> Stream:
    """Contexts in all directions."""
    return linear_stream(rounds, ARMS, SIZE, seed, NOISE)


def changing(rounds: int, seed: int) -> Stream:
    """The same, where half way every arm takes over the weights of another."""
    return linear_stream(rounds, ARMS, SIZE, seed, NOISE, change_at=(rounds + BEFORE) // 2)


def onboarding(rounds: int, seed: int) -> Stream:
    """What a policy sees of users of `saas`, in no order; the rewards are made up, and linear in it."""
    rng, moments = np.random.default_rng(seed), some_moments(load_journey("saas"), load_population("mixed"), rounds)
    return stream_on(moments.observations[rng.permutation(rounds)], ARMS, rng, ONBOARDING_NOISE)


def play(contestant: Contestant, stream: Stream, batch: int, seed: int) -> Played:
    """Play a stream to its end."""
    n, deciding, learning = len(stream.contexts), 0.0, 0.0
    arms, before = np.zeros(n, np.int64), slice(0, BEFORE)
    arms[before] = np.random.default_rng(seed).integers(0, stream.means.shape[1], BEFORE)
    contestant.begin(before, arms[before], stream.rewards(before, arms[before]))
    for low in range(BEFORE, n, batch):
        now = slice(low, min(low + batch, n))
        began = time.process_time()
        arms[now] = chosen = contestant.decide(now)
        decided = time.process_time()
        rewards = stream.rewards(now, chosen)
        begins_to_learn = time.process_time()
        contestant.learn(now, chosen, rewards)
        deciding, learning = deciding + decided - began, learning + time.process_time() - begins_to_learn
    regret = stream.regret(arms)
    return Played(float(regret[-1] - regret[BEFORE - 1]), n - BEFORE, deciding, learning)


def play_all(problem: Problem, rounds: int, seeds: int) -> tuple[Plays, list[float]]:
    """Everybody on every seed, taking turns, after one short turn that does not count; and what the best arms earn."""
    plays: dict[str, list[Played]] = {entry.name: [] for entry in problem.entries}
    possible = list[float]()
    for seed in track(range(seeds + 1), description=f"{section_of(problem):<44}", transient=True):
        stream = problem.stream(BEFORE + (rounds if seed else problem.batch), seed)
        for entry in problem.entries:
            batch = ALONE if entry.online else problem.batch
            played = play(entry.make(stream, seed), stream, batch, seed)
            if seed:
                plays[entry.name].append(played)
        if seed:
            possible.append(float((stream.means.max(axis=1) + stream.noise)[BEFORE:].sum()))
    return plays, possible


def section_of(problem: Problem) -> str:
    """How the rows of a problem are headed."""
    return f"bandits, {problem.name}, batch {problem.batch:,}"


def earnings(problem: Problem, plays: Plays, possible: Sequence[float]) -> list[Row]:
    """Mean regret of everybody, and by how much ours earn more than theirs, with the 95% interval over seeds."""
    section = section_of(problem)
    rows = [mean_of(row_of(section, "the best arm, always", "reward", possible), possible)]
    regrets = {name: np.array([played.regret for played in of]) for name, of in plays.items()}
    for entry in problem.entries:
        regret = regrets[entry.name]
        row = mean_of(row_of(section, entry.name, "regret", list(regret)), regret)
        if entry.beside:
            more = paired_interval(regret, regrets[entry.beside])
            label = f"{entry.beside} earns {more.mean:+.1f} ({more.low:+.1f} to {more.high:+.1f}), at least 0"
            row = row._replace(target=label, met=more.high >= 0.0)
        rows.append(row)
    return rows


def mean_of(row: Row, values: Sequence[float] | np.ndarray) -> Row:
    """The row with a mean in place of the median: totals over few seeds."""
    return row._replace(unit=f"{row.unit} (mean)", median=float(np.mean(values)))


def speeds(problem: Problem, plays: Plays, part: str, seconds: Callable[[Played], float]) -> list[Row]:
    """Decisions per second of everybody; batched, a tenth of ours is what a peer is to reach at most."""
    section, rows = f"{section_of(problem)}, {part}", dict[str, Row]()
    for entry in problem.entries:
        rates = [played.rounds / seconds(played) for played in plays[entry.name]]
        row = row_of(section, entry.name, "decisions/s", rates)
        if entry.beside:
            reference = rows[entry.beside]
            row = beside(row, reference)
            if problem.batch > ALONE:
                row = against(row, reference.median / TIMES_THEIRS, "at most a tenth of ours", at_most=True)
        rows[entry.name] = row
    return list(rows.values())


def rows_of(problem: Problem, rounds: int, seeds: int, apart: bool) -> list[Row]:
    """Everything about one problem; where it is to be told `apart`, also of deciding and of learning alone."""
    plays, possible = play_all(problem, rounds, seeds)
    rows = earnings(problem, plays, possible)
    rows += speeds(problem, plays, "deciding and learning", lambda played: played.deciding + played.learning)
    if apart:
        rows += speeds(problem, plays, "deciding", lambda played: played.deciding)
        rows += speeds(problem, plays, "learning", lambda played: played.learning)
    return rows


def own_loop(rounds: int, samples: int) -> Row:
    """Vowpal Wabbit without Python: its own loop over a log that it has parsed and cached before, a thread reading.

    It predicts every round and learns from what was logged.
    """
    stream = linear(rounds, seed=1)
    with TemporaryDirectory() as folder:
        log, cache = Path(folder) / "log", Path(folder) / "cache"
        log.write_text(logged(stream))
        options = f"{VW_ADF} {SQUARECB} --data {log} --cache_file {cache}"
        rates = [rounds / seconds_of(partial(Workspace, options)) for _ in range(samples + 1)]  # the first one parses
    return row_of("bandits, linear, a cached log", "VW SquareCB, its own loop", "decisions/s", rates[1:])


def logged(stream: Stream) -> str:
    """The stream with arms drawn uniformly, in Vowpal Wabbit's format."""
    rounds, n_arms = stream.means.shape
    drawn = np.random.default_rng(1).integers(0, n_arms, rounds)
    arms, blocks = arm_lines(n_arms), list[str]()
    for context, arm, reward in zip(stream.contexts, drawn, stream.rewards(slice(None), drawn), strict=True):
        told = [f"0:{-reward:.6g}:{1.0 / n_arms} {line}" if k == arm else line for k, line in enumerate(arms)]
        blocks.append("\n".join([shared_line(context.tolist()), *told]))
    return "\n\n".join(blocks) + "\n\n"


def seconds_of(work: Callable[[], Workspace]) -> float:
    """Processor time of all threads."""
    began = time.process_time()
    work().finish()
    return time.process_time() - began


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    rounds = settings.bandit_rounds
    problems = (
        (Problem("linear", linear, ALL, ALONE), min(rounds, SHORTER), True),
        (Problem("linear", linear, ALL, USUAL), rounds, True),
        (Problem("linear", linear, ALL, LARGE), rounds, True),
        (Problem("change half way", changing, ON_CHANGE, USUAL), rounds, False),
        (Problem("moments of saas", onboarding, ON_ONBOARDING, USUAL), min(rounds, SHORT), False),
    )
    rows = [row for problem, length, apart in problems for row in rows_of(problem, length, settings.rounds, apart)]
    return [*rows, own_loop(rounds, settings.rounds)]
