"""Where an output goes: a Parquet file, a CSV file or a table of a database; whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from lead_readiness.errors import ConfigError, DataError, masked
from serving.rescore.gather import OUTPUT

Rows = Iterable[pa.Table]
EXAMPLES = "sqlite:///crm.db#scores or postgresql://user:${PASSWORD}@host/crm#scores"
OURS = {"lead_id", "as_of", "score", "model"}
"""Columns by which a table is known for an earlier output, which may be replaced."""


class Sink(Protocol):
    """A place for an output."""

    @property
    def shown(self) -> str:
        """The place, as it may be shown."""

    @property
    def work(self) -> Path:
        """The folder that the work is done in unless another is named."""

    def check(self) -> None:
        """Raise DataError when the output could not be put there."""

    def fill(self, rows: Rows) -> dict[Path, Path]:
        """Write the rows; the finished files that are still to be put in their places, and those places."""


class File:
    """A Parquet or CSV file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def shown(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def work(self) -> Path:
        """A folder beside the file."""
        return self.path.with_name(f"{self.path.name}.rescore")

    def check(self) -> None:
        """Raise DataError when the folder is missing or cannot be written to."""
        parent = self.path.absolute().parent
        if not parent.is_dir() or not os.access(parent, os.W_OK) or self.path.is_dir():
            what = "is a folder" if self.path.is_dir() else "its folder is missing or cannot be written to"
            raise DataError(f"{self.path}: {what}; expected a file in a folder that can be written to")

    def fill(self, rows: Rows) -> dict[Path, Path]:
        """Write the rows beside the file's place."""
        draft = self.path.absolute().with_name(f".{self.path.name}.part")
        if self.path.suffix == ".parquet":
            with pq.ParquetWriter(draft, OUTPUT, compression="zstd") as parquet:
                for table in rows:
                    parquet.write_table(table)
        else:
            with csv.CSVWriter(draft, flat(OUTPUT.empty_table()).schema) as text:
                for table in rows:
                    text.write_table(flat(table))
        return {draft: self.path.absolute()}


class Table:
    """A table of a database, replaced in one transaction."""

    def __init__(self, url: sa.URL, table: str) -> None:
        self.url, self.table = url, table

    @property
    def shown(self) -> str:
        """The database without a password, and the table."""
        return f"{masked(self.url.render_as_string(hide_password=True))}#{self.table}"

    @property
    def work(self) -> Path:
        """A folder in the current one."""
        return Path(f"{self.table}.rescore")

    def check(self) -> None:
        """Raise DataError when the database cannot be reached, or the table is there and no earlier output."""

        def look(db: sa.Connection) -> None:
            inspector = sa.inspect(db)
            if not inspector.has_table(self.table):
                return
            found = {str(column["name"]) for column in inspector.get_columns(self.table)}
            if not found >= OURS:
                raise DataError(
                    f"{self.shown}: the table is there and is no output of `rescore` (no column "
                    f"`{min(OURS - found)}`); expected one that may be replaced, or a new name"
                )

        self._guard(look)

    def fill(self, rows: Rows) -> dict[Path, Path]:
        """Write the rows into a new table, which then takes the place of the old one; all or nothing."""
        fields = flat(OUTPUT.empty_table(), texts=False).schema
        columns = [sa.Column(field.name, _sql(field.type)) for field in fields]
        table = sa.Table(f"{self.table}_being_written", sa.MetaData(), *columns)

        def write(db: sa.Connection) -> None:
            table.drop(db, checkfirst=True)
            table.create(db)
            for some in rows:
                db.execute(table.insert(), flat(some, texts=False).to_pylist())
            old = sa.Table(self.table, sa.MetaData())
            old.drop(db, checkfirst=True)
            quote = db.dialect.identifier_preparer.quote
            db.execute(sa.text(f"ALTER TABLE {quote(table.name)} RENAME TO {quote(self.table)}"))

        self._guard(write)
        return {}

    def _guard(self, work: Any) -> None:
        try:
            engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        except ModuleNotFoundError as error:
            raise DataError(
                f"{self.shown}: the database driver {error.name} is not installed; for PostgreSQL: "
                "pip install 'lead-readiness[postgres]'"
            ) from None
        try:
            if self.url.get_backend_name() == "sqlite":
                _transactional(engine)
            with engine.begin() as db:
                work(db)
        except (SQLAlchemyError, OSError) as error:
            said = " ".join(str(getattr(error, "orig", None) or error).split())
            password = str(self.url.password or "") or "\0"
            raise DataError(f"{self.shown}: the database answered: {said.replace(password, '***')}") from None
        finally:
            engine.dispose()


def sink(out: str) -> Sink:
    """The place that ``x.parquet``, ``x.csv`` or ``URL#table`` names; a URL takes ``${NAME}`` from the environment.

    Raises ConfigError for anything else.

    >>> sink("scores.parquet").work.name, sink("sqlite:///crm.db#scores").shown
    ('scores.parquet.rescore', 'sqlite:///crm.db#scores')
    """
    url, at, table = out.rpartition("#")
    if "://" in out:
        if not at or not re.fullmatch(r"[A-Za-z_]\w*", table):
            raise ConfigError(f"--out {masked(out)}: no table is named; expected such as {EXAMPLES}")
        return Table(_url(url), table)
    path = Path(out)
    if path.suffix not in (".parquet", ".csv"):
        raise ConfigError(
            f"--out {out}: cannot tell what to write; expected x.parquet, x.csv or DATABASE_URL#table"
        )
    return File(path)


def _url(text: str) -> sa.URL:
    for name in re.findall(r"\$\{(\w+)\}", text):
        if name not in os.environ:
            raise ConfigError(
                f"--out names the environment variable {name}, which is not set; export it first"
            )
        text = text.replace(f"${{{name}}}", os.environ[name])
    try:
        url = sa.make_url(text)
        if url.drivername in ("postgres", "postgresql"):
            return url.set(drivername="postgresql+psycopg")
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError, ModuleNotFoundError):
        raise ConfigError(f"--out is no database URL; expected such as {EXAMPLES}") from None
    return url


