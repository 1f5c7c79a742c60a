"""How fast the library is beside pandas, Polars, DuckDB, LightGBM and shap, on a large company drawn at random.

`benchmarks/speed.py [--data DIR] [--quick] [--json FILE]`; what is measured and how is in benchmarks/README.md.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import click
import numpy as np
from rich.console import Console

from benchmarks import explaining, ours, peak
from benchmarks.company import make, open_project
from benchmarks.measure import Measure, Seconds, against, fastest, per_call, ratios, show, side_by_side, write
from benchmarks.peers import Task, in_duckdb, in_pandas, in_polars
from lead_readiness import sources, timelines
from lead_readiness.tables import validate

PEERS: dict[str, ModuleType] = {"pandas": in_pandas, "Polars": in_polars, "DuckDB": in_duckdb}
WAYS = {"ours": ours, **PEERS}
CLOSE = 1e-4
FULL, QUICK = 10_000_000, 100_000
GROWTH, GROWTH_QUICK = (100_000, 1_000_000, 10_000_000), (25_000, 50_000, 100_000)
EVENTS_A_LEAD = 20

console = Console(stderr=True)


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), help="Where the drawn companies are kept for the next run."
)
@click.option("--quick", is_flag=True, help="A small company: the same code in under 50 seconds.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), help="Write the measures to this file, too."
)
def main(data: Path | None, quick: bool, target: Path | None) -> None:
    """Measure speed and memory beside other libraries, and say which goals are reached."""
    with tempfile.TemporaryDirectory() as scratch:
        measures = measure(data or Path(scratch), quick)
    events = QUICK if quick else FULL
    cores = os.cpu_count()
    show(f"Speed: {events:,} events of {events // EVENTS_A_LEAD:,} leads, {cores} processors", measures)
    write(measures, target)


def measure(folder: Path, quick: bool) -> list[Measure]:
    """All measures; the companies are kept in ``folder``."""
    small = company(folder, QUICK)
    task = ours.task_of(open_project(small))
    step("the same numbers from all")
    agree(small, task)
    large = company(folder, QUICK if quick else FULL)
    repeat = 2 if quick else 5
    made = features(large, task, repeat) + from_parquet(large, task, min(repeat, 3))
    made += one_lead(small, task)
    made += growth(folder, task, GROWTH_QUICK if quick else GROWTH)
    step("explanations")
    rows = 500 if quick else 10_000
    made += explaining.measure(small if quick else company(folder, GROWTH[1]), rows, repeat)
    return made + memory(large, task)


def step(what: str) -> None:
    """Show what is being measured."""
    console.print(f"[dim]{what} ...")


def company(folder: Path, events: int) -> Path:
    """The folder of a company of that size."""
    step(f"a company with {events:,} events")
    return make(folder / str(events), events // EVENTS_A_LEAD, events)


def agree(folder: Path, task: Task) -> None:
    """Stop unless every library gives the same features, in both ways."""
    data = ours.load(folder, task)
    expected = ours.in_order(ours.features(data, task), data)
    for name, peer in PEERS.items():
        in_memory = peer.matrix(peer.features(peer.load(folder, task), task))
        for found in (in_memory, peer.from_parquet(folder, task)):
            apart = (np.abs(found - expected) / np.maximum(np.abs(expected), 1)).max(axis=0)
            if not apart.max() <= CLOSE:
                raise SystemExit(
                    f"{name}: {task.features[int(apart.argmax())].name} differs by {apart.max():.3g}"
                )


def features(folder: Path, task: Task, repeat: int) -> list[Measure]:
    """From each library's own in-memory form to its own table."""
    step("features in memory")
    loaded = {name: way.load(folder, task) for name, way in WAYS.items()}
    seconds = side_by_side(
        {name: partial(way.features, loaded[name], task) for name, way in WAYS.items()}, repeat
    )
    return beside(f"{len(task.features)} features in memory", seconds, ">= 8")


