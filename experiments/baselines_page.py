"""docs/baselines.md: what the baselines reach on every shipped journey, measured.

Run as `python -m experiments.baselines_page`; some minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from agents.learners import journey_under, load_learner
from envs.reward import RewardWeights
from experiments.comparison import Comparison, compare_evaluations
from experiments.evaluation import evaluate
from experiments.markdown import table
from experiments.settings import Problem
from journeys.loading import load_journey, shipped
from personas.persona import load_population
from policies.families import baseline

REFERENCE = "greedy"
OTHERS = ("rules", "zpdes", "fixed", "random")
LEARNERS = ("bkt", "bkt_forgetting", "afm", "irt")
POPULATION, SEED, USERS = "mixed", 0, 4_000
COLUMNS = ("journey", "learner", *(f"`{policy}`" for policy in (REFERENCE, *OTHERS)))

HEAD = """# What the baselines reach

*Written by `python -m experiments.baselines_page`; measured, so it changes with the simulated users.*

{users:,} held-out users of the population `{population}`, evaluation seed {seed}: the same people with the same luck
under every policy, default reward weights. `greedy`: mean return. The others: paired difference of return to `greedy`.
± is half of a 95% interval by Student's t over users; it says nothing of other journeys or other people.
`handrail compare journey=NAME learner=NAME users={users}` gives the same comparison with every measure and by persona.
What each policy does is told in [decision-problem.md](decision-problem.md), the rules in [rules.md](rules.md).
"""


def compared(journey: str, learner_name: str, users: int) -> Comparison:
    """The baselines on one journey and learner model."""
    learner = load_learner(learner_name)
    problem = Problem(
        journey_under(load_journey(journey), learner), load_population(POPULATION), RewardWeights(), learner
    )
    policies = [baseline(name, problem.journey) for name in (REFERENCE, *OTHERS)]
    evaluations = [evaluate(problem, policy, users, SEED) for policy in policies]
    return compare_evaluations(evaluations, [REFERENCE], problem.population.personas)


def returns(comparison: Comparison) -> Iterator[str]:
    """The cells of the table of returns."""
    level = comparison.level(REFERENCE, "return").interval
    yield f"{level.mean:.2f} ± {level.half_width:.2f}"
    for policy in OTHERS:
        difference = comparison.difference(policy, REFERENCE, "return").interval
        yield f"{difference.mean:+.2f} ± {difference.half_width:.2f}"


def shares(comparison: Comparison) -> Iterator[str]:
    """The cells of the table of completion and skill, in percent."""
    for policy in (REFERENCE, *OTHERS):
        completion, skill = (comparison.level(policy, measure).mean for measure in ("completion", "skill"))
        yield f"{100 * completion:.0f} / {100 * skill:.0f}"


def page(users: int) -> str:
    """The whole page."""
    gains, levels = [], []
    for journey in shipped():
        for learner in LEARNERS:
            comparison = compared(journey, learner, users)
            gains.append((f"`{journey}`", f"`{learner}`", *returns(comparison)))
            levels.append((f"`{journey}`", f"`{learner}`", *shares(comparison)))
    head = HEAD.format(users=users, population=POPULATION, seed=SEED)
    shown = "Share of users who completed the journey / share of its skills mastered at the end, in percent."
    first, second = table(COLUMNS, gains), table(COLUMNS, levels)
    return f"{head}\n## Return\n\n{first}\n\n## Completion and skill\n\n{shown}\n\n{second}\n"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Measure the baselines and write docs/baselines.md.")
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--out", type=Path, default=Path("docs/baselines.md"))
    options = parser.parse_args()
    options.out.write_text(page(options.users), encoding="utf-8")


if __name__ == "__main__":
    main()
