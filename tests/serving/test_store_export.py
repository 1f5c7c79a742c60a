"""The store's leads as the contract's tables: the same timelines as from the store's rows, in whole files."""

from dataclasses import fields

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored import at, clear, view

from lead_readiness import timelines, wire
from lead_readiness.errors import DataError, LeadReadinessError
from lead_readiness.project import Project
from lead_readiness.tables import validate
from serving.store import Event, HandOff, Lead, Outcome, export
from serving.store.rows import unique_id

NAMES = ("leads", "events", "outcomes", "handoffs")
PROJECT = Project.model_validate(
    {
        "name": "Acme",
        "vocabulary": {kind: {"behaviour": "web"} for kind in ("visit", "pricing_view")},
        "attributes": {"sector": "category", "size": "number"},
    }
)


def exported(store, folder, project=PROJECT):
    store.export(folder, project)
    return {name: pq.read_table(folder / f"{name}.parquet") for name in NAMES}


def by_tables(store, folder, project=PROJECT):
    return timelines.build(validate(project, **exported(store, folder, project)), project)


def by_rows(store, lead_ids, project=PROJECT):
    return wire.read(project, store.history(lead_ids).as_leads(project)).timelines


def assert_same(a, b):
    """Array for array; but rows come in another order, so ids of events are compared with the events that they name."""
    for name in {field.name for field in fields(a)} - {"order", "event_ids", "attributes"}:
        assert_equal(getattr(a, name), getattr(b, name), name)
    assert a.attributes.keys() == b.attributes.keys()
    for name in a.attributes:
        assert_equal(a.attributes[name], b.attributes[name], name)
    assert named_events(a) == named_events(b)


def assert_equal(one, other, name):
    one, other = np.asarray(one), np.asarray(other)
    assert one.dtype == other.dtype, name
    np.testing.assert_array_equal(one, other, err_msg=name)


def named_events(found):
    ids = [None] * len(found.time) if found.event_ids is None else [*map(str, found.event_ids)]
    lead = np.repeat(found.lead_ids, np.diff(found.start))
    columns = (found.time, found.kind, found.asset, found.value, found.recorded)
    return sorted(map(str, zip(lead, *columns, (ids[row] for row in found.order))))


def test_each_table_has_the_contracts_columns_and_times_in_utc(store, tmp_path):
    ann = Lead("ann", at(0), "acme", {"sector": "bank", "size": 12.0, "other": "x"})
    events = [
        view("ann", 1, value=2.5, asset="/p", event_id="17", source="web"),
        view("ann", 2, event_id="17"),
    ]
    ended = [Outcome("ann", "lost", at(9), at(8), 3.5, "price")]
    back = [HandOff("ann", at(3), at(4), "not now")]
    store.ingest([ann, Lead("bob", at(5))], events, at(6), outcomes=ended, handoffs=back)
    assert store.export(tmp_path / "new" / "folder", PROJECT) == {
        "leads": 2,
        "events": 2,
        "outcomes": 1,
        "handoffs": 1,
    }
    found = exported(store, tmp_path)
    stamp, text, number = pa.timestamp("us", "UTC"), pa.string(), pa.float64()
    assert [*zip(found["leads"].schema.names, found["leads"].schema.types)] == [
        ("lead_id", text), ("created_at", stamp), ("account_id", text), ("sector", text), ("size", number),
    ]  # fmt: skip
    assert [*zip(found["events"].schema.names, found["events"].schema.types)] == [
        ("lead_id", text), ("occurred_at", stamp), ("recorded_at", stamp), ("kind", text), ("value", number),
        ("asset", text), ("event_id", text),
    ]  # fmt: skip
    rows = {name: table.cast(_as_integers(table)).to_pylist() for name, table in found.items()}
    assert sorted(map(tuple, map(dict.values, rows["leads"]))) == [
        ("ann", at(0), "acme", "bank", 12.0), ("bob", at(5), None, None, None),
    ]  # fmt: skip
    assert sorted(tuple(row.values())[1:] for row in rows["events"]) == [
        (at(1), at(6), "pricing_view", 2.5, "/p", "web:17"), (at(2), at(6), "pricing_view", None, None, "17"),
    ]  # fmt: skip
    assert [tuple(row.values()) for row in rows["outcomes"]] == [tuple(ended[0])]
    assert [tuple(row.values()) for row in rows["handoffs"]] == [tuple(back[0])]
    assert sorted(path.name for path in tmp_path.glob("*.parquet")) == sorted(
        f"{name}.parquet" for name in NAMES
    )
    assert not list(tmp_path.glob(".export-*"))


def _as_integers(table):
    return pa.schema(
        [(f.name, pa.int64() if pa.types.is_timestamp(f.type) else f.type) for f in table.schema]
    )


