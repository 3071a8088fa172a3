"""The findings in words: a Markdown page and a picture of the calibration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from experiments.markdown import table
from experiments.prediction import Estimate
from experiments.tutorial.findings import Choosing, Findings, Foretelling, Halving, Helping

CAVEATS = """What these figures cannot say. The students never saw a policy's offers, so there is no outcome of an offer
here, and agreeing with the tutorial is no merit in itself: the tutorial is neither right nor wrong by this. The
journey's prerequisites are ours, and tasks that they forbid count as taken outside the journey. The record holds no
hesitations, ways back or questions, so a policy sees less struggle than it would in production. Where a student opened
a task and did nothing, nothing shows that they needed help."""


def page(findings: Findings) -> str:
    """The whole page, Markdown."""
    parts = ["## How well the belief foretells a student's attempts", ""]
    for foretelling in findings.foretelling:
        parts += [foretelling_table(foretelling), ""]
    if findings.halvings:
        parts += [halving_table(findings.halvings), ""]
    parts += [
        "## What a policy would have offered beside what the tutorial did",
        "",
        choosing_table(findings.choosing),
        "",
    ]
    parts += [helping_table(findings.helping), "", CAVEATS, ""]
    return "\n".join(parts)


def foretelling_table(found: Foretelling) -> str:
    """Measures and paired differences of one kind of attempt."""
    names = list(next(iter(found.measures.values())))
    rows = [[name, *(str(by[label]) for label in names)] for name, by in found.measures.items()]
    pairs = [[f"fitted belief - {name}", *(str(by[label]) for label in by)] for name, by in found.differences.items()]
    bins = [
        [name, *(f"{b.forecast:.2f} / {b.observed:.2f}" for b in groups)] for name, groups in found.calibration.items()
    ]
    n_bins = max(len(groups) for groups in found.calibration.values())
    return "\n\n".join(
        [
            f"### Held-out half, {found.what}: {found.attempts} of {found.students} students",
            table(["predictor", *names], rows),
            table(["difference", "AUC", "log-loss"], pairs),
            "Calibration, fifths of the forecasts from low to high (mean forecast / share that succeeded):",
            table(["predictor", *(f"{i + 1}" for i in range(n_bins))], bins),
        ]
    )


def halving_table(halvings: list[Halving]) -> str:
    """Mean difference over the halvings, and in how many the fitted belief was the better."""
    rows = []
    for first_only in (False, True):
        some = [halving for halving in halvings if halving.first_only == first_only]
        for name in some[0].log_loss:
            losses, aucs = np.array([h.log_loss[name] for h in some]), np.array([h.auc[name] for h in some])
            rows.append(
                [
                    "first attempts of a visit" if first_only else "all attempts",
                    name,
                    f"{losses.mean():+.3f} ({losses.min():+.3f} to {losses.max():+.3f})",
                    f"{(losses < 0).sum()} of {len(some)}",
                    f"{aucs.mean():+.3f} ({aucs.min():+.3f} to {aucs.max():+.3f})",
                    f"{(aucs > 0).sum()} of {len(some)}",
                ]
            )
    fitted = [halving.fitted for halving in halvings if not halving.first_only]
    ranges = ", ".join(f"{k} {min(f[k] for f in fitted):.2f} to {max(f[k] for f in fitted):.2f}" for k in fitted[0])
    head = ["attempts", "fitted belief less", "log-loss: mean (range)", "better in", "AUC: mean (range)", "better in"]
    return "\n\n".join(
        [f"### {len(fitted)} further random halvings, fitted anew each time", table(head, rows), f"Fitted: {ranges}."]
    )


def choosing_table(found: list[Choosing]) -> str:
    """Selections, a column per policy."""
    lines: dict[str, Callable[[Choosing], str]] = {
        "boundaries after which a task was begun": lambda c: f"{c.boundaries} of {c.starts} starts",
        "the journey allowed the tutorial's task": lambda c: str(c.taken_legal),
        "same task": lambda c: str(c.same_step),
        "same task, random legal": lambda c: f"{c.same_step_by_chance:.3f}",
        "same level": lambda c: str(c.same_level),
        "same level, random legal": lambda c: f"{c.same_level_by_chance:.3f}",
        "policy's level lower": lambda c: str(c.lower_level),
        "policy's level higher": lambda c: str(c.higher_level),
        "predicted success of the policy's task": lambda c: str(c.offered_success),
        "predicted success of the tutorial's task": lambda c: str(c.taken_success),
    }
    rows = [[label, *(write(choice) for choice in found)] for label, write in lines.items()]
    return table(["selecting", *(choice.policy for choice in found)], rows)


def helping_table(found: list[Helping]) -> str:
    """Offers of help by policy and outcome."""
    rows = [
        [
            h.policy, h.outcome, str(h.least_fails), str(h.visits), written(h.offered),
            "-" if h.median_fails_before is None else f"{h.median_fails_before:g}",
            "-" if h.median_lead_seconds is None else f"{h.median_lead_seconds:.0f}",
            f"{h.students_offered} of {h.students}",
        ]
        for h in found
    ]  # fmt: skip
    head = ["policy", "visit", "fails, at least", "visits", "share offered help", "fails before", "seconds before end"]
    return table([*head, "students offered"], rows)


def written(estimate: Estimate | None) -> str:
    """An estimate, or a dash where there was nothing to estimate from."""
    return "-" if estimate is None else str(estimate)


def draw_calibration(path: Path, found: list[Foretelling]) -> None:
    """Calibration curves, a panel per kind of attempt."""
    figure = Figure(figsize=(4.2 * len(found), 3.6), layout="constrained")
    for panel, foretelling in zip(figure.subplots(1, len(found), squeeze=False)[0], found, strict=True):
        panel.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for name, groups in foretelling.calibration.items():
            panel.plot([b.forecast for b in groups], [b.observed for b in groups], marker="o", label=name)
        panel.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean forecast of a fifth", ylabel="share that succeeded")
        panel.set_title(f"held-out half: {foretelling.what}", fontsize=9)
        panel.legend(fontsize=7)
    figure.savefig(path, dpi=110)
