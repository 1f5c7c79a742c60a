"""Hand-off states: what an evaluation left is there for the next, once, for every lead that was not erased."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored import at, clear, contents

from lead_readiness.errors import DataError
from lead_readiness.handoff import Seen, States, decide
from lead_readiness.handoff.states import LEADS, LINES
from lead_readiness.project import Handoff
from lead_readiness.timelines import NEVER
from serving.store import BadRow, Lead, Store

POLICY = Handoff(capacity_per_week=2)
WEEK = 7 * 24 * 60


def evaluate(states, minutes, scores, **columns):
    ids = sorted(scores)
    events = np.full(len(ids), at(0))
    seen = Seen.of(ids, [scores[one] for one in ids], last_buyer_event=events, **columns)
    return decide(POLICY, states, seen, at(minutes)).states


def by_hand(minutes, leads, lines=(("", ""),)):
    """An evaluation at which these leads had these scores; one of None was handed off."""
    known = {name: {**dict.fromkeys(LEADS), "lead_id": name} for name in leads}
    for name, score in leads.items():
        handed = at(minutes) if score is None else None
        past = {"as_of": at(minutes), "score": score or math.nan, "ready": False, "handed_off": handed}
        known[name] |= past | {"before_ready": False, "before_score": math.nan}
    named = {"as_of": at(minutes), "line": math.nan, "taken": 1, "before_line": 2.5, "before_taken": 0}
    return States.from_frames(
        times(pd.DataFrame(list(known.values()), columns=LEADS)),
        times(pd.DataFrame([{"cycle": c, "queue": q} | named for c, q in lines], columns=LINES)),
    )


def times(frame):
    for name in frame.columns:
        if name.endswith(("as_of", "handed_off")):
            frame[name] = pd.to_datetime(frame[name].astype("Int64"), unit="us", utc=True)
    return frame


def same(a, b):
    pd.testing.assert_frame_equal(a.leads(), b.leads(), check_exact=True)
    pd.testing.assert_frame_equal(a.lines(), b.lines(), check_exact=True)
    return True


def test_before_the_first_evaluation_there_is_nothing(store):
    assert same(store.states(), States.empty()) and same(store.states(["ann"]), States.empty())
    assert store.evaluated() is None
    assert store.save_states(States.empty()) == 0


def test_evaluations_from_the_store_are_those_without_one(store):
    held = States.empty()
    scores = {"é": 120.0, "bob": 110.0, "𝔷": math.nan, "Zoe": 90.0, "a": 101.0}
    for week in range(4):
        more = {"cycle": ["short", "", "long", "", ""], "queue": ["", "CH", "", "", ""]}
        held = evaluate(held, week * WEEK, scores, **more)
        assert store.save_states(evaluate(store.states(), week * WEEK, scores, **more)) == len(held)
        assert same(store.states(), held)
        assert store.evaluated() == at(week * WEEK)
        del scores[min(scores)]
        scores |= {f"new {week}": 100.0 + week}
    assert (held.past.handed_off < NEVER).any() and (held.past_before.as_of == NEVER).any()
    some = store.states(["é", "nobody", "a"])
    assert some.lead_id.tolist() == ["a", "é"]
    pd.testing.assert_frame_equal(some.lines(), held.lines())


def test_saved_again_nothing_changes_and_an_evaluation_may_be_made_again(store):
    first = evaluate(States.empty(), 0, {"ann": 120.0, "bob": 110.0})
    store.save_states(first)
    second = evaluate(store.states(), WEEK, {"ann": 121.0, "bob": 111.0})
    store.save_states(second)
    before = contents(store)
    store.save_states(second)
    store.save_states(evaluate(store.states(), WEEK, {"ann": 121.0, "bob": 111.0}))
    assert contents(store) == before


def test_an_older_evaluation_is_refused_and_leaves_nothing(store):
    store.save_states(by_hand(9, {"ann": 3.0}))
    before = contents(store)
    for states, found in [
        (by_hand(8, {"bob": 4.0}), "of 2026-05-04T09:08:00Z"),
        (States.empty(), "of no evaluation"),
    ]:
        with pytest.raises(DataError) as refused:
            store.save_states(states)
        assert str(refused.value) == (
            f"the hand-off states are {found}, the store's of 2026-05-04T09:09:00Z; expected the same moment or a "
            "later one: read the store's states again, and decide from them"
        )
    assert contents(store) == before


def test_leads_left_out_keep_their_states_and_lines_left_out_go(store):
    store.save_states(by_hand(1, {"ann": 3.0, "bob": None}, [("", "CH"), ("long", "")]))
    assert store.save_states(by_hand(2, {"ann": 5.0}, [("", "CH")])) == 1
    held = store.states()
    assert held.past.score.tolist()[0] == 5.0 and held.past.as_of.tolist() == [at(2), at(1)]
    assert held.past.handed_off.tolist() == [NEVER, at(1)]
    assert [*zip(held.cycle, held.queue)] == [("", "CH")]


def test_erased_leads_have_no_state_whether_or_not_the_store_held_them(store):
    store.ingest([Lead("ann-7731", at(0)), Lead("bob", at(0))], [], at(0))
    store.merge("alias-7731", "ann-7731")
    states = by_hand(1, {"alias-7731": 1.0, "ann-7731": 2.0, "bob": 3.0, "file-7731": 4.0})
    assert store.save_states(states) == 3
    assert store.erase("alias-7731") is store.erase("file-7731") is True
    assert "7731" not in str(contents(store))
    assert store.save_states(states) == 1
    assert store.states().lead_id.tolist() == ["bob"] and "7731" not in str(contents(store))
    assert store.erase("file-7731") is False


def test_a_merged_lead_has_one_state_whenever_it_was_merged(store):
    first, second = by_hand(1, {"ann": 3.0, "old": None, "new": 7.0}), by_hand(2, {"ann": 4.0})
    expected = {"first": ([at(1)], [at(1)]), "both": ([at(2)], [NEVER])}
    for known, (as_of, handed) in expected.items():
        for merged_before in (True, False):
            clear(store)
            store.ingest([Lead("ann", at(0))], [], at(0))
            if merged_before:
                store.merge("old", "ann")
            store.save_states(first)
            if known == "both":
                store.save_states(second)
            if not merged_before:
                store.merge("old", "ann")
            found = store.states(["old", "ann"])
            assert found.lead_id.tolist() == ["ann"]
            assert (found.past.as_of.tolist(), found.past.handed_off.tolist()) == (as_of, handed)
            assert store.states().lead_id.tolist() == ["ann", "new"]


def test_names_that_no_database_holds_are_refused_by_their_place(store):
    for states, said in [
        (by_hand(1, {"ann": 1.0, "b\0b": 2.0}), r"handoff_states\[1\].lead_id holds NUL"),
        (
            by_hand(1, {"ann": 1.0}, [("", ""), ("", "x" * 501)]),
            r"handoff_lines\[1\].queue has 501 characters",
        ),
    ]:
        with pytest.raises(BadRow, match=said):
            store.save_states(states)
    assert not any(contents(store).values())


whole = st.integers(0, 5)
score = st.none() | st.floats(-100, 200)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.dictionaries(st.text("abé𝔷Z ", min_size=1).filter(lambda s: s == s.strip()), score, max_size=6),
    lines=st.sets(
        st.tuples(st.sampled_from(["", "long", "Short"]), st.sampled_from(["", "CH", "𝔷"])), min_size=1
    ),
)
def test_any_states_come_back_as_they_were(store, first, lines):
    clear(store)
    states = by_hand(3, first, sorted(lines))
    assert store.save_states(states) == len(first)
    assert same(store.states(), states) and same(store.states(list(first)), states)


def test_many_leads_go_in_and_out_in_pieces(store):
    ids = np.array(sorted(f"lead {i}" for i in range(25_001)), object)
    states = decide(POLICY, States.empty(), Seen.of(ids, np.arange(25_001.0)), at(1)).states
    assert store.save_states(states) == 25_001
    assert same(store.states(), states)
    assert same(store.states(ids[5_000:7_000].tolist()), store.states(ids[5_000:7_000].tolist()[::-1]))


KILLED = """
import os, signal, sys
import numpy as np, sqlalchemy as sa
from stored import at
from lead_readiness.handoff import Seen, States, decide
from lead_readiness.project import Handoff
from serving.store import Store
store = Store.open(sys.argv[1])
def kill(connection): os.kill(os.getpid(), signal.SIGKILL)
sa.event.listen(store._database.engine, "commit", kill)
seen = Seen.of([f"lead {i}" for i in range(20_000)], np.arange(20_000.0))
store.save_states(decide(Handoff(), store.states(), seen, at(9)).states)
"""


def test_killed_before_its_commit_an_evaluation_leaves_the_one_before(store, url):
    store.save_states(by_hand(1, {"lead 7": 3.0}))
    before = contents(store)
    process = subprocess.run(
        [sys.executable, "-c", KILLED, url],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (process.returncode, process.stderr) == (-9, "")
    with Store.open(url) as again:
        assert contents(again) == before
