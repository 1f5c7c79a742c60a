"""Reasons as a person reads them: one tiny company, one moment, one sentence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from histories import MONDAY, Event, Handoff, Lead, build, day
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness.project import Project
from lead_readiness.reasons import Evidence, Reason, ago, as_evidence, of_others, strongest
from lead_readiness.telling import Ask, Teller
from lead_readiness.timelines import DAY

HOUR, MINUTE = 3_600_000_000, 60_000_000
NOW = day(200)  # 24 July 2026, 00:00 UTC


def project(**more: object) -> Project:
    return Project.model_validate(
        {
            "name": "Acme",
            "vocabulary": {
                "pricing_view": {"behaviour": "pricing", "direction": "up"},
                "quote": {"behaviour": "pricing", "phrase": "quote request"},
                "discount": {"behaviour": "pricing", "phrase": "discount code"},
                "case": {
                    "behaviour": "content",
                    "phrase": "case study read",
                    "plural": "case studies read",
                    "direction": "up",
                },
                "send": {"behaviour": "email", "actor": "marketing", "phrase": "mail sent", "plural": "mails sent"},
                "bounce": {"behaviour": "email", "actor": "system"},
                "call": {"behaviour": "pricing", "actor": "sales"},
            },
            "attributes": {
                "sector": "category",
                "people": {"type": "number", "phrase": "number of employees"},
                "plan": {"type": "category", "behaviour": "pricing", "phrase": "wanted plan"},
            },
            **more,
        }
    )  # fmt: skip


def told(
    behaviour: str,
    *leads: Lead,
    as_of: int = NOW,
    points: float = 8.0,
    by_attribute: Mapping[str, float] | None = None,
    **more: object,
) -> Reason:
    """The reason of the first lead; the first lead's id sorts first."""
    means = project(**more)
    return Teller(means, ["pricing_view", "quote", "case"]).reason(
        behaviour, points, build(leads, means), 0, as_of, by_attribute or {}
    )


def ever(*events: Event, name: str = "a", **more: object) -> Lead:
    return Lead(name, MONDAY, events, **more)  # type: ignore[arg-type]


def views(*days: float, kind: str = "pricing_view") -> list[Event]:
    return [Event(day(d), kind) for d in days]


@pytest.mark.parametrize(
    ("behaviour", "events", "sentence"),
    [
        ("content", [], "no content activity since the lead was created on 5 Jan"),
        ("content", views(199, kind="case"), "1 case study read on 23 Jul, 24 h ago"),
        ("content", views(190, 197, kind="case"), "2 case studies read since 14 Jul, the last 3 days ago"),
        ("content", views(50, kind="case"),
         "no content activity in the last 90 days (1 case study read before, the last 150 days ago)"),
        ("content", views(40, 50, kind="case"),
         "no content activity in the last 90 days (2 case studies read before, the last 150 days ago)"),
        ("content", views(50, 199, kind="case"), "1 case study read on 23 Jul, 24 h ago"),
        ("email", views(*[199] * 1200, kind="send"), "1,200 mails sent since 23 Jul, the last 24 h ago"),
        ("email", views(199, kind="bounce"), "no email activity since the lead was created on 5 Jan"),
    ],
    ids=["never", "one", "many", "one long ago", "many long ago", "the old left out", "thousands", "not the system's"],
)  # fmt: skip
def test_events(behaviour: str, events: list[Event], sentence: str) -> None:
    assert told(behaviour, ever(*events)).sentence == sentence


PRICING = {"pricing_view": 3, "quote": 1, "discount": 1}


