"""Erased leads are gone, wherever they were; merged leads are one lead."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from stored import at, contents, view

from lead_readiness.errors import DataError
from serving.store import HandOff, Lead, Outcome, Score
from serving.store.schema import metadata


def fill(store, *names):
    for name in names:
        won, handed = Outcome(name, "won", at(5)), HandOff(name, at(3))
        events = [view(name, 1), view(name, 2, event_id=f"of {name}", asset=f"asset of {name}")]
        store.ingest(
            [Lead(name, at(0), "acme", {"city": f"city of {name}"})], events, at(6), None, [won], [handed]
        )
        store.save_scores([Score(name, at(6), "m1", "b1", 3.0, reasons=[f"reason of {name}"])], at(6))


def test_erasing_leaves_no_row_that_names_the_lead(store):
    fill(store, "ann-7731", "bob")
    store.merge("alias-7731", "ann-7731")
    assert store.erase("ann-7731") is True
    assert "7731" not in str(contents(store))
    assert {len(contents(store)[name]) for name in ("leads", "outcomes", "handoffs", "scores")} == {1}
    assert store.erase("ann-7731") is store.erase("unknown") is False


def test_every_table_that_holds_a_lead_loses_it_with_the_lead():
    """Hand-off states, which leads that the store does not hold have too, are deleted by `erase`: see their tests."""
    by_hand = {"leads", "handoff_states"}
    holding = [
        table for name, table in metadata.tables.items() if "lead_id" in table.c and name not in by_hand
    ]
    assert len(holding) == 5
    assert {key.ondelete for table in holding for key in table.c.lead_id.foreign_keys} == {"CASCADE"}


def test_what_comes_again_of_an_erased_lead_is_counted_and_left_out(store):
    fill(store, "ann")
    store.merge("annie", "ann")
    store.erase("annie")
    done = store.ingest([Lead("ann", at(0))], [view("ann", 1), view("annie", 9), view("bob", 1)], at(10))
    assert (done.new, done.erased, done.lead_ids) == (1, 2, ("bob",))
    assert store.history(["ann", "annie"]).lead_of == {}
    assert store.latest(["ann"]) == {} and store.scores("ann") == []


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_the_bytes_of_an_erased_lead_are_gone_from_sqlites_files(store, tmp_path):
    fill(store, "ann-7731", "bob")
    held = b"".join(Path(p).read_bytes() for p in tmp_path.iterdir())
    assert b"reason of ann-7731" in held and b"reason of bob" in held
    store.erase("ann-7731")
    held = b"".join(Path(p).read_bytes() for p in tmp_path.iterdir())
    assert b"7731" not in held and b"reason of bob" in held


def test_merging_moves_everything_but_the_scores(store):
    fill(store, "ann")
    store.ingest(
        [Lead("old", at(1), None, {"city": "newer"})], [view("old", 1), view("old", 8, event_id="8")], at(9)
    )
    store.ingest([], [], at(9), outcomes=[Outcome("old", "lost", at(4))], handoffs=[HandOff("old", at(7))])
    store.save_scores([Score("old", at(9), "m1", "b1", 9.0)], at(9))
    store.merge("old", "ann")
    known = store.history(["old", "ann"])
    assert known.lead_of == {"old": "ann", "ann": "ann"}
    assert known.leads == [Lead("ann", at(1), None, {"city": "newer"}, at(9))]
    assert [e.occurred_at for e in known.events] == [at(1), at(2), at(8)]
    assert known.outcomes == [Outcome("ann", "lost", at(4))]
    assert [h.handed_off_at for h in known.handoffs] == [at(3), at(7)]
    assert [s.score for s in store.scores("old")] == [3.0]
    assert store.latest(["old"])["old"].lead_id == "ann"


def test_after_a_merge_both_ids_are_known_and_nothing_is_stored_twice(store):
    store.ingest([Lead("ann", at(0))], [view("old", 1), view("old", 2, event_id="2")], at(3))
    store.merge("old", "ann")
    again = [view("old", 1), view("ann", 1), view("old", 2, event_id="2"), view("ann", 2, event_id="2")]
    done = store.ingest([], again, at(4))
    assert (done.new, done.repeated, done.contradicting, done.lead_ids) == (0, 4, (), ("ann",))
    assert store.ingest([], [view("old", 5)], at(6)).new == 1
    assert len(store.history(["ann"]).events) == 3


def test_merges_follow_each_other(store):
    store.ingest([Lead("c", at(0)), Lead("b", at(0))], [view("a", 1)], at(2))
    store.merge("a", "b")
    store.merge("b", "c")
    store.merge("a", "c")
    assert store.history(["a"]).lead_of == {"a": "c"}
    assert [e.lead_id for e in store.history(["b"]).events] == ["c"]


@pytest.mark.parametrize(
    ("old", "into", "said"),
    [
        ("ann", "ann", "lead_id and into are one lead; expected two"),
        ("ann", "old", "lead_id and into are one lead; expected two"),
        ("ann", "nobody", "into is no lead of the store; expected one, so ingest it first"),
        ("old", "bob", "lead_id was merged into another lead already; expected a lead that was not merged"),
        ("gone", "ann", "lead_id was erased; expected a lead that was not"),
        ("ann", "gone", "into was erased; expected a lead that was not"),
    ],
)
def test_merges_that_cannot_be(store, old, into, said):
    store.ingest([Lead("ann", at(0)), Lead("bob", at(0)), Lead("gone", at(0))], [], at(0))
    store.merge("old", "ann")
    store.erase("gone")
    before = contents(store)
    with pytest.raises(DataError) as refused:
        store.merge(old, into)
    assert str(refused.value) == said
    assert contents(store) == before


def test_the_database_itself_refuses_rows_of_no_lead(store):
    from serving.store import StoreError
    from serving.store.schema import handoffs

    with pytest.raises(StoreError, match=r"(?i)foreign key"), store._database.writing() as db:
        db.execute(sa.insert(handoffs), [{"lead_id": "secret", "handed_off_at": 1}])
