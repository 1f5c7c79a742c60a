"""What a training tells a person on the screen: what was predicted, whether it helps, who is ready, where to look."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from lead_readiness import moments
from lead_readiness.reasons import Reason
from lead_readiness.scorer import Assessment, Scorer
from lead_readiness.timelines import NONE, OUTCOMES
from training.comparison import Comparison
from training.dataset import Dataset
from training.wording import percent, rule_points, won_within

if TYPE_CHECKING:
    from training.job import Judged, Result

EMPTY = Text(" ")
WINNERS_NEEDED = 100
"""Winners in the test below which it shows too little to replace the rules, whatever it shows (METHOD 4)."""


def show(result: Result, console: Console, top: int, hints: Iterable[tuple[str, str]]) -> None:
    """Print a finished training; ``hints`` are (what for, command) to end with."""
    scorer, data = result.scorer, result.data
    console.print(_head(data, scorer))
    _section(console, "What is predicted", _prediction(data, scorer))
    _section(console, "What it was learned from", _input(data, scorer))
    _section(console, "Is it better than the rules?", _judgement(data, result.judged))
    found = len(result.leads)
    _section(
        console, f"Ready now: the top {min(top, found)} of {found:,} open leads", _leads(result.leads, top)
    )
    _section(console, "Where to look", _hints(hints))


def _head(data: Dataset, scorer: Scorer) -> RenderableType:
    book = data.book
    title = Text.assemble((data.project.name, "bold"), "  ", (f"scorer {scorer.version}", "cyan"))
    title.append(f"  beside rule book {book.name!r} version {book.version}", "dim")
    return Group("", Rule(title, align="left", style="dim"))


def _section(console: Console, title: str, body: Iterable[RenderableType]) -> None:
    console.print(Text(f"\n{title}", "bold"))
    for part in body:
        shown = Text(part) if isinstance(part, str) else part
        console.print(Padding(shown, (0, 0, 0, 2), expand=False))


def _prediction(data: Dataset, scorer: Scorer) -> Iterable[RenderableType]:
    days = data.project.label.gap_days
    gap = f", {days:g} day{'' if days == 1 else 's'} from now at the earliest" if days else ""
    label = f"P({won_within(scorer.card.horizon_days)} | history)"
    yield Text.assemble((label, "bold cyan"), ", under the hand-off policy of the past.")
    yield f"Won: the opportunity that ends won opens within that time{gap}."
    yield Text("An association: nothing here says that a call causes a win.", "dim")


def _input(data: Dataset, scorer: Scorer) -> Iterable[RenderableType]:
    lines, card = data.timelines, scorer.card
    found = np.bincount(lines.outcome, minlength=len(OUTCOMES))
    decided = ", ".join(f"{found[n]:,} {OUTCOMES[n]}" for n in range(len(OUTCOMES)) if n != NONE)
    yield (
        f"{len(lines):,} leads of {len(lines.account_start) - 1:,} accounts, {len(lines.time):,} events, "
        f"{len(lines.handed_off):,} hand-offs, up to {_day(lines.cut)}. Outcomes: {decided}."
    )
    yield f"Learned from {card.wins:,} wins among {card.leads:,} leads ({card.rows:,} snapshots, seed {card.seed})."
    if scorer.blend is not None:
        voices = ", ".join(
            f"{voice} {weight:.2g}" for voice, weight in zip(scorer.blend.voices, scorer.blend.weights)
        )
        yield Text(f"Voices and their weights in the blend: {voices}.")
    yield from _bullets("left out", scorer.card.notes)
    yield from _bullets("note", map(str, data.notes))


def _judgement(data: Dataset, judged: Judged) -> Iterable[RenderableType]:
    trial, comparison = judged.trial, judged.comparison
    if trial is None or comparison is None:
        yield Text(f"Not compared: {judged.refused}.", "yellow")
        yield "Until a comparison shows otherwise, the rules are the better choice."
        return
    instants, leads = (len(np.unique(column)) for column in (trial.rows.as_of, trial.rows.lead))
    yield (
        f"Replayed at {instants} instants, {_day(trial.begin)} to {_day(trial.end)}: {leads:,} leads at risk, "
        f"scored by scorers that saw neither their account nor anything after {_day(trial.begin)} "
        f"(learned from {min(trial.wins_learned):,} to {max(trial.wins_learned):,} wins)."
    )
    yield from _bullets("left out", _across_folds(trial.notes))
    yield EMPTY
    yield Text(comparison.summary(), "bold")
    yield from _standing(comparison)
    yield EMPTY
    yield _table(comparison)
    yield Text("In bold: differences whose 95 % interval (bootstrap over accounts) leaves out 0.", "dim")
    yield EMPTY
    yield from _calibration(comparison)
    yield from _bullets("note", comparison.notes)


def _across_folds(notes: Iterable[str]) -> list[str]:
    """Notes of the folds' scorers, those that differ in the number of wins alone put into one.

    >>> _across_folds(["99 wins; 120 needed for the trees", "short", "113 wins; 120 needed for the trees"])
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
    seen, seen_low, seen_high = _figures(comparison, "observed_expected")
    slope, low, high = _figures(comparison, "calibration_slope")
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


