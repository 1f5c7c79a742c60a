"""The data contract: the tables, their columns and what each column holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lead_readiness.errors import DataError, nearest
from lead_readiness.project import Project

Holds = Literal["id", "text", "time", "number"]
OUTCOMES = ("won", "lost", "disqualified")


@dataclass(frozen=True)
class Column:
    """One column of the contract."""

    name: str
    holds: Holds
    required: bool = False


CONTRACT: dict[str, tuple[Column, ...]] = {
    "leads": (Column("lead_id", "id", True), Column("created_at", "time", True), Column("account_id", "id")),
    "events": (
        Column("lead_id", "id", True),
        Column("occurred_at", "time", True),
        Column("recorded_at", "time"),
        Column("kind", "text", True),
        Column("value", "number"),
        Column("asset", "text"),
        Column("event_id", "id"),
    ),
    "outcomes": (
        Column("lead_id", "id", True),
        Column("outcome", "text", True),
        Column("decided_at", "time", True),
        Column("opportunity_at", "time"),
        Column("amount", "number"),
        Column("reason", "text"),
    ),
    "handoffs": (
        Column("lead_id", "id", True),
        Column("handed_off_at", "time", True),
        Column("returned_at", "time"),
        Column("reason", "text"),
    ),
}


def columns_of(table: str, project: Project) -> tuple[Column, ...]:
    """The contract's columns of a table; for leads followed by the project's attributes, which must be there.

    >>> [c.name for c in CONTRACT["handoffs"]]
    ['lead_id', 'handed_off_at', 'returned_at', 'reason']
    """
    columns = CONTRACT[table]
    if table != "leads":
        return columns
    own = {c.name for c in columns}
    attributes = (
        Column(name, "number" if a.type == "number" else "text")
        for name, a in project.attributes.items()
        if name not in own
    )
    return (*columns, *attributes)


def must_have(table: str, project: Project) -> list[str]:
    """Names of the columns a table cannot do without: the required ones and every attribute."""
    return [c.name for c in columns_of(table, project) if c.required or c not in CONTRACT[table]]


def check_columns(table: str, found: Iterable[str], project: Project, source: str) -> None:
    """Raise DataError when a column is missing, naming what was found, the nearest and how to map it."""
    found = list(found)
    missing = [name for name in must_have(table, project) if name not in found]
    if missing:
        raise DataError("\n".join(_missing(table, name, found, project, source) for name in missing))


def _missing(table: str, name: str, found: list[str], project: Project, source: str) -> str:
    hint = nearest(name, found)
    here = ", ".join(f"`{f}`" for f in found) or "no column at all"
    example = hint.split("'")[1] if hint else "the name in your table"
    mend = f'map it in readiness.toml: [tables.{table}.columns] {name} = "{example}"'
    if name in project.attributes:
        mend += f", or take {name} out of [attributes]"
    return f"{source}: column `{name}` of table {table} is missing; found {here}{hint}; {mend}"
