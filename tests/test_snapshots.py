"""METHOD's gate of time: grid, at-risk set, episodes, labels, horizons, draws."""

import numpy as np
import pytest
from histories import MONDAY, Event, Handoff, Lead, Outcome, build, day, kinds
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness import snapshots
from lead_readiness.project import Kind, Label, Project
from lead_readiness.snapshots import CENSORED, IN_GAP, NEGATIVE, POSITIVE, Snapshots
from lead_readiness.timelines import DAY, NEVER, Timelines

VOCABULARY = {**kinds(visit="up"), "leave": Kind(behaviour="email", direction="down", hold="opt_out")}
PROJECT = Project(name="Acme", vocabulary=VOCABULARY, label=Label(horizon_days=14, gap_days=1))
DAILY = np.array([day(d) for d in range(60)])
END = Lead("the last record", events=(Event(day(59), "visit"),))


def horizon(known: Timelines, days: float = 14) -> np.ndarray:
    return np.full(len(known), round(days * DAY))


def looked_at(lead: Lead, instants: np.ndarray = DAILY) -> list[tuple[float, int]]:
    """The days, and episodes, on which a lead is at risk."""
    known = build([lead, END], PROJECT)
    rows = snapshots.on_grid(known, PROJECT, instants, horizon(known))
    mine = rows[rows.lead == known.find(lead.id)]
    return [((t - MONDAY) / DAY, int(e)) for t, e in zip(mine.as_of, mine.episode)]


def days_at_risk(lead: Lead) -> list[float]:
    return [when for when, _ in looked_at(lead)]


@pytest.mark.parametrize(
    ("first", "last", "cadence", "days"),
    [
        (0, 21, 7, [0, 7, 14, 21]),
        (0.5, 20.9, 7, [7, 14]),
        (-6.9, 0, 7, [0]),
        (1, 6, 7, []),
        (0.5, 3, 1, [1, 2, 3]),
        (-1, 29, 14, [0, 14, 28]),  # every second Monday since 1970
    ],
)
def test_the_grid_is_fixed_calendar_instants(
    first: float, last: float, cadence: int, days: list[int]
) -> None:
    assert ((snapshots.grid(day(first), day(last), cadence) - MONDAY) / DAY).tolist() == days


@given(st.integers(0, day(900)), st.integers(0, 400 * DAY), st.integers(1, 30))
def test_a_grid_is_part_of_any_longer_grid(first: int, length: int, cadence: int) -> None:
    short = snapshots.grid(first, first + length, cadence)
    long = snapshots.grid(max(first - 50 * DAY, 0), first + length + 50 * DAY, cadence)
    assert set(short) == {t for t in long if first <= t <= first + length}
    assert (short % DAY == 0).all()


