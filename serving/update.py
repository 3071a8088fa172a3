"""`handrail update`: let a bandit go on learning from logged decisions, as a new version of its bundle."""

from __future__ import annotations

import argparse
import sys
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
from policies.bundle import Bundle, Contents, load_bundle, save_bundle
from policies.bundle_checks import WEIGHTS
from policies.bundle_checks import tensors_of as read_tensors
from policies.bundle_files import BundleError, read_files
from policies.manifest import sha256
from policies.protocol import Policy
from serving.decided_log import DecidedLog, LogError, read_logs

LEARNED_FROM = "learned_from"  # in a manifest's provenance: the updates that made it, the first first
USERS_AT_A_TIME = 2048  # relived together: some 100 MB of observations
COMPARED = 20_000  # decisions at which the new version is compared with the old one, at most


class Update(NamedTuple):
    """What came of an update: where the new bundle is, what it learned, and at which share it would now differ."""

    out: Path
    version: str
    users: int
    counts: Counts
    known_before: int
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


def update(path: Path, logs: list[Path], out: Path, version: str | None = None) -> Update:
    """Learn from `logs` on top of the bundle at `path`, and write the new version to `out`.

    A log that the bundle learned from before may be given again, beside the one in which its users go on: what was
    learned is not learned twice. Raises `BundleError` or `LogError`; then nothing was written.
    """
    bundle = load_bundle(path)
    learner = learner_of(bundle, path)
    version = version or next_version(bundle, path)
    digests = digests_of(logs)
    before = [log for log, digest in digests.items() if digest in learned_before(bundle)]
    codec = EventCodec(bundle.journey)
    over = over_in(read_logs(before, codec), bundle, learner) if before else set()
    log = read_logs([*before, *(path for path in digests if path not in before)], codec)
    news = without(log, over)
    if len(before) == len(digests):
        raise LogError(f"{before[-1]}: the bundle has learned from this log before. Mend: give one that is new to it")
    if not news.users:
        raise LogError(nothing_learned(logs, log, Counts(0, 0, 0)))
    counts, sample = learn_all(learner, bundle, news)
    if not counts.learned:
        raise LogError(nothing_learned(logs, log, counts))
    changed = changed_share(bundle.policy, policy_of(learner, bundle.journey), sample)
    new = [digests[path] for path in digests if path not in before]
    save_bundle(out, contents_of(bundle, learner, version, new, counts))
    return Update(out, version, len(news.users), counts, len(over), changed, log)


def learner_of(bundle: Bundle, path: Path) -> Learner:
    """The bandit in a bundle. Raises `BundleError` where it holds none."""
    family = bundle.manifest.family
    if family not in BANDITS:
        raise BundleError(
            f"{path}: a policy of family {family!r} does not learn from logs. "
            f"Mend: give the bundle of a bandit ({', '.join(BANDITS)})"
        )
    return learner_from(family, read_tensors(read_files(path)[WEIGHTS], str(path)), bundle.journey)


def next_version(bundle: Bundle, path: Path) -> str:
    """The version after the bundle's own. Raises `BundleError` where nobody can tell which that is."""
    own = bundle.manifest.version
    if not own.isdecimal():
        raise BundleError(f"{path}: what comes after version {own!r} is not clear. Mend: say so, as in --version 2.1")
    return str(int(own) + 1)


def digests_of(logs: list[Path]) -> dict[Path, str]:
    """SHA-256 of every log. Raises `LogError`."""
    try:
        digests = {log: sha256(log.read_bytes()) for log in logs}
    except OSError as error:
        raise LogError(f"{error.filename}: {error.strerror}. Mend: give a log as JSON Lines") from None
    if len(set(digests.values())) < len(logs):
        raise LogError("--log: one log was given twice. Mend: give each once")
    return digests


def learned_before(bundle: Bundle) -> set[str]:
    """Digests of all logs that the bundle has learned from."""
    return {digest for made in bundle.manifest.provenance.get(LEARNED_FROM, ()) for digest in made["logs"]}


