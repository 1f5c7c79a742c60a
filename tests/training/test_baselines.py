"""What the model is compared with: orders of activity as it is seen, and counts of what was decided by the cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from histories import Event, Handoff, Lead, Outcome, build, day, kinds
from hypothesis import given, settings
from hypothesis import strategies as st
from leaky_company import CUT, FUTURES, company
from leaky_company import PROJECT as LEAKY
from sklearn.naive_bayes import CategoricalNB
from trained import BOOK, TABLES, dataset_of, everyone

from lead_readiness import project as projects
from lead_readiness.project import Kind
from lead_readiness.timelines import DAY
from training.dataset import Dataset
from training.judgement import baselines
from training.judgement.baselines import BAYES, BUSY, ENGAGED, FEWEST, MANY, RECENT, Baselines

PROJECT = projects.parse(
    {
        "name": "Small",
        "rules": "rules.yaml",
        "tables": TABLES,
        "vocabulary": {
            **kinds(visit="up", complaint="down"),
            "send": Kind(behaviour="email", actor="marketing"),
            "call": Kind(behaviour="call", actor="sales"),
        },
        "attributes": {
            "source": "category",
            "city": "category",
            "size": "number",
            "secret": {"type": "category", "scored": False},
        },
    }
)
LEADS = company(300)
DATA = dataset_of(LEADS)
END = day(90)


def small(leads: Sequence[Lead]) -> Dataset:
    return Dataset(PROJECT, BOOK, build(leads, PROJECT), (), np.zeros(0, np.int64), {}, np.zeros(0, np.int64))


def decided(
    won: Sequence[bool], events: Sequence[tuple[Event, ...]] = (), **columns: Sequence[object]
) -> Dataset:
    """One lead a place, decided on the tenth day."""
    return small(
        [
            Lead(
                f"{n:04}",
                outcome=Outcome("won" if won[n] else "lost", day(10)),
                events=events[n] if events else (),
                attributes={name: values[n] for name, values in columns.items()},
            )
            for n in range(len(won))
        ]
    )


def learned(data: Dataset, cut: int = END) -> Baselines:
    return baselines.fit(data, cut, everyone(data))


def said(by: Baselines, data: Dataset, as_of: int = END) -> dict[str, dict[str, float]]:
    """Every lead's scores by its id."""
    known = data.timelines
    scores = by.scores(known, np.arange(len(known), dtype=np.int32), np.full(len(known), as_of))
    return {name: dict(zip(known.lead_ids, column.tolist())) for name, column in scores.items()}


def asked(by: Baselines, name: str, *leads: Lead, as_of: int = END) -> list[float]:
    scores = said(by, small(leads), as_of)[name]
    return [scores[x.id] for x in leads]


def visits(*days: float) -> tuple[Event, ...]:
    return tuple(Event(day(d), "visit") for d in days)


@pytest.fixture(scope="module")
def by() -> Baselines:
    """What all of the leaky company's history teaches."""
    return learned(DATA)


# Orders of activity


@pytest.mark.parametrize(
    ("events", "days", "fortnight"),
    [
        (visits(10, 50, 88), 2, 1),
        (visits(80, 81, 82, 83), 7, 4),
        (visits(76), 14, 1),
        (visits(75.9), 14.1, 0),
        (visits(80, 90), 10, 1),
        ((Event(day(80), "visit"), Event(day(85), "visit", late=5 * DAY)), 5, 2),
        ((Event(day(80), "visit"), Event(day(85), "visit", late=5 * DAY + 1)), 10, 1),
        ((Event(day(80), "visit"), *(Event(day(89), kind) for kind in ("complaint", "send", "call"))), 10, 1),
        (visits(-900), 730, 0),
        ((), 730, 0),
    ],
    ids=["few", "many", "edge", "past it", "at as_of", "late", "too late", "no activity", "ages ago", "none"],
)
def test_activity_is_counted_and_timed_as_it_was_seen(
    events: tuple[Event, ...], days: float, fortnight: int
) -> None:
    data = small([Lead("a", created=day(-950), events=events)])
    scores = said(learned(data), data)
    assert scores[RECENT]["a"] == pytest.approx(-days)
    assert scores[BUSY]["a"] == fortnight


def test_the_readier_lead_stands_higher() -> None:
    leads = [Lead("late", events=visits(89)), Lead("busy", events=visits(85, 86, 87)), Lead("silent")]
    by = learned(small(leads))
    assert asked(by, RECENT, *leads) == pytest.approx([-1, -3, -730])
    assert asked(by, BUSY, *leads) == [1, 3, 0]


# Naive Bayes


