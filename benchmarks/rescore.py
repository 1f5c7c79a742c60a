"""What rescoring everybody costs: speed, memory, growth, and what is lost when it is killed.

`benchmarks/rescore.py [--quick] [--data DIR] [--json FILE]`. Companies of growing size (`company.py`, 20 events a
lead) are rescored by `lead-readiness rescore` in a process of its own, from Parquet to Parquet, with reasons and
decisions. Beside it LightGBM predicts, and does nothing else, on ready-made features of the same leads.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import click
import lightgbm
import numpy as np
import pyarrow.parquet as pq
from rich.console import Console

from benchmarks import servers
from benchmarks.company import make, open_project
from benchmarks.measure import Measure, show, write
from lead_readiness import sources, tables, timelines
from lead_readiness.features import compute
from lead_readiness.scorer import Scorer

ROOT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("lead-readiness")
SIZES, QUICK = (10_000, 100_000, 1_000_000), (1_000, 4_000)
KILLS, KILLS_QUICK = 200, 2
KILLED = 300
"""Leads of the company whose rescoring is killed."""
BARE = 100_000
"""The most leads that LightGBM alone predicts."""
EVENTS_A_LEAD = 20

console = Console(stderr=True)


@dataclass(frozen=True)
class Ran:
    """One rescoring: leads written, seconds by the clock, the most memory in MB of all processes together."""

    leads: int
    seconds: float
    peak: float


@click.command()
@click.option(
    "--data", "folder", type=click.Path(path_type=Path), help="Keeps the companies for the next run."
)
@click.option("--quick", is_flag=True, help="Small companies: the same code in under 50 seconds.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), help="Write the measures to this file, too."
)
@click.option("--workers", type=int, help="Processes; one a processor unless given.")
def main(folder: Path | None, quick: bool, target: Path | None, workers: int | None) -> None:
    """Measure rescoring: leads a second and core, peak memory, growth, and rows lost or twice after being killed."""
    workers = workers or len(os.sched_getaffinity(0))
    sizes = QUICK if quick else SIZES
    with tempfile.TemporaryDirectory() if folder is None else nullcontext(folder) as scratch:
        home = Path(scratch)
        console.print("[dim]learning a scorer ...")
        model = servers.scorer(home / ("quick" if quick else "full"), quick)
        companies = [make(home / str(n), n, n * EVENTS_A_LEAD) for n in (*sizes, KILLED)]
        found = [rescored(company, model, home / "out.parquet", workers) for company in companies[:-1]]
        measures = [
            *of_the_largest(found[-1], workers),
            *beside_lightgbm(companies[:-1], found, model, workers),
            growth(found),
            *killed(companies[-1], model, home / "killed", KILLS_QUICK if quick else KILLS),
        ]
    show(
        f"Rescoring {sizes[-1]:,} leads with {sizes[-1] * EVENTS_A_LEAD:,} events, {workers} processes",
        measures,
    )
    write(measures, target)


def asked(company: Path, model: Path, out: Path, workers: int) -> list[str]:
    """The command that rescores a company."""
    options = {"--project": company / "readiness.toml", "--model": model, "--out": out, "--workers": workers}
    return [str(COMMAND), "rescore", *(str(part) for pair in options.items() for part in pair)]


def rescored(company: Path, model: Path, out: Path, workers: int) -> Ran:
    """A rescoring from beginning to end, its start included."""
    console.print(f"[dim]rescoring {company.name} leads ...")
    out.unlink(missing_ok=True)
    begun, peak = time.perf_counter(), 0.0
    running = subprocess.Popen(asked(company, model, out, workers), stdout=subprocess.DEVNULL)
    while running.poll() is None:
        peak = max(peak, memory(running.pid))
        time.sleep(0.1)
    seconds = time.perf_counter() - begun
    if running.returncode != 0:
        raise SystemExit(f"rescoring {company.name} leads ended with {running.returncode}")
    return Ran(pq.ParquetFile(out).metadata.num_rows, seconds, peak)


def memory(process: int) -> float:
    """MB that a process and all below it hold now; what several share counts once (Linux's PSS)."""
    try:
        task = Path(f"/proc/{process}")
        lines = (task / "smaps_rollup").read_text().splitlines()
        children = (task / "task" / str(process) / "children").read_text().split()
    except OSError:  # it has just ended
        return 0.0
    own = next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("Pss:")), 0.0)
    return own + sum(memory(int(child)) for child in children)


