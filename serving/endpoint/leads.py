"""`GET /leads/{lead_id}`: what was told of a lead, and what the store holds of it; `DELETE`: forget it."""

from __future__ import annotations

from typing import Any

from lead_readiness.moments import written
from serving.http.problems import ProblemError
from serving.kept import Kept
from serving.store import Score

MOST_SCORES = 100


def lead(kept: Kept, lead_id: str) -> dict[str, Any]:
    """The latest score with its reasons, the earlier ones, and how much is stored of the lead.

    Raises ProblemError for a lead that the store does not know.
    """
    found = kept.store.stored(lead_id)
    if found is None:
        raise _unknown()
    record = found.lead
    scores = kept.store.scores(record.lead_id, MOST_SCORES)
    return {
        "lead_id": record.lead_id,
        "latest": _told(scores[0], whole=True) if scores else None,
        "history": [_told(score, whole=False) for score in scores],
        "stored": {
            "created_at": written(record.created_at or 0),
            "account_id": record.account_id,
            "attributes": dict(record.attributes),
            "events": found.events,
            "first_event_at": None if found.first_event is None else written(found.first_event),
            "last_event_at": None if found.last_event is None else written(found.last_event),
            "outcome": found.outcome,
            "handoffs": found.handoffs,
        },
    }


def forget(kept: Kept, lead_id: str) -> dict[str, Any]:
    """Erase a lead for good; one that is not known yet will not be stored either."""
    return {"erased": True, "was_known": kept.store.erase(lead_id)}


def _unknown() -> ProblemError:
    return ProblemError("unknown-lead", "the store knows no such lead; send its events to /events first")


def _told(score: Score, whole: bool) -> dict[str, Any]:
    told = {
        "as_of": written(score.as_of),
        "score": score.score,
        "probability": score.probability,
        "band": score.band,
        "model": score.model,
        "rule_book": score.rule_book,
        "decision": score.decision,
    }
    return {**told, "reasons": score.reasons} if whole else told
