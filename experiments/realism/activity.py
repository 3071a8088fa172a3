"""Day-1 and day-7 return and the heavy tail of activity, against Cookie Cats (44,700 players of a mobile game).

The data set says "the player came back and played one day (seven days) after installing". Read here, and computed on
the simulated side, as: at least one sign of life between 24 and 48 hours (168 and 192 hours) after sign-up, the classic
"day N" retention, with days counted from each user's own sign-up and not by the calendar, which the data lacks.
The `away` events of the timer and the decisions of the policy are no signs of life.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.realism.samples import Measure, Sample, gini, mean, tail_ratio
from experiments.realism.tables import read_columns
from experiments.realism.visits import DAY_MS, attempts, in_order, own
from journeys.events import SIGNUP, SUCCEED

FILE = "cookie_cats_onboarding_gate/gate_30.parquet"
FIRST_DAYS = 14  # the span of `sum_gamerounds`


class Activity(NamedTuple):
    """Samples of one side, a value per user: who was there on day 1 and 7, and rounds (attempts) in the first 14 days.

    `unfinished_*`: the same without users who were through with the onboarding by then (their log ends with a success
    before that day). A game has no end, so its players are all unfinished. `active` is over the median of who had any.
    """

    day_1: Sample
    day_7: Sample
    unfinished_1: Sample
    unfinished_7: Sample
    none: Sample
    active: Sample
    inequality: Sample
    far: Sample


MEASURES = (
    Measure(
        "day_1", "Back on day 1", "share of users", "share", "different",
        "Return is settled each time a user leaves, by `return_chance` and motivation, and spread over "
        "hours and days, so that only part of it falls on this very day; much of what does is answers to "
        "the push that expert rules send after 24 hours. Players of a game come back out of habit.",
        mean,
    ),
    Measure(
        "day_7", "Back on day 7", "share of users", "share", "different",
        "A week after sign-up a simulated user is through, or has stayed away and been missed by both "
        "messages that expert rules send (they fall silent after the second check). Day-7 return of a "
        "game is a habit; no such habit is modelled. This world describes an onboarding, and must not be "
        "read as a model of a product in daily use.",
        mean,
    ),
    Measure(
        "unfinished_1", "Back on day 1, of those not through by then", "share of users", "share", "different",
        "Leaving out those who are through changes little: few finish within a day. The difference is not "
        "that simulated users are done, but that they stay away.",
        mean,
    ),
    Measure(
        "unfinished_7", "Back on day 7, of those not through by then", "share of users", "share", "different",
        "The same a week later. What is missing is the person who drops in every few days without "
        "finishing.",
        mean,
    ),
    Measure(
        "none", "Nothing played or tried in 14 days", "share of users", "share", "comparable",
        "The first step of `course` is a required video of five minutes, and every eighth user leaves for good "
        "before anything could be tried. A game begins with playing: of its players, every 23rd never "
        "finished a round.",
        mean,
    ),
    Measure(
        "active", "Rounds or attempts over the median of the active", "ratio", "times", "different",
        "A journey has a fixed number of steps, so nobody can do more than a few times what the median "
        "user does; players of a game can, and the top hundredth does 28 times as much and more. (One "
        "player with 49,854 rounds is in the data and was kept.) Heavy-tailed activity is out of reach of "
        "any trait here: it needs an activity without an end.",
        tail=True,
    ),
    Measure(
        "inequality", "Gini coefficient of rounds or attempts", "0 to 100%", "share", "different",
        "Much of the simulated coefficient is the many who never try anything. Among those who do, work "
        "is spread evenly (about 34%, the players 70%), as where everybody walks the same path.",
        gini,
    ),
    Measure(
        "far", "99th percentile over median, of the active", "ratio", "factor", "different",
        "The end of the path, again: the most active simulated user is one who failed a little more "
        "often.",
        tail_ratio,
    ),
)  # fmt: skip


def real(path: str | Path) -> Activity:
    """The players; `path` is the Parquet file. Raises `DataError`."""
    columns = {"userid": "number", "sum_gamerounds": "number", "retention_1": "truth", "retention_7": "truth"}
    frame = read_columns(path, columns)  # type: ignore[arg-type]
    people = frame["userid"].to_numpy()
    day_1, day_7 = (Sample(frame[name].to_numpy().astype(float), people) for name in ("retention_1", "retention_7"))
    return activity_of(day_1, day_7, day_1, day_7, Sample(frame["sum_gamerounds"].to_numpy().astype(float), people))


def simulated(log: np.ndarray) -> Activity:
    """Users in a log of EVENT records. Who has no signup in it is left out."""
    ordered = in_order(own(log))
    births = ordered[ordered["kind"] == SIGNUP]
    users, signed_up = births["user"], births["time"]
    through = through_at(ordered, users)
    day_1, day_7 = (Sample(back_on(ordered, users, signed_up, day), users) for day in (1, 7))
    still_1, still_7 = (through >= signed_up + day * DAY_MS for day in (1, 7))
    rounds = np.zeros(len(users))
    tried = attempts(log)
    at = np.searchsorted(users, tried["user"])
    np.add.at(rounds, at, tried["time"] - signed_up[at] < FIRST_DAYS * DAY_MS)
    return activity_of(day_1, day_7, among(day_1, still_1), among(day_7, still_7), Sample(rounds, users))


def activity_of(day_1: Sample, day_7: Sample, unfinished_1: Sample, unfinished_7: Sample, rounds: Sample) -> Activity:
    """All samples, from presence by day and `rounds` per user."""
    some = rounds.values > 0.0
    active = Sample(rounds.values[some] / np.median(rounds.values[some]), rounds.people[some])
    none = Sample((~some).astype(float), rounds.people)
    return Activity(day_1, day_7, unfinished_1, unfinished_7, none, active, rounds, active)


def among(sample: Sample, kept: np.ndarray) -> Sample:
    """The part of a sample whose values are `kept` `(n,)`."""
    return Sample(sample.values[kept], sample.people[kept])


def back_on(ordered: np.ndarray, users: np.ndarray, signed_up: np.ndarray, day: int) -> np.ndarray:
    """1.0 `(n,)` where a user shows a sign of life in the 24 hours that begin `day` days after sign-up."""
    at = np.searchsorted(users, ordered["user"])
    elapsed = ordered["time"] - signed_up[at]
    back = np.zeros(len(users))
    back[at[(elapsed >= day * DAY_MS) & (elapsed < (day + 1) * DAY_MS)]] = 1.0
    return back


def through_at(ordered: np.ndarray, users: np.ndarray) -> np.ndarray:
    """When each user was through, ms `(n,)`: the end of a log that ends with a success; far in the future otherwise."""
    last = ordered[np.searchsorted(ordered["user"], users, side="right") - 1]
    return np.where(last["kind"] == SUCCEED, last["time"], np.iinfo(np.int64).max)
