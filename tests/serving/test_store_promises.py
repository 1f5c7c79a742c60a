"""Any batch again, batches in any order, split or merged at any time: the store ends up the same."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored import at, clear, contents

from serving.store import Event, HandOff, Lead, Outcome, Score

IN_A_STORE = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
who = st.sampled_from(["ann", "bob", "eve"])
when = st.integers(0, 6).map(at)
arrival = st.integers(5, 9).map(at)
event = st.tuples(who, when, st.sampled_from("ab"), st.sampled_from([None, 1.0]), arrival).map(
    lambda t: Event(*t[:4], recorded_at=t[4])
)
account = st.none() | st.sampled_from(["acme", "zoo"])
lead = st.tuples(
    who, st.none() | when, account, st.sampled_from([{}, {"x": 1}, {"x": 2.0, "y": "z"}]), arrival
).map(lambda t: Lead(*t))
outcome = st.tuples(who, st.sampled_from(["won", "lost"]), when).map(lambda t: Outcome(*t))
handoff = st.tuples(who, st.integers(0, 2).map(at), st.none() | st.integers(3, 4).map(at)).map(
    lambda t: HandOff(*t)
)
told = st.lists(lead | event | outcome | handoff, max_size=12)
PARTS = ((Lead, "leads"), (Event, "events"), (Outcome, "outcomes"), (HandOff, "handoffs"))


def named(rows):
    """Every other event with an id of its own content, as an honest source gives it."""
    return [
        row._replace(event_id=str(hash(row[:4])), source="web")
        if isinstance(row, Event) and row.occurred_at % at(2)
        else row
        for row in rows
    ]


def ingest(store, rows):
    parts = {name: [row for row in rows if type(row) is kind] for kind, name in PARTS}
    return store.ingest(now_us=at(100), **parts)


@IN_A_STORE
@given(data=st.data())
def test_batches_in_any_order_and_any_number_of_times(store, data):
    rows = named(data.draw(told))
    clear(store)
    ingest(store, rows)
    once = contents(store)
    clear(store)
    shuffled = data.draw(st.permutations(rows + data.draw(st.permutations(rows))[:5]))
    cut = data.draw(st.integers(0, len(shuffled)))
    for batch in (shuffled[:cut], shuffled[cut:], shuffled[: cut // 2]):
        ingest(store, batch)
    assert contents(store) == once


@IN_A_STORE
@given(data=st.data())
def test_a_merge_may_come_before_between_or_after_the_batches(store, data):
    rows = named(data.draw(told))
    cut = data.draw(st.integers(0, len(rows)))

    def after(first, second):
        clear(store)
        store.ingest([Lead("ann", at(0), recorded_at=at(0))], [], at(0))
        ingest(store, first)
        store.merge("bob", "ann")
        ingest(store, second)
        return contents(store)

    last = after(rows, [])
    assert after([], rows) == after(rows[:cut], rows[cut:]) == after(rows, rows) == last


@IN_A_STORE
@given(rows=told, cut=st.integers(0, 12))
def test_an_erased_lead_stays_erased_whenever_its_rows_come(store, rows, cut):
    clear(store)
    ingest(store, rows[:cut])
    store.erase("bob")
    assert ingest(store, rows).erased == sum(type(r) is Event and r.lead_id == "bob" for r in rows)
    held = contents(store)
    assert "'bob'" not in str(held)
    clear(store)
    ingest(store, [row for row in rows if row.lead_id != "bob"])
    assert {**held, "erased": []} == contents(store)


@IN_A_STORE
@given(rows=st.lists(event.map(lambda e: e._replace(event_id="1")) | event, max_size=12))
def test_every_event_is_counted_once(store, rows):
    clear(store)
    done = ingest(store, rows)
    assert done.new + done.repeated + len(done.contradicting) == len(rows)
    assert done.new == len(contents(store)["events"])


@pytest.mark.parametrize("moments", [[1, 2, 3], [3, 1, 2], [2, 2, 1]])
def test_the_latest_score_is_of_the_latest_moment_in_any_order(store, moments):
    store.ingest([Lead("ann", at(0))], [], at(0))
    for moment in moments:
        store.save_scores([Score("ann", at(moment), "m", "b", float(moment))], at(9))
    assert store.latest(["ann"])["ann"].score == max(moments)
    assert [s.score for s in store.scores("ann")] == sorted(map(float, set(moments)), reverse=True)