@pytest.mark.parametrize(
    ("counts", "start"),
    [
        ({"pricing_view": 1}, "1 pricing view on 23 Jul"),
        ({"pricing_view": 1, "quote": 1}, "1 pricing view and 1 quote request since 23 Jul"),
        ({"pricing_view": 1, "quote": 2}, "2 quote requests and 1 pricing view since 23 Jul"),
        (PRICING, "3 pricing views, 1 quote request and 1 other since 23 Jul"),
        ({**PRICING, "quote": 4, "discount": 2}, "4 quote requests, 3 pricing views and 2 others since 23 Jul"),
        ({"pricing_view": 1, "call": 5}, "1 pricing view on 23 Jul"),
    ],
    ids=["one kind", "two kinds", "most frequent first", "a third kind", "others", "what sales did is not told"],
)  # fmt: skip
def test_kinds_of_one_behaviour(counts: Mapping[str, int], start: str) -> None:
    events = [Event(day(199), kind) for kind, n in counts.items() for _ in range(n)]
    reason = told("pricing", ever(*events, attributes={"plan": "gold"}))
    assert reason.sentence.startswith(start + ", ")
    assert reason.sentence.endswith("24 h ago; wanted plan is gold")


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        ([], "no activity since the lead was created on 5 Jan"),
        (views(199, kind="send"), "no activity since the lead was created on 5 Jan"),
        (views(170), "active on 1 day of the last 30 (1 event), the last 30 days ago"),
        (views(169.9), "silent for 30 days"),
        (views(10, 100), "silent for 100 days"),
        (views(180.2, 180.4, 199.5), "active on 2 days of the last 30 (3 events), the last 12 h ago"),
        (views(180, kind="case") + views(181), "active on 2 days of the last 30 (2 events), the last 19 days ago"),
    ],
    ids=["never", "mail is no activity", "last moment", "just silent", "silent", "days, not events", "any kind"],
)  # fmt: skip
def test_rhythm(events: list[Event], sentence: str) -> None:
    assert told("rhythm", ever(*events)).sentence == sentence


