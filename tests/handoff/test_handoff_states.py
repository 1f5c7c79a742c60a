"""The states as tables: what they hold, and what is said of tables that cannot be states."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hand_off_weeks import run, same, seen, week
from hypothesis import example, given
from hypothesis import strategies as st

from lead_readiness.errors import DataError
from lead_readiness.handoff import Decisions, States, decide
from lead_readiness.project import Handoff

FIXED = Handoff(line=100.0, capacity_per_week=1)
Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def made() -> Decisions:
    leads = seen(("b", 120.0), ("a", 130.0, {"cycle": "short"}))
    return run(FIXED, [leads, leads])[1]


def test_states_tell_what_the_next_evaluation_must_know(made: Decisions) -> None:
    first, second = (pd.Timestamp(week(n), unit="us", tz="UTC") for n in (0, 1))
    leads, lines = made.states.leads(), made.states.lines()
    assert leads.set_index("lead_id").loc["a"].to_dict() == {
        "as_of": second, "score": 130.0, "ready": False, "handed_off": second,
        "before_as_of": first, "before_score": 130.0, "before_ready": False, "before_handed_off": pd.NaT,
    }  # fmt: skip
    assert leads["lead_id"].tolist() == ["a", "b"] and leads["ready"].tolist() == [False, True]
    assert lines[["cycle", "queue", "taken", "before_taken"]].values.tolist() == [
        ["", "", 0, 0],
        ["short", "", 1, 0],
    ]


def test_a_lead_that_was_not_looked_at_keeps_its_state(made: Decisions) -> None:
    alone = seen(("b", 5.0))
    third = decide(FIXED, made.states, alone, week(2))
    assert third.states.leads().query("lead_id == 'a'").equals(made.states.leads().query("lead_id == 'a'"))
    both = seen(("b", 10.0), ("a", 130.0, {"cycle": "short"}))
    assert decide(FIXED, third.states, both, week(3)).clause.tolist() == ["below_line", "with_sales"]


def test_two_evaluations_must_follow_each_other() -> None:
    a, b = seen(("a", 120.0)), seen(("b", 0.0))
    assert [m.clause[0] for m in run(FIXED, [a, b, a, a])] == [
        "first_time",
        "below_line",
        "first_time",
        "line",
    ]


@given(
    st.lists(st.text("abcé", max_size=3), unique=True, max_size=300),
    st.lists(st.text("abcé", max_size=3), unique=True, min_size=1),
)
@example([f"lead {n:03}" for n in range(500)], ["lead 007", "zoë", "", "lead 499"])
def test_leads_are_found_among_few_and_many(known: list[str], asked: list[str]) -> None:
    scores = {name: float(n) for n, name in enumerate(known)}
    states = run(FIXED, [seen(*scores.items())])[0].states
    places = states.places(np.array(asked, object))
    found = [states.past.score[place] if place >= 0 else None for place in places]
    assert found == [scores.get(name) for name in asked]


def test_states_survive_their_tables_in_any_order(made: Decisions) -> None:
    leads, lines = made.states.leads()[::-1], made.states.lines()[::-1]
    assert same(States.from_frames(leads, lines), made.states)
    empty = States.empty()
    assert same(States.from_frames(empty.leads(), empty.lines()), empty)


@pytest.mark.parametrize(
    ("leads", "lines", "message"),
    [
        (lambda t: pd.concat([t, t[:1]]), None,
         "the hand-off states (leads): lead 'a' has 2 rows; expected one a lead; leave the others out"),
        (lambda t: t.rename(columns={"handed_off": "handed_of"}), None,
         "the hand-off states (leads) have no column `handed_off`; did you mean 'handed_of'?; expected "),
        (lambda t: t.assign(score="high"), None,
         "the hand-off states (leads), column `score`: could not convert string to float: 'high'; "
         "give the table as `States.leads` wrote it"),
        (lambda t: t.assign(as_of=pd.NaT), None,
         "the hand-off states (leads), column `as_of`: row 0 has no time; give the table as `States.leads` wrote it"),
        (None, lambda t: t.assign(as_of=t["before_as_of"]),
         "the hand-off states are of more than one evaluation (2026-01-05T00:00:00Z and 2026-01-12T00:00:00Z); "
         "expected leads and lines of the same one: give the two tables that were written together"),
        (None, lambda t: t.assign(as_of=[t["as_of"][0], t["before_as_of"][0]]),
         "the hand-off states are of more than one evaluation (2026-01-05T00:00:00Z and 2026-01-12T00:00:00Z); "),
        (None, lambda t: t[:0], "the hand-off states are of more than one evaluation (2026-01-12T00:00:00Z); "),
        (None, lambda t: pd.concat([t, t[:1]]), "the hand-off states (lines): line ('', '') has 2 rows; expected one "),
    ],
    ids=["lead twice", "column missing", "no number", "no time", "older lines", "mixed", "no lines", "line twice"],
)  # fmt: skip
def test_tables_that_are_no_states(
    made: Decisions, leads: Change | None, lines: Change | None, message: str
) -> None:
    had = made.states.leads(), made.states.lines()
    with pytest.raises(DataError) as refused:
        States.from_frames(
            *(change(table) if change else table for table, change in zip(had, (leads, lines)))
        )
    assert str(refused.value).startswith(message)
