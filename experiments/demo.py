"""`handrail demo`: the whole story in two minutes. Train, compare, export, serve, report."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from hydra import compose, initialize_config_module
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from experiments import hydra_entry
from experiments.export import export_run
from experiments.hydra_entry import Job
from experiments.progress import in_words, open_console, tracking
from experiments.run_folder import REPORT_FILE
from experiments.served_stream import Served, examples, new_users, serve
from experiments.summary import summary
from experiments.tables import levels_table
from experiments.train import Run, carry_out
from policies.bundle import load_bundle
from serving.decision import Decision

OVERRIDES = ["training=quick", "evaluation.users=2000", "folder=runs/demo/${now:%Y-%m-%d_%H-%M-%S}"]
SERVED_USERS = 150
BUNDLE, STATE_FILE = "bundle", "state.sqlite"


def main(arguments: list[str]) -> int:
    """Run the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(prog="handrail demo", description=__doc__)
    parser.add_argument(
        "overrides", nargs="*", metavar="NAME=VALUE", help="settings of 'handrail train', e.g. journey=tiny seed=1"
    )
    overrides = [*OVERRIDES, *parser.parse_args(arguments).overrides]
    try:
        with initialize_config_module("conf", version_base="1.3"):
            config = compose("train", overrides)
            job = hydra_entry.job_in(config, Path(config.folder), overrides)
        tell_the_story(open_console(), job)
    except (HydraException, OmegaConfBaseException) as error:
        return hydra_entry.complain("demo", hydra_entry.in_one_line(error))
    except hydra_entry.OUR_ERRORS as error:
        return hydra_entry.complain("demo", str(error))
    except OSError as error:
        return hydra_entry.complain("demo", hydra_entry.of_a_file(error))
    return 0


def tell_the_story(console: Console, job: Job) -> None:
    """The parts, each under a heading."""
    began = time.monotonic()
    heading(console, "1. Train in simulation")
    run = carry_out(job, console)
    heading(console, "2. Compare: the same users, the same luck")
    show_comparison(console, run)
    heading(console, "3. Export a bundle for production")
    path = export_run(run.folder, run.folder / BUNDLE)
    console.print(f"{path}: {', '.join(sorted(file.name for file in path.iterdir()))}")
    heading(console, f"4. Serve {SERVED_USERS} new users, event by event")
    show_served(console, serve_new_users(console, run, path))
    heading(console, f"5. Look further (all of this took {in_words(time.monotonic() - began)})")
    show_next(console, run, path)


def heading(console: Console, text: str) -> None:
    """A line that begins a part."""
    console.print(f"\n[bold]{text}[/bold]")


def show_comparison(console: Console, run: Run) -> None:
    """Means of all policies, and what that comes to in sentences."""
    findings = run.findings
    console.print(levels_table(findings.comparison))
    for sentence in summary(findings.evaluations, findings.comparison, findings.record.algorithm):
        console.print(sentence, soft_wrap=True)


def serve_new_users(console: Console, run: Run, path: Path) -> Served:
    """Load the bundle as production would, and serve people whom nobody has met before."""
    bundle, problem = load_bundle(path), run.findings.problem
    records = new_users(problem, bundle, SERVED_USERS, run.findings.record.seed)
    with tracking(console, "serving", len(records)) as tell:
        return serve(problem, bundle, records, run.folder / STATE_FILE, tell)


def show_served(console: Console, served: Served) -> None:
    """A few decisions with their reasons, then how fast and how faithful all of them were."""
    for decision in examples(served.decisions):
        console.print(in_sentences(decision), soft_wrap=True)
    console.print(
        f"{served.events:,} events, {len(served.decisions):,} decisions, each event committed to SQLite by itself: "
        f"p50 {served.latency.p50:.0f} µs, p99 {served.latency.p99:.0f} µs per decision with reasons.",
        soft_wrap=True,
    )
    console.print(f"{served.same:,} of {len(served.decisions):,} decisions are those that the simulator had made.")


def in_sentences(decision: Decision) -> str:
    """What was offered to whom, how likely, why, and what else might have been."""
    because = ", ".join(f"{r.entry} = {r.value:.2f} ({r.contribution:+.2f})" for r in decision.reasons)
    lines = [f"user {decision.user}, {decision.moment}: {decision.offer.reads} (probability {decision.propensity:.2f})"]
    lines += [f"    because {because}" if because else "    because nothing else was legal"]
    lines += [f"    next best: {decision.next_best.offer.reads}"] if decision.next_best else []
    if decision.predicted_success is not None:
        lines.append(f"    chance that this user completes the journey: {decision.predicted_success:.0%}")
    if decision.predicted_persona is not None:
        likely = decision.predicted_persona
        lines.append(f"    behaves most like the simulated kind {likely.name!r} ({likely.probability:.0%})")
    return "\n".join(lines)


def command() -> str:
    """How this program was called, so that what is printed can be typed."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "handrail" else "handrail"


def show_next(console: Console, run: Run, bundle: Path) -> None:
    """Where everything is, and what to try."""
    journey, handrail = run.findings.problem.journey.name, command()
    for what, line in (
        ("report", f"{run.folder / REPORT_FILE}  (open it in a browser)"),
        ("bundle", f"{bundle}  (read MODEL_CARD.md first)"),
        ("served", f"{run.folder / STATE_FILE}  (states, events and decisions, SQLite)"),
        ("try", f"{handrail} compare journey={journey} policies=[rules,greedy,{run.folder}]"),
        ("", f"{handrail} simulate journey={journey} users=500 policy.name={run.folder} out=events.jsonl"),
        ("", f"{handrail} replay events.jsonl --bundle {bundle} --out decisions.jsonl"),
        ("", f"{handrail} serve --bundle {bundle}   (then POST events to /v1/decide)"),
        ("", f"{handrail} train journey={journey} seed=1   (the thorough settings)"),
    ):
        console.print(f"{what:8}{line}", soft_wrap=True, markup=False)