def test_nobody_is_active_on_more_days_than_there_are() -> None:
    noon = NOW + DAY // 2
    reason = told("rhythm", ever(*(Event(noon - d * DAY // 2, "case") for d in range(1, 61))), as_of=noon)
    assert reason.sentence == "active on 30 days of the last 30 (60 events), the last 12 h ago"


def colleague(name: str, *events: Event, created: int = MONDAY, account: str | None = "acme") -> Lead:
    return Lead(name, created, events, account)


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        ([], "no other person of the account is known"),
        ([colleague("b", created=NOW)], "no other person of the account is known"),
        ([colleague("b", *views(199), account="other")], "no other person of the account is known"),
        ([colleague("b", *views(100))], "no activity by the account's one other person in the last 30 days"),
        ([colleague("b"), colleague("c", *views(199, kind="send"))],
         "no activity by the account's 2 other people in the last 30 days"),
        ([colleague("b"), colleague("c", *views(199))],
         "1 other person of the account active in the last 30 days (1 event), the last 24 h ago"),
        ([colleague("b", *views(197, 198)), colleague("c", *views(199, 200, 201))],
         "2 other people of the account active in the last 30 days (3 events), the last 24 h ago"),
    ],
    ids=["alone", "not yet created", "another account", "inactive", "all inactive", "one active", "two active"],
)  # fmt: skip
def test_account(others: list[Lead], sentence: str) -> None:
    lead = Lead("a", MONDAY, tuple(views(199.9)), "acme")
    assert told("account", lead, *others).sentence == sentence


DAYS = st.integers(0, 8).map(day)
"""So few that many events happen at one moment, and at the very moment that is asked about."""
EVENTS = st.builds(
    Event,
    DAYS,
    st.sampled_from(["pricing_view", "case", "call"]),
    late=st.sampled_from([0, DAY, 3 * DAY]),
    id=st.sampled_from([None, *"abcdefg"]),
)
PEOPLE = st.lists(
    st.tuples(st.lists(EVENTS, max_size=16).map(tuple), DAYS, st.sampled_from(["x", "x", "y", None])),
    min_size=1,
    max_size=6,
)


@given(people=PEOPLE, as_of=DAYS, since=DAYS, known_at=DAYS)
def test_what_others_did_is_what_a_walk_over_them_finds(
    people: list[tuple[tuple[Event, ...], int, str | None]], as_of: int, since: int, known_at: int
) -> None:
    leads = [Lead(str(n), created, events, account) for n, (events, created, account) in enumerate(people)]
    timelines = build(leads, project())
    wanted = np.array([kind in ("pricing_view", "case") for kind in timelines.kinds])
    for lead in leads:
        others = [x for x in leads if x is not lead and x.account and x.account == lead.account]
        others = [x for x in others if x.created < known_at]
        seen = [
            [e for e in x.events if since <= e.at < as_of and e.at + e.late <= as_of and e.kind != "call"]
            for x in others
        ]
        evidence = cited([e for events in seen for e in events])
        place = timelines.find(lead.id)
        known, active, places = of_others(timelines, place, as_of, wanted, since, known_at)
        assert (known, active, len(places)) == (len(others), sum(map(bool, seen)), evidence.count)
        if len(places):
            assert as_evidence(timelines, places) == evidence


@given(people=PEOPLE, as_of=DAYS, later=st.sampled_from([0, 26, 86, 100]))
def test_what_a_lead_did_is_what_a_walk_over_its_events_finds(
    people: list[tuple[tuple[Event, ...], int, str | None]], as_of: int, later: int
) -> None:
    """Told of all leads at once and of each by itself: what is recent, or all where only what is older was seen."""
    leads = [Lead(str(n), created, events, account) for n, (events, created, account) in enumerate(people)]
    timelines, teller = build(leads, project()), Teller(project(), ["pricing_view", "case"])
    told = {
        "content": (90, {"case"}),
        "rhythm": (30, {"case", "pricing_view"}),
        "pricing": (90, {"pricing_view"}),
    }
    now = as_of + later * DAY
    asks = [Ask(timelines.find(lead.id), now, dict.fromkeys(told, 1.0), {}) for lead in leads]
    for lead, ask, reasons in zip(leads, asks, teller.reasons(timelines, asks)):
        assert teller.reasons(timelines, [ask]) == [reasons]
        for reason, (days, kinds) in zip(reasons, told.values()):
            seen = [e for e in lead.events if e.at < now and e.at + e.late <= now and e.kind in kinds]
            assert reason.evidence == cited([e for e in seen if e.at >= now - days * DAY] or seen)


def cited(events: list[Event]) -> Evidence:
    latest = sorted((-e.at, e.id or "") for e in events)
    ids = tuple(name for _, name in latest[:10] if name)
    return Evidence(len(events), -latest[-1][0], -latest[0][0], ids) if events else Evidence()


def test_many_reasons_cite_the_ids_that_one_by_one_they_cite() -> None:
    days = range(1, 12)
    leads = [
        ever(*(Event(NOW - d * DAY, "case", id=f"{n}-{d}") for d in days), name=f"{n:02}") for n in range(60)
    ]
    timelines, teller = build(leads, project()), Teller(project(), ["case"])
    asks = [Ask(lead, NOW, {"content": 1.0}, {}) for lead in range(len(leads))]
    assert teller.reasons(timelines, asks) == [teller.reasons(timelines, [ask])[0] for ask in asks]


BACK = Handoff(day(100), day(120), "price")


@pytest.mark.parametrize(
    ("handoffs", "sentence"),
    [
        ([], "not handed to sales before"),
        ([Handoff(day(300))], "not handed to sales before"),
        ([Handoff(day(198))], "handed to sales 2 days ago"),
        ([Handoff(day(198), day(201), "price")], "handed to sales 2 days ago"),
        ([BACK], "returned by sales 80 days ago as “price”"),
        ([Handoff(day(100), day(120))], "returned by sales 80 days ago"),
        ([BACK, Handoff(day(130), day(199), "not_now")], "returned by sales 24 h ago as “not now”, 2 times in all"),
        ([BACK, Handoff(day(130), day(201), "not now")], "returned by sales 80 days ago as “price”"),
    ],
    ids=["never", "later", "in their hands", "return to come", "why", "no reason", "the last of two", "one to come"],
)  # fmt: skip
def test_history(handoffs: list[Handoff], sentence: str) -> None:
    assert told("history", ever(handoffs=tuple(handoffs))).sentence == sentence


@pytest.mark.parametrize(
    ("attributes", "by", "points", "sentence"),
    [
        ({"sector": "bank", "people": 12500.0}, {}, 8, "sector is bank; number of employees is 12,500"),
        ({"sector": "bank", "people": 2.5}, {"people": 1.0}, 8, "number of employees is 2.5"),
        ({"sector": "bank", "people": 2.5}, {"people": 1.0, "sector": -1.0}, -8, "sector is bank"),
        ({"sector": "bank", "people": 3.0}, {"people": 2.0, "sector": 1.0}, 8,
         "number of employees is 3; sector is bank"),
        ({}, {"people": 1.0}, 8, "number of employees is not known"),
        ({}, {"sector": 1.0}, 8, "sector is not known"),
    ],
    ids=["known", "those that count", "those that pull this way", "the strongest first", "no number", "no category"],
)  # fmt: skip
def test_attributes(
    attributes: dict[str, str | float | None], by: Mapping[str, float], points: float, sentence: str
) -> None:
    reason = told("fit", ever(attributes=attributes), points=points, by_attribute=by)
    assert (reason.sentence, reason.evidence) == (sentence, Evidence())


def test_a_behaviour_nobody_named_is_the_rule_book_s_bounds() -> None:
    assert told("rules", ever(*views(199))).sentence == "limits and bounds of the rule book"


@pytest.mark.parametrize(
    ("zone", "event", "as_of", "date"),
    [
        (None, day(199), NOW, "on 23 Jul,"),
        ("Asia/Tokyo", day(199.9), NOW, "on 24 Jul,"),
        ("America/New_York", day(199), NOW, "on 22 Jul,"),
        (None, day(-10), day(2), "on 26 Dec 2025,"),
        ("Asia/Tokyo", day(-5.2), day(2), "on 31 Dec 2025,"),
        ("Asia/Tokyo", day(-4.2), day(2), "on 1 Jan,"),
        ("America/New_York", day(-10), day(-3.9), "on 25 Dec,"),
    ],
)
def test_dates_are_local_and_name_another_year(zone: str | None, event: int, as_of: int, date: str) -> None:
    lead = Lead("a", day(-20), (Event(event, "case"),))
    assert date in told("content", lead, as_of=as_of, timezone=zone).sentence


@pytest.mark.parametrize(
    ("micros", "words"),
    [
        (1, "1 min ago"),
        (2 * MINUTE - 1, "1 min ago"),
        (2 * MINUTE, "2 min ago"),
        (HOUR - 1, "59 min ago"),
        (HOUR, "1 h ago"),
        (2 * DAY - 1, "47 h ago"),
        (2 * DAY, "2 days ago"),
        (400 * DAY, "400 days ago"),
    ],
)
def test_how_long_ago(micros: int, words: str) -> None:
    assert ago(micros) == words


@pytest.mark.parametrize(
    ("event", "cited"),
    [
        (Event(NOW - 1, "case"), True),
        (Event(NOW, "case"), False),
        (Event(NOW - HOUR, "case", late=HOUR), True),
        (Event(NOW - HOUR, "case", late=HOUR + 1), False),
    ],
    ids=["just before", "at the moment", "recorded by then", "recorded later"],
)
@pytest.mark.parametrize("behaviour", ["content", "rhythm", "account"])
def test_only_what_was_known_is_cited(behaviour: str, event: Event, cited: bool) -> None:
    lead = Lead("a", MONDAY, (event,), "acme")
    other = Lead("b", MONDAY, (event,), "acme")
    reason = told(behaviour, lead, other)
    assert reason.evidence == (Evidence(1, event.at, event.at) if cited else Evidence())
    assert ("no " in reason.sentence) is not cited


def test_the_ten_latest_ids_are_cited_latest_first() -> None:
    events = [Event(NOW - n * DAY, "case", id=f"e{n:02}") for n in range(-2, 15)]
    reason = told("content", ever(*events))
    assert reason.evidence == Evidence(14, NOW - 14 * DAY, NOW - DAY, tuple(f"e{n:02}" for n in range(1, 11)))


def test_ids_of_one_moment_are_the_same_in_any_order_of_rows() -> None:
    events = [Event(NOW - DAY, "case", id=f"e{n:02}") for n in range(15)]
    first, second = told("content", ever(*events)), told("content", ever(*reversed(events)))
    assert first.evidence.event_ids == second.evidence.event_ids == tuple(f"e{n:02}" for n in range(10))


def test_events_without_an_id_are_counted_but_not_cited() -> None:
    events = (Event(NOW - DAY, "case"), Event(NOW - 2 * DAY, "case", id="e1"))
    assert told("content", ever(*events)).evidence == Evidence(2, NOW - 2 * DAY, NOW - DAY, ("e1",))


@pytest.mark.parametrize(
    ("points", "told_first"),
    [
        ({"a": 4.0, "b": 12.0, "c": 8.0}, ["b", "c", "a"]),
        ({"a": 3.0, "b": 2.9, "c": -3.0, "d": -2.9}, ["a", "c"]),
        ({"a": -9.0, "b": 4.0}, ["b", "a"]),
        ({"a": 4.0, "b": -4.0, "c": -12.0, "d": -8.0}, ["a", "c", "d"]),
        (dict.fromkeys("edcba", 8.0), ["a", "b", "c", "d"]),
        ({"a": 0.0}, []),
        ({}, []),
    ],
    ids=["strongest first", "above noise", "for before against", "two against", "four for, ties by name", "0", "none"],
)  # fmt: skip
def test_the_strongest_are_told(points: dict[str, float], told_first: list[str]) -> None:
    assert list(strongest(points)) == told_first
    assert list(strongest({b: p / 6 for b, p in points.items()}, least=0.5)) == told_first


@pytest.mark.parametrize(("points", "end"), [(14.2, "(+14)"), (-3.6, "(-4)")])
def test_points_are_told_with_their_sign(points: float, end: str) -> None:
    assert str(Reason("fit", points, "sector is bank", Evidence())) == f"sector is bank {end}"
