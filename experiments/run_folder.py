"""What a run leaves behind, and how a trained policy is read back from it.

Every run has the files of its kind among these:

    config.yaml          composes to the same run again
    run.json             command, journey, policy family, seed, versions, commit, when and how long
    journey.json         the journey, canonical JSON
    weights.safetensors  the tensors of the policy's family, of the heads that predict success and persona, usual
    metrics.json         all intervals: levels and paired differences, overall and by persona; worth of predictions
    metrics.csv          the same as a table
    curve.csv            the learning curve; tensorboard/ holds the same for TensorBoard
    checkpoint.pt        where the training stood last: `resume=` goes on from it
    plots/*.png          the pictures
    report.html          all of it on one page

run.json is written when all that the policy needs is there: a folder that has it can be played and exported.
"""

from __future__ import annotations

import csv
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import astuple, replace
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from experiments.comparison import Comparison, Row
from experiments.hydra_entry import Job
from experiments.settings import Problem, SettingsError
from journeys.loading import JourneyError, journey_from
from journeys.spec import Journey
from policies.bundle_checks import PERSONA_BIAS, PERSONA_WEIGHT, SUCCESS_BIAS, SUCCESS_WEIGHT, USUAL
from policies.families import SCORER, build_policy
from policies.persona_head import PersonaHead
from policies.protocol import Policy
from policies.success import SuccessHead
from policies.training.prediction_worth import Worth

CONFIG_FILE, RUN_FILE, JOURNEY_FILE = "config.yaml", "run.json", "journey.json"
WEIGHTS_FILE, CURVE_FILE = "weights.safetensors", "curve.csv"
METRICS_FILE, METRICS_TABLE = "metrics.json", "metrics.csv"
PLOTS_FOLDER, REPORT_FILE = "plots", "report.html"
TENSORBOARD_FOLDER, CHECKPOINT_FILE = "tensorboard", "checkpoint.pt"

PACKAGES = ("handrail", "numpy", "numba", "torch", "stable-baselines3", "sb3-contrib")


class MadeBy(NamedTuple):
    """How a run's policy was found, what a bundle calls its kind, at which temperature it is played, what it met."""

    algorithm: str
    family: str
    temperature: float
    practice: Mapping[str, Any]


class RunRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a run comes from. `algorithm` and `family` say how the policy was found and what a bundle calls it.

    Both are None where nothing was trained. `journey` and `population` are those that it was judged on, `practice` says
    what it was trained on. `temperature` is that at which the policy is played. `seconds` is
    wall-clock time. `personas` are those that the persona head tells apart, in the order of its columns; none where
    nothing was trained.
    """

    command: str
    overrides: tuple[str, ...]
    journey: str
    journey_hash: str
    population: str
    algorithm: str | None
    family: str | None
    seed: int
    versions: dict[str, str]
    commit: str | None
    started: str
    seconds: float
    temperature: float = 1.0
    practice: dict[str, Any] = {}
    personas: tuple[str, ...] = ()


class TrainingMetrics(Comparison, frozen=True):
    """All intervals of a training, and what the heads' predictions are worth, by head."""

    predictions: dict[str, Worth]


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on; those not installed are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The git commit of these sources, with `+changes` where tracked files differ; None outside a repository."""
    here = Path(__file__).resolve()
    try:
        git(here.parent, "ls-files", "--error-unmatch", here.name)
        dirty = git(here.parent.parent, "status", "--porcelain", "--untracked-files=no")
        return git(here.parent, "rev-parse", "HEAD") + ("+changes" if dirty else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def git(folder: Path, *arguments: str) -> str:
    """Output of a git command."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def now() -> str:
    """The present moment, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def open_folder(job: Job) -> Path:
    """Make the run's folder and put its configuration there. Raises `SettingsError` where a run is there already."""
    if (job.folder / RUN_FILE).exists():
        raise SettingsError(f"{job.folder} holds a run already. Mend: choose another with folder=PATH, or remove it")
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / CONFIG_FILE).write_text(job.source, encoding="utf-8")
    return job.folder


