"""A made-up lead and a colleague of it, asked about in every way before a model serves: whatever fails, fails here."""

from __future__ import annotations

import math
from typing import Any

from lead_readiness import wire
from lead_readiness.errors import ModelError
from lead_readiness.moments import written
from lead_readiness.timelines import DAY
from serving.endpoint import explain, score
from serving.endpoint.means import Means
from serving.http.visit import Visit
from serving.kept import Kept
from serving.models import Champion
from serving.settings import Settings


def warm(champion: Champion, settings: Settings) -> None:
    """Score and explain a made-up lead, so that kernels are loaded; raises ModelError when no score comes out."""
    visit = Visit.arriving("POST", "/score", {})
    means = Means(champion, Kept(None), settings, champion.since, visit)
    leads, at = _made_up(champion), written(champion.since)
    told = score.score(means, {"leads": leads, "as_of": at})["leads"][0]
    _tell_everything(champion, leads, champion.since)
    since = written(champion.since - 2 * DAY)
    explain.explain(means, {"lead": leads[0], "as_of": at, "since": since})
    if not math.isfinite(told["score"]):
        raise ModelError("it gives a made-up lead no score; expected a finite number; train again")


def _tell_everything(champion: Champion, leads: list[Any], at: int) -> None:
    """Every behaviour's reason, whether it moves the made-up lead's score or not."""
    teller, known = champion.scorer.teller, wire.read(champion.project, leads).timelines
    for behaviour in champion.scorer.behaviours:
        teller.reason(behaviour, 1.0, known, 0, at, {})


def _made_up(champion: Champion) -> list[dict[str, Any]]:
    began, *days = [written(champion.since - n * DAY) for n in (9, 5, 1)]
    kinds = list(champion.project.vocabulary)[:8]
    return [
        {
            "lead_id": name,
            "account_id": "made-up",
            "created_at": began,
            "events": [
                {
                    "event_id": f"{name}-{kind}-{day}",
                    "kind": kind,
                    "occurred_at": day,
                    "asset": "/",
                    "value": 1.0,
                }
                for kind in kinds
                for day in days
            ],
        }
        for name in ("made-up", "made-up too")
    ]
