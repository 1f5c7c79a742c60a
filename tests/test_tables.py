"""What validation keeps, converts, drops and counts."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from frames import DAY1, DAY2, DAY3, DAY9, EMOJI_ID, events, handoffs, leads, notes, outcomes, project
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness.tables import BadRowsError, duplicates, validate


def test_columns_come_out_with_the_contracts_types():
    tables = validate(project(), leads(), events(), outcomes())
    assert tables.leads.dtypes.astype(str).to_dict() == {
        "lead_id": "str",
        "created_at": "datetime64[us, UTC]",
        "account_id": "str",
        "industry": "str",
        "size": "float64",
    }
    assert tables.leads["industry"].isna().tolist() == [False, True, True]
    assert tables.leads["size"].fillna(-1).tolist() == [1.0, -1.0, 2.5]
    assert tables.events.column_names == [
        "lead_id",
        "occurred_at",
        "recorded_at",
        "kind",
        "value",
        "asset",
        "event_id",
    ]
    assert tables.events["recorded_at"].to_pylist() == [datetime(2026, 1, 2, 10, tzinfo=UTC)]
    assert list(tables.outcomes) == ["lead_id", "outcome", "decided_at", "opportunity_at", "amount", "reason"]
    assert list(tables.handoffs) == ["lead_id", "handed_off_at", "returned_at", "reason"]
    assert len(tables.handoffs) == len(tables.bad) == len(tables.notes) == 0


@pytest.mark.parametrize(
    ("created", "zone", "read"),
    [
        ("2026-05-04T09:30:00+02:00", None, "2026-05-04T07:30:00"),
        ("2026-05-04 09:30:00.123456 UTC", None, "2026-05-04T09:30:00.123456"),
        ("2026-05-04 09:30:00.1234567+00", None, "2026-05-04T09:30:00.123456"),
        ("2026-05-04T09:30Z", "Europe/Berlin", "2026-05-04T09:30:00"),
        ("2026-05-04", "Europe/Berlin", "2026-05-03T22:00:00"),
        ("2026-05-04 09:30:00", "America/New_York", "2026-05-04T13:30:00"),
        (pd.Timestamp("2026-05-04 09:30:00.5"), "Europe/Berlin", "2026-05-04T07:30:00.5"),
        (pd.Timestamp("2026-05-04 09:30", tz="Asia/Tokyo"), None, "2026-05-04T00:30:00"),
        (datetime(2026, 5, 4, 9, 30, tzinfo=UTC), None, "2026-05-04T09:30:00"),
    ],
)
def test_dates_are_read_as_instants(created, zone, read):
    frame = leads(created_at=[created] * 3)
    tables = validate(project(**({"timezone": zone} if zone else {})), frame, events().iloc[:0])
    assert tables.leads["created_at"].tolist() == [pd.Timestamp(read, tz="UTC")] * 3


def test_a_mixture_of_zoned_and_local_times_is_read_row_by_row():
    frame = leads(created_at=["2026-05-04T09:30:00+02:00", "2026-05-04T09:30:00", "2026-05-04"])
    tables = validate(project(timezone="Europe/Berlin"), frame, events().iloc[:0])
    assert tables.leads["created_at"].dt.strftime("%dT%H:%M").tolist() == ["04T07:30", "04T07:30", "03T22:00"]


def test_clock_changes_are_read_one_way_and_said():
    repeated, skipped = "2025-10-26 02:30:00", "2025-03-30 02:30:00"
    frame = leads(created_at=[repeated, skipped, "2025-06-01"])
    tables = validate(project(timezone="Europe/Berlin"), frame, events().iloc[:0])
    assert tables.leads["created_at"].dt.strftime("%H:%M").tolist() == ["00:30", "01:00", "22:00"]
    assert notes(tables)["clock_change"] == (
        "leads: 2 local times in an hour that a clock change in Europe/Berlin repeats or skips: "
        "read as the earlier of the two, or as the end of the gap"
    )


def test_one_handoff_may_begin_when_the_last_is_returned():
    frame = handoffs(("a", DAY3, DAY9), ("a", DAY1, DAY3), ("b", DAY2, None))
    assert len(validate(project(), leads(), events(), outcomes(), frame).handoffs) == 3


def test_ids_are_kept_byte_for_byte():
    frame = leads(lead_id=[EMOJI_ID, "007", "7"])
    tables = validate(project(), frame, events((EMOJI_ID, DAY2, "demo"), ("007", DAY2, "demo")))
    assert tables.leads["lead_id"].tolist() == [EMOJI_ID, "007", "7"]
    assert tables.events["lead_id"].to_pylist() == [EMOJI_ID, "007"]


@pytest.mark.parametrize("encode", [pa.array, lambda ids: pa.array(ids).dictionary_encode()])
def test_arrow_tables_and_whole_number_ids_are_accepted(encode):
    people = pa.table(
        {
            "lead_id": [1, 2],
            "created_at": [datetime(2026, 1, 1, tzinfo=UTC)] * 2,
            "industry": [3, 4],
            "size": [1, 2],
        }
    )
    done = pa.table(
        {
            "lead_id": encode(["2", "1"]),
            "occurred_at": pa.array([datetime(2026, 1, 2), datetime(2026, 1, 3)], pa.timestamp("ns", "UTC")),
            "kind": encode(["demo", "pricing_view"]),
            "value": pa.array([1, None], pa.int32()),
        }
    )
    tables = validate(project(), people, done)
    assert tables.leads["industry"].tolist() == ["3", "4"]
    assert tables.events.select(["lead_id", "kind", "value"]).to_pylist() == [
        {"lead_id": "2", "kind": "demo", "value": 1.0},
        {"lead_id": "1", "kind": "pricing_view", "value": None},
    ]


def test_unknown_kinds_are_left_out_counted_and_told_the_nearest():
    frame = events(
        ("a", DAY2, "demo"), ("a", DAY2, "pricng_view"), ("zz", "?", "crm_sync"), ("a", "", "pricng_view")
    )
    tables = validate(project(), leads(), frame)
    assert tables.events.num_rows == 1
    assert notes(tables) == {
        "unknown_kinds": "events: 3 rows of kinds that [vocabulary] lacks left out: 'pricng_view' 2 "
        "(did you mean 'pricing_view'?), 'crm_sync' 1"
    }


def test_an_account_of_more_leads_than_people_decide_together_is_none_and_counted():
    crowd = [f"m{n}" for n in range(201)]
    frame = pd.DataFrame(
        {"lead_id": [*crowd, "a", "b"], "created_at": DAY1, "account_id": ["mail"] * 201 + ["Acme"] * 2}
    )
    tables = validate(project(attributes={}), frame, events(), outcomes())
    assert tables.leads["account_id"].dropna().tolist() == ["Acme", "Acme"]
    assert notes(tables)["crowded_account"] == (
        "leads: 1 account with more than 200 leads each taken as none: 201 leads stand alone"
    )


def test_events_before_creation_are_kept_and_counted():
    tables = validate(project(), leads(), events(("a", "2025-06-01T00:00:00Z", "demo"), ("a", DAY2, "demo")))
    assert tables.events.num_rows == 2
    assert (
        notes(tables)["before_creation"] == "events: 1 row before the lead's creation kept: anonymous history"
    )


def test_rows_without_outcome_are_open_leads():
    frame = outcomes(("a", "won", DAY9), ("b", None, None), ("c", "", DAY9))
    tables = validate(project(), leads(), events(), frame)
    assert tables.outcomes["lead_id"].tolist() == ["a"]
    assert notes(tables)["undecided"] == "outcomes: 2 rows without an outcome left out: nothing decided yet"


NAMED = ("lead_id", "occurred_at", "kind", "event_id", "value", "recorded_at")


@pytest.mark.parametrize(
    ("rows", "kept", "dropped"),
    [
        ([("a", DAY2, "demo", None, 1, None)] * 3, 1, 2),
        ([("a", DAY2, "demo", None, np.nan, None)] * 2, 1, 1),
        ([("a", DAY2, "demo", None, 1, None), ("a", DAY2, "demo", None, 2, None)], 2, 0),
        ([("a", DAY2, "demo", "e1", 1, None)] * 3, 1, 2),
        ([("a", DAY2, "demo", "e1", 1, None), ("a", DAY2, "demo", "e2", 1, None)], 2, 0),
        ([("a", DAY2, "demo", "e1", 1, DAY9), ("a", DAY2, "demo", "e1", 1, DAY3)], 1, 1),
        ([("a", DAY2, "demo", None, 1, DAY9), ("a", DAY2, "demo", None, 1, DAY3)], 2, 0),
        ([("a", DAY2, "demo", "e1", 1, None), ("a", DAY2, "demo", None, 1, None)], 2, 0),
    ],
    ids=[
        "equal",
        "equal and empty",
        "other value",
        "same id",
        "other id",
        "re-sent",
        "recorded twice",
        "id and none",
    ],
)
def test_repeated_events_are_dropped_and_counted(rows, kept, dropped):
    tables = validate(project(), leads(), events(*rows, columns=NAMED))
    assert tables.events.num_rows == kept
    assert notes(tables).get("duplicates") == (
        [None, "1 repeated row", "2 repeated rows"][dropped]
        and f"events: {dropped} repeated {'row' if dropped == 1 else 'rows'} dropped"
    )


def test_an_event_sent_again_is_known_since_its_first_recording():
    rows = [("a", DAY2, "demo", "e1", 1, DAY9), ("a", DAY2, "demo", "e1", 1, DAY3)]
    tables = validate(project(), leads(), events(*rows, columns=NAMED))
    assert tables.events["recorded_at"].to_pylist() == [datetime(2026, 1, 3, 10, tzinfo=UTC)]


def test_one_event_id_with_two_contents_is_bad():
    rows = [
        ("a", DAY2, "demo", "e1", 1, None),
        ("b", DAY2, "demo", "e1", 1, None),
        ("a", DAY2, "demo", "e1", 1, None),
    ]
    with pytest.raises(BadRowsError, match="`event_id` names several different events in 3 rows"):
        validate(project(), leads(), events(*rows, columns=NAMED))


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["a", "b", "a"], [0, 2]),
        (["", "\0", "a", "a\0"], []),
        (["x" * 40 + "1", "x" * 40 + "2", "x" * 40 + "1"], [0, 2]),
        ([EMOJI_ID, "x", EMOJI_ID], [0, 2]),
    ],
)
def test_equal_texts_are_suspects(texts, found):
    column = pa.chunked_array([texts[:1], texts[1:]])
    assert duplicates.suspects(duplicates.hash_texts(column)).tolist() == found


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        ([("a", "won", DAY9)], "one_class", "every decided lead was won: nothing tells winners from others"),
        ([("a", "lost", DAY9)], "one_class", "no lead was won: there is nothing to learn from"),
        ([("a", "", None)], "empty", "no decided lead: there is nothing to learn from"),
    ],
)
def test_outcomes_of_one_class_are_noted(rows, code, said):
    assert notes(validate(project(), leads(), events(), outcomes(*rows)))[code] == f"outcomes: {said}"


def test_leads_without_any_event_are_noted():
    tables = validate(project(), leads(), events().iloc[:0], outcomes())
    assert notes(tables)["empty"] == "events: no event left: every lead has an empty history"
    assert tables.summary().kinds.empty


def test_a_summary_counts_and_spans():
    done = events(("a", DAY2, "demo"), ("b", DAY3, "pricing_view"), ("a", DAY9, "pricing_view"))
    summary = validate(project(), leads(), done, outcomes()).summary()
    assert summary.rows[["table", "rows"]].values.tolist() == [
        ["leads", 3],
        ["events", 3],
        ["outcomes", 2],
        ["handoffs", 0],
    ]
    assert summary.rows["last"].tolist()[1] == pd.Timestamp(DAY9)
    assert summary.kinds[["kind", "events", "leads"]].values.tolist() == [
        ["pricing_view", 2, 2],
        ["demo", 1, 1],
    ]


def test_one_lead_with_very_many_events():
    times = pd.date_range("2026-01-02", periods=100_000, freq="s", tz="UTC")
    done = pd.DataFrame({"lead_id": "a", "occurred_at": [*times, *times[:5]], "kind": "demo"})
    tables = validate(project(), leads(), done)
    assert (tables.events.num_rows, notes(tables)["duplicates"]) == (
        100_000,
        "events: 5 repeated rows dropped",
    )


LEAD = st.sampled_from(["d", "d", "a", "b", "c", "zz", " a", "", None])
TIME = st.sampled_from([DAY1, DAY2, DAY3, DAY9, "2025-06-01T00:00:00Z", "2026-01-02 10:00:00", "?", "", None])
EVENT = st.tuples(
    LEAD,
    TIME,
    st.sampled_from(["demo", "pricing_view", "other", "", None]),
    st.sampled_from(["e1", "e2", None]),
    st.sampled_from([1.0, np.nan, np.inf]),
    TIME,
)
OTHERS = LEAD.filter(lambda lead: lead != "d")  # so that one lead always stays
OUTCOME = st.tuples(OTHERS, st.sampled_from(["won", "lost", "Won", "", None]), TIME)
HANDOFF = st.tuples(OTHERS, TIME, TIME)


@given(
    st.lists(st.tuples(OTHERS, TIME), max_size=6),
    st.lists(EVENT, max_size=12),
    st.lists(OUTCOME, max_size=5),
    st.lists(HANDOFF, max_size=5),
)
def test_rows_in_are_rows_kept_or_counted(people, done, decided, handed):
    given_rows = {
        "leads": pd.DataFrame([*people, ("d", DAY1)], columns=["lead_id", "created_at"]),
        "events": pd.DataFrame(done, columns=list(NAMED)),
        "outcomes": pd.DataFrame(decided, columns=["lead_id", "outcome", "decided_at"]),
        "handoffs": handoffs(*handed),
    }
    plain = project(attributes={})
    tables = validate(plain, **given_rows, quarantine=True)
    for name, frame in given_rows.items():
        aside = sum(note.rows for note in tables.notes if note.table == name and note.set_aside)
        assert len(frame) == len(getattr(tables, name)) + aside
    if tables.bad.empty:
        assert validate(plain, **given_rows).events.equals(tables.events)
    else:
        with pytest.raises(BadRowsError):
            validate(plain, **given_rows)
