"""Over the line: ways that reach it when they are walked, and the day from which a silent lead is below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from blended import KNOWN, LEADS, RULES_ONLY, as_known_at, blended
from histories import Event, Lead, build, day, kinds
from hypothesis import given
from hypothesis import strategies as st
from leaky_company import FUTURES, PROJECT

from lead_readiness import rules
from lead_readiness.card import Card
from lead_readiness.errors import ModelError
from lead_readiness.features import Catalogue
from lead_readiness.features.attributes import Attributes
from lead_readiness.line import HOUR, MOST_WAYS, Way, Ways, falls, over
from lead_readiness.project import Kind, Project
from lead_readiness.scorer import Scorer
from lead_readiness.timelines import DAY, Timelines

N = len(LEADS)
OF_ID = {x.id: x for x in LEADS}


def score(scorer: Scorer, known: Timelines, lead: int, as_of: int) -> float:
    return float(scorer.assess(known, np.array([lead], np.int32), np.array([as_of])).score[0])


def walked(lead: int, as_of: int, events: Sequence[tuple[str, int]], seen: int) -> float:
    """The score of a lead of the company if nothing had happened but these events, from the tables on."""
    own = OF_ID[KNOWN.lead_ids[lead]]
    further = tuple(Event(at, kind) for kind, at in events)
    met = as_known_at(as_of, [x for x in LEADS if x.account == own.account and x.id != own.id])
    (itself,) = as_known_at(as_of, [own])
    walks = replace(itself, created=own.created, events=(*itself.events, *further))
    known = build([walks, *met], PROJECT)
    return score(blended(), known, known.find(own.id), seen)


# Ways over the line


@given(lead=st.integers(0, N - 1), begin=st.integers(0, 200), above=st.sampled_from([1.0, 8.0, 25.0, 60.0]))
def test_each_way_reaches_the_line_when_it_is_walked_and_not_with_less(
    lead: int, begin: int, above: float
) -> None:
    as_of = max(day(begin), OF_ID[KNOWN.lead_ids[lead]].created)
    now = score(blended(), KNOWN, lead, as_of)
    line = now + above
    found = over(blended(), KNOWN, lead, as_of, line)
    assert found.score == now and not found.is_over
    for way in found.ways:
        steps = list(zip(way.kinds, way.at))
        assert walked(lead, as_of, steps, way.seen) == way.score >= line
        for left_out in range(len(steps)):
            fewer = [kind for n, kind in enumerate(way.kinds) if n != left_out]
            assert not fewer or walked(lead, as_of, [*zip(fewer, way.at)], way.at[len(fewer) - 1] + 1) < line


@given(lead=st.integers(0, N - 1), begin=st.integers(0, 200))
def test_ways_are_few_different_and_the_shortest_first(lead: int, begin: int) -> None:
    found = over(blended(), KNOWN, lead, day(begin), score(blended(), KNOWN, lead, day(begin)) + 30)
    sizes = [len(way.kinds) for way in found.ways]
    assert sizes == sorted(sizes) and len(sizes) <= MOST_WAYS and max(sizes, default=1) <= 3
    assert len({way.kinds for way in found.ways}) == len(sizes)
    assert found == over(blended(), KNOWN, lead, day(begin), found.line)


@pytest.mark.parametrize("future", FUTURES)
def test_the_future_changes_no_way_and_no_fall(future: str) -> None:
    as_of = day(90)
    after = build(FUTURES[future](LEADS, as_of), PROJECT)
    for lead in range(0, N, 11):
        place, now = after.find(KNOWN.lead_ids[lead]), score(blended(), KNOWN, lead, as_of)
        ways = over(blended(), KNOWN, lead, as_of, now + 20)
        assert over(blended(), after, place, as_of, now + 20) == ways
        fall = falls(blended(), KNOWN, lead, as_of, now - 10)
        assert falls(blended(), after, place, as_of, now - 10) == fall


def test_only_what_buyers_do_for_the_better_is_a_way() -> None:
    used = {
        kind
        for lead in range(0, N, 20)
        for way in over(blended(), KNOWN, lead, day(100), 60.0).ways
        for kind in way.kinds
    }
    assert used and used <= {"visit", "pricing", "blog"}


WORDS = {
    **kinds(visit="up", demo="up", webinar="up", complaint="down", look="none"),
    "pricing": Kind(behaviour="pricing", direction="up", phrase="pricing view"),
    "goodbye": Kind(behaviour="email", direction="up", hold="opt_out"),
    "hidden": Kind(behaviour="web", direction="up", scored=False),
    "call": Kind(behaviour="call", direction="up", actor="sales"),
}
POINTS = {
    "visit": 1,
    "pricing": 8,
    "demo": 30,
    "webinar": 9,
    "goodbye": 99,
    "hidden": 99,
    "look": 99,
}


def acme(words: dict[str, Kind] = WORDS, **more: object) -> Scorer:
    """A scorer of rule points that fade by half in ten days."""
    project = Project.model_validate({"name": "Acme", "vocabulary": words})
    earn = [k for k, kind in words.items() if kind.actor != "sales"]
    points = [{"name": k, "points": POINTS.get(k, -40), "when": {"kind": k}} for k in earn]
    decay = {"half_life_days": 10}
    made = {"name": "Acme", "version": 1, "threshold": 20, "decay": decay, "rules": points, **more}
    catalogue = Catalogue((), Attributes(), project.kinds, ("visit", "pricing", "demo", "webinar"))
    book = rules.parse(made, project)
    return Scorer(project, book, catalogue, None, None, None, Card({}, 0, 1, 1, 0, 0))


def ways(line: float, *events: Event, as_of: int = day(10), **more: int) -> Ways:
    scorer = acme()
    return over(scorer, build([Lead("a", events=events)], scorer.project), 0, as_of, line, **more)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (30, ["1 demo (30)"]),
        (16, ["1 demo (30)", "1 webinar and 1 pricing view, one a day (16)", "2 webinars, one a day (17)",
              "1 visit and 2 pricing views, one a day (16)"]),
        (35, ["1 demo and 1 pricing view, one a day (36)", "1 demo and 1 webinar, one a day (37)",
              "2 demos, one a day (58)"]),
        (80, ["3 demos, one a day (84)"]),
        (85, []),
    ],
)  # fmt: skip
def test_ways_of_a_lead_without_a_history(line: float, expected: list[str]) -> None:
    assert [str(way) for way in ways(line).ways] == expected


def test_a_lead_over_the_line_needs_no_way() -> None:
    found = ways(20, Event(day(9), "demo"))
    assert found.is_over and found.ways == () and found.score == pytest.approx(30 * 2**-0.1, abs=1e-5)


@pytest.mark.parametrize(("most", "expected"), [(0, []), (1, []), (2, []), (3, ["3 demos, one a day (84)"])])
def test_no_way_is_longer_than_asked(most: int, expected: list[str]) -> None:
    assert [str(way) for way in ways(80, most=most).ways] == expected


def test_events_happen_at_the_moment_and_then_one_a_day() -> None:
    way = ways(80).ways[0]
    assert way == Way(("demo",) * 3, (day(10), day(11), day(12)), way.score, "3 demos, one a day")
    assert way.seen == day(12) + 1


def test_of_many_kinds_the_strongest_are_put_together() -> None:
    words = kinds(**{f"k{n:02}": "up" for n in range(30)})
    points = [{"name": k, "points": n, "when": {"kind": k}} for n, k in enumerate(words)]
    scorer = acme(words, rules=points, decay="none")
    found = over(scorer, build([Lead("a")], scorer.project), 0, day(10), 51.0)
    assert [str(way) for way in found.ways][:2] == [
        "1 k22 and 1 k29, one a day (51)",
        "1 k23 and 1 k28, one a day (51)",
    ]
    singles = over(scorer, build([Lead("a")], scorer.project), 0, day(10), 2.0)
    assert [way.kinds for way in singles.ways] == [("k02",), ("k03",), ("k04",), ("k05",)]
    some = over(scorer, build([Lead("a")], scorer.project), 0, day(10), 27.0)
    assert [way.kinds for way in some.ways] == [("k27",), ("k28",), ("k29",), ("k19", "k19")]


def test_a_vocabulary_without_anything_for_the_better_gives_no_way() -> None:
    scorer = acme({"look": WORDS["look"], "complaint": WORDS["complaint"]})
    assert over(scorer, build([Lead("a")], scorer.project), 0, day(10), 5.0).ways == ()


# Below the line


@given(lead=st.integers(0, N - 1), begin=st.integers(0, 200), under=st.sampled_from([0.0, 0.5, 5.0, 30.0]))
def test_it_is_below_on_that_day_and_was_not_on_any_before(lead: int, begin: int, under: float) -> None:
    as_of = max(day(begin), OF_ID[KNOWN.lead_ids[lead]].created)
    line = score(blended(), KNOWN, lead, as_of) - under
    found = falls(blended(), KNOWN, lead, as_of, line, until_days=60)
    last = as_of + 60 * DAY if found is None else found
    assert (last - as_of) % HOUR == 0 and found != as_of
    if found is not None:
        assert walked(lead, as_of, (), found) < line <= walked(lead, as_of, (), found - HOUR)
    before = range(as_of, last if found else last + 1, DAY)
    assert all(walked(lead, as_of, (), moment) >= line for moment in [*before][-5:])


def fall(line: float, *events: Event, until_days: int = 180) -> float | None:
    """Days from day 10 on."""
    scorer = acme()
    found = falls(scorer, build([Lead("a", events=events)], scorer.project), 0, day(10), line, until_days)
    return None if found is None else (found - day(10)) / DAY


@pytest.mark.parametrize(
    ("line", "events", "expected"),
    [
        (15.0, (Event(day(9), "demo"),), 9 + 1 / 24),
        (15.0, (Event(day(9) + HOUR // 2, "demo"),), 9 + 1 / 24),
        (15.1, (Event(day(9), "demo"),), 8 + 22 / 24),
        (15.0, (Event(day(9), "demo"), Event(day(12), "demo")), 9 + 1 / 24),
        (15.0, (), 0),
        (0.0, (), None),
        (-35.0, (Event(day(9), "complaint"),), 0),
        (0.0, (Event(day(9), "demo"),), None),
    ],
    ids=["halved", "half an hour later", "higher line", "what comes is not known", "below now", "never",
         "below though it will rise", "never quite nothing"],
)  # fmt: skip
def test_falls_by_hand(line: float, events: tuple[Event, ...], expected: float | None) -> None:
    found = fall(line, *events)
    assert found == (expected if expected is None else pytest.approx(expected, abs=1e-9))


def test_it_is_looked_for_no_longer_than_asked() -> None:
    assert fall(15.0, Event(day(9), "demo"), until_days=9) is None
    assert fall(15.0, Event(day(9), "demo"), until_days=10) is not None


def test_a_score_that_dips_and_recovers_falls_at_its_first_dip() -> None:
    silence = {"name": "Silence", "silence": {"at": {12: -9, 14: 0}}, "when": {"kind": "any"}}
    scorer = acme(
        rules=[silence, {"name": "Demo", "points": 30, "when": {"kind": "demo"}}],
        decay={"half_life_days": 900},
    )
    known = build([Lead("a", events=(Event(day(9), "demo"),))], scorer.project)
    found = falls(scorer, known, 0, day(10), 25.0)
    assert found == day(21) and score(scorer, known, 0, day(24)) > 25.0


def test_timelines_of_another_project_are_refused() -> None:
    alien = build([Lead("a")], acme().project)
    with pytest.raises(ModelError, match="the timelines have no attribute 'city'"):
        over(RULES_ONLY, alien, 0, day(1), 5.0)
    with pytest.raises(ModelError, match="build the timelines with its project"):
        falls(RULES_ONLY, alien, 0, day(1), 5.0)
