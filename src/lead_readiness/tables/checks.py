"""The checks of each table's rows: converted columns go to the sheet's ``data``, bad rows to its ``found``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness.errors import nearest
from lead_readiness.project import Project
from lead_readiness.tables import columns, duplicates
from lead_readiness.tables.columns import Mask
from lead_readiness.tables.contract import OUTCOMES
from lead_readiness.tables.sheet import Sheet, rows_of

Instants = npt.NDArray[np.datetime64]
NAMED_KINDS = 8
MOST_PEOPLE = 200
"""Leads that one account may have; more are a mail provider or a catch-all, not people who decide together."""
BEFORE = "is before the lead was created"


@dataclass(frozen=True)
class KnownLeads:
    """The leads that other tables may name: ids and creation, in the order of the leads table."""

    ids: pa.Array
    created: Instants

    def places(self, sheet: Sheet) -> Instants:
        """Set each row's place among the leads, rejecting rows of unknown leads; returns when each was created."""
        sheet.lead = columns.lookup(columns.text(sheet.raw["lead_id"]), self.ids)
        if (sheet.lead < 0).any():  # ids of the leads table have been looked at already
            ids = sheet.text("lead_id")
            unknown = (sheet.lead < 0) & np.asarray(pc.is_valid(ids)) & ~sheet.bad
            sheet.reject(
                "lead_id", unknown, "is no lead of the leads table", "a lead_id that the leads table has"
            )
        return np.append(self.created, np.datetime64("NaT", "us"))[sheet.lead]


def check_leads(sheet: Sheet, project: Project) -> KnownLeads:
    """Ids once each, creation, account and the project's attributes."""
    ids = columns.whole(sheet.text("lead_id").cast(pa.string()))
    code = columns.codes(ids.dictionary_encode())
    twice = (np.bincount(code + 1)[code + 1] > 1) & (code >= 0)
    sheet.reject("lead_id", twice, "is the id of several rows", "one row for each lead")
    created = sheet.times("created_at")
    sheet.lead = np.arange(len(sheet), dtype=np.int32)
    sheet.data = {"lead_id": ids, "created_at": created, "account_id": _accounts(sheet)}
    for name, attribute in project.attributes.items():
        if name not in sheet.data:
            sheet.data[name] = sheet.numbers(name) if attribute.type == "number" else sheet.text(name)
    return KnownLeads(ids, created)


def _accounts(sheet: Sheet) -> pa.ChunkedArray:
    """Each lead's account; one with more than `MOST_PEOPLE` leads is taken as none, and counted."""
    account = columns.whole(sheet.text("account_id").cast(pa.string()))
    code = columns.codes(account.dictionary_encode())
    people = np.bincount(code + 1)[code + 1]
    crowded = (people > MOST_PEOPLE) & (code >= 0)
    accounts, leads = len(np.unique(code[crowded])), int(crowded.sum())
    text = (
        f"{accounts:,} account{'' if accounts == 1 else 's'} with more than {MOST_PEOPLE} leads each taken as none: "
        f"{leads:,} leads stand alone"
    )
    sheet.note("crowded_account", leads, text)
    return pc.if_else(pa.array(~crowded), account, None) if leads else account


def check_outcomes(sheet: Sheet, leads: KnownLeads) -> None:
    """One known outcome a lead, decided after creation, the opportunity opened in between."""
    _leave_out_undecided(sheet)
    created = leads.places(sheet)
    outcome = sheet.text("outcome")
    unknown = (columns.lookup(outcome, pa.array(OUTCOMES)) < 0) & np.asarray(pc.is_valid(outcome))
    sheet.reject("outcome", unknown, "is no known outcome", _outcome_words(outcome, unknown))
    twice = pd.Series(sheet.lead).duplicated(keep=False).to_numpy() & (sheet.lead >= 0)
    sheet.reject("lead_id", twice, "has several outcomes", "one outcome for each lead: its first decision")
    decided, opened = sheet.times("decided_at"), sheet.times("opportunity_at")
    sheet.reject("decided_at", decided < created, BEFORE, "a decision after created_at")
    sheet.reject("opportunity_at", opened < created, BEFORE, "an opening after created_at")
    sheet.reject("opportunity_at", opened > decided, "is after decided_at", "an opening before the decision")
    sheet.data = {
        "lead_id": sheet.text("lead_id"),
        "outcome": outcome,
        "decided_at": decided,
        "opportunity_at": opened,
        "amount": sheet.numbers("amount"),
        "reason": sheet.text("reason"),
    }


