"""The tables of docs/experiments/learning.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from experiments.comparison import OVERALL
from experiments.learning.over_seeds import against_trials, gain, groups, level, places, trials_of
from experiments.learning.studies import EXACT, JOURNEYS, PRACTISED_PEOPLE, ablations, exacts, mixtures, unseen
from experiments.learning.trial import OF_EXACT, Trial
from experiments.markdown import table
from experiments.statistics import Interval

BOTH_JUDGED_ON = f"irt_forgetting/{PRACTISED_PEOPLE}"  # held out of every training: specialised and unseen are compared


def shown(interval: Interval) -> str:
    """A difference with its interval, in bold where the interval is clear of zero."""
    text = f"{interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"
    return f"**{text}**" if interval.excludes_zero else text


def exact_tables(folder: Path) -> Iterator[str]:
    """Everybody on the journeys whose optimum is known."""
    for study in exacts():
        trials, place = trials_of(folder, study.name), f"{study.journey}/bkt/{EXACT}"
        gap = gain(trials, place, "oracle").mean - gain(trials, place, "greedy").mean
        returns = {name: level(trials, place, name, "return") for name in OF_EXACT}
        own = level(trials, place, study.name, "return")
        ranked = sorted([*returns.items(), ("learned", own)], key=lambda item: -item[1])
        rows = []
        for name, value in ranked:
            closed = f"{100 * (value - returns['greedy']) / -gap:.0f}%"
            difference = "" if name == "learned" else shown(gain(trials, place, name))
            rows.append((f"`{name}`", f"{value:.3f}", closed, difference))
        head = ("policy", "return", "of the gap greedy to oracle", "learned less this one")
        yield f"`{study.journey}`, {len(trials)} seeds:\n\n{table(head, rows)}\n"


def mixture_tables(folder: Path) -> Iterator[str]:
    """Learned on three learner models, judged on the others and on other people."""
    for study in mixtures():
        trials = trials_of(folder, study.name)
        rows = []
        for place in places(trials):
            _, learner, people = place.split("/")
            what = "learner held out" if people == PRACTISED_PEOPLE else "people not trained on"
            references = (shown(gain(trials, place, reference)) for reference in ("greedy", "rules", "fixed"))
            rows.append((f"`{learner}`", f"`{people}`", what, *references))
        head = ("learner", "people", "", "against greedy", "against rules", "against fixed")
        yield f"`{study.journey}`, {len(trials)} seeds:\n\n{table(head, rows)}\n"


def unseen_table(folder: Path) -> str:
    """One policy for journeys that it has never seen, beside the specialised ones."""
    trials = trials_of(folder, unseen().name)
    special = {study.journey: trials_of(folder, study.name) for study in mixtures()}
    rows = []
    for place in places(trials):
        journey, learner, people = place.split("/")
        kept = ""
        if journey in special and f"{learner}/{people}" == BOTH_JUDGED_ON:
            own = gain(special[journey], place, "rules").mean
            kept = f"{100 * gain(trials, place, 'rules').mean / own:.0f}%"
        references = (shown(gain(trials, place, reference)) for reference in ("rules", "greedy", "fixed"))
        rows.append((f"`{journey}`", f"`{learner}`", *references, kept))
    head = ("journey", "learner", "against rules", "against greedy", "against fixed", "of the specialised advantage")
    return table(head, rows) + "\n"


def ablation_table(folder: Path) -> str:
    """One thing changed at a time: the difference to the base, and what the base itself is worth."""
    base = trials_of(folder, "base")
    to_greedy = (f"{shown(gain(base, place, 'greedy'))} to greedy" for place in places(base))
    rows = [("`base`", str(len(base)), *to_greedy, seconds(base))]
    for study in ablations()[1:]:
        trials = trials_of(folder, study.name)
        if trials:
            cells = (shown(against_trials(trials, base, place)) for place in places(base))
            rows.append((f"`{study.name}`", str(len(trials)), *cells, seconds(trials)))
    head = ("changed", "seeds", *(f"`{place.split('/', 1)[1]}`" for place in places(base)), "CPU-s")
    return table(head, rows) + "\n"


def seconds(trials: Sequence[Trial]) -> str:
    """Median CPU-seconds of a training."""
    return f"{np.median([trial.cpu_seconds for trial in trials]):.0f}"


def targets_table(folder: Path) -> Iterator[str]:
    """The targets N19 to N24 against the fixed path, by persona, one table per journey."""
    for journey in JOURNEYS:
        trials = trials_of(folder, f"mixture-{journey}")
        place = f"{journey}/afm/{PRACTISED_PEOPLE}"
        rows = [target_row(trials, place, group) for group in (OVERALL, *groups(trials, place))]
        head = (
            "who", "completion (N19: +70%)", "skill per hour (N20: +25%)", "steps finished (N21: +40%)",
            "engagement (N22: +35%)", "skills known (N23: 80%)", "retained (N24: +50%)", "return against rules",
        )  # fmt: skip
        yield f"`{journey}`:\n\n{table(head, rows)}\n"


def target_row(trials: Sequence[Trial], place: str, group: str) -> tuple[str, ...]:
    """Ratios to the fixed path, and the difference of return to the rules with its interval."""
    own = trials[0].study

    def of(policy: str, measure: str) -> float:
        return level(trials, place, policy, measure, group)

    def rise(measure: str) -> str:
        return (
            f"{of('fixed', measure):.2f} → {of(own, measure):.2f} ({of(own, measure) / of('fixed', measure) - 1:+.0%})"
        )

    pace = {policy: of(policy, "gained") / of(policy, "hours") for policy in ("fixed", own)}
    per_hour = f"{pace['fixed']:.2f} → {pace[own]:.2f} ({pace[own] / pace['fixed'] - 1:+.0%})"
    return (
        group, rise("completion"), per_hour, rise("finished"), rise("engagement"), f"{of(own, 'skill'):.0%}",
        rise("retained"), shown(gain(trials, place, "rules", "return", group)),
    )  # fmt: skip
