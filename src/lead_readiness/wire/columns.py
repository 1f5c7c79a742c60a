"""Leads as read, and the columns that timelines are assembled from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

import numpy as np

from lead_readiness.project import Project
from lead_readiness.tables.checks import MOST_PEOPLE
from lead_readiness.timelines import NEVER, NONE, WON, Columns
from lead_readiness.timelines.build import Decisions, People, Stays
from lead_readiness.wire.events import Events
from lead_readiness.wire.meaning import meaning
from lead_readiness.wire.mistakes import Place

INT8, INT16, INT32, INT64 = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64)
FLOAT32, FLOAT64, OBJECT = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.object_)
"""Types as objects: looking one up takes as long as making a short column."""


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
    attributes: list[Any]
    events: Events
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
    begins = [n == 0 or name is None or name != accounts[n - 1] for n, name in enumerate(accounts)]
    start = [n for n, is_first in enumerate(begins) if is_first]
    types: dict[str, np.dtype[Any]] = {
        name: FLOAT64 if is_number else OBJECT for name, is_number in meaning(project).attributes.items()
    }
    attributes = zip(types, zip(*[lead.attributes for lead in leads]))
    return People(
        lead_ids=np.array([lead.lead_id for lead in leads], OBJECT),
        created=np.array([lead.created for lead in leads], INT64),
        account=np.array([n - 1 for n in accumulate(begins)], INT32),
        account_start=np.array([*start, len(leads)], INT64),
        attributes={name: np.array(column, types[name]) for name, column in attributes},
        accounts_known=any(name is not None for name in accounts),
    )


def of_events(events: Events) -> tuple[Columns, tuple[str, ...]]:
    """The events' columns, and the assets that they refer to."""
    assets = sorted({*filter(None, events.asset)})
    codes: dict[str | None, int] = dict(zip([*assets, None], [*range(len(assets)), -1]))
    return Columns(
        time=np.array(events.occurred, INT64),
        kind=np.array(events.kind, INT16),
        asset=np.array([*map(codes.get, events.asset)], INT32),
        value=np.array(events.value, FLOAT32),
        recorded=np.array(events.known, INT64),
    ), tuple(assets)


def decisions(decisions: Sequence[Decision]) -> Decisions:
    """The leads' outcomes as columns."""
    outcome, decided, opportunity, amount = zip(*decisions)
    opened = [min(made[1:3]) if made.outcome == WON else NEVER for made in decisions]
    return Decisions(
        np.array(outcome, INT8),
        np.array(decided, INT64),
        np.array(opportunity, INT64),
        np.array(opened, INT64),
        np.array(amount, FLOAT64),
    )


def handed(stays: Sequence[Sequence[Stay]]) -> Stays:
    """All hand-offs, lead by lead; each lead's are sorted."""
    rows = [*chain.from_iterable(stays)]
    handed, returned, reason = zip(*rows) if rows else ((), (), ())
    return Stays(
        np.array([0, *accumulate(map(len, stays))], INT64),
        np.array(handed, INT64),
        np.array(returned, INT64),
        np.array(reason, INT16),
    )
