"""What is known of one user, from the state that the store holds: `GET /v1/users/{id}`."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from journeys.actions import n_actions
from journeys.events import EventCodec
from journeys.fold import blank_states
from journeys.mask import progress
from journeys.observation import look, observation_size
from journeys.plan import Plan, compile_plan
from journeys.spec import Journey
from journeys.state import CONSENTS, DEVICES, ENDINGS, EXPERIENCES, State, unpack
from policies.bundle import Bundle
from serving.known_journeys import KnownJourneys
from serving.refold import in_order, refold
from serving.stores.store import RESTORE, Store, StoreError

STATUS = ("todo", "started", "given_up", "done")
Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class SkillView(msgspec.Struct, frozen=True):
    """A skill: P(the user knows it), P(it comes to mind where known), and attempts."""

    name: str
    belief: Share
    recall: Share
    tries: int
    successes: int


class StepView(msgspec.Struct, frozen=True):
    """A step: `todo`, `started`, `given_up` or `done`; active seconds, failures, and offers of help in it."""

    name: str
    status: str
    seconds: float
    fails: int
    helps: int


class UserView(msgspec.Struct, frozen=True):
    """A user in a journey. Times are in ms since the Unix epoch; `progress` is the share of the required steps done."""

    user: str
    journey: str
    bundle: str
    version: str
    events: int
    sessions: int
    first_time: int
    last_time: int
    ending: str
    present: bool
    progress: Share
    current: str | None
    active_seconds: float
    budget_seconds: float
    consent: tuple[str, ...]
    device: str
    goal: str | None
    experience: str | None
    steps: list[StepView]
    skills: list[SkillView]
    predicted_success: Share | None
    predicted_persona: dict[str, Share] | None
    last_decision: msgspec.Raw | None


class Views:
    """Shows users of one bundle's journey."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle, self.journey = bundle, bundle.journey
        self.hash = self.journey.hash()
        self._plan, self._codec = compile_plan(self.journey), EventCodec(self.journey)

    def of(self, store: Store, user: str) -> UserView | None:
        """What is known of a user; None where that is nothing. Raises `StoreError`."""
        state = self._state(store, user)
        if state is None:
            return None
        return self._view(user, state, last_decision(store, self.journey.name, user))

    def _state(self, store: Store, user: str) -> State | None:
        stored = store.load(self.journey.name, [user]).get(user)
        if stored is None:
            return None
        state, packed = blank_states(self._plan, 1), stored.state
        if stored.journey_hash != self.hash:
            lines = store.log(self.journey.name, user)
            packed = refold(self._plan, self._codec, lines, KnownJourneys(store).steps_of, live=True)
        try:
            unpack(packed, state, 0)
        except ValueError as error:
            raise StoreError(f"the state of user {user!r} is damaged: {error}. {RESTORE}") from None
        return state

    def _view(self, name: str, state: State, decision: bytes | None) -> UserView:
        user, journey, manifest = state.users[0], self.journey, self.bundle.manifest
        observation = observed(self._plan, journey, state)
        success, persona = self.bundle.success, self.bundle.persona
        return UserView(
            user=name, journey=journey.name, bundle=manifest.name, version=manifest.version,
            events=int(user["events"]), sessions=int(user["sessions"]), first_time=int(user["first_time"]),
            last_time=int(user["last_time"]), ending=ENDINGS[user["ended"]], present=bool(user["present"]),
            progress=float(progress(self._plan, user["done"])),
            current=None if user["current"] < 0 else journey.steps[user["current"]].name,
            active_seconds=float(user["active_seconds"]), budget_seconds=float(user["budget_seconds"]),
            consent=tuple(consent for bit, consent in enumerate(CONSENTS) if user["consent"] >> bit & 1),
            device=DEVICES[user["device"]], goal=None if user["goal"] < 0 else journey.goals[user["goal"]].name,
            experience=None if user["experience"] < 0 else EXPERIENCES[user["experience"]],
            steps=steps_in(journey, state), skills=skills_in(journey, state),
            predicted_success=None if success is None else float(success.predict(observation)[0]),
            predicted_persona=None if persona is None
            else dict(zip(persona.names, persona.predict(observation)[0].tolist(), strict=True)),
            last_decision=None if decision is None else msgspec.Raw(decision),
        )  # fmt: skip


def observed(plan: Plan, journey: Journey, state: State) -> np.ndarray:
    """The observation `(1, D)` of a state `(1,)`."""
    observation = np.zeros((1, observation_size(len(journey.steps), len(journey.skills))), np.float32)
    masks = np.zeros((1, n_actions(len(journey.steps))), bool)
    users, steps, skills = (part.view(np.ndarray) for part in state)
    look(plan, users, steps, skills, np.zeros(1, np.int64), observation, masks)
    return observation


def steps_in(journey: Journey, state: State) -> list[StepView]:
    """The steps of a state `(1,)`."""
    return [
        StepView(step.name, STATUS[told["status"]], float(told["seconds"]), int(told["fails"]), int(told["helps"]))
        for step, told in zip(journey.steps, state.steps[0], strict=True)
    ]


def skills_in(journey: Journey, state: State) -> list[SkillView]:
    """The skills of a state `(1,)`."""
    return [
        SkillView(
            skill.name, float(told["belief"]), float(told["retained"]), int(told["tries"]), int(told["successes"])
        )
        for skill, told in zip(journey.skills, state.skills[0], strict=True)
    ]


def last_decision(store: Store, journey: str, user: str) -> bytes | None:
    """The record of a user's last decision."""
    return next((line.decision for line in reversed(store.log(journey, user)) if line.decision is not None), None)


def standing_decision(store: Store, journey: str, user: str) -> bytes | None:
    """The record of the decision that answered the user's last event, if one did: nothing has happened since."""
    lines = in_order(store.log(journey, user))
    return lines[-1][1].decision if lines else None