def from_parquet(folder: Path, task: Task, repeat: int) -> list[Measure]:
    """From files to the float32 matrix: leads and events as they are, then with every row checked, then all tables."""
    step("from Parquet to matrix")
    runs = {name: partial(way.from_parquet, folder, task) for name, way in WAYS.items()}
    checked = {
        "every row checked": partial(ours.from_parquet_checked, folder, task),
        "checked, with attributes, accounts, outcomes and hand-offs": partial(
            ours.from_parquet_all, folder, task
        ),
    }
    seconds = side_by_side(runs | checked, repeat)
    made = beside("Parquet to matrix", {name: seconds[name] for name in runs}, ">= 2.5")
    name = fastest({peer: seconds[peer] for peer in PEERS})
    for more in checked:
        what = f"Parquet to matrix, {more}"
        made.append(against(f"{what}: ours", seconds[more], "s"))
        made.append(
            against(f"{what}: times as fast as {name} without", ratios(seconds[name], seconds[more]), "x")
        )
    return made


def beside(what: str, seconds: Seconds, goal: str) -> list[Measure]:
    """Everyone's seconds, and ours against the fastest peer's."""
    made = [against(f"{what}: {name}", taken, "s") for name, taken in seconds.items()]
    name = fastest({peer: seconds[peer] for peer in PEERS})
    return [
        *made,
        against(f"{what}: times as fast as {name}", ratios(seconds[name], seconds["ours"]), "x", goal),
    ]


def one_lead(folder: Path, task: Task) -> list[Measure]:
    """One lead's features by themselves, as an online call needs them; Polars has no faster way to them."""
    step("one lead")
    whole = ours.load(folder, task)
    lead_id = str(whole.timelines.lead_ids[np.diff(whole.timelines.start) == EVENTS_A_LEAD][0])
    alone = ours.alone(folder, lead_id, task)
    theirs = in_polars.alone(folder, lead_id, task)
    seconds = per_call(partial(ours.features, alone, task), 2_000)
    polars = per_call(partial(in_polars.features, theirs, task), 5)
    what = f"one lead of {EVENTS_A_LEAD} events, {len(task.features)} features"
    return [
        against(f"{what}: ours", [s * 1e6 for s in seconds], "us", "<= 20"),
        against(f"{what}: Polars", [s * 1e6 for s in polars], "us"),
    ]


def growth(folder: Path, task: Task, sizes: tuple[int, ...]) -> list[Measure]:
    """How cost grows with the number of events: the slope of its logarithm (1 is proportional)."""
    seconds: dict[str, list[float]] = {"timelines from tables": [], "features in memory": []}
    for events in sizes:
        project = open_project(company(folder, events))
        tables = validate(project, **sources.read(project))
        step("growth")
        seconds["timelines from tables"].append(best(partial(timelines.build, tables, project)))
        data = ours.load(folder / str(events), task)
        seconds["features in memory"].append(best(partial(ours.features, data, task)))
    what = f"log-log slope from {sizes[0]:,} to {sizes[-1]:,} events"
    slopes = {name: np.polyfit(np.log(sizes), np.log(taken), 1)[0] for name, taken in seconds.items()}
    return [against(f"{name}, {what}", [float(slope)], "", "<= 1.05") for name, slope in slopes.items()]


def best(run: Callable[[], object]) -> float:
    """The least seconds of three runs: what the work takes where nothing disturbs it."""
    return min(side_by_side({"": run}, 3)[""])


def memory(folder: Path, task: Task) -> list[Measure]:
    """The most memory that each process held on its way from Parquet to matrix."""
    step("peak memory")
    ways = {
        "ours": "ours.from_parquet",
        "ours, every row checked": "ours.from_parquet_checked",
        **{name: f"{peer.__name__.removeprefix('benchmarks.')}.from_parquet" for name, peer in PEERS.items()},
    }
    return [against(f"peak memory: {name}", [peak.of(way, folder, task)], "MB") for name, way in ways.items()]


if __name__ == "__main__":
    main()
