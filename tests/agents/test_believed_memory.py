"""The fold's memory is the users' own, to the bit that chance allows, where nothing stands between them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from agents.learners import load_learner
from journeys.spec import Journey
from policies.random_legal import RandomLegal
from policies.training.rollout import rounds
from tests.journeys.studio import STUDIO
from tests.personas.typical import everybody

USERS = 200
NOBODY = 1e-9  # of whom nobody knows a thing at sign-up


def unknown(journey: Journey) -> Journey:
    """The journey to people who are new to everything, as the fold is told too."""
    skills = tuple(msgspec.structs.replace(skill, prior=NOBODY) for skill in journey.skills)
    return msgspec.structs.replace(journey, skills=skills)


@pytest.mark.parametrize("name", ["bkt_forgetting", "afm_forgetting", "irt_forgetting"])
def test_stabilities_are_the_hidden_ones_where_nothing_was_known_before(name: str) -> None:
    """The fold mixes in what those who knew already remember: nobody does here, so that what is left is the same.

    It is the memory of the typical learner: at a `memory` of 2 the stabilities differ as soon as recall does.
    """
    reviews = 0
    for moment in rounds(unknown(STUDIO), everybody(), RandomLegal(), USERS, 4, learner=load_learner(name)):
        skills, memories = moment.world.skills[moment.rows], moment.world.memories[moment.rows]
        tried = skills["stability"] > 0.0
        np.testing.assert_array_equal(tried, memories["stability"] > 0.0)
        for field in ("stability", "retained"):
            np.testing.assert_allclose(skills[field][tried], memories[field][tried], rtol=1e-5)
        np.testing.assert_array_equal(skills["practised"][tried], memories["time"][tried])
        reviews += int((moment.world.users["sessions"][moment.rows] > 1).sum())
    assert reviews > USERS


def test_a_better_memory_than_the_typical_is_not_seen() -> None:
    """The same people remembering twice as long: what the fold takes their memory for is off by just that."""
    people, better = everybody(memory=2.0), []
    for moment in rounds(unknown(STUDIO), people, RandomLegal(), USERS, 4, learner=load_learner("bkt_forgetting")):
        believed, true = moment.world.skills[moment.rows], moment.world.memories[moment.rows]
        faded = (believed["stability"] > 0.0) & (believed["retained"] < 0.99)
        better.append((true["retained"] > believed["retained"])[faded])
    assert len(np.concatenate(better)) > 100
    assert np.concatenate(better).mean() > 0.9