@pytest.mark.parametrize(
    ("lead", "days"),
    [
        (Lead("x", created=day(56)), [57, 58, 59]),
        (Lead("x", created=day(56) - 1), [56, 57, 58, 59]),
        (Lead("x", created=day(1), outcome=Outcome("won", day(4))), [2, 3]),
        (Lead("x", created=day(1), outcome=Outcome("won", day(4) + 1)), [2, 3, 4]),
        (Lead("x", created=day(1), outcome=Outcome("lost", day(4))), [2, 3]),
        (Lead("x", created=day(1), outcome=Outcome("disqualified", day(4))), [2, 3]),
        (Lead("x", created=day(1), outcome=Outcome("won", day(9), opportunity=day(4))), [2, 3]),
        (Lead("x", created=day(1), outcome=Outcome("lost", day(9), opportunity=day(4))), [2, 3]),
        (Lead("x", created=day(1), handoffs=(Handoff(day(4)),)), [2, 3, 4]),
        (Lead("x", created=day(1), handoffs=(Handoff(day(4) - 1),)), [2, 3]),
        (Lead("x", created=day(1), events=(Event(day(3), "leave"),)), [2, 3]),
        (Lead("x", created=day(1), events=(Event(day(3) - 1, "leave"),)), [2]),
        (Lead("x", created=day(1), events=(Event(day(2) - 1, "leave", late=2 * DAY + 1),)), [2, 3]),
        (
            Lead("x", created=day(1), events=(Event(day(2), "leave", late=3 * DAY), Event(day(4), "leave"))),
            [2, 3, 4],
        ),
    ],
)
def test_who_is_at_risk(lead: Lead, days: list[int]) -> None:
    assert days_at_risk(lead) == days


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        (
            Lead("x", created=day(1), handoffs=(Handoff(day(3), day(6)), Handoff(day(8), day(57)))),
            [(2, 0), (3, 0), (7, 1), (8, 1), (58, 2), (59, 2)],
        ),
        (
            Lead("x", created=day(1), handoffs=(Handoff(day(3), day(6)), Handoff(day(8)))),
            [(2, 0), (3, 0), (7, 1), (8, 1)],
        ),
        (
            Lead("x", created=day(1), handoffs=(Handoff(day(3), day(6)),), outcome=Outcome("won", day(8))),
            [(2, 0), (3, 0), (7, 1)],
        ),
        (
            Lead("x", created=day(1), handoffs=(Handoff(day(3), day(6)),), events=(Event(day(5), "leave"),)),
            [(2, 0), (3, 0)],
        ),
        (
            Lead("x", created=day(1), handoffs=(Handoff(day(3), day(6)), Handoff(day(6), day(57)))),
            [(2, 0), (3, 0), (58, 2), (59, 2)],
        ),
        (Lead("x", created=day(3), handoffs=(Handoff(day(3), day(57)),)), [(58, 1), (59, 1)]),
    ],
)
def test_a_return_begins_a_new_episode(lead: Lead, expected: list[tuple[float, int]]) -> None:
    assert looked_at(lead) == expected


def label(outcome: Outcome | None, as_of: float, days: float | None, cut: float = 59) -> int:
    known = build([Lead("x", outcome=outcome), END], PROJECT).as_known_at(day(cut))
    span = np.full(len(known), NEVER) if days is None else horizon(known, days)
    rows = snapshots.on_grid(known, PROJECT, np.array([day(as_of)]), span)
    return int(rows.label[rows.lead == known.find("x")][0])


MICROSECOND = 1 / DAY


@pytest.mark.parametrize(
    ("outcome", "as_of", "days", "expected"),
    [
        (Outcome("won", day(10) + DAY + 1), 10, 14, POSITIVE),
        (Outcome("won", day(10) + DAY), 10, 14, IN_GAP),
        (Outcome("won", day(10) + 1), 10, 14, IN_GAP),
        (Outcome("won", day(24)), 10, 14, POSITIVE),
        (Outcome("won", day(24) + 1), 10, 14, NEGATIVE),
        (Outcome("won", day(30), opportunity=day(24)), 10, 14, POSITIVE),
        (Outcome("won", day(20), opportunity=day(11)), 10, 14, IN_GAP),
        (Outcome("lost", day(20)), 10, 14, NEGATIVE),
        (Outcome("lost", day(11)), 10, 14, IN_GAP),
        (Outcome("disqualified", day(20)), 10, 14, NEGATIVE),
        (None, 10, 14, NEGATIVE),
        (None, 45, 14, NEGATIVE),  # the horizon ends on the day of the cut
        (None, 46, 14, CENSORED),
        (None, 45, 14 + MICROSECOND, CENSORED),
        (Outcome("lost", day(50)), 46, 14, NEGATIVE),  # decided: never to be won
        (Outcome("won", day(50)), 46, 14, POSITIVE),
        (Outcome("won", day(58)), 10, None, POSITIVE),
        (Outcome("lost", day(58)), 10, None, NEGATIVE),
        (None, 10, None, CENSORED),
    ],
)
def test_labels(outcome: Outcome | None, as_of: float, days: float | None, expected: int) -> None:
    assert label(outcome, as_of, days) == expected


@pytest.mark.parametrize(
    ("cut", "expected"), [(59, POSITIVE), (30, POSITIVE), (29.9, NEGATIVE), (24, NEGATIVE), (23.9, CENSORED)]
)
def test_labels_are_those_known_at_the_cut(cut: float, expected: int) -> None:
    assert label(Outcome("won", day(30), opportunity=day(20)), as_of=10, days=14, cut=cut) == expected


