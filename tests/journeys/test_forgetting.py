"""The forgetting curve and the updates of stability: FSRS-6 as published, and what must hold of any memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fsrs import Card, Rating, Scheduler
from hypothesis import given
from hypothesis import strategies as st

from journeys.forgetting import (
    DAY_MS,
    DIFFICULTY,
    LEAST_STABILITY,
    MOST_STABILITY,
    RECALL_AT_STABILITY,
    first_stability,
    next_stability,
    recall,
)

THEIRS = Scheduler(enable_fuzzing=False)  # the default parameters of FSRS-6
START = datetime(2026, 1, 1, tzinfo=UTC)
RATING = {True: Rating.Good, False: Rating.Again}
stabilities = st.floats(0.05, 10_000.0)
recalls = st.floats(0.02, 1.0)
days = st.floats(0.0, 3650.0)


def reviewed(success: bool) -> Card:
    """Their card after a first review."""
    return THEIRS.review_card(Card(due=START), RATING[success], START)[0]


@given(stabilities, st.integers(0, 3650))
def test_the_curve_is_that_of_fsrs_6(stability: float, whole_days: int) -> None:
    """Theirs counts whole days."""
    card = Card(stability=stability, difficulty=DIFFICULTY, last_review=START)
    theirs = THEIRS.get_card_retrievability(card, START + timedelta(days=whole_days))
    assert recall(whole_days * DAY_MS, stability) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("success", [True, False])
def test_the_first_stability_is_that_of_fsrs_6(success: bool) -> None:
    assert first_stability(success) == reviewed(success).stability


def test_the_difficulty_is_what_fsrs_6_begins_with() -> None:
    assert pytest.approx(reviewed(True).difficulty, rel=1e-12) == DIFFICULTY


@given(stabilities, recalls, st.booleans())
def test_a_review_changes_stability_as_fsrs_6_does_at_initial_difficulty(
    stability: float, retained: float, success: bool
) -> None:
    theirs = THEIRS._next_stability(
        difficulty=DIFFICULTY, stability=stability, retrievability=retained, rating=RATING[success]
    )
    assert next_stability(stability, retained, success) == pytest.approx(min(MOST_STABILITY, theirs), rel=1e-12)


def test_a_whole_history_of_daily_reviews_is_scheduled_as_fsrs_6_does_until_difficulty_moves() -> None:
    """Good after three days: their difficulty has not moved before the second review, so the stability is the same."""
    then = START + timedelta(days=3)
    card = THEIRS.review_card(reviewed(True), Rating.Good, then)[0]
    first = first_stability(True)
    assert next_stability(first, recall(3 * DAY_MS, first), True) == pytest.approx(card.stability, rel=1e-12)


@given(stabilities)
def test_stability_is_the_time_to_nine_tenths(stability: float) -> None:
    assert recall(stability * DAY_MS, stability) == pytest.approx(RECALL_AT_STABILITY, rel=1e-12)
    assert recall(0.0, stability) == 1.0
    assert recall(-DAY_MS, stability) == 1.0  # a clock that went back forgets nothing


@given(stabilities, days, days)
def test_recall_falls_with_time_and_never_to_nothing(stability: float, one: float, other: float) -> None:
    sooner, later = sorted((one, other))
    assert 0.0 < recall(later * DAY_MS, stability) <= recall(sooner * DAY_MS, stability) <= 1.0


@given(stabilities, stabilities, days)
def test_the_more_stable_is_recalled_better(one: float, other: float, after: float) -> None:
    less, more = sorted((one, other))
    assert recall(after * DAY_MS, less) <= recall(after * DAY_MS, more)


@given(stabilities, recalls)
def test_a_recall_strengthens_and_a_lapse_weakens(stability: float, retained: float) -> None:
    after_recall, after_lapse = (next_stability(stability, retained, success) for success in (True, False))
    assert LEAST_STABILITY <= after_lapse <= stability <= after_recall <= MOST_STABILITY


@given(stabilities, recalls, recalls)
def test_a_harder_recall_strengthens_more(stability: float, one: float, other: float) -> None:
    """The spacing effect: what was nearly forgotten gains most by being recalled."""
    harder, easier = sorted((one, other))
    assert next_stability(stability, harder, True) >= next_stability(stability, easier, True)


@given(st.floats(LEAST_STABILITY, MOST_STABILITY), recalls, st.booleans())
def test_stability_stays_within_its_bounds(stability: float, retained: float, success: bool) -> None:
    assert LEAST_STABILITY <= next_stability(stability, retained, success) <= MOST_STABILITY
