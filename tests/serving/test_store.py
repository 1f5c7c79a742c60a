"""What goes in comes out: batches, histories and scores, in SQLite and PostgreSQL alike."""

import math

import pytest
from stored import at, contents, view

from lead_readiness.errors import DataError
from serving.store import BadRow, Event, HandOff, Lead, Outcome, Score, Stored
from serving.store.ingesting import Batch


def test_an_event_is_stored_once_however_often_it_comes(store):
    batch = [view("ann", 0, event_id="1"), view("ann", 1), view("ann", 1), view("bob", 0, event_id="2")]
    first = store.ingest([], batch, at(2))
    again = store.ingest([], batch, at(90))
    assert (first.new, first.repeated, first.lead_ids) == (3, 1, ("ann", "bob"))
    assert (again.new, again.repeated, again.contradicting) == (0, 4, ())
    assert [e.recorded_at for e in store.history(["ann", "bob"]).events] == [at(2)] * 3


def test_event_ids_are_of_their_source_and_content_is_of_nobody(store):
    web, crm = view("ann", 0, event_id="1", source="web"), view("ann", 0, event_id="1", source="crm")
    assert store.ingest([], [web, crm], at(1)).new == 2
    assert store.ingest([], [view("ann", 5, source="web"), view("ann", 5, source="crm")], at(6)).new == 1


def test_another_content_under_a_stored_id_is_told_and_the_first_stays(store):
    store.ingest([], [view("ann", 0, event_id="1")], at(1))
    told = store.ingest(
        [], [view("ann", 1), view("ann", 3, event_id="1"), view("ann", 0, event_id="1")], at(4)
    )
    assert (told.new, told.repeated, told.contradicting) == (1, 1, (1,))
    assert [e.occurred_at for e in store.history(["ann"]).events] == [at(0), at(1)]


def test_the_earlier_of_two_arrivals_stands_and_none_is_before_the_event(store):
    store.ingest([], [view("ann", 10), view("ann", 20)], at(15))
    store.ingest([], [view("ann", 10, recorded_at=at(11))], at(30))
    assert [e.recorded_at for e in store.history(["ann"]).events] == [at(11), at(20)]


def test_unknown_kinds_are_stored_and_counted(store):
    batch = [view("ann", 0), Event("ann", at(1), "Wave"), Event("ann", at(2), "Wave")]
    assert store.ingest([], batch, at(3), kinds={"pricing_view"}).unknown_kinds == {"Wave": 2}
    assert [e.kind for e in store.history(["ann"]).events] == ["pricing_view", "Wave", "Wave"]
    assert store.ingest([], batch, at(3)).unknown_kinds == {}


@pytest.mark.parametrize(
    ("told", "created"),
    [
        ([([], [10, 5])], 5),
        ([([], [10]), ([], [5])], 5),
        ([([Lead("ann", at(7))], [5])], 7),
        ([([], [5]), ([Lead("ann", at(7))], [])], 7),
        ([([Lead("ann")], [])], 60),
        ([([Lead("ann", at(7)), Lead("ann", at(8), recorded_at=at(61))], [])], 8),
        ([([Lead("ann", at(7))], []), ([Lead("ann", recorded_at=at(70))], [])], 7),
    ],
)
def test_a_lead_was_created_when_told_else_with_its_first_event(store, told, created):
    for leads, minutes in told:
        store.ingest(leads, [view("ann", m) for m in minutes], at(60))
    assert store.history(["ann"]).leads[0].created_at == at(created)


def test_the_newest_record_of_a_lead_stands_whole(store):
    store.ingest([Lead("ann", at(0), "acme", {"size": 3, "city": "Köln"})], [], at(2))
    store.ingest([Lead("ann", at(0), "old", {"size": 1}, recorded_at=at(1))], [], at(3))
    assert store.history(["ann"]).leads == [Lead("ann", at(0), "acme", {"size": 3.0, "city": "Köln"}, at(2))]
    store.ingest([Lead("ann", attributes={"size": None, "trial": True})], [], at(4))
    assert store.history(["ann"]).leads == [Lead("ann", at(0), None, {"size": None, "trial": "true"}, at(4))]


def test_history_brings_the_other_people_of_the_accounts(store):
    leads = [
        Lead(name, at(0), account) for name, account in [("ann", "acme"), ("bob", "acme"), ("eve", "evil")]
    ]
    won, back = Outcome("bob", "won", at(9), amount=12.5), HandOff("bob", at(3), at(4), "not now")
    store.ingest(
        leads, [view(n, m) for m in (2, 1) for n in ("bob", "eve", "ann")], at(5), None, [won], [back]
    )
    known = store.history(["ann", "nobody"])
    assert known.lead_of == {"ann": "ann"}
    assert [lead.lead_id for lead in known.leads] == ["ann", "bob"]
    assert [(e.lead_id, e.occurred_at) for e in known.events] == [
        ("ann", at(1)), ("ann", at(2)), ("bob", at(1)), ("bob", at(2)),
    ]  # fmt: skip
    assert (known.outcomes, known.handoffs) == ([won], [back])
    bob = Lead("bob", at(0), "acme", {}, at(5))
    assert store.stored("bob") == Stored(bob, 2, at(1), at(2), "won", 1)