def _outcome_words(outcome: pa.ChunkedArray, unknown: Mask) -> str:
    words = " | ".join(OUTCOMES)
    if not unknown.any():
        return words
    value = columns.text(outcome.filter(pa.array(unknown))).cast(pa.string())[0].as_py()
    hint = nearest(value.lower(), OUTCOMES)
    target = hint.split("'")[1] if hint else "won"
    return (
        f'{words}{hint}; map it in readiness.toml: [tables.outcomes.values.outcome] "{value}" = "{target}" '
        f'(or "{value}" = "" if it means that nothing is decided yet)'
    )


def _leave_out_undecided(sheet: Sheet) -> None:
    """Rows without outcome and date are leads still open; so are values that the project maps to nothing."""
    outcome = sheet.raw["outcome"]
    empty = columns.blank(outcome)
    still_open = empty & (columns.blank(sheet.raw["decided_at"]) | np.asarray(pc.is_valid(outcome)))
    if still_open.any():
        sheet.leave_out(still_open)
    count = int(still_open.sum())
    sheet.note("undecided", count, f"{rows_of(count)} without an outcome left out: nothing decided yet", True)


def check_handoffs(sheet: Sheet, leads: KnownLeads) -> None:
    """Hand-offs after creation, returned after they began, one at a time for each lead."""
    created = leads.places(sheet)
    handed, returned = sheet.times("handed_off_at"), sheet.times("returned_at")
    sheet.reject("handed_off_at", handed < created, BEFORE, "a hand-off after created_at")
    sheet.reject("returned_at", returned < handed, "is before handed_off_at", "a return after the hand-off")
    ends = np.where(np.isnat(returned), np.datetime64("9999-01-01", "us"), returned)
    order = np.lexsort((ends, handed, sheet.lead))
    lead, start, end = sheet.lead[order], handed[order], ends[order]
    overlap = np.zeros(len(sheet), dtype=bool)
    overlap[order[1:]] = (lead[1:] == lead[:-1]) & (lead[1:] >= 0) & (start[1:] < end[:-1])
    expected = "a hand-off that starts after the lead's earlier one was returned (returned_at)"
    sheet.reject("handed_off_at", overlap, "overlaps an earlier hand-off of the lead", expected)
    reason = sheet.text("reason")
    sheet.data = {
        "lead_id": sheet.text("lead_id"),
        "handed_off_at": handed,
        "returned_at": returned,
        "reason": reason,
    }


def check_events(sheet: Sheet, leads: KnownLeads, project: Project) -> None:
    """Events of known kinds and leads; ``data`` also gets the masks ``early`` (before creation) and ``repeated``."""
    kind = _known_kinds(sheet, project)
    created = leads.places(sheet)
    occurred = sheet.times("occurred_at")
    sheet.data = {
        "lead_id": sheet.lead,
        "occurred_at": occurred,
        "recorded_at": _recorded(sheet, occurred),
        "kind": kind,
        "value": sheet.numbers("value"),
        "asset": sheet.words("asset"),
        "event_id": sheet.text("event_id"),
        "early": occurred < created,
    }
    sheet.data["repeated"] = _repeated(sheet)


def _recorded(sheet: Sheet, occurred: Instants) -> Instants:
    """When each event became known: when it occurred, unless the table says later."""
    if not sheet.has("recorded_at"):
        return occurred
    recorded = sheet.times("recorded_at")
    expected = "a recording after the event (leave recorded_at empty where it is not known)"
    sheet.reject("recorded_at", recorded < occurred, "is before occurred_at", expected)
    return np.where(np.isnat(recorded), occurred, recorded)


