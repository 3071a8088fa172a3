"""Who sees whom: the graphs, and the mean that is seen through them."""

from __future__ import annotations

import numpy as np
import pytest

from agents.cohort import Cohort
from agents.mind import MIND
from agents.peers import NO_PEERS, Peers, peers_of, see_peers
from tests.agents.cohorts import setting_of

USERS = 103


def seen_by(peers: Peers, user: int) -> list[int]:
    return peers.members[peers.starts[user] : peers.starts[user + 1]].tolist()


def test_groups_are_mutual_and_everybody_is_in_one() -> None:
    peers = peers_of("groups", USERS, 8, seed=3)
    groups = {frozenset([user, *seen_by(peers, user)]) for user in range(USERS)}
    assert sorted(len(group) for group in groups) == [7, *[8] * 12]
    assert sorted(user for group in groups for user in group) == list(range(USERS))
    assert not any(user in seen_by(peers, user) for user in range(USERS))


def test_in_a_graph_everyone_sees_k_different_others() -> None:
    peers = peers_of("graph", USERS, 8, seed=3)
    for user in range(USERS):
        others = seen_by(peers, user)
        assert len(set(others) - {user}) == 8 == len(others)
        assert all(0 <= other < USERS for other in others)


def test_in_a_graph_everyone_is_seen_about_as_often() -> None:
    """Degrees from outside are binomial: mean k, variance k (1 - k / (n - 1))."""
    n, k = 4_000, 8
    degrees = np.bincount(peers_of("graph", n, k, seed=1).members, minlength=n)
    assert degrees.mean() == k
    assert degrees.var() == pytest.approx(k * (1 - k / (n - 1)), rel=0.1)


def test_everyone_but_oneself_can_be_seen() -> None:
    peers = peers_of("graph", 5, 4, seed=0)
    assert [sorted([user, *seen_by(peers, user)]) for user in range(5)] == [list(range(5))] * 5


@pytest.mark.parametrize("influence", ["groups", "graph"])
def test_peers_depend_on_the_seed_alone(influence: str) -> None:
    one, same, other = (peers_of(influence, USERS, 8, seed) for seed in (3, 3, 4))
    assert (one.members == same.members).all()
    assert (one.members != other.members).any()


def test_what_is_seen_is_the_mean_of_the_peers() -> None:
    progress = np.random.default_rng(0).random(USERS)
    for influence in ("groups", "graph"):
        peers, minds = peers_of(influence, USERS, 8, seed=3), np.zeros(USERS, MIND).view(np.recarray)
        see_peers(peers, progress, minds)
        expected = [progress[seen_by(peers, user)].mean() for user in range(USERS)]
        np.testing.assert_allclose(minds["peers"], expected, rtol=1e-12)


def test_nobody_is_seen_without_influence_and_in_a_group_of_what_is_left_over() -> None:
    minds = np.zeros(9, MIND).view(np.recarray)
    see_peers(peers_of("nobody", 9, 8, seed=0), np.ones(9), minds)
    assert (minds["peers"] == NO_PEERS).all()
    peers = peers_of("groups", 9, 8, seed=0)
    see_peers(peers, np.ones(9), minds)
    assert sorted(minds["peers"].tolist()) == [NO_PEERS, *[1.0] * 8]


def test_a_cohort_sees_the_progress_of_the_tick_before() -> None:
    cohort = Cohort(setting_of(), USERS, influence="groups", seed=2)
    for _ in range(40):
        before = [member.progress for member in cohort.agents]
        cohort.step()
        for member in cohort.agents:
            assert member.seen == pytest.approx(np.mean([before[row] for row in member.peers]))
    assert max(before) > 0.5


@pytest.mark.parametrize(
    ("influence", "k", "said"),
    [("groups", 1, "groups of 2"), ("graph", 0, "1 to 9"), ("graph", 10, "1 to 9"), ("everybody", 3, "use nobody")],
)
def test_peers_that_cannot_be_are_refused(influence: str, k: int, said: str) -> None:
    with pytest.raises(ValueError, match=f"Mend: .*{said}"):
        peers_of(influence, 10, k, seed=0)
