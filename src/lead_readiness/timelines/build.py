"""Validated tables become timelines, whatever the order of their rows."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness.chunks import SMALL
from lead_readiness.project import Project
from lead_readiness.tables import Tables
from lead_readiness.tables.columns import codes, encode, lookup
from lead_readiness.timelines.history import NEVER, OUTCOMES, RETURN_REASONS, WON, Ints, Timelines
from lead_readiness.timelines.kernel import EVENT, Columns, by_lead, last_before, sort_leads

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Codes = npt.NDArray[np.int32]
_REASONS = {reason: code for code, reason in enumerate(RETURN_REASONS)}


def micros(times: pd.Series) -> Ints:
    """A column of UTC times as int64 microseconds, missing ones as ``NEVER``.

    >>> micros(pd.to_datetime(pd.Series(["1970-01-01 00:00:01", None]), utc=True)).tolist()
    [1000000, 9223372036854775807]
    """
    stamps = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return np.where(np.isnat(stamps), NEVER, stamps.astype(np.int64))


def build(tables: Tables, project: Project) -> Timelines:
    """The timelines of validated tables; the order of the tables' rows makes no difference.

    Leads are sorted by account and id, a lead's events by time and then by what they are. ``cut`` is the
    project's, or else the last moment that any table records; what was decided after it is not known.

    >>> from lead_readiness.project import Kind
    >>> from lead_readiness.tables import validate
    >>> project = Project(name="Acme", vocabulary={"visit": Kind(behaviour="web")})
    >>> leads = pd.DataFrame({"lead_id": ["b", "a"], "created_at": ["2026-01-01T00:00Z"] * 2})
    >>> events = pd.DataFrame({"lead_id": ["b"], "occurred_at": ["2026-01-02T00:00Z"], "kind": ["visit"]})
    >>> built = build(validate(project, leads, events), project)
    >>> built.lead_ids.tolist(), built.start.tolist()
    (['a', 'b'], [0, 0, 1])
    """
    by, account, account_start = _by_account(tables.leads)
    leads = tables.leads.iloc[by]
    lead_ids = leads["lead_id"].to_numpy(dtype=object)
    ids, kinds = pa.array(lead_ids, pa.string()), pa.array(project.kinds, pa.string())
    asset, assets = _asset_codes(tables.events["asset"])
    event_ids = tables.events["event_id"]
    return assemble(
        project,
        People(
            lead_ids=lead_ids,
            created=micros(leads["created_at"]),
            account=account,
            account_start=account_start,
            attributes={name: _attribute(leads[name], a.type) for name, a in project.attributes.items()},
            accounts_known=bool(tables.leads["account_id"].notna().any()),
        ),
        lookup(tables.events["lead_id"], ids),
        Columns(
            time=_times(tables.events["occurred_at"]),
            kind=lookup(tables.events["kind"], kinds).astype(np.int16),
            asset=asset,
            value=tables.events["value"].to_numpy().astype(np.float32),
            recorded=_times(tables.events["recorded_at"]),
        ),
        assets,
        event_ids if event_ids.null_count < len(event_ids) else None,
        _outcomes(tables.outcomes, ids),
        _handoffs(tables.handoffs, ids),
    )


class People(NamedTuple):
    """The columns of the leads, sorted by account and id; as in `Timelines`."""

    lead_ids: npt.NDArray[np.object_]
    created: Ints
    account: Codes
    account_start: Ints
    attributes: dict[str, npt.NDArray[np.object_] | npt.NDArray[np.float64]]
    accounts_known: bool


class Decisions(NamedTuple):
    """The leads' outcomes; as in `Timelines`."""

    outcome: npt.NDArray[np.int8]
    decided: Ints
    opportunity: Ints
    opened: Ints
    amount: npt.NDArray[np.float64]


class Stays(NamedTuple):
    """Hand-offs lead by lead, oldest first; as in `Timelines`."""

    handoff_start: Ints
    handed_off: Ints
    returned: Ints
    return_reason: npt.NDArray[np.int16]


def assemble(
    project: Project,
    people: People,
    lead: Codes,
    events: Columns,
    assets: tuple[str, ...],
    event_ids: pa.ChunkedArray | tuple[str | None, ...] | None,
    decisions: Decisions,
    stays: Stays,
) -> Timelines:
    """The timelines of checked columns: ``lead`` is the place of each event's lead, events are in any order.

    ``assets`` are sorted and ``event_ids`` in the order of ``events``, or None where no event has one.
    """
    start, order, columns = _sorted_by_lead(lead, len(people.lead_ids), events)
    cut = _cut(project, people.created, columns.recorded, decisions.decided, stays.handed_off, stays.returned)
    time, kind, asset, value, recorded = columns  # below, all columns stand in the order of the fields
    happened = start, time, recorded, kind, value, asset
    known = Timelines(*people, *happened, project.kinds, assets, *decisions, *stays, cut, order, event_ids)
    return known if project.cut is None else known.as_known_at(cut)


def reason_code(reason: str) -> int:
    """The place of a return's reason among `RETURN_REASONS`, however it is written.

    >>> reason_code("Not_now "), reason_code("on holiday")
    (0, 6)
    """
    return _REASONS.get(reason.strip().lower().replace("_", " "), _REASONS["other"])


