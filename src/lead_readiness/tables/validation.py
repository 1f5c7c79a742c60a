"""What a row of each table must be: checked tables, clear errors, nothing silently dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness.errors import DataError
from lead_readiness.project import Project
from lead_readiness.tables import checks, columns
from lead_readiness.tables.columns import Mask
from lead_readiness.tables.sheet import Note, Sheet, bad_frame, refusal, rows_of

Frame: TypeAlias = pd.DataFrame | pa.Table
WHOLE_LEAD = ("leads", "outcomes", "handoffs")


@dataclass(frozen=True)
class Summary:
    """``rows`` [table, rows, first, last] (first and last moment) and ``kinds`` [kind, events, leads, first, last]."""

    rows: pd.DataFrame
    kinds: pd.DataFrame


@dataclass(frozen=True)
class Tables:
    """Tables that keep the data contract.

    leads: lead_id, created_at (datetime64[us, UTC]), account_id (missing allowed), then the project's attributes,
    categories as text and numbers as float64. events (Arrow): lead_id, occurred_at, recorded_at (never null), kind,
    value, asset, event_id; lead_id, kind and asset are dictionaries, the first two in the order of the leads and of
    the project's kinds. outcomes: lead_id, outcome, decided_at, opportunity_at, amount, reason. handoffs: lead_id,
    handed_off_at, returned_at, reason. ``bad`` [table, row, column, value, problem] lists the rows set aside.
    """

    leads: pd.DataFrame
    events: pa.Table
    outcomes: pd.DataFrame
    handoffs: pd.DataFrame
    notes: list[Note] = field(default_factory=list)
    bad: pd.DataFrame = field(default_factory=lambda: bad_frame([]))

    def summary(self) -> Summary:
        """Rows and span of each table, and events per kind (most frequent first), for printing."""
        moments = {
            "leads": self.leads["created_at"],
            "events": self.events["occurred_at"],
            "outcomes": self.outcomes["decided_at"],
            "handoffs": self.handoffs["handed_off_at"],
        }
        rows = [{"table": name, "rows": len(column), **_span(column)} for name, column in moments.items()]
        lead = pa.array(columns.codes(columns.whole(self.events["lead_id"])))
        grouped = (
            self.events.set_column(0, "lead_id", lead)
            .group_by("kind")
            .aggregate(
                [
                    ([], "count_all"),
                    ("lead_id", "count_distinct"),
                    ("occurred_at", "min"),
                    ("occurred_at", "max"),
                ]
            )
        )
        kinds = (
            grouped.rename_columns(["kind", "events", "leads", "first", "last"])
            .to_pandas()
            .astype({"kind": "str"})
        )
        return Summary(
            pd.DataFrame(rows),
            kinds.sort_values(["events", "kind"], ascending=[False, True], ignore_index=True),
        )


def _span(column: pd.Series[Any] | pa.ChunkedArray) -> dict[str, Any]:
    if isinstance(column, pd.Series):
        return {"first": column.min(), "last": column.max()}
    bounds = pc.min_max(column).as_py()
    return {"first": pd.Timestamp(bounds["min"]), "last": pd.Timestamp(bounds["max"])}


def validate(
    project: Project,
    leads: Frame,
    events: Frame,
    outcomes: Frame | None = None,
    handoffs: Frame | None = None,
    *,
    quarantine: bool = False,
    sources: Mapping[str, str] | None = None,
) -> Tables:
    """The tables, converted and checked against the data contract; rows in = rows kept + rows counted in notes.

    ``sources`` names each table's file in messages. Bad rows stop with DataError unless ``quarantine`` sets them
    aside; a bad row of leads, outcomes or handoffs then takes its whole lead along, since a lead without its
    outcome or hand-off would look undecided. Missing columns and a leads table without any good row always stop.

    >>> from lead_readiness.project import parse
    >>> project = parse({"name": "Acme", "rules": "rules.yaml", "vocabulary": {"visit": {"behaviour": "web"}},
    ...     "tables": {"leads": "l.csv", "events": "e.csv", "outcomes": "o.csv"}})
    >>> leads = pd.DataFrame({"lead_id": ["a"], "created_at": ["2026-01-01T00:00Z"]})
    >>> events = pd.DataFrame({"lead_id": ["a", "a"], "occurred_at": ["2026-01-02T00:00Z"] * 2, "kind": ["visit"] * 2})
    >>> tables = validate(project, leads, events)
    >>> tables.events.num_rows, str(tables.notes[0])
    (1, 'events: 1 repeated row dropped')
    """
    names = sources or {}
    frames = {"leads": leads, "events": events, "outcomes": outcomes, "handoffs": handoffs}
    sheets = {name: Sheet(name, frame, project, names.get(name)) for name, frame in frames.items()}
    if len(sheets["leads"]) == 0:
        raise DataError(
            f"{sheets['leads'].source}: the leads table has no row; expected one row for each lead"
        )
    known = checks.check_leads(sheets["leads"], project)
    checks.check_events(sheets["events"], known, project)
    checks.check_outcomes(sheets["outcomes"], known)
    checks.check_handoffs(sheets["handoffs"], known)
    if not quarantine and any(sheet.found for sheet in sheets.values()):
        raise refusal(sheets.values())
    keep = _keep(sheets)
    made = {name: _frame(sheets[name], keep[name]) for name in WHOLE_LEAD}
    table = _events_table(sheets["events"], known.ids, keep, project)
    _remark(sheets, keep, project, decided=made["outcomes"]["outcome"] if outcomes is not None else None)
    notes = [note for sheet in sheets.values() for note in sheet.notes]
    bad = bad_frame([bad for sheet in sheets.values() for bad in sheet.found])
    return Tables(made["leads"], table, made["outcomes"], made["handoffs"], notes, bad)


def _keep(sheets: dict[str, Sheet]) -> dict[str, Mask]:
    """Rows to keep; rows of a lead that is set aside go with it, counted."""
    aside = np.zeros(len(sheets["leads"]), dtype=bool)
    for name in WHOLE_LEAD:
        place = sheets[name].lead[sheets[name].bad]
        aside[place[place >= 0]] = True
    keep = {}
    for name, sheet in sheets.items():
        sheet.note_bad()
        depends = np.append(aside, False)[sheet.lead] & ~sheet.bad
        count = int(depends.sum())
        sheet.reject("lead_id", depends, "belongs to a lead that is set aside", "")
        sheet.note(
            "dependent",
            count,
            f"{rows_of(count)} set aside with {'its' if count == 1 else 'their'} lead",
            True,
        )
        keep[name] = ~sheet.bad
    repeated = sheets["events"].data["repeated"] & keep["events"]
    count = int(repeated.sum())
    sheets["events"].note(
        "duplicates", count, f"{count:,} repeated {'row' if count == 1 else 'rows'} dropped", True
    )
    keep["events"] &= ~repeated
    if not keep["leads"].any():
        raise refusal(sheets.values())
    return keep


def _frame(sheet: Sheet, keep: Mask) -> pd.DataFrame:
    """The columns read, as pandas columns of the rows to keep."""
    out: dict[str, Any] = {}
    for name, values in sheet.data.items():
        if isinstance(values, pa.Array | pa.ChunkedArray):
            out[name] = values.filter(pa.array(keep)).cast(pa.string()).to_pandas().astype("str")
        elif values.dtype.kind == "M":
            out[name] = pd.DatetimeIndex(values[keep]).tz_localize("UTC")
        else:
            out[name] = values[keep]
    return pd.DataFrame(out)


def _events_table(sheet: Sheet, ids: pa.Array, keep: dict[str, Mask], project: Project) -> pa.Table:
    """Events as Arrow, naming leads by their place among those that are kept."""
    data, leads = sheet.data, keep["leads"]
    place, occurred = data["lead_id"], _stamps(data["occurred_at"])
    same = data["recorded_at"] is data["occurred_at"]
    if not leads.all():
        place, ids = np.append(np.cumsum(leads) - 1, -1)[place].astype(np.int32), ids.filter(pa.array(leads))
    table = pa.table(
        {
            "lead_id": _dictionary(place, ids),
            "occurred_at": occurred,
            "recorded_at": occurred if same else _stamps(data["recorded_at"]),
            "kind": _dictionary(data["kind"], pa.array(project.kinds, pa.string())),
            "value": pa.array(data["value"], pa.float64(), from_pandas=True),
            "asset": data["asset"],
            "event_id": data["event_id"].cast(pa.string()),
        }
    )
    return table if keep["events"].all() else table.filter(pa.array(keep["events"]))


def _dictionary(codes: npt.NDArray[np.int32], values: pa.Array) -> pa.DictionaryArray:
    missing = codes < 0
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=missing if missing.any() else None), values)


def _stamps(values: npt.NDArray[np.datetime64]) -> pa.Array:
    return pa.array(values).cast(pa.timestamp("us", "UTC"))


def _remark(
    sheets: dict[str, Sheet], keep: dict[str, Mask], project: Project, decided: pd.Series[Any] | None
) -> None:
    """Notes on what was kept: clock changes, early events, emptiness, outcomes of one class."""
    for sheet in sheets.values():
        text = (
            f"{sheet.unclear:,} local times in an hour that a clock change in {project.timezone} repeats or skips: "
            "read as the earlier of the two, or as the end of the gap"
        )
        sheet.note("clock_change", sheet.unclear, text)
    events, outcomes = sheets["events"], sheets["outcomes"]
    early = int((events.data["early"] & keep["events"]).sum())
    events.note(
        "before_creation", early, f"{rows_of(early)} before the lead's creation kept: anonymous history"
    )
    if not keep["events"].any():
        events.notes.append(Note("events", "empty", 0, "no event left: every lead has an empty history"))
    if decided is None:
        return
    classes = set(decided.unique())
    if not classes:
        outcomes.notes.append(Note("outcomes", "empty", 0, "no decided lead: there is nothing to learn from"))
    elif "won" not in classes:
        outcomes.notes.append(
            Note("outcomes", "one_class", 0, "no lead was won: there is nothing to learn from")
        )
    elif classes == {"won"}:
        text = "every decided lead was won: nothing tells winners from others"
        outcomes.notes.append(Note("outcomes", "one_class", 0, text))
