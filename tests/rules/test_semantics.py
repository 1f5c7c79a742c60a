"""The meaning of each key, example by example: docs/rule-book.md in numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from rule_company import PROJECT, Event, Lead, book, events, points, replay

from lead_readiness import rules

DOCUMENT = Path(__file__).parents[2] / "docs" / "rule-book.md"
PAGE = {"kind": "page_view"}
STEPS = {"steps": [{"after_days": 10, "factor": 0.5}, {"after_days": 20, "factor": 0}]}


def worth(rule: dict[str, Any], *lines: str, day: float = 100.0, **more: Any) -> float:
    return points(book(rule, **more), *lines, day=day)


@pytest.mark.parametrize(
    ("when", "lines", "expected"),
    [
        (PAGE, ["1 page_view", "2 page_view", "3 email_open"], 20),
        ({"kind": ["page_view", "email_open"]}, ["1 page_view", "3 email_open"], 20),
        ({"kind": "any"}, ["1 page_view", "2 email_sent", "3 sales_call"], 10),
        ({"kind": "email_sent"}, ["2 email_sent"], 10),
        (
            {**PAGE, "asset": "/a*"},
            ["1 page_view /a", "2 page_view /ab", "3 page_view /b", "4 page_view"],
            20,
        ),
        ({**PAGE, "asset": ["/a", "/b"]}, ["1 page_view /a", "2 page_view /ab", "3 page_view /b"], 20),
        ({**PAGE, "asset": "/A"}, ["1 page_view /a"], 0),
        ({**PAGE, "asset": "*"}, ["1 page_view", "1 page_view /"], 10),
    ],
)
def test_which_events_count(when: dict[str, Any], lines: list[str], expected: float) -> None:
    assert worth({"points": 10, "when": when}, *lines) == expected


@pytest.mark.parametrize(
    ("bounds", "expected"), [({"min": 0.1}, 2), ({"max": 0.1}, 1), ({"min": 0, "max": 5}, 2), ({"min": 6}, 0)]
)
def test_bounds_on_values_include_their_ends_and_no_missing_value(
    bounds: dict[str, float], expected: float
) -> None:
    lead = Lead((Event(1, "page_view", value=0.1), Event(2, "page_view", value=5.0), Event(3, "page_view")))
    assert replay(book({"points": 1, "when": {**PAGE, "value": bounds}}), lead).points[0] == expected


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ({"seniority": "staff"}, [10, 0, 0]),
        ({"seniority": ["staff", "director"]}, [10, 10, 0]),
        ({"employees": {"min": 50}}, [10, 0, 0]),
        ({"employees": {"max": 50}}, [10, 10, 0]),
        ({"seniority": ["staff", "director"], "employees": {"max": 49}}, [0, 10, 0]),
    ],
)
def test_attributes_must_all_be_as_wanted_and_a_missing_one_never_is(
    attribute: dict[str, Any], expected: list[float]
) -> None:
    people = [{"seniority": "staff", "employees": 50.0}, {"seniority": "director", "employees": 9.0}, {}]
    said = replay(book({"points": 10, "when": {"attribute": attribute}}), *(Lead((), who) for who in people))
    assert said.points.tolist() == said.fit.tolist() == expected


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ("1", "2", 10),
        ("1", "8", 10),  # exactly seven days: still within
        ("1", "8.00002", 0),
        ("2", "1", 0),
        ("1", "1", 0),  # the same second: neither is after the other
        ("1", "1.000011", 0),  # 0.95 s later is the same second
        ("1", "1.000012", 10),  # 1.04 s later is the next one
    ],
)
def test_after_is_a_later_second_and_at_most_so_many_days(first: str, then: str, expected: float) -> None:
    when = {"kind": "newsletter_signup", "after": {"kind": "blog_alert_signup", "within_days": 7}}
    lines = [f"{first} blog_alert_signup", f"{then} newsletter_signup"]
    assert worth({"points": 10, "when": when}, *lines) == expected


@pytest.mark.parametrize(
    ("often", "lines", "expected"),
    [
        ({"once": True}, ["1 page_view", "90 page_view"], 10),
        ({"limit": {"count": 2}}, ["1 page_view", "50 page_view", "90 page_view"], 20),
        ({"limit": {"count": 1, "days": 7}}, ["1 page_view", "7 page_view"], 10),
        (
            {"limit": {"count": 1, "days": 7}},
            ["1 page_view", "8 page_view"],
            20,
        ),  # a window of 7 days has passed
        # Day 7 is refused, so that it does not stand in day 8's way: only awards count.
        ({"limit": {"count": 1, "days": 7}}, ["1 page_view", "7 page_view", "8 page_view"], 20),
        ({"limit": {"count": 2, "days": 1}}, ["1 page_view"] * 5, 20),
    ],
)
def test_limits(often: dict[str, Any], lines: list[str], expected: float) -> None:
    assert worth({"points": 10, "when": PAGE, **often}, *lines) == expected


@pytest.mark.parametrize(
    ("decay", "ages", "expected"),
    [
        ("none", [99], [10]),
        ({"half_life_days": 10}, [10, 20, 5], [5, 2.5, 10 * 0.5**0.5]),
        ({"window_days": 10}, [9.9, 10], [10, 0]),
        (STEPS, [9.9, 10, 19.9, 20], [10, 5, 5, 0]),
    ],
)
def test_decay(decay: Any, ages: list[float], expected: list[float]) -> None:
    rule = {"points": 10, "when": PAGE, "decay": decay}
    assert [worth(rule, "0 page_view", day=age) for age in ages] == pytest.approx(expected, abs=1e-6)


def test_a_rules_own_decay_takes_the_place_of_the_books() -> None:
    written = book(
        {"points": 8, "when": PAGE},
        {"points": 8, "when": PAGE, "decay": "none"},
        {"points": -8, "when": PAGE, "decay": {"window_days": 5}},
        decay={"half_life_days": 10},
    )
    assert replay(written, Lead(events("0 page_view")), day=10).contributions.tolist() == [[4, 8, 0]]


CAPPED = {"points": 10, "when": PAGE, "group": "g"}
OTHER = {"points": 30, "when": {"kind": "email_open"}, "group": "g"}
MINUS = {"points": -10, "when": {"kind": "email_click"}, "group": "g"}


@pytest.mark.parametrize(
    ("decay", "lines", "expected"),
    [
        ("none", ["1 page_view"] * 3, [20, 0, 0]),
        ("none", ["1 email_open", "2 page_view"], [0, 20, 0]),  # who comes first takes the room
        ("none", ["1 email_open", "1 page_view"], [5, 15, 0]),  # in one second it is shared in proportion
        ("none", ["1 email_open", "2 email_click", "3 page_view"], [10, 20, -10]),  # points lost make room
        ("none", ["1 email_open", "1 email_click"], [0, 30, -10]),  # in one second too
        ({"half_life_days": 10}, ["80 email_open", "90 page_view"], [5, 5, 0]),  # 20 are 10 on day 90
        ({"window_days": 5}, ["90 email_open", "94 page_view", "96 page_view"], [10, 0, 0]),
        (
            STEPS,
            ["70 email_open", "81 page_view", "91 page_view"],
            [15, 0, 0],
        ),  # room 10 then, all of it later
    ],
)
def test_a_cap_cuts_an_award_when_it_is_made_and_what_is_left_fades(
    decay: Any, lines: list[str], expected: list[float]
) -> None:
    written = book(CAPPED, OTHER, MINUS, groups={"g": {"cap": 20}}, decay=decay)
    said = replay(written, Lead(events(*lines)))
    assert said.contributions[0].tolist() == pytest.approx(expected, abs=1e-5)


def test_a_burst_fades_like_any_other_points() -> None:
    written = book(CAPPED, groups={"g": {"cap": 20}}, decay={"half_life_days": 10})
    assert points(written, *["90 page_view"] * 1000) == 10
    assert points(written, *["80 page_view"] * 1000) == 5


TIERS = {"tiers": {"days": 7, "at": {2: 5, 4: 9}}, "when": PAGE}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["99 page_view"], 0),
        (["99 page_view", "98 page_view"], 5),
        (["99 page_view"] * 3, 5),
        (["99 page_view"] * 7, 9),
        (["93 page_view", "99 page_view"], 0),  # day 93 is just out of the last seven days
        (["93.1 page_view", "99 page_view"], 5),
    ],
)
def test_tiers(lines: list[str], expected: float) -> None:
    assert worth(TIERS, *lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], -15),  # since day 0, when the lead came
        (["71 page_view"], 0),
        (["70 page_view"], -5),
        (["70 page_view", "99 email_open"], -5),
        (["39 page_view"], -15),
        (["39 page_view", "80 unsubscribe"], 0),  # since the reset
    ],
)
def test_silence(lines: list[str], expected: float) -> None:
    rule = {"silence": {"at": {30: -5, 60: -15}}, "when": PAGE}
    assert worth(rule, *lines, reset={"kinds": "unsubscribe"}) == expected


def test_tiers_and_silence_take_the_room_that_awards_leave() -> None:
    quiet = {"silence": {"at": {1: 5}}, "when": {"kind": "webinar"}, "group": "g"}
    written = book(CAPPED, {**TIERS, "group": "g"}, quiet, groups={"g": {"cap": 25}})
    said = replay(written, Lead(events("99 page_view", "98 page_view")))
    assert said.contributions.tolist() == [[20, 2.5, 2.5]]


def test_rules_on_attributes_come_first_in_their_group_and_never_fade() -> None:
    who = {"points": 15, "when": {"attribute": {"seniority": "staff"}}, "group": "g"}
    written = book(CAPPED, who, groups={"g": {"cap": 20}}, decay={"half_life_days": 1})
    said = replay(written, Lead(events("99 page_view"), {"seniority": "staff"}))
    assert said.contributions.tolist() == [[2.5, 15]]


@pytest.mark.parametrize(
    ("lines", "returns", "expected"),
    [
        (["1 page_view", "2 page_view"], (), 20),
        (["1 page_view", "2 unsubscribe", "3 page_view"], (), 10),
        (["2 page_view", "2 unsubscribe"], (), 0),  # the second of the reset is wiped out too
        (["2.000009 page_view", "2.000003 unsubscribe"], (), 0),  # 0.78 and 0.26 s past: the same second
        (["1 page_view", "3 page_view"], (2,), 10),
        (["1 page_view", "3 page_view"], (100,), 20),  # a return at the very moment is not yet known
    ],
)
def test_a_reset_wipes_out_what_came_before(
    lines: list[str], returns: tuple[float, ...], expected: float
) -> None:
    reset = {"kinds": "unsubscribe", "on_recycle": True}
    written = book({"points": 10, "when": PAGE}, reset=reset)
    assert replay(written, Lead(events(*lines), {}, returns)).points[0] == expected


def test_once_starts_again_after_a_reset_and_attributes_stay() -> None:
    written = book(
        {"points": 10, "when": PAGE, "once": True},
        {"points": 3, "when": {"attribute": {"seniority": "staff"}}},
        {"points": 7, "when": {"kind": "email_open", "after": {**PAGE, "within_days": 30}}},
        reset={"on_recycle": True},
        triggers=[{"kind": "demo_request"}],
    )
    lead = Lead(
        events("1 page_view", "2 demo_request", "4 email_open", "5 page_view"), {"seniority": "staff"}, (3,)
    )
    said = replay(written, lead)
    assert said.contributions.tolist() == [[10, 3, 0]]
    assert not said.triggered[0]


@pytest.mark.parametrize(
    ("condition", "lines", "expected"),
    [
        ({"kind": "complaint"}, ["1 complaint"], True),
        ({"kind": "complaint"}, ["1 complaint", "2 unsubscribe"], True),  # exclusions outlast resets
        ({"kind": "complaint"}, ["1 email_open"], False),
        ({"attribute": {"seniority": "staff"}}, [], True),
        ({"attribute": {"seniority": "director"}}, [], False),
        ({"kind": "complaint", "attribute": {"seniority": "director"}}, ["1 complaint"], False),
    ],
)
def test_an_excluded_lead_has_nothing(condition: dict[str, Any], lines: list[str], expected: bool) -> None:
    written = book(
        {"points": 10, "when": PAGE},
        exclude=[condition],
        reset={"kinds": "unsubscribe"},
        triggers=[{"kind": "demo_request"}],
        floor=5,
    )
    said = replay(written, Lead(events(*lines, "9 page_view", "9 demo_request"), {"seniority": "staff"}))
    assert (said.excluded[0], said.triggered[0]) == (expected, not expected)
    assert (said.points[0], said.fired.sum()) == ((0, 0) if expected else (10, 1))


def test_floor_and_ceiling_are_terms_of_their_own() -> None:
    written = book(
        {"points": 70, "when": PAGE}, {"points": -9, "when": {"kind": "email_open"}}, floor=0, ceiling=100
    )
    said = replay(written, *(Lead(events(*lines)) for lines in ([], ["1 page_view"] * 2, ["1 email_open"])))
    assert [t.name for t in said.terms] == ["rule 1", "rule 2", "(floor)", "(ceiling)"]
    assert said.contributions.tolist() == [[0, 0, 0, 0], [140, 0, 0, -40], [0, -9, 9, 0]]
    assert said.points.tolist() == [0, 100, 0]
    assert said.engagement.tolist() == [0, 140, -9]


@pytest.mark.parametrize(
    ("pages", "employees", "grade"),
    [(0, None, "C4"), (1, None, "C3"), (3, 60.0, "B1"), (2, 600.0, "A2"), (0, 600.0, "A4")],
)
def test_grades(pages: int, employees: float | None, grade: str) -> None:
    written = book(
        {"points": 10, "when": PAGE},
        {"points": 5, "when": {"attribute": {"employees": {"min": 50}}}},
        {"points": 5, "when": {"attribute": {"employees": {"min": 500}}}},
        grades={"fit": {"A": 10, "B": 5}, "engagement": {1: 30, 2: 20, 3: 10}},
    )
    said = replay(written, Lead(events(*["1 page_view"] * pages), {"employees": employees}))
    assert said.grade.tolist() == [grade]


def test_only_what_was_visible_counts() -> None:
    written = book({"points": 10, "when": PAGE})
    seen = (Event(1, "page_view"), Event(2, "page_view", late=5), Event(9, "page_view"))
    days = {1: 0, 1.5: 10, 6.9: 10, 7: 20, 9: 20, 9.1: 30}
    assert {day: replay(written, Lead(seen), day=day).points[0] for day in days} == days


def test_the_documents_example(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    (tmp_path / "rules.yaml").write_text(found[1], encoding="utf-8")
    written = rules.load(tmp_path / "rules.yaml", PROJECT)
    views = tuple(Event(minute / 1440, "pricing_view", "/pricing") for minute in range(4))
    director = Lead(views, {"seniority": "director", "employees": 300.0})
    fresh, later = (replay(written, director, day=day) for day in (63 / 1440, 30 + 63 / 1440))
    assert fresh.contributions[0].tolist() == pytest.approx([39.96, 0, 0.04, 10, 0, 0, 0], abs=0.005)
    assert (fresh.points[0], fresh.grade[0]) == (50, "A2")
    assert later.contributions[0].tolist() == pytest.approx([19.98, 0, 0, 10, -5, 0, 0], abs=0.005)
    assert later.points[0] == pytest.approx(24.98, abs=0.005)
