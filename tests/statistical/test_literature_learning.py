"""Learning curves of synthetic users against Koedinger et al. 2023 (PNAS, 10.1073/pnas.2221311120), and wheel-spinning.

Their 27 data sets count *items* of half a minute or less, a journey counts *steps* of some minutes. Curves are
therefore measured on a step made as large as one item; a test of its own converts the shipped journeys' steps into
items.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.learner import compile_learner
from agents.learners import load_learner
from agents.timing import ATTEMPT_SHARE
from journeys.actions import FULL, GUIDANCE, HINT
from journeys.events import FAIL, SUCCEED
from journeys.loading import load_journey, shipped
from journeys.plan import MINUTE_S
from journeys.spec import Journey, Skill
from personas.persona import load_population
from policies.fixed_path import fixed_path
from policies.training.exact.problem import EXACT
from tests.statistical.crowds import Crowd, chain, live, only

pytestmark = pytest.mark.slow

FIRST_TRY, GAIN = 0.65, 0.1  # P(success) of the first try; log-odds per item: both Koedinger et al. 2023
SLIP, GUESS = 0.1, 0.2  # Corbett and Anderson's customary bounds; they cancel out of the additive model
TRIES = 12
ITEM_S = 30.0  # seconds of one item: EdNet's people take about half a minute for one
MODELS = ("afm", "bkt", "irt")
LIFELIKE = [name for name in shipped() if name not in EXACT]  # the others are made to be solved, and not calibrated


def log_odds(p: float) -> float:
    return math.log(p / (1.0 - p))


def knowing(success: float) -> float:
    """P(knowing) at which an attempt succeeds with probability `success`."""
    return (success - GUESS) / (1.0 - SLIP - GUESS)


def item() -> Journey:
    """One step that is as large as one item of theirs."""
    prior = knowing(FIRST_TRY)
    after = knowing(1.0 / (1.0 + math.exp(-log_odds(FIRST_TRY) - GAIN)))
    return chain(1, 0.5, Skill("item", prior=prior, learn=(after - prior) / (1.0 - prior), slip=SLIP, guess=GUESS))


def newcomers(model: str, **mind: float) -> Crowd:
    return Crowd(item(), only("newcomer"), 20_000, model, **mind)


@pytest.mark.parametrize("model", MODELS)
def test_first_tries_succeed_in_65_per_cent_and_55_and_75_by_half(model: str) -> None:
    """Within 4 points: the abstract rounds to 5. It says halves; a press report speaks of quarters, which would ask
    for a wider spread of prior knowledge (0.67 logits in place of 0.5). The abstract was chosen. Binary and
    continuous ability put luck and other abilities between what people brought and who succeeds, so that halves by
    that trait lie closer there: within 7.5 points, and in this order."""
    crowd = newcomers(model)
    first = crowd.practise(1)[:, 0]
    upper = crowd.traits["prior_odds"] > np.median(crowd.traits["prior_odds"])
    assert first.mean() == pytest.approx(0.65, abs=0.04)
    slack = 0.04 if model == "afm" else 0.075
    assert first[~upper].mean() == pytest.approx(0.55, abs=slack)
    assert first[upper].mean() == pytest.approx(0.75, abs=slack)
    assert first[upper].mean() > first[~upper].mean() + 0.08


@pytest.mark.parametrize("model", MODELS)
def test_each_item_adds_a_tenth_of_log_odds(model: str) -> None:
    """Over the first seven items, where binary mastery has not yet saturated; within 0.03, the rounding of 0.1 and
    what averaging over people takes away from everybody's own curve."""
    curve = newcomers(model).practise(8).mean(axis=0)
    assert (log_odds(curve[-1]) - log_odds(curve[0])) / 7 == pytest.approx(GAIN, abs=0.03)


