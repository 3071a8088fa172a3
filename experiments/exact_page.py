"""docs/exact.md: the journeys that are solved exactly, and how close to the optimum everybody comes.

Run as `python -m experiments.exact_page`; a few minutes. `--policy PROBLEM=PATH` adds a trained policy.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from agents.learners import load_learner
from experiments.contestants import contestant
from experiments.exact_text import BOUNDS, HEAD
from experiments.markdown import table
from experiments.settings import HELD_OUT, SettingsError
from experiments.statistics import Interval, mean_interval, paired_interval
from journeys.loading import load_journey
from personas.persona import load_population
from policies.bundle_files import BundleError
from policies.families import baseline
from policies.protocol import Policy
from policies.training.exact.bound import upper_bound
from policies.training.exact.kinds import KINDS
from policies.training.exact.planners import Solved, planners, solved
from policies.training.exact.problem import EXACT, ExactProblem, exact_problem
from policies.training.exact.solver import value_at_birth
from policies.training.greedy_full import GreedyFull
from policies.training.rollout import Played, play

REFERENCE = "greedy"
BASELINES = ("rules", "fixed", "random")
USERS, SEED = 20_000, 0
LARGER, POPULATION, LEARNERS = ("creator", "saas", "course"), "mixed", ("bkt", "bkt_forgetting", "afm", "irt")


class Standing(NamedTuple):
    """A policy on an exact problem: its mean return, the paired difference to greedy, and the share of the gap
    from greedy to the oracle that it closes (of the same users, so that luck cancels).
    """

    policy: str
    level: Interval
    gain: Interval
    share: float
    completion: float


def standings(of: Solved, policies: Sequence[Policy] = (), users: int = USERS) -> list[Standing]:
    """Planners, baselines and `policies` on the same held-out users, the best first."""
    problem = of.problem
    everybody: list[Policy] = [*planners(of), GreedyFull(problem.journey, problem.learner), *policies]
    everybody += [baseline(name, problem.journey) for name in (REFERENCE, *BASELINES)]
    plays = {policy.name: played(of, policy, users) for policy in everybody}
    reference = plays[REFERENCE].returns
    gap = float((plays["oracle"].returns - reference).mean())
    found = [
        Standing(
            policy=name,
            level=mean_interval(result.returns),
            gain=paired_interval(result.returns, reference),
            share=float((result.returns - reference).mean()) / gap,
            completion=float(result.terms[:, 0].mean()),
        )
        for name, result in plays.items()
    ]
    return sorted(found, key=lambda standing: -standing.level.mean)


def played(of: Solved, policy: Policy, users: int) -> Played:
    """One policy on held-out users."""
    problem = of.problem
    return play(
        problem.journey, problem.population, policy, users, HELD_OUT + SEED, problem.weights, learner=problem.learner
    )


def exact_table(name: str, policies: Sequence[Policy] = (), users: int = USERS) -> str:
    """States, seconds, optimum and standings of one exact problem in Markdown; `policies` play along."""
    of = solved(exact_problem(name))
    optimum = value_at_birth(of.solution)
    states, seconds = of.solution.values.n_states, of.solution.seconds
    head = f"{states:,} states, solved in {seconds:.1f} s; the oracle's expected return is {optimum:.4f}.\n"
    rows = (tuple(cells(standing)) for standing in standings(of, policies, users))
    return f"{head}\n{table(('policy', 'return', 'against `greedy`', 'of the gap', 'complete'), rows)}\n"


def cells(standing: Standing) -> Iterator[str]:
    """One row of the table."""
    yield f"`{standing.policy}`"
    yield f"{standing.level.mean:.3f} ± {standing.level.half_width:.3f}"
    yield "" if standing.policy == REFERENCE else f"{standing.gain.mean:+.3f} ± {standing.gain.half_width:.3f}"
    yield f"{100 * standing.share:.0f}%"
    yield f"{100 * standing.completion:.0f}%"


def bound_of(problem: ExactProblem, users: int) -> float:
    """Mean upper bound over the users that are played."""
    return float(upper_bound(problem.journey, problem.population, users, HELD_OUT + SEED, problem.weights).mean())


def bounds_table(users: int) -> str:
    """Upper bounds on the larger journeys, beside what greedy returns on the same users, in Markdown."""
    rows: list[tuple[str, ...]] = []
    population = load_population(POPULATION)
    for name in LARGER:
        journey, policy = load_journey(name), baseline(REFERENCE, load_journey(name))
        for learner_name in LEARNERS:
            learner, seed = load_learner(learner_name), HELD_OUT + SEED
            bound = upper_bound(journey, population, users, seed, learner=learner).mean()
            reached = play(journey, population, policy, users, seed, learner=learner).returns.mean()
            rows.append((f"`{name}`", f"`{learner_name}`", f"{bound:.2f}", f"{reached:.2f}"))
    return table(("journey", "learner", "upper bound", f"`{REFERENCE}`"), rows) + "\n"


def kinds_table() -> str:
    """The calm kinds in Markdown."""
    traits = next(iter(KINDS.values()))._fields
    rows = ((f"`{name}`", *(f"{value:g}" for value in kind)) for name, kind in KINDS.items())
    return table(("kind", *traits), rows) + "\n"


def page(policies: Mapping[str, Sequence[Policy]], users: int) -> str:
    """The whole page; `policies` by problem."""
    text = HEAD.format(users=users, seed=SEED, kinds=kinds_table())
    tables = (f"### `{name}`\n\n{exact_table(name, policies.get(name, ()), users)}" for name in EXACT)
    small = {name: bound_of(exact_problem(name), users) for name in EXACT}
    bounds = BOUNDS.format(population=POPULATION, bounds=bounds_table(users), **small)
    return "\n".join((text, *tables, bounds))


def trained(items: Sequence[str]) -> dict[str, list[Policy]]:
    """`PROBLEM=PATH` items as policies by problem. Raises `SettingsError` or `KeyError`."""
    found: dict[str, list[Policy]] = {}
    for item in items:
        name, _, path = item.partition("=")
        found.setdefault(name, []).append(contestant(path, exact_problem(name).journey))
    return found


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Solve the exact problems, play everybody, write docs/exact.md.")
    parser.add_argument(
        "--policy", action="append", default=[], metavar="PROBLEM=PATH", help="a run or bundle of any journey, too"
    )
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--out", type=Path, default=Path("docs/exact.md"))
    options = parser.parse_args()
    try:
        policies = trained(options.policy)
    except (SettingsError, BundleError, KeyError) as error:
        parser.error(f"--policy: {error}")
    options.out.write_text(page(policies, options.users), encoding="utf-8")


if __name__ == "__main__":
    main()
