"""Leads as decoded JSON: the same timelines as from tables, and every mistake as data, whatever the JSON is."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness import timelines, wire
from lead_readiness.errors import DataError
from lead_readiness.moments import written
from lead_readiness.project import Project
from lead_readiness.tables import validate
from lead_readiness.timelines import NEVER, Timelines
from lead_readiness.wire import BadValuesError, Mistake, read, read_events


def project(**more: object) -> Project:
    return Project.model_validate(
        {
            "name": "Acme",
            "vocabulary": {k: {"behaviour": "web"} for k in ("visit", "pricing_page_viewed", "demo")},
            "attributes": {"sector": "category", "people": "number"},
            **more,
        }
    )


PROJECT = project()
BERLIN = project(timezone="Europe/Berlin")
LEAD = {"lead_id": "a", "created_at": "2026-05-01T00:00:00Z"}
EVENT = {"occurred_at": "2026-05-04T09:30:00Z", "kind": "visit"}
CALL = {"type": "track", "userId": "a", "event": "visit", "timestamp": "2026-05-04T09:30:00Z"}
AT = 1_777_887_000_000_000


def one(means: Project = PROJECT, **more: object) -> wire.Read:
    return read(means, [{**LEAD, **more}])


def mistakes(leads: object, means: Project = PROJECT, **limits: int) -> list[Mistake]:
    with pytest.raises(BadValuesError) as refused:
        read(means, leads, **limits)
    return list(refused.value.mistakes)


def mistake(means: Project = PROJECT, **more: object) -> Mistake:
    (found,) = mistakes([{**LEAD, **more}], means)
    return found


# The same as from tables


def moment(span: int = 40) -> st.SearchStrategy[int]:
    """A moment in the days after the first of January 2026, many of them the same."""
    start = 1_767_225_600_000_000
    return st.integers(0, span).map(lambda n: start + n * 7_200_000_000 + n % 3)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def leads(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A company as JSON that keeps the contract."""
    found, taken = [], 0
    ids = draw(
        st.lists(
            st.sampled_from(["a", "b", "c", "é", "10", "𝔷", "acme"]), min_size=1, max_size=5, unique=True
        )
    )
    for lead_id in ids:
        created = draw(moment(5))
        events = []
        for _ in range(draw(st.integers(0, 6))):
            occurred = draw(moment())
            event = {
                "occurred_at": written(occurred),
                "kind": draw(st.sampled_from(["visit", "demo", "pricing_page_viewed", "yawn"])),
                "recorded_at": draw(
                    maybe(st.integers(0, 3).map(lambda n, at=occurred: written(at + n * 3_600_000_001)))
                ),
                "value": draw(maybe(st.sampled_from([0.0, -0.0, 1, 2.5, 0.1, math.nan]))),
                "asset": draw(maybe(st.sampled_from(["/", "/b", "/é", ""]))),
            }
            if draw(st.booleans()):
                taken += 1
                event["event_id"] = f"e{taken}"
            events.append(event)
            if draw(st.booleans()):
                again = {**event, "recorded_at": written(occurred + draw(st.integers(0, 2)))}
                events.append(again if "event_id" in event else dict(event))
        lead: dict[str, Any] = {
            "lead_id": lead_id,
            "created_at": written(created),
            "account_id": draw(maybe(st.sampled_from(["acme", "b", ""]))),
            "attributes": {
                "sector": draw(maybe(st.sampled_from(["bank", "", "7"]))),
                "people": draw(maybe(st.sampled_from([3, 4.5, math.nan]))),
            },
            "events": draw(st.permutations(events)),
        }
        if draw(st.booleans()):
            decided = created + draw(st.integers(2, 9)) * 3_600_000_000
            lead["outcome"] = {
                "outcome": draw(st.sampled_from(["won", "lost", "disqualified"])),
                "decided_at": written(decided),
                "opportunity_at": draw(maybe(st.just(written(decided - 3_600_000_000)))),
                "amount": draw(maybe(st.sampled_from([12, 0.5]))),
            }
        begin, stays = created, []
        for _ in range(draw(st.integers(0, 2))):
            end = begin + draw(st.integers(1, 9)) * 3_600_000_000
            reason = draw(maybe(st.sampled_from(["price", "Not_Now", "holiday"])))
            stays.append({"handed_off_at": written(begin), "returned_at": written(end), "reason": reason})
            begin = end
        if stays and draw(st.booleans()):
            stays[-1]["returned_at"] = None
        lead["handoffs"] = draw(st.permutations(stays))
        found.append(lead)
    return found