@pytest.mark.parametrize(
    ("known", "odds"),
    [
        ({"source": "fair"}, (2.1 / 3.2) / (0.1 / 2.2)),
        ({"source": "web"}, (1.1 / 3.2) / (2.1 / 2.2)),
        ({"source": "web", "city": "Bonn"}, (1.1 / 3.2) / (2.1 / 2.2) * (1.1 / 2.2) / (0.1 / 1.2)),
        ({"source": "radio"}, 1),
        ({"source": "radio", "city": "Kiel"}, (1.1 / 2.2) / (1.1 / 1.2)),
        ({}, 1),
        ({"secret": "yes"}, 1),
    ],
    ids=str,
)
def test_shares_of_won_and_lost_are_multiplied(known: dict[str, str], odds: float) -> None:
    data = decided(
        [True, True, True, False, False],
        source=["fair", "fair", "web", "web", "web"],
        city=["Bonn", "Kiel", None, "Kiel", None],
        secret=["yes", "yes", "yes", "no", "no"],
    )
    odds *= 3.1 / 2.1
    assert asked(learned(data), BAYES, Lead("x", attributes=known)) == pytest.approx([odds / (1 + odds)])


def test_numbers_are_taken_by_quintile_the_edge_in_the_lower_one() -> None:
    data = decided([n >= 9 for n in range(11)], size=[float(n) for n in range(11)])
    sizes = (-5.0, 2.0, 8.0, 8.5, 99.0, None)
    scores = asked(learned(data), BAYES, *(Lead(str(n), attributes={"size": n}) for n in sizes))
    lowest, fourth, fifth = (0.1 / 2.5) / (3.1 / 9.5), (0.1 / 2.5) / (2.1 / 9.5), (2.1 / 2.5) / (0.1 / 9.5)
    odds = np.array([lowest, lowest, fourth, fifth, fifth, 1]) * 2.1 / 9.1
    assert scores == pytest.approx((odds / (1 + odds)).tolist())


def test_complete_categories_are_judged_as_by_scikit_learn() -> None:
    rng = np.random.default_rng(5)
    x, won = rng.integers(0, 4, (200, 2)), rng.random(200) < 0.3
    data = decided(won.tolist(), source=[f"s{v}" for v in x[:, 0]], city=[f"c{v}" for v in x[:, 1]])
    wins = won.sum() + 0.1
    prior = [1 - wins / 200.2, wins / 200.2]
    theirs = CategoricalNB(alpha=0.1, class_prior=prior).fit(x, won).predict_proba(x)[:, 1]
    ours = said(learned(data), data)[BAYES]
    assert [ours[f"{n:04}"] for n in range(200)] == pytest.approx(theirs.tolist())


@pytest.mark.parametrize(
    ("others", "cases", "counts"), [(MANY, 49, False), (MANY, 50, True), (MANY - 1, 49, True)]
)
def test_of_a_category_with_many_values_the_rare_ones_are_dropped(
    others: int, cases: int, counts: bool
) -> None:
    cities = ["rare"] * cases + [f"city {n}" for n in range(others) for _ in range(FEWEST)]
    data = decided([n < cases or n % 5 == 0 for n in range(len(cities))], city=cities)
    rare, new = asked(learned(data), BAYES, *(Lead(n, attributes={"city": n}) for n in ("rare", "new")))
    assert (rare > new) == counts and (rare == new) != counts


def test_a_disqualified_lead_is_a_lost_one_and_an_open_one_is_none() -> None:
    ends = [Outcome(what, day(5)) for what in ("won", "lost", "disqualified")]
    data = small([Lead(str(n), outcome=end) for n, end in enumerate([*ends, None])])
    assert asked(learned(data), BAYES, Lead("x")) == pytest.approx([1.1 / 3.2])


@pytest.mark.parametrize(("won", "chance"), [([], 0.5), ([True] * 3, 3.1 / 3.2), ([False] * 3, 0.1 / 3.2)])
def test_without_both_won_and_lost_all_leads_stand_alike(won: list[bool], chance: float) -> None:
    open_ = [Lead("open", events=visits(80)), Lead("fair", attributes={"source": "fair", "size": 3.0})]
    past = [
        Lead(
            str(n), outcome=Outcome("won" if w else "lost", day(9)), attributes={"source": source, "size": n}
        )
        for n, (w, source) in enumerate(zip(won, ["fair", "fair", "web"]))
    ]
    data = small([*open_, *past])
    scores = said(learned(data), data)
    for name in (BAYES, ENGAGED):
        assert list(scores[name].values()) == pytest.approx([chance] * len(data.timelines))


def test_an_attribute_that_no_decided_lead_shows_tells_nothing() -> None:
    data = decided([True, False], source=[None, None], size=[None, None])
    lead = Lead("x", attributes={"source": "web", "size": 4.0})
    assert asked(learned(data), BAYES, lead) == [0.5]


# Engagement


def test_engagement_tells_where_attributes_do_not() -> None:
    data = decided([True] * 5 + [False] * 5, events=[visits(5, 6, 9)] * 5 + [visits(1)] * 5)
    active, silent = Lead("active", events=visits(85, 86, 89)), Lead("silent", events=visits(1))
    same = asked(learned(data), BAYES, active, silent)
    high, low = asked(learned(data), ENGAGED, active, silent)
    assert same == [0.5, 0.5] and high > 0.9 and low < 0.1


