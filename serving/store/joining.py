"""How two tellings of one thing become one row: the same whichever came first, and however often.

That each join is commutative, associative and idempotent is what makes ingestion safe in any order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from serving.store.checks import Row
from serving.store.rows import as_json

Key = tuple[Any, ...]
Join = Callable[[Row, Row], Row]
Replaces = sqlite.Insert | postgresql.Insert
T = TypeVar("T")
AT_ONCE = 500
ROWS_AT_ONCE = 10_000


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


def replace(db: sa.Connection, table: sa.Table, rows: Iterable[Row], newest: str) -> int:
    """Store rows by their primary key, each key once, where none is stored that is later by the column ``newest``.

    Returns how many rows were given; they need not be in memory at once.
    """
    statement, given = _replaces(table, db.dialect.name, newest), 0
    for some in batched(rows, ROWS_AT_ONCE):
        if db.dialect.name == "sqlite":
            _execute_plainly(db, statement, some)
        else:
            db.execute(statement, _given(db, table, some))
        given += len(some)
    return given


def _execute_plainly(db: sa.Connection, statement: Replaces, rows: list[Row]) -> None:
    """Past SQLAlchemy's handling of values, which takes four times as long over a row as SQLite does."""
    compiled = statement.compile(db.engine)
    names = getattr(compiled, "positiontup", None) or []
    db.exec_driver_sql(str(compiled), [tuple(row[name] for name in names) for row in rows])


def batched(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """The rows, so many at a time."""
    left = iter(rows)
    return iter(lambda: list(islice(left, size)), [])


def _insert(db: sa.Connection, table: sa.Table, rows: list[Row]) -> set[Key]:
    """Add the rows whose key is not there; returns the keys that were not."""
    return {tuple(row) for row in db.execute(_inserts(table, db.dialect.name), _given(db, table, rows))}


def _given(db: sa.Connection, table: sa.Table, rows: list[Row]) -> Any:
    """The rows as the statements below take them."""
    if db.dialect.name == "sqlite":
        return rows
    return {column.name: [_plain(column, row[column.name]) for row in rows] for column in table.columns}


@cache
def _inserts(table: sa.Table, dialect: str) -> sa.Executable:
    """Insert what is new and return its keys."""
    return _insert_into(table, dialect).on_conflict_do_nothing().returning(*table.primary_key)


@cache
def _replaces(table: sa.Table, dialect: str, newest: str) -> Replaces:
    """Insert, or overwrite what is not newer."""
    insert, key = _insert_into(table, dialect), list(table.primary_key)
    others = {column.name: insert.excluded[column.name] for column in table.columns if column not in set(key)}
    not_newer = table.c[newest] <= insert.excluded[newest]
    return insert.on_conflict_do_update(index_elements=key, set_=others, where=not_newer)


def _insert_into(table: sa.Table, dialect: str) -> Replaces:
    """PostgreSQL gets one array a column, because its driver takes long over a parameter for each value."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    kinds = {column.name: sa.Text() if _is_json(column) else column.type for column in table.columns}
    arrays = [sa.bindparam(name, type_=postgresql.ARRAY(kind)) for name, kind in kinds.items()]
    names = [sa.column(name, kind) for name, kind in kinds.items()]
    given = sa.func.unnest(*arrays).table_valued(*names, name="given").render_derived()
    rows = sa.select(*(sa.cast(given.c[column.name], column.type) for column in table.columns))
    return postgresql.insert(table).from_select(list(kinds), rows)


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


def states(a: Row, b: Row) -> Row:
    """The one of the later evaluation; of the same one, the one that went further."""
    return max(a, b, key=lambda row: (row["as_of"], row["handed_off"] or -1, row["ready"], _text(row)))
