"""What changed: parts that add up, each of which is nothing when it should be, told with what they rest on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from blended import KNOWN, LEADS, RULES_ONLY, as_known_at, blended
from histories import Event, Handoff, Lead, Outcome, build, day, kinds
from hypothesis import given
from hypothesis import strategies as st
from leaky_company import FUTURES, PROJECT

from lead_readiness import rules
from lead_readiness.card import Card
from lead_readiness.change import PARTS, Change, between
from lead_readiness.errors import DataError, ModelError
from lead_readiness.features import Catalogue
from lead_readiness.features.attributes import Attributes
from lead_readiness.project import Kind, Project
from lead_readiness.reasons import Evidence
from lead_readiness.scorer import Scorer
from lead_readiness.timelines import DAY, Timelines, frozen

N = len(LEADS)
MODELS = {"same": lambda: blended(), "other": lambda: blended(0.7, -0.9)}
asked = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(-9, 240), st.sampled_from([0, 1, 9, 80])),
    min_size=1,
    max_size=12,
)
Asked = list[tuple[int, int, int]]


def changed(rows: Asked, later: Scorer, known: Timelines = KNOWN) -> Change:
    """The change of the rows (lead, from day, days between); leads are those of the company, by their ids."""
    place = {name: n for n, name in enumerate(known.lead_ids)}
    lead = np.array([place[KNOWN.lead_ids[n]] for n, _, _ in rows], np.int32)
    begin = np.array([day(d) for _, d, _ in rows])
    return between(blended(), later, known, lead, begin, begin + [days * DAY for _, _, days in rows])


def bits(change: Change, row: int) -> tuple[bytes, ...]:
    arrays = change.before.score, change.after.score, change.ageing, change.news, change.model
    return tuple(a[row].tobytes() for a in arrays)


# Promises


@pytest.mark.parametrize("model", MODELS)
@given(rows=asked)
def test_the_parts_add_up(model: str, rows: Asked) -> None:
    change = changed(rows, MODELS[model]())
    places = [change.behaviours.index(b) for b in change.after.scorer.behaviours]
    moved = (change.after.by_behaviour - change.before.by_behaviour) * change.after.scorer.unit
    parts = change.ageing + change.news + change.model
    assert abs(parts[:, places] - moved).max() < 1e-9
    assert abs(parts.sum(axis=1) + change.base - change.difference).max() < 1e-9
    for row in range(len(change)):
        assert sum(change.points(row).values()) == pytest.approx(change.difference[row], abs=1e-9)


@given(rows=asked)
def test_nothing_new_is_no_news_to_the_bit(rows: Asked) -> None:
    accounts = np.arange(len(KNOWN.account_start) - 1, dtype=np.int32)
    for lead, begin, days in rows[:3]:
        still = frozen(KNOWN, accounts, np.full(len(accounts), day(begin)))
        place = np.array([lead], np.int32)
        quiet = between(blended(), blended(), still, place, day(begin), day(begin + days))
        assert not quiet.news.any() and quiet.reasons(0)["news"] == []
        assert quiet.ageing.tobytes() == changed([(lead, begin, days)], blended()).ageing.tobytes()


@given(rows=asked)
def test_the_same_version_is_no_model_to_the_bit(rows: Asked) -> None:
    change = changed(rows, replace(blended()))
    assert not change.model.any() and change.base == 0.0
    assert all(change.reasons(row)["model"] == [] for row in range(len(rows)))


@pytest.mark.parametrize("model", MODELS)
@given(rows=asked)
def test_the_same_moment_is_neither_ageing_nor_news_to_the_bit(model: str, rows: Asked) -> None:
    change = changed([(lead, begin, 0) for lead, begin, _ in rows], MODELS[model]())
    assert not change.ageing.any() and not change.news.any()
    assert all(change.reasons(row)["ageing"] == [] for row in range(len(rows)))


@given(rows=asked)
def test_alone_in_a_batch_and_in_any_order_the_same_bits(rows: Asked) -> None:
    batch, turned = changed(rows, MODELS["other"]()), changed(rows[::-1], MODELS["other"]())
    alone = changed(rows[:1], MODELS["other"]())
    assert bits(batch, 0) == bits(alone, 0) == bits(turned, len(rows) - 1)
    assert batch.reasons(0) == alone.reasons(0)


@pytest.mark.parametrize("future", FUTURES)
def test_what_is_not_known_at_the_later_moment_changes_nothing(future: str) -> None:
    rows = [(n, 60, 30) for n in range(0, N, 7)]
    before = changed(rows, MODELS["other"]())
    after = changed(rows, MODELS["other"](), build(FUTURES[future](LEADS, day(90)), PROJECT))
    assert [bits(after, n) for n in range(len(rows))] == [bits(before, n) for n in range(len(rows))]
    assert [after.reasons(n) for n in range(len(rows))] == [before.reasons(n) for n in range(len(rows))]


def test_ageing_is_what_the_tables_of_then_say_later() -> None:
    rows = [(n, 60, 30) for n in range(0, N, 7) if LEADS[n].created < day(60)]
    then = build(as_known_at(day(60)), PROJECT)
    lead = np.array([then.find(KNOWN.lead_ids[n]) for n, _, _ in rows], np.int32)
    aged, fresh = (blended().assess(then, lead, np.full(len(lead), day(d))) for d in (90, 60))
    moved = aged.by_behaviour * aged.scorer.unit - fresh.by_behaviour * aged.scorer.unit
    change = changed(rows, blended())
    assert change.behaviours == blended().behaviours and change.ageing.tobytes() == moved.tobytes()


def test_whoever_is_created_at_the_earlier_moment_has_aged_and_is_news_to_colleagues() -> None:
    old = Lead("a", day(0), (Event(day(5), "visit"),), "x", attributes=LEADS[0].attributes)
    born = Lead("b", day(10), (), "x", attributes=LEADS[1].attributes)
    pair, alone = build([old, born], PROJECT), build([old], PROJECT)
    both = between(blended(), blended(), pair, np.array([0, 1], np.int32), day(10), day(20))
    one = between(blended(), blended(), alone, np.array([0], np.int32), day(10), day(20))
    assert both.ageing[0].tobytes() == one.ageing[0].tobytes() and not one.news.any()
    itself = between(blended(), blended(), pair, np.array([1], np.int32), day(10), day(20))
    assert bits(both, 1) == bits(itself, 0) and not itself.news.any() and itself.ageing.any()


def test_rows_of_one_moment_may_give_it_once() -> None:
    lead = np.arange(9, dtype=np.int32)
    once = between(blended(), blended(), KNOWN, lead, day(50), day(60))
    each = between(blended(), blended(), KNOWN, lead, np.full(9, day(50)), np.full(9, day(60)))
    assert [bits(once, n) for n in lead] == [bits(each, n) for n in lead]


def test_no_rows_give_no_rows() -> None:
    change = between(blended(), blended(), KNOWN, np.empty(0, np.int32), day(1), day(2))
    assert len(change) == len(change.difference) == 0
    assert change.ageing.shape == (0, len(change.behaviours))


# What is refused


def test_scores_on_two_scales_are_refused() -> None:
    message = (
        "earlier version scores in rule points, the later one in points of a probability: .* with itself"
    )
    with pytest.raises(ModelError, match=message):
        between(RULES_ONLY, blended(), KNOWN, np.array([0], np.int32), day(1), day(2))


def test_versions_of_two_vocabularies_are_refused() -> None:
    words = Project.model_validate({"name": "New", "vocabulary": kinds(visit="up", demo="up")})
    alien = replace(RULES_ONLY, project=words)
    message = (
        r"earlier version knows the event kinds visit, pricing, .*, the later one visit, demo; timelines are"
    )
    with pytest.raises(ModelError, match=message):
        between(RULES_ONLY, alien, KNOWN, np.array([0], np.int32), day(1), day(2))


def test_moments_in_the_wrong_order_are_refused() -> None:
    message = r"lead 'lead 001' \(row 1\): the change is asked for from 2026-01-08T00:00:00Z to 2026-01-07T00:00:00Z"
    with pytest.raises(DataError, match=message):
        between(blended(), blended(), KNOWN, np.array([0, 1], np.int32), [day(1), day(3)], day(2))


# By hand, in rule points, and in words

ACME = Project.model_validate(
    {
        "name": "Acme",
        "vocabulary": {
            **kinds(visit="up"),
            "pricing": Kind(behaviour="pricing", direction="up", phrase="pricing view"),
            "quote": Kind(behaviour="pricing", direction="up", phrase="quote request"),
            "send": Kind(behaviour="email", actor="marketing", phrase="mail sent", plural="mails sent"),
        },
    }
)


def book(name: str = "Acme", **more: object) -> Scorer:
    """A scorer of rule points: pricing views fade by half in 10 days, silence takes points."""
    points = [
        {"name": "Pricing", "points": 8, "when": {"kind": "pricing"}, "decay": {"half_life_days": 10}},
        {"name": "Quote", "points": 20, "when": {"kind": "quote"}, "limit": {"count": 1, "days": 30}},
        {"name": "Silence", "silence": {"at": {30: -6}}, "when": {"kind": "any"}},
    ]
    made = rules.parse({"name": name, "version": 1, "threshold": 1, "rules": points, **more}, ACME)
    catalogue = Catalogue((), Attributes(), ACME.kinds, ("visit", "pricing", "quote"))
    return Scorer(ACME, made, catalogue, None, None, None, Card({}, 0, 1, 1, 0, 0))


def moved(*events: Event, begin: int, end: int, later: Scorer | None = None, **more: object) -> Change:
    known = build([Lead("a", events=events, **more)], ACME)  # type: ignore[arg-type]
    return between(book(), later or book(), known, np.array([0], np.int32), day(begin), day(end))


@pytest.mark.parametrize(
    ("events", "begin", "end", "expected"),
    [
        ((Event(day(0), "pricing"),), 10, 20, (-2, 0, 0)),
        ((Event(day(0), "pricing"), Event(day(10), "pricing")), 10, 20, (-2, 4, 0)),
        ((Event(day(0), "pricing", late=15 * DAY),), 10, 20, (0, 2, 0)),
        ((Event(day(0), "pricing"), Event(day(20), "pricing")), 10, 20, (-2, 0, 0)),
        ((Event(day(0), "visit"),), 20, 31, (-6, 0, 0)),
        ((Event(day(0), "visit"), Event(day(25), "visit")), 20, 31, (-6, 6, 0)),
        ((Event(day(0), "quote"), Event(day(5), "quote")), 3, 9, (0, 0, 0)),
    ],
    ids=["older", "one more", "recorded late", "not seen yet", "silent", "silent no more", "over the limit"],
)
def test_parts_by_hand(events: tuple[Event, ...], begin: int, end: int, expected: tuple[float, ...]) -> None:
    points = moved(*events, begin=begin, end=end).points(0)
    assert [points[part] for part in PARTS] == pytest.approx(expected, abs=1e-5)


def test_another_book_is_another_model_and_may_have_other_behaviours() -> None:
    change = moved(Event(day(0), "pricing"), begin=10, end=20, later=book("Capped", ceiling=1.5))
    assert change.behaviours[-1] == "rules"
    assert change.points(0) == pytest.approx({"ageing": -2, "news": 0, "model": -0.5})
    turned = between(
        book("Capped", ceiling=1.5), book(), change.after.timelines, change.after.lead, day(10), day(20)
    )
    assert set(turned.behaviours) == set(change.behaviours)
    assert sum(turned.points(0).values()) == pytest.approx(turned.difference[0], abs=1e-12) == 0.5


def said(change: Change, part: str) -> list[str]:
    return [str(reason) for reason in change.reasons(0)[part]]


@pytest.mark.parametrize(
    ("events", "begin", "end", "news", "ageing"),
    [
        ((Event(day(0), "pricing"),), 10, 20, [], ["1 pricing view until 5 Jan is 10 days older (-2)"]),
        ((Event(day(0), "visit"),), 20, 31, [], ["silent for 11 days longer (-6)"]),
        ((Event(day(12), "pricing"), Event(day(19), "pricing")), 10, 20,
         ["2 new pricing views, the last 24 h ago (+12)"], []),
        ((Event(day(12), "quote"), Event(day(19), "pricing")), 10, 20,
         ["1 new pricing view and 1 quote request, the last 24 h ago (+27)"], []),
        ((Event(day(0), "pricing", late=15 * DAY),), 10, 20,
         ["1 new pricing view, 20 days ago, recorded late (+2)"], []),
        ((Event(day(0), "pricing", late=15 * DAY), Event(day(10), "pricing")), 10, 20,
         ["2 new pricing views, the last 10 days ago, 1 of them recorded late (+6)"], []),
        ((Event(day(0), "visit"), Event(day(25), "visit")), 20, 31,
         ["1 new event, 6 days ago (+6)"], ["what the lead did before is 11 days older (-6)"]),
    ],
    ids=["older", "silent", "news", "two kinds", "late", "some late", "active again"],
)  # fmt: skip
def test_parts_in_words(
    events: tuple[Event, ...], begin: int, end: int, news: list[str], ageing: list[str]
) -> None:
    change = moved(*events, begin=begin, end=end)
    assert (said(change, "news"), said(change, "ageing"), said(change, "model")) == (news, ageing, [])


def test_what_is_new_is_cited_and_what_is_old_is_not() -> None:
    events = [Event(day(d), "pricing", id=f"of day {d}") for d in (1, 12, 15, 20)]
    change = moved(*events, begin=10, end=20)
    (news,), (ageing,) = change.reasons(0, least=0.1)["news"], change.reasons(0, least=0.1)["ageing"]
    assert news.evidence.event_ids == ("of day 15", "of day 12")
    assert ageing.evidence.event_ids == ("of day 1",)


def test_what_is_too_small_to_be_told_is_told_together() -> None:
    change = moved(Event(day(0), "pricing"), Event(day(12), "pricing"), begin=10, end=20)
    told = change.reasons(0, least=9.0)
    assert [str(r) for r in told["news"]] == ["all that is new (+5)"]
    assert [str(r) for r in told["ageing"]] == ["all that is 10 days older (-2)"]


def test_the_model_is_told_as_a_whole() -> None:
    change = changed([(0, 60, 0)], MODELS["other"]())
    (reason,) = change.reasons(0)["model"]
    assert reason.sentence == "new model version"
    assert reason.points == pytest.approx(change.difference[0], abs=1e-9)


@given(rows=asked)
def test_what_is_told_adds_up_to_what_is_not_too_small_to_see(rows: Asked) -> None:
    change = changed(rows, MODELS["other"]())
    for row in range(len(rows)):
        told, points = change.reasons(row), change.points(row)
        for part in PARTS:
            assert abs(sum(r.points for r in told[part]) - points[part]) < 0.5


@given(rows=asked)
def test_no_event_is_cited_that_the_part_does_not_rest_on(rows: Asked) -> None:
    change = changed(rows, blended())
    for row in range(len(rows)):
        begin, end = int(change.before.as_of[row]), int(change.after.as_of[row])
        told = change.reasons(row, least=0.01)
        assert all(r.evidence.last is None or r.evidence.last < begin for r in told["ageing"])
        assert all(r.evidence.last is None or r.evidence.last < end for r in told["news"])


COLLEAGUES = [
    Lead("a", events=(Event(day(1), "visit"), Event(day(30), "visit")), account="x",
         handoffs=(Handoff(day(3), day(25), "price"),)),
    Lead("b", events=(Event(day(2), "visit"), Event(day(24), "visit"), Event(day(26), "visit")), account="x",
         outcome=Outcome("won", day(27))),
    Lead("c", created=day(22), account="x"),
    Lead("d", account="y"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lead", "begin", "end", "behaviour", "news", "ageing"),
    [
        ("a", 20, 28, "account", "2 new events by 1 other person of the account; 1 more person of the account now "
         "known; another lead of the account won", "what other people of the account did is 8 days older"),
        ("a", 21, 23, "account", "1 more person of the account now known",
         "what other people of the account did is 2 days older"),
        ("d", 20, 28, "account", "account weighs differently beside what is new",
         "account weighs differently beside what is 8 days older"),
        ("a", 20, 28, "history", "returned by sales 3 days ago as “price”",
         "history weighs differently beside what is 8 days older"),
        ("a", 28, 31, "history", "1 new event since sales returned the lead",
         "the return by sales is 3 days further back"),
        ("a", 26, 27, "history", "history weighs differently beside what is new",
         "the return by sales is 24 h further back"),
        ("d", 26, 27, "rhythm", "rhythm weighs differently beside what is new", "silent for 24 h longer"),
        ("a", 26, 27, "visit", "visit weighs differently beside what is new",
         "1 visit until 6 Jan is 24 h older"),
        ("a", 20, 28, "fit", "fit weighs differently beside what is new",
         "fit weighs differently beside what is 8 days older"),
    ],
)  # fmt: skip
def test_each_behaviour_says_what_it_rests_on(
    lead: str, begin: int, end: int, behaviour: str, news: str, ageing: str
) -> None:
    known = build(COLLEAGUES, PROJECT)
    place = np.array([known.find(lead)], np.int32)
    change = between(RULES_ONLY, RULES_ONLY, known, place, day(begin), day(end))
    told = replace(
        change, behaviours=(behaviour,), ageing=np.full((1, 1), -9.0), news=np.full((1, 1), 9.0)
    ).reasons(0)
    assert (told["news"][0].sentence, told["ageing"][0].sentence) == (news, ageing)


MOMENTS = st.integers(0, 8).map(day)
"""So few that many things happen at one moment, and at the very moments that are asked about."""
PEOPLE = st.lists(
    st.builds(
        Lead,
        st.just(""),
        MOMENTS,
        st.lists(
            st.builds(
                Event,
                MOMENTS,
                st.sampled_from(["visit", "blog", "call"]),
                late=st.sampled_from([0, DAY, 3 * DAY]),
                id=st.sampled_from([None, *"abcdefg"]),
            ),
            max_size=16,
        ).map(tuple),
        st.sampled_from(["x", "x", "y", None]),
        outcome=st.none() | st.builds(Outcome, st.sampled_from(["won", "lost"]), MOMENTS),
    ),
    min_size=1,
    max_size=6,
)


def seen(others: list[Lead], at: int) -> list[tuple[int, Event]]:
    """Whose activity was visible at a moment, and what it was, found by walking over all."""
    return [
        (n, e)
        for n, x in enumerate(others)
        for e in x.events
        if e.at < at and e.at + e.late <= at and e.kind != "call"
    ]


def cited(events: list[Event]) -> Evidence:
    latest = sorted((-e.at, e.id or "") for e in events)
    ids = tuple(name for _, name in latest[:10] if name)
    return Evidence(len(events), -latest[-1][0], -latest[0][0], ids) if events else Evidence()


@given(people=PEOPLE, begin=MOMENTS, days=st.integers(0, 5))
def test_what_the_account_did_is_what_a_walk_over_its_people_finds(
    people: list[Lead], begin: int, days: int
) -> None:
    people = [replace(lead, id=str(n)) for n, lead in enumerate(people)]
    known, end = build(people, PROJECT), begin + days * DAY
    place = np.array([known.find(lead.id) for lead in people], np.int32)
    moved = np.full((len(people), 1), 9.0)
    change = replace(
        between(RULES_ONLY, RULES_ONLY, known, place, begin, end),
        behaviours=("account",),
        ageing=moved,
        news=moved,
    )
    for row, lead in enumerate(people):
        others = [x for x in people if x is not lead and x.account and x.account == lead.account]
        others = [x for x in others if x.created < end]
        old, now = seen(others, begin), seen(others, end)
        new = [(n, e) for n, e in now if not (e.at < begin and e.at + e.late <= begin)]
        active, joined = len({n for n, _ in new}), sum(x.created >= begin for x in others)
        won = any(x.outcome and x.outcome.what == "won" and begin <= x.outcome.decided < end for x in others)
        told = change.reasons(row)
        (news,), (ageing,) = told["news"], told["ageing"]
        assert (news.evidence, ageing.evidence) == (cited([e for _, e in new]), cited([e for _, e in old]))
        assert (f"by {active} other p" in news.sentence) == (active > 0)
        assert (f"{joined} more p" in news.sentence) == (joined > 0)
        assert news.sentence.endswith("another lead of the account won") == won
        assert ageing.sentence.startswith("what other people of the account did is") == bool(old)
