"""PLACEHOLDER of the doors branch until the lead's engine is on main; take theirs on merge."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from journeys.events import Event
from policies.bundle import Bundle
from serving.answer import Answer, DeadLetter, refusal
from serving.decision import encoder
from serving.runtime import Runtime
from serving.stores.store import NOTHING, Delivery


class _Unused(NamedTuple):
    outcome: Any
    decision: Any = None
    letter: Any = None
    record: bytes | None = None


class Engine:
    def __init__(self, store: Any, bundles: Sequence[Bundle], reasons: int = 3) -> None:
        self.store, self._lock = store, threading.Lock()
        self.journeys = {b.journey.name: Runtime(b, store, reasons=reasons) for b in bundles}

    def swap(self, bundle: Bundle) -> None:
        fresh = Runtime(bundle, self.store)
        with self._lock:
            self.journeys[bundle.journey.name] = fresh

    def take(self, incoming: Sequence[Event | DeadLetter], delivery: Delivery = NOTHING) -> list[Any]:
        with self._lock:
            answers: list[Any] = [None] * len(incoming)
            parts: dict[str, list[int]] = {}
            for i, item in enumerate(incoming):
                if isinstance(item, DeadLetter):
                    answers[i] = Answer("refused", letter=item)
                elif item.journey not in self.journeys:
                    answers[i] = refusal("invalid", f"no journey {item.journey!r}. Mend: one of {', '.join(self.journeys)}", item)
                else:
                    parts.setdefault(item.journey, []).append(i)
            for name, places in parts.items():
                for i, a in zip(places, self.journeys[name].process_many([incoming[i] for i in places]), strict=True):
                    answers[i] = a
            return [Answer(a.outcome, a.decision, a.letter, a.decision and encoder.encode(a.decision)) for a in answers]
