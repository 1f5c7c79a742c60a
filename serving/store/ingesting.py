"""A batch into the tables, within one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence

import sqlalchemy as sa

from serving.store import checks, joining
from serving.store.checks import Row
from serving.store.names import Names, look_up
from serving.store.rows import Event, HandOff, Ingested, Lead, Outcome
from serving.store.schema import events, handoffs, leads, outcomes


class Batch:
    """Rows as they were told, checked before any database is asked."""

    def __init__(
        self,
        leads: Sequence[Lead],
        events: Sequence[Event],
        outcomes: Sequence[Outcome],
        handoffs: Sequence[HandOff],
        now: int,
    ) -> None:
        self.leads = [checks.lead(place, told, now) for place, told in enumerate(leads)]
        self.events = [checks.event(place, told, now) for place, told in enumerate(events)]
        self.outcomes = [checks.outcome(place, told) for place, told in enumerate(outcomes)]
        self.handoffs = [checks.handoff(place, told) for place, told in enumerate(handoffs)]

    def lead_ids(self) -> list[str]:
        """The leads that the batch names, each once."""
        rows = (*self.leads, *self.events, *self.outcomes, *self.handoffs)
        return list(dict.fromkeys(row["lead_id"] for row in rows))


def ingest(db: sa.Connection, batch: Batch, kinds: Container[str] | None) -> Ingested:
    """Store a batch; see `Store.ingest`."""
    names = look_up(db, batch.lead_ids())
    told = [*_of(names, batch.leads)]
    decided, handed = [*_of(names, batch.outcomes)], [*_of(names, batch.handoffs)]
    happened = [names.now(row) for row in batch.events]
    kept = [row for row in happened if row is not None]
    told += _known_by(
        (
            *((row["lead_id"], row["occurred_at"]) for row in kept),
            *((row["lead_id"], row["opportunity_at"] or row["decided_at"]) for row in decided),
            *((row["lead_id"], row["handed_off_at"]) for row in handed),
        )
    )
    joining.put(db, leads, told, joining.leads)
    joining.put(db, outcomes, decided, joining.outcomes)
    joining.put(db, handoffs, handed, joining.handoffs)
    new, repeated, contradicting = _put_events(db, happened)
    return Ingested(
        new=new,
        repeated=repeated,
        contradicting=contradicting,
        erased=len(happened) - len(kept),
        unknown_kinds=_unknown(kept, kinds),
        lead_ids=tuple(dict.fromkeys(row["lead_id"] for row in told)),
    )


def _of(names: Names, rows: Iterable[Row]) -> Iterable[Row]:
    return (row for row in map(names.now, rows) if row is not None)


def _known_by(signs: Iterable[tuple[str, int]]) -> list[Row]:
    """What signs of life, (lead, moment), tell of leads of which no record has come."""
    first: dict[str, int] = {}
    for lead, moment in signs:
        first[lead] = min(moment, first.get(lead, moment))
    none: Row = {"account_id": None, "dated_at": None, "recorded_at": None, "attributes": {}}
    return [{"lead_id": lead, "created_at": moment, **none} for lead, moment in first.items()]


def _put_events(db: sa.Connection, happened: Sequence[Row | None]) -> tuple[int, int, tuple[int, ...]]:
    """How many were new and repeated, and the places of those that contradict what is stored under their id."""
    placed = [(place, row) for place, row in enumerate(happened) if row is not None]
    for _, row in placed:
        row["identity"] = checks.identity(row)
    new, stored = joining.put(db, events, [row for _, row in placed], joining.events)
    contradicting = tuple(
        place for place, row in placed if not joining.same_event(row, stored[row["identity"],])
    )
    return len(new), len(placed) - len(new) - len(contradicting), contradicting


def _unknown(rows: Iterable[Row], kinds: Container[str] | None) -> dict[str, int]:
    if kinds is None:
        return {}
    return dict(Counter(row["kind"] for row in rows if row["kind"] not in kinds))
