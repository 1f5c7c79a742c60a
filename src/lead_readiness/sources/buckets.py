"""A project's tables cut into buckets of whole accounts by DuckDB, whatever their size."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lead_readiness.errors import DataError
from lead_readiness.project import ProjectFile, Table
from lead_readiness.sources.bucket_files import KEPT, PART, ROW, SHARED, Buckets
from lead_readiness.sources.files import _NO_DOWNLOADS, Files, _explain, _literal, open_file
from lead_readiness.sources.reading import open_source, wanted_columns
from lead_readiness.sources.sql import SqlTable, as_type, one_type
from lead_readiness.tables import columns
from lead_readiness.tables.checks import MOST_PEOPLE

LEADS_EACH = 4_000
"""Leads of a bucket, where there is no reason for more: few enough for a core's own memory, and for one thread."""
MOST = 768
"""Buckets that DuckDB writes at once; and that are open at once when they are gathered; more leads make them larger."""


@dataclass(frozen=True)
class Limits:
    """What the cutting may take: bytes of memory, and threads."""

    memory: int
    threads: int


def cut(
    project: ProjectFile,
    folder: Path,
    limits: Limits,
    least: int = 1,
    count: int | None = None,
    step: Callable[[str], None] = lambda _: None,
    **beside: Path,
) -> Buckets:
    """The project's tables as Parquet files in buckets below ``folder``: all rows of an account's leads in one bucket.

    A bucket follows from the account's id (else the lead's) and the number of buckets alone, which is ``count`` or
    follows from the tables, ``least`` where they are small. Accounts of more than `MOST_PEOPLE` leads are none. Rows of
    leads that the leads table lacks go where their id leads them, so that whoever checks a bucket finds them.
    ``beside`` are further Parquet files with a ``lead_id``. Whatever does not fit the memory is spilled to ``folder``.

    Raises what `sources.read` raises.
    """
    folder.mkdir(parents=True)
    files, wanted = {}, {}
    for name, table in reversed(list(project.tables.items())):
        step(f"reading {name}")
        files[name], wanted[name] = _as_files(name, table, project, folder / "fetched" / name)
    step("cutting into buckets")
    with _opened(folder, limits) as db:
        count = count or _count(db, files, least)
        crowded = _spread(db, files["leads"], wanted["leads"], project.tables.leads, count)
        rows = {
            name: _copy(db, name, files[name], wanted[name], project, folder, count)
            for name, _ in project.tables.items()
        }
        if rows["leads"] == 0:
            shown = files["leads"].shown
            raise DataError(f"{shown}: the leads table has no row; expected one row for each lead")
        for name, path in beside.items():
            _copy(db, name, open_file(str(path), Path()), {}, project, folder, count)
        last = max(_last(db, folder / name, wanted[name], name, project) for name in rows)
        _mark_shared_ids(db, folder, wanted["events"], project)
    shutil.rmtree(folder / "fetched", ignore_errors=True)
    made = Buckets(folder, count, rows, crowded, last)
    kept = {"count": count, "rows": rows, "crowded": crowded, "last": last}
    (folder / KEPT).write_text(json.dumps(kept), encoding="utf-8")
    return made


def size_of(project: ProjectFile) -> dict[str, Any]:
    """What tells that a table is another by now: of files their sizes and times, of database tables their rows."""
    found: dict[str, Any] = {}
    for name, table in project.tables.items():
        source = open_source(table, project.root)
        if isinstance(source, Files):
            stats = [(str(path), path.stat()) for path in source.paths]
            found[name] = [[path, stat.st_size, stat.st_mtime_ns] for path, stat in stats]
        elif isinstance(source, SqlTable):
            found[name] = [source.shown, table.query, source.rows()]
    return found


def _as_files(name: str, table: Table, project: ProjectFile, fetched: Path) -> tuple[Files, dict[str, str]]:
    """The table's files, or those that its database's rows were written to piece by piece, and the columns to read."""
    source = open_source(table, project.root)
    wanted = wanted_columns(name, table, project, source)
    if isinstance(source, Files):
        return source, wanted
    assert isinstance(source, SqlTable)
    return _fetched(source, wanted, fetched), {column: column for column in wanted}


def _fetched(source: SqlTable, wanted: Mapping[str, str], folder: Path) -> Files:
    folder.mkdir(parents=True)
    paths: list[Path] = []
    kinds: list[pa.Schema] = []

    def keep(piece: pa.Table) -> None:
        paths.append(folder / f"{len(paths):06d}.parquet")
        kinds.append(piece.schema)
        pq.write_table(piece, paths[-1])

    source.each(wanted, keep)
    if not paths:
        keep(pa.table({column: pa.nulls(0) for column in wanted}))
    schema = pa.schema([(column, one_type(kind.field(column).type for kind in kinds)) for column in wanted])
    for path, kind in zip(paths, kinds):
        if kind != schema:
            read = pq.read_table(path)
            cast = [as_type(_whole(read[field.name]), field.type) for field in schema]
            pq.write_table(pa.table(cast, schema=schema), path)
    return Files(source.shown, tuple(paths), "parquet")


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


