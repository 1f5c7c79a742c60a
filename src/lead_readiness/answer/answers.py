"""An assessment as answers, one a lead: score, rules beside it, reasons, decision, versions."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import UTC, tzinfo
from typing import Any

from lead_readiness.handoff import Decisions
from lead_readiness.moments import written
from lead_readiness.reasons import MOST_AGAINST, MOST_FOR, Reason
from lead_readiness.scorer import Assessment
from lead_readiness.timelines import NEVER

BANDS = ((95.0, "top 5 %"), (80.0, "top 20 %"), (50.0, "upper half"), (0.0, "lower half"))
"""The bands by the percentile that each begins with, the highest first."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A term of the rule book that gives or takes points, and how often it was awarded; a bound is not awarded."""

    rule: str
    points: float
    times: int | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What sales' own rule book says of the lead; ``fired`` adds up to ``points``."""

    points: float
    threshold: float
    fit: float
    engagement: float
    grade: str | None
    excluded: bool
    triggered: bool
    fired: tuple[Fired, ...]


@dataclass(frozen=True, slots=True)
class Decided:
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


@dataclass(frozen=True, slots=True)
class Answer:
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
                "fired": [{"rule": f.rule, "points": f.points, "times": f.times} for f in rules.fired],
            },
            "reasons": {
                "for": [reason.as_json() for reason in self.reasons_for],
                "against": [reason.as_json() for reason in self.reasons_against],
            },
            "decision": None
            if decision is None
            else {**asdict(decision), "re_entry": _time(decision.re_entry)},
            "model": self.model,
            "rule_book": self.rule_book,
        }


def answers(assessed: Assessment, decisions: Decisions | None = None, top: int | None = None) -> list[Answer]:
    """One answer a row of the assessment; ``decisions`` are of the same leads, row by row.

    ``top`` is the most reasons for, and half as many against; as many as METHOD asks for unless given. No rows give no
    answers.
    """
    scorer, scores = assessed.scorer, assessed.score.tolist()
    most = (MOST_FOR, MOST_AGAINST) if top is None else (top, (top + 1) // 2)
    book = f"{scorer.book.name} {scorer.book.version}"
    ids, moments = assessed.timelines.lead_ids[assessed.lead].tolist(), assessed.as_of.tolist()
    percentiles = scorer.card.percentiles(assessed.score)
    told = []
    for row, (score, probability, percentile) in enumerate(
        zip(scores, assessed.probability.tolist(), percentiles)
    ):
        reasons = assessed.reasons(row, *most)
        told.append(
            Answer(
                lead_id=ids[row],
                as_of=moments[row],
                score=score,
                probability=None if math.isnan(probability) else probability,
                horizon_days=horizon_days(assessed, row),
                percentile=percentile,
                band=None if percentile is None else next(b for least, b in BANDS if percentile >= least),
                rules=_rules(assessed, row),
                reasons_for=tuple([reason for reason in reasons if reason.points > 0]),
                reasons_against=tuple([reason for reason in reasons if reason.points < 0]),
                decision=None if decisions is None else decided(decisions, row, scorer.teller.zone),
                model=scorer.version,
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
    replay, n = assessed.replay, assessed.replay.fired.shape[1]
    points = replay.contributions[row]
    return tuple(
        [
            Fired(replay.terms[k].name, float(points[k]), int(replay.fired[row, k]) if k < n else None)
            for k in points.nonzero()[0].tolist()
        ]
    )


def decided(decisions: Decisions, row: int, zone: tzinfo = UTC) -> Decided:
    """One row's decision; the dates in its sentence are those of ``zone``."""
    stood, given = decisions.standing, decisions.given
    decision = str(decisions.decision_of(row))
    recycled = decision == "recycle"
    re_entry = int(stood.facts.re_entry[row])
    return Decided(
        decision=decision,
        clause=decisions.clause_of(row),
        sentence=decisions.sentence(row, zone),
        line=_finite(stood.line[row]),
        low=_finite(stood.low[row]),
        rank=int(given.rank[row]) or None,
        place=int(given.place[row]) or None,
        propensity=_finite(decisions.propensity[row]),
        track=decisions.track_of(row) if recycled else None,
        re_entry=re_entry if recycled and re_entry < NEVER else None,
    )


def _rules(assessed: Assessment, row: int) -> Rules:
    replay = assessed.replay
    return Rules(
        points=float(replay.points[row]),
        threshold=assessed.scorer.book.threshold,
        fit=float(replay.fit[row]),
        engagement=float(replay.engagement[row]),
        grade=replay.grade[row] or None,
        excluded=bool(replay.excluded[row]),
        triggered=bool(replay.triggered[row]),
        fired=fired(assessed, row),
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _time(micros: int | None) -> str | None:
    return None if micros is None else written(micros)