def test_what_is_stored_of_a_lead_is_its_own_under_every_id_it_had(store):
    store.ingest([Lead("ann", at(0))], [view("bob", 3)], at(5))
    assert store.stored("ann") == Stored(Lead("ann", at(0), None, {}, at(5)), 0, None, None, None, 0)
    assert store.stored("nobody") is None
    store.merge("bob", into="ann")
    assert store.stored("bob") == store.stored("ann")
    assert (store.stored("bob").lead.lead_id, store.stored("bob").events) == ("ann", 1)


def test_an_account_of_too_many_is_none(store):
    people = [Lead(f"lead {i}", at(0), "mail provider" if i < 201 else "large company") for i in range(401)]
    store.ingest(people, [], at(1))
    assert store.history(["lead 7"]).leads == [Lead("lead 7", at(0), None, {}, at(1))]
    assert len(store.history(["lead 7", "lead 301"]).leads) == 201


def test_history_of_nobody_is_empty_and_of_too_much_refused(store):
    store.ingest([], [view("ann", m) for m in range(5)], at(9))
    assert store.history([]).events == store.history(["bob"]).leads == []
    assert len(store.history(["ann"], most_events=5).events) == 5
    with pytest.raises(DataError, match=r"more than 4 events of 1 leads .* ask for fewer leads at a time"):
        store.history(["ann"], most_events=4)


def test_the_first_decision_stands_and_a_hand_off_comes_back_once(store):
    later, first = Outcome("ann", "lost", at(9)), Outcome("ann", "won", at(8), at(7))
    store.ingest([], [], at(10), outcomes=[later], handoffs=[HandOff("ann", at(2)), HandOff("ann", at(6))])
    store.ingest([], [], at(11), outcomes=[first], handoffs=[HandOff("ann", at(2), at(5), "price")])
    store.ingest([], [], at(12), outcomes=[later], handoffs=[HandOff("ann", at(2))])
    known = store.history(["ann"])
    assert known.outcomes == [first]
    assert known.handoffs == [HandOff("ann", at(2), at(5), "price"), HandOff("ann", at(6))]
    assert known.leads[0].created_at == at(2)


def score(lead, minutes, value=1.0, model="m1", **more):
    return Score(lead, at(minutes), model, "book 3", value, **more)


def test_scores_are_appended_and_the_latest_is_found(store):
    store.ingest([Lead("ann", at(0)), Lead("bob", at(0)), Lead("new", at(0))], [], at(0))
    told = score("ann", 2, 7.5, probability=0.25, band="hot", reasons=[{"points": 14, "text": "3 Seiten ü"}])
    assert store.save_scores([score("ann", 1), told, score("bob", 3, probability=math.nan)], at(4)) == 3
    assert store.scores("ann") == [told, score("ann", 1)._replace(reasons=[])]
    assert store.scores("ann", limit=1) == [told]
    assert store.latest(["bob", "ann", "new", "nobody"]) == {
        "bob": score("bob", 3)._replace(reasons=[]),
        "ann": told,
    }
    assert store.scores("nobody") == []


def test_the_same_moment_scored_again_has_the_later_model_s_score(store):
    store.ingest([Lead("ann", at(0))], [], at(0))
    for now, model, value in [(4, "m2", 1.0), (5, "m1", 2.0), (6, "m1", 3.0)]:
        store.save_scores([score("ann", 2, value, model, decision={"stay": True})], at(now))
    assert [(s.model, s.score) for s in store.scores("ann")] == [("m1", 3.0), ("m2", 1.0)]
    assert store.latest(["ann"])["ann"].decision == {"stay": True}


def test_the_score_of_exactly_a_moment_and_model_is_told_with_its_decision(store):
    store.ingest([Lead("ann", at(0)), Lead("bob", at(0))], [], at(0))
    store.merge("annie", "ann")
    asked = score("ann", 2, decision={"place": 1}, reasons=[])
    others = [score("ann", 3), score("ann", 1), score("ann", 2, model="m2"), score("bob", 3)]
    store.save_scores([*others, asked], at(4))
    assert store.told(["annie", "bob", "nobody", "ann"], at(2), "m1") == {"annie": asked, "ann": asked}
    assert store.told(["ann"], at(2), "m3") == store.told([], at(2), "m1") == {}


