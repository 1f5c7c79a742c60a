"""Frozen accounts: at any later moment they score as the tables did that were written down at theirs."""

from __future__ import annotations

import numpy as np
import pytest
from blended import KNOWN, LEADS, as_known_at, blended
from histories import Event, Handoff, Lead, Outcome, build, day
from hypothesis import given
from hypothesis import strategies as st
from leaky_company import PROJECT

from lead_readiness.timelines import DAY, NEVER, Timelines, frozen

ACCOUNTS = np.arange(len(KNOWN.account_start) - 1, dtype=np.int32)


def scores(known: Timelines, lead: np.ndarray, at: int) -> bytes:
    made = blended().assess(known, lead.astype(np.int32), np.full(len(lead), at))
    return made.score.tobytes() + made.by_behaviour.tobytes()


@pytest.mark.parametrize("later", [0, 1, 9, 90])
@pytest.mark.parametrize("at", [day(0), day(60), day(150), LEADS[0].events[0].at])
def test_they_score_as_what_was_written_down_then(at: int, later: int) -> None:
    written = build(as_known_at(at), PROJECT)
    old = frozen(KNOWN, ACCOUNTS, np.full(len(ACCOUNTS), at))
    there = np.flatnonzero(old.created < at)
    assert there.tolist() == np.flatnonzero(written.created < at).tolist()
    clock = at + later * DAY
    assert scores(old, there, clock) == scores(written, there, clock)


@given(rows=st.lists(st.tuples(st.sampled_from(ACCOUNTS), st.integers(-5, 250)), max_size=9))
def test_at_its_own_moment_each_copy_scores_as_the_account_does(rows: list[tuple[int, int]]) -> None:
    account, at = np.array([a for a, _ in rows], np.int32), np.array([day(d) for _, d in rows], np.int64)
    old = frozen(KNOWN, account, at)
    for row, copy in enumerate(account):
        own = np.arange(KNOWN.account_start[copy], KNOWN.account_start[copy + 1])
        there = np.arange(old.account_start[row], old.account_start[row + 1])
        assert old.lead_ids[there].tolist() == KNOWN.lead_ids[own].tolist()
        assert scores(old, there, at[row]) == scores(KNOWN, own, at[row])


NOW = day(50)
ONE = Lead(
    "a",
    day(0),
    (
        Event(day(1), "visit", id="seen"),
        Event(NOW - 1, "visit", late=1, id="recorded now"),
        Event(NOW - 1, "visit", late=2, id="recorded later"),
        Event(NOW, "visit", id="at the moment"),
    ),
    "acme",
    (Handoff(day(2), day(9), "price"), Handoff(day(20), NOW, "competitor"), Handoff(NOW)),
    Outcome("won", NOW, NOW - 5, 9.0),
)


def test_what_was_not_there_yet_is_not_there() -> None:
    known = build([ONE, Lead("b", NOW + 1, account="acme"), Lead("c", NOW, account="acme")], PROJECT)
    old = frozen(known, np.array([0], np.int32), np.array([NOW]))
    assert [old.event_id(e) for e in range(len(old.time))] == ["seen", "recorded now"]
    assert old.created.tolist() == [day(0), NEVER, NEVER]
    assert old.handed_off.tolist() == [day(2), day(20)] and old.handoff_start.tolist() == [0, 2, 2, 2]
    assert old.returned.tolist() == [day(9), NEVER] and old.return_reason.tolist() == [1, -1]
    assert (old.outcome[0], old.decided[0], old.opportunity[0], old.opened[0]) == (0, NEVER, NEVER, NEVER)
    assert np.isnan(old.amount[0])


def test_a_decision_before_stays() -> None:
    known = build([ONE], PROJECT)
    old = frozen(known, np.array([0], np.int32), np.array([NOW + 1]))
    assert (old.outcome[0], old.decided[0], old.opened[0], old.amount[0]) == (1, NOW, NOW - 5, 9.0)
    assert len(old.time) == 4 and old.returned.tolist() == [day(9), NOW, NEVER]


def test_no_accounts_give_no_leads() -> None:
    none = frozen(KNOWN, ACCOUNTS[:0], np.empty(0, np.int64))
    assert len(none) == len(none.time) == 0
    assert len(blended().assess(none, np.empty(0, np.int32), np.empty(0, np.int64))) == 0
