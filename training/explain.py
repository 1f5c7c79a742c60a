"""One lead's score, for a person and for a program: what it adds up from, with the evidence and the rules beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lead_readiness import moments
from lead_readiness.answer import fired, horizon_days
from lead_readiness.errors import DataError, nearest
from lead_readiness.reasons import Reason
from lead_readiness.scorer import Assessment, Scorer
from lead_readiness.snapshots import episodes
from lead_readiness.timelines import NONE, OUTCOMES, Timelines
from training.wording import percent, rule_points, won_within

MOST_SEARCHED = 100_000
"""Ids among which the nearest to an unknown one is looked for."""
LEAST_SHOWN = 0.5
"""Points from which a behaviour has its sentence here, where the whole sum is shown."""
EVERY = 99
"""More reasons than there are behaviours."""


@dataclass(frozen=True)
class Explanation:
    """One assessed lead: row 0 of ``assessed``, with how it stands with sales at that moment."""

    assessed: Assessment
    lead_id: str
    as_of: int
    state: str

    @property
    def horizon_days(self) -> int | None:
        """Days within which the win is foretold, None for the eventual outcome; the lead's sales cycle decides."""
        return horizon_days(self.assessed, 0)

    @property
    def reasons(self) -> list[Reason]:
        """Every behaviour that moves the score by half a point or more, strongest first, for before against."""
        return self.assessed.reasons(0, EVERY, EVERY, LEAST_SHOWN)


def explain(scorer: Scorer, timelines: Timelines, lead_id: str, as_of: int) -> Explanation:
    """The lead of that id, assessed at ``as_of`` (microseconds UTC).

    Raises DataError when there is no such lead, naming the nearest, or when it was not created by then.
    """
    try:
        lead = timelines.find(lead_id)
    except KeyError:
        raise DataError(_unknown(lead_id, timelines)) from None
    created = int(timelines.created[lead])
    if created >= as_of:
        raise DataError(
            f"lead {lead_id!r} was created at {moments.written(created)}, not before {moments.written(as_of)}; "
            "ask for a later moment with --as-of"
        )
    assessed = scorer.assess(timelines, np.array([lead], np.int32), np.array([as_of], np.int64))
    return Explanation(assessed, lead_id, as_of, _state(scorer, timelines, lead, as_of))


def as_json(told: Explanation) -> dict[str, Any]:
    """The explanation as JSON can hold it; the keys are a promise."""
    assessed, scorer = told.assessed, told.assessed.scorer
    replay, book = assessed.replay, scorer.book
    return {
        "lead_id": told.lead_id,
        "as_of": moments.written(told.as_of),
        "state": told.state,
        "horizon_days": told.horizon_days,
        "probability": _number(assessed.probability[0]),
        "score": float(assessed.score[0]),
        "base": assessed.base_points,
        "behaviours": assessed.points(0),
        "reasons": [reason.as_json() for reason in told.reasons],
        "rules": {
            "points": float(replay.points[0]),
            "threshold": book.threshold,
            "fit": float(replay.fit[0]),
            "engagement": float(replay.engagement[0]),
            "grade": replay.grade[0],
            "excluded": bool(replay.excluded[0]),
            "triggered": bool(replay.triggered[0]),
            "terms": [
                {"name": term.rule, "points": term.points, "fired": term.times} for term in fired(assessed, 0)
            ],
        },
        "model": {"version": scorer.version, "trained_until": moments.written(scorer.card.cut)},
        "rule_book": {"name": book.name, "version": book.version, "fingerprint": book.fingerprint},
    }


def show(told: Explanation, console: Console) -> None:
    """Print the explanation for a person."""
    assessed, scorer = told.assessed, told.assessed.scorer
    console.print(
        Text.assemble("\n", (told.lead_id, "bold"), f"  {told.state}  ", (_moment(told.as_of), "dim"))
    )
    label = won_within({"": told.horizon_days})
    if scorer.blend is not None:
        _body(
            console, Text.assemble((percent(assessed.probability[0]), "bold cyan"), f" chance to be {label}")
        )
    for note in scorer.card.notes:
        _body(console, Text(note, "yellow"))
    _title(console, "How the score adds up")
    _body(console, _sum(told))
    _title(console, "Evidence")
    _body(console, _evidence(told.reasons))
    limits = f"threshold {scorer.book.threshold:g}{', triggered' if assessed.replay.triggered[0] else ''}"
    _title(console, f"Rule points: {rule_points(assessed, 0)} ({limits})")
    _body(console, _rules(assessed))
    versions = f"scorer {scorer.version}, rule book {scorer.book.name!r} version {scorer.book.version}."
    console.print()
    _body(console, Text(versions, "dim"))
    policy = (
        "An association, under the hand-off policy of the past: nothing here says that a call causes a win."
    )
    _body(console, Text(policy, "dim"))


