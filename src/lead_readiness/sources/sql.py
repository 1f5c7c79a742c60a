"""Tables and queries of SQL databases through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from lead_readiness.errors import DataError, nearest
from lead_readiness.project import Table
from lead_readiness.tables import columns

ROWS_AT_ONCE = 50_000
T = TypeVar("T")


class SqlTable:
    """One table, view or query of a database, fetched in pieces."""

    def __init__(self, table: Table, root: Path) -> None:
        self.url = _url(table, root)
        place = self.url.database or ""
        self.shown = (
            f"{self.url.get_backend_name()}://{self.url.host or ''}/{place}: {table.table or 'query'}"
        )
        self.table, self.query = table.table, table.query

    def names(self) -> list[str]:
        """The columns in the table's or query's order."""
        if self.query is not None:
            return self._guard(self._query_columns)
        return self._guard(self._table_columns)

    def _query_columns(self, db: sa.Connection) -> list[str]:
        with _streaming(db).execute(self._select({})) as result:
            return list(result.keys())

    def _table_columns(self, db: sa.Connection) -> list[str]:
        schema, name = self._parts()
        look = sa.inspect(db)
        known = [*look.get_table_names(schema=schema), *look.get_view_names(schema=schema)]
        if name not in known:
            here = ", ".join(f"`{k}`" for k in known) or "no table at all"
            raise DataError(f"{self.shown}: no such table; found {here}{nearest(name, known)}")
        return [str(column["name"]) for column in look.get_columns(name, schema=schema)]

    def _parts(self) -> tuple[str | None, str]:
        schema, _, name = (self.table or "").rpartition(".")
        return schema or None, name

    def fetch(self, wanted: Mapping[str, str], limit: int | None = None) -> pa.Table:
        """The wanted columns of at most ``limit`` rows; values that a database types loosely come as text."""
        pieces: list[pa.Table] = []
        self.each(wanted, pieces.append, limit)
        return pa.table({name: _joined([piece[name].chunk(0) for piece in pieces]) for name in wanted})

    def each(
        self, wanted: Mapping[str, str], take: Callable[[pa.Table], object], limit: int | None = None
    ) -> None:
        """Hand the wanted columns to ``take`` piece by piece; the types of a column may differ (`one_type`)."""
        self._guard(lambda db: self._each(db, wanted, take, limit))

    def _each(
        self,
        db: sa.Connection,
        wanted: Mapping[str, str],
        take: Callable[[pa.Table], object],
        limit: int | None,
    ) -> None:
        with _streaming(db).execute(self._select(wanted)) as result:
            keys = list(result.keys())
            places = {name: keys.index(origin) for name, origin in wanted.items()}
            for rows in result.partitions(min(limit or ROWS_AT_ONCE, ROWS_AT_ONCE)):
                by_column: Sequence[Sequence[Any]] = list(zip(*rows))
                take(pa.table({name: _array(by_column[place]) for name, place in places.items()}))
                if limit is not None:
                    break

    def rows(self) -> int:
        """How many rows there are now."""
        schema, name = self._parts()
        query = f"({(self.query or '').strip().rstrip(';')}) AS counted"
        rows = sa.text(query) if self.query is not None else sa.table(name, schema=schema)
        return self._guard(lambda db: int(db.scalar(sa.select(sa.func.count()).select_from(rows)) or 0))

    def _select(self, wanted: Mapping[str, str]) -> sa.Executable:
        if self.query is not None:
            return sa.text(self.query)
        schema, name = self._parts()
        origins = list(dict.fromkeys(wanted.values()))
        return sa.select(*map(sa.column, origins)).select_from(sa.table(name, schema=schema))

    def _guard(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` with a connection of its own; the database's errors become ours, without credentials."""
        try:
            with _engine(self.url) as engine, engine.connect() as db:
                return work(db)
        except ModuleNotFoundError as error:
            raise DataError(
                f"{self.shown}: the database driver {error.name} is not installed; "
                "for PostgreSQL: pip install 'lead-readiness[postgres]'"
            ) from None
        except (SQLAlchemyError, OSError) as error:
            raise DataError(f"{self.shown}: the database answered: {self._said(error)}") from None

    def _said(self, error: Exception) -> str:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        password = self.url.password
        return said.replace(str(password), "***") if password else said


def _streaming(db: sa.Connection) -> sa.Connection:
    """The connection, fetching rows as they are asked for instead of all at once."""
    return db.execution_options(stream_results=True, max_row_buffer=ROWS_AT_ONCE)


def tables_in(url: str, root: Path) -> list[str]:
    """The tables and views of a database's default schema."""
    door = SqlTable(Table(url=url, table="*"), root)
    return door._guard(lambda db: [*sa.inspect(db).get_table_names(), *sa.inspect(db).get_view_names()])


@contextmanager
def _engine(url: sa.URL) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        yield engine
    finally:
        engine.dispose()


def _url(table: Table, root: Path) -> sa.URL:
    """The table's URL; SQLite's path starts at the project file, and PostgreSQL means the psycopg driver."""
    try:
        url = sa.make_url(table.resolved())
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        expected = "sqlite:///file.db or postgresql://user:${PASSWORD}@host/database"
        what = f"`url` of table or query {table.table or table.query!r} is no database URL"
        raise DataError(f"{what}; expected {expected}") from None
    except ModuleNotFoundError:
        pass  # the driver that SQLAlchemy would take; psycopg takes its place below, or connecting says it is missing
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        path = (root / url.database).resolve()
        if not path.is_file():
            looked = f"no such file (looked for {path})"
            raise DataError(f"sqlite:///{url.database}: {looked}; correct `url` in readiness.toml")
        return url.set(database=str(path))
    return url


def _array(values: Sequence[Any]) -> pa.Array:
    """One piece of a column; values of no common Arrow type (SQLite's, UUIDs, JSON) as text."""
    try:
        found = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _texts(values)
    if pa.types.is_decimal(found.type):
        return found.cast(pa.float64())
    plain = pa.types.is_nested(found.type) or isinstance(found.type, pa.BaseExtensionType)
    return _texts(values) if plain else found


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _joined(pieces: list[pa.Array]) -> pa.ChunkedArray:
    """Pieces under one type."""
    kind = one_type(piece.type for piece in pieces)
    return pa.chunked_array([as_type(piece, kind) for piece in pieces], kind)


def one_type(kinds: Iterable[pa.DataType]) -> pa.DataType:
    """The type that pieces of one column get: as found where they agree, as text where they do not.

    >>> one_type([pa.int64(), pa.null(), pa.float64()]), one_type([pa.int64(), pa.string()])
    (DataType(double), DataType(string))
    """
    found = {kind for kind in kinds if not pa.types.is_null(kind)}
    if len(found) > 1:
        numeric = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in found)
        return pa.float64() if numeric else pa.string()
    return found.pop() if found else pa.null()


def as_type(piece: pa.Array, kind: pa.DataType) -> pa.Array:
    """One piece of a column under the column's type; numbers and truth values as they print where that is text."""
    text = kind == pa.string() and not pa.types.is_null(piece.type)
    return columns.text(pa.chunked_array([piece])).chunk(0) if text else piece.cast(kind)
