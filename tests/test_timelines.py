"""Tables become timelines: sorted slices, whatever the order of rows."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from histories import MONDAY, Event, Handoff, Lead, Outcome, build, day, kinds, tables
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness import timelines
from lead_readiness.project import Project
from lead_readiness.timelines import DAY, LOST, NEVER, NONE, RETURN_REASONS, WON, Timelines

PROJECT = Project(
    name="Acme",
    vocabulary=kinds(visit="up", email="up"),
    attributes={"sector": {"type": "category"}, "people": {"type": "number"}},
)


def moments(known: Timelines, lead: str) -> list[float]:
    i = known.find(lead)
    return ((known.time[known.start[i] : known.start[i + 1]] - MONDAY) / DAY).tolist()


def test_leads_stand_by_account_and_id() -> None:
    known = build(
        [Lead("z", account="A"), Lead("m"), Lead("b", account="A"), Lead("c", account="B")], PROJECT
    )
    assert known.lead_ids.tolist() == ["b", "z", "c", "m"]
    assert known.account.tolist() == [0, 0, 1, 2]
    assert known.account_start.tolist() == [0, 2, 3, 4]
    assert known.accounts_known


def test_a_lead_named_like_an_account_is_no_colleague_of_it() -> None:
    known = build([Lead("A"), Lead("x", account="A"), Lead("y", account="A")], PROJECT)
    assert known.lead_ids.tolist() == ["x", "y", "A"]
    assert known.account.tolist() == [0, 0, 1]


def test_without_accounts_every_lead_stands_alone() -> None:
    known = build([Lead("b"), Lead("a")], PROJECT)
    assert known.account.tolist() == [0, 1]
    assert not known.accounts_known


def test_a_lead_s_events_stand_by_time_kind_asset_and_value() -> None:
    history = [
        Event(day(2), "visit"),
        Event(day(1), "email"),
        Event(day(1), "visit", value=2.0, asset="b"),
        Event(day(1), "visit", value=1.0, asset="b"),
        Event(day(1), "visit", value=None, asset="b"),
        Event(day(1), "visit", asset="a"),
        Event(day(1), "visit"),
    ]
    known = build([Lead("x", events=tuple(history))], PROJECT)
    assert known.time.tolist() == [day(1)] * 6 + [day(2)]
    assert [PROJECT.kinds[k] for k in known.kind] == ["visit"] * 5 + ["email", "visit"]
    assert known.asset.tolist() == [-1, 0, 1, 1, 1, -1, -1]
    assert known.assets == ("a", "b")
    assert known.value.tolist()[3:5] == [1.0, 2.0] and np.isnan(known.value[2])


def test_events_keep_their_ids() -> None:
    known = build(
        [Lead("x", events=(Event(day(2), "visit", id="late"), Event(day(1), "visit", id="soon")))], PROJECT
    )
    assert [known.event_id(e) for e in range(2)] == ["soon", "late"]
    without = build([Lead("x", events=(Event(day(2), "visit"),))], PROJECT)
    assert without.event_id(0) is None


def test_what_is_missing() -> None:
    known = build([Lead("x", events=(Event(day(1), "visit"),))], PROJECT)
    assert (
        np.isnan(known.value).all() and known.asset.tolist() == [-1] and known.recorded.tolist() == [day(1)]
    )
    assert known.outcome.tolist() == [NONE] and known.decided.tolist() == [NEVER] == known.opened.tolist()
    assert known.attributes["sector"].tolist() == [None] and np.isnan(known.attributes["people"]).all()
    assert known.attributes["people"].dtype == np.float64


@pytest.mark.parametrize(
    ("outcome", "code", "opportunity", "opened"),
    [
        (Outcome("won", day(9), opportunity=day(7)), WON, day(7), day(7)),
        (Outcome("won", day(9)), WON, NEVER, day(9)),
        (Outcome("lost", day(9), opportunity=day(7)), LOST, day(7), NEVER),
        (None, NONE, NEVER, NEVER),
    ],
)
def test_the_winning_moment(outcome: Outcome | None, code: int, opportunity: int, opened: int) -> None:
    known = build([Lead("w", outcome=outcome), Lead("x")], PROJECT)
    assert (known.outcome[0], known.opportunity[0], known.opened[0]) == (code, opportunity, opened)
    assert known.decided.tolist() == [outcome.decided if outcome else NEVER, NEVER]


def test_handoffs_stand_by_time_with_their_reasons() -> None:
    passed = (
        Handoff(day(20)),
        Handoff(day(3), day(5), "No_Response "),
        Handoff(day(8), day(9), "bad phone number"),
    )
    known = build([Lead("w"), Lead("x", handoffs=passed)], PROJECT)
    assert known.handoff_start.tolist() == [0, 0, 3]
    assert known.handed_off.tolist() == [day(3), day(8), day(20)]
    assert known.returned.tolist() == [day(5), day(9), NEVER]
    assert known.return_reason.tolist() == [
        RETURN_REASONS.index("no response"),
        RETURN_REASONS.index("other"),
        -1,
    ]


@pytest.mark.parametrize(
    ("lead", "cut"),
    [
        (Lead("x"), MONDAY),
        (Lead("x", events=(Event(day(3), "visit", late=DAY),)), day(4)),
        (Lead("x", outcome=Outcome("lost", day(8))), day(8)),
        (Lead("x", handoffs=(Handoff(day(8), day(9)),)), day(9)),
    ],
)
def test_without_a_cut_the_last_record_is_the_cut(lead: Lead, cut: int) -> None:
    assert build([lead], PROJECT).cut == cut


def test_a_cut_keeps_its_microseconds_and_hides_what_was_decided_later() -> None:
    cut = datetime(2026, 1, 15, 9, 30, 59, 123457, tzinfo=UTC)
    project = PROJECT.model_copy(update={"cut": cut})
    leads = [
        Lead("a", outcome=Outcome("won", day(10), amount=5.0)),
        Lead("b", outcome=Outcome("won", day(11), opportunity=day(10), amount=7.0)),
    ]
    known = build(leads, project)
    assert known.cut == 1_768_469_459_123_457
    assert known.outcome.tolist() == [WON, NONE]
    assert known.decided.tolist() == known.opened.tolist() == [day(10), NEVER]
    assert known.opportunity.tolist() == [NEVER, NEVER]
    assert known.amount[0] == 5.0 and np.isnan(known.amount[1])


@pytest.mark.parametrize(
    ("cut", "outcome"), [(day(9), NONE), (day(10) - 1, NONE), (day(10), WON), (day(11), WON)]
)
def test_as_known_at(cut: int, outcome: int) -> None:
    known = build([Lead("a", outcome=Outcome("won", day(10), opportunity=day(9)))], PROJECT).as_known_at(cut)
    assert known.outcome.tolist() == [outcome]
    assert known.opened.tolist() == [day(9) if outcome else NEVER]
    assert known.cut == min(cut, day(10))


def test_an_unknown_lead_is_not_found() -> None:
    with pytest.raises(KeyError, match="nobody"):
        build([Lead("x")], PROJECT).find("nobody")


@given(
    st.lists(
        st.builds(
            Event,
            st.integers(0, 3).map(day),
            st.sampled_from(PROJECT.kinds),
            st.integers(0, 2),
            st.sampled_from([None, 1.0, 2.0]),
            st.sampled_from([None, "a", "🙂"]),
        ),
        max_size=60,
    ),
    st.integers(0, 99),
)
def test_the_order_of_rows_makes_no_difference(events: list[Event], seed: int) -> None:
    people = [
        Lead("a", account="A", events=tuple(events[::3]), attributes={"sector": "bank"}),
        Lead(
            "עברית",
            account="A",
            events=tuple(events[1::3]),
            handoffs=(Handoff(day(1), day(2)), Handoff(day(3))),
        ),
        Lead("c", events=tuple(events[2::3]), outcome=Outcome("won", day(5)), attributes={"people": 7.0}),
    ]
    one, other = build(people, PROJECT), build(people, PROJECT, shuffle=seed)
    for column in fields(Timelines):
        if column.name not in ("order", "event_ids", "attributes"):
            np.testing.assert_array_equal(getattr(one, column.name), getattr(other, column.name), column.name)
    for name in PROJECT.attributes:
        np.testing.assert_array_equal(one.attributes[name], other.attributes[name])


def test_dictionaries_and_chunks_give_the_same_as_plain_columns() -> None:
    people = [Lead(x, events=tuple(Event(day(n), "visit", asset=x) for n in range(3))) for x in "ab"]
    plain = tables(people, PROJECT)
    events = plain.events
    for name in ("lead_id", "kind", "asset"):
        place = events.column_names.index(name)
        events = events.set_column(place, name, events[name].dictionary_encode())
    halves = pa.concat_tables([events.slice(3), events.slice(0, 3)])
    one, other = timelines.build(plain, PROJECT), timelines.build(replace(plain, events=halves), PROJECT)
    for name in ("time", "kind", "asset", "start"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.assets == other.assets


@pytest.mark.parametrize(
    "times",
    [np.arange(100_000), np.zeros(100_000), np.arange(100_000) // 50],
    ids=["one after another", "all at once", "fifty at a time"],
)
def test_a_hundred_thousand_events_of_one_lead(times: np.ndarray) -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    shuffled = rng.permutation(times.astype(np.int64))
    value = rng.integers(0, 9, len(shuffled)).astype(np.float64)
    stamp, n = pa.timestamp("us", "UTC"), len(shuffled)
    plain = tables([Lead("before"), Lead("bot"), Lead("other")], PROJECT)
    events = pa.table(
        {
            "lead_id": pa.array(["bot"]).take(pa.array(np.zeros(n, int))),
            "occurred_at": pa.array(MONDAY + shuffled, stamp),
            "recorded_at": pa.array(MONDAY + shuffled, stamp),
            "kind": pa.array(["visit"]).take(pa.array(np.zeros(n, int))),
            "value": value,
            "asset": pa.nulls(n, pa.string()),
            "event_id": pa.nulls(n, pa.string()),
        }
    )
    known = timelines.build(replace(plain, events=events), PROJECT)
    by = np.lexsort((value, shuffled))
    assert known.start.tolist() == [0, 0, n, n]
    assert np.array_equal(known.time - MONDAY, shuffled[by])
    assert np.array_equal(known.value, value[by])


def same(one: Timelines, other: Timelines) -> None:
    for name in {field.name for field in fields(Timelines)} - {"event_ids"}:
        np.testing.assert_equal(getattr(one, name), getattr(other, name))
    assert one.event_ids is other.event_ids


TWO = [
    Lead(
        "a",
        account="A",
        events=(
            Event(day(2), "visit", id="1"),
            Event(day(1), "email", late=DAY, value=2.0, id="2"),
            Event(day(1), "email", late=DAY, value=2.0, id="3"),
        ),
        handoffs=(Handoff(day(4), day(5), "price"),),
        outcome=Outcome("won", day(9)),
    ),
    Lead("b", account="A", events=(Event(day(1), "visit", asset="/p", id="4"), Event(day(3), "visit"))),
    Lead("c"),
]


@given(st.permutations(range(5)))
def test_the_same_events_in_any_order_give_the_same_timelines(order: list[int]) -> None:
    known = build(TWO, PROJECT)
    at = np.array(order)
    mixed = timelines.with_events(known, known.owner[at], known.events(at), known.order[at])
    for name in ("start", "time", "recorded", "kind", "value", "asset"):
        np.testing.assert_array_equal(getattr(mixed, name), getattr(known, name))
    assert {mixed.event_id(e) for e in range(5)} == {"1", "2", "3", "4", None}
    every = np.arange(5)
    same(timelines.with_events(known, known.owner, known.events(every), known.order), known)


def test_events_left_out_are_as_if_never_seen() -> None:
    known = build(TWO, PROJECT)
    keep = known.kind == PROJECT.kinds.index("visit")
    left = timelines.with_events(known, known.owner[keep], known.events(keep), known.order[keep])
    assert [moments(left, lead) for lead in "abc"] == [[2], [1, 3], []]
    assert [left.event_id(e) for e in range(3)] == ["1", "4", None]
    assert (left.outcome.tolist(), left.cut) == (known.outcome.tolist(), known.cut)


def test_an_added_event_stands_in_its_place_without_an_id() -> None:
    known = build(TWO, PROJECT)
    owner, events = np.append(known.owner, np.int32(2)), known.events(np.array([0, 1, 2, 3, 4, 0]))
    more = timelines.with_events(known, owner, events, np.append(known.order, -1))
    assert moments(more, "c") == [1]
    assert [more.event_id(e) for e in range(6)] == ["2", "3", "1", "4", None, None]


def test_timelines_may_lose_every_event() -> None:
    known = build(TWO, PROJECT)
    none = np.zeros(0, np.int64)
    bare = timelines.with_events(known, known.owner[none], known.events(none), none)
    assert (bare.start.tolist(), len(bare.time), len(bare)) == ([0, 0, 0, 0], 0, 3)