@pytest.mark.parametrize(
    "left",
    [
        {"outcome": Outcome("won", day(20), opportunity=day(8))},
        {"outcome": Outcome("won", day(20)), "handoffs": (Handoff(day(8)),)},
        {"outcome": Outcome("won", day(20)), "handoffs": (Handoff(day(5), day(7), "price"), Handoff(day(8)))},
        {"outcome": Outcome("won", day(8))},
    ],
    ids=["opportunity", "hand-off", "second hand-off", "decision"],
)
def test_a_lead_teaches_what_it_showed_when_it_was_last_at_risk(left: dict[str, object]) -> None:
    def taught(*events: Event) -> dict[str, dict[str, float]]:
        won = [Lead(f"w{n}", events=(*visits(7), *events), **left) for n in range(5)]
        lost = [Lead(f"l{n}", outcome=Outcome("lost", day(30)), events=visits(n)) for n in range(5)]
        return said(
            learned(small([*won, *lost])), small([Lead(str(n), events=visits(*range(n))) for n in range(9)])
        )

    assert taught(*visits(8, 9, 12, 25)) == taught()
    assert taught(Event(day(6), "visit", late=4 * DAY)) == taught()
    assert taught(*visits(7.2, 7.4, 7.6)) != taught()


def test_a_lead_that_was_never_at_risk_teaches_by_its_attributes_alone() -> None:
    won, lost = Outcome("won", day(9)), Outcome("lost", day(9), opportunity=day(3))
    fair, web = {"source": "fair"}, {"source": "web"}
    usual = [Lead(f"won {n}", events=visits(n), outcome=won, attributes=fair) for n in range(4)]
    usual += [Lead(f"lost {n}", outcome=lost, attributes=web) for n in range(4)]
    born = Lead("born", events=visits(1), outcome=replace(lost, opportunity=day(0)), attributes=fair)
    without, with_it = learned(small(usual)), learned(small([*usual, born]))
    for one, other in zip(without.engagement, with_it.engagement):
        assert one.ratio.to_dict() == other.ratio.to_dict()
    assert with_it.attributes["source"].ratio["fair"] < without.attributes["source"].ratio["fair"]


# What was known, of whom


@pytest.mark.parametrize("future", FUTURES)
def test_what_comes_after_the_cut_teaches_nothing(future: str) -> None:
    assert said(learned(dataset_of(FUTURES[future](LEADS, CUT)), CUT - 1), DATA) == said(
        learned(DATA, CUT - 1), DATA
    )


@pytest.mark.parametrize("future", FUTURES)
def test_what_comes_after_a_moment_changes_no_score_of_then(future: str, by: Baselines) -> None:
    at = day(110)
    then = said(by, DATA, at)
    now = said(by, dataset_of(FUTURES[future](LEADS, at)), at)
    for name, scores in then.items():
        assert {lead: now[name][lead] for lead in scores} == scores


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 50), st.sampled_from(LEAKY.kinds), st.integers(0, 9)), max_size=8))
def test_no_later_event_changes_a_score(by: Baselines, later: list[tuple[float, str, int]]) -> None:
    more = tuple(Event(CUT + round(d * DAY), kind, late=late * DAY) for d, kind, late in later)
    lead = LEADS[0]
    first, second = dataset_of([lead]), dataset_of([replace(lead, events=(*lead.events, *more))])
    assert said(by, first, CUT) == said(by, second, CUT)


def test_other_accounts_teach_nothing() -> None:
    def of_some(data: Dataset) -> Baselines:
        account = {x.id: x.account or "" for x in LEADS}
        first = data.timelines.lead_ids[data.timelines.account_start[:-1]]
        return baselines.fit(data, CUT, np.array([account[i] < "account 070" for i in first]))

    swap = {"won": "lost", "lost": "won", "disqualified": "won"}
    other = [
        replace(
            x,
            events=(),
            attributes={},
            outcome=x.outcome and Outcome(swap[x.outcome.what], x.outcome.decided),
        )
        if (x.account or "") >= "account 070"
        else x
        for x in LEADS
    ]
    assert (
        said(of_some(dataset_of(other)), DATA) == said(of_some(DATA), DATA) != said(learned(DATA, CUT), DATA)
    )


def test_an_outcome_counts_from_the_day_it_is_decided() -> None:
    data = decided([True, False, False])
    assert [asked(learned(data, cut), BAYES, Lead("x")) for cut in (day(10) - 1, day(10))] == [
        [0.5],
        pytest.approx([1.1 / 3.2]),
    ]


def test_the_order_of_rows_and_of_tables_changes_nothing(by: Baselines) -> None:
    rng = np.random.default_rng(2)
    shuffled = learned(replace(DATA, timelines=build(LEADS, LEAKY, shuffle=4)))
    assert said(shuffled, DATA) == said(by, DATA)
    lead = rng.integers(0, len(LEADS), 500).astype(np.int32)
    as_of = day(0) + rng.integers(0, 200, 500) * DAY
    order = rng.permutation(500)
    straight = by.scores(DATA.timelines, lead, as_of)
    mixed = by.scores(DATA.timelines, lead[order], as_of[order])
    for name in (RECENT, BUSY, BAYES, ENGAGED):
        assert np.array_equal(straight[name][order], mixed[name]) and np.isfinite(mixed[name]).all()