def test_an_opportunity_ends_the_time_at_risk_once_its_outcome_is_known() -> None:
    known = build([Lead("x", outcome=Outcome("won", day(30), opportunity=day(20))), END], PROJECT)
    for cut, last in ((30, 19), (29, 29)):
        rows = snapshots.on_grid(known.as_known_at(day(cut)), PROJECT, DAILY[: cut + 1], horizon(known))
        assert rows.as_of[rows.lead == known.find("x")].max() == day(last)


def drawn(leads: list[Lead], per_episode: int, seed: int, lead: str) -> list[tuple[int, int]]:
    known = build(leads, PROJECT)
    rows = snapshots.on_grid(known, PROJECT, DAILY, horizon(known))
    picked = snapshots.draw(rows, known, per_episode, seed)
    mine = picked.lead == known.find(lead)
    return list(zip(picked.as_of[mine].tolist(), picked.episode[mine].tolist()))


@given(st.integers(1, 9), st.integers(0, 2**40), st.integers(0, 5))
def test_a_draw_depends_on_seed_lead_and_instant_alone(per_episode: int, seed: int, others: int) -> None:
    lead = Lead("x", handoffs=(Handoff(day(20), day(30)), Handoff(day(33), day(40))))
    alone = drawn([lead, END], per_episode, seed, "x")
    strangers = [Lead(f"{n} stranger", handoffs=(Handoff(day(20), day(30)),)) for n in range(others)]
    assert drawn([*strangers, END, lead], per_episode, seed, "x") == alone
    episodes = np.bincount([episode for _, episode in alone])
    assert episodes.tolist() == [min(per_episode, 20), min(per_episode, 3), min(per_episode, 19)]
    assert alone == sorted(alone)


def test_draws_differ_by_seed_and_lead_and_reach_every_instant() -> None:
    leads = [Lead("x"), Lead("y"), END]
    assert drawn(leads, 8, 1, "x") != drawn(leads, 8, 2, "x")
    assert drawn(leads, 8, 1, "x") != drawn(leads, 8, 1, "y")
    hits = np.zeros(60)
    for seed in range(150):
        for as_of, _ in drawn(leads, 8, seed, "x"):
            hits[(as_of - MONDAY) // DAY] += 1
    assert hits[0] == 0 and hits[1:].min() >= 5 and hits.max() <= 40  # 8 of 59, 150 times: 20 expected


def test_rows_drawn_weigh_as_much_as_the_rows_they_stand_for() -> None:
    known = build(
        [Lead("x"), Lead("y", created=day(58)), Lead("z", handoffs=(Handoff(day(5), day(9)),)), END], PROJECT
    )
    rows = snapshots.on_grid(known, PROJECT, DAILY, horizon(known))
    assert (rows.weight == 1.0).all()
    some = snapshots.draw(rows, known, 3, seed=1)
    for lead, episode, size, weight in (
        (0, 0, 59, 59 / 3),
        (1, 0, 59, 59 / 3),
        (2, 0, 1, 1.0),
        (3, 0, 5, 5 / 3),
    ):
        mine = (some.lead == lead) & (some.episode == episode)
        assert some.weight[mine].tolist() == pytest.approx([weight] * min(size, 3))
    assert some.weight.sum() == pytest.approx(len(rows))
    again = snapshots.draw(some, known, 2, seed=2)
    assert again.weight.sum() == pytest.approx(len(rows))


def test_parts_join_to_the_whole() -> None:
    known = build([Lead("x"), END], PROJECT)
    rows = snapshots.on_grid(known, PROJECT, DAILY, horizon(known))
    joined = Snapshots.join([rows[rows.as_of < day(9)], rows[rows.as_of >= day(9)]])
    assert sorted(zip(joined.lead, joined.as_of)) == list(zip(rows.lead, rows.as_of))
    assert len(joined.weight) == len(joined.label) == len(joined) == len(rows)


def test_wins_are_leads_not_rows() -> None:
    won = [Lead(x, outcome=Outcome("won", day(20))) for x in "ab"]
    known = build([*won, Lead("c"), END], PROJECT)
    rows = snapshots.on_grid(known, PROJECT, DAILY, horizon(known))
    assert (rows.label == POSITIVE).sum() > 2
    assert rows.wins == 2


def after(lead: Lead) -> list[tuple[float, int]]:
    known = build([lead, END], PROJECT)
    rows = snapshots.after_events(known, PROJECT, horizon(known))
    mine = rows[rows.lead == known.find(lead.id)]
    return [((t - MONDAY) / DAY, int(e)) for t, e in zip(mine.as_of, mine.episode)]


STEP = MICROSECOND


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        (Lead("x"), []),
        (Lead("x", events=(Event(day(3), "visit"), Event(day(2), "visit"))), [(2 + STEP, 0), (3 + STEP, 0)]),
        (Lead("x", events=(Event(day(2), "visit"), Event(day(2), "leave", late=DAY))), [(2 + STEP, 0)]),
        (Lead("x", events=(Event(day(2), "visit"), Event(day(2), "visit"))), [(2 + STEP, 0)]),
        (
            Lead("x", events=(Event(day(2), "visit", late=3 * DAY), Event(day(4), "visit"))),
            [(4 + STEP, 0), (5, 0)],
        ),
        (
            Lead("x", created=day(2), events=(Event(day(2) - 1, "visit"), Event(day(2), "visit"))),
            [(2 + STEP, 0)],
        ),
        (Lead("x", events=(Event(day(2), "visit"),), outcome=Outcome("won", day(2) + 1)), []),
        (Lead("x", events=(Event(day(2), "visit"),), outcome=Outcome("won", day(2) + 2)), [(2 + STEP, 0)]),
        (
            Lead(
                "x",
                handoffs=(Handoff(day(3), day(6)), Handoff(day(8))),
                events=tuple(Event(day(d), "visit") for d in (2, 4, 7, 9)),
            ),
            [(2 + STEP, 0), (7 + STEP, 1)],
        ),
    ],
)
def test_one_snapshot_as_soon_as_each_event_is_visible(lead: Lead, expected: list[tuple[float, int]]) -> None:
    assert after(lead) == [(pytest.approx(when, abs=STEP / 4), episode) for when, episode in expected]