@contextmanager
def _opened(folder: Path, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    config = {
        **_NO_DOWNLOADS,
        "memory_limit": f"{max(limits.memory // 1_000_000, 128)}MB",
        "threads": max(limits.threads, 1),
        "temp_directory": str(folder / "spilled"),
    }
    try:
        with duckdb.connect(config=config) as db:
            db.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
            yield db
    except (duckdb.InterruptException, RuntimeError) as error:
        if "interrupt" in str(error).lower():
            raise KeyboardInterrupt from None
        raise
    except duckdb.Error as error:
        raise DataError(f"the tables could not be cut into buckets: {' '.join(str(error).split())}") from None


def _count(db: duckdb.DuckDBPyConnection, files: Mapping[str, Files], least: int) -> int:
    """Buckets of some `LEADS_EACH` leads, or of as many events as so many leads usually have."""
    leads, events = (_rows(db, files[name]) for name in ("leads", "events"))
    wanted = max(leads / LEADS_EACH, events / (20 * LEADS_EACH), min(least, leads / 250))
    return int(min(max(wanted, 1), MOST))


def _rows(db: duckdb.DuckDBPyConnection, source: Files) -> int:
    query = " UNION ALL ".join(
        f"SELECT count(*) AS n FROM ({query})" for query in source.queries(_any(source))
    )
    return int(_run(db, source, f"SELECT sum(n) FROM ({query})").fetchall()[0][0])


def _any(source: Files) -> dict[str, str]:
    first = source.names()[0]
    return {first: first}


def _run(db: duckdb.DuckDBPyConnection, source: Files, query: str) -> duckdb.DuckDBPyConnection:
    """Run a query that reads a source; what is wrong with its files is told as of any reading."""
    try:
        return db.execute(query)
    except duckdb.InterruptException:
        raise
    except duckdb.OutOfMemoryException as error:
        raise DataError(
            f"{source.shown}: cutting into buckets needs more memory than was allowed: {error}; give more with --memory"
        ) from None
    except duckdb.Error as error:
        raise DataError(_explain(source.shown, source.format, str(error))) from None


def _key(table: Table, column: str, of: str = "") -> str:
    """SQL of an id as the checks read it: as text, with the project's ``values`` applied, null where missing."""
    told = f"nullif(CAST({of}{column} AS VARCHAR), '')"
    mapping = table.values.get(column, {})
    if mapping:
        whens = " ".join(f"WHEN {_literal(a)} THEN {_literal(b)}" for a, b in mapping.items() if a)
        told = f"CASE {told} {whens} ELSE {told} END" if whens else told
        if "" in mapping:
            told = f"coalesce({told}, {_literal(mapping[''])})"
        told = f"nullif({told}, '')"
    return told


def _spread(
    db: duckdb.DuckDBPyConnection, source: Files, wanted: Mapping[str, str], table: Table, count: int
) -> tuple[int, int]:
    """Make the tables ``spread`` (each lead's bucket) and ``crowded`` (accounts that are none)."""
    account = _key(table, "account_id") if "account_id" in wanted else "NULL::VARCHAR"
    rows = " UNION ALL ".join(source.queries(wanted))
    _run(
        db,
        source,
        f"CREATE TEMP TABLE keys AS SELECT {_key(table, 'lead_id')} AS id, {account} AS account FROM ({rows})",
    )
    db.execute(
        f"CREATE TEMP TABLE crowded AS SELECT account, count(*) AS leads FROM keys WHERE account IS NOT NULL "
        f"GROUP BY account HAVING count(*) > {MOST_PEOPLE}"
    )
    # A lead with several rows is refused wherever it goes, so all its rows go to one bucket: that of its id.
    db.execute(
        f"CREATE TEMP TABLE spread AS SELECT id, {_bucket('key', count)} AS bucket FROM (SELECT id, CASE WHEN "
        "count(*) > 1 OR any_value(keys.account) IS NULL OR any_value(crowded.account) IS NOT NULL THEN 'l' || id "
        "ELSE 'a' || any_value(keys.account) END AS key FROM keys LEFT JOIN crowded USING (account) "
        "WHERE id IS NOT NULL GROUP BY id)"
    )
    found = db.execute("SELECT count(*), coalesce(sum(leads), 0) FROM crowded").fetchall()[0]
    return int(found[0]), int(found[1])


def _bucket(key: str, count: int) -> str:
    """A bucket that is the same in every version of DuckDB, which its own hash is not."""
    return f"CAST(md5_number_lower({key}) % {count} AS INTEGER)"


def _copy(
    db: duckdb.DuckDBPyConnection,
    name: str,
    source: Files,
    wanted: Mapping[str, str],
    project: ProjectFile,
    folder: Path,
    count: int,
) -> int:
    """Write a table's rows to their buckets; returns how many there are."""
    table = getattr(project.tables, name, None) or Table(path=source.shown)
    queries = (
        source.queries(wanted) if wanted else [f"SELECT * FROM read_parquet({_literal(source.paths[0])})"]
    )
    numbered = f'SELECT *, row_number() OVER () - 1 AS "{ROW}" FROM ({" UNION ALL ".join(queries)})'
    lead = _key(table, "lead_id", "r.")
    own = "r.*"
    join = f"LEFT JOIN spread s ON {lead} = s.id"
    if name == "leads" and "account_id" in wanted:
        own = "r.* REPLACE (CASE WHEN c.account IS NULL THEN r.account_id END AS account_id)"
        join += f" LEFT JOIN crowded c ON {_key(table, 'account_id', 'r.')} = c.account"
    alone = "'l' || " + lead
    bucket = f"coalesce(s.bucket, {_bucket(alone, count)}, 0) AS {PART}"
    query = f"SELECT {own}, {bucket} FROM ({numbered}) r {join}"
    nothing = db.sql(f"SELECT * EXCLUDE ({PART}) FROM ({query}) WHERE false").to_arrow_table()
    pq.write_table(nothing, folder / f"{name}.parquet")
    target = _literal(folder / name)
    done = _run(
        db, source, f"COPY ({query}) TO {target} (FORMAT parquet, PARTITION_BY ({PART}), COMPRESSION lz4_raw)"
    )
    return int(done.fetchall()[0][0])


TIMES = {
    "leads": ("created_at",),
    "events": ("occurred_at", "recorded_at"),
    "outcomes": ("decided_at",),
    "handoffs": ("handed_off_at", "returned_at"),
}
"""The columns in which the data ends; an event's recording counts where it is given."""


def _last(
    db: duckdb.DuckDBPyConnection, parts: Path, wanted: Mapping[str, str], name: str, project: ProjectFile
) -> int:
    """The last moment that a table records, in microseconds UTC; 0 where it records none.

    Of text, the greatest of those that are written alike (as long, with the same ending) are read.
    """
    if not any(parts.glob("*/*.parquet")):
        return 0
    found, rows = 0, _all(parts, project if name == "events" else None)
    for column in TIMES[name]:
        if column not in wanted:
            continue
        kind = db.execute(f"SELECT typeof({column}) FROM {rows} LIMIT 1").fetchall()
        alike = f"GROUP BY length({column}), right({column}, 6)" if kind and kind[0][0] == "VARCHAR" else ""
        candidates = db.sql(f"SELECT max({column}) AS t FROM {rows} {alike}").to_arrow_table()["t"]
        stamps = columns.times(candidates, project.timezone).values.astype("datetime64[us]").astype("int64")
        found = max(found, int(stamps.max(initial=0)))
    return found


def _all(parts: Path, project: ProjectFile | None) -> str:
    """SQL of all rows of a table in its buckets; given the project, of events of the kinds that it knows."""
    rows = f"read_parquet({_literal(parts / '*/*.parquet')}, hive_partitioning=true, union_by_name=true)"
    if project is None:
        return rows
    mapping = project.tables.events.values.get("kind", {})
    words = [
        *(k for k in project.kinds if k not in mapping),
        *(a for a, b in mapping.items() if b in project.kinds),
    ]
    return f"(SELECT * FROM {rows} WHERE CAST(kind AS VARCHAR) IN ({', '.join(map(_literal, words))}))"


def _mark_shared_ids(
    db: duckdb.DuckDBPyConnection, folder: Path, wanted: Mapping[str, str], project: ProjectFile
) -> None:
    """Write the event ids that stand in several buckets, and so for several leads: no bucket could see that."""
    if "event_id" not in wanted or not any((folder / "events").glob("*/*.parquet")):
        return
    shared = (
        f"SELECT CAST(event_id AS VARCHAR) AS event_id FROM {_all(folder / 'events', project)} "
        f"WHERE CAST(event_id AS VARCHAR) <> '' GROUP BY event_id HAVING min({PART}) <> max({PART})"
    )
    found = db.sql(shared).to_arrow_table()
    if len(found):
        with pa.OSFile(str(folder / SHARED), "wb") as file, pa.ipc.new_file(file, found.schema) as out:
            out.write_table(found)
