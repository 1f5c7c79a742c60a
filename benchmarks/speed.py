"""How fast the library is beside pandas, Polars, DuckDB, LightGBM and shap, on a large company drawn at random.

`benchmarks/speed.py [--data DIR] [--quick] [--json FILE]`; what is measured and how is in benchmarks/README.md.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console

from benchmarks import contributions, ours
from benchmarks.company import make
from benchmarks.measure import Measure, against, fastest, per_call, ratios, show, side_by_side, write
from benchmarks.ours import Company
from benchmarks.peers import Task, in_duckdb, in_pandas, in_polars

PEERS = {"pandas": in_pandas, "Polars": in_polars, "DuckDB": in_duckdb}
CLOSE = 1e-4
FULL, QUICK = (500_000, 10_000_000), (10_000, 200_000)
GROWTH_FULL, GROWTH_QUICK = (100_000, 1_000_000, 10_000_000), (20_000, 60_000, 200_000)
LEADS_PER_EVENT = 20

console = Console(stderr=True)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Where the drawn companies are kept for the next run.")
@click.option("--quick", is_flag=True, help="A small company: the same code in under 50 seconds.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the measures to this file.")
@click.option("--peak", type=click.Choice(["ours", *PEERS]), hidden=True)
def main(data: Path | None, quick: bool, target: Path | None, peak: str | None) -> None:
    """Measure speed and memory beside other libraries, and say which goals are reached."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = data or Path(scratch)
        if peak:
            print(_peak(peak, _folder(folder, quick), quick))
            return
        measures = measure(folder, quick)
    leads, events = QUICK if quick else FULL
    show(f"Speed: {events:,} events of {leads:,} leads, {os.cpu_count()} processors", measures)
    write(measures, target)


def measure(folder: Path, quick: bool) -> list[Measure]:
    """All measures, the company's tables being kept in ``folder``."""
    repeat = 3 if quick else 5
    made = []
    steps: list[Callable[[], list[Measure]]] = [
        lambda: features(_folder(folder, quick), quick, repeat),
        lambda: from_parquet(_folder(folder, quick), quick, 3),
        lambda: growth(folder, GROWTH_QUICK if quick else GROWTH_FULL),
        lambda: contributions.measure(_company(folder, quick), quick),
        lambda: memory(folder, quick),
    ]
    for step in steps:
        made += step()
    return made
