"""An assessment as answers, one a lead: score, rules beside it, reasons, decision, versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from itertools import compress, zip_longest
from math import isfinite, isnan
from typing import Any, NamedTuple

from lead_readiness.handoff import CLAUSES, Decisions
from lead_readiness.moments import written
from lead_readiness.reasons import MOST_AGAINST, MOST_FOR, Reason
from lead_readiness.scorer import Assessment
from lead_readiness.timelines import NEVER

BANDS = ((95.0, "top 5 %"), (80.0, "top 20 %"), (50.0, "upper half"), (0.0, "lower half"))
"""The bands by the percentile that each begins with, the highest first."""
CLAUSE = tuple(CLAUSES.items())
"""The clauses with their decisions, by place."""


class Fired(NamedTuple):
    """A term of the rule book that gives or takes points, and how often it was awarded; a bound is not awarded."""

    rule: str
    points: float
    times: int | None


class Rules(NamedTuple):
    """What sales' own rule book says of the lead; ``fired`` adds up to ``points``."""

    points: float
    threshold: float
    fit: float
    engagement: float
    grade: str | None
    excluded: bool
    triggered: bool
    fired: tuple[Fired, ...]

    def as_json(self) -> dict[str, Any]:
        """What the book says as JSON holds it."""
        points, threshold, fit, engagement, grade, excluded, triggered, fired = self
        return {
            "points": points,
            "threshold": threshold,
            "fit": fit,
            "engagement": engagement,
            "grade": grade,
            "excluded": excluded,
            "triggered": triggered,
            "fired": [{"rule": rule, "points": moved, "times": times} for rule, moved, times in fired],
        }


class Decided(NamedTuple):
    """What becomes of the lead, by which clause, and the clause in words.

    ``line`` and ``low`` are what it was held against; ``rank`` is in its queue, ``place`` of the week. What does not
    apply is None; ``re_entry`` is microseconds UTC.
    """

    decision: str
    clause: str
    sentence: str
    line: float | None
    low: float | None
    rank: int | None
    place: int | None
    propensity: float | None
    track: str | None
    re_entry: int | None

    def as_json(self) -> dict[str, Any]:
        """The decision as JSON holds it, its time as ISO 8601 text in UTC."""
        decision, clause, sentence, line, low, rank, place, propensity, track, re_entry = self
        return {
            "decision": decision,
            "clause": clause,
            "sentence": sentence,
            "line": line,
            "low": low,
            "rank": rank,
            "place": place,
            "propensity": propensity,
            "track": track,
            "re_entry": None if re_entry is None else written(re_entry),
        }


class Answer(NamedTuple):
    """All that is told of one lead at ``as_of`` (microseconds UTC).

    ``probability`` is of being won within ``horizon_days`` (None: ever), None where there are too few wins for one;
    the score is rule points then. ``percentile`` and ``band`` say where the score stands among the leads that were
    open when the scorer was trained. ``decision`` is None where none was asked for.
    """

    lead_id: str
    as_of: int
    score: float
    probability: float | None
    horizon_days: int | None
    percentile: float | None
    band: str | None
    rules: Rules
    reasons_for: tuple[Reason, ...]
    reasons_against: tuple[Reason, ...]
    decision: Decided | None
    model: str
    rule_book: str

    def as_json(self) -> dict[str, Any]:
        """The answer as JSON holds it, times as ISO 8601 text in UTC; the keys are a promise."""
        decision = self.decision
        return {
            "lead_id": self.lead_id,
            "as_of": written(self.as_of),
            "score": self.score,
            "probability": self.probability,
            "horizon_days": self.horizon_days,
            "percentile": self.percentile,
            "band": self.band,
            "rules": self.rules.as_json(),
            "reasons": {
                "for": [reason.as_json() for reason in self.reasons_for],
                "against": [reason.as_json() for reason in self.reasons_against],
            },
            "decision": None if decision is None else decision.as_json(),
            "model": self.model,
            "rule_book": self.rule_book,
        }


