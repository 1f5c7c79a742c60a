"""How two tellings of one thing become one row: the same whichever came first, and however often.

That each join is commutative, associative and idempotent is what makes ingestion safe in any order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from serving.store.checks import Row
from serving.store.rows import as_json

Key = tuple[Any, ...]
Join = Callable[[Row, Row], Row]
T = TypeVar("T")
AT_ONCE = 500


def put(
    db: sa.Connection, table: sa.Table, rows: Iterable[Row], join: Join
) -> tuple[set[Key], dict[Key, Row]]:
    """Store rows by their primary key; returns the keys that were new, and every row as it is stored now.

    Rows go in sorted by key, so that two transactions with the same rows wait for each other one way only.
    """
    key = [column.name for column in table.primary_key]
    wanted: dict[Key, Row] = {}
    for row in rows:
        at = tuple(row[name] for name in key)
        wanted[at] = join(wanted[at], row) if at in wanted else row
    if not wanted:
        return set(), {}
    new = _insert(db, table, [wanted[at] for at in sorted(wanted)])
    known = _stored(db, table, key, sorted(wanted.keys() - new))
    joined = {at: join(row, wanted[at]) for at, row in known.items()}
    _update(db, table, key, [row for at, row in joined.items() if row != known[at]])
    return new, wanted | joined


def _insert(db: sa.Connection, table: sa.Table, rows: list[Row]) -> set[Key]:
    """Add the rows whose key is not there; returns the keys that were not."""
    insert = _inserts(table, db.dialect.name)
    if db.dialect.name == "sqlite":
        return {tuple(row) for row in db.execute(insert, rows)}
    by_column = {column.name: [_plain(column, row[column.name]) for row in rows] for column in table.columns}
    return {tuple(row) for row in db.execute(insert, by_column)}


@cache
def _inserts(table: sa.Table, dialect: str) -> sa.Executable:
    """Insert what is new and return its keys.

    PostgreSQL gets one array a column, because its driver takes long over a parameter for each value.
    """
    key = list(table.primary_key)
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing().returning(*key)
    kinds = {column.name: sa.Text() if _is_json(column) else column.type for column in table.columns}
    arrays = [sa.bindparam(name, type_=postgresql.ARRAY(kind)) for name, kind in kinds.items()]
    names = [sa.column(name, kind) for name, kind in kinds.items()]
    given = sa.func.unnest(*arrays).table_valued(*names, name="given").render_derived()
    rows = sa.select(*(sa.cast(given.c[column.name], column.type) for column in table.columns))
    insert = postgresql.insert(table).from_select(list(kinds), rows)
    return insert.on_conflict_do_nothing().returning(*key)


def _is_json(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.JSON)


def _plain(column: sa.Column[Any], value: object) -> object:
    return as_json(value) if _is_json(column) and value is not None else value


def _stored(db: sa.Connection, table: sa.Table, key: list[str], wanted: list[Key]) -> dict[Key, Row]:
    """The rows with these keys, locked where the database locks rows."""
    columns = [table.c[name] for name in key]
    found: dict[Key, Row] = {}
    for some in chunks(wanted):
        one_of = (
            columns[0].in_([at for (at,) in some]) if len(columns) == 1 else sa.tuple_(*columns).in_(some)
        )
        rows = db.execute(sa.select(table).where(one_of).order_by(*columns).with_for_update())
        found |= {tuple(row[name] for name in key): dict(row) for row in rows.mappings()}
    return found


def _update(db: sa.Connection, table: sa.Table, key: list[str], rows: list[Row]) -> None:
    if rows:
        at = [table.c[name] == sa.bindparam(f"key_{name}") for name in key]
        sets: dict[str, Any] = {name: sa.bindparam(name) for name in table.columns.keys() if name not in key}  # noqa: SIM118
        named = [{f"key_{name}" if name in key else name: row[name] for name in row} for row in rows]
        db.execute(sa.update(table).where(*at).values(sets), named)


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Pieces that are short enough to be one statement's parameters."""
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


def leads(a: Row, b: Row) -> Row:
    """The newest record's account and attributes; the newest date of creation given, else the earliest sign of life."""
    dating = max(a, b, key=lambda row: (_arrival(row["dated_at"]), -row["created_at"]))
    record = max(
        a, b, key=lambda row: (_arrival(row["recorded_at"]), _text(row["account_id"], row["attributes"]))
    )
    return {**record, "created_at": dating["created_at"], "dated_at": dating["dated_at"]}


def _arrival(moment: int | None) -> int:
    return -1 if moment is None else moment


def _text(*content: object) -> str:
    return json.dumps(content, sort_keys=True)


def events(a: Row, b: Row) -> Row:
    """The first of the two, known since the earlier arrival where their contents agree."""
    return {**a, "recorded_at": min(a["recorded_at"], b["recorded_at"])} if same_event(a, b) else a


def same_event(a: Row, b: Row) -> bool:
    """Whether two events differ in nothing but their arrival and who told them."""
    return all(a[name] == b[name] for name in ("lead_id", "occurred_at", "kind", "value", "asset"))


def outcomes(a: Row, b: Row) -> Row:
    """The earlier decision."""
    return min(a, b, key=lambda row: (row["decided_at"], _text(row)))


def handoffs(a: Row, b: Row) -> Row:
    """The one that has come back; the earlier return of two."""
    return min(a, b, key=lambda row: (row["returned_at"] is None, row["returned_at"] or 0, _text(row)))


def scores(a: Row, b: Row) -> Row:
    """The one that was saved later."""
    return a if a["saved_at"] > b["saved_at"] else b
