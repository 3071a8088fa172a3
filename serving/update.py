"""`handrail update`: let a bandit go on learning from logged decisions, as a new version of its bundle."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from journeys.events import EventCodec
from journeys.plan import compile_plan
from policies.bandits.learning import Counts, Learner, learn, policy_of, worth_of
from policies.bandits.lived import Lived, Worth, relive
from policies.bandits.settings import BANDITS
from policies.bandits.tensors import learner_from, tensors_of
from policies.bundle import Bundle, Contents, bundle_of, save_bundle
from policies.bundle_checks import WEIGHTS
from policies.bundle_checks import tensors_of as read_tensors
from policies.bundle_files import BundleError, read_files
from policies.protocol import Policy
from serving.decided_log import DecidedLog, LogError, Part, content_of, read_logs
from serving.learned_logs import Learned, known_parts, log_of, updates_of, with_update

USERS_AT_A_TIME = 2048  # relived together: some 100 MB of observations
COMPARED = 20_000  # decisions at which the new version is compared with the old one, at most


class Update(NamedTuple):
    """What came of an update: where the new bundle is, what it learned, and at which share it would now differ."""

    out: Path
    version: str
    users: int
    counts: Counts
    learned_before: int
    changed: float
    log: DecidedLog


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (2 where a log, the bundle or a path is wrong, or nothing was learned)."""
    command = argparse.ArgumentParser(prog="handrail update", description=__doc__)
    command.add_argument("--bundle", type=Path, required=True, help="the bundle that is to learn; it stays as it is")
    command.add_argument(
        "--log", type=Path, action="append", required=True,
        help="a log that holds decisions, as JSON Lines; give several logs one by one, the oldest first",
    )  # fmt: skip
    command.add_argument("--out", type=Path, required=True, help="the new bundle: a folder, or a file ending in .zip")
    command.add_argument("--version", help="version of the new bundle (default: that of the old one, plus 1)")
    options = command.parse_args(arguments)
    try:
        made = update(options.bundle, options.log, options.out, options.version)
    except (BundleError, LogError) as error:
        print(f"handrail update: {error}", file=sys.stderr)
        return 2
    Console().print(summary(made))
    print(made.out)
    return 0


def update(path: Path, logs: Sequence[Path], out: Path, version: str | None = None) -> Update:
    """Learn from `logs` on top of the bundle at `path`, and write the new version to `out`.

    A log that the bundle learned from before may be given again, as it was or grown, beside those in which its users
    go on: no decision is learned twice. Raises `BundleError` or `LogError`; then nothing was written.
    """
    files = read_files(path)
    bundle = bundle_of(files, str(path))
    learner, version = learner_of(bundle, files, path), new_version(bundle, path, version)
    contents = contents_of(logs)
    before = known_parts(updates_of(bundle.manifest), contents)
    whole = {part.path for part in before if len(part.content) == len(contents[part.path])}
    if whole == set(contents):
        raise LogError(f"{logs[-1]}: the bundle has learned from this log before. Mend: give one that is new to it")
    codec, known = EventCodec(bundle.journey), [part.path for part in before]
    learned = keys_learned(read_logs(before, codec), bundle, learner) if before else np.zeros(0, np.uint64)
    order = [*known, *(path for path in contents if path not in known)]
    log = read_logs([Part(path, contents[path]) for path in order], codec)
    counts, sample = learn_all(learner, bundle, log, learned)
    if sample is None or not counts.learned:
        raise LogError(nothing_learned(logs, log, counts, len(learned)))
    changed = changed_share(bundle.policy, policy_of(learner, bundle.journey), sample)
    made = Learned(
        bundle.manifest.version,
        bundle.manifest.digest,
        tuple(log_of(content) for path, content in contents.items() if path not in whole),
        counts.learned,
        counts.waiting,
    )
    save_bundle(out, new_contents(bundle, learner, version, made))
    return Update(out, version, len(log.users), counts, len(learned), changed, log)


def learner_of(bundle: Bundle, files: Mapping[str, bytes], path: Path) -> Learner:
    """The bandit in a bundle. Raises `BundleError` where it holds none."""
    family = bundle.manifest.family
    if family not in BANDITS:
        raise BundleError(
            f"{path}: a policy of family {family!r} does not learn from logs. "
            f"Mend: give the bundle of a bandit ({', '.join(BANDITS)})"
        )
    return learner_from(family, read_tensors(files[WEIGHTS], str(path)), bundle.journey)


def new_version(bundle: Bundle, path: Path, wanted: str | None) -> str:
    """The version of the new bundle, by default the one after the old. Raises `BundleError`."""
    own = bundle.manifest.version
    if wanted is not None and wanted in {"", own}:
        raise BundleError(
            f"--version {wanted!r} is {'that of the old bundle' if wanted else 'empty'}. Mend: another one"
        )
    if wanted is None and not own.isdecimal():
        raise BundleError(f"{path}: what comes after version {own!r} is not clear. Mend: say so, as in --version 2.1")
    return wanted or str(int(own) + 1)