def write_record(
    job: Job,
    command: str,
    problem: Problem,
    seed: int,
    started: str,
    seconds: float,
    made_by: MadeBy | None = None,
) -> RunRecord:
    """Write run.json, when everything but the report is there."""
    record = RunRecord(
        command=command,
        overrides=tuple(job.overrides),
        journey=problem.journey.name,
        journey_hash=problem.journey.hash(),
        population=problem.population.name,
        algorithm=made_by.algorithm if made_by else None,
        family=made_by.family if made_by else None,
        seed=seed,
        versions=versions(),
        commit=commit(),
        started=started,
        seconds=round(seconds, 1),
        temperature=made_by.temperature if made_by else 1.0,
        practice=dict(made_by.practice) if made_by else {},
        personas=problem.population.personas if made_by else (),
    )
    write_json(job.folder / RUN_FILE, record)
    return record


def write_json(path: Path, value: Any) -> None:
    """Write a struct as JSON, indented and in a fixed order. Unbounded intervals become null."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2) + b"\n")


def write_metrics(folder: Path, comparison: Comparison) -> None:
    """Write all intervals, as JSON and as CSV; levels have no reference."""
    write_json(folder / METRICS_FILE, comparison)
    rows = (astuple(row) for row in (*comparison.levels, *comparison.differences))
    write_table(folder / METRICS_TABLE, Row.__struct_fields__, rows)


def write_journey(folder: Path, journey: Journey) -> None:
    """Write the journey's canonical JSON, of which its hash is taken."""
    (folder / JOURNEY_FILE).write_bytes(msgspec.json.encode(journey, order="deterministic"))


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)


def write_weights(
    folder: Path, own: Mapping[str, np.ndarray], success: SuccessHead, persona: PersonaHead, usual: np.ndarray
) -> None:
    """Write the policy's tensors, the heads that predict and the usual observation `(D,)` as a bundle would."""
    tensors = dict(own)
    tensors[SUCCESS_WEIGHT], tensors[SUCCESS_BIAS] = success.weight, np.array([success.bias])
    tensors[PERSONA_WEIGHT], tensors[PERSONA_BIAS] = persona.weight, persona.bias
    tensors[USUAL] = np.ascontiguousarray(usual, np.float32)
    (folder / WEIGHTS_FILE).write_bytes(save(tensors))  # save_file would make it unreadable for others


def read_policy(folder: Path, journey: Journey) -> Policy:
    """The policy that a run trained. Raises `SettingsError` where it is unreadable or of another journey."""
    try:
        record = msgspec.json.decode((folder / RUN_FILE).read_bytes(), type=RunRecord)
        tensors = load_file(folder / WEIGHTS_FILE)
        if record.family != SCORER:
            own = journey_from(msgspec.json.decode((folder / JOURNEY_FILE).read_bytes()), str(folder / JOURNEY_FILE))
            check_journey(folder, own, journey)
        return build_policy(record.family or "", tensors, record.temperature, journey)
    except (OSError, msgspec.DecodeError, SafetensorError, JourneyError, ValueError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"{folder}: not a run with a policy: {error}. Mend: name a folder of 'train'") from None


def check_journey(place: Path, own: Journey, journey: Journey) -> None:
    """A policy plays the very journey that it was trained for, whether its users forget or not.

    Raises `SettingsError`.
    """
    if without_forgetting(own).hash() != without_forgetting(journey).hash():
        mend = f"journey={own.name}, or train on this one"
        if own.name == journey.name:
            mend = "train again: the file has changed"
        raise SettingsError(f"{place}: its policy is for another journey ({own.name!r}, another hash). Mend: {mend}")


def without_forgetting(journey: Journey) -> Journey:
    """The journey as it is for users who forget nothing: which of both is played is the learner model's affair."""
    return replace(journey, rules=replace(journey.rules, forgetting=False))
