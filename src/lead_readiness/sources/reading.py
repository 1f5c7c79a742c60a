"""Which source holds a table, and how its columns and values get the contract's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness.errors import ConfigError, DataError, nearest
from lead_readiness.project import ProjectFile, Table
from lead_readiness.tables import columns
from lead_readiness.tables.contract import CONTRACT, check_columns, columns_of


class Source(Protocol):
    """Something that holds one table: its name in messages, its columns, and its rows."""

    @property
    def shown(self) -> str:
        """What messages call the source; never holds a password."""

    def names(self) -> list[str]:
        """The columns as the source calls them."""

    def fetch(self, wanted: Mapping[str, str], limit: int | None = None) -> pa.Table:
        """The columns ``wanted`` (contract's name -> source's name), under the contract's names."""


def open_source(table: Table, root: Path) -> Source:
    """The file or database that holds a table; relative paths start at ``root``."""
    if table.path is not None:
        from lead_readiness.sources.files import open_file

        return open_file(table.resolved(), root)
    from lead_readiness.sources.sql import SqlTable

    return SqlTable(table, root)


def source_names(project: ProjectFile) -> dict[str, str]:
    """What messages call each of the project's tables: its path, or database and table, never a password."""
    return {name: open_source(table, project.root).shown for name, table in project.tables.items()}


def columns_found(project: ProjectFile) -> dict[str, list[str]]:
    """The columns of each of the project's tables, as their sources call them."""
    return {name: open_source(table, project.root).names() for name, table in project.tables.items()}


def read(project: ProjectFile, step: Callable[[str], None] | None = None) -> dict[str, pa.Table]:
    """The project's tables by name, with the contract's column names and the project's ``values`` applied.

    Leads are read last: whoever a live database adds meanwhile has no event without its lead. ``step`` is called
    with a line before each table. Text files yield text only, so that checks can quote what they hold; an empty
    string in ``outcome`` or ``kind`` marks a value that the project maps to nothing. Raises DataError for a source
    that is missing, unreadable, empty, lacks a column or goes away; its message never holds a password.
    """
    tables: dict[str, pa.Table] = {}
    for name, table in reversed(list(project.tables.items())):
        if step is not None:
            step(f"reading {name}")
        tables[name] = read_table(name, table, project)
    return {name: tables[name] for name, _ in project.tables.items()}


def read_table(name: str, table: Table, project: ProjectFile) -> pa.Table:
    """One of the project's tables, of the columns that the contract and the attributes name."""
    source = open_source(table, project.root)
    return translated(name, table, source.fetch(wanted_columns(name, table, project, source)))


def wanted_columns(name: str, table: Table, project: ProjectFile, source: Source) -> dict[str, str]:
    """The columns to read of a source: the contract's name -> the source's.

    Raises ConfigError or DataError when a mapped or required column is not there.
    """
    found = source.names()
    _check_mapping(name, table, project, found, source.shown)
    taken = set(table.columns.values())
    named = [
        *table.columns,
        *(column for column in found if column not in taken and column not in table.columns),
    ]
    check_columns(name, named, project, source.shown)
    wanted = {c.name: table.columns.get(c.name, c.name) for c in columns_of(name, project)}
    return {column: origin for column, origin in wanted.items() if origin in found}


def translated(name: str, table: Table, raw: pa.Table) -> pa.Table:
    """A table as it was read, with the project's ``values`` applied, row by row."""
    for column in raw.column_names:
        mapping = table.values.get(column)
        words = any(c.name == column and c.required and c.holds == "text" for c in CONTRACT[name])
        if mapping or words:
            place = raw.column_names.index(column)
            raw = raw.set_column(place, column, _translate(raw[column], mapping or {}))
    return raw


def _check_mapping(name: str, table: Table, project: ProjectFile, found: list[str], shown: str) -> None:
    """Every mapped column is one of the contract's, and is there."""
    known = [c.name for c in columns_of(name, project)]
    for key in ("columns", "values"):
        for column in getattr(table, key):
            if column not in known:
                hint = nearest(column, known) or f"; it has {', '.join(known)}"
                raise ConfigError(
                    f"[tables.{name}.{key}] names `{column}`, which table {name} does not have{hint}"
                )
    for column, origin in table.columns.items():
        if origin not in found:
            here = ", ".join(f"`{f}`" for f in found) or "no column at all"
            raise DataError(
                f"{shown}: column `{origin}`, which [tables.{name}.columns] maps to `{column}`, is not there; "
                f"found {here}{nearest(origin, found)}"
            )


def _translate(column: pa.ChunkedArray, mapping: Mapping[str, str]) -> pa.ChunkedArray:
    """Text with each value that ``mapping`` names replaced; its empty key stands for missing values.

    >>> _translate(pa.chunked_array([["Closed Won", "", "Open"]]), {"Closed Won": "won", "Open": ""}).to_pylist()
    ['won', None, '']
    """
    plain = columns.without_blanks(columns.text(column))
    if mapping:
        code = columns.lookup(plain, pa.array(list(mapping), pa.string()))
        target = pa.array(list(mapping.values()), pa.string()).take(pa.array(code, mask=code < 0))
        plain = pc.coalesce(target, plain.cast(pa.string()))
    if "" in mapping:
        plain = pc.fill_null(plain, mapping[""])
    return plain if isinstance(plain, pa.ChunkedArray) else pa.chunked_array([plain])
