"""What tests of the store share: a morning of events, and all that a store holds."""

from typing import Any

import sqlalchemy as sa

from serving.store import Event, Store
from serving.store.schema import metadata

NINE = 1_777_885_200_000_000  # 4 May 2026, 09:00 UTC
MINUTE = 60_000_000


def at(minutes: float) -> int:
    """So many minutes after nine."""
    return NINE + int(minutes * MINUTE)


def view(lead: str, minutes: float, **more: Any) -> Event:
    return Event(lead, at(minutes), "pricing_view", **more)


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with store._database.reading() as db:
        return {
            name: sorted(tuple(map(repr, row)) for row in db.execute(sa.select(table)))
            for name, table in metadata.tables.items()
        }


def clear(store: Store) -> None:
    """Empty every table."""
    with store._database.writing() as db:
        for table in reversed(metadata.sorted_tables):
            db.execute(sa.delete(table))