def of_the_largest(ran: Ran, workers: int) -> list[Measure]:
    """Speed and memory."""
    return [
        Measure("the whole rescoring", ran.seconds, "s"),
        Measure("leads a second and core", ran.leads / ran.seconds / workers, "1/s"),
        Measure("peak memory of all processes", ran.peak, "MB", goal="<= 4000", reached=ran.peak <= 4000),
    ]


def beside_lightgbm(companies: list[Path], found: list[Ran], model: Path, workers: int) -> list[Measure]:
    """What a lead costs against LightGBM's `predict` on its ready-made features, both on one core."""
    console.print("[dim]LightGBM alone ...")
    place = max(n for n, ran in enumerate(found) if ran.leads <= BARE)
    scorer, asked_for = Scorer.load(model), open_project(companies[place])
    known = timelines.build(tables.validate(asked_for, **sources.read(asked_for)), asked_for)
    lead = np.flatnonzero((known.created < known.cut) & (known.decided > known.cut)).astype(np.int32)
    x = compute(scorer.catalogue, known, lead, np.full(len(lead), known.cut))
    assert scorer.trees is not None
    booster = lightgbm.Booster(model_str=scorer.trees.text)
    begun = time.perf_counter()
    booster.predict(x, num_threads=1)
    bare = (time.perf_counter() - begun) / len(lead)
    ours = found[place].seconds * workers / found[place].leads
    return [
        Measure(f"LightGBM's bare predict, {len(lead):,} leads, one core", 1 / bare, "1/s"),
        Measure("a lead rescored from files, with reasons, against its bare predict", ours / bare, "x"),
    ]


def growth(found: list[Ran]) -> Measure:
    """The steepest slope of log(seconds) over log(leads) between neighbouring sizes: 1 is proportional."""
    seconds, leads = [np.log([getattr(ran, name) for ran in found]) for name in ("seconds", "leads")]
    slope = float((np.diff(seconds) / np.diff(leads)).max())
    span = f"steepest log-log slope from {found[0].leads:,} to {found[-1].leads:,} leads"
    return Measure(f"the whole rescoring, {span}", slope, "", goal="<= 1.05", reached=slope <= 1.05)


def killed(company: Path, model: Path, folder: Path, kills: int) -> list[Measure]:
    """Rows lost, twice or otherwise than in an undisturbed run, over runs that were killed once and begun again."""
    console.print(f"[dim]{kills} times killed ...")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    out, draw = folder / "out.parquet", random.Random(1)
    command = asked(company, model, out, 1)
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    took, expected = time.perf_counter() - begun, out.read_bytes()
    leads = set(pq.read_table(out)["lead_id"].to_pylist())
    lost = twice = other = resumed = 0
    for _ in range(kills):
        out.unlink()
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0, took))
        running.kill()
        running.wait()
        if not out.exists() or (folder / "out.parquet.rescore").exists():
            resumed += 1
            subprocess.run(command, check=True, capture_output=True)
        found = pq.read_table(out)["lead_id"].to_pylist()
        lost, twice = lost + len(leads - set(found)), twice + len(found) - len(set(found))
        other += out.read_bytes() != expected
    counts = {"rows lost": lost, "rows twice": twice, "outputs other than undisturbed": other}
    told = f"of {kills} times kill -9 ({resumed} before the end)"
    return [Measure(f"{name}, {told}", n, "", goal="<= 0", reached=n == 0) for name, n in counts.items()]


if __name__ == "__main__":
    main()
