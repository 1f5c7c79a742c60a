"""Scored leads as they are told: answers with the decision that the last evaluation's lines, or its record, give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lead_readiness.answer import Answer, answers
from lead_readiness.handoff import Decisions, Seen, alone
from lead_readiness.moments import written
from lead_readiness.scorer import Assessment
from lead_readiness.timelines import Timelines
from serving.endpoint.means import Means


@dataclass(frozen=True)
class Told:
    """Leads that were scored: ``leads`` are the answers as JSON, row by row those of ``assessed``."""

    assessed: Assessment
    decisions: Decisions | None
    answers: list[Answer]
    leads: list[dict[str, Any]]
    notes: tuple[str, ...]


def score(
    means: Means, timelines: Timelines, lead: npt.NDArray[np.int32], as_of: int, top: int | None = None
) -> Told:
    """Score these leads at one moment and tell it."""
    visit, scorer = means.visit, means.champion.scorer
    assessed = scorer.assess(timelines, lead, np.full(len(lead), as_of))
    visit.mark("score")
    return tell(means, assessed, as_of, top)


def tell(means: Means, assessed: Assessment, as_of: int, top: int | None = None) -> Told:
    """What is told of leads scored at one moment."""
    visit = means.visit
    visit.model = means.champion.scorer.version
    decisions, notes = _decisions(means, assessed, as_of)
    visit.mark("decide")
    told = answers(assessed, decisions, top)
    visit.mark("reasons")
    visit.told = told
    leads = [answer.as_json() for answer in told]
    _as_recorded(means, leads, as_of)
    return Told(assessed, decisions, told, leads, notes)


def heading(means: Means, as_of: int) -> dict[str, str]:
    """What every answer begins with."""
    champion = means.champion
    return {"as_of": written(as_of), "model": champion.scorer.version, "rule_book": champion.rule_book}


def _decisions(means: Means, assessed: Assessment, as_of: int) -> tuple[Decisions | None, tuple[str, ...]]:
    """Where the leads stand; not told for a moment before the last evaluation, whose lines are of later."""
    (evaluated, states), project = means.kept.last, means.champion.project
    if evaluated is not None and as_of < evaluated:
        return None, (
            f"no decision: the hand-off was evaluated at {written(evaluated)}, later than this moment",
        )
    seen = Seen.from_timelines(
        project,
        assessed.timelines,
        assessed.lead,
        as_of,
        assessed.score,
        assessed.probability,
        assessed.replay.triggered,
    )
    return alone(project.handoff, states, seen, as_of), ()


def _as_recorded(means: Means, leads: list[dict[str, Any]], as_of: int) -> None:
    """Of exactly the moment of the last evaluation, what was decided then is told."""
    kept = means.kept
    if kept.evaluated != as_of:
        return
    recorded = kept.store.told([lead["lead_id"] for lead in leads], as_of, means.champion.scorer.version)
    for lead in leads:
        score = recorded.get(lead["lead_id"])
        if score is not None and score.decision is not None:
            lead["decision"] = score.decision
