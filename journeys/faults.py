"""What is wrong with a value, in words: msgspec's message and path turned into key, complaint and mend."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import NamedTuple

# How msgspec names a type, how we do, and what to do where something else was given.
TYPES = {
    "object": ("a mapping of keys to values", "indent its keys below it"),
    "array": ("a list", "write it in brackets, [a, b], or one entry a line after a dash"),
    "str": ("text", "write text; in quotes where YAML reads it as something else"),
    "int": ("a whole number", "write a whole number without quotes"),
    "float": ("a number", "write a number without quotes"),
    "bool": ("true or false", "write true or false without quotes"),
    "null": ("nothing", "leave the key out"),
}
FRACTION = "a number with a decimal point"
EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
NAME_RULE = "small letters, digits, '-' and '_', at most 64, beginning with a letter or digit"


class Fault(NamedTuple):
    """One thing wrong: `path` of the value (`steps[2].help.hint`) and what is wrong, with the mend."""

    path: str
    complaint: str


def fault_from(message: str, known_keys: Iterable[str], choices: Iterable[str] = (), noun: str = "key") -> Fault:
    """Read a `msgspec.ValidationError`. `known_keys`: those of the mapping at the path; `choices`: of the value."""
    what, path = split(message)
    unknown = re.search(r"unknown field `([^`]*)`", what)
    if unknown:
        return Fault(
            below(path, unknown[1]), f"{noun} {unknown[1]!r} is unknown. Mend: {nearest(unknown[1], known_keys)}"
        )
    missing = re.search(r"missing required field `(\w+)`", what)
    if missing:
        return Fault(below(path, missing[1]), f"{noun} {missing[1]!r} is missing. Mend: add it")
    return Fault(path, in_words(what, tuple(choices)))


def split(message: str) -> tuple[str, str]:
    """The complaint and the path of a msgspec message: `("Expected ...", "steps[2].kind")`."""
    what, _, path = message.partition(" - at `$")
    return what, path.rstrip("`").lstrip(".")


def below(path: str, key: str) -> str:
    """The path of `key` in the mapping at `path`."""
    return f"{path}.{key}" if path else key


def in_words(what: str, choices: tuple[str, ...]) -> str:
    """A complaint of msgspec in plain words, with a mend."""
    invalid = re.match(r"Invalid enum value '(.*)'", what)
    if invalid:
        return f"{invalid[1]!r} is not possible. Mend: {nearest(invalid[1], choices)}"
    wrong = re.match(r"Expected `(\w+)(?: \| null)?`, got `(\w+)`", what)
    if wrong:
        wanted, mend = TYPES.get(wrong[1], (wrong[1], "correct it"))
        given = FRACTION if wrong[2] == "float" else TYPES.get(wrong[2], (wrong[2],))[0]
        return f"must be {wanted}, not {given}. Mend: {mend}"
    if "matching regex" in what:
        return f"is not a name. Mend: use {NAME_RULE}"
    bound = re.match(r"Expected `(?:float|int)` (<=|>=|<|>) (.+)", what)
    if bound:
        words = {"<=": "at most", ">=": "at least", "<": "below", ">": "above"}[bound[1]]
        return f"must be {words} {bound[2].removesuffix('.0')}. Mend: correct the number or its unit"
    length = re.match(r"Expected `(\w+)` of length (<=|>=) (\d+)", what)
    if length:
        unit = "characters" if length[1] == "str" else "entries"
        words = {"<=": "at most", ">=": "at least"}[length[2]]
        return f"must have {words} {length[3]} {unit}. Mend: make it {'shorter' if length[2] == '<=' else 'longer'}"
    return f"{what[0].lower()}{what[1:]}. Mend: correct the value"


def exponent_as_text(value: object) -> str | None:
    """The complaint about a number such as `1e1`, which YAML 1.1 reads as text; None for any other value."""
    if not isinstance(value, str) or not EXPONENT.fullmatch(value):
        return None
    return (
        f"must be a number, but YAML reads {value} as text. "
        "Mend: write the number out, or give it a decimal point and its exponent a sign, as in 1.0e+1"
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """The mend for a name that does not exist: the one that was probably meant, or all there are."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"use one of {', '.join(known)}" if known else "remove it"
