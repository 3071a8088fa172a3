"""Labels of absences in the timeline of a user's onboarding: none on top of another, and no absence without a line."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from experiments.persona.timeline import draw_absences
from journeys.events import ENTER, LEAVE

HOUR_MS = 3_600_000


def test_of_absences_close_to_each_other_only_the_first_is_labelled() -> None:
    left_at = (0.0, 0.5, 5.0, 14.0, 15.0, 20.0)  # active minutes
    rows = [
        {"kind": kind, "active": active, "time": HOUR_MS * (2 * i + back)}
        for i, active in enumerate(left_at)
        for back, kind in enumerate((LEAVE, ENTER))
    ]
    axes = Figure().subplots()
    found = draw_absences(axes, pd.DataFrame(rows), 3.0)
    assert (found.sessions, found.lost) == (7, False)
    assert len(axes.lines) == len(left_at)
    assert [text.xy[0] for text in axes.texts] == [0.0, 5.0, 14.0, 20.0]