def as_tables(leads: list[dict[str, Any]], means: Project) -> Timelines:
    """The timelines that the contract's tables of the same rows give."""

    def frame(rows: list[dict[str, Any]], *names: str, numbers: tuple[str, ...] = ()) -> pd.DataFrame:
        columns = {n: [None if r.get(n) == "" else r.get(n) for r in rows] for n in names}
        return pd.DataFrame(
            {n: pd.array(c, "float64" if n in numbers else "str") for n, c in columns.items()}
        )

    def under(key: str) -> list[dict[str, Any]]:
        return [{"lead_id": x["lead_id"], **row} for x in leads for row in x.get(key) or []]

    people = [{**x, **x["attributes"]} for x in leads]
    decided = [{"lead_id": x["lead_id"], **x["outcome"]} for x in leads if "outcome" in x]
    checked = validate(
        means,
        frame(people, "lead_id", "created_at", "account_id", "sector", "people", numbers=("people",)),
        frame(
            under("events"), "lead_id", "occurred_at", "kind", "recorded_at", "value", "asset", "event_id",
            numbers=("value",),
        ),
        frame(decided, "lead_id", "outcome", "decided_at", "opportunity_at", "amount", numbers=("amount",)),
        frame(under("handoffs"), "lead_id", "handed_off_at", "returned_at", "reason"),
    )  # fmt: skip
    return timelines.build(checked, means)


def contents(known: Timelines) -> dict[str, object]:
    """Everything that timelines hold, arrays as their type and bytes."""
    found = {**vars(known), **known.attributes, "ids": [known.event_id(e) for e in range(len(known.time))]}
    del found["event_ids"], found["attributes"]
    return {
        name: (str(v.dtype), v.tolist() if v.dtype == object else v.tobytes())
        if isinstance(v, np.ndarray)
        else v
        for name, v in found.items()
    }


@given(leads(), st.sampled_from([PROJECT, project(cut="2026-01-02T00:00:00Z")]))
def test_the_same_timelines_as_from_tables(company: list[dict[str, Any]], means: Project) -> None:
    found = read(means, company)
    assert contents(found.timelines) == contents(as_tables(company, means))
    assert [found.timelines.lead_ids[n] for n in found.lead] == [x["lead_id"] for x in company]
    yawns = sum(e["kind"] == "yawn" for x in company for e in x["events"])
    assert found.unknown_kinds == ({"yawn": yawns} if yawns else {})


def test_an_account_of_a_crowd_is_none() -> None:
    crowd = [{**LEAD, "lead_id": f"{n:03}", "account_id": "mail", "attributes": {}} for n in range(201)]
    found = read(PROJECT, crowd)
    assert contents(found.timelines) == contents(as_tables(crowd, PROJECT))
    assert [note.code for note in found.notes] == ["crowded_account"]


# Times


@pytest.mark.parametrize(
    "text",
    ["2026-05-04T09:30:00Z", "2026-05-04 09:30Z", "2026-05-04T11:30:00+02:00", "2026-05-04 11:30:00.000000+0200",
     "2026-05-04 09:30:00 UTC", "2026-05-04T09:30:00z", "2026-05-04T09:30:00.0000009Z", "2026-05-04T11:30+02",
     datetime(2026, 5, 4, 9, 30, tzinfo=UTC), datetime(2026, 5, 4, 10, 30, tzinfo=timezone(timedelta(hours=1)))],
)  # fmt: skip
def test_a_time_in_many_ways(text: object) -> None:
    assert one(events=[{**EVENT, "occurred_at": text}]).timelines.time.tolist() == [AT]


@pytest.mark.parametrize(
    ("text", "unclear"),
    [("2026-05-04T11:30", 0), ("2026-05-04", 0), ("2026-03-29T02:30:00", 1), ("2026-03-29T01:59:59.999999", 0),
     ("2026-03-29T03:00", 0), ("2026-10-25T02:00", 1), ("2026-10-25T02:30", 1), ("2026-10-25T03:00", 0)],
)  # fmt: skip
def test_local_times_are_read_as_in_tables(text: str, unclear: int) -> None:
    lead = {**LEAD, "attributes": {}, "events": [{**EVENT, "occurred_at": text}]}
    found = read(BERLIN, [lead])
    assert found.timelines.time.tolist() == as_tables([lead], BERLIN).time.tolist()
    assert sum(note.rows for note in found.notes if note.code == "clock_change") == unclear


