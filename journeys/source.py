"""A YAML file as plain data that remembers the line of every key, so that errors can say where to look.

Stricter than YAML itself where YAML is a trap: a key used twice is an error (YAML silently keeps the last), and so is
a key that is not text (`on`, `yes` and `no` are truth values in YAML 1.1).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml


class SourceError(ValueError):
    """Text that is not usable YAML: file, line and mend."""


class Source(NamedTuple):
    """Plain `data` of the file `where`; `lines` maps a path such as `steps[2].help.hint` to its line."""

    where: str
    data: Any
    lines: dict[str, int]

    def place(self, path: str) -> str:
        """File and line of `path`, or of the nearest part of it that the file has."""
        if not self.lines:  # plain data that was never a file
            return self.where
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return f"{self.where}, line {self.lines.get(path, 1)}"


def read_source(text: str | bytes, where: str) -> Source:
    """Read YAML `text` of the file `where`. Raises `SourceError`."""
    try:
        text = text if isinstance(text, str) else text.decode("utf-8")
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            lines: dict[str, int] = {}
            if node is not None:
                note_lines(node, "", where, lines, set())
            return Source(where, None if node is None else loader.construct_document(node), lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise SourceError(f"{where}{line_of(error)}: not valid YAML: {in_words(error)}") from None
    except SourceError:
        raise
    except UnicodeDecodeError as error:
        raise SourceError(f"{where}: not UTF-8 text: {error}. Mend: save it as UTF-8") from None
    except RecursionError:
        raise SourceError(f"{where}: nested too deeply. Mend: close the brackets that were opened") from None
    except (yaml.YAMLError, ValueError) as error:  # control characters, impossible dates, endless numbers
        problem = str(error).partition("\n")[0]
        raise SourceError(
            f"{where}: not valid YAML: {problem}. Mend: correct that value, or put it in quotes"
        ) from None


def note_lines(node: yaml.Node, path: str, where: str, lines: dict[str, int], seen: set[int]) -> None:
    """Note the line of `node` and of all below it. Raises `SourceError` on a key used twice or not text."""
    lines.setdefault(path, node.start_mark.line + 1)
    if id(node) in seen:  # an alias: its content was noted where it is written
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            note_lines(item, f"{path}[{i}]", where, lines, seen)
    elif isinstance(node, yaml.MappingNode):
        note_keys(node, path, where, lines, seen)


def note_keys(node: yaml.MappingNode, path: str, where: str, lines: dict[str, int], seen: set[int]) -> None:
    """The part of `note_lines` for a mapping."""
    first: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        inside = f" in {path!r}" if path else ""
        if key.tag not in {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}:
            written = key.value if isinstance(key, yaml.ScalarNode) else "of brackets"
            raise SourceError(f"{where}, line {line}: key {written}{inside} is not text. Mend: put it in quotes")
        if key.value in first:
            raise SourceError(
                f"{where}, line {line}: key {key.value!r}{inside} is used twice, first in line {first[key.value]}. "
                "Mend: remove one of them"
            )
        first[key.value] = line
        below = f"{path}.{key.value}" if path else key.value
        lines[below] = line
        note_lines(value, below, where, lines, seen)


def line_of(error: yaml.MarkedYAMLError) -> str:
    """Where the parser stopped, as text to follow the file's name."""
    mark = error.problem_mark or error.context_mark
    return f", line {mark.line + 1}" if mark else ""


def in_words(error: yaml.MarkedYAMLError) -> str:
    """The parser's complaint in one line, with a mend."""
    problem = " ".join(part for part in (error.context, error.problem) if part)
    if r"'\t'" in problem:
        return f"{problem}. Mend: indent with spaces, not with tabs"
    return f"{problem}. Mend: correct the indentation there, or quote text that holds ': ' or begins with a sign"