def over_in(log: DecidedLog, bundle: Bundle, learner: Learner) -> set[str]:
    """Users whose onboarding is over in `log`."""
    _, over = relive(compile_plan(bundle.journey), worth_of(learner.settings), log.events, log.starts)
    return {user for user, done in zip(log.users, over.tolist(), strict=True) if done}


def without(log: DecidedLog, users: set[str]) -> DecidedLog:
    """A log but for some `users`."""
    kept = [u for u, user in enumerate(log.users) if user not in users]
    parts = [log.events[log.starts[u] : log.starts[u + 1]] for u in kept]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)]).astype(np.int64)
    events = np.concatenate(parts) if parts else log.events[:0]
    return log._replace(users=[log.users[u] for u in kept], events=events.view(np.recarray), starts=starts)


def learn_all(learner: Learner, bundle: Bundle, log: DecidedLog) -> tuple[Counts, Lived]:
    """Learn from every user of a log, in order; with the counts come some of the decisions."""
    plan, worth, totals, sample = compile_plan(bundle.journey), worth_of(learner.settings), Counts(0, 0, 0), None
    console = Console(stderr=True)
    for low in track(
        range(0, len(log.users), USERS_AT_A_TIME), "learning", console=console, disable=not console.is_terminal
    ):
        lived = lived_from(plan, worth, log, low, min(low + USERS_AT_A_TIME, len(log.users)))
        totals = Counts(*(a + b for a, b in zip(totals, learn(learner, lived, bundle.journey), strict=True)))
        sample = Lived(*(column[:COMPARED] for column in lived)) if sample is None else sample
    assert sample is not None
    return totals, sample


def lived_from(plan: Any, worth: Worth, log: DecidedLog, low: int, high: int) -> Lived:
    """What users `low` to `high - 1` of a log lived; where rewards were given, these alone count."""
    first, last = log.starts[low], log.starts[high]
    lived, _ = relive(plan, worth, log.events[first:last], log.starts[low : high + 1] - first)
    if log.rewards:
        given = [log.rewards.get(key) for key in lived.keys.tolist()]
        lived.known[:] = [reward is not None for reward in given]
        lived.returns[:] = [reward or 0.0 for reward in given]
    return lived


def nothing_learned(logs: list[Path], log: DecidedLog, counts: Counts) -> str:
    """Why there was nothing to learn from."""
    where = ", ".join(map(str, logs))
    if log.refused.first is not None:
        return f"{where}: nothing to learn from: {log.refused.first}"
    if log.headless and not sum(counts):
        return f"{where}: {log.headless} users whose sign-up no log holds. Mend: give the earlier logs of them as well"
    if not sum(counts):
        return f"{where}: no decision was found. Mend: give a log that holds decisions, see docs/bandits.md"
    return (
        f"{where}: {counts.waiting} decisions of users whose onboarding goes on, {counts.forced} with nothing to "
        "choose, none to learn from. Mend: give these logs again together with the one in which they end"
    )


def changed_share(old: Policy, new: Policy, sample: Lived) -> float:
    """Share of decisions at which the likeliest action is another one now."""
    seen = sample.observations, sample.masks
    chances = (policy.probabilities(*seen).argmax(axis=1) for policy in (old, new))
    return float(np.mean(np.not_equal(*chances)))


def contents_of(bundle: Bundle, learner: Learner, version: str, logs: list[str], counts: Counts) -> Contents:
    """The new bundle: what was learned, and how it came to be. What was measured of the old one is not its own."""
    manifest = bundle.manifest
    step = {
        "version": manifest.version,
        "digest": manifest.digest,
        "logs": logs,
        "decisions": counts.learned,
        "waiting": counts.waiting,
    }
    return Contents(
        name=manifest.name,
        version=version,
        journey=bundle.journey,
        family=manifest.family,
        tensors=tensors_of(learner),
        temperature=manifest.temperature,
        success=bundle.success,
        usual=bundle.usual,
        provenance={**manifest.provenance, LEARNED_FROM: [*manifest.provenance.get(LEARNED_FROM, ()), step]},
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
        "users learned from before": f"{made.known_before:,}",
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