def _known_kinds(sheet: Sheet, project: Project) -> npt.NDArray[np.int32]:
    """Each event's place among the project's kinds; events of other kinds are left out and counted."""
    kind = columns.text(sheet.raw["kind"])
    place = columns.lookup(kind, pa.array(project.kinds, pa.string()))
    if (place >= 0).all():
        return place
    other = (place < 0) & np.asarray(pc.is_valid(kind))
    if other.any():
        _note_kinds(sheet, kind.filter(pa.array(other)).cast(pa.string()), project)
        sheet.leave_out(other)
    sheet.text("kind")
    known: npt.NDArray[np.int32] = place[~other]
    return known


def _note_kinds(sheet: Sheet, words: pa.ChunkedArray, project: Project) -> None:
    """One note for kinds that the vocabulary lacks, one for those that the project maps to nothing."""
    counts = {str(kind): int(count) for kind, count in words.to_pandas().value_counts().items()}
    nothing = counts.pop("", 0)
    sheet.note("unmapped_kinds", nothing, f"{rows_of(nothing)} with kind mapped to nothing left out", True)
    named = [f"{kind!r} {count:,}{_near(kind, project)}" for kind, count in counts.items()]
    if len(named) > NAMED_KINDS:
        named[NAMED_KINDS:] = [f"and {len(named) - NAMED_KINDS:,} more"]
    total = sum(counts.values())
    text = f"{rows_of(total)} of kinds that [vocabulary] lacks left out: {', '.join(named)}"
    sheet.note("unknown_kinds", total, text, True)


def _near(kind: str, project: Project) -> str:
    hint = nearest(kind, project.kinds)
    return f" (did you mean {hint.split('did you mean ')[1].rstrip('?')}?)" if hint else ""


def _repeated(sheet: Sheet) -> Mask:
    """Rows that repeat another: by event_id where there is one, else by full equality.

    Copies that differ in recorded_at alone are one event, known since the earliest recording; other
    differences under one event_id contradict each other and are rejected.
    """
    named = np.asarray(pc.is_valid(sheet.data["event_id"])) & ~sheet.bad
    repeated = np.zeros(len(sheet), dtype=bool)
    unnamed = ~named & ~sheet.bad
    rows = np.flatnonzero(unnamed) if not unnamed.all() else None
    parts = [
        sheet.data[name] if rows is None else sheet.data[name][rows]
        for name in ("lead_id", "occurred_at", "kind")
    ]
    near = duplicates.suspects(duplicates.hash_rows(parts))
    rows = near if rows is None else rows[near]
    repeated[rows] = _rows_frame(sheet, rows).drop(columns="event_id").duplicated().to_numpy()
    rows = np.flatnonzero(named)
    if len(rows):
        ids = sheet.data["event_id"].filter(pa.array(named))
        rows = rows[duplicates.suspects(duplicates.hash_texts(ids))]
        frame = _rows_frame(sheet, rows).sort_values(["event_id", "recorded_at"], kind="stable")
        copies = frame.drop(columns="recorded_at").duplicated()
        distinct = frame.loc[~copies, "event_id"]
        clash = frame["event_id"].isin(distinct[distinct.duplicated()])
        contradicted = np.zeros(len(sheet), dtype=bool)
        contradicted[frame.index[clash]] = True
        expected = "one content (lead, time, kind, value, asset) under one event_id"
        sheet.reject("event_id", contradicted, "names several different events", expected)
        repeated[frame.index[copies & ~clash]] = True
    return repeated


def _rows_frame(sheet: Sheet, rows: npt.NDArray[np.int64]) -> pd.DataFrame:
    """What makes an event the same as another, for some rows; leads, kinds and assets by code."""
    data = sheet.data
    frame = pd.DataFrame(
        {name: data[name][rows] for name in ("lead_id", "occurred_at", "recorded_at", "kind", "value")}, rows
    )
    frame["asset"] = columns.codes(data["asset"].take(pa.array(rows)))
    frame["event_id"] = data["event_id"].take(pa.array(rows)).cast(pa.string()).to_pandas().to_numpy()
    return frame
