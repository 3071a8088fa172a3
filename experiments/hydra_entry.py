"""How a command runs under Hydra: composition, sweeps and `--help` are Hydra's, errors are one line, logs are ours."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from agents.learners import LearnerError
from experiments.settings import SettingsError
from journeys.loading import JourneyError
from personas.persona import PersonaError
from policies.bundle_files import BundleError
from simulator.scenario import ScenarioError

OUR_ERRORS = (SettingsError, JourneyError, PersonaError, LearnerError, BundleError, ScenarioError)

WRONG_CALL = 2
FLAGS_WITH_VALUE = {"--cfg", "-c", "--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp"}
FLAGS_WITH_VALUE |= {"--package", "-p", "--info", "-i"}
HINTS = ("Config search path", "To append", "full_key", "object_type", "reference_type", "See https")


class Job(NamedTuple):
    """One run of a command: its resolved `config`, the `folder` to write to, and the overrides that made it.

    `source` is the configuration as YAML that composes to the same run again. `swept`: it is one of several.
    """

    config: dict[str, Any]
    folder: Path
    overrides: list[str]
    source: str
    swept: bool = False


def run(
    command: str, task: Callable[[Job], None], arguments: list[str], afterwards: Callable[[], None] | None = None
) -> int:
    """Run `task` once, or once per job of a sweep, as `handrail COMMAND ARGUMENTS`; returns the exit code.

    `afterwards` is called when all went well. 2 means that the call or a file that it names was wrong, and the reason
    has been written to stderr in one line.
    """

    def with_config(config: DictConfig) -> None:
        job = job_of(config)
        try:
            with errors_in_one_line(command):  # stops a sweep, without Hydra's own report
                task(job)
        finally:
            if not any(job.folder.iterdir()):  # it failed before it wrote anything: leave no empty folder behind
                job.folder.rmdir()

    try:
        with command_line(f"handrail {command}", arguments):
            hydra.main(version_base="1.3", config_path="pkg://conf", config_name=command)(with_config)()
        if afterwards is not None:
            with errors_in_one_line(command):
                afterwards()
    except (HydraException, OmegaConfBaseException) as error:
        return complain(command, in_one_line(error))
    except OSError as error:  # Hydra could not make the folder
        return complain(command, of_a_file(error))
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@contextmanager
def errors_in_one_line(command: str) -> Iterator[None]:
    """Where a setting or a file is wrong: say so, and leave by `SystemExit`."""
    try:
        yield
    except OUR_ERRORS as error:
        raise SystemExit(complain(command, str(error))) from None
    except OSError as error:
        raise SystemExit(complain(command, of_a_file(error))) from None


def of_a_file(error: OSError) -> str:
    """What the system refused, with the path and the mend."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}. Mend: check the path, its permissions and the room on its disk"


def complain(command: str, what: str) -> int:
    """Write one line to stderr; returns the exit code of a wrong call."""
    print(f"handrail {command}: {what}", file=sys.stderr)
    return WRONG_CALL


@contextmanager
def command_line(name: str, arguments: list[str]) -> Iterator[None]:
    """Hydra reads `sys.argv`, and raises its errors rather than printing them only under HYDRA_FULL_ERROR."""
    theirs, setting = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = [name, *flags_first(arguments)], "1"
    try:
        yield
    finally:
        sys.argv = theirs
        if setting is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = setting


def flags_first(arguments: list[str]) -> list[str]:
    """The same arguments with overrides last: Hydra's parser knows them in one piece only."""
    after_flag = [False, *(argument in FLAGS_WITH_VALUE for argument in arguments)]
    is_override = [not a.startswith("-") and not value for a, value in zip(arguments, after_flag, strict=False)]
    flags = [a for a, last in zip(arguments, is_override, strict=True) if not last]
    return flags + [a for a, last in zip(arguments, is_override, strict=True) if last]


def options_of(*groups: str) -> str:
    """A line per group of `conf/` with its options, for `--help`: Hydra's own list would show every folder."""
    folders = {group: resources.files("conf").joinpath(group).iterdir() for group in groups}
    named = {g: sorted(f.name.removesuffix(".yaml") for f in files) for g, files in folders.items()}
    return "\n".join(f"{group}: {', '.join(options)}" for group, options in named.items())


OmegaConf.register_new_resolver("groups", options_of, replace=True)


def job_of(config: DictConfig) -> Job:
    """The job that Hydra has composed, in the folder that it has made."""
    settings = HydraConfig.get()
    job = job_in(config, Path(settings.runtime.output_dir), list(settings.overrides.task))
    return job._replace(swept=settings.mode == RunMode.MULTIRUN)


def job_in(config: DictConfig, folder: Path, overrides: list[str]) -> Job:
    """The job of a composed configuration that is to write to `folder`."""
    resolved = OmegaConf.to_container(config, resolve=True)
    assert isinstance(resolved, dict)
    plain = {str(key): value for key, value in resolved.items()}
    if folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    return Job(plain, folder, overrides, source_of(config, plain))


def source_of(config: DictConfig, plain: dict[str, Any]) -> str:
    """YAML with which `--config-dir FOLDER --config-name config` repeats the run, into a folder of its own."""
    pattern = OmegaConf.to_container(config, resolve=False)["folder"]  # type: ignore[call-overload,index]
    again = {"defaults": ["output", "_self_"], **plain, "folder": pattern}
    return OmegaConf.to_yaml(OmegaConf.create(again))


def in_one_line(error: Exception) -> str:
    """What Hydra or OmegaConf complain of, without their hints, search path and stack; and where the names stand."""
    lines = [line.strip() for line in str(error).splitlines()]
    wanted = list(takewhile(lambda line: not line.startswith(HINTS), (line for line in lines if line)))
    return " ".join(wanted).rstrip(".") + ". Mend: --help lists all settings and groups"
