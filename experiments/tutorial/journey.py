"""The programming tutorial as a journey: a step per task, a skill per set of concepts that no data can tell apart.

Choices, all ours: a task teaches the skills that are new at its level and needs the others it uses; it waits for the
simplest task of the level below; the simplest task of each level is required and the others are practice. The
tutorial itself had no such prerequisites: it unlocked blocks by credits, and the import counts where it differed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import yaml

from experiments.tutorial.data import Concept, Task, Tutorial, Visit
from journeys.loading import journey_from
from journeys.spec import Help, Journey, Rules, Skill, Step

NAME = "programming-tutorial"
TELLING = ("PROGRAMMING", "BLOCK", "GAME", "ENV")  # kinds of concepts, the most telling first
FLOOR_MINUTES = 0.25  # nobody reads a task, builds a program and runs it faster
PRIOR_SOLUTIONS = 5  # the level's median weighs as much as so many solutions of the task itself
BUDGET_MINUTES = 60.0  # one school lesson and a little; students declared nothing


def journey_of(tutorial: Tutorial, version: int = 1) -> Journey:
    """The journey of the tutorial's tasks, valid by the same checks as a journey file."""
    skills = skill_groups(tutorial.tasks, tutorial.concepts)
    names = step_names(tutorial.tasks)
    minutes = expected_minutes(tutorial.tasks, tutorial.visits)
    gates = gate_tasks(tutorial.tasks)
    levels = sorted(gates)
    first_level = {
        name: min(task.level for task in tutorial.tasks if uses(task, group)) for name, group in skills.items()
    }
    steps = []
    for task in tutorial.tasks:
        used = [name for name, group in skills.items() if uses(task, group)]
        below = [level for level in levels if level < task.level]
        steps.append(
            Step(
                name=names[task.id],
                title=task.title,
                help=help_texts(used, skills, first_level, task),
                teaches=tuple(name for name in used if first_level[name] == task.level),
                needs=tuple(name for name in used if first_level[name] != task.level),
                after=(names[gates[below[-1]].id],) if below else (),
                required=gates[task.level] is task,
                minutes=round(minutes[task.id], 2),
                difficulties=("standard",),
            )
        )
    journey = Journey(
        name=NAME,
        title="Adaptive programming tutorial",
        version=version,
        skills=tuple(Skill(name, " ".join(c.name for c in group)) for name, group in skills.items()),
        steps=tuple(steps),
        rules=Rules(human_support=False, time_budget_minutes=BUDGET_MINUTES),
    )
    return journey_from(msgspec.to_builtins(journey), NAME)


def uses(task: Task, group: Sequence[Concept]) -> bool:
    """Whether the task uses the concepts of a group: it uses all of them or none."""
    return group[0].id in task.concepts


def skill_groups(tasks: Sequence[Task], concepts: Sequence[Concept]) -> dict[str, list[Concept]]:
    """Concepts that occur in exactly the same tasks, under the name of the most telling; unused ones are left out."""
    groups: dict[frozenset[int], list[Concept]] = defaultdict(list)
    for concept in concepts:
        groups[frozenset(task.id for task in tasks if concept.id in task.concepts)].append(concept)
    groups.pop(frozenset(), None)
    return {slug(min(group, key=how_telling).name): group for group in groups.values()}


def how_telling(concept: Concept) -> tuple[int, int]:
    """Sort key: the kind of concept, then its id."""
    kind = concept.name.split("_")[0]
    return (TELLING.index(kind) if kind in TELLING else len(TELLING), concept.id)


def slug(text: str) -> str:
    """Lower-case words joined by hyphens, fit to name a step or skill."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:56] or "unnamed"


def step_names(tasks: Sequence[Task]) -> dict[int, str]:
    """A name per task, by its id: the slug of its title, with the id where a title occurs twice."""
    slugs = [slug(task.title) for task in tasks]
    return {t.id: s if slugs.count(s) == 1 else f"{s}-{t.id}" for t, s in zip(tasks, slugs, strict=True)}


def gate_tasks(tasks: Sequence[Task]) -> dict[int, Task]:
    """The simplest task of each level: fewest concepts, then lowest id."""
    return {
        level: min((t for t in tasks if t.level == level), key=lambda t: (len(t.concepts), t.id))
        for level in sorted({task.level for task in tasks})
    }


def expected_minutes(tasks: Sequence[Task], visits: Sequence[Visit]) -> dict[int, float]:
    """Median minutes of solved visits per task, pulled towards the median of its level, never under the floor.

    With `n` solutions of the task: (n * task's median + 5 * level's median) / (n + 5).
    """
    level_of = {task.id: task.level for task in tasks}
    solved = [(visit.task, visit.seconds / 60.0) for visit in visits if visit.solved]
    everywhere = [minutes for _, minutes in solved] or [1.0]
    expected = {}
    for task in tasks:
        of_level = [minutes for other, minutes in solved if level_of[other] == task.level] or everywhere
        own = [minutes for other, minutes in solved if other == task.id]
        pulled = PRIOR_SOLUTIONS * median(of_level) + (len(own) * median(own) if own else 0.0)
        expected[task.id] = max(FLOOR_MINUTES, pulled / (PRIOR_SOLUTIONS + len(own)))
    return expected


def help_texts(used: list[str], skills: dict[str, list[Concept]], first_level: dict[str, int], task: Task) -> Help:
    """The ladder, from the tutorial's own instructions: on the newest skill, on those as new, on all that are used."""

    def texts(names: list[str]) -> str:
        return " ".join(concept.text for name in names for concept in skills[name] if concept.text)

    newest = max(used, key=lambda name: first_level[name], default="")
    fresh = [name for name in used if first_level[name] == first_level[newest]] if newest else []
    hint = texts([newest] if newest else []) or f"Look again at what {task.title!r} asks for."
    guidance = texts(fresh) or hint
    full = texts(used) or guidance
    return Help(hint=hint, guidance=guidance, full=full, human="A teacher looks at your program with you.")


def with_skill_parameters(journey: Journey, version: int, parameters: dict[str, dict[str, float]]) -> Journey:
    """The journey with the given BKT parameters per skill, as a new version."""
    skills = tuple(msgspec.structs.replace(skill, **parameters[skill.name]) for skill in journey.skills)
    return msgspec.structs.replace(journey, skills=skills, version=version)


def write_journey(path: Path, journey: Journey) -> None:
    """Write a journey file that `load_journey` reads back equal."""
    plain: dict[str, Any] = msgspec.to_builtins(journey)
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
    path.write_text(text, encoding="utf-8")