@pytest.mark.parametrize(
    ("value", "found", "expected"),
    [
        ("2026-05-04T09:30", "'2026-05-04T09:30'", "a time zone in the value, such as"),
        ("4 May", "'4 May'", "an ISO 8601 date and time such as"),
        ("20260504T093000Z", "'20260504T093000Z'", "an ISO 8601 date and time such as"),
        ("2026-W19-1", "'2026-W19-1'", "an ISO 8601 date and time such as"),
        ("2026-02-30T00:00Z", "'2026-02-30T00:00Z'", "an ISO 8601 date and time such as"),
        ("0001-01-01T00:00:00+14:00", "'0001-01-01T00:00:00+14:00'", "a date between 1970 and 2199"),
        ("9999-12-31T23:59:59-14:00", "'9999-12-31T23:59:59-14:00'", "a date between 1970 and 2199"),
        (1_777_887_000, "1777887000", "an ISO 8601 date and time such as"),
        (True, "true", "an ISO 8601 date and time such as"),
        ("", "nothing", "an ISO 8601 date and time such as"),
        (None, "nothing", "an ISO 8601 date and time such as"),
        ({}, "an object", "an ISO 8601 date and time such as"),
        ("\ud800", r"'\ud800'", "an ISO 8601 date and time such as"),
    ],
)
def test_a_time_that_is_none(value: object, found: str, expected: str) -> None:
    said = mistake(events=[EVENT, {**EVENT, "occurred_at": value}])
    assert (said.where, said.found) == ("/leads/0/events/1/occurred_at", found)
    assert said.expected.startswith(expected)


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59:59.999999"])
def test_local_times_at_the_ends_of_time(text: str) -> None:
    assert mistake(BERLIN, created_at=text).expected == "a date between 1970 and 2199"


# Other values


