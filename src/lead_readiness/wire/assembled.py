"""Leads as parsed, and the timelines that those of any number of requests are assembled into at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain, count
from typing import Any, NamedTuple

import numpy as np

from lead_readiness.project import Project
from lead_readiness.tables import Note
from lead_readiness.timelines import NEVER, NONE, WON, Columns, Timelines
from lead_readiness.timelines.build import Decisions, People, Stays, assemble
from lead_readiness.wire.events import Events
from lead_readiness.wire.meaning import meaning

INT8, INT16, INT32, INT64 = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64)
FLOAT32, FLOAT64, OBJECT = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.object_)
"""Types as objects: looking one up takes as long as making a short column."""


class Decision(NamedTuple):
    """A lead's outcome as codes and microseconds."""

    outcome: int
    decided: int
    opportunity: int
    amount: float | None


UNDECIDED = Decision(NONE, NEVER, NEVER, None)


class Stay(NamedTuple):
    """One hand-off of a lead."""

    handed_off: int
    returned: int
    reason: int


class Lead(NamedTuple):
    """One lead as it was read, without its events; its hand-offs are sorted."""

    lead_id: str
    created: int
    account_id: str | None
    attributes: list[Any]
    decision: Decision
    stays: list[Stay]


class Parsed(NamedTuple):
    """One request, checked; ``unknown_kinds`` and ``notes`` as in `Read`.

    ``leads`` are sorted by account and id. ``begins`` says of each whether an account begins with it, ``place`` where
    among them each lead of the request is, and ``owned`` how many of the ``events`` are its: in the request's order.
    """

    leads: list[Lead]
    begins: list[bool]
    place: list[int]
    owned: list[int]
    events: Events
    accounts_known: bool
    unknown_kinds: dict[str, int]
    notes: tuple[Note, ...]


def assembled(project: Project, parsed: Sequence[Parsed]) -> tuple[Timelines, list[list[int]]]:
    """The timelines of the leads of all requests, at least one, and the places of each request's leads in its order.

    Requests stay apart, their accounts as well as their leads, even with equal ids: each lead scores as it would by
    itself, to the bit. ``cut`` is the latest.

    >>> from lead_readiness.wire import parse
    >>> project = Project.model_validate({"name": "Acme", "vocabulary": {"visit": {"behaviour": "web"}}})
    >>> lead = {"lead_id": "b", "created_at": "2026-05-01T00:00:00Z"}
    >>> one, two = parse(project, [lead]), parse(project, [lead, {**lead, "lead_id": "a"}])
    >>> known, places = assembled(project, [one, two])
    >>> known.lead_ids.tolist(), places
    (['b', 'a', 'b'], [[0], [2, 1]])
    """
    leads, begins, place, owned, events, accounts_known, *_ = zip(*parsed)
    first = accumulate(map(len, leads), initial=0)
    places = [[begin + n for n in of_one] for begin, of_one in zip(first, place)]
    every, sizes = [*chain.from_iterable(leads)], [*chain.from_iterable(owned)]
    timelines = assemble(
        project,
        _people(project, every, [*chain.from_iterable(begins)], any(accounts_known)),
        np.array([*chain.from_iterable(places)], INT32).repeat(sizes),
        *_events(events, sum(sizes)),
        _decisions([lead.decision for lead in every]),
        _stays([lead.stays for lead in every]),
    )
    return timelines, places


def _people(project: Project, leads: Sequence[Lead], begins: Sequence[bool], accounts_known: bool) -> People:
    columns = zip(meaning(project).attributes.items(), zip(*[lead.attributes for lead in leads]))
    return People(
        lead_ids=np.array([lead.lead_id for lead in leads], OBJECT),
        created=np.array([lead.created for lead in leads], INT64),
        account=np.array([n - 1 for n in accumulate(begins)], INT32),
        account_start=np.array([*(n for n, is_first in enumerate(begins) if is_first), len(leads)], INT64),
        attributes={
            name: np.array(column, FLOAT64) if is_number else np.array(column, OBJECT)
            for (name, is_number), column in columns
        },
        accounts_known=accounts_known,
    )


def _events(
    parts: Sequence[Events], n: int
) -> tuple[Columns, tuple[str, ...], tuple[str | None, ...] | None]:
    """The columns of n events, the assets that they refer to, and their ids if there are any."""
    _, _, occurred, kind, value, asset, _, event_id = map(chain.from_iterable, zip(*parts))
    known, named, ids = chain.from_iterable([part.known for part in parts]), [*asset], (*event_id,)
    assets = sorted({*filter(None, named)})
    codes: dict[str | None, int] = dict(zip([None, *assets], count(-1)))
    return (
        Columns(
            time=np.fromiter(occurred, INT64, n),
            kind=np.fromiter(kind, INT16, n),
            asset=np.fromiter(map(codes.__getitem__, named), INT32, n),
            value=np.fromiter(value, FLOAT32, n),
            recorded=np.fromiter(known, INT64, n),
        ),
        (*assets,),
        ids if any(ids) else None,
    )


def _decisions(made: Sequence[Decision]) -> Decisions:
    outcome, decided, opportunity, amount = zip(*made)
    opened = [min(one[1:3]) if one.outcome == WON else NEVER for one in made]
    return Decisions(
        np.array(outcome, INT8),
        np.array(decided, INT64),
        np.array(opportunity, INT64),
        np.array(opened, INT64),
        np.array(amount, FLOAT64),
    )


def _stays(stays: Sequence[Sequence[Stay]]) -> Stays:
    rows = [*chain.from_iterable(stays)]
    handed, returned, reason = zip(*rows) if rows else ((), (), ())
    start = np.array([*accumulate(map(len, stays), initial=0)], INT64)
    return Stays(start, np.array(handed, INT64), np.array(returned, INT64), np.array(reason, INT16))