def test_the_second_grid_has_labels_and_may_be_empty() -> None:
    visit = (Event(day(2), "visit"),)
    known = build(
        [Lead("a", events=visit, outcome=Outcome("won", day(9))), Lead("b", events=visit), END], PROJECT
    )
    rows = snapshots.after_events(known, PROJECT, horizon(known))
    assert rows.label.tolist() == [POSITIVE, NEGATIVE, CENSORED]
    silent = build([Lead("a")], PROJECT)
    assert len(snapshots.after_events(silent, PROJECT, horizon(silent))) == 0


moments = st.integers(0, 60 * 4).map(lambda quarter: day(quarter / 4))


@given(
    st.lists(moments, max_size=4, unique=True),
    st.lists(
        st.builds(Event, moments, st.sampled_from(["visit", "leave"]), st.sampled_from([0, 1, DAY])),
        max_size=3,
    ),
    st.none() | st.builds(Outcome, st.sampled_from(["won", "lost"]), moments),
)
def test_both_grids_see_the_same_time_at_risk(
    marks: list[int], events: list[Event], outcome: Outcome | None
) -> None:
    marks = sorted(marks)
    handoffs = tuple(Handoff(a, b) for a, b in zip(marks[::2], [*marks[1::2], None]))
    leads = [Lead("x", created=day(1), events=tuple(events), handoffs=handoffs, outcome=outcome), END]
    known = build(leads, PROJECT)
    seen = snapshots.after_events(known, PROJECT, horizon(known))
    instants = np.unique(np.maximum(known.time + 1, known.recorded))
    same = snapshots.on_grid(known, PROJECT, instants, horizon(known))
    mine = [i for i, e in enumerate(zip(same.lead, same.as_of)) if e in set(zip(seen.lead, seen.as_of))]
    assert len(mine) == len(seen)
    for name in ("lead", "as_of", "episode", "label"):
        assert np.array_equal(getattr(same[np.array(mine, int)], name), getattr(seen, name))
