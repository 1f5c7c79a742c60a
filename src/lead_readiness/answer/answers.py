"""An assessment as answers, one a lead: score, rules beside it, reasons, decision, versions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, tzinfo
from itertools import zip_longest
from typing import Any, NamedTuple

from lead_readiness.handoff import Decisions
from lead_readiness.moments import written
from lead_readiness.reasons import MOST_AGAINST, MOST_FOR, Reason
from lead_readiness.scorer import Assessment
from lead_readiness.timelines import NEVER

BANDS = ((95.0, "top 5 %"), (80.0, "top 20 %"), (50.0, "upper half"), (0.0, "lower half"))
"""The bands by the percentile that each begins with, the highest first."""


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
        rules, decision = self.rules, self.decision
        return {
            "lead_id": self.lead_id,
            "as_of": written(self.as_of),
            "score": self.score,
            "probability": self.probability,
            "horizon_days": self.horizon_days,
            "percentile": self.percentile,
            "band": self.band,
            "rules": {
                "points": rules.points,
                "threshold": rules.threshold,
                "fit": rules.fit,
                "engagement": rules.engagement,
                "grade": rules.grade,
                "excluded": rules.excluded,
                "triggered": rules.triggered,
                "fired": [
                    {"rule": rule, "points": points, "times": times} for rule, points, times in rules.fired
                ],
            },
            "reasons": {
                "for": [reason.as_json() for reason in self.reasons_for],
                "against": [reason.as_json() for reason in self.reasons_against],
            },
            "decision": None
            if decision is None
            else {**decision._asdict(), "re_entry": _time(decision.re_entry)},
            "model": self.model,
            "rule_book": self.rule_book,
        }


def answers(assessed: Assessment, decisions: Decisions | None = None, top: int | None = None) -> list[Answer]:
    """One answer a row of the assessment; ``decisions`` are of the same leads, row by row.

    ``top`` is the most reasons for, and half as many against; as many as METHOD asks for unless given. No rows give no
    answers.
    """
    scorer, most = assessed.scorer, (MOST_FOR, MOST_AGAINST) if top is None else (top, (top + 1) // 2)
    version, book = scorer.version, f"{scorer.book.name} {scorer.book.version}"
    told = []
    for row, (lead_id, as_of, score, probability, percentile, rules, reasons) in enumerate(
        zip(
            assessed.timelines.lead_ids[assessed.lead].tolist(),
            assessed.as_of.tolist(),
            assessed.score.tolist(),
            assessed.probability.tolist(),
            scorer.card.percentiles(assessed.score),
            _rules(assessed),
            assessed.reasons_of(range(len(assessed)), *most),
        )
    ):
        told.append(
            Answer(
                lead_id=lead_id,
                as_of=as_of,
                score=score,
                probability=None if math.isnan(probability) else probability,
                horizon_days=horizon_days(assessed, row),
                percentile=percentile,
                band=None if percentile is None else next(b for least, b in BANDS if percentile >= least),
                rules=rules,
                reasons_for=tuple([reason for reason in reasons if reason.points > 0]),
                reasons_against=tuple([reason for reason in reasons if reason.points < 0]),
                decision=None if decisions is None else decided(decisions, row, scorer.teller.zone),
                model=version,
                rule_book=book,
            )
        )
    return told


def horizon_days(assessed: Assessment, row: int) -> int | None:
    """Days within which the row's win is foretold, None for the eventual outcome; the lead's sales cycle decides."""
    days, cycle = assessed.scorer.card.horizon_days, assessed.scorer.project.label.cycle
    value = str(assessed.timelines.attributes[cycle][assessed.lead[row]]) if cycle else ""
    return days.get(value, next(iter(days.values()), None))


def fired(assessed: Assessment, row: int) -> tuple[Fired, ...]:
    """Each term of the rule book that gives or takes points, in the book's order."""
    replay = assessed.replay
    points, times = replay.contributions[row].tolist(), replay.fired[row].tolist()
    terms = zip_longest(replay.terms, points, times)
    return tuple([Fired(term.name, moved, awarded) for term, moved, awarded in terms if moved])


def decided(decisions: Decisions, row: int, zone: tzinfo = UTC) -> Decided:
    """One row's decision; the dates in its sentence are those of ``zone``."""
    stood, given = decisions.standing, decisions.given
    decision, re_entry = decisions.decision_of(row), stood.re_entry.item(row)
    recycled = decision == "recycle"
    return Decided(
        decision=decision,
        clause=decisions.clause_of(row),
        sentence=decisions.sentence(row, zone),
        line=_finite(stood.line.item(row)),
        low=_finite(stood.low.item(row)),
        rank=given.rank.item(row) or None,
        place=given.place.item(row) or None,
        propensity=_finite(decisions.propensity.item(row)),
        track=decisions.track_of(row) if recycled else None,
        re_entry=re_entry if recycled and re_entry < NEVER else None,
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


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _time(micros: int | None) -> str | None:
    return None if micros is None else written(micros)
