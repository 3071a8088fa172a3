"""Reading a journey file: YAML in, a valid `Journey` out, or an error that names file, line, step, key and mend."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import msgspec

from journeys.checks import faults_of
from journeys.faults import Fault, exponent_as_text, fault_from, nearest, split
from journeys.source import Source, SourceError, read_source
from journeys.spec import Difficulty, Goal, Help, Journey, Kind, Rules, Skill, Step

# The mapping that a path leads to, by the path with its numbers and last key left out.
STRUCTS: dict[str, type[msgspec.Struct]] = {
    "": Journey, "steps[]": Step, "skills[]": Skill, "steps[].help": Help, "rules": Rules, "goals[]": Goal
}  # fmt: skip
CHOICES = {"kind": get_args(Kind), "difficulties[]": get_args(Difficulty), "completed_when": ("required", "all")}


class JourneyError(ValueError):
    """A journey file that cannot be used: where it is wrong and how to mend it."""


def load_journey(name_or_path: str | Path) -> Journey:
    """Load a shipped journey by name (`saas`) or any journey by its file's path.

    Raises `JourneyError` that names the file, the line, the step, the key and the mend.
    """
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        try:
            return parse_journey(path.read_bytes(), str(path))
        except OSError as error:
            fault = f"{path}: cannot be read: {error.strerror}"
            raise JourneyError(f"{fault}. Mend: give a journey file's path, or one of {', '.join(shipped())}") from None
    name = str(name_or_path)
    if name not in shipped():
        near = nearest(name, shipped())
        mend = f"{near}{'' if near.endswith('?') else '.'} A journey of your own is given by a path ending in .yaml"
        raise JourneyError(f"no journey called {name!r}. Mend: {mend}")
    resource = resources.files("conf").joinpath("journey", f"{name}.yaml")
    return parse_journey(resource.read_bytes(), f"conf/journey/{name}.yaml")


def shipped() -> list[str]:
    """Names of the journeys that come with Handrail."""
    folder = resources.files("conf").joinpath("journey")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def parse_journey(text: str | bytes, where: str) -> Journey:
    """Parse and validate YAML `text`; `where` names its file in errors. Raises `JourneyError`."""
    try:
        return journey_of(read_source(text, where))
    except SourceError as error:
        raise JourneyError(str(error)) from None


def journey_from(raw: Any, where: str) -> Journey:
    """Validate plain data that was not read from a file (an adapter's output). Raises `JourneyError`."""
    return journey_of(Source(where, raw, {}))


def journey_of(source: Source) -> Journey:
    """Validate a source into a `Journey`. Raises `JourneyError` with one line for each fault found."""
    if not isinstance(source.data, dict):
        found = "empty" if source.data is None else f"a {type(source.data).__name__}"
        raise JourneyError(f"{source.where}: the file is {found}. Mend: write a mapping with name, skills and steps")
    try:
        journey = msgspec.convert(source.data, Journey)
    except msgspec.ValidationError as error:
        faults = [explain(str(error), source.data)]
    else:
        faults = faults_of(journey)
    if faults:
        raise JourneyError("\n".join(f"{source.place(fault.path)}: {fault.complaint}" for fault in faults))
    return journey


def explain(message: str, raw: dict[str, Any]) -> Fault:
    """The fault that a `msgspec.ValidationError` of journey data `raw` tells of, with the step, skill or goal named."""
    path = split(message)[1]
    shape = re.sub(r"\[\d+\]", "[]", path)
    section = re.match(r"(steps|skills|goals)\[(\d+)\]\.?", path)
    key = path[section.end() :] if section else path
    fault = fault_from(
        message, STRUCTS.get(shape, Journey).__struct_fields__, CHOICES.get(shape.rsplit(".", 1)[-1], ())
    )
    if re.match("Expected `(float|int)", message):
        fault = Fault(fault.path, exponent_as_text(value_at(raw, path)) or fault.complaint)
    owner = f"{section[1].removesuffix('s')} {name_at(raw, section[1], int(section[2]))!r}" if section else ""
    if fault.path == path:
        words = [part for part in (owner, f"key {key!r}" if key else "") if part]
        return Fault(path, f"{', '.join(words)}: {fault.complaint}")
    inside = f"{owner}, " if owner else ""
    return Fault(fault.path, inside + fault.complaint.replace("key '", f"key '{key}." if key else "key '", 1))


def name_at(raw: dict[str, Any], section: str, index: int) -> str:
    """Name of a step, skill or goal of unvalidated data, or its place where it has none."""
    item = raw[section][index]
    return str(item.get("name", f"number {index + 1}")) if isinstance(item, dict) else f"number {index + 1}"


def value_at(raw: Any, path: str) -> Any:
    """The value at a path such as `steps[2].minutes` of unvalidated data."""
    for part in re.findall(r"[^.\[\]]+", path):
        raw = raw[int(part)] if isinstance(raw, list) else raw[part]
    return raw
