"""For whom a path is sought: a population as it is, or each kind of its people alone."""

from __future__ import annotations

from typing import Any

from experiments.settings import Problem, SettingsError
from personas.persona import mixture

TOGETHER, APART = "population", "personas"


def cohorts_of(wanted: str | tuple[str, ...], problem: Problem, population: dict[str, Any]) -> list[Problem]:
    """A problem per cohort, each under its own name: of the `population` (as configured) or of the personas named.

    Raises `SettingsError`.
    """
    if wanted == TOGETHER:
        return [problem]
    members = list(population["weights"])
    if isinstance(wanted, str) and wanted != APART:
        wanted = (wanted,)
    names = members if wanted == APART else list(wanted)
    for name in names:
        if name not in members:
            choice = ", ".join((TOGETHER, APART, *members))
            raise SettingsError(
                f"cohorts: {name!r} is nobody in population {problem.population.name!r}. Mend: use one of {choice}"
            )
        if names.count(name) > 1:
            raise SettingsError(f"cohorts: {name!r} is there twice. Mend: name it once only")
    return [problem._replace(population=mixture(name, {name: 1.0})) for name in names]