def test_about_seven_items_lead_to_80_per_cent() -> None:
    """The typical learner, as theirs is: the middle fifth by prior knowledge and by rate. Within two items of seven."""
    crowd = newcomers("afm")
    typical = middle_fifth(crowd.traits["prior_odds"]) & middle_fifth(crowd.traits["learn_odds"])
    curve = crowd.practise(TRIES)[typical].mean(axis=0)
    smooth = np.polynomial.Polynomial.fit(np.arange(TRIES), curve, 2)
    reached = next(n for n in np.arange(0.0, TRIES, 0.1) if smooth(n) >= 0.8)
    assert reached == pytest.approx(7.0, abs=2.0)


def middle_fifth(values: np.ndarray) -> np.ndarray:
    low, high = np.quantile(values, [0.4, 0.6])
    return (values > low) & (values < high)


def test_rates_spread_less_than_first_knowledge_but_not_as_little_as_first_reported() -> None:
    """Koedinger et al. found hardly any spread of rates; refits of their data (arXiv 2605.01690) find it about twice
    to several times as wide, by which observations are counted. Chosen: the refits' direction, with the original's
    order. A newcomer's outer quarters differ in rate by a factor between 1.3 and 2 (our reading of "not none, not
    wide"), and over seven items that still moves success less than first knowledge does."""
    rates, base = (np.log(newcomers("afm").traits[trait]) for trait in ("learn_odds", "prior_odds"))
    low, high = np.quantile(np.exp(rates), [0.25, 0.75])
    assert 1.3 < high / low < 2.0
    after_seven = 7 * GAIN * np.exp(rates)
    assert 0.2 < after_seven.std() / base.std() < 0.8


@pytest.mark.parametrize("model", MODELS)
def test_some_spin_their_wheels_and_help_lets_them_go(model: str) -> None:
    """Beck and Gong 2013: no three right in a row within ten tries; in two tutors "a substantial number" of pairs of
    student and skill, without a figure that could be checked here. 5 to 40% is taken as plausible for learners left
    alone."""
    spinning = [spins(newcomers(model, taken=rung).practise(10)) for rung in (0, HINT, GUIDANCE, FULL)]
    assert 0.05 < spinning[0] < 0.4
    assert spinning == sorted(spinning, reverse=True)
    assert spinning[-1] < 0.1 * spinning[0]


def spins(success: np.ndarray) -> float:
    """Share of rows `(n, 10)` without three successes in a row."""
    three = success[:, :-2] & success[:, 1:-1] & success[:, 2:]
    return float(1.0 - three.any(axis=1).mean())


@pytest.mark.parametrize("name", LIFELIKE)
def test_steps_of_shipped_journeys_teach_as_much_as_the_items_they_hold(name: str) -> None:
    """Conversion: an attempt takes `ATTEMPT_SHARE` of the step's minutes, an item half a minute, and a step's items
    are divided among the skills that it exercises. Median gain per item: a tenth, within a factor of three, because
    what an item is varies as much: people take some 7 seconds for one of Memphis' and half a minute for one of
    EdNet's."""
    journey = load_journey(name)
    gain = dict(zip((s.name for s in journey.skills), compile_learner(journey, load_learner("afm")).gain, strict=True))
    per_item = [
        gain[skill] * len({*step.needs, *step.teaches}) / (ATTEMPT_SHARE * MINUTE_S * step.minutes / ITEM_S)
        for step in journey.steps
        for skill in step.teaches
        if step.kind != "video"
    ]
    assert GAIN / 3.0 < np.median(per_item) < GAIN * 3.0


@pytest.mark.parametrize("name", LIFELIKE)
def test_two_thirds_of_first_attempts_at_steps_succeed(name: str) -> None:
    """65%, on the fixed path, by the population of an ordinary launch, with help as they ask for it. Within 8
    points: the sources' own data sets differ by more."""
    journey = load_journey(name)
    tries = live(journey, load_population("mixed"), fixed_path(), 3_000, 7).of(SUCCEED, FAIL)
    tries = tries[[journey.steps[s].kind != "video" for s in tries["step"]]]
    _, first = np.unique(tries["user"] * len(journey.steps) + tries["step"], return_index=True)
    assert (tries["kind"][first] == SUCCEED).mean() == pytest.approx(FIRST_TRY, abs=0.08)
