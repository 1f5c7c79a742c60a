"""Whom an id means now: merged leads go by the lead they became, erased ones by nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa

from lead_readiness.errors import DataError
from serving.store import checks, joining
from serving.store.checks import Row
from serving.store.joining import chunks
from serving.store.schema import erased, events, handoff_states, handoffs, leads, merged, outcomes


@dataclass(frozen=True)
class Names:
    """The ids that do not mean themselves: what merged ones became, and those that were erased."""

    became: dict[str, str]
    erased: set[str]

    def of(self, lead_id: str) -> str | None:
        """The lead that an id means, or None when it was erased."""
        lead = self.became.get(lead_id, lead_id)
        return None if lead in self.erased else lead

    def now(self, row: Row) -> Row | None:
        """The row under the id that its lead has now, or None when the lead was erased."""
        lead = self.of(row["lead_id"])
        return None if lead is None else {**row, "lead_id": lead}


def look_up(db: sa.Connection, lead_ids: Sequence[str]) -> Names:
    """What became of these ids."""
    gone: set[str] = set()
    for some in chunks(lead_ids):
        digests = {digest(one): one for one in some}
        found = db.scalars(sa.select(erased.c.digest).where(erased.c.digest.in_(list(digests))))
        gone |= {digests[bytes(one)] for one in found}
    return Names(became(db, lead_ids), gone)


def became(db: sa.Connection, lead_ids: Sequence[str]) -> dict[str, str]:
    """The lead that each merged one of these ids became; erased ones cannot be told from unknown ones by it."""
    return {
        old: lead for some in chunks(lead_ids) for old, lead in db.execute(_merges(merged.c.old_id.in_(some)))
    }


def meant(db: sa.Connection, lead_ids: Sequence[str]) -> dict[str, str]:
    """The lead that each of these ids means, whether there is one or not."""
    merged = became(db, lead_ids)
    return {one: merged.get(one, one) for one in lead_ids}


def _merges(where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(merged.c.old_id, merged.c.lead_id).where(where)


def digest(lead_id: str) -> bytes:
    """What is kept of an erased lead's id: enough to know it again, nothing to read it from."""
    return blake2b(lead_id.encode(), digest_size=16, person=b"erased lead").digest()


def erase(db: sa.Connection, lead_id: str) -> bool:
    """Delete a lead, all that hangs on it and the ids merged into it; returns whether there was one."""
    lead = became(db, [lead_id]).get(lead_id, lead_id)
    ids = {lead_id, lead, *(old for old, _ in db.execute(_merges(merged.c.lead_id == lead)))}
    joining.put(db, erased, [{"digest": digest(one)} for one in ids], lambda row, _: row)
    return _delete(db, lead)


def _delete(db: sa.Connection, lead: str) -> bool:
    """Delete a lead's rows from every table; returns whether there were any."""
    gone = [db.execute(sa.delete(t).where(t.c.lead_id == lead)).rowcount for t in (leads, handoff_states)]
    return any(gone)


def merge(db: sa.Connection, lead_id: str, into: str) -> None:
    """Make one lead of two; see `Store.merge`."""
    names = look_up(db, [lead_id, into])
    old, lead = names.of(lead_id), names.of(into)
    if old is None or lead is None:
        raise DataError(f"{'lead_id' if old is None else 'into'} was erased; expected a lead that was not")
    if names.became.get(lead_id) == lead:
        return
    if old != lead_id:
        raise DataError("lead_id was merged into another lead already; expected a lead that was not merged")
    if old == lead:
        raise DataError("lead_id and into are one lead; expected two")
    if db.scalar(sa.select(leads.c.lead_id).where(leads.c.lead_id == lead)) is None:
        raise DataError("into is no lead of the store; expected one, so ingest it first")
    _move(db, old, lead)


def _move(db: sa.Connection, old: str, lead: str) -> None:
    """Take all rows of ``old`` out and put them in under ``lead``, as if they had always been told of it."""
    aliases = [alias for alias, _ in db.execute(_merges(merged.c.lead_id == old))]
    moving = [
        (table, join, [{**row, "lead_id": lead} for row in _rows_of(db, table, old)])
        for table, join in (
            (leads, joining.leads),
            (outcomes, joining.outcomes),
            (handoffs, joining.handoffs),
            (handoff_states, joining.states),
            (events, joining.events),
        )
    ]
    _delete(db, old)
    for table, join, rows in moving:
        if table is events:
            rows = [{**row, "identity": checks.identity(row)} for row in rows]
        joining.put(db, table, rows, join)
    db.execute(sa.insert(merged), [{"old_id": alias, "lead_id": lead} for alias in (old, *aliases)])


def _rows_of(db: sa.Connection, table: sa.Table, lead_id: str) -> Iterable[Row]:
    return [dict(row) for row in db.execute(sa.select(table).where(table.c.lead_id == lead_id)).mappings()]
