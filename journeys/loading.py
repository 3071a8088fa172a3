"""Reading a journey file: YAML in, a valid `Journey` out, or an error that names file, step, key and mend."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from journeys.spec import MAX_SKILLS, MAX_STEPS, Help, Journey, Kind, Rules, Skill, Step

STRUCTS: dict[str, type[msgspec.Struct]] = {"": Journey, "steps": Step, "skills": Skill, "help": Help, "rules": Rules}


class JourneyError(ValueError):
    """A journey file that cannot be used: where it is wrong and how to mend it."""


def load_journey(name_or_path: str | Path) -> Journey:
    """Load a shipped journey by name (`saas`) or any journey by its file's path.

    Raises `JourneyError` that names the file, the step, the key and the mend.
    """
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise JourneyError(f"{path}: no such file. Mend: give the path of a journey file, or one of {shipped()}")
        return parse_journey(path.read_text(encoding="utf-8"), str(path))
    resource = resources.files("conf").joinpath("journey", f"{path}.yaml")
    if not resource.is_file():
        raise JourneyError(f"no journey called {str(path)!r}. Mend: use one of {shipped()}, or a path ending in .yaml")
    return parse_journey(resource.read_text(encoding="utf-8"), f"conf/journey/{path}.yaml")


def shipped() -> list[str]:
    """Names of the journeys that come with Handrail."""
    folder = resources.files("conf").joinpath("journey")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def parse_journey(text: str, where: str) -> Journey:
    """Parse and validate YAML `text`; `where` names its file in errors."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise JourneyError(f"{where}: not valid YAML: {error}. Mend: correct the indentation or quoting there") from None
    return journey_from(raw, where)


def journey_from(raw: Any, where: str) -> Journey:
    """Validate plain data (a parsed YAML file) into a `Journey`. Raises `JourneyError`."""
    if not isinstance(raw, dict):
        raise JourneyError(f"{where}: a journey is a mapping with name, skills and steps; this is {type(raw).__name__}")
    try:
        journey = msgspec.convert(raw, Journey)
    except msgspec.ValidationError as error:
        raise JourneyError(f"{where}: {explain(str(error), raw)}") from None
    problems = [*sizes(journey), *duplicates(journey), *references(journey), *ladder(journey), *order(journey)]
    if problems:
        raise JourneyError(f"{where}: " + f"\n{where}: ".join(problems))
    return journey


def explain(message: str, raw: dict[str, Any]) -> str:
    """Turn msgspec's message and path (`$.steps[2].kind`) into step, key and mend."""
    what, _, path = message.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    step = re.match(r"steps\[(\d+)\]", path)
    place = f"step {name_at(raw, int(step[1]))!r}, " if step else ""
    unknown = re.search(r"unknown field `(\w+)`", what)
    if unknown:
        section = re.split(r"[.\[]", path)[-1] if path.endswith("help") else re.split(r"[.\[]", path)[0]
        known = STRUCTS.get(section, Journey).__struct_fields__
        near = difflib.get_close_matches(unknown[1], known, n=1)
        mend = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"
        return f"{place}key {unknown[1]!r} is unknown. Mend: {mend}"
    missing = re.search(r"missing required field `(\w+)`", what)
    if missing:
        key = f"{path.rsplit('.', 1)[-1]}.{missing[1]}" if path.endswith("help") else missing[1]
        return f"{place}key {key!r} is missing. Mend: add it"
    key = re.sub(r"^steps\[\d+\]\.?", "", path) or "(the step)"
    hint = f" (kinds: {', '.join(get_args(Kind))})" if key == "kind" else ""
    return f"{place}key {key!r}: {what[0].lower()}{what[1:]}{hint}. Mend: correct the value"


def name_at(raw: dict[str, Any], index: int) -> str:
    """Name of the step at `index` of unvalidated data, or its place where it has none."""
    step = raw["steps"][index]
    return str(step.get("name", f"number {index + 1}")) if isinstance(step, dict) else f"number {index + 1}"


def sizes(journey: Journey) -> Iterable[str]:
    """A journey has steps and skills, and no more of either than a 64-bit set holds."""
    for label, items, most in (("steps", journey.steps, MAX_STEPS), ("skills", journey.skills, MAX_SKILLS)):
        if not items:
            yield f"key {label!r} is empty. Mend: add at least one"
        if len(items) > most:
            yield f"key {label!r} has {len(items)} entries, at most {most} are possible. Mend: split the journey"
    if journey.steps and not any(step.required for step in journey.steps):
        yield "no step is required, so nobody could complete it. Mend: set 'required: true' on at least one step"
    checks = journey.rules.away_checks_hours
    if list(checks) != sorted(set(checks)) or (checks and checks[-1] >= journey.rules.lapse_hours):
        yield "key 'rules.away_checks_hours' must increase and end before rules.lapse_hours. Mend: reorder the hours"


def duplicates(journey: Journey) -> Iterable[str]:
    """Names are unique."""
    for label, names in (("step", journey.step_names()), ("skill", tuple(s.name for s in journey.skills))):
        for name in sorted({n for n in names if names.count(n) > 1}):
            yield f"{label} {name!r}: key 'name' is used twice. Mend: rename one of them"


def references(journey: Journey) -> Iterable[str]:
    """Every skill and step that is named exists."""
    skills = [skill.name for skill in journey.skills]
    for step in journey.steps:
        for key, named, known in (
            ("needs", step.needs, skills),
            ("teaches", step.teaches, skills),
            ("after", step.after, list(journey.step_names())),
        ):
            for name in named:
                if name not in known:
                    near = difflib.get_close_matches(name, known, n=1)
                    mend = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"
                    yield f"step {step.name!r}, key {key!r}: {name!r} does not exist. Mend: {mend}"


def ladder(journey: Journey) -> Iterable[str]:
    """Every step has words for every rung of the ladder, and at least one difficulty, none twice."""
    for step in journey.steps:
        for rung in Help.__struct_fields__:
            if not getattr(step.help, rung).strip():
                yield f"step {step.name!r}, key 'help.{rung}' is empty. Mend: write what the user is to read"
        if not step.difficulties or len(set(step.difficulties)) < len(step.difficulties):
            yield f"step {step.name!r}, key 'difficulties' must name each difficulty once. Mend: e.g. [easy, standard]"


def order(journey: Journey) -> Iterable[str]:
    """Prerequisites have no cycle, so every step can be reached; a required step hangs on nothing optional unsaid."""
    waiting = {step.name: set(step.after) for step in journey.steps}
    reached: set[str] = set()
    while ready := {name for name, after in waiting.items() if after <= reached}:
        reached |= ready
        waiting = {name: after for name, after in waiting.items() if name not in ready}
    for name, after in waiting.items():
        if after <= {*journey.step_names()}:
            missing = ", ".join(sorted(after - reached))
            yield f"step {name!r}, key 'after': can never be reached, it waits for {missing} in a cycle. Mend: drop one"
