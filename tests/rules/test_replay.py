"""Promises of the replay: it agrees with the plain reading, sees no future, and is the same in any company."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_company import Event, Lead, book, events, histories, micros
from rule_company import replay as replayed
from rule_oracle import judge

from lead_readiness import rules
from lead_readiness.rules import Replay, RuleBook

KINDS = ("page_view", "pricing_view", "email_open", "unsubscribe", "demo_request")
SOME_DAYS = st.sampled_from([0.5, 1, 2, 7, 30])
WORTH = st.sampled_from([-20, -7.5, 1, 3, 10, 40])
CHUNKS_WORTH = 10_000


def maybe(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys)


def both(*parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda dicts: {k: v for d in dicts for k, v in d.items()})


kinds = st.one_of(st.sampled_from([*KINDS, "any"]), st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
asset = st.sampled_from(["/a", "/*", "*b", ["/a", "/b"]])
value = st.sampled_from([{"min": 0.1}, {"max": 5}, {"min": 1, "max": 10}])
attribute = st.sampled_from(
    [
        {"seniority": ["director", "staff"]},
        {"employees": {"min": 50}},
        {"employees": {"max": 60}, "seniority": "staff"},
    ]
)
event_condition = both(
    st.fixed_dictionaries({"kind": kinds}), maybe(asset=asset, value=value, attribute=attribute)
)
after = both(st.fixed_dictionaries({"kind": kinds, "within_days": SOME_DAYS}), maybe(asset=asset))
STEPS = [
    [{"after_days": 1, "factor": 0.5}, {"after_days": 7.5, "factor": 0.25}],
    [{"after_days": 2, "factor": 0.75}, {"after_days": 10, "factor": 0}],
]
decay = st.sampled_from(
    [
        "none",
        *({"steps": steps} for steps in STEPS),
        {"half_life_days": 7},
        {"window_days": 2},
        {"window_days": 10},
    ]
)
often = st.sampled_from(
    [
        {},
        {},
        {"once": True},
        *({"limit": limit} for limit in ({"count": 2}, {"count": 1, "days": 1}, {"count": 2, "days": 7})),
    ]
)
group = st.sampled_from([{}, {"group": "small"}, {"group": "large"}, {"group": "large"}])
tiers = st.dictionaries(st.integers(1, 6), WORTH, min_size=1, max_size=3)
award_rule = both(
    st.fixed_dictionaries({"points": WORTH, "when": both(event_condition, maybe(after=after))}),
    often,
    st.one_of(st.just({}), decay.map(lambda d: {"decay": d})),
    group,
)
tier_rule = both(
    st.fixed_dictionaries(
        {
            "tiers": st.fixed_dictionaries({"days": SOME_DAYS, "at": tiers}),
            "when": both(event_condition, maybe(after=after)),
        }
    ),
    group,
)
silence_rule = both(
    st.fixed_dictionaries({"silence": tiers.map(lambda at: {"at": at}), "when": event_condition}), group
)
lead_rule = both(
    st.fixed_dictionaries({"points": WORTH, "when": st.fixed_dictionaries({"attribute": attribute})}), group
)
other_rule = st.one_of(tier_rule, silence_rule, lead_rule)


@st.composite
def books(draw: st.DrawFn) -> RuleBook:
    written = draw(st.lists(award_rule, min_size=1, max_size=5)) + draw(st.lists(other_rule, max_size=3))
    more = draw(
        maybe(
            decay=decay,
            floor=st.just(0),
            ceiling=st.just(60),
            exclude=st.lists(
                st.one_of(event_condition, st.fixed_dictionaries({"attribute": attribute})), max_size=1
            ),
            reset=maybe(kinds=st.just(["unsubscribe"]), on_recycle=st.booleans()),
            triggers=st.lists(both(event_condition, maybe(within_days=SOME_DAYS)), max_size=2),
            grades=st.just({"fit": {"A": 10, "B": 1}, "engagement": {1: 30, 2: 10, 3: 1}}),
        )
    )
    return book(*written, groups={"small": {"cap": 12}, "large": {"cap": 45}}, **more)


# Few distinct moments, so that ties, windows' ends and equal ages come up; offsets within and across a second.
moments = st.builds(
    lambda day, micro: day + micro / 86_400_000_000,
    st.integers(0, 40).map(lambda half: half / 2),
    st.sampled_from([0, 0, 1, 400_000, 999_999, 1_000_000]),
)
some_events = st.lists(
    st.builds(
        Event,
        moments,
        st.sampled_from(KINDS),
        st.sampled_from([None, "/a", "/b", "c"]),
        st.sampled_from([None, 0.1, 5.0, 20.0]),
        st.sampled_from([0.0, 0.0, 0.0, 0.3, 12.0]),
    ),
    max_size=25,
)
leads = st.builds(
    Lead,
    some_events.map(tuple),
    maybe(seniority=st.sampled_from(["director", "staff"]), employees=st.sampled_from([10.0, 50.0, 55.0])),
    st.lists(st.integers(2, 38).map(lambda half: half / 2), max_size=2, unique=True).map(tuple),
)
as_of_days = st.sampled_from([40.5, 55.0, 20.0, 10.0, 3.0, 0.0])


def fields(said: Replay) -> list[list[Any]]:
    names = ("points", "contributions", "fit", "engagement", "grade", "excluded", "triggered", "fired")
    return [getattr(said, name).tolist() for name in names]


def crowd(seed: int) -> list[Lead]:
    """Leads with long histories full of ties, late events, returns and events just before and after a second."""
    draw = np.random.default_rng(seed)

    def pick(*options: Any) -> Any:
        return options[draw.integers(len(options))]

    def event() -> Event:
        day = draw.integers(0, 80) / 2 + pick(0, 0, 1, 400_000, 999_999, 1_000_000) / 86_400_000_000
        kind = pick(*["page_view"] * 6, *["pricing_view"] * 6, *["email_open"] * 4, "demo_request", *KINDS)
        return Event(
            day, kind, pick(None, "/a", "/b", "c"), pick(None, 0.1, 5.0, 20.0), pick(0, 0, 0, 0, 0.3, 12)
        )

    def lead() -> Lead:
        who = {"seniority": pick(None, "director", "staff"), "employees": pick(None, 10.0, 50.0, 55.0)}
        returns = tuple(draw.choice(40, pick(0, 0, 1, 2), replace=False) + 0.5)
        return Lead(tuple(event() for _ in range(draw.integers(0, 40))), who, returns)

    return [lead() for _ in range(20)]


@settings(max_examples=150)
@given(books(), st.integers(0, 10_000), as_of_days)
def test_the_kernel_agrees_with_the_plain_reading(written: RuleBook, seed: int, day: float) -> None:
    people = crowd(seed)
    said = replayed(written, *people, day=day)
    n = len(written.rules)
    for i, lead in enumerate(people):
        verdict = judge(written, lead, day)
        assert said.excluded[i] == verdict.excluded
        assert said.triggered[i] == verdict.triggered
        assert said.fired[i].tolist() == verdict.fired
        assert said.contributions[i, :n].tolist() == pytest.approx(verdict.rules, abs=1e-5)
        total = float(said.contributions[i, :n].sum())
        if not verdict.excluded:
            total = max(total, -np.inf if written.floor is None else written.floor)
            total = min(total, np.inf if written.ceiling is None else written.ceiling)
        assert said.points[i] == total


@given(books(), leads, as_of_days, some_events)
def test_the_future_changes_nothing(written: RuleBook, lead: Lead, day: float, more: list[Event]) -> None:
    future = tuple(changed(e, day=e.day + day) for e in more)
    late = tuple(changed(e, late=day + 1) for e in more)
    tomorrow = changed(lead, events=lead.events + future + late, returns=(*lead.returns, 60.0))
    assert fields(replayed(written, lead, day=day)) == fields(replayed(written, tomorrow, day=day))


@given(books(), leads, st.integers(0, 99))
def test_input_order_and_order_within_a_second_change_nothing(
    written: RuleBook, lead: Lead, seed: int
) -> None:
    order = np.random.default_rng(seed)
    whole = [changed(e, day=float(int(e.day * 86_400)) / 86_400, late=0.0) for e in lead.events]
    jitter = order.permutation(len(whole)) / 1e6 / 86_400
    stirred = [changed(e, day=e.day + j) for e, j in zip(whole, jitter)]
    of = np.zeros(1, np.int32), np.array([micros(60)])
    plain = rules.replay(written, histories(changed(lead, events=tuple(whole))), *of)
    mixed = rules.replay(written, histories(changed(lead, events=tuple(stirred)), order=order), *of)
    assert fields(plain) == fields(mixed)


@given(books(), st.lists(leads, min_size=2, max_size=5), st.integers(0, 99))
def test_a_lead_alone_and_in_any_batch_gets_the_same_bits(
    written: RuleBook, people: list[Lead], seed: int
) -> None:
    known = histories(*people)
    rows = np.random.default_rng(seed).integers(0, len(people), 12).astype(np.int32)
    as_of = np.array([micros(day) for day in np.linspace(0, 60, 12)])
    batch = fields(rules.replay(written, known, rows, as_of))
    for i in range(12):
        one = fields(rules.replay(written, known, rows[i : i + 1], as_of[i : i + 1]))
        assert [column[0] for column in one] == [column[i] for column in batch]


def test_a_batch_of_many_chunks_is_the_rows_one_by_one() -> None:
    written = book({"points": 3, "when": {"kind": "page_view"}, "group": "g"}, groups={"g": {"cap": 7}})
    known = histories(*(Lead(events(*["1 page_view"] * (i % 5))) for i in range(10)))
    rows = np.tile(np.arange(10, dtype=np.int32), CHUNKS_WORTH // 10)
    said = rules.replay(written, known, rows, np.full(CHUNKS_WORTH, micros(9)))
    assert said.points.reshape(-1, 10).tolist() == [[0, 3, 6, 7, 7] * 2] * (CHUNKS_WORTH // 10)


@given(books(), st.lists(leads, min_size=1, max_size=3))
def test_contributions_add_up_to_the_last_bit_in_any_order(written: RuleBook, people: list[Lead]) -> None:
    said = replayed(written, *people, day=60)
    assert (said.points == said.contributions.sum(axis=1)).all()
    assert (said.points == said.contributions[:, ::-1].sum(axis=1)).all()
    assert [t.name for t in said.terms][: len(written.rules)] == [r.name for r in written.rules]
    assert said.contributions.shape == (len(people), len(said.terms))


def test_no_rows_give_no_rows() -> None:
    written = book({"points": 3, "when": {"kind": "page_view"}})
    said = rules.replay(written, histories(Lead()), np.zeros(0, np.int32), np.zeros(0, np.int64))
    assert said.points.shape == (0,)
    assert said.contributions.shape == (0, 1)


@pytest.mark.parametrize("decay", ["none", {"steps": [{"after_days": 1, "factor": 0.5}]}])
def test_a_hundred_thousand_events_of_one_lead(decay: object) -> None:
    rule = {"points": 1, "when": {"kind": "page_view", "after": {"kind": "email_open", "within_days": 9}}}
    rule |= {"limit": {"count": 1000, "days": 1}, "group": "g", "decay": decay}
    written = book(
        rule, {"tiers": {"days": 1, "at": {100_000: 7}}, "when": {"kind": "any"}}, groups={"g": {"cap": 900}}
    )
    burst = Event(2, "page_view"), Event(1, "email_open")
    known = histories(Lead(burst))
    many = changed_events(known, 100_000)
    said = rules.replay(written, many, np.zeros(1, np.int32), np.array([micros(2.5)]))
    assert said.contributions.tolist() == [[900, 7]]
    assert said.fired.tolist() == [[1000, 1]]


def changed_events(known: Any, n: int) -> Any:
    """The lead's last event n times over, 0.1 s apart."""
    last = len(known.time) - 1
    of = np.concatenate([np.arange(last), np.full(n, last)])
    time = known.time[of]
    time[last:] += np.arange(n) * 100_000
    columns = {name: getattr(known, name)[of] for name in ("kind", "value", "asset")}
    return changed(known, time=time, recorded=time, start=np.array([0, len(of)]), **columns)
