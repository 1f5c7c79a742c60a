"""The judgement as a person reads it: the comparison, other ways to rank, the months, and the verdict's gates."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lead_readiness import moments
from lead_readiness.reasons import listed
from training.judgement.comparison import PHRASES, Comparison
from training.judgement.judge import MODEL, RULES
from training.judgement.verdict import PROMOTE, Verdict

if TYPE_CHECKING:
    from training.job import Findings, Judged

EMPTY = Text(" ")
BESIDE = ("winners_reached", "days_gained", "precision", "roc_auc")
"""What is shown of every policy."""


def told(found: Findings) -> Iterable[RenderableType]:
    """Model beside rules, then beside every other way to rank, then slice by slice."""
    judged = found.judged
    if judged is None:
        yield Text(f"Not compared: {found.refused}.", "yellow")
        yield "Until a comparison shows otherwise, the rules are the better choice."
        return
    comparison = judged.comparison
    yield _replayed(judged)
    yield from bullets("left out", [*across_folds(judged.trial.notes), *judged.contest.left_out])
    yield EMPTY
    yield Text(comparison.summary(), "bold")
    yield EMPTY
    yield _table(comparison)
    yield Text("In bold: differences whose 95 % interval (bootstrap over accounts) leaves out 0.", "dim")
    yield EMPTY
    yield from _calibration(comparison)
    yield from bullets("note", comparison.notes)
    yield EMPTY
    yield _beside(comparison)
    yield EMPTY
    yield _sliced(judged.by_slice)


def decided(verdict: Verdict) -> Iterable[RenderableType]:
    """The verdict in words, and each gate with what was found."""
    yield Text(verdict.words(), "green" if verdict.verdict == PROMOTE else "yellow")
    table = Table.grid(padding=(0, 2, 0, 0))
    for gate in verdict.gates:
        mark = Text("passed", "green") if gate.passed else Text("not passed", "red")
        table.add_row(mark, gate.name, gate.found, Text(f"needed: {gate.needed}", "dim"))
    if verdict.gates:
        yield table


def _replayed(judged: Judged) -> str:
    trial = judged.trial
    instants, leads = (len(np.unique(column)) for column in (trial.rows.as_of, trial.rows.lead))
    return (
        f"Replayed at {instants} instants, {day(trial.begin)} to {day(trial.end)}: {leads:,} leads at risk, scored by "
        f"scorers that saw neither their account nor anything from their time on. They were learned anew on "
        f"{listed([day(cut) for cut in trial.cuts])}, from {min(trial.wins_learned):,} to "
        f"{max(trial.wins_learned):,} wins."
    )


def _beside(comparison: Comparison) -> RenderableType:
    """A few measures of every policy, the best ranking first."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("beside other ways to rank", style="cyan", header_style="cyan")
    for measure in BESIDE:
        table.add_column(PHRASES[measure][0], no_wrap=True)
    by = sorted(comparison.policies, key=lambda policy: -comparison.value(BESIDE[0], policy)[0])
    for policy in by:
        cells = [comparison.cell(measure, policy) for measure in BESIDE]
        table.add_row(Text(policy, "bold" if policy in (MODEL, RULES) else ""), *cells)
    return table


def _sliced(by_slice: pd.DataFrame) -> RenderableType:
    """Winners reached in each month and level of a slice, by model and rules, and the difference."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("slice by slice", "leads", "winners", "model reaches", "rules reach", "difference"):
        table.add_column(name, justify="right" if name in ("leads", "winners") else "left", no_wrap=True)
    table.columns[0].header_style = "cyan"
    reached = by_slice[by_slice["measure"] == "winners_reached"].to_dict("records")
    last = ""
    for model, rules, gap in zip(reached[::3], reached[1::3], reached[2::3]):
        if model["slice"] != last:
            table.add_row(Text(last := str(model["slice"]), "dim"))
        counts = f"{model['leads']:,}", f"{model['winners']:,}"
        table.add_row(f"  {model['level']}", *counts, _share(model), _share(rules), _share(gap, signed=True))
    return table


def _share(row: Mapping[Hashable, Any], signed: bool = False) -> str:
    value, low, high = (100 * float(row[column]) for column in ("value", "low", "high"))
    if math.isnan(value):
        return "-"
    number = f"{value:+.0f}" if signed else f"{value:.0f} %"
    return number if math.isnan(low) else f"{number} ({low:.0f} to {high:.0f})"


def bullets(label: str, notes: Iterable[str]) -> Iterable[RenderableType]:
    """Each note after its label."""
    for note in notes:
        yield Text.assemble((f"{label}: ", "yellow"), note)


def day(micros: int) -> str:
    """The date of a moment."""
    return moments.written(micros)[:10]


def across_folds(notes: Iterable[str]) -> list[str]:
    """Notes of the folds' scorers, those that differ in the number of wins alone put into one.

    >>> across_folds(["99 wins; 120 needed for the trees", "short", "113 wins; 120 needed for the trees"])
    ['99 to 113 wins; 120 needed for the trees', 'short']
    """
    wins: dict[str, list[str]] = {}
    for note in notes:
        count, counted, rest = note.partition(" wins; ")
        wins.setdefault(counted + rest if counted else note, []).append(count if counted else "")
    return [
        " to ".join(dict.fromkeys((min(c, key=_count), max(c, key=_count)))) + rest
        for rest, c in wins.items()
    ]


def _count(text: str) -> int:
    return int(text.replace(",", "") or 0)


def _table(comparison: Comparison) -> RenderableType:
    """The comparison's own lines up to the empty one, as one table under each of its headings."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in takewhile(str.strip, comparison.lines())]
    rows = [(*line[:-1], line[-1].replace(" points", " pts")) for line in lines if len(line) > 3]
    widths = [max(map(len, column)) for column in zip(*rows)]
    parts: list[RenderableType] = [_row(("", *lines[0][-3:]), widths, "dim")]
    for line in lines[1:]:
        if len(line) == 1:
            parts.append(Text(line[0], "cyan"))
        else:
            parts.append(_row(rows.pop(0), widths))
    return Group(*parts)


def _row(cells: Sequence[str], widths: Sequence[int], style: str = "") -> Text:
    text = Text("  ").join(Text(cell.ljust(width), style) for cell, width in zip(cells, widths))
    span = re.search(r"(?<= \()\S+ to \S+(?=\)\s*$)", cells[-1])
    low, _, high = span[0].partition(" to ") if span else ("", "", "")
    if low and float(low) * float(high) > 0:
        text.stylize("bold", len(text) - widths[-1])
    return text


def _calibration(comparison: Comparison) -> Iterable[RenderableType]:
    """How far the model's probabilities can be taken at their word."""
    seen, seen_low, seen_high = comparison.value("observed_expected", MODEL)
    slope, low, high = comparison.value("calibration_slope", MODEL)
    if math.isnan(seen) or math.isnan(slope):
        return
    if math.isnan(low):
        yield Text(f"Calibration: of every 100 wins foretold {100 * seen:.0f} came; too few for an interval.")
        return
    verdict = "the probabilities hold their range"
    if low > 1:
        verdict = "the probabilities are too timid: high ones are too low, low ones too high"
    elif high < 1:
        verdict = "the probabilities are too extreme: high ones are too high, low ones too low"
    yield Text(
        f"Calibration: of every 100 wins foretold {100 * seen:.0f} came ({100 * seen_low:.0f} to "
        f"{100 * seen_high:.0f}); slope {slope:.2f} ({low:.2f} to {high:.2f}), 1 is right: {verdict}."
    )
