"""What is answered: the same as the library says, for leads as they are sent and as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blended import RULES_ONLY, blended
from histories import day
from leaky_company import PROJECT
from served import NOW, champion, event, lead, means

from lead_readiness import wire
from lead_readiness.answer import answers
from lead_readiness.errors import LeadReadinessError
from lead_readiness.handoff import Seen, States, alone, decide
from lead_readiness.moments import written
from lead_readiness.project import Handoff
from serving.endpoint import events, explain, leads, score
from serving.http.problems import ProblemError, of_error
from serving.kept import Kept
from serving.store import HandOff, Outcome, Score

LINED = replace(RULES_ONLY, project=PROJECT.model_copy(update={"handoff": Handoff(line=30.0)}))


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    opened = Kept(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


def refused(answer: Any, body: Any, *, kept: Kept | None = None, **limits: int) -> ProblemError:
    with pytest.raises(LeadReadinessError) as caught:
        answer(means(kept=kept, **limits), body)
    return of_error(caught.value)


def wheres(problem: ProblemError) -> list[str]:
    return [error.where for error in problem.errors]


def ingest(kept: Kept, *told: dict[str, Any], at: int = day(149)) -> dict[str, Any]:
    """Leads with their events, sent to be stored."""
    people = [{k: v for k, v in one.items() if k != "events"} for one in told]
    happened = [{**e, "lead_id": one["lead_id"]} for one in told for e in one["events"]]
    return events.events(means(kept=kept, at=at), {"leads": people, "events": happened})


def test_a_score_is_the_librarys_answer() -> None:
    scorer, asked = blended(), [lead("ann"), lead("bob", 0), lead("cid", 7, account_id="of ann")]
    read = wire.read(champion(scorer).project, asked)
    assessed = scorer.assess(read.timelines, read.lead, np.full(3, NOW))
    seen = Seen.from_timelines(
        PROJECT,
        read.timelines,
        read.lead,
        NOW,
        assessed.score,
        assessed.probability,
        assessed.replay.triggered,
    )
    expected = [a.as_json() for a in answers(assessed, alone(PROJECT.handoff, States.empty(), seen, NOW), 2)]
    told = score.score(means(serving=champion(scorer)), {"leads": asked, "top": 2})
    assert told["leads"] == expected
    assert (told["as_of"], told["model"], told["rule_book"]) == (
        written(NOW),
        scorer.version,
        "Leaky rules 1",
    )


def test_what_happened_after_the_training_counts() -> None:
    trained = replace(
        RULES_ONLY, project=PROJECT.model_copy(update={"cut": datetime(2026, 1, 1, tzinfo=UTC)})
    )
    decided = {"outcome": "won", "decided_at": written(day(149))}
    told = score.score(means(serving=champion(trained)), {"leads": [lead(outcome=decided)]})
    assert told["leads"][0]["decision"]["clause"] == "closed"


def test_unknown_kinds_are_counted_and_notes_told() -> None:
    asked = lead(events=1, attributes={"colour": "red"})
    asked["events"] += [event(7, "yawn"), event(8, "yawn"), event(0, event_id="ann-0")]
    told = score.score(means(), {"leads": [asked]})
    assert told["unknown_kinds"] == {"yawn": 2}
    assert told["notes"] == [
        "events: repeated: 1 row dropped",
        "leads: attributes that the project lacks not read: 'colour'",
    ]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ([], [""]),
        ({}, ["/leads"]),
        ({"leads": []}, ["/leads"]),
        ({"leads": [lead()], "as_of": "soon"}, ["/as_of"]),
        ({"leads": [lead()], "top": -1}, ["/top"]),
        ({"leads": [lead()], "top": True}, ["/top"]),
        ({"leads": [lead()], "as_off": 1}, ["/as_off"]),
        ({"leads": [None, {"created_at": None}]}, ["/leads/0", "/leads/1/lead_id", "/leads/1/created_at"]),
        ({"leads": [lead(), {}]}, ["/leads/1/lead_id"]),
        ({"leads": [{**lead(), "created_at": 17}]}, ["/leads/0/created_at"]),
        ({"leads": [lead(events=1), lead(events=1)]}, ["/leads/1/lead_id", "/leads/1/events/0/event_id"]),
        ({"leads": [lead("a"), lead("b"), lead("c")]}, ["/leads"]),
        ({"leads": [lead(events=60)]}, ["/leads/0/events"]),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(body: Any, where: list[str]) -> None:
    problem = refused(score.score, body, most_leads=2, most_events=50)
    assert problem.status == 422
    assert set(where) <= set(wheres(problem))


def test_stored_leads_are_asked_for_by_id_and_score_the_same(kept: Kept) -> None:
    ann, colleague = lead("ann"), lead("bob", 5, account_id="of ann")
    ingest(kept, ann, colleague)
    sent = [{**ann, "events": [{**e, "recorded_at": written(day(149))} for e in ann["events"]]}]
    sent += [{**colleague, "events": [{**e, "recorded_at": written(day(149))} for e in colleague["events"]]}]
    asked = means(kept=kept, serving=champion(blended()))
    by_id = score.score(asked, {"leads": [{"lead_id": "ann"}]})
    assert by_id["leads"] == score.score(asked, {"leads": sent})["leads"][:1]
    mixed = score.score(asked, {"leads": [{"lead_id": "ann"}, lead("new")]})
    assert [told["lead_id"] for told in mixed["leads"]] == ["ann", "new"]


def test_a_lead_that_the_store_does_not_know_is_a_404(kept: Kept) -> None:
    problem = refused(score.score, {"leads": [lead(), {"lead_id": "ann"}]}, kept=kept)
    assert (problem.status, problem.sort, wheres(problem)) == (404, "unknown-lead", ["/leads/1/lead_id"])
    assert refused(score.score, {"leads": [{"lead_id": "ann"}]}).sort == "no-store"
    assert refused(score.score, {"leads": [{"lead_id": ""}]}, kept=kept).status == 422


def test_a_stored_history_that_does_not_fit_together_is_no_fault_of_the_request(kept: Kept) -> None:
    ingest(kept, lead("ann"))
    early = Outcome("ann", "won", day(1))
    kept.store.ingest(
        [], [], day(149), outcomes=[early], handoffs=[HandOff("ann", day(120)), HandOff("ann", day(130))]
    )
    problem = refused(score.score, {"leads": [{"lead_id": "ann"}]}, kept=kept)
    assert (problem.status, problem.sort) == (409, "conflict")
    assert all(error.found == "a stored value that cannot be used" for error in problem.errors)


def test_an_explanation_adds_up() -> None:
    asked = {"lead": lead(), "since": written(day(115))}
    told = explain.explain(means(serving=champion(blended())), asked)
    behaviours, change = told["breakdown"]["behaviours"], told["changed"]
    score_told = told["lead"]["score"]
    assert told["breakdown"]["base"] + sum(b["points"] for b in behaviours) == pytest.approx(
        score_told, abs=1e-6
    )
    for behaviour in behaviours:
        parts = [part["points"] for part in behaviour["features"] + behaviour["rules"]]
        assert sum(parts) == pytest.approx(behaviour["points"], abs=1e-6)
    assert sum(change["points"].values()) == pytest.approx(score_told - change["score_before"], abs=1e-6)
    assert change["points"]["model"] == 0
    assert told["over_the_line"] is None
    assert "there is no line yet" in told["line_note"]


def test_what_changed_tells_of_a_new_model_that_began_to_serve_since() -> None:
    before, now = blended(), blended(intercept=-0.1)
    serving = champion(now, earlier=before, since=day(140))
    told = explain.explain(means(serving=serving), {"lead": lead(), "since": written(day(139))})["changed"]
    assert (told["model_before"], told["points"]["model"] != 0) == (before.version, True)
    told = explain.explain(means(serving=serving), {"lead": lead(), "since": written(day(141))})["changed"]
    assert told["model_before"] == now.version
    other = champion(RULES_ONLY, earlier=before, since=day(140))  # of another scale: not compared
    told = explain.explain(means(serving=other), {"lead": lead(), "since": written(day(139))})["changed"]
    assert told["model_before"] == RULES_ONLY.version


def test_the_line_tells_how_to_reach_it_and_when_the_lead_falls_below() -> None:
    below = explain.explain(
        means(serving=champion(LINED)), {"lead": lead(events=3), "as_of": written(day(104))}
    )
    assert below["over_the_line"]["is_over"] is False
    assert below["falls_below"] is None
    ways = below["over_the_line"]["ways"]
    assert ways and all(way["score"] >= 30 and 1 <= len(way["events"]) <= 3 for way in ways)
    over = explain.explain(
        means(serving=champion(LINED)), {"lead": lead(events=20), "as_of": written(day(121))}
    )
    assert over["over_the_line"]["is_over"] is True
    assert over["falls_below"] is not None and over["falls_below"] in over["line_note"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ["/lead"]),
        ({"lead": {"lead_id": "a", "created_at": 1}}, ["/lead/created_at"]),
        ({"lead": lead(), "since": written(day(151))}, ["/since"]),
        ({"lead": lead(), "leads": []}, ["/leads"]),
    ],
)
def test_an_explanation_that_cannot_be_given(body: Any, where: list[str]) -> None:
    problem = refused(explain.explain, body)
    assert (problem.status, wheres(problem)) == (422, where)


def test_events_are_answered_with_the_new_score_and_what_changed(kept: Kept) -> None:
    first = ingest(kept, lead("ann", 10), at=day(120))
    assert first["events"] == {"new": 10, "repeated": 0, "erased": 0, "contradicting": []}
    (told,) = first["leads"]
    assert told["changed"]["since"] == written(day(120) - 1)
    more = {"events": [{"lead_id": "ann", "occurred_at": written(day(121)), "kind": "pricing"}]}
    (later,) = events.events(means(kept=kept, at=day(122)), more)["leads"]
    assert later["changed"]["since"] == written(day(120))
    assert later["changed"]["score_before"] == told["score"]
    assert later["changed"]["points"]["news"] > 0
    assert later["score"] == pytest.approx(told["score"] + sum(later["changed"]["points"].values()))
    assert [s.score for s in kept.store.scores("ann")] == [later["score"], told["score"]]


def test_the_same_events_again_in_any_order_change_nothing(tmp_path: Path) -> None:
    happened = [{**e, "lead_id": name} for name in ("ann", "bob") for e in lead(name, 3)["events"]]
    found = set()
    for turn, order in enumerate(list(permutations(range(3)))[:4]):
        kept = Kept(f"sqlite:///{tmp_path}/{turn}.db")
        pieces = [[happened[i], happened[i + 3]] for i in order]
        for n, piece in enumerate([*pieces, pieces[0]]):
            told = events.events(means(kept=kept, at=day(130)), {"events": piece})
            assert told["events"]["new"] == (2 if n < 3 else 0)
        scored = score.score(means(kept=kept), {"leads": [{"lead_id": "ann"}, {"lead_id": "bob"}]})["leads"]
        found.add(repr(scored))
        assert len(kept.store.scores("ann")) == 1
        kept.close()
    assert len(found) == 1


def test_a_track_call_may_come_by_itself(kept: Kept) -> None:
    call = {
        "type": "track",
        "userId": "ann",
        "event": "Pricing",
        "messageId": "m",
        "timestamp": written(day(140)),
        "anonymousId": "x",
        "context": {"ip": "::1"},
    }
    told = events.events(means(kept=kept), call)
    assert (told["events"]["new"], told["leads"][0]["lead_id"]) == (1, "ann")
    problem = refused(events.events, {**call, "timestamp": 17, "userId": None}, kept=kept)
    assert sorted(wheres(problem)) == ["/timestamp", "/userId"]


def test_events_of_unknown_kinds_are_kept_for_a_vocabulary_that_learns_them(kept: Kept) -> None:
    told = events.events(means(kept=kept), {"events": [event(1, "prcing", lead_id="ann")]})
    assert told["unknown_kinds"] == {"prcing": 1}
    assert told["notes"] == ["'prcing' is no known kind; did you mean 'pricing'?"]
    assert told["events"]["new"] == 1
    assert [e.kind for e in kept.store.history(["ann"]).events] == ["prcing"]


def test_an_event_that_contradicts_a_stored_one_is_named(kept: Kept) -> None:
    ingest(kept, lead("ann", 2))
    other = {"events": [event(9, "blog", lead_id="ann", event_id="ann-0"), event(3, lead_id="ann")]}
    assert events.events(means(kept=kept), other)["events"]["contradicting"] == ["/events/0"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"events": {}}, ["/events"]),
        ({"events": [{}]}, ["/events/0/kind"]),
        ({"events": [event(1)]}, ["/events/0/lead_id"]),
        ({"events": [event(1, lead_id="a" * 501)]}, ["/events/0/lead_id"]),
        ({"events": [event(1, "k" * 501, lead_id="a")]}, ["/events/0/kind"]),
        ({"events": [event(n, lead_id=f"a{n}") for n in range(3)]}, ["/events"]),
        ({"leads": [{"created_at": "x"}]}, ["/leads/0/created_at", "/leads/0/lead_id"]),
        ({"leads": [{"lead_id": "a", "attributes": {"sectr": "bank"}}]}, ["/leads/0/attributes/sectr"]),
        ({"leads": [{"lead_id": "a", "outcome": {}}]}, ["/leads/0/outcome"]),
        ({"leads": [{"lead_id": "a"}] * 3}, ["/leads"]),
        ({"source": 7}, ["/source"]),
    ],
)
def test_events_that_cannot_be_stored_are_named_and_none_is(kept: Kept, body: Any, where: list[str]) -> None:
    problem = refused(events.events, body, kept=kept, most_leads=2)
    assert (problem.status, sorted(wheres(problem))) == (422, where)
    assert kept.store.history(["a"]).leads == []


def test_nothing_sent_is_nothing_stored(kept: Kept) -> None:
    told = events.events(means(kept=kept), {})
    assert (told["events"]["new"], told["leads"]) == (0, [])


def test_a_stored_lead_is_shown_with_its_scores_and_can_be_forgotten(kept: Kept) -> None:
    ingest(kept, lead("ann", 4), at=day(110))
    ingest(kept, {**lead("ann", 0), "events": [event(30, "pricing")]}, at=day(140))
    shown = leads.lead(kept, "ann")
    assert [told["as_of"] for told in shown["history"]] == [written(day(140)), written(day(110))]
    assert shown["latest"]["reasons"].keys() == {"for", "against"}
    assert (shown["stored"]["events"], shown["stored"]["last_event_at"]) == (5, written(day(130)))
    assert leads.forget(kept, "ann") == {"erased": True, "was_known": True}
    assert leads.forget(kept, "bob") == {"erased": True, "was_known": False}
    with pytest.raises(ProblemError, match="knows no such lead"):
        leads.lead(kept, "ann")


def test_decisions_are_those_of_the_last_evaluation(kept: Kept) -> None:
    ingest(kept, lead("ann"), lead("bob", 0), at=day(121))
    asked = {"leads": [{"lead_id": "ann"}, {"lead_id": "bob"}]}
    at = day(126)
    read = wire.read(champion(LINED).project, kept.store.history(["ann", "bob"]).as_leads(PROJECT))
    assessed = LINED.assess(read.timelines, read.lead, np.full(2, at))
    seen = Seen.from_timelines(
        PROJECT,
        read.timelines,
        read.lead,
        at,
        assessed.score,
        assessed.probability,
        assessed.replay.triggered,
    )
    made = decide(LINED.project.handoff, States.empty(), seen, at)
    kept.store.save_states(made.states)
    recorded = [Score.of(answer) for answer in answers(assessed, made)]
    kept.store.save_scores([recorded[0]._replace(decision={"decision": "as recorded"})], at)
    assert kept.evaluated is None
    kept.refresh()
    assert kept.evaluated == at

    def ask(moment: int) -> dict[str, Any]:
        return score.score(means(kept=kept, serving=champion(LINED)), {**asked, "as_of": written(moment)})

    assert ask(at)["leads"][0]["decision"] == {"decision": "as recorded"}
    assert ask(at + 1)["leads"][1]["decision"]["clause"] == "no_event"
    later = ask(at + 1)["leads"][0]["decision"]
    assert (later["decision"], later["clause"], later["line"]) == ("hand off", "line", 30.0)
    before = ask(at - 1)
    assert before["leads"][0]["decision"] is None
    assert "no decision: the hand-off was evaluated" in before["notes"][0]
    assert score.waits(means(kept=kept), {**asked}) is True
    assert score.waits(means(kept=kept), {"leads": [lead()]}) is False