def test_old_scores_are_forgotten_but_never_a_leads_latest(store):
    store.ingest([Lead("ann", at(0)), Lead("bob", at(0))], [], at(0))
    rows = [score("ann", m) for m in (1, 2, 3, 9)] + [score("ann", 2, model="m2")]
    store.save_scores([*rows, score("bob", 1), score("bob", 2), score("bob", 2, model="m2")], at(9))
    assert store.forget_scores(at(3)) == 4
    assert [s.as_of for s in store.scores("ann")] == [at(9), at(3)]
    assert [(s.as_of, s.model) for s in store.scores("bob")] == [(at(2), "m1"), (at(2), "m2")]
    assert (store.forget_scores(at(3)), store.forget_scores(at(99))) == (0, 1)


def test_scores_of_leads_that_are_not_there_are_left_out(store):
    store.ingest([Lead("ann", at(0))], [], at(0))
    assert store.save_scores([score("ann", 1), score("nobody", 1)], at(2)) == 1
    with pytest.raises(DataError, match="nothing that JSON can hold"):
        store.save_scores([score("ann", 3, reasons=[math.nan])], at(4))
    assert [s.as_of for s in store.scores("ann")] == [at(1)]


GOOD = Event("ann", at(0), "pricing_view")
BAD_EVENTS = [
    ({"lead_id": ""}, "lead_id is empty; expected a text"),
    ({"lead_id": " ann"}, "lead_id begins or ends with whitespace; expected a text without"),
    ({"lead_id": 7}, "lead_id is of type int; expected a text"),
    ({"lead_id": "x" * 501}, "lead_id has 501 characters; expected at most 500"),
    (
        {"kind": "a\0b"},
        "kind holds NUL or half a surrogate pair; expected text that UTF-8 can write, without NUL",
    ),
    (
        {"asset": "\ud800"},
        "asset holds NUL or half a surrogate pair; expected text that UTF-8 can write, without NUL",
    ),
    ({"asset": "x" * 10_001}, "asset has 10,001 characters; expected at most 10,000"),
    ({"occurred_at": 1.5}, "occurred_at is of type float; expected a whole number of microseconds UTC"),
    ({"occurred_at": True}, "occurred_at is of type bool; expected a whole number of microseconds UTC"),
    ({"occurred_at": 2**63}, "occurred_at is out of range; expected microseconds UTC from 1970 to 2199"),
    ({"recorded_at": -1}, "recorded_at is out of range; expected microseconds UTC from 1970 to 2199"),
    ({"value": math.inf}, "value is out of range; expected a number within 1e+30"),
    ({"value": "12"}, "value is of type str; expected a number"),
    ({"event_id": "1 "}, "event_id begins or ends with whitespace; expected a text without"),
]


@pytest.mark.parametrize(("change", "said"), BAD_EVENTS, ids=[said.split(";")[0] for _, said in BAD_EVENTS])
def test_a_bad_event_is_named_by_its_place_and_column(change, said):
    with pytest.raises(BadRow) as refused:
        Batch([], [GOOD, GOOD._replace(**change)], [], [], at(1))
    assert str(refused.value) == f"events[1].{said}"
    assert (refused.value.table, refused.value.row, refused.value.column) == ("events", 1, next(iter(change)))


def test_a_batch_with_a_bad_row_leaves_nothing(store):
    with pytest.raises(BadRow):
        store.ingest([Lead("ann", at(0))], [GOOD, GOOD._replace(kind="")], at(1))
    assert not any(contents(store).values())


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"leads": [Lead("ann", attributes={"size": [3]})]}, r"leads\[0\].attributes.size is of type list"),
        ({"leads": [Lead("ann", attributes={"": 3})]}, r"leads\[0\].attributes is empty"),
        ({"outcomes": [Outcome("ann", "Won", at(1))]}, r"outcome is no known outcome; expected won \| lost"),
        ({"outcomes": [Outcome("ann", "won", at(1), at(2))]}, r"decided_at is before opportunity_at"),
        ({"handoffs": [HandOff("ann", at(2), at(1))]}, r"handoffs\[0\].returned_at is before handed_off_at"),
    ],
)  # fmt: skip
def test_other_bad_rows(rows, said):
    with pytest.raises(BadRow, match=said):
        Batch(**{"leads": [], "events": [], "outcomes": [], "handoffs": [], **rows}, now=at(3))


def test_any_text_and_number_comes_back_as_it_was(store):
    told = Event("🚀\u200fשלום", at(0), "kind'; drop table leads;--", -0.1, '"\\%_{}\n', "id:1", "web")
    store.ingest([], [told], at(1))
    assert store.history([told.lead_id]).events == [told._replace(recorded_at=at(1))]
    store.ingest([], [view("ann", 1, value=math.nan, asset="")], at(2))
    odd = {"\0": ["\ud800", "\\u0000", "ü🚀", 1e-300, 2**70, True, None, {}]}
    store.save_scores([score("ann", 2, decision=odd)], at(3))
    assert store.latest(["ann"])["ann"].decision == odd
    assert store.history(["ann"]).events[0][3:5] == (None, None)
