"""A look at files and databases: which table is which, and which column is which."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness.errors import DataError
from lead_readiness.project import Table
from lead_readiness.proposal.words import FILE_WORDS, plain, rank
from lead_readiness.sources import Source, open_source
from lead_readiness.sources.files import EXTENSIONS
from lead_readiness.sources.sql import tables_in
from lead_readiness.tables import columns
from lead_readiness.tables.contract import CONTRACT, Column

SAMPLE = 5_000
MOST = 10
PASSWORD = "DATABASE_PASSWORD"


@dataclass(frozen=True)
class Candidate:
    """A file or database table that may be one of the contract's, and its first rows."""

    table: Table
    source: Source
    sample: pa.Table

    @property
    def label(self) -> str:
        """Its path or table name."""
        return self.table.path or self.table.table or ""


@dataclass(frozen=True)
class Match:
    """A candidate read as one of the contract's tables: contract's column -> its own, and how well that fits."""

    candidate: Candidate
    columns: dict[str, str]
    score: float


@dataclass
class Found:
    """Candidates looked at, and what was skipped with the reason."""

    candidates: list[Candidate] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def look(places: Iterable[str], root: Path) -> Found:
    """Every readable table in the given files, directories and databases; paths are told from ``root``."""
    found = Found()
    for place in places:
        named = "://" in place or not Path(place).is_dir()
        for table in _tables_at(place, root):
            try:
                source = open_source(table, root)
                sample = source.fetch({name: name for name in source.names()}, SAMPLE)
            except DataError as error:
                if named and "://" not in place:
                    raise
                found.skipped.append(str(error))
                continue
            found.candidates.append(Candidate(table, source, sample))
    return found


def _tables_at(place: str, root: Path) -> list[Table]:
    if place.startswith("sqlite:///"):
        place = f"sqlite:///{_seen_from(Path(place.removeprefix('sqlite:///')), root)}"
    if "://" in place:
        return [Table(url=place, table=name) for name in tables_in(place, root)]
    path = Path(place)
    inside = sorted(path.iterdir()) if path.is_dir() else [path]
    if path.is_dir():
        inside = [p for p in inside if _looks_like_data(p)]
    return [Table(path=_seen_from(p, root)) for p in inside]


def _seen_from(path: Path, root: Path) -> str:
    """A path as the project file is to write it: from its own directory, or in full as given where it is elsewhere."""
    elsewhere = path.is_absolute() and not path.resolve().is_relative_to(root.resolve())
    return path.as_posix() if elsewhere else Path(os.path.relpath(path, root)).as_posix()


def _looks_like_data(path: Path) -> bool:
    if path.is_dir():
        return any(path.glob("*.parquet"))
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix in EXTENSIONS and ".bad." not in name


def without_password(url: str) -> str:
    """A database URL as it may be written down: its password is taken from the environment.

    >>> without_password("postgresql://ann:secret@db/crm")
    'postgresql://ann:${DATABASE_PASSWORD}@db/crm'
    """
    scheme, _, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, password = login.partition(":")
    if not (at and colon) or password.startswith("${"):
        return url
    return f"{scheme}://{user}:${{{PASSWORD}}}@{place}"


def assign(found: Found, forced: Mapping[str, str]) -> dict[str, Match]:
    """The best reading of the candidates as leads, events, outcomes and, where there are any, hand-offs.

    ``forced`` names the candidate of a table by its label. Raises DataError when leads, events or outcomes
    cannot be found.
    """
    matches = {role: _matches(role, found, forced.get(role)) for role in CONTRACT}
    readings = [
        (leads, events, outcomes)
        for leads, events, outcomes in product(matches["leads"], matches["events"], matches["outcomes"])
        if events.candidate is not leads.candidate and events.candidate is not outcomes.candidate
    ]
    if not readings:
        raise DataError(_nothing_found(found, matches))
    best = max(readings, key=_worth)
    taken = dict(zip(("leads", "events", "outcomes"), best))
    left = [m for m in matches["handoffs"] if all(m.candidate is not match.candidate for match in best)]
    if left:
        taken["handoffs"] = max(left, key=lambda match: match.score)
    return taken