def flat(table: pa.Table, texts: bool = True) -> pa.Table:
    """The rows without nesting: lists and structs as JSON text and, with ``texts``, times as ISO 8601 text in UTC."""
    columns = {}
    for field in table.schema:
        column = table[field.name]
        if pa.types.is_nested(field.type):
            plain = map(_plain, column.to_pylist())
            texts_of = [None if v is None else json.dumps(v, ensure_ascii=False) for v in plain]
            columns[field.name] = pa.chunked_array([pa.array(texts_of, pa.string())])
        elif texts and pa.types.is_timestamp(field.type):
            written = [None if v is None else _iso(v) for v in column.to_pylist()]
            columns[field.name] = pa.chunked_array([pa.array(written, pa.string())])
        else:
            columns[field.name] = column
    return pa.table(columns)


def _plain(value: Any) -> Any:
    """A nested value as JSON holds it."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return _iso(value) if hasattr(value, "isoformat") else value


def _iso(moment: Any) -> str:
    """As `moments.written` writes it."""
    return str(moment.isoformat()).replace("+00:00", "Z")


def _sql(kind: pa.DataType) -> Any:
    if pa.types.is_floating(kind):
        return sa.Double()
    if pa.types.is_integer(kind):
        return sa.BigInteger()
    if pa.types.is_boolean(kind):
        return sa.Boolean()
    return sa.DateTime(timezone=True) if pa.types.is_timestamp(kind) else sa.Text()


def _transactional(engine: sa.Engine) -> None:
    """Make SQLite's tables part of the transaction, which its driver by itself does not."""

    @sa.event.listens_for(engine, "connect")
    def plain(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def begin(db: sa.Connection) -> None:
        db.exec_driver_sql("BEGIN IMMEDIATE")
