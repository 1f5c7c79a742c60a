"""What validation refuses or sets aside, told by its messages."""

import numpy as np
import pandas as pd
import pytest
from frames import DAY1, DAY2, DAY3, DAY9, events, handoffs, leads, notes, outcomes, project

from lead_readiness.errors import DataError
from lead_readiness.tables import BadRowsError, validate

BAD_LEADS = {
    "no id": ({"lead_id": ["a", "", "c"]}, ["`lead_id` is empty in 1 row", "row 3: (empty)"]),
    "id with spaces": ({"lead_id": ["a", " b", "c"]}, ["`lead_id` has whitespace around it", "row 3: ' b'"]),
    "id with a no-break space": ({"lead_id": ["a", "b\u00a0", "c"]}, ["`lead_id` has whitespace around it"]),
    "decimal ids": ({"lead_id": [1.0, np.nan, 3.0]}, ["`lead_id` is a decimal number in 2 rows", "as text"]),
    "the same id twice": (
        {"lead_id": ["a", "b", "a"]},
        [
            "`lead_id` is the id of several rows in 2 rows",
            "  row 2: 'a'\n  row 4: 'a'",
            "one row for each lead",
        ],
    ),
    "no date": ({"created_at": [DAY1, None, DAY1]}, ["`created_at` is empty in 1 row", "row 3: (empty)"]),
    "no date at all": (
        {"created_at": ["2026-13-45T10:00:00Z", "yesterday", DAY1]},
        [
            "`created_at` is not a date in 2 rows",
            "row 2: '2026-13-45T10:00:00Z'",
            "expected an ISO 8601 date",
        ],
    ),
    "another order of day and month": (
        {"created_at": ["04/05/2026", DAY1, DAY1]},
        ["is not a date", "ISO 8601"],
    ),
    "no zone": (
        {"created_at": ["2026-05-04 10:00:00", DAY1, DAY1]},
        ["`created_at` has no time zone in 1 row", "`timezone = "],
    ),
    "no zone, typed": ({"created_at": pd.to_datetime(["2026-05-04"] * 3)}, ["has no time zone in 3 rows"]),
    "epoch seconds": ({"created_at": [1_700_000_000] * 3}, ["is an int64, not a date in 3 rows", "epoch"]),
    "epoch seconds as text": (
        {"created_at": ["1700000000", DAY1, DAY1]},
        ["is not a date", "row 2: '1700000000'"],
    ),
    "a placeholder date": ({"created_at": ["9999-12-31T00:00:00Z", DAY1, DAY1]}, ["is an implausible date"]),
    "a number with unit": (
        {"size": ["1", "10 people", ""]},
        ["`size` is not a number in 1 row", "row 3: '10 people'"],
    ),
    "a thousands separator": ({"size": ["1,000", "", ""]}, ["`size` is not a number", "without thousands"]),
    "infinity as text": ({"size": ["inf", "1e999", ""]}, ["`size` is infinite in 2 rows", "a finite number"]),
    "infinity": ({"size": [np.inf, 1, 2]}, ["`size` is infinite in 1 row", "row 2: 'inf'"]),
    "an enormous number": ({"size": [1e31, 1, 2]}, ["`size` is implausibly large in 1 row", "up to 1e30"]),
}


@pytest.mark.parametrize(("columns", "said"), BAD_LEADS.values(), ids=BAD_LEADS)
def test_bad_leads(columns, said):
    with pytest.raises(BadRowsError) as refused:
        validate(project(), leads(**columns), events().iloc[:0], sources={"leads": "data/leads.csv"})
    message = str(refused.value)
    assert message.splitlines()[1].startswith("data/leads.csv: ")
    assert [part for part in said if part not in message] == []


BAD_EVENTS = {
    "unknown lead": (("zz", DAY2, "demo", None), "`lead_id` is no lead of the leads table in 1 row"),
    "no lead": ((None, DAY2, "demo", None), "`lead_id` is empty in 1 row"),
    "padded id": (("a ", DAY2, "demo", None), "`lead_id` has whitespace around it"),
    "no kind": (("a", DAY2, None, None), "`kind` is empty in 1 row"),
    "no date": (("a", "", "demo", None), "`occurred_at` is empty in 1 row"),
    "recorded before it occurred": (
        ("a", DAY2, "demo", DAY1),
        "`recorded_at` is before occurred_at in 1 row",
    ),
}


