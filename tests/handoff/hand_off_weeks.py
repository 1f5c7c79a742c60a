"""A few leads, evaluated week after week: the words that the hand-off's tests are written in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from lead_readiness.handoff import Decisions, Seen, States, decide
from lead_readiness.project import Handoff
from lead_readiness.snapshots import GRID_ORIGIN
from lead_readiness.timelines import DAY, RETURN_REASONS

START = GRID_ORIGIN + 2922 * 7 * DAY  # Monday 5 January 2026, 00:00 UTC
LONG_AGO = START - 100 * DAY


def week(n: float) -> int:
    """Microseconds UTC, ``n`` weeks after the first evaluation."""
    return START + round(n * 7 * DAY)


def seen(*leads: tuple[str, float] | tuple[str, float, dict[str, Any]]) -> Seen:
    """Leads given as id, score and, where there is more to say, that."""
    more = [{"last_buyer_event": LONG_AGO, **(lead[2] if len(lead) > 2 else {})} for lead in leads]
    names = {name for row in more for name in row}
    nothing = Seen.of(["x"], [0.0])
    columns = {name: [row.get(name, getattr(nothing, name)[0]) for row in more] for name in names}
    return Seen.of([lead[0] for lead in leads], [lead[1] for lead in leads], **columns)


def back(at: int, reason: str, event: int = LONG_AGO, given: int | None = None) -> dict[str, Any]:
    """Returned by sales at a moment for a reason, and when the buyer last did anything."""
    return {
        "handed_off": at - 7 * DAY if given is None else given,
        "returned": at,
        "reason": RETURN_REASONS.index(reason),
        "last_buyer_event": event,
    }


def run(policy: Handoff, evaluations: Iterable[Seen], seed: int = 0) -> list[Decisions]:
    """One evaluation a week, each from the states that the one before left."""
    made: list[Decisions] = []
    for n, leads in enumerate(evaluations):
        states = made[-1].states if made else States.empty()
        made.append(decide(policy, states, leads, week(n), seed))
    return made


def told(made: Decisions) -> dict[str, str]:
    """Per lead its sentence."""
    return dict(zip(made.seen.lead_id, (made.sentence(row) for row in range(len(made)))))


def clauses(made: Decisions) -> dict[str, str]:
    """Per lead its clause."""
    return dict(zip(made.seen.lead_id, made.clause))


def same(one: States, other: States) -> bool:
    """Whether two states are the same, row by row."""
    return one.leads().equals(other.leads()) and one.lines().equals(other.lines())


def by_lead(made: Decisions) -> pd.DataFrame:
    """The decisions in the order of the lead ids."""
    return made.frame().sort_values("lead_id", ignore_index=True)


def shuffled(leads: Seen, seed: int) -> Seen:
    """The same leads in another order of rows."""
    return leads[np.random.Generator(np.random.PCG64(seed)).permutation(len(leads))]
