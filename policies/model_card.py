"""The model card of a bundle: what a person should know before serving it, generated from the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from journeys.spec import Journey
from policies.bandits.settings import BANDITS
from policies.manifest import Manifest

OVERALL = "overall"  # the group of all users, among those by persona
TRAINED = ("network", "scorer", "path", *BANDITS)
MEANING = {
    "network": "a trained network of two hidden layers; actions are drawn from a masked softmax",
    "scorer": "trained networks that weigh the steps of any journey one by one; drawn from a masked softmax",
    "linucb": "a linear bandit: the action of the highest upper confidence bound",
    "thompson": "a linear bandit: actions are drawn as often as they are the best by its posterior",
    "epsilon_greedy": "a linear bandit: the action that promises most, now and then any",
    "neural_linear": "a bandit that is linear in what a network makes of a step; drawn from its posterior",
    "recovering": "a bandit for help and messages, which work less when repeated; steps are the planner's",
    "path": "one order of steps with a difficulty each for everybody, found by search; help and messages by the rules",
    "rules": "expert rules; no learning",
    "fixed": "the fixed path; no learning",
    "greedy": "greedy on the belief; no learning",
    "zpdes": "ZPDES, a bandit on recent progress; what it knows of a user is in the events",
    "random": "any legal action, all equally likely; for logging data, not for guiding users",
}


def model_card(manifest: Manifest, journey: Journey | None, predicts_success: bool) -> str:
    """The card as Markdown."""
    parts = [
        f"# {manifest.name}, version {manifest.version}\n",
        *purpose(manifest, journey),
        *limits(manifest, journey, predicts_success),
        "## Measured in simulation\n",
        *measured(manifest.metrics),
        *predictions(manifest, predicts_success),
        "## How it was made\n",
        *table(manifest.provenance, "no provenance was recorded"),
    ]
    return "\n".join(parts)


def purpose(manifest: Manifest, journey: Journey | None) -> Iterator[str]:
    """What the policy is for."""
    yield (
        f"Guides users through {named(journey)}. It selects the next step and "
        "its difficulty, offers help inside a step, and sends messages to users who are away; only actions that the "
        "journey's rules and the user's consent allow.\n"
    )
    yield f"- Policy family: `{manifest.family}`, {MEANING.get(manifest.family, 'unknown')}."
    yield f"- Temperature: {manifest.temperature:g}."
    size, actions = manifest.observation.size, len(manifest.actions)
    if journey is None:
        yield f"- Reads {size} numbers of a user's history for each step that it weighs; may choose whatever is legal."
    else:
        yield f"- Reads {size} numbers of a user's history; chooses among {actions} actions."
    if manifest.onnx is not None:
        yield (
            f"- `policy.onnx` gives the same probabilities to within {manifest.onnx.max_difference:.1e} "
            f"({manifest.onnx.observations} observations compared)."
        )
    elif manifest.family == "scorer":
        yield "- No `policy.onnx`: what is read of a step is worked out from observation and journey beforehand."
    yield ""


def named(journey: Journey | None) -> str:
    """The journey with its size, or any."""
    if journey is None:
        return "any valid journey, which is to be given when it is served"
    what = f"{len(journey.steps)} steps, {len(journey.skills)} skills"
    return f"the journey `{journey.name}` ({journey.title or 'no title'}), version {journey.version}: {what}"


def limits(manifest: Manifest, journey: Journey | None, predicts_success: bool) -> Iterator[str]:
    """What it is not for."""
    yield "## Limits\n"
    if manifest.journey is None:
        yield "- Made for no journey in particular: compare it with the rules on yours first (`handrail compare`)."
        yield "- Predicts neither success nor persona and knows no usual user: reasons are measured against zeros."
    else:
        digest = manifest.journey.hash[:12]
        yield f"- Made for this very journey (hash `{digest}`); a changed journey needs a new bundle."
    if manifest.family in TRAINED:
        yield "- Trained and measured on synthetic users; its worth for real users is to be measured on real users."
    if predicts_success:
        yield "- Predicted success was fitted on synthetic users under this policy; take it as a rank, not as a rate."
    if manifest.personas:
        yield (
            f"- Predicted persona is the *simulated* kind ({', '.join(manifest.personas)}) that a user behaves like: "
            "real users are of no such kind, and what it says of them was never checked on them."
        )
    if journey is None or journey.rules.human_support:
        yield "- May offer a human helper; somebody has to be there."
    yield ""


def measured(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Levels of every policy over all users, a row per policy; anything but levels and differences as it stands."""
    levels = [level for level in metrics.get("levels", ()) if level.get("group", OVERALL) == OVERALL]
    if not levels:
        yield from table(metrics, "no metrics were recorded")
        return
    cells = {(level["policy"], level["measure"]): interval(level) for level in levels}
    measures = list(dict.fromkeys(level["measure"] for level in levels))
    yield f"| policy | {' | '.join(measures)} |"
    yield "|---" * (1 + len(measures)) + "|"
    for policy in dict.fromkeys(level["policy"] for level in levels):
        yield f"| {policy} | {' | '.join(cells.get((policy, measure), '') for measure in measures)} |"
    yield "\nMean over all simulated users, 95% interval. By persona, and paired differences: `manifest.json`.\n"


def predictions(manifest: Manifest, predicts_success: bool) -> Iterator[str]:
    """What the predictions of the bundle's heads are worth, a row per head, where the metrics say so."""
    has = {"success": predicts_success, "persona": bool(manifest.personas)}
    known = manifest.metrics.get("predictions", {})
    worth = {head: of for head, of in known.items() if has.get(head) and of["moments"]}
    if not worth:
        return
    yield "What the predictions are worth, on simulated users that they were not fitted on:\n"
    yield "| prediction | right | the commonest always | log loss | of the shares alone | users | moments |"
    yield "|---|---|---|---|---|---|---|"
    for head, of in worth.items():
        figures = (number(of[name]) for name in ("accuracy", "base_accuracy", "log_loss", "base_log_loss"))
        yield f"| {head} | {' | '.join(figures)} | {of['users']} | {of['moments']} |"
    yield "\nMean over decision moments, first and last alike. Log loss in nats; less is better.\n"


def interval(level: Mapping[str, Any]) -> str:
    """A mean with its interval."""
    return f"{number(level['mean'])} [{number(level['low'])}, {number(level['high'])}]"


def table(values: Mapping[str, Any], otherwise: str) -> Iterator[str]:
    """A two-column table of nested values, or the sentence `otherwise`."""
    if not values:
        yield f"({otherwise})\n"
        return
    yield "| what | value |"
    yield "|---|---|"
    for name, value in flat(values, ""):
        yield f"| {cell(name)} | {cell(value)} |"
    yield ""


def flat(values: Any, name: str) -> Iterator[tuple[str, str]]:
    """Dotted names and readable values of nested mappings and lists."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(values, list | tuple) and any(isinstance(value, Mapping | list | tuple) for value in values):
        for i, value in enumerate(values):
            yield from flat(value, f"{name}[{i}]")
    elif isinstance(values, list | tuple):
        yield name, ", ".join(number(value) for value in values)
    else:
        yield name, number(values)


def number(value: Any) -> str:
    """Floats to four significant digits; anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def cell(text: str) -> str:
    """Text that cannot break a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
