"""What makes a journey sound beyond the types of its keys: sizes, names, references, words for help, order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from journeys.faults import Fault, nearest
from journeys.spec import MAX_SKILLS, MAX_STEPS, Help, Journey


def faults_of(journey: Journey) -> list[Fault]:
    """Everything wrong with a well-typed journey; empty where it is sound.

    What refers to names is checked once the names are told apart: before, its faults would follow from theirs.
    """
    alone = (sizes, checks_of_absence, duplicates, upside_down, words)
    by_name = (references, goals, unused_skills, optional_gates, order)
    distinct = not repeated(journey.step_names()) and not repeated(skill.name for skill in journey.skills)
    return [fault for check in (alone + by_name if distinct else alone) for fault in check(journey)]


def sizes(journey: Journey) -> Iterator[Fault]:
    """A journey has steps and skills, no more of either than a 64-bit set holds, and something to complete."""
    for label, items, most in (("steps", journey.steps, MAX_STEPS), ("skills", journey.skills, MAX_SKILLS)):
        if not items:
            yield Fault(label, f"key {label!r} is empty. Mend: add at least one")
        if len(items) > most:
            yield Fault(
                label, f"key {label!r} has {len(items)} entries, more than {most}. Mend: split the journey in two"
            )
    if journey.steps and not any(counts(journey)):
        yield Fault("steps", "key 'required' is false on every step. Mend: require one, or set completed_when: all")


def counts(journey: Journey) -> list[bool]:
    """For each step, whether the journey is not complete without it."""
    return [step.required or journey.completed_when == "all" for step in journey.steps]


def checks_of_absence(journey: Journey) -> Iterator[Fault]:
    """The timer's checks come one after the other, and before a user counts as lost."""
    hours, key = list(journey.rules.away_checks_hours), "rules.away_checks_hours"
    if hours != sorted(set(hours)):
        yield Fault(key, f"key {key!r} must increase. Mend: sort the hours, each once")
    if hours and max(hours) >= journey.rules.lapse_hours:
        yield Fault(
            key, f"key {key!r} must end before rules.lapse_hours. Mend: drop the late ones or raise lapse_hours"
        )


def duplicates(journey: Journey) -> Iterator[Fault]:
    """Names are unique, and no list names a thing twice."""
    for label, items in (("step", journey.steps), ("skill", journey.skills), ("goal", journey.goals)):
        names = [item.name for item in items]
        for i in repeated(names):
            complaint = f"{label} {names[i]!r}: key 'name' is used twice. Mend: rename one of them"
            yield Fault(f"{label}s[{i}].name", complaint)
    for i, step in enumerate(journey.steps):
        for key in ("needs", "teaches", "after", "difficulties"):
            listed = getattr(step, key)
            for j in repeated(listed):
                complaint = f"step {step.name!r}, key {key!r}: {listed[j]!r} is listed twice. Mend: remove one"
                yield Fault(f"steps[{i}].{key}[{j}]", complaint)
    for g, goal in enumerate(journey.goals):
        for j in repeated(goal.steps):
            complaint = f"goal {goal.name!r}, key 'steps': {goal.steps[j]!r} is listed twice. Mend: remove one"
            yield Fault(f"goals[{g}].steps[{j}]", complaint)


def upside_down(journey: Journey) -> Iterator[Fault]:
    """Whoever has a skill succeeds more often than who lacks it: otherwise success would speak against knowing."""
    for k, skill in enumerate(journey.skills):
        if skill.slip + skill.guess >= 1.0:
            complaint = (
                f"skill {skill.name!r}, keys 'slip' and 'guess': {skill.slip:g} + {skill.guess:g} is not below 1, so "
                "who has the skill would succeed no more often than who lacks it. Mend: lower one; customary are slip "
                "up to 0.1 and guess up to 0.3"
            )
            yield Fault(f"skills[{k}].slip", complaint)


def repeated(names: Iterable[str]) -> list[int]:
    """Places in `names` at which a name comes up again."""
    names = list(names)
    return [i for i, name in enumerate(names) if name in names[:i]]


