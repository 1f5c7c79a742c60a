"""Requests assembled into one company: each lead as it was by itself."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
from blended import KNOWN, LEADS, blended
from histories import Lead
from hypothesis import given, settings
from hypothesis import strategies as st
from test_wire import LEAD, PROJECT, leads, project

from lead_readiness.answer import answers
from lead_readiness.moments import written
from lead_readiness.timelines import DAY, Timelines
from lead_readiness.wire import assembled, parse

SCORER = blended()
AT = KNOWN.cut - 20 * DAY


def as_json(lead: Lead) -> dict[str, Any]:
    """A lead with what it did, as a request has it; every other one's events have ids."""
    return {
        "lead_id": lead.id,
        "created_at": written(lead.created),
        "account_id": lead.account,
        "attributes": dict(lead.attributes),
        "events": [
            {
                "occurred_at": written(event.at),
                "recorded_at": written(event.at + event.late),
                "kind": event.kind,
                "value": event.value,
                "asset": event.asset,
                "event_id": f"{lead.id}-{n}" if len(lead.events) % 2 else None,
            }
            for n, event in enumerate(lead.events)
        ],
        "handoffs": [
            {"handed_off_at": written(stay.at), "returned_at": stay.returned and written(stay.returned)}
            for stay in lead.handoffs
        ],
    }


ACCOUNTS = [
    [as_json(lead) for lead in people]
    for _, people in groupby(
        sorted((x for x in LEADS if x.created < AT), key=lambda x: (x.account or x.id, x.account is None)),
        key=lambda x: (x.account or x.id, x.account is None),
    )
]


def told(known: Timelines, places: list[list[int]]) -> list[object]:
    lead = np.array([n for of_one in places for n in of_one], np.int32)
    return list(answers(SCORER.assess(known, lead, np.full(len(lead), AT))))


@settings(max_examples=15)
@given(
    st.lists(
        st.lists(st.sampled_from(ACCOUNTS), min_size=1, max_size=4, unique_by=id), min_size=1, max_size=5
    )
)
def test_every_lead_is_told_as_by_itself(companies: list[list[list[dict[str, Any]]]]) -> None:
    """The same account may be in several requests."""
    means = SCORER.project.model_copy(update={"cut": None})
    parsed = [parse(means, [lead for people in accounts for lead in people]) for accounts in companies]
    alone = [answer for one in parsed for answer in told(*assembled(means, [one]))]
    assert told(*assembled(means, parsed)) == alone


def described(known: Timelines, lead: int) -> str:
    """All that timelines hold of a lead, in words that do not depend on who else is there."""
    assets, account = (*known.assets, None), known.account[lead]
    columns = known.time, known.recorded, known.kind, known.value
    events = [
        [known.event_id(e), assets[known.asset[e]], *(column[e] for column in columns)]
        for e in range(known.start[lead], known.start[lead + 1])
    ]
    stays = slice(known.handoff_start[lead], known.handoff_start[lead + 1])
    people = slice(known.account_start[account], known.account_start[account + 1])
    own = "lead_ids", "created", "outcome", "decided", "opportunity", "opened", "amount"
    return repr(
        [
            events,
            known.lead_ids[people].tolist(),
            lead - people.start,
            [getattr(known, name)[lead] for name in own],
            [column[lead] for column in known.attributes.values()],
            [getattr(known, name)[stays].tolist() for name in ("handed_off", "returned", "return_reason")],
        ]
    )


@given(
    st.lists(leads(), min_size=1, max_size=4),
    st.sampled_from([PROJECT, project(cut="2026-01-02T00:00:00Z")]),
)
def test_requests_stay_apart(companies: list[list[dict[str, Any]]], means: Any) -> None:
    """Requests with the same ids of leads, accounts and events."""
    parsed = [parse(means, company) for company in companies]
    known, places = assembled(means, parsed)
    assert sorted(n for of_one in places for n in of_one) == list(range(len(known)))
    cuts = []
    for one, own, company in zip(parsed, places, companies):
        alone, (there,) = assembled(means, [one])
        assert [alone.lead_ids[n] for n in there] == [lead["lead_id"] for lead in company]
        assert [described(known, n) for n in own] == [described(alone, n) for n in there]
        cuts.append(alone.cut)
    assert known.cut == max(cuts)
    assert known.accounts_known == any(one.accounts_known for one in parsed)


def test_event_ids_are_none_only_where_no_request_has_any() -> None:
    event = {"occurred_at": "2026-05-04T09:30:00Z", "kind": "visit"}
    without = parse(PROJECT, [{**LEAD, "events": [event]}])
    named = parse(PROJECT, [{**LEAD, "events": [{**event, "event_id": "e"}]}])
    assert assembled(PROJECT, [without, without])[0].event_ids is None
    known, _ = assembled(PROJECT, [without, named])
    assert [known.event_id(e) for e in range(2)] == [None, "e"]
