"""Can the judgement be fooled? Trainings on simulated companies whose truth is known, many times over.

`benchmarks/honesty.py [--quick] [--json FILE] [--resume FILE] [--seeds N] [--processes N] [--minutes N] [--data DIR]`.
Three parts, each in its own module: `no_signal`, `beside_truth` (bias, coverage and power of the replay) and
`canaries`. Every seed is another company. What a seed found goes to the file of ``--resume`` at once, so that a run
that was stopped goes on where it was; the table shows what there is.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from rich.console import Console

from benchmarks import beside_truth, canaries, no_signal, real_canaries
from benchmarks.measure import Measure, show, write
from lead_readiness import simulate

Found = dict[str, Any]
Job = tuple[str, int, int, str]
"""Part, seed, leads of the company and, where it is compared with one, name of the large company."""

PARTS: dict[str, ModuleType] = {
    "no signal": no_signal,
    "replay": beside_truth,
    "canaries": canaries,
}
TITLES = {
    "no signal": "No signal: a company in which nothing foretells anything",
    "replay": "The replay beside the truth, and its power",
    "canaries": "Leak canaries and their clean twins",
}
LARGE_SEED = 10_000
"""Seeds of the large companies, which no small one has."""

console = Console(stderr=True)


@dataclass(frozen=True)
class Plan:
    """Companies of each part as (leads, seeds), and the large companies as (leads, how many)."""

    sizes: dict[str, tuple[tuple[int, int], ...]]
    large: tuple[int, int]

    def jobs(self, most: int | None) -> list[Job]:
        """All jobs, so ordered that every part is as far as the others whenever one stops; large companies first."""
        leads, count = self.large
        found = [
            (place, -size, (part, seed, size, f"{leads}-{seed % count}" if part == "replay" else ""))
            for part, companies in self.sizes.items()
            for size, seeds in companies
            for seed, place in _places(min(seeds, most or seeds))
        ]
        return [job for _, _, job in sorted(found)]


def _places(seeds: int) -> Iterator[tuple[int, float]]:
    return ((seed, (seed + 0.5) / seeds) for seed in range(seeds))


FULL = Plan(
    {
        "no signal": ((1_000, 50),),
        "replay": ((3_600, 50), (7_000, 10), (14_000, 4)),
        "canaries": ((2_500, 12),),
    },
    (32_000, 4),
)
QUICK = Plan({"no signal": ((500, 2),), "replay": ((2_600, 2),), "canaries": ((1_500, 2),)}, (4_000, 1))


@click.command()
@click.option("--quick", is_flag=True, help="A few small companies: the same code in under 50 seconds.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), help="Write the measures to this file, too."
)
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Keep each seed's findings here, and go on from it."
)
@click.option("--seeds", type=click.IntRange(1), help="At most so many companies of each size.")
@click.option("--processes", default=3, show_default=True, help="Companies at a time.")
@click.option("--minutes", type=float, help="Begin with no further company after so long.")
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder with one folder a real data set, for their own canaries.")  # fmt: skip
def main(
    quick: bool,
    target: Path | None,
    resume: Path | None,
    seeds: int | None,
    processes: int,
    minutes: float | None,
    data: Path | None,
) -> None:
    """Measure whether the judgement can be fooled, and say which goals are reached."""
    plan = QUICK if quick else FULL
    jobs = plan.jobs(seeds)
    known = [each for each in kept(resume) if job_of(each) in set(jobs)]
    left = [job for job in jobs if job not in {job_of(each) for each in known}]
    with scratch(resume) as folder:
        known += carried_out(left, folder, processes, minutes, resume)
    every: list[Measure] = []
    for part, module in PARTS.items():
        found = sorted((each for each in known if each["part"] == part), key=job_of)
        if found:
            measures = module.measures(found)
            asked = sum(job[0] == part for job in jobs)
            show(f"{TITLES[part]} ({len(found)} of {asked} companies)", measures)
            every += measures
    if data is not None:
        measures = real_canaries.measures(data, console.print)
        show("Canaries of real data", measures)
        every += measures
    write(every, target)


def job_of(found: Found) -> Job:
    """The job that found this."""
    return found["part"], found["seed"], found["leads"], found["fresh"]


def kept(resume: Path | None) -> list[Found]:
    """What earlier runs found."""
    if resume is None or not resume.exists():
        return []
    return [json.loads(line) for line in resume.read_text(encoding="utf-8").splitlines()]


@contextmanager
def scratch(resume: Path | None) -> Iterator[Path]:
    """Where the large companies are written: beside the file of an interrupted run, which needs them again."""
    if resume is not None:
        yield resume.with_suffix(".companies")
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def carried_out(
    jobs: list[Job], folder: Path, processes: int, minutes: float | None, resume: Path | None
) -> list[Found]:
    """What the jobs find, as far as time, or patience, allows."""
    found: list[Found] = []
    begin = time.monotonic()
    with workers(processes) as pool:
        try:
            made = [pool.submit(large, folder / name) for name in sorted({job[3] for job in jobs} - {""})]
            for n, each in enumerate(as_completed(made), start=1):
                each.result()
                step(f"large company {n} of {len(made)}", begin)
            asked = [pool.submit(carry_out, job, folder) for job in jobs]
            for one in _in_time(asked, begin, minutes):
                found.append(one)
                what = f"{one['part']}, {one['leads']:,} leads, seed {one['seed']}"
                step(f"{len(found)} of {len(jobs)}: {what}", begin)
                if resume is not None:
                    with resume.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(one) + "\n")
        except KeyboardInterrupt:
            console.print("[yellow]stopped: the measures are of the companies so far")
            pool.shutdown(cancel_futures=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def _in_time(asked: list[Future[Found]], begin: float, minutes: float | None) -> Iterator[Found]:
    """Results as they come; once the time is over, only of what was begun."""
    for each in as_completed(asked):
        if not each.cancelled():
            yield each.result()
        if minutes is not None and time.monotonic() - begin > 60 * minutes:
            for waiting in asked:
                waiting.cancel()


@contextmanager
def workers(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes of one thread each, where a library leaves that to OpenMP."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def large(folder: Path) -> None:
    """Write the large company that a folder is named for, unless it is there."""
    leads, number = map(int, folder.name.split("-"))
    if not folder.exists():
        made = folder.with_name(f"{folder.name} unfinished")
        simulate.write(made, leads, LARGE_SEED + number, beside_truth.MONTHS, truth=False)
        made.rename(folder)


def carry_out(job: Job, folder: Path) -> Found:
    """What one company shows, as JSON can hold it."""
    part, seed, leads, fresh = job
    run: Callable[[int, int, Path | None], Found] = PARTS[part].run
    named = {"part": part, "seed": seed, "leads": leads, "fresh": fresh}
    return named | run(seed, leads, folder / fresh if fresh else None)


def step(what: str, begin: float) -> None:
    """Show what is done."""
    console.print(f"[dim]{time.monotonic() - begin:5.0f} s  {what}")


if __name__ == "__main__":
    main()
