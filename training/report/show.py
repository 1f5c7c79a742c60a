"""The report of a training, section by section."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from lead_readiness.reasons import Reason
from lead_readiness.scorer import Assessment, Scorer
from lead_readiness.timelines import NONE, OUTCOMES
from training.audit import Audit
from training.dataset import Dataset
from training.report import judgement
from training.report.judgement import bullets, day
from training.wording import percent, rule_points, won_within

if TYPE_CHECKING:
    from training.job import Findings, Result


def show(result: Result, console: Console, top: int, hints: Iterable[tuple[str, str]]) -> None:
    """Print a finished training; ``hints`` are (what for, command) to end with."""
    found = result.found
    data, scorer, leads = found.data, found.scorer, found.leads
    console.print(_head(data, scorer))
    _section(console, "What is predicted", _prediction(data, scorer))
    _section(console, "What it was learned from", _input(found))
    _section(console, "Is it better than the rules?", judgement.told(found))
    _section(console, "Can the reasons be believed?", found.faithfulness.lines())
    _section(console, f"Verdict: {found.verdict.verdict}", judgement.decided(found.verdict))
    shown = f"Ready now: the top {min(top, len(leads))} of {len(leads):,} open leads"
    _section(console, shown, _leads(leads, top))
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


def _input(found: Findings) -> Iterable[RenderableType]:
    data, scorer = found.data, found.scorer
    lines, card = data.timelines, scorer.card
    count = np.bincount(lines.outcome, minlength=len(OUTCOMES))
    decided = ", ".join(f"{count[n]:,} {OUTCOMES[n]}" for n in range(len(OUTCOMES)) if n != NONE)
    yield (
        f"{len(lines):,} leads of {len(lines.account_start) - 1:,} accounts, {len(lines.time):,} events, "
        f"{len(lines.handed_off):,} hand-offs, up to {day(lines.cut)}. Outcomes: {decided}."
    )
    yield f"Learned from {card.wins:,} wins among {card.leads:,} leads ({card.rows:,} snapshots, seed {card.seed})."
    if scorer.blend is not None:
        voices = ", ".join(
            f"{voice} {weight:.2g}" for voice, weight in zip(scorer.blend.voices, scorer.blend.weights)
        )
        yield Text(f"Voices and their weights in the blend: {voices}.")
    if found.tuned is not None:
        yield f"Tuning: {found.tuned.words}."
    yield from bullets("left out", scorer.card.notes)
    yield from bullets("leak audit", _audited(found.audit))
    yield from bullets("note", map(str, data.notes))


def _audited(audit: Audit) -> Iterable[str]:
    """What the leak audit flagged, and what became of it."""
    if not audit.flags:
        yield "nothing flagged"
    for flag in audit.flags:
        yield f"{flag.what} {flag.column} {'kept all the same' if flag.kept else 'left out'}: {flag.words}"
    for part in audit.rules:
        yield f"{part}, which is flagged: the rules still count it"


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


def _hints(hints: Iterable[tuple[str, str]]) -> Iterable[RenderableType]:
    table = Table.grid(padding=(0, 2, 0, 0))
    for what, command in hints:
        table.add_row(Text(what), Text(command, "bold cyan", no_wrap=False, overflow="fold"))
    yield table