def with_events(timelines: Timelines, lead: Codes, events: Columns, rows: Ints) -> Timelines:
    """The same company with these events in place of its own: some left out, moved or added.

    ``lead`` (n,) is the place of each event's lead, ``events`` the columns of n events in any order and ``rows``
    (n,) their ``order``: the row of the source's table that an event's id comes from, or -1 for an event that is
    in no table and has no id. Everything else, the cut too, stays as it is. No events give timelines without any.

    >>> from lead_readiness import tables
    >>> project = Project.model_validate({"name": "Acme", "vocabulary": {"visit": {"behaviour": "web"}}})
    >>> leads = pd.DataFrame({"lead_id": ["a", "b"], "created_at": ["2026-01-01T00:00Z"] * 2})
    >>> visits = pd.DataFrame({"lead_id": ["a", "b"], "occurred_at": ["2026-01-02T00:00Z"] * 2, "kind": ["visit"] * 2})
    >>> known = build(tables.validate(project, leads, visits), project)
    >>> of_b = known.owner == 1
    >>> with_events(known, known.owner[of_b], known.events(of_b), known.order[of_b]).start.tolist()
    [0, 0, 1]
    """
    start, order, columns = _sorted_by_lead(lead, len(timelines), events)
    return replace(timelines, start=start, **columns._asdict(), order=rows[order])


def _by_account(leads: pd.DataFrame) -> tuple[Ints, Codes, Ints]:
    """The leads' order by account and id, each lead's account in that order, and the accounts' slices.

    A lead without an account stands by itself, even if an account bears its id.
    """
    alone = leads["account_id"].isna().to_numpy()
    account = _ranks(leads["account_id"].astype(object).where(~alone, leads["lead_id"]))
    by = np.lexsort((_ranks(leads["lead_id"]), alone, account))
    first = np.ones(len(by), bool)
    first[1:] = (np.diff(account[by]) != 0) | (alone[by][1:] != alone[by][:-1])
    start = np.append(np.flatnonzero(first), len(by)).astype(np.int64)
    return by, (np.cumsum(first) - 1).astype(np.int32), start


def _ranks(ids: pd.Series) -> Ints:
    """Each id's place among the sorted distinct ids."""
    encoded = pa.array(ids, type=pa.string()).dictionary_encode()
    rank = np.empty(len(encoded.dictionary), np.int64)
    rank[pc.sort_indices(encoded.dictionary).to_numpy()] = np.arange(len(rank))
    ranks: Ints = rank[encoded.indices.to_numpy()]
    return ranks


def _places(ids: pd.Series, known: pa.Array) -> Codes:
    return lookup(pa.chunked_array([pa.array(ids.to_numpy(dtype=object), pa.string())]), known)


def _asset_codes(column: pa.ChunkedArray) -> tuple[Codes, tuple[str, ...]]:
    """Assets as places in their sorted list, so that codes do not depend on row order."""
    encoded = encode(column)
    by = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.full(len(by) + 1, -1, np.int32)
    rank[by] = np.arange(len(by))
    return rank[codes(encoded)], tuple(encoded.dictionary.take(pa.array(by)).to_pylist())


def _times(column: pa.ChunkedArray) -> Ints:
    stamps: Ints = column.cast(pa.int64()).to_numpy()
    return stamps


def _attribute(column: pd.Series, kind: str) -> npt.NDArray[np.object_] | npt.NDArray[np.float64]:
    if kind == "number":
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.astype(object).where(column.notna(), None).to_numpy(dtype=object)


def _outcomes(table: pd.DataFrame, ids: pa.Array) -> Decisions:
    n = len(ids)
    never = np.full(n, NEVER)
    made = Decisions(np.zeros(n, np.int8), never, never.copy(), never.copy(), np.full(n, np.nan))
    at = _places(table["lead_id"], ids)
    made.outcome[at] = (
        table["outcome"].map({name: code for code, name in enumerate(OUTCOMES)}).to_numpy(dtype=np.int8)
    )
    made.decided[at] = micros(table["decided_at"])
    made.opportunity[at] = micros(table["opportunity_at"])
    made.opened[:] = np.where(made.outcome == WON, np.minimum(made.opportunity, made.decided), NEVER)
    made.amount[at] = table["amount"].to_numpy(dtype=np.float64, na_value=np.nan)
    return made


def _handoffs(table: pd.DataFrame, ids: pa.Array) -> Stays:
    given = table["reason"].to_numpy(dtype=object)
    reason = np.array([-1 if pd.isna(r) else reason_code(str(r)) for r in given], np.int16)
    lead = _places(table["lead_id"], ids)
    at, returned = micros(table["handed_off_at"]), micros(table["returned_at"])
    by = np.lexsort((returned, at, lead))
    start = lead[by].searchsorted(np.arange(len(ids) + 1)).astype(np.int64)
    return Stays(start, at[by], returned[by], reason[by])


def _cut(project: Project, *known: Ints) -> int:
    """The project's, or else the last moment that is known."""
    if project.cut is not None:
        return (project.cut - EPOCH) // timedelta(microseconds=1)
    return last_before(NEVER, *known)


def _sorted_by_lead(lead: Codes, n: int, columns: Columns) -> tuple[Ints, Ints, Columns]:
    """Slices per lead, the rows' order, and the columns in that order.

    A counting sort brings each lead's rows together; each lead is then sorted by itself. Long columns are
    worked on in threads.
    """
    start, order = np.zeros(n + 1, np.int64), np.empty(len(lead), np.int64)
    events, out = np.empty(len(lead), EVENT), tuple([np.empty(len(lead), column.dtype) for column in columns])
    by_lead(lead, start, order)
    if len(lead) <= SMALL:
        for name, column in zip(Columns._fields, columns):
            events[name] = column
        sort_leads(0, n, start, order, events, out)
        return start, order, Columns(*out)
    ends = np.linspace(0, n, 1 + min(64, 1 + n // 1000)).astype(np.int64)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(events.__setitem__, Columns._fields, columns))
        list(pool.map(lambda lo, hi: sort_leads(lo, hi, start, order, events, out), ends[:-1], ends[1:]))
    return start, order, Columns(*out)
