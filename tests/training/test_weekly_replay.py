"""Replays small enough to check by hand: rows are written as a table, one line per lead and one column per week."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness.errors import DataError
from lead_readiness.snapshots import CENSORED, IN_GAP, NEGATIVE, POSITIVE, Snapshots
from lead_readiness.timelines import DAY, NEVER
from training.judgement import replay as r
from training.judgement.replay import AtRisk, Leads, replay

WEEK = 7 * DAY
NO = np.nan


def rows_of(table: list[list[float | None]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lead, instant and score of every cell; ``None`` where the lead is not at risk."""
    cells = [
        (lead, week, s)
        for week in range(len(table[0]))
        for lead, line in enumerate(table)
        if (s := line[week]) is not None
    ]
    lead, week, score = zip(*cells)
    return np.array(lead, np.int32), np.array(week, np.int64) * WEEK, np.array(score, float)


def handed(
    table: list[list[float | None]], capacity: int | list[int], threshold: float | None = None
) -> list[tuple[int, int]]:
    """(lead, week) of every hand-off, in order."""
    lead, instant, score = rows_of(table)
    room = capacity if isinstance(capacity, int) else np.array(capacity)
    rows = replay(lead, instant, score, room, threshold=threshold)
    return [(int(lead[i]), int(instant[i] // WEEK)) for i in rows]


@pytest.mark.parametrize(
    ("table", "capacity", "expected"),
    [
        ([[9, 9, 9], [5, 5, 5], [1, 1, 1]], 1, [(0, 0), (1, 1), (2, 2)]),
        ([[9, 9, 9], [5, 5, 5], [1, 1, 1]], 2, [(0, 0), (1, 0), (2, 1)]),
        ([[9, 9, 9], [5, 5, 5], [1, 1, 1]], [0, 2, 1], [(0, 1), (1, 1), (2, 2)]),
        ([[1, 9, 9], [5, 5, 5], [None, 7, 7]], 1, [(1, 0), (0, 1), (2, 2)]),
        ([[9, None, 9], [None, None, 5], [1, None, 1]], 1, [(0, 0), (1, 2)]),
        ([[NO, NO, 9], [5, 5, 5], [NO, NO, NO]], 1, [(1, 0), (0, 2)]),
    ],
    ids=["one a week", "two a week", "own volumes", "scores change", "weeks without leads", "missing scores"],
)
def test_each_week_the_best_that_were_not_handed_off_before(
    table: list[list[float | None]], capacity: int | list[int], expected: list[tuple[int, int]]
) -> None:
    assert handed(table, capacity) == expected


def test_below_its_threshold_a_rule_book_hands_off_nobody() -> None:
    table: list[list[float | None]] = [[59, 60, 60], [10, 70, 80], [61, 0, 0]]
    assert handed(table, 2, threshold=60.0) == [(2, 0), (1, 1), (0, 1)]
    assert handed(table, 1, threshold=60.0) == [(2, 0), (1, 1), (0, 2)]


def test_a_lead_that_may_not_go_keeps_its_turn() -> None:
    lead, instant, score = rows_of([[9, 9], [5, 5]])
    eligible = ~((lead == 0) & (instant == 0))
    rows = replay(lead, instant, score, 1, eligible=eligible)
    assert [(int(lead[i]), int(instant[i] // WEEK)) for i in rows] == [(1, 0), (0, 1)]


def test_given_ties_decide_among_equals_only() -> None:
    lead, instant, score = np.array([0, 1, 2]), np.zeros(3, np.int64), np.array([5.0, 5.0, 6.0])
    tie = np.array([2, 1, 9], dtype=np.uint64)
    assert replay(lead, instant, score, 2, tie=tie).tolist() == [2, 1]


def test_ties_favour_nobody() -> None:
    lead, instant, score = np.arange(10), np.zeros(10, np.int64), np.zeros(10)
    first = [int(replay(lead, instant, score, 1, seed=seed)[0]) for seed in range(1000)]
    assert np.bincount(first, minlength=10).min() > 60  # 100 expected each
    assert replay(lead, instant, score, 1, seed=5) == replay(lead, instant, score, 1, seed=5)


def test_ties_may_be_broken_by_lead_ids() -> None:
    ids = np.array(["b", "a", "ü"], dtype=object)
    ties = r.tie_break(ids, [0, 0, 0], seed=1)
    assert (r.tie_break(ids[::-1], [0, 0, 0], seed=1) == ties[::-1]).all()
    assert len(set(ties.tolist())) == 3


@given(
    st.lists(st.lists(st.none() | st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=8),
    st.integers(1, 3),
)
def test_as_the_slow_loop_and_in_any_row_order(table: list[list[float | None]], capacity: int) -> None:
    if all(cell is None for line in table for cell in line):
        return
    lead, instant, score = rows_of(table)
    tie = r.tie_break(lead, instant, seed=0)
    gone: set[int] = set()
    slow = []
    for week in sorted(set(instant.tolist())):
        here = [i for i in range(len(lead)) if instant[i] == week and int(lead[i]) not in gone]
        best = sorted(here, key=lambda i: (-score[i], tie[i]))[:capacity]
        gone |= {int(lead[i]) for i in best}
        slow += best
    assert replay(lead, instant, score, capacity).tolist() == slow
    order = np.random.default_rng(len(lead)).permutation(len(lead))
    again = replay(lead[order], instant[order], score[order], capacity)
    assert order[again].tolist() == slow


def test_no_rows_hand_off_nobody() -> None:
    nothing = np.zeros(0, np.int64)
    assert len(replay(nothing, nothing, np.zeros(0), 5)) == 0


def test_a_lead_twice_in_a_week_is_refused() -> None:
    with pytest.raises(DataError, match="1 rows repeat a lead at the same instant"):
        replay(np.array([3, 3]), np.array([0, 0]), np.array([1.0, 2.0]), 1)


@pytest.mark.parametrize("capacity", [np.array([1, 2, 3]), -1])
def test_a_capacity_that_does_not_fit_is_refused(capacity: int | np.ndarray) -> None:
    with pytest.raises(DataError, match="for 2 instants; give one number of leads"):
        replay(np.array([0, 1]), np.array([0, WEEK]), np.array([1.0, 2.0]), capacity)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(DataError, match="2 leads, 1 instants, 2 labels and 2 weights"):
        AtRisk(np.zeros(2, np.int32), np.zeros(1, np.int64), np.zeros(2, np.int8), np.zeros(2))


def world() -> tuple[AtRisk, Leads]:
    """Five leads over three weeks, H = 14 days.

    0 wins on day 10, 1 on day 16, 2 on day 40 (after the window), 3 never, 4 wins on day 5 but is never at risk.
    """
    won_at = np.array([10 * DAY, 16 * DAY, 40 * DAY, NEVER, 5 * DAY])
    cells = [(0, 0, POSITIVE), (1, 0, NEGATIVE), (2, 0, NEGATIVE), (3, 0, NEGATIVE)]
    cells += [(0, 1, POSITIVE), (1, 1, POSITIVE), (2, 1, NEGATIVE), (3, 1, CENSORED)]
    cells += [(1, 2, IN_GAP), (2, 2, NEGATIVE), (3, 2, CENSORED)]
    lead, week, label = (np.array(column) for column in zip(*cells))
    rows = AtRisk(lead.astype(np.int32), week * WEEK, label.astype(np.int8), np.ones(len(lead)))
    amount = np.array([100.0, 300.0, 50.0, np.nan, 70.0])
    return rows, Leads(np.arange(5), won_at, amount, np.full(5, 14 * DAY))


@pytest.mark.parametrize(
    ("handed", "reached", "days", "revenue", "precision", "recall", "lift"),
    [
        # rows: 0-3 in week 0, 4-7 in week 1, 8-10 in week 2; 8 rows have a known label, 3 of them positive
        ([0, 5], 2 / 2, (10 + 9) / 2, 400 / 400, 2 / 2, 2 / 2, 8 / 3),
        ([0], 1 / 2, 10 / 2, 100 / 400, 1 / 1, 1 / 2, 8 / 3),
        ([1, 4], 2 / 2, (3 + 14) / 2, 400 / 400, 1 / 2, 1 / 2, 1 / 2 * 8 / 3),
        ([2, 7, 8], 1 / 2, 2 / 2, 300 / 400, 0 / 1, 0 / 2, 0),
        ([7], 0, 0, 0, NO, 0, NO),
        ([], 0, 0, 0, NO, 0, NO),
    ],
    ids=["both in time", "one", "one too early for its label", "in the gap", "only unlabelled", "nobody"],
)
def test_what_the_hand_offs_reach(
    handed: list[int],
    reached: float,
    days: float,
    revenue: float,
    precision: float,
    recall: float,
    lift: float,
) -> None:
    rows, leads = world()
    total = r.sums(rows, leads, np.array(handed, dtype=np.int64), until=3 * WEEK).sum(axis=0)
    expected = [reached, days, revenue, precision, recall, lift]
    assert r.from_sums(total[None])[0] == pytest.approx(expected, nan_ok=True)


def test_winners_were_at_risk_and_won_in_the_window() -> None:
    rows, leads = world()
    assert r.winners(rows, leads, until=3 * WEEK).tolist() == [True, True, False, False, False]
    assert r.winners(rows, leads, until=2 * WEEK).tolist() == [True, False, False, False, False]


def test_a_hand_off_at_or_after_the_winning_moment_reaches_nobody() -> None:
    rows, leads = world()
    late = Leads(leads.account, np.array([WEEK, NEVER, NEVER, NEVER, NEVER]), leads.amount, leads.horizon)
    total = r.sums(rows, late, np.array([4]), until=3 * WEEK).sum(axis=0)
    assert r.from_sums(total[None])[0, :2].tolist() == [0.0, 0.0]


def test_unknown_amounts_leave_revenue_unknown() -> None:
    rows, leads = world()
    unknown = Leads(leads.account, leads.won_at, np.full(5, NO), leads.horizon)
    assert np.isnan(r.from_sums(r.sums(rows, unknown, np.array([0]), until=3 * WEEK).sum(axis=0)[None])[0, 2])


def test_eventual_outcomes_do_not_cap_the_days_gained() -> None:
    rows, leads = world()
    eventual = Leads(leads.account, leads.won_at, leads.amount, np.full(5, NEVER))
    assert r.sums(rows, eventual, np.array([1]), until=3 * WEEK)[1, 2] == 16


def test_volumes_per_instant() -> None:
    assert r.volumes(world()[0], np.array([0, 1, 9])).tolist() == [2, 0, 1]


def test_drawn_rows_with_a_known_label_weigh_as_many_rows_as_they_stand_for() -> None:
    rows, _ = world()
    weekly = Snapshots(rows.lead, rows.instant, np.zeros(len(rows), np.int16), rows.label, np.ones(len(rows)))
    # Drawn: lead 0 once, lead 1 twice and once in the gap, lead 3 censored.
    drawn = replace(weekly[np.array([0, 1, 5, 7, 8])], weight=np.array([3.0, 2.0, 2.0, 2.0, 1.0]))
    assert r.at_risk(weekly, drawn).weight.tolist() == [3, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0]
