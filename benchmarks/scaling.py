"""What a whole training costs, stage by stage, on two processors, and how its cost grows with the company.

`benchmarks/scaling.py [--quick] [--data DIR] [--json FILE]`. Companies of growing size (`company.py`, 20 events a
lead) are trained on by `training.job` from Parquet files to the registered model: leak audit, judgement at three
origins with five account folds each, comparison, final scorer, reasons, MLflow. Each in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from benchmarks.company import make
from benchmarks.measure import Measure, show, write
from benchmarks.peak import peak
from training import job

ROOT = Path(__file__).resolve().parents[1]
SIZES, QUICK = (25_000, 100_000), (500, 1_000)
EVENTS_A_LEAD = 20
PROCESSORS = 2
STAGES = {
    "tables and timelines": ("reading", "checking", "sorting", "opening"),
    "leak audit": ("auditing",),
    "judgement: scorers of 3 origins x 5 folds": ("judging",),
    "judgement: replay and intervals": ("comparing",),
    "final scorer": ("learning the scorer", "learning from", "blending", "scoring"),
    "looking at the reasons": ("looking", "taking away", "moving", "learning again", "learning with"),
    "MLflow": ("keeping",),
}
Seconds = dict[str, float]

console = Console(stderr=True)


@click.command()
@click.option(
    "--data", "folder", type=click.Path(path_type=Path), help="Keeps the companies for the next run."
)
@click.option("--quick", is_flag=True, help="Small companies: the same code in under 50 seconds.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), help="Write the measures to this file, too."
)
@click.option(
    "--one", type=click.Path(path_type=Path), hidden=True, help="Train on this company and say how long."
)
def main(folder: Path | None, quick: bool, target: Path | None, one: Path | None) -> None:
    """Measure a training stage by stage, its peak memory, and how both grow."""
    if one is not None:
        os.cpu_count = lambda: PROCESSORS  # as on a machine that has no more
        print(json.dumps(trained(one)))
        return
    sizes = QUICK if quick else SIZES
    with tempfile.TemporaryDirectory() if folder is None else nullcontext(folder) as scratch:
        found = [in_own_process(make(Path(scratch) / str(n), n, n * EVENTS_A_LEAD)) for n in sizes]
    measures = [*of_the_largest(found[-1]), *growth(sizes, found)]
    title = f"A training on {sizes[-1]:,} leads with {sizes[-1] * EVENTS_A_LEAD:,} events, {PROCESSORS} processors"
    show(title, measures)
    write(measures, target)


def in_own_process(company: Path) -> Seconds:
    """Seconds by stage, with the peak memory in MB, of a training in a fresh process on few processors."""
    console.print(f"[dim]training on {company.name} leads ...")
    processors = sorted(os.sched_getaffinity(0))[:PROCESSORS]
    command = [sys.executable, "-m", "benchmarks.scaling", "--one", str(company)]
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, processors),
    )
    found: Seconds = json.loads(done.stdout)
    return found


def trained(company: Path) -> Seconds:
    """Train, told apart by what the training says it is doing."""
    seconds = dict.fromkeys(STAGES, 0.0)
    begun, stage = time.perf_counter(), next(iter(STAGES))

    def say(text: str) -> None:
        nonlocal begun, stage
        now = time.perf_counter()
        seconds[stage] += now - begun
        begun = now
        stage = next((name for name, words in STAGES.items() if text.startswith(words)), stage)

    with tempfile.TemporaryDirectory() as home:
        job.train(company / "readiness.toml", home=Path(home), say=say)
    say("")
    return {**seconds, "peak": peak()}


def of_the_largest(found: Seconds) -> list[Measure]:
    """Each stage's seconds, their sum, and the peak."""
    stages = [Measure(name, found[name], "s") for name in STAGES]
    whole = Measure("the whole training", sum(found[name] for name in STAGES), "s")
    return [*stages, whole, Measure("peak memory", found["peak"], "MB")]


def growth(sizes: tuple[int, ...], found: list[Seconds]) -> list[Measure]:
    """The slopes of log(seconds) and log(memory) over log(leads): 1 is proportional."""
    columns = {
        "the whole training": [sum(f[name] for name in STAGES) for f in found],
        "judgement": [sum(f[name] for name in STAGES if name.startswith("judgement")) for f in found],
        "peak memory": [f["peak"] for f in found],
    }
    span = f"log-log slope from {sizes[0]:,} to {sizes[-1]:,} leads"
    slopes = {name: float(np.polyfit(np.log(sizes), np.log(taken), 1)[0]) for name, taken in columns.items()}
    return [
        Measure(f"{name}, {span}", slope, "", goal="<= 1.1", reached=slope <= 1.1)
        for name, slope in slopes.items()
    ]


if __name__ == "__main__":
    main()