@pytest.mark.parametrize(("row", "said"), BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_bad_events(row, said):
    frame = events(("a", DAY2, "demo", DAY3), row, columns=("lead_id", "occurred_at", "kind", "recorded_at"))
    with pytest.raises(BadRowsError, match="  row 3: ") as refused:
        validate(project(), leads(), frame)
    assert f"events: {said}" in str(refused.value)
    kept = validate(project(), leads(), frame, quarantine=True)
    assert (kept.events.num_rows, notes(kept)["bad"].split(":")[1]) == (1, " 1 row set aside as bad")
    assert kept.bad[["table", "row"]].drop_duplicates().values.tolist() == [["events", 3]]


BAD_OUTCOMES = {
    "unknown lead": (("zz", "won", DAY9, None), "`lead_id` is no lead of the leads table"),
    "two outcomes": (("a", "lost", DAY9, None), "`lead_id` has several outcomes in 2 rows"),
    "another word": (("b", "Closed Won", DAY9, None), "`outcome` is no known outcome in 1 row"),
    "a near word": (("b", "losst", DAY9, None), "won | lost | disqualified; did you mean 'lost'?"),
    "no word": (("b", None, DAY9, None), "`outcome` is empty in 1 row"),
    "no date": (("b", "won", None, None), "`decided_at` is empty in 1 row"),
    "decided before creation": (
        ("b", "won", "2025-12-31T00:00:00Z", None),
        "`decided_at` is before the lead was created",
    ),
    "opened before creation": (
        ("b", "won", DAY9, "2025-12-31T00:00Z"),
        "`opportunity_at` is before the lead was created",
    ),
    "opened after the decision": (("b", "won", DAY3, DAY9), "`opportunity_at` is after decided_at"),
}


@pytest.mark.parametrize(("row", "said"), BAD_OUTCOMES.values(), ids=BAD_OUTCOMES)
def test_bad_outcomes(row, said):
    frame = outcomes(
        ("a", "won", DAY9, DAY3), row, columns=("lead_id", "outcome", "decided_at", "opportunity_at")
    )
    with pytest.raises(BadRowsError) as refused:
        validate(project(), leads(), events(), frame)
    assert said in str(refused.value)


def test_an_unknown_outcome_is_told_how_to_map_it():
    with pytest.raises(DataError) as refused:
        validate(project(), leads(), events(), outcomes(("a", "Won", DAY9)))
    assert '[tables.outcomes.values.outcome] "Won" = "won" (or "Won" = "" if' in str(refused.value)


BAD_HANDOFFS = {
    "unknown lead": ([("zz", DAY2, DAY3)], "`lead_id` is no lead of the leads table"),
    "before creation": (
        [("a", "2025-12-31T00:00:00Z", None)],
        "`handed_off_at` is before the lead was created",
    ),
    "returned before": ([("a", DAY3, DAY2)], "`returned_at` is before handed_off_at"),
    "overlapping": (
        [("a", DAY3, None), ("a", DAY1, DAY9)],
        "`handed_off_at` overlaps an earlier hand-off of the lead",
    ),
    "never returned, again": (
        [("a", DAY1, None), ("a", DAY3, None)],
        "`handed_off_at` overlaps an earlier hand-off",
    ),
}


@pytest.mark.parametrize(("rows", "said"), BAD_HANDOFFS.values(), ids=BAD_HANDOFFS)
def test_bad_handoffs(rows, said):
    with pytest.raises(BadRowsError) as refused:
        validate(project(), leads(), events(), outcomes(), handoffs(*rows))
    assert said in str(refused.value)


def test_only_the_first_few_bad_rows_are_listed_and_the_rest_counted():
    frame = events(*[("zz", DAY2, "demo")] * 1200)
    with pytest.raises(BadRowsError) as refused:
        validate(project(), leads(), frame)
    assert str(refused.value).splitlines() == [
        "1,200 bad rows; mend them at the source, or set bad rows aside and count them with --quarantine "
        "(quarantine=True)",
        "events: `lead_id` is no lead of the leads table in 1,200 rows; expected a lead_id that the leads table has",
        *[f"  row {row}: 'zz'" for row in range(2, 7)],
        "  and 1,195 more",
    ]
    assert len(refused.value.bad) == 1200


def test_rows_of_json_lines_are_numbered_by_line():
    with pytest.raises(BadRowsError, match="row 1: 'zz'"):
        validate(project(), leads(), events(("zz", DAY2, "demo")), sources={"events": "events.jsonl.gz"})


def test_a_bad_outcome_takes_its_whole_lead_along():
    done = events(("a", DAY2, "demo"), ("b", DAY2, "demo"), ("b", DAY3, "demo"))
    frame = outcomes(("a", "won", DAY9), ("b", "lost", "someday"))
    tables = validate(project(), leads(), done, frame, handoffs(("b", DAY2, None)), quarantine=True)
    assert tables.leads["lead_id"].tolist() == ["a", "c"]
    assert tables.events["lead_id"].to_pylist() == tables.outcomes["lead_id"].tolist() == ["a"]
    assert [str(note) for note in tables.notes if note.set_aside] == [
        "leads: 1 row set aside with its lead",
        "events: 2 rows set aside with their lead",
        "outcomes: 1 row set aside as bad: decided_at is not a date 1",
        "handoffs: 1 row set aside with its lead",
    ]
    assert tables.bad.values.tolist()[0] == [
        "leads",
        3,
        "lead_id",
        "b",
        "belongs to a lead that is set aside",
    ]


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ({"leads": leads().iloc[:0]}, "leads: the leads table has no row; expected one row for each lead"),
        (
            {"leads": leads().drop(columns="created_at")},
            "column `created_at` of table leads is missing; found `lead_id`,",
        ),
        ({"leads": leads().rename(columns={"size": "Size"})}, "or take size out of [attributes]"),
        (
            {"events": events().rename(columns={"kind": "kinds"})},
            "did you mean 'kinds'?; map it in readiness.toml: [tables.events.columns] kind = \"kinds\"",
        ),
        (
            {"outcomes": pd.DataFrame()},
            "column `lead_id` of table outcomes is missing; found no column at all",
        ),
        (
            {"events": [("a", DAY2, "demo")]},
            "events: found list; expected a pandas DataFrame or an Arrow table",
        ),
    ],
)
@pytest.mark.parametrize("quarantine", [False, True])
def test_whole_tables_that_cannot_be_used(frames, said, quarantine):
    frames = {"leads": leads(), "events": events(), "outcomes": outcomes(), **frames}
    with pytest.raises(DataError) as refused:
        validate(project(), **frames, quarantine=quarantine)
    assert said in str(refused.value)


def test_quarantine_that_leaves_no_lead_stops():
    with pytest.raises(BadRowsError, match="has no time zone in 3 rows"):
        validate(project(), leads(created_at=["2026-01-01"] * 3), events(), quarantine=True)