def _standing(comparison: Comparison) -> Iterable[RenderableType]:
    """Who is champion after this, in words: the rules, until a person promotes a model that was shown to be better."""
    if comparison.winners < WINNERS_NEEDED:
        yield Text(
            f"{comparison.winners:,} winners are too few to replace the rules ({WINNERS_NEEDED} needed): keep the "
            "rules, and let the model run beside them.",
            "yellow",
        )
        return
    gap = comparison.differences
    row = gap[(gap["measure"] == "winners_reached") & (gap["policy"] == comparison.challenger)]
    if row.empty or not row["low"].iloc[0] > 0:
        yield Text(
            "This does not show that the model reaches more winners: the rules stay champion.", "yellow"
        )
    else:
        yield Text(
            "The model reaches more winners; the rules stay champion until a person promotes it.", "green"
        )


def _leads(leads: Assessment, top: int) -> Iterable[RenderableType]:
    if len(leads) == 0:
        yield "No lead is at risk at the cut: all are decided, opted out or in sales' hands."
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("#", "lead", "P(won)", "score", "rules"):
        table.add_column(
            name, justify="left" if name == "lead" else "right", no_wrap=name != "lead", max_width=20
        )
    table.add_column("why", ratio=1)
    for row in range(min(top, len(leads))):
        why = reasons(leads.reasons(row))
        lead = Text(str(leads.timelines.lead_ids[leads.lead[row]]), "bold")
        numbers = percent(leads.probability[row]), f"{leads.score[row]:.0f}", rule_points(leads, row)
        table.add_row(str(row + 1), lead, *numbers, why)
        table.add_row()
    yield table
    yield Text(
        "Score: 100 is even odds, 20 points double the odds. Why: what a behaviour adds or takes.", "dim"
    )


def reasons(told: Iterable[Reason]) -> RenderableType:
    """Reasons, each after the points it adds or takes."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(justify="right", min_width=3, no_wrap=True)
    for reason in told:
        table.add_row(
            Text(f"{reason.points:+.0f}", "green" if reason.points > 0 else "red"), Text(reason.sentence)
        )
    return table


def _figures(comparison: Comparison, measure: str) -> tuple[float, float, float]:
    values = comparison.values
    row = values[(values["measure"] == measure) & (values["policy"] == comparison.challenger)]
    if row.empty:
        return math.nan, math.nan, math.nan
    return float(row["value"].iloc[0]), float(row["low"].iloc[0]), float(row["high"].iloc[0])


def _bullets(label: str, notes: Iterable[str]) -> Iterable[RenderableType]:
    for note in notes:
        yield Text.assemble((f"{label}: ", "yellow"), note)


def _hints(hints: Iterable[tuple[str, str]]) -> Iterable[RenderableType]:
    table = Table.grid(padding=(0, 2, 0, 0))
    for what, command in hints:
        table.add_row(Text(what), Text(command, "bold cyan", no_wrap=False, overflow="fold"))
    yield table


def _day(micros: int) -> str:
    return moments.written(micros)[:10]
