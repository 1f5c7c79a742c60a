"""What the store knows of leads, as rows from which timelines are built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lead_readiness.errors import DataError
from lead_readiness.tables.checks import MOST_PEOPLE
from serving.store.joining import chunks
from serving.store.names import became
from serving.store.rows import Event, HandOff, Lead, Outcome, Score
from serving.store.schema import events, handoffs, leads, outcomes, scores


@dataclass(frozen=True)
class History:
    """All rows of the leads asked for and of the other leads of their accounts.

    ``lead_of`` gives, per id that was asked for and is known, the lead that it means now. Events come by lead and
    time. An account of more leads than the data contract's largest is given as none, and brings nobody along.
    """

    lead_of: dict[str, str]
    leads: list[Lead]
    events: list[Event]
    outcomes: list[Outcome]
    handoffs: list[HandOff]


def history(db: sa.Connection, lead_ids: Sequence[str], most_events: int) -> History:
    """Everything about these leads and their accounts; see `Store.history`."""
    lead_of = _leads_meant(db, lead_ids)
    asked = list(dict.fromkeys(lead_of.values()))
    found = _select(db, leads, leads.c.lead_id, asked)
    people = _select(db, leads, leads.c.account_id, _accounts(db, asked))
    everyone = {row.lead_id: _lead(row, None) for row in found}
    everyone |= {row.lead_id: _lead(row, row.account_id) for row in people}
    ids = list(everyone)
    return History(
        lead_of={one: lead for one, lead in lead_of.items() if lead in everyone},
        leads=list(everyone.values()),
        events=_events(db, ids, most_events),
        outcomes=list(map(Outcome._make, _select(db, outcomes, outcomes.c.lead_id, ids))),
        handoffs=list(map(HandOff._make, _select(db, handoffs, handoffs.c.lead_id, ids))),
    )


def _leads_meant(db: sa.Connection, lead_ids: Sequence[str]) -> dict[str, str]:
    merged = became(db, lead_ids)
    return {one: merged.get(one, one) for one in lead_ids}


def _select(
    db: sa.Connection, table: sa.Table, column: sa.ColumnElement[Any], values: Sequence[Any]
) -> list[sa.Row[Any]]:
    """The table's rows whose ``column`` is one of these, by primary key."""
    order = list(table.primary_key)
    return [
        row
        for some in chunks(values)
        for row in db.execute(sa.select(table).where(column.in_(some)).order_by(*order))
    ]


def _accounts(db: sa.Connection, lead_ids: Sequence[str]) -> list[str]:
    """The accounts of these leads that are not too large to be one company's people."""
    people = leads.alias()
    found: set[str] = set()
    for some in chunks(lead_ids):
        of_leads = sa.select(leads.c.account_id).where(leads.c.lead_id.in_(some)).distinct().subquery()
        account = of_leads.c.account_id
        one_more = (
            sa.select(people.c.lead_id).where(people.c.account_id == account).limit(1).offset(MOST_PEOPLE)
        )
        small = sa.select(account).where(account.is_not(None), one_more.scalar_subquery().is_(None))
        found.update(db.scalars(small))
    return sorted(found)


def _lead(row: sa.Row[Any], account: str | None) -> Lead:
    return Lead(row.lead_id, row.created_at, account, row.attributes, row.recorded_at)


_EVENT = [events.c[name] for name in Event._fields]


def _events(db: sa.Connection, lead_ids: Sequence[str], most: int) -> list[Event]:
    order = (events.c.lead_id, events.c.occurred_at, events.c.identity)
    found: list[Event] = []
    for some in chunks(lead_ids):
        rows = sa.select(*_EVENT).where(events.c.lead_id.in_(some)).order_by(*order)
        found += map(Event._make, db.execute(rows.limit(most + 1 - len(found))))
        if len(found) > most:
            raise DataError(
                f"found more than {most:,} events of {len(lead_ids):,} leads (those asked for and their accounts'); "
                "ask for fewer leads at a time, or allow more events"
            )
    return found


_SCORE = [scores.c[name] for name in Score._fields]
_NEWEST = (scores.c.as_of.desc(), scores.c.saved_at.desc(), scores.c.model)


def scores_of(db: sa.Connection, lead_id: str, limit: int) -> list[Score]:
    """A lead's scores, the latest moment first."""
    lead = _leads_meant(db, [lead_id])[lead_id]
    rows = sa.select(*_SCORE).where(scores.c.lead_id == lead).order_by(*_NEWEST).limit(limit)
    return [Score(*row) for row in db.execute(rows)]


def latest(db: sa.Connection, lead_ids: Sequence[str]) -> dict[str, Score]:
    """The score of each lead's latest moment; leads without a score are left out."""
    lead_of = _leads_meant(db, lead_ids)
    last = sa.select(sa.func.max(scores.c.as_of)).where(scores.c.lead_id == leads.c.lead_id).scalar_subquery()
    at_last = sa.and_(scores.c.lead_id == leads.c.lead_id, scores.c.as_of == last.correlate(leads))
    found: dict[str, Score] = {}
    for some in chunks(list(dict.fromkeys(lead_of.values()))):
        rows = sa.select(*_SCORE).select_from(leads).join(scores, at_last).where(leads.c.lead_id.in_(some))
        for row in db.execute(rows.order_by(*_NEWEST)):
            found.setdefault(row.lead_id, Score(*row))
    return {one: found[lead] for one, lead in lead_of.items() if lead in found}
