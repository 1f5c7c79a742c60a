"""The store's leads as the data contract's tables: Parquet files, written as the database hands the rows over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from lead_readiness.errors import LeadReadinessError
from lead_readiness.project import Project
from lead_readiness.tables.contract import CONTRACT, Column, columns_of
from serving.store import schema
from serving.store.rows import as_text, unique_id

ROWS_AT_ONCE = 50_000
TYPES = {
    "id": pa.string(),
    "text": pa.string(),
    "time": pa.timestamp("us", "UTC"),
    "number": pa.float64(),
}
Values = Sequence[Any]


class _TextsFoundError(Exception):
    """Attributes that are numbers to the project, and a text to some lead."""


def export(db: sa.Connection, folder: Path, project: Project) -> dict[str, int]:
    """Write the tables, and return how many rows each has; see `Store.export`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".export-") as drafts:
            rows = {name: _table(db, Path(drafts), name, project) for name in CONTRACT}
            for name in CONTRACT:
                (Path(drafts) / f"{name}.parquet").replace(folder / f"{name}.parquet")
    except OSError as error:
        raise LeadReadinessError(f"{folder}: cannot be written: {error.strerror or error}") from None
    return rows


def _table(db: sa.Connection, folder: Path, name: str, project: Project) -> int:
    if name == "leads":
        return _leads(db, folder, project)
    asked = {column: schema.metadata.tables[name].c[column] for column in (c.name for c in CONTRACT[name])}
    if name == "events":
        asked["source"] = schema.events.c.source
    return _write(db, folder / f"{name}.parquet", CONTRACT[name], list(asked.values()), _contents)


def _contents(found: dict[str, Values]) -> dict[str, Values]:
    """The columns as they are; ids of events with their source."""
    if "source" not in found:
        return found
    return {**found, "event_id": [*map(unique_id, found["source"], found["event_id"])]}


def _leads(db: sa.Connection, folder: Path, project: Project) -> int:
    """Numbers are written as numbers, unless some lead has a text there: then as text, for the checks to find."""
    columns = columns_of("leads", project)
    own = [schema.leads.c[column.name] for column in CONTRACT["leads"]]
    texts: set[str] = set()
    while True:
        meant = [Column(c.name, "text") if c.name in texts else c for c in columns]
        attributes = meant[len(own) :]
        try:
            return _write(
                db,
                folder / "leads.parquet",
                meant,
                [*own, schema.leads.c.attributes],
                lambda found: found | _attributes(found["attributes"], attributes),  # noqa: B023  (called at once)
            )
        except _TextsFoundError as error:
            texts.update(error.args)


def _attributes(rows: Values, columns: Sequence[Column]) -> dict[str, Values]:
    """The attributes' columns."""
    found = {column.name: [row.get(column.name) for row in rows] for column in columns}
    numbers = [column.name for column in columns if column.holds == "number"]
    if texts := [name for name in numbers if any(isinstance(value, str) for value in found[name])]:
        raise _TextsFoundError(*texts)
    return {name: values if name in numbers else [*map(as_text, values)] for name, values in found.items()}


def _write(
    db: sa.Connection,
    path: Path,
    columns: Sequence[Column],
    asked: Sequence[sa.Column[Any]],
    contents: Callable[[dict[str, Values]], dict[str, Values]],
) -> int:
    """A file of what ``contents`` makes of the columns asked for, piece by piece; returns its rows."""
    types, rows = pa.schema([(column.name, TYPES[column.holds]) for column in columns]), 0
    with pq.ParquetWriter(path, types, compression="zstd") as file:
        for piece in _pieces(db, asked):
            batch = pa.RecordBatch.from_pydict(contents(piece), types)
            file.write_batch(batch)
            rows += batch.num_rows
    return rows


def _pieces(db: sa.Connection, asked: Sequence[sa.Column[Any]]) -> Iterator[dict[str, Values]]:
    """The columns' values, so many rows at a time."""
    select = sa.select(*asked).execution_options(yield_per=ROWS_AT_ONCE)
    with db.execute(select) as result:
        names = list(result.keys())
        for rows in result.partitions():
            yield dict(zip(names, zip(*rows)))