moment = st.integers(10, 16).map(at)
maybe = st.none()
who = st.sampled_from(["ann", "bob", "é𝔷", "10"])
event = st.tuples(
    who, st.integers(0, 16).map(at), st.sampled_from(["visit", "pricing_view", "Yawn"]),
    maybe | st.sampled_from([0.0, 1.0, 2.5]), maybe | st.sampled_from(["/", "/é"]), maybe | moment,
).map(lambda t: Event(*t[:5], recorded_at=t[5]))  # fmt: skip
told = {
    "sector": st.sampled_from(["bank", "7", 7, 2.5, True, None]),
    "size": st.sampled_from([3, 4.5, None]),
}
account = maybe | st.sampled_from(["acme", "b"])
lead = st.tuples(who, st.just(at(1)), account, st.fixed_dictionaries({}, optional=told)).map(
    lambda t: Lead(*t)
)
outcome = st.tuples(
    who, st.sampled_from(["won", "lost"]), moment, maybe | st.just(at(9)), maybe | st.just(3.0)
).map(lambda t: Outcome(*t))
handoff = st.tuples(who, st.just(at(8)), maybe | moment, maybe | st.sampled_from(["price", "hm"])).map(
    lambda t: HandOff(*t)
)


def named(events):
    """Some of the events with an id of their own, or the same in two sources."""
    sources = ["", "web", "crm:eu", None]
    for place, row in enumerate(events):
        source = sources[place % 4]
        yield row if source is None else row._replace(event_id=f"{place // 4}", source=source)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(lead, min_size=1, max_size=5), events=st.lists(event, max_size=12),
    outcomes=st.lists(outcome, max_size=3), handoffs=st.lists(handoff, max_size=3),
)  # fmt: skip
def test_the_tables_give_the_timelines_that_the_rows_give(
    store, tmp_path, people, events, outcomes, handoffs
):
    clear(store)
    everyone = [Lead(name, at(1)) for name in ("ann", "bob", "é𝔷", "10")]
    store.ingest(everyone, [], at(1))
    store.ingest(people, list(named(events)), at(16), outcomes=outcomes, handoffs=handoffs)
    assert_same(by_tables(store, tmp_path), by_rows(store, ["bob", "é𝔷", "ann", "10"]))


def test_an_account_of_too_many_is_none_either_way(store, tmp_path):
    people = [Lead(f"lead {i:03}", at(0), "mail provider") for i in range(201)] + [Lead("ann", at(0), "acme")]
    store.ingest(people, [view("ann", 1), view("lead 007", 2)], at(3))
    assert_same(by_tables(store, tmp_path), by_rows(store, [lead.lead_id for lead in people]))


def test_merged_leads_are_one_and_erased_ones_none(store, tmp_path):
    store.ingest([Lead("ann", at(0))], [view("ann", 1), view("old", 2), view("gone", 3)], at(4))
    store.merge("old", "ann")
    store.erase("gone")
    found = exported(store, tmp_path)
    assert found["leads"]["lead_id"].to_pylist() == ["ann"]
    assert found["events"]["lead_id"].to_pylist() == ["ann", "ann"]


@given(st.lists(st.tuples(st.text("a:%", max_size=3), st.text("a:%", min_size=1, max_size=3)), unique=True))
def test_ids_of_different_sources_stay_different(pairs):
    assert len({unique_id(*pair) for pair in pairs}) == len(pairs)


def test_a_number_that_is_a_text_somewhere_is_text_for_the_checks_to_name(store, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 2)
    people = [Lead(f"lead {i}", at(0), attributes={"size": i / 2}) for i in range(5)]
    store.ingest([*people, Lead("zoe", at(0), attributes={"size": "many"})], [], at(1))
    sizes = exported(store, tmp_path)["leads"]["size"].to_pylist()
    assert sizes == ["0", "0.5", "1", "1.5", "2", "many"]
    with pytest.raises(DataError, match=r"leads: `size` is not a number in 1 row; (.|\n)*'many'"):
        by_tables(store, tmp_path)


def test_an_empty_store_gives_empty_tables(store, tmp_path):
    assert {name: table.num_rows for name, table in exported(store, tmp_path).items()} == dict.fromkeys(
        NAMES, 0
    )


def test_all_files_are_of_one_moment_and_until_all_are_written_the_old_ones_stay(
    store, tmp_path, monkeypatch
):
    store.ingest([Lead("ann", at(0))], [view("ann", 1)], at(2))
    exported(store, tmp_path)
    write = export._write

    def meanwhile(db, path, *rest):
        if path.name == "events.parquet":
            store.ingest([Lead("bob", at(0))], [view("bob", 1)], at(3))
        if path.name == "handoffs.parquet" and failing:
            raise OSError(28, "No space left on device")
        return write(db, path, *rest)

    monkeypatch.setattr(export, "_write", meanwhile)
    failing = False
    found = exported(store, tmp_path)
    assert [found[name].num_rows for name in NAMES] == [1, 1, 0, 0]
    failing = True
    with pytest.raises(LeadReadinessError, match="cannot be written: No space left on device"):
        store.export(tmp_path, PROJECT)
    assert pq.read_table(tmp_path / "leads.parquet").num_rows == 1
    assert not list(tmp_path.glob(".export-*"))