def references(journey: Journey) -> Iterator[Fault]:
    """Every skill and every other step that a step names exists."""
    skills = [skill.name for skill in journey.skills]
    for i, step in enumerate(journey.steps):
        others = [name for name in journey.step_names() if name != step.name]
        for key, known in (("needs", skills), ("teaches", skills), ("after", others)):
            for j, name in enumerate(getattr(step, key)):
                place = f"step {step.name!r}, key {key!r}"
                if key == "after" and name == step.name:
                    yield Fault(f"steps[{i}].after[{j}]", f"{place}: waits for itself. Mend: remove {name!r}")
                elif name not in known:
                    complaint = f"{place}: {name!r} does not exist. Mend: {nearest(name, known)}"
                    yield Fault(f"steps[{i}].{key}[{j}]", complaint)


def goals(journey: Journey) -> Iterator[Fault]:
    """Every goal is served by steps, and by steps that exist."""
    known = journey.step_names()
    for g, goal in enumerate(journey.goals):
        place = f"goal {goal.name!r}, key 'steps'"
        if not goal.steps:
            yield Fault(
                f"goals[{g}].steps", f"{place} is empty. Mend: name the steps that serve it, or remove the goal"
            )
        for j, name in enumerate(goal.steps):
            if name not in known:
                yield Fault(f"goals[{g}].steps[{j}]", f"{place}: {name!r} does not exist. Mend: {nearest(name, known)}")


def unused_skills(journey: Journey) -> Iterator[Fault]:
    """Every skill matters to some step: another could be neither learned nor observed."""
    used = {name for step in journey.steps for name in (*step.needs, *step.teaches)}
    for k, skill in enumerate(journey.skills):
        if skill.name not in used:
            complaint = f"skill {skill.name!r}: no step needs or teaches it. Mend: name it in a step, or remove it"
            yield Fault(f"skills[{k}].name", complaint)


def words(journey: Journey) -> Iterator[Fault]:
    """Every step has words for every rung of the ladder, and at least one difficulty."""
    for i, step in enumerate(journey.steps):
        for rung in Help.__struct_fields__:
            if not getattr(step.help, rung).strip():
                complaint = f"step {step.name!r}, key 'help.{rung}' is empty. Mend: write what the user is to read"
                yield Fault(f"steps[{i}].help.{rung}", complaint)
        if not step.difficulties:
            complaint = f"step {step.name!r}, key 'difficulties' is empty. Mend: name at least one, e.g. [standard]"
            yield Fault(f"steps[{i}].difficulties", complaint)


def optional_gates(journey: Journey) -> Iterator[Fault]:
    """No step that counts waits for one that does not: the latter would be optional in name only."""
    counting = dict(zip(journey.step_names(), counts(journey), strict=True))
    for i, step in enumerate(journey.steps):
        for j, name in enumerate(step.after):
            if counting[step.name] and not counting.get(name, True):
                complaint = (
                    f"step {step.name!r}, key 'after': the step is required but waits for {name!r}, which is optional. "
                    f"Mend: set 'required: true' on {name!r}, or drop it from 'after'"
                )
                yield Fault(f"steps[{i}].after[{j}]", complaint)


def order(journey: Journey) -> Iterator[Fault]:
    """Prerequisites have no cycle, so every step can be reached."""
    known = set(journey.step_names())
    waiting = {step.name: {name for name in step.after if name in known} - {step.name} for step in journey.steps}
    reached: set[str] = set()
    while ready := {name for name, after in waiting.items() if after <= reached}:
        reached |= ready
        waiting = {name: after for name, after in waiting.items() if name not in ready}
    for i, step in enumerate(journey.steps):
        if step.name in waiting:
            missing = ", ".join(sorted(waiting[step.name] - reached))
            complaint = (
                f"step {step.name!r}, key 'after': can never be reached: it waits for {missing}, in a cycle. "
                "Mend: drop one of these prerequisites"
            )
            yield Fault(f"steps[{i}].after", complaint)
