"""Taking measures side by side and handing them over as a table and as JSON."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

Run = Callable[[], object]
Seconds = dict[str, list[float]]


@dataclass(frozen=True)
class Measure:
    """One row of a benchmark: ``low`` and ``high`` its interval, ``reached`` None where there is no goal."""

    measure: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    goal: str = ""
    reached: bool | None = None


def against(name: str, values: list[float], unit: str, goal: str = "") -> Measure:
    """The median of repetitions with the least and the greatest, and whether it is as a goal like "<= 2" says."""
    value = median(values)
    sign, _, bound = goal.partition(" ")
    reached = {"": None, ">=": value >= float(bound or 0), "<=": value <= float(bound or 0)}[sign]
    return Measure(name, value, unit, min(values), max(values), goal, reached)


def side_by_side(runs: Mapping[str, Run], repeat: int) -> Seconds:
    """Seconds of each run, taken in turn: what slows the machine for a while slows all of them."""
    seconds: Seconds = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            gc.collect()
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def per_call(run: Run, calls: int, repeat: int = 5) -> list[float]:
    """Seconds of one call: the mean over many calls, so many times over."""
    found = []
    for _ in range(repeat):
        begin = time.perf_counter()
        for _ in range(calls):
            run()
        found.append((time.perf_counter() - begin) / calls)
    return found


def ratios(numerator: list[float], denominator: list[float]) -> list[float]:
    """The ratio of each repetition."""
    return [a / b for a, b in zip(numerator, denominator, strict=True)]


def fastest(seconds: Seconds) -> str:
    """The name of the run with the least median."""
    return min(seconds, key=lambda name: median(seconds[name]))


def show(title: str, measures: list[Measure]) -> None:
    """Print the measures as a table."""
    table = Table(title=title, title_justify="left")
    table.add_column("measure")
    for heading in ("value", "low", "high"):
        table.add_column(heading, justify="right")
    for heading in ("unit", "goal", "reached"):
        table.add_column(heading)
    for m in measures:
        reached = "" if m.reached is None else "yes" if m.reached else "[red]no"
        table.add_row(m.measure, *map(_number, (m.value, m.low, m.high)), m.unit, m.goal, reached)
    Console(width=140).print(table)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def write(measures: list[Measure], path: Path | None) -> None:
    """Write the measures as a JSON list, where a path is given."""
    if path is not None:
        path.write_text(json.dumps([asdict(m) for m in measures], indent=1) + "\n", encoding="utf-8")
