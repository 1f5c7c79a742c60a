"""Leads as read, and the columns that timelines are assembled from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lead_readiness.project import Project
from lead_readiness.tables.checks import MOST_PEOPLE
from lead_readiness.timelines import NEVER, NONE, Columns
from lead_readiness.timelines.build import Decisions, People, Stays
from lead_readiness.wire.events import Event
from lead_readiness.wire.mistakes import Place


class Decision(NamedTuple):
    """A lead's outcome as codes and microseconds."""

    outcome: int = NONE
    decided: int = NEVER
    opportunity: int = NEVER
    amount: float | None = None


class Stay(NamedTuple):
    """One hand-off of a lead."""

    handed_off: int
    returned: int
    reason: int


class Lead(NamedTuple):
    """One lead as read; ``at`` is its place in the request."""

    at: Place
    lead_id: str
    created: int
    account_id: str | None
    attributes: dict[str, Any]
    events: list[Event | None]
    decision: Decision
    stays: list[Stay]


def accounts(leads: Sequence[Lead]) -> tuple[list[str | None], int]:
    """Each lead's account; one with more leads than people decide together is taken as none, and they are counted."""
    found = [lead.account_id for lead in leads]
    if len(found) <= MOST_PEOPLE:
        return found, 0
    counts = Counter(found)
    crowded = {name for name, n in counts.items() if name is not None and n > MOST_PEOPLE}
    return [None if name in crowded else name for name in found], sum(counts[name] for name in crowded)


def people(project: Project, leads: Sequence[Lead], accounts: Sequence[str | None]) -> People:
    """The leads' columns; a lead without an account stands by itself."""
    first = [n for n, name in enumerate(accounts) if n == 0 or name is None or name != accounts[n - 1]]
    start = np.array([*first, len(leads)], np.int64)
    return People(
        lead_ids=np.array([lead.lead_id for lead in leads], object),
        created=np.array([lead.created for lead in leads], np.int64),
        account=np.repeat(np.arange(len(first), dtype=np.int32), start[1:] - start[:-1]),
        account_start=start,
        attributes={
            name: np.array([lead.attributes[name] for lead in leads], float if a.type == "number" else object)
            for name, a in project.attributes.items()
        },
        accounts_known=any(name is not None for name in accounts),
    )


def of_events(project: Project, events: Sequence[Event]) -> tuple[Columns, tuple[str, ...]]:
    """The events' columns, and the assets that they refer to."""
    kinds = {kind: code for code, kind in enumerate(project.vocabulary)}
    _, occurred, kind, value, asset, _, _ = zip(*events) if events else ((),) * 7
    assets = sorted({name for name in asset if name is not None})
    codes: dict[str | None, int] = {None: -1, **{name: code for code, name in enumerate(assets)}}
    return Columns(
        time=np.array(occurred, np.int64),
        kind=np.array([kinds[name] for name in kind], np.int16),
        asset=np.array([codes[name] for name in asset], np.int32),
        value=np.array(value, np.float32),
        recorded=np.array([event.known for event in events], np.int64),
    ), tuple(assets)


def decisions(decisions: Sequence[Decision]) -> Decisions:
    """The leads' outcomes as columns."""
    outcome, decided, opportunity, amount = zip(*decisions)
    return Decisions(
        np.array(outcome, np.int8),
        np.array(decided, np.int64),
        np.array(opportunity, np.int64),
        np.array(amount, np.float64),
    )


def handed(stays: Sequence[Sequence[Stay]]) -> Stays:
    """All hand-offs, lead by lead."""
    rows = [(n, *stay) for n, of_lead in enumerate(stays) for stay in of_lead]
    lead, handed, returned, reason = zip(*rows) if rows else ((), (), (), ())
    return Stays(
        np.array(lead, np.int32),
        np.array(handed, np.int64),
        np.array(returned, np.int64),
        np.array(reason, np.int16),
    )
