"""What the store knows of leads, as rows from which timelines are built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from lead_readiness.errors import DataError
from lead_readiness.project import Project
from lead_readiness.tables.checks import MOST_PEOPLE
from serving.store.joining import chunks
from serving.store.names import meant
from serving.store.rows import Event, HandOff, Lead, Outcome, as_text
from serving.store.schema import events, handoffs, leads, outcomes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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

    def as_leads(self, project: Project) -> list[dict[str, Any]]:
        """The leads as `wire.read` takes them, with the project's attributes and all that happened, in the same order.

        They give the timelines that `Store.export` gives by way of the tables.
        """
        told: dict[str, dict[str, Any]] = {
            lead.lead_id: {
                "lead_id": lead.lead_id,
                "created_at": _moment(lead.created_at),
                "account_id": lead.account_id,
                "attributes": {
                    name: as_text(value) if attribute.type == "category" else value
                    for name, attribute in project.attributes.items()
                    if (value := lead.attributes.get(name)) is not None
                },
                "events": [],
                "handoffs": [],
            }
            for lead in self.leads
        }
        for event in self.events:
            told[event.lead_id]["events"].append(_as_object(event) | {"event_id": event.unique_id})
        for outcome in self.outcomes:
            told[outcome.lead_id]["outcome"] = _as_object(outcome)
        for handoff in self.handoffs:
            told[handoff.lead_id]["handoffs"].append(_as_object(handoff))
        return list(told.values())


@dataclass(frozen=True)
class Stored:
    """What the store holds of one lead: its record and how much of the rest, times None where there are no events."""

    lead: Lead
    events: int
    first_event: int | None
    last_event: int | None
    outcome: str | None
    handoffs: int


def _as_object(row: Event | Outcome | HandOff) -> dict[str, Any]:
    return {
        name: _moment(value) if name.endswith("_at") and value is not None else value
        for name, value in row._asdict().items()
    }


def _moment(micros: int | None) -> datetime:
    return EPOCH + timedelta(microseconds=micros or 0)


def history(db: sa.Connection, lead_ids: Sequence[str], most_events: int) -> History:
    """Everything about these leads and their accounts; see `Store.history`."""
    lead_of = meant(db, lead_ids)
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


def stored(db: sa.Connection, lead_id: str) -> Stored | None:
    """What there is of the lead that the id means now; see `Store.stored`."""
    lead = meant(db, [lead_id]).get(lead_id)
    record = db.execute(sa.select(leads).where(leads.c.lead_id == lead)).one_or_none()
    if record is None:
        return None
    at, rows = events.c.occurred_at, sa.func.count()
    n, first, last = db.execute(
        sa.select(rows, sa.func.min(at), sa.func.max(at)).where(events.c.lead_id == lead)
    ).one()
    outcome = db.scalar(sa.select(outcomes.c.outcome).where(outcomes.c.lead_id == lead))
    handed = db.scalar(sa.select(rows).where(handoffs.c.lead_id == lead)) or 0
    return Stored(_lead(record, record.account_id), n, first, last, outcome, handed)


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
