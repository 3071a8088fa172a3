"""A wrong journey file gets an error that names the file, the line, the step, the key and the mend."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from journeys.loading import JourneyError, journey_from, load_journey, parse_journey, shipped
from journeys.plan import compile_plan
from journeys.spec import MAX_SKILLS, MAX_STEPS

SAAS = Path(__file__).resolve().parents[2] / "conf" / "journey" / "saas.yaml"
HELP = {"hint": "a", "guidance": "b", "full": "c", "human": "d"}
SOUND: dict[str, Any] = {
    "name": "sound",
    "skills": [{"name": "reading"}, {"name": "writing", "prior": 0.2}],
    "rules": {"help_budget": 5},
    "steps": [
        {"name": "one", "help": dict(HELP), "teaches": ["reading"]},
        {"name": "two", "help": dict(HELP), "needs": ["reading"], "teaches": ["writing"], "after": ["one"]},
        {"name": "three", "help": dict(HELP), "needs": ["writing"], "after": ["one"], "required": False},
    ],
}


def complaint_about(change: Callable[[dict[str, Any]], object]) -> str:
    """The error of the sound journey after `change`, written to YAML and read back."""
    raw = copy.deepcopy(SOUND)
    change(raw)
    with pytest.raises(JourneyError) as caught:
        parse_journey(yaml.safe_dump(raw, sort_keys=False), "my/journey.yaml")
    return str(caught.value)


def at(*path: str | int, value: Any) -> Callable[[dict[str, Any]], object]:
    """A change that puts `value` at `path`."""

    def change(raw: Any) -> None:
        for part in path[:-1]:
            raw = raw[part]
        raw[path[-1]] = value

    return change


def without(*path: str | int) -> Callable[[dict[str, Any]], object]:
    """A change that removes what is at `path`."""

    def change(raw: Any) -> None:
        for part in path[:-1]:
            raw = raw[part]
        del raw[path[-1]]

    return change


def test_the_sound_journey_is_sound() -> None:
    assert journey_from(SOUND, "here").step_names() == ("one", "two", "three")


@pytest.mark.parametrize(
    ("change", "owner", "key", "mend"),
    [
        # keys that do not exist, at every level
        (at("stepz", value=[]), "", "stepz", "did you mean 'steps'"),
        (at("time-limit", value=3), "", "time-limit", "use one of name, skills, steps"),
        (at("skills", 1, "priors", value=0.1), "skill 'writing'", "priors", "did you mean 'prior'"),
        (at("steps", 1, "minuets", value=3), "step 'two'", "minuets", "did you mean 'minutes'"),
        (at("steps", 1, "help", value={**HELP, "hnt": "x"}), "step 'two'", "help.hnt", "did you mean 'hint'"),
        (at("rules", "cooldown", value=3), "", "rules.cooldown", "did you mean 'cooldown_seconds'"),
        # keys that are missing
        (without("name"), "", "name", "add it"),
        (without("skills"), "", "skills", "add it"),
        (without("steps", 1, "name"), "step 'number 2'", "name", "add it"),
        (without("steps", 1, "help"), "step 'two'", "help", "add it"),
        (without("skills", 0, "name"), "skill 'number 1'", "name", "add it"),
        *[
            (without("steps", 1, "help", rung), "step 'two'", f"help.{rung}", "add it")
            for rung in HELP
        ],
        # wrong types
        (at("steps", value={}), "", "steps", "in brackets"),
        (at("steps", value=None), "", "steps", "in brackets"),
        (at("steps", 1, "needs", value="reading"), "step 'two'", "needs", "in brackets"),
        (at("steps", 1, "minutes", value="3"), "step 'two'", "minutes", "without quotes"),
        (at("steps", 1, "minutes", value=True), "step 'two'", "minutes", "without quotes"),
        (at("steps", 1, "required", value=1), "step 'two'", "required", "true or false"),
        (at("steps", 1, "required", value="yes"), "step 'two'", "required", "true or false"),
        (at("steps", 1, "help", value="ask a colleague"), "step 'two'", "help", "indent its keys"),
        (at("steps", 1, "help", value={**HELP, "full": ["x"]}), "step 'two'", "help.full", "write text"),
        (at("steps", 1, "title", value=None), "step 'two'", "title", "write text"),
        (at("version", value=True), "", "version", "whole number"),
        (at("version", value=1.0), "", "version", "whole number"),
        (at("rules", "help_budget", value=2.5), "", "rules.help_budget", "whole number"),
        (at("rules", "human_support", value=0), "", "rules.human_support", "true or false"),
        # values out of range
        (at("steps", 1, "minutes", value=float("nan")), "step 'two'", "minutes", "correct the number"),
        (at("steps", 1, "minutes", value=float("inf")), "step 'two'", "minutes", "correct the number"),
        (at("steps", 1, "minutes", value=1e300), "step 'two'", "minutes", "correct the number"),
        (at("steps", 1, "minutes", value=10**400), "step 'two'", "minutes", "correct the value"),
        (at("steps", 1, "minutes", value=0), "step 'two'", "minutes", "correct the number"),
        (at("skills", 1, "prior", value=1), "skill 'writing'", "prior", "correct the number"),
        (at("skills", 1, "learn", value=0), "skill 'writing'", "learn", "correct the number"),
        (at("skills", 1, "slip", value=float("nan")), "skill 'writing'", "slip", "correct the number"),
        (at("rules", "help_budget", value=-1), "", "rules.help_budget", "correct the number"),
        (at("rules", "cooldown_seconds", value=-1), "", "rules.cooldown_seconds", "correct the number"),
        (at("rules", "message_budget", value=10**9), "", "rules.message_budget", "correct the number"),
        (at("rules", "lapse_hours", value=1e9), "", "rules.lapse_hours", "correct the number"),
        (at("rules", "horizon_days", value=float("inf")), "", "rules.horizon_days", "correct the number"),
        (at("rules", "away_checks_hours", value=[5, 3]), "", "rules.away_checks_hours", "sort the hours"),
        (at("rules", "away_checks_hours", value=[400]), "", "rules.away_checks_hours", "raise lapse_hours"),
        (at("rules", "away_checks_hours", value=list(range(1, 34))), "", "rules.away_checks_hours", "make it shorter"),
        (at("skills", 1, "slip", value=0.8), "skill 'writing'", "", "lower one"),
        (at("steps", 1, "kind", value="tsk"), "step 'two'", "kind", "did you mean 'task'"),
        (at("steps", 1, "difficulties", value=["esy"]), "step 'two'", "difficulties[0]", "did you mean 'easy'"),
        (at("completed_when", value="al"), "", "completed_when", "did you mean 'all'"),
        (at("steps", 1, "name", value="Step Two"), "step 'Step Two'", "name", "small letters"),
        (at("steps", 1, "name", value="two\n"), "step 'two", "name", "small letters"),
        (at("steps", 1, "name", value="x" * 65), "step 'x", "name", "at most 64"),
        # nothing there
        (at("steps", value=[]), "", "steps", "add at least one"),
        (at("skills", value=[]), "", "skills", "add at least one"),
        (at("steps", 1, "help", value={**HELP, "human": "  "}), "step 'two'", "help.human", "write what the user"),
        (at("steps", 1, "difficulties", value=[]), "step 'two'", "difficulties", "name at least one"),
        # names
        (at("steps", 1, "name", value="one"), "step 'one'", "name", "rename"),
        (at("skills", 1, "name", value="reading"), "skill 'reading'", "name", "rename"),
        (at("steps", 1, "needs", value=["readin"]), "step 'two'", "needs", "did you mean 'reading'"),
        (at("steps", 1, "teaches", value=["zzz"]), "step 'two'", "teaches", "use one of reading, writing"),
        (at("steps", 1, "after", value=["onne"]), "step 'two'", "after", "did you mean 'one'"),
        (at("steps", 1, "after", value=["one", "one"]), "step 'two'", "after", "remove one"),
        (at("steps", 1, "difficulties", value=["easy", "easy"]), "step 'two'", "difficulties", "remove one"),
        (at("skills", 1, "name", value="unused"), "skill 'unused'", "", "name it in a step, or remove it"),
        # goals
        (at("goals", value=[{"steps": ["one"]}]), "goal 'number 1'", "name", "add it"),
        (at("goals", value=[{"name": "g"}]), "goal 'g'", "steps", "add it"),
        (at("goals", value=[{"name": "g", "steps": [], "titel": ""}]), "goal 'g'", "titel", "did you mean 'title'"),
        (at("goals", value=[{"name": "g", "steps": []}]), "goal 'g'", "steps", "name the steps that serve it"),
        (at("goals", value=[{"name": "g", "steps": ["tow"]}]), "goal 'g'", "steps", "did you mean 'two'"),
        (at("goals", value=[{"name": "g", "steps": ["one", "one"]}]), "goal 'g'", "steps", "remove one"),
        (at("goals", value=[{"name": "g", "steps": ["one"]}] * 2), "goal 'g'", "name", "rename"),
        (at("goals", value=[{"name": f"g{i}", "steps": ["one"]} for i in range(17)]), "", "goals", "make it shorter"),
        (at("rules", "forgetting", value=1), "", "rules.forgetting", "true or false"),
        # order
        (at("steps", 1, "after", value=["two"]), "step 'two'", "after", "remove 'two'"),
        (at("steps", 0, "after", value=["two"]), "step 'one'", "after", "drop one of these prerequisites"),
        (at("steps", 1, "after", value=["three"]), "step 'two'", "after", "set 'required: true' on 'three'"),
    ],
)  # fmt: skip
def test_an_error_names_file_line_owner_key_and_mend(
    change: Callable[[dict[str, Any]], object], owner: str, key: str, mend: str
) -> None:
    complaint = complaint_about(change)
    assert re.match(r"my/journey\.yaml, line \d+: ", complaint)
    assert owner in complaint
    assert not key or f"key '{key}'" in complaint
    assert mend in complaint.partition("Mend: ")[2]


@pytest.mark.parametrize("number", ["1e1", "1e400", "1.0e1", "-2E3"])
@pytest.mark.parametrize("key", ["minutes", "help_budget", "prior"])
def test_a_number_that_yaml_reads_as_text_is_not_blamed_on_quotes(key: str, number: str) -> None:
    text = yaml.safe_dump(SOUND, sort_keys=False).replace("help_budget: 5", "help_budget: 5\n  time_budget_minutes: 9")
    old = {"minutes": "time_budget_minutes: 9", "help_budget": "help_budget: 5", "prior": "prior: 0.2"}[key]
    with pytest.raises(JourneyError) as caught:
        parse_journey(text.replace(old, f"{old.partition(':')[0]}: {number}"), "my.yaml")
    assert f"YAML reads {number} as text. Mend: write the number out" in str(caught.value)
    assert "quotes" not in str(caught.value)


def test_the_mend_for_a_number_that_yaml_reads_as_text_helps() -> None:
    text = yaml.safe_dump(SOUND, sort_keys=False).replace("prior: 0.2", "prior: 2.0e-1")
    assert parse_journey(text, "my.yaml").skills[1].prior == 0.2


@pytest.mark.parametrize(("slip", "guess", "sound"), [(0.1, 0.89, True), (0.25, 0.75, False), (0.9, 0.9, False)])
def test_knowing_helps(slip: float, guess: float, sound: bool) -> None:
    raw = copy.deepcopy(SOUND)
    raw["skills"][0] |= {"slip": slip, "guess": guess}
    if sound:
        journey_from(raw, "here")
    else:
        with pytest.raises(JourneyError, match=r"skill 'reading', keys 'slip' and 'guess'.*Mend: lower one"):
            journey_from(raw, "here")


def test_a_name_used_twice_is_the_only_fault_told() -> None:
    """What refers to the name that is now missing would read "use one of reading, reading"."""
    assert len(complaint_about(at("skills", 1, "name", value="reading")).splitlines()) == 1
    assert len(complaint_about(at("steps", 1, "name", value="three")).splitlines()) == 1


def test_as_many_checks_of_absence_as_there_may_be() -> None:
    raw = copy.deepcopy(SOUND)
    raw["rules"]["away_checks_hours"] = list(range(1, 33))
    assert len(journey_from(raw, "here").rules.away_checks_hours) == 32


def test_words_for_a_human_are_needed_where_none_is_offered() -> None:
    """As docs/journeys.md says: support may be turned on later."""

    def change(raw: dict[str, Any]) -> None:
        raw["rules"]["human_support"] = False
        del raw["steps"][0]["help"]["human"]

    assert "key 'help.human' is missing. Mend: add it" in complaint_about(change)


def test_every_fault_of_a_journey_is_told_at_once() -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["steps"][0]["needs"] = ["writin"]
        raw["steps"][1]["after"] = ["onne"]

    assert len(complaint_about(change).splitlines()) == 2


def test_a_journey_complete_when_all_is_done_may_wait_for_what_is_optional() -> None:
    raw = copy.deepcopy(SOUND)
    raw["completed_when"] = "all"
    for step in raw["steps"]:
        step["required"] = False
    plan = compile_plan(journey_from(raw, "here"))
    assert plan.rules["n_required"][0] == 3
    assert plan.weight.tolist() == [2 / 3, 2 / 3]


def test_nothing_required_cannot_be_completed() -> None:
    def change(raw: dict[str, Any]) -> None:
        for step in raw["steps"]:
            step["required"] = False

    assert "set completed_when: all" in complaint_about(change)


@pytest.mark.parametrize(("kind", "most"), [("steps", MAX_STEPS), ("skills", MAX_SKILLS)])
def test_sets_hold_64_members(kind: str, most: int) -> None:
    def grown(n: int) -> dict[str, Any]:
        raw = copy.deepcopy(SOUND)
        if kind == "steps":
            raw["steps"] += [{"name": f"more-{i}", "help": HELP} for i in range(n - 3)]
        else:
            raw["skills"] += [{"name": f"more-{i}"} for i in range(n - 2)]
            raw["steps"][0]["teaches"] = [skill["name"] for skill in raw["skills"]]
        return raw

    compile_plan(journey_from(grown(most), "here"))
    with pytest.raises(JourneyError, match=f"key '{kind}' has {most + 1} entries.*Mend: split the journey"):
        journey_from(grown(most + 1), "here")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", None, "the file is empty. Mend: write a mapping"),
        ("- a\n- b", None, "the file is a list. Mend: write a mapping"),
        ("just words", None, "the file is a str. Mend: write a mapping"),
        ("name: x\nname: y", 2, "key 'name' is used twice, first in line 1. Mend: remove one"),
        ("steps:\n- name: a\n  kind: task\n  kind: form", 4, "key 'kind' in 'steps\\[0\\]' is used twice"),
        ("name: x\non: y", 2, "key on is not text. Mend: put it in quotes"),
        ("3: x", 1, "key 3 is not text. Mend: put it in quotes"),
        ("? [a]\n: x", 1, "key of brackets is not text"),
        ("steps:\n\t- name: a", 2, "Mend: indent with spaces"),
        ("steps: [a", 1, "not valid YAML.*Mend: correct the indentation"),
        ("title: this: that", 1, "not valid YAML.*or quote text that holds ': '"),
        ("a: 1\n---\nb: 2", 2, "not valid YAML.*another document"),
        ("name: !!python/object/apply:os.getcwd []", 1, "not valid YAML.*could not determine a constructor"),
        ("name: 2024-13-45", None, "not valid YAML.*month.*Mend: correct that value"),
        ("name: " + "9" * 5000, None, "not valid YAML.*Mend: correct that value"),
        ("name: \x00", None, "not valid YAML.*Mend: correct that value"),
        (b"name: \xff", None, "not UTF-8 text.*Mend: save it as UTF-8"),
        ("[" * 3000, None, "nested too deeply. Mend: close the brackets"),
        ("name: &a [*a]", 1, "key 'name': must be text, not a list"),
    ],
    ids=range(19),
)
def test_unreadable_text(text: str | bytes, line: int | None, says: str) -> None:
    place = "bad.yaml" if line is None else f"bad.yaml, line {line}"
    with pytest.raises(JourneyError, match=rf"^{re.escape(place)}: .*{says}"):
        parse_journey(text, "bad.yaml")


def test_the_line_is_the_one_that_is_wrong(tmp_path: Path) -> None:
    broken = SAAS.read_text().replace("kind: integration", "kind: integrated", 1)
    line = next(i for i, row in enumerate(broken.splitlines(), 1) if "integrated" in row)
    path = tmp_path / "saas.yaml"
    path.write_text(broken)
    with pytest.raises(JourneyError, match=rf"{re.escape(str(path))}, line {line}: step 'connect-email', key 'kind'"):
        load_journey(path)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with pytest.raises(JourneyError):
        parse_journey(text, "any.yaml")


@given(
    st.sampled_from([("name",), ("steps", 0), ("steps", 0, "help"), ("steps", 1, "minutes"), ("skills",), ("rules",)]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
)
def test_any_value_anywhere_is_accepted_or_refused_in_words(path: tuple[str | int, ...], value: Any) -> None:
    raw = copy.deepcopy(SOUND)
    at(*path, value=value)(raw)
    try:
        compile_plan(journey_from(raw, "any.yaml"))
    except JourneyError as error:
        assert "Mend: " in str(error)  # noqa: PT017  both outcomes are right; only the words of the second matter


def test_unknown_names_and_missing_files() -> None:
    with pytest.raises(JourneyError, match=r"no journey called 'sas'\. Mend: did you mean 'saas'"):
        load_journey("sas")
    with pytest.raises(
        JourneyError,
        match=r"Mend: use one of course, creator, ladder, saas, tiny\. A journey of your own is given by a path",
    ):
        load_journey("zzz")
    with pytest.raises(JourneyError, match=r"no journey called '\.\./journey/saas'"):
        load_journey("../journey/saas")
    with pytest.raises(JourneyError, match=r"nowhere\.yaml: cannot be read: No such file.*Mend: .*saas"):
        load_journey("nowhere.yaml")


@pytest.mark.parametrize("name", shipped())
def test_shipped_journeys_are_sound_and_named_like_their_file(name: str) -> None:
    journey = load_journey(name)
    assert journey.name == name
    assert journey.title
    assert all(step.title for step in journey.steps)
    assert all(skill.title for skill in journey.skills)


def test_the_hash_follows_the_content() -> None:
    journey = journey_from(SOUND, "here")
    again = journey_from(copy.deepcopy(SOUND), "there")
    changed = copy.deepcopy(SOUND)
    changed["steps"][0]["help"] = {**HELP, "hint": "another"}
    assert journey.hash() == again.hash()
    assert journey.hash() != journey_from(changed, "here").hash()