def answers(assessed: Assessment, decisions: Decisions | None = None, top: int | None = None) -> list[Answer]:
    """One answer a row of the assessment; ``decisions`` are of the same leads, row by row.

    ``top`` is the most reasons for, and half as many against; as many as METHOD asks for unless given. No rows give no
    answers.
    """
    scorer, n = assessed.scorer, len(assessed)
    version, book = scorer.version, f"{scorer.book.name} {scorer.book.version}"
    most = (MOST_FOR, MOST_AGAINST) if top is None else (top, (top + 1) // 2)
    columns = zip(
        assessed.timelines.lead_ids[assessed.lead].tolist(),
        assessed.as_of.tolist(),
        assessed.score.tolist(),
        assessed.probability.tolist(),
        [horizon_days(assessed, row) for row in range(n)],
        scorer.card.percentiles(assessed.score),
        _rules(assessed),
        assessed.reasons_of(range(n), *most),
        [None] * n if decisions is None else decided(decisions, scorer.teller.zone),
    )
    return [
        Answer(
            lead_id,
            as_of,
            score,
            None if isnan(probability) else probability,
            days,
            percentile,
            None if percentile is None else _band(percentile),
            rules,
            tuple([reason for reason in reasons if reason.points > 0]),
            tuple([reason for reason in reasons if reason.points < 0]),
            decision,
            version,
            book,
        )
        for lead_id, as_of, score, probability, days, percentile, rules, reasons, decision in columns
    ]


def horizon_days(assessed: Assessment, row: int) -> int | None:
    """Days within which the row's win is foretold, None for the eventual outcome; the lead's sales cycle decides."""
    days, cycle = assessed.scorer.card.horizon_days, assessed.scorer.project.label.cycle
    value = str(assessed.timelines.attributes[cycle].item(assessed.lead.item(row))) if cycle else ""
    return days[value] if value in days else next(iter(days.values()), None)


def fired(assessed: Assessment, row: int) -> tuple[Fired, ...]:
    """Each term of the rule book that gives or takes points, in the book's order."""
    replay = assessed.replay
    points = replay.contributions[row].tolist()
    terms = compress(zip_longest(replay.terms, points, replay.fired[row].tolist()), points)
    return tuple([Fired(term.name, moved, awarded) for term, moved, awarded in terms])


def decided(decisions: Decisions, zone: tzinfo = UTC) -> Iterator[Decided]:
    """Each row's decision; the dates in its sentence are those of ``zone``."""
    stood, given = decisions.standing, decisions.given
    columns = (
        stood.clause,
        stood.line,
        stood.low,
        given.rank,
        given.place,
        decisions.propensity,
        stood.re_entry,
    )
    for row, (clause, line, low, rank, place, propensity, re_entry) in enumerate(
        zip(*[column.tolist() for column in columns])
    ):
        name, decision = CLAUSE[clause]
        recycled = decision == "recycle"
        yield Decided(
            decision,
            name,
            decisions.sentence(row, zone),
            line if isfinite(line) else None,
            low if isfinite(low) else None,
            rank or None,
            place or None,
            propensity if isfinite(propensity) else None,
            decisions.track_of(row) if recycled else None,
            re_entry if recycled and re_entry < NEVER else None,
        )


def _rules(assessed: Assessment) -> Iterator[Rules]:
    """What the rule book says of each row."""
    replay, threshold = assessed.replay, assessed.scorer.book.threshold
    columns = replay.points, replay.fit, replay.engagement, replay.grade, replay.excluded, replay.triggered
    for row, (points, fit, engagement, grade, excluded, triggered) in enumerate(
        zip(*[column.tolist() for column in columns])
    ):
        yield Rules(
            points, threshold, fit, engagement, grade or None, excluded, triggered, fired(assessed, row)
        )


def _band(percentile: float) -> str:
    return next(band for least, band in BANDS if percentile >= least)
