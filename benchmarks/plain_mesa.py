"""A cohort as one would first write it in Mesa: every user a Python object whose `step` draws what happens.

What a user does is of the same kind and number as in the cohort that it stands beside: sign up within the first day,
begin steps, attempt them with more success after practice, fail, hesitate, ask, be offered help after two failures and
take or refuse it, give up, leave, come back hours later with a look at the progress of seven peers, or be lost. An
event costs what it has to: two or three uniform draws, a log-normal duration, an update of frustration.

It is spared much that the cohort does: there is no event record, no fold, no belief about skills, no observation, no
mask and no policy, only counters; so what it is slower by is not owed to doing more. The chances are set so that a
cohort of the same size has about as many events in the same hours, and rates are compared per event.
"""

from __future__ import annotations

import math

import mesa
from mesa.datacollection import DataCollector

from journeys.events import KINDS

STEPS = 12  # the saas journey has 14, of which 10 are required
DAY = 24.0  # hours; all times here are hours
GROUP = 8
MINUTE = 1.0 / 60.0
LOST = math.inf


class PlainUser(mesa.Agent):
    """One user: the state is attributes, and an event is a few lines of Python."""

    model: PlainCohort

    def __init__(self, model: PlainCohort, group: int) -> None:
        super().__init__(model)
        draw = model.random
        self.group = group
        self.next_time = DAY * draw.random()
        self.skill = draw.random()
        self.motivation = 0.3 + 0.6 * draw.random()
        self.patience = draw.lognormvariate(1.2, 0.4)
        self.session_ends = self.next_time
        self.frustration, self.done, self.fails = 0.0, 0, 0
        self.working, self.asked, self.over = False, False, False
        self.present = False

    def step(self) -> None:
        """Live to the end of the tick."""
        end = self.model.end
        while self.next_time < end and not self.over:
            self.live()

    def live(self) -> None:
        """The next event."""
        if not self.present:
            self.enter()
        elif not self.working:
            self.begin()
        else:
            self.work()

    def count(self, kind: str) -> None:
        """Note an event of this kind."""
        self.model.counts[kind] += 1

    def spend(self, minutes: float) -> None:
        """Let active time pass."""
        self.next_time += minutes * MINUTE * self.model.random.lognormvariate(0.0, 0.45)

    def enter(self) -> None:
        """Begin a session, with a look at the others of the group."""
        self.count("enter")
        seen = self.model.seen[self.group]
        self.motivation = min(1.0, self.motivation + 0.05 * max(0.0, seen - self.done / STEPS))
        self.present = True
        self.session_ends = self.next_time + 25.0 * MINUTE * self.model.random.lognormvariate(0.0, 0.4)
        self.frustration *= 0.5

    def begin(self) -> None:
        """Begin the next step, or leave."""
        self.spend(0.1)
        if self.leaves(1.5):
            return
        self.count("start")
        self.working, self.fails = True, 0

    def leaves(self, weight: float) -> bool:
        """End the session: come back after hours, or never."""
        draw = self.model.random
        hazard = 0.02 + 0.14 * self.frustration**2 * (1.0 - self.motivation)
        hazard += 0.3 if self.next_time > self.session_ends else 0.0
        if draw.random() >= weight * hazard:
            return False
        self.count("leave")
        self.present = False
        self.next_time += draw.lognormvariate(math.log(12.0), 1.2) if draw.random() < 0.85 else LOST
        return True

    def work(self) -> None:
        """Inside a step: attempt, hesitate, ask, give up or leave."""
        if self.leaves(1.0):
            return
        draw, u = self.model.random, self.model.random.random()
        give_up = 0.35 * self.frustration**3
        ask = 0.0 if self.asked else 0.25 * (0.12 + 0.88 * self.frustration)
        self.asked = False
        if u < give_up:
            self.spend(0.6)
            self.count("give_up")
            self.working, self.frustration = False, 0.4 * self.frustration
        elif u < give_up + ask:
            self.spend(0.6)
            self.count("ask")
            self.asked = True
            self.helped(asked=True)
        elif u < give_up + ask + 0.2:
            self.spend(0.6)
            self.count("hesitate")
            self.set_back(0.35)
        else:
            self.spend(2.2)
            self.attempt(draw.random())

    def attempt(self, u: float) -> None:
        """Succeed or fail; either teaches."""
        success = u < 0.25 + 0.6 * self.skill
        self.skill += 0.08 * (1.0 - self.skill)
        if not success:
            self.count("fail")
            self.fails += 1
            self.set_back(1.0)
            if self.fails >= 2:
                self.helped(asked=False)
            return
        self.count("succeed")
        self.frustration *= 0.4
        self.working = False
        self.done += 1
        self.over = self.done == STEPS

    def helped(self, asked: bool) -> None:
        """Help is offered, and taken or waved away."""
        if asked or self.model.random.random() < 0.25 + 0.65 * self.frustration:
            self.count("accept")
            self.spend(0.4)
            self.frustration *= 0.7
            self.skill += 0.1 * (1.0 - self.skill)
        else:
            self.count("dismiss")

    def set_back(self, size: float) -> None:
        """Frustration grows towards 1."""
        self.frustration += (1.0 - self.frustration) * (1.0 - math.exp(-size / self.patience))


class PlainCohort(mesa.Model):
    """`users` Python agents in groups of eight, advanced by ticks of an hour."""

    def __init__(self, users: int, seed: int) -> None:
        super().__init__(seed=seed)
        self.end, self.n_users = 0.0, users
        self.counts = dict.fromkeys(KINDS, 0)
        self.seen = [0.0] * -(-users // GROUP)
        PlainUser.create_agents(self, users, [user // GROUP for user in range(users)])
        self.datacollector = DataCollector(model_reporters={"completed": completed, "events": events})

    def step(self) -> None:
        """One tick: peers are seen, everyone lives to its end, two series are collected."""
        self.end += 1.0
        seen = [0.0] * len(self.seen)
        for user in self.agents:
            seen[user.group] += user.done
        self.seen = [done / (GROUP * STEPS) for done in seen]
        self.agents.do("step")
        self.datacollector.collect(self)


def completed(model: PlainCohort) -> int:
    """Users who are through."""
    return sum(user.over for user in model.agents)


def events(model: PlainCohort) -> int:
    """Events so far."""
    return sum(model.counts.values())