@pytest.mark.parametrize(
    ("more", "where", "found"),
    [
        ({"lead_id": " a"}, "/leads/0/lead_id", "' a'"),
        ({"lead_id": 1.5}, "/leads/0/lead_id", "1.5"),
        ({"lead_id": True}, "/leads/0/lead_id", "true"),
        ({"lead_id": 10**400}, "/leads/0/lead_id", "a number of 1,329 bits"),
        ({"lead_id": "a\0"}, "/leads/0/lead_id", r"'a\x00'"),
        ({"lead_id": None}, "/leads/0/lead_id", "nothing"),
        ({"account_id": []}, "/leads/0/account_id", "a list of 0"),
        ({"attributes": {"people": "many"}}, "/leads/0/attributes/people", "'many'"),
        ({"attributes": {"people": True}}, "/leads/0/attributes/people", "true"),
        ({"attributes": {"people": math.inf}}, "/leads/0/attributes/people", "inf"),
        ({"attributes": {"people": 10**400}}, "/leads/0/attributes/people", "a number of 1,329 bits"),
        ({"attributes": {"sector": ["bank"]}}, "/leads/0/attributes/sector", "a list of 1"),
        ({"attributes": {"sector": "\udfff"}}, "/leads/0/attributes/sector", r"'\udfff'"),
        ({"attributes": "bank"}, "/leads/0/attributes", "'bank'"),
        ({"events": {}}, "/leads/0/events", "an object"),
        ({"events": [None]}, "/leads/0/events/0", "nothing"),
        ({"events": [{**EVENT, "kind": 3}]}, "/leads/0/events/0/kind", "3"),
        ({"events": [{**EVENT, "value": 1e31}]}, "/leads/0/events/0/value", "1e+31"),
        ({"events": [{**EVENT, "asset": 7}]}, "/leads/0/events/0/asset", "7"),
        ({"events": [{**EVENT, "recorded_at": "2026-05-04T09:29:59Z"}]}, "/leads/0/events/0/recorded_at",
         "'2026-05-04T09:29:59Z'"),
        ({"events": [{**EVENT, "lead_id": "b"}]}, "/leads/0/events/0/lead_id", "'b'"),
        ({"events": [{**EVENT, "event_id": "1"}, {**EVENT, "event_id": 1, "value": 2}]},
         "/leads/0/events/1/event_id", "'1'"),
        ({"outcome": "won"}, "/leads/0/outcome", "'won'"),
        ({"outcome": {"outcome": "Won", "decided_at": "2026-05-05"}}, "/leads/0/outcome/outcome", "'Won'"),
        ({"outcome": {"outcome": "won"}}, "/leads/0/outcome/decided_at", "nothing"),
        ({"outcome": {"outcome": "won", "decided_at": "2026-04-05"}}, "/leads/0/outcome/decided_at", "'2026-04-05'"),
        ({"outcome": {"outcome": "won", "decided_at": "2026-05-05", "opportunity_at": "2026-05-06"}},
         "/leads/0/outcome/opportunity_at", "'2026-05-06'"),
        ({"handoffs": [{"handed_off_at": "2026-05-05", "returned_at": "2026-05-04"}]},
         "/leads/0/handoffs/0/returned_at", "'2026-05-04'"),
        ({"handoffs": [{"handed_off_at": "2026-05-05"}, {"handed_off_at": "2026-05-06"}]},
         "/leads/0/handoffs/1/handed_off_at", "'2026-05-06'"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used(more: dict[str, object], where: str, found: str) -> None:
    said = mistake(project(timezone="UTC"), **more)
    assert (said.where, said.found) == (where, found)
    assert said.expected and said.do


def test_whole_numbers_are_ids_and_levels_as_they_print() -> None:
    found = one(lead_id=7, attributes={"sector": 12}, events=[{**EVENT, "event_id": 9}]).timelines
    assert (found.lead_ids[0], found.attributes["sector"][0], found.event_id(0)) == ("7", "12", "9")


def test_an_outcome_without_word_and_date_is_undecided() -> None:
    for nothing in (None, {}, {"outcome": ""}, {"outcome": None, "decided_at": ""}):
        assert one(outcome=nothing).timelines.decided.tolist() == [NEVER]


@pytest.mark.parametrize(
    ("leads", "where", "expected"),
    [
        ([], "/leads", "at least one lead"),
        ({}, "/leads", "a list of leads"),
        ([LEAD, LEAD], "/leads/1/lead_id", "one object for each lead"),
        ([LEAD] * 3, "/leads", "at most 2 in one call"),
        ([{**LEAD, "events": [EVENT] * 3}, {**LEAD, "events": [EVENT] * 3}], "/leads/1/events",
         "at most 5 events in one call"),
    ],
    ids=["no lead", "no list", "a lead twice", "too many leads", "too many events"],
)  # fmt: skip
def test_leads_that_cannot_be_used(leads: object, where: str, expected: str) -> None:
    (said,) = mistakes(leads, most_leads=2, most_events=5)
    assert (said.where, said.expected) == (where, expected)


def test_all_mistakes_come_at_once_up_to_a_limit() -> None:
    bad = [{"lead_id": "", "events": [{}, 1]}, {"created_at": "?"}]
    found = mistakes(bad)
    assert [m.where for m in found] == [
        "/leads/0/lead_id", "/leads/0/created_at", "/leads/0/events/0/kind", "/leads/0/events/1",
        "/leads/1/lead_id", "/leads/1/created_at",
    ]  # fmt: skip
    with pytest.raises(DataError, match="2 or more values that cannot be used") as refused:
        read(PROJECT, bad, most_mistakes=2)
    assert isinstance(refused.value, BadValuesError) and refused.value.cut


def test_what_was_done_unasked_is_told() -> None:
    early = {**EVENT, "occurred_at": "2026-04-01T00:00:00Z"}
    found = one(events=[EVENT, EVENT, early, {**EVENT, "kind": "yawn"}], attributes={"sektor": "bank"})
    assert found.unknown_kinds == {"yawn": 1}
    assert sorted(map(str, found.notes)) == [
        "events: 1 row before the lead's creation kept: anonymous history",
        "events: repeated: 1 row dropped",
        "leads: attributes that the project lacks not read: 'sektor'",
    ]


# Segment-style calls


@pytest.mark.parametrize(
    ("more", "name", "value"),
    [
        ({"event": "Pricing Page Viewed"}, "kind", "pricing_page_viewed"),
        ({"event": "pricing-page viewed!"}, "kind", "pricing_page_viewed"),
        ({"messageId": "m1"}, "event_id", "m1"),
        ({"receivedAt": "2026-05-04T09:30:01Z", "sentAt": "2026-05-04T09:29:00Z"}, "recorded", AT + 1_000_000),
        ({"receivedAt": "2026-05-04T09:29:59Z"}, "recorded", AT),
        ({"sentAt": "2026-05-04T09:30:01Z"}, "recorded", AT + 1_000_000),
        ({"properties": {"value": 3, "colour": {}}}, "value", 3.0),
        ({"properties": {"path": "/a", "url": "https://acme.example/b"}}, "asset", "/a"),
        ({"properties": {"url": "https://acme.example/b?c=1"}}, "asset", "/b"),
        ({"properties": {"url": "https://[broken"}}, "asset", "https://[broken"),
        ({"properties": None}, "asset", None),
    ],
)  # fmt: skip
def test_a_track_call_is_an_event(more: dict[str, object], name: str, value: object) -> None:
    call = {**CALL, **more}
    (event,) = read_events(PROJECT, [call]).events
    assert getattr(event, name) == value
    assert (event.lead_id, event.occurred) == ("a", AT)
    assert one(events=[call]).timelines.time.tolist() == [AT]


@pytest.mark.parametrize(
    ("more", "where"),
    [({"userId": None}, "/events/0/userId"), ({"event": ""}, "/events/0/event"),
     ({"timestamp": 1.7e9}, "/events/0/timestamp"), ({"properties": []}, "/events/0/properties"),
     ({"properties": {"value": "x"}}, "/events/0/properties/value"), ({"messageId": " "}, "/events/0/messageId")],
)  # fmt: skip
def test_a_track_call_that_cannot_be_used(more: dict[str, object], where: str) -> None:
    with pytest.raises(BadValuesError) as refused:
        read_events(PROJECT, [{**CALL, **more}])
    assert [m.where for m in refused.value.mistakes] == [where]


def test_events_of_any_lead_keep_their_order() -> None:
    arrived = read_events(PROJECT, [{**EVENT, "lead_id": "b"}, {**EVENT, "kind": "yawn"}, CALL])
    assert [event.lead_id for event in arrived.events] == ["b", "a"]
    assert arrived.unknown_kinds == {"yawn": 1}


# Anything

SCRAPS = st.sampled_from(
    ["", "a", " a", "visit", "track", "won", "2026-05-04", "2026-05-04T09:30:00Z", "2026-13-45T99:99Z", "0001-01-01",
     "9999-12-31T23:59:59-23:59", "\0", "\ud800", "😀", "1e999", True, False, 0, -1, 2**63, 10**400, 1.5,
     math.nan, math.inf, -math.inf, None]
)  # fmt: skip
KEYS = st.sampled_from(
    ["lead_id", "created_at", "account_id", "attributes", "events", "outcome", "handoffs", "occurred_at", "kind",
     "event_id", "recorded_at", "value", "asset", "type", "userId", "event", "timestamp", "messageId", "receivedAt",
     "sentAt", "properties", "path", "url", "sector", "people", "decided_at", "opportunity_at", "amount", "reason",
     "handed_off_at", "returned_at", "~/"]
)  # fmt: skip
ANYTHING = st.recursive(
    SCRAPS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=40,
)
MUDDLED = st.fixed_dictionaries(
    {"lead_id": SCRAPS, "created_at": SCRAPS},
    optional={
        "account_id": SCRAPS,
        "attributes": st.dictionaries(KEYS, SCRAPS, max_size=3) | ANYTHING,
        "events": st.lists(st.dictionaries(KEYS, SCRAPS, max_size=8) | st.just(EVENT) | ANYTHING, max_size=4),
        "outcome": st.dictionaries(KEYS, SCRAPS, max_size=4) | ANYTHING,
        "handoffs": st.lists(st.dictionaries(KEYS, SCRAPS, max_size=4) | ANYTHING, max_size=3),
    },
)


@given(ANYTHING | st.lists(MUDDLED | ANYTHING, max_size=3), st.sampled_from([PROJECT, BERLIN]))
def test_whatever_comes_is_read_or_refused_with_its_mistakes(anything: object, means: Project) -> None:
    for reader in (read, read_events):
        try:
            reader(means, anything)
        except BadValuesError as refused:
            assert refused.mistakes
            json.dumps([vars(m) for m in refused.mistakes]).encode("ascii")
            str(refused).encode()


def test_nesting_as_deep_as_it_may_be_is_refused() -> None:
    deep: object = "bottom"
    for _ in range(100_000):
        deep = [deep]
    assert mistake(account_id=deep).found == "a list of 1"
    assert mistake(events=deep).where == "/leads/0/events/0"


def test_empty_objects_lack_what_they_need() -> None:
    assert [m.where for m in mistakes([{}])] == ["/leads/0/lead_id", "/leads/0/created_at"]
    assert mistake(handoffs=[{}]).where == "/leads/0/handoffs/0/handed_off_at"
