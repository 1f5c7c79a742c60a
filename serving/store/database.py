"""One database: how it is reached, what a transaction is, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection

from lead_readiness.errors import LeadReadinessError, masked
from serving.store.migrations import upgrade
from serving.store.rows import as_json

PATIENCE = 30  # seconds to wait for other processes' transactions
EXPECTED = "expected sqlite:///file.db or postgresql://user:password@host/database"
_LOCK = 0x1EAD5  # the PostgreSQL advisory lock of everything that writes; the next is of evaluations
_BUSY = {"40001", "40P01", "55P03"}


class StoreError(LeadReadinessError):
    """A database that cannot be used now. All of the call was kept, or nothing: it may be made again as it was."""


class Database:
    """A SQLite file or a PostgreSQL database; many threads and processes may use one, each process its own object."""

    def __init__(self, url: str) -> None:
        self.url = _url(url)
        self.shown = masked(self.url.render_as_string(hide_password=True))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        with self._guard():
            self.engine = _sqlite(self.url) if self.is_sqlite else _postgres(self.url)
        options: dict[str, Any] = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reader = self.engine.execution_options(**options)
        self._writer = self.engine.execution_options(begin="BEGIN IMMEDIATE")

    def prepare(self) -> None:
        """Make or upgrade the tables; of several processes that come at once, one does it."""
        try:
            with self.writing(alone=True) as db:
                upgrade(db, self.shown)
        except BaseException:
            self.engine.dispose()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one moment of the database, whatever is written meanwhile."""
        with self._guard(), self._reader.connect() as db:
            yield db

    @contextmanager
    def writing(self, alone: bool = False, evaluating: bool = False) -> Iterator[sa.Connection]:
        """A transaction: all of it is kept, on disk, or nothing is.

        ``alone`` keeps every other writer out, ``evaluating`` every other evaluation; SQLite does both anyway.
        """
        with self._guard(), self._writer.begin() as db:
            if not self.is_sqlite:
                lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
                db.execute(sa.select(getattr(sa.func, lock)(_LOCK)))
                if evaluating:
                    db.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK + 1)))
            yield db

    def shred(self) -> None:
        """Move what SQLite's log still holds of deleted rows into the file, where they are overwritten already."""
        if self.is_sqlite:
            with self._guard():
                raw = self.engine.raw_connection()
                try:
                    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    raw.close()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """The database's errors as ours: without the statement, its parameters or a password."""
        try:
            yield
        except ModuleNotFoundError as error:
            raise StoreError(
                f"{self.shown}: the database driver {error.name} is not installed; "
                "for PostgreSQL: pip install 'lead-readiness[postgres]'"
            ) from None
        except (SQLAlchemyError, OSError) as error:
            raise self._as_ours(error) from None

    def _as_ours(self, error: Exception) -> LeadReadinessError:
        cause = getattr(error, "orig", None) or error
        if isinstance(cause, LeadReadinessError):
            return cause
        if _is_busy(cause) or isinstance(error, NoConnection):
            return StoreError(
                f"{self.shown}: other writers held the database for more than {PATIENCE} s; nothing was changed; "
                "try again, and where this is common give the store a PostgreSQL database"
            )
        again = "when that is mended make the same call again: nothing is kept twice or by half"
        return StoreError(f"{self.shown}: the database answered: {masked(_said(cause))}; {again}")


def _is_busy(cause: BaseException) -> bool:
    return getattr(cause, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or (
        getattr(cause, "sqlstate", None) in _BUSY
    )


def _said(cause: BaseException) -> str:
    """The first line of what a driver says; what follows it may quote rows."""
    diagnosis = getattr(getattr(cause, "diag", None), "message_primary", None)
    if isinstance(cause, SQLAlchemyError) and not isinstance(cause, DBAPIError):
        return type(cause).__name__
    return str(diagnosis or next(iter(str(cause).splitlines()), type(cause).__name__))


def _url(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        raise StoreError(f"the store's address is no database URL; {EXPECTED}") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StoreError(f"the store's address begins with {url.drivername!r}; {EXPECTED}")
    if url.drivername == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise StoreError(f"a store in memory is forgotten with its process; {EXPECTED}")
        if not Path(str(url.database)).absolute().parent.is_dir():
            raise StoreError(f"the folder of {url.database} is not there; make it, or correct the address")
    return url


def _sqlite(url: sa.URL) -> sa.Engine:
    """SQLite as several processes can share it: readers beside one writer, who waits his turn."""
    engine = sa.create_engine(
        url, hide_parameters=True, json_serializer=as_json, connect_args={"timeout": PATIENCE}
    )

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        for setting in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
        ):
            connection.execute(f"PRAGMA {setting}")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _postgres(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        json_serializer=as_json,
        pool_pre_ping=True,  # a server that was restarted costs a new connection, not an error
        pool_timeout=PATIENCE,
        connect_args={"connect_timeout": 10},
    )

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.execute(f"SET lock_timeout = '{PATIENCE}s'")
        connection.commit()

    return engine