def tenths(parts: Sequence[float], total: float) -> list[float]:
    """The parts to one decimal, so that they add up to the total to one decimal: no part is off by 0.1 or more.

    >>> tenths([10.04, 10.04, 10.04], 30.12)
    [10.1, 10.0, 10.0]
    """
    exact = np.asarray(parts, float) * 10
    floor = np.floor(exact).astype(int)
    spare = round(total * 10) - int(floor.sum())
    order = np.argsort(floor - exact, kind="stable")
    floor[order[:spare]] += 1
    return [value / 10 for value in floor.tolist()]


def _sum(told: Explanation) -> Table:
    """Base, behaviours and their sum, as exact as one decimal shows it."""
    assessed = told.assessed
    points = assessed.points(0)
    sentences = {reason.behaviour: reason.sentence for reason in told.reasons}
    ranked = sorted(points, key=lambda b: (-points[b], b))
    shown = tenths([assessed.base_points, *(points[b] for b in ranked)], float(assessed.score[0]))
    table = _grid("left", "right", "left")
    table.add_row("base", f"{shown[0]:.1f}", Text("a lead about whom nothing moves the score", "dim"))
    for behaviour, value in zip(ranked, shown[1:]):
        style = "green" if value > 0 else "red" if value < 0 else "dim"
        table.add_row(behaviour, Text(f"{value:+.1f}", style), Text(sentences.get(behaviour, ""), ""))
    end = (
        "100 is even odds, 20 points double the odds"
        if assessed.scorer.blend
        else "rule points: too few wins to learn from"
    )
    table.add_row(Text("score", "bold"), Text(f"{assessed.score[0]:.1f}", "bold"), Text(end, "dim"))
    return table


def _evidence(reasons: Iterable[Reason]) -> Table | Text:
    table = _grid("left", "right", "left", "left")
    for reason in reasons:
        seen = reason.evidence
        if seen.count and seen.first is not None and seen.last is not None:
            more = ", ..." if seen.count > len(seen.event_ids) and seen.event_ids else ""
            span = " to ".join(dict.fromkeys(map(_moment, (seen.first, seen.last))))
            events = f"{seen.count:,} event{'' if seen.count == 1 else 's'}"
            table.add_row(reason.behaviour, events, span, Text(", ".join(seen.event_ids) + more, "dim"))
    return table if table.row_count else Text("no event bears on this score")


def _rules(assessed: Assessment) -> Table | Text:
    table = _grid("left", "right", "left")
    for term in fired(assessed, 0):
        times = f"{term.times:,} times" if term.times is not None and term.times > 1 else ""
        style = "green" if term.points > 0 else "red"
        table.add_row(term.rule, Text(f"{term.points:+.1f}", style), Text(times, "dim"))
    return table if table.row_count else Text("no rule applies")


def _state(scorer: Scorer, timelines: Timelines, lead: int, as_of: int) -> str:
    """How the lead stood: open, decided, or with sales (or opted out), which nobody is asked to score."""
    if timelines.decided[lead] <= as_of and timelines.outcome[lead] != NONE:
        return OUTCOMES[timelines.outcome[lead]]
    spans = episodes(timelines, scorer.project)
    own = (spans.lead == lead) & (spans.begin < as_of) & (as_of < spans.end)
    return "open" if own.any() else "with sales or opted out"


def _unknown(lead_id: str, timelines: Timelines) -> str:
    near = [i for i in timelines.lead_ids if abs(len(i) - len(lead_id)) <= 2][:MOST_SEARCHED]
    return (
        f"no lead has the id {lead_id!r}; the leads table has {len(timelines):,}, the first "
        f"{min(timelines.lead_ids)!r}{nearest(lead_id, near)}"
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _title(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/bold]")


def _body(console: Console, part: Table | Text) -> None:
    console.print(Padding(part, (0, 0, 0, 2), expand=False))


def _grid(*sides: Any) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for side in sides:
        table.add_column(justify=side)
    return table


def _moment(micros: int) -> str:
    return moments.written(micros)[:16].replace("T", " ")