def contents_of(logs: Sequence[Path]) -> dict[Path, bytes]:
    """The bytes of every log. Raises `LogError`."""
    contents = {log: content_of(log) for log in logs}
    if len(set(contents.values())) < len(logs):
        raise LogError("--log: one log was given twice. Mend: give each once")
    return contents


def keys_learned(log: DecidedLog, bundle: Bundle, learner: Learner) -> np.ndarray:
    """Keys `(m,)` uint64 of the decisions that were learned when this was all there was."""
    lived = lived_from(compile_plan(bundle.journey), worth_of(learner.settings), log, 0, len(log.users))
    return lived.keys[lived.known]


def learn_all(learner: Learner, bundle: Bundle, log: DecidedLog, learned: np.ndarray) -> tuple[Counts, Lived | None]:
    """Learn from every user of a log, in order, but for decisions whose keys are in `learned` `(m,)`.

    With the counts come some of the decisions.
    """
    plan, worth = compile_plan(bundle.journey), worth_of(learner.settings)
    totals, sample = Counts(0, 0, 0), None
    console = Console(stderr=True)
    for low in track(
        range(0, len(log.users), USERS_AT_A_TIME), "learning", console=console, disable=not console.is_terminal
    ):
        lived = lived_from(plan, worth, log, low, min(low + USERS_AT_A_TIME, len(log.users)))
        lived = Lived(*(column[~np.isin(lived.keys, learned)] for column in lived))
        totals = Counts(*(a + b for a, b in zip(totals, learn(learner, lived, bundle.journey), strict=True)))
        sample = Lived(*(column[:COMPARED] for column in lived)) if sample is None else sample
    return totals, sample


def lived_from(plan: Any, worth: Worth, log: DecidedLog, low: int, high: int) -> Lived:
    """What users `low` to `high - 1` of a log lived; where rewards were given, these alone count."""
    first, last = log.starts[low], log.starts[high]
    lived, _ = relive(plan, worth, log.events[first:last], log.starts[low : high + 1] - first)
    if log.rewards is not None:
        given = [log.rewards.get(key) for key in lived.keys.tolist()]
        lived.known[:] = [reward is not None for reward in given]
        lived.returns[:] = [reward or 0.0 for reward in given]
    return lived


def nothing_learned(logs: Sequence[Path], log: DecidedLog, counts: Counts, learned: int) -> str:
    """Why there was nothing to learn from."""
    where = ", ".join(map(str, logs))
    if log.refused.first is not None:
        return f"{where}: nothing to learn from: {log.refused.first}"
    if log.headless and not sum(counts):
        return f"{where}: {log.headless} users whose sign-up no log holds. Mend: give the earlier logs of them as well"
    if log.rewards is not None:
        return (
            f"{where}: none of the {len(log.rewards)} rewards is of a decision in these logs that was not learned "
            "before and had something to choose. Mend: give the events and decisions that they belong to as well"
        )
    if not sum(counts) and not learned:
        return f"{where}: no decision was found. Mend: give a log that holds decisions, see docs/bandits.md"
    return (
        f"{where}: {learned} decisions learned before, {counts.waiting} of users whose onboarding goes on, "
        f"{counts.forced} with nothing to choose, none to learn from. Mend: give these logs again together with the "
        "one in which they end"
    )


def changed_share(old: Policy, new: Policy, sample: Lived) -> float:
    """Share of decisions at which the likeliest action is another one now."""
    seen = sample.observations, sample.masks
    chances = (policy.probabilities(*seen).argmax(axis=1) for policy in (old, new))
    return float(np.mean(np.not_equal(*chances)))


def new_contents(bundle: Bundle, learner: Learner, version: str, made: Learned) -> Contents:
    """The new bundle: what was learned, and how it came to be. What was measured of the old one is not its own."""
    manifest = bundle.manifest
    return Contents(
        name=manifest.name,
        version=version,
        journey=bundle.journey,
        family=manifest.family,
        tensors=tensors_of(learner),
        temperature=manifest.temperature,
        success=bundle.success,
        usual=bundle.usual,
        provenance=with_update(manifest, made),
        persona=bundle.persona,
    )


def summary(made: Update) -> Table:
    """What was done, as a table."""
    table = Table(title=f"version {made.version}", title_justify="left", show_header=False)
    rows = {
        "users": f"{made.users:,}",
        "decisions learned from": f"{made.counts.learned:,}",
        "decisions of onboardings that go on": f"{made.counts.waiting:,}",
        "decisions with nothing to choose": f"{made.counts.forced:,}",
        "decisions learned before": f"{made.learned_before:,}",
        "users whose beginning no log holds": f"{made.log.headless:,}",
        "lines passed over": f"{made.log.refused.lines:,}",
        "likeliest action is another now": f"{made.changed:.1%} of decisions",
    }
    for row in rows.items():
        table.add_row(*row)
    if made.log.refused.first is not None:
        table.add_row("the first passed over", made.log.refused.first)
    return table


if __name__ == "__main__":
    sys.exit(main())
