"""A score taken apart to the last feature and rule, and the difference of two scores taken apart in time."""

from __future__ import annotations

import math
from typing import Any

from lead_readiness.answer.answers import fired
from lead_readiness.change import Change
from lead_readiness.features import compute
from lead_readiness.moments import written
from lead_readiness.scorer import Assessment


def breakdown(assessed: Assessment, row: int) -> dict[str, Any]:
    """What one row's score adds up from, as JSON: ``base`` and the points of all ``behaviours`` give the score.

    A behaviour's points are those of its ``features`` (both learned voices, weighted as in the blend) and of its
    ``rules``. A feature has the value that was seen, None where there was nothing to measure. ``voices`` has each
    voice's weight and its own log-odds.
    """
    scorer, features = assessed.scorer, _features(assessed, row)
    terms = zip(scorer.book.terms, (assessed.by_rule[row] * scorer.unit).tolist())
    rules = [
        {"behaviour": term.behaviour, "rule": term.name, "points": points} for term, points in terms if points
    ]
    behaviours = [
        {
            "behaviour": behaviour,
            "points": points,
            "features": [_without(f, "behaviour") for f in features if f["behaviour"] == behaviour],
            "rules": [_without(r, "behaviour") for r in rules if r["behaviour"] == behaviour],
        }
        for behaviour, points in assessed.points(row).items()
    ]
    return {
        "score": float(assessed.score[row]),
        "base": assessed.base_points,
        "behaviours": sorted(behaviours, key=lambda told: -abs(told["points"])),
        "voices": _voices(assessed, row),
        "rule_points": [{"rule": f.rule, "points": f.points, "times": f.times} for f in fired(assessed, row)],
    }


def changed(change: Change, row: int) -> dict[str, Any]:
    """What led from one score to the other, as JSON: the points of ageing, news and model add up to the difference."""
    before, after = change.before, change.after
    return {
        "since": written(int(before.as_of[row])),
        "score_before": float(before.score[row]),
        "model_before": before.scorer.version,
        "difference": float(change.difference[row]),
        "points": change.points(row),
        "reasons": {
            part: [reason.as_json() for reason in told] for part, told in change.reasons(row).items()
        },
        "as_of": written(int(after.as_of[row])),
    }


def _features(assessed: Assessment, row: int) -> list[dict[str, Any]]:
    """Every feature of the learned voices with its value and points; none where there are only rules."""
    scorer = assessed.scorer
    if scorer.blend is None or scorer.linear is None:
        return []
    one = slice(row, row + 1)
    values = compute(scorer.catalogue, assessed.timelines, assessed.lead[one], assessed.as_of[one])[
        0
    ].tolist()
    points = (assessed.by_feature[row] * scorer.unit).tolist()
    return [
        {
            "behaviour": feature.behaviour,
            "feature": feature.name,
            "phrase": feature.phrase,
            "value": value if math.isfinite(value) else None,
            "points": moved,
        }
        for feature, value, moved in zip(scorer.catalogue.features, values, points)
    ]


def _voices(assessed: Assessment, row: int) -> list[dict[str, Any]]:
    blend = assessed.scorer.blend
    if blend is None:
        return []
    logits = {name: float(logit[row]) for name, logit in assessed.voices.items()}
    return [
        {"voice": name, "weight": float(weight), "logit": logits.get(name)}
        for name, weight in zip(blend.voices, blend.weights)
    ]


def _without(told: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != key}
