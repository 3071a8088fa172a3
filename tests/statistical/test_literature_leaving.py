"""How many come to the end, against vendors' figures for tours and checklists and Jordan 2015 for online courses.

No source watched people set up a product step by step. Tours are unasked-for texts that are clicked away in seconds;
courses take weeks. The figures are moments to be near, not curves to be fitted.
"""

from __future__ import annotations

import pytest

from agents.mind import CASUAL, DISTRACTED, FRUSTRATED, OFF_GOAL, TIRED
from journeys.loading import load_journey
from journeys.spec import Journey, Skill
from journeys.state import COMPLETED
from personas.persona import load_population
from policies.expert_rules import expert_rules
from policies.fixed_path import fixed_path
from policies.protocol import Policy
from tests.statistical.crowds import Lives, chain, live

pytestmark = pytest.mark.slow

TOUR = {3: 0.72, 5: 0.34, 7: 0.16}  # Chameleon 2025, of those who begin; 4 steps are said to reach 74%
MOOC_MEDIAN = 0.126  # Jordan 2015, completed of those enrolled
CHECKLIST_MEDIAN = 0.101  # Userpilot 2024, over 188 products
UNKNOWN = Skill("new", prior=0.4, learn=0.3, slip=0.1, guess=0.2)  # as the steps of the shipped journeys are
FAMILIAR = Skill("old", prior=0.9, learn=0.3, slip=0.05, guess=0.3)


def launched(journey: Journey, policy: Policy, seed: int = 7) -> Lives:
    return live(journey, load_population("mixed"), policy, 3_000, seed)


def completed(lives: Lives, in_first_session: bool = False) -> float:
    users = lives.world.users
    through = users["ended"] == COMPLETED
    return float((through & (users["sessions"] == 1)).mean() if in_first_session else through.mean())


def test_set_ups_of_three_five_and_seven_steps_fall_off_as_tours_do() -> None:
    """Steps of three minutes, in the first session, for a tour has no second. Within 20 points: in the vendor's own
    figures 4 steps reach more than 3 and all tours together 61%, since they are of different tours, so that nobody's
    hazard is in them. Here every further step costs about a sixth of those who are left, which is a shallower fall."""
    set_ups = {n: chain(n, 3.0, UNKNOWN, kind="form") for n in TOUR}
    shares = {n: completed(launched(set_up, fixed_path()), in_first_session=True) for n, set_up in set_ups.items()}
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    for n, vendor in TOUR.items():
        assert shares[n] == pytest.approx(vendor, abs=0.20), n


def test_clicking_through_a_tour_is_not_what_is_simulated() -> None:
    """Said plainly: of steps of twenty seconds that teach nothing new, far more come to the end than of a vendor's
    tour. A simulated user has signed up to do this and does not mind reading; who closes a tour at sight is not in
    the model. Chosen: the set-up above. If this fails, the simulation has learned to tour, and the test above wants
    another look."""
    click_through = completed(launched(chain(7, 1.0 / 3.0, FAMILIAR), fixed_path()), in_first_session=True)
    assert click_through > TOUR[7] + 0.3


def test_a_course_is_completed_as_seldom_as_courses_are() -> None:
    """Jordan's median of 12.6% was chosen for `course`, the longest journey, on the fixed path: her courses offer
    everybody the same and help nobody in person. Within 6 points, about half of it: they range from 0.7 to 52.1%.
    Expert rules practise, help and remind, and so bring more to the end, though still far from most."""
    course = load_journey("course")
    alike, guided = (completed(launched(course, policy)) for policy in (fixed_path(), expert_rules()))
    assert alike == pytest.approx(MOOC_MEDIAN, abs=0.06)
    assert alike < guided < 0.4


@pytest.mark.parametrize("name", ["creator", "saas"])
def test_a_set_up_is_completed_more_often_than_a_checklist_and_less_than_a_short_tour(name: str) -> None:
    """Sources disagree seven-fold (10.1% of checklists, 72% of three-step tours), and the simulation is between
    them. A checklist counts everybody who ever saw it; a simulated user has at least begun."""
    for policy in (fixed_path(), expert_rules()):
        assert CHECKLIST_MEDIAN < completed(launched(load_journey(name), policy)) < TOUR[3]


def test_every_reason_for_leaving_occurs_and_frustration_is_not_the_usual_one() -> None:
    """No source counts them; that people stop for want of time more often than of patience is our expectation."""
    reasons = launched(load_journey("creator"), expert_rules()).world.minds["reason"]
    shares = {reason: (reasons == reason).mean() for reason in (CASUAL, TIRED, FRUSTRATED, DISTRACTED, OFF_GOAL)}
    assert min(shares.values()) > 0.005
    assert shares[FRUSTRATED] < 0.5