def _worth(reading: tuple[Match, Match, Match]) -> float:
    """How well three readings fit; leads and outcomes in one table need more to show for it."""
    leads, events, outcomes = reading
    return leads.score + events.score + outcomes.score - 2 * (leads.candidate is outcomes.candidate)


def _matches(role: str, found: Found, forced: str | None) -> list[Match]:
    candidates = found.candidates[:MOST]
    if forced is not None:
        name = Path(forced).name
        candidates = [c for c in candidates if name in (c.label, Path(c.label).name)]
    return [match for match in (_match(role, candidate) for candidate in candidates) if match is not None]


def _match(role: str, candidate: Candidate) -> Match | None:
    """The candidate read as a table, or None when a required column has no likely counterpart."""
    sample = candidate.sample
    taken: dict[str, str] = {}
    score = 3.0 * any(word in candidate.label.lower() for word in FILE_WORDS[role].split())
    for column in sorted(CONTRACT[role], key=lambda c: not c.required):
        options = [name for name in sample.column_names if name not in taken.values()]
        best = max(options, key=lambda name: _fit(column, name, sample[name]), default=None)
        fit = _fit(column, best, sample[best]) if best is not None else 0.0
        if best is not None and fit > 0:
            taken[column.name] = best
            score += fit * (3 if column.required else 0.3)
        elif column.required:
            return None
    ids = sample[taken["lead_id"]]
    distinct = pc.count_distinct(ids).as_py() / max(1, len(ids))
    score += {"leads": 2.0 if distinct == 1 else -3.0, "events": 1.0 if distinct < 1 else -1.0}.get(role, 0.0)
    return Match(candidate, taken, score)


def _fit(column: Column, name: str, values: pa.ChunkedArray) -> float:
    """How well a column's name and content suit a column of the contract, 0 when not at all."""
    named = rank(column.name, name)
    if not named:
        named = (
            0.1
            if column.holds == "time" and column.required and plain(name).endswith(("_at", "_date", "_time"))
            else 0
        )
    return named if named and _content_suits(column, values) else 0.0


def _content_suits(column: Column, values: pa.ChunkedArray) -> bool:
    given = ~columns.blank(values)
    if column.holds == "time":
        read = columns.times(values, "UTC").values
        return bool(given.any() and (~np.isnat(read[given])).mean() > 0.9)
    if column.holds == "number":
        return bool(np.isfinite(columns.numbers(values)[0][given]).mean() > 0.9) if given.any() else False
    if column.name in ("kind", "outcome"):
        few = 20 if column.name == "outcome" else max(20, len(values) // 10)
        return bool(given.any()) and pc.count_distinct(values).as_py() <= few and not is_time(values)
    return not column.required or bool(given.mean() > 0.9)


def is_time(values: pa.ChunkedArray) -> bool:
    """Whether nearly all of a column's values read as dates."""
    given = ~columns.blank(values)
    return bool(given.any()) and bool((~np.isnat(columns.times(values, "UTC").values[given])).mean() > 0.9)


def _nothing_found(found: Found, matches: Mapping[str, list[Match]]) -> str:
    seen = (
        "\n".join(f"  {c.label}: {', '.join(c.sample.column_names)}" for c in found.candidates)
        or "  nothing readable"
    )
    seen = "\n".join([seen, *(f"  skipped {reason}" for reason in found.skipped)])
    lacking = [role for role in ("leads", "events", "outcomes") if not matches[role]]
    needed = {role: ", ".join(c.name for c in CONTRACT[role] if c.required) for role in lacking}
    what = "; ".join(f"no table that can be read as {role} (needs {needed[role]})" for role in lacking)
    what = what or "no two tables that can be read as leads with outcomes, and events"
    return (
        f"{what}. Looked at:\n{seen}\n"
        "Give every file (lead-readiness init leads.csv events.csv deals.csv), say which is which (--events FILE), "
        "or give columns names such as these"
    )
