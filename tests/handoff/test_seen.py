"""What the timelines show of a lead at one moment, through the gate that scores look through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from histories import Event, Handoff, Lead, Outcome, build, day

from lead_readiness.errors import DataError
from lead_readiness.handoff import HOLDS, Seen
from lead_readiness.project import Handoff as Policy
from lead_readiness.project import Project, ReturnReason
from lead_readiness.timelines import DAY, NEVER, RETURN_REASONS

NOW = day(30)


def project(**handoff: Any) -> Project:
    return Project.model_validate(
        {
            "name": "Acme",
            "vocabulary": {
                "visit": {"behaviour": "web", "direction": "up"},
                "cancelled": {"behaviour": "webinar", "direction": "down"},
                "unsubscribe": {"behaviour": "email", "hold": "opt_out"},
                "complaint": {"behaviour": "email", "hold": "complaint"},
                "bounce": {"behaviour": "email", "actor": "system", "hold": "bounce"},
                "call": {"behaviour": "sales", "actor": "sales"},
            },
            "attributes": {"cycle": "category", "region": "category"},
            "label": {"cycle": "cycle"},
            "handoff": {"queue": "region", **handoff},
        }
    )


def shown(lead: Lead, as_of: int = NOW, **handoff: Any) -> Seen:
    means = project(**handoff)
    nothing = np.zeros(1)
    return Seen.from_timelines(
        means, build([lead], means), np.array([0], np.int32), as_of, nothing, nothing, nothing > 0
    )


@pytest.mark.parametrize(
    ("events", "last"),
    [
        ([], NEVER),
        ([Event(day(3), "visit"), Event(day(5), "visit")], day(5)),
        ([Event(day(3), "visit"), Event(day(5), "call")], day(3)),
        ([Event(day(3), "visit"), Event(day(5), "cancelled")], day(3)),
        ([Event(day(3), "visit"), Event(day(5), "complaint")], day(3)),
        ([Event(day(3), "visit"), Event(NOW, "visit")], day(3)),
        ([Event(day(3), "visit"), Event(NOW - 1, "visit", late=1)], NOW - 1),
        ([Event(day(3), "visit"), Event(NOW - 1, "visit", late=2)], day(3)),
    ],
    ids=["none", "the last", "sales'", "pointing down", "a hold", "at as_of", "recorded at as_of", "recorded later"],
)  # fmt: skip
def test_the_last_buyer_event(events: list[Event], last: int) -> None:
    assert shown(Lead("a", events=tuple(events))).last_buyer_event[0] == last


@pytest.mark.parametrize(
    ("events", "hold", "since"),
    [
        ([], None, NEVER),
        ([Event(day(1), "complaint")], "complaint", day(1)),
        ([Event(day(1), "complaint"), Event(day(9), "complaint")], "complaint", day(9)),
        ([Event(day(1), "unsubscribe"), Event(day(9), "complaint")], "opt_out", day(1)),
        ([Event(day(1), "complaint"), Event(day(9), "bounce")], "complaint", day(1)),
        ([Event(NOW, "unsubscribe")], None, NEVER),
        ([Event(day(20), "bounce", late=11 * DAY)], None, NEVER),
    ],
)
def test_what_holds_a_lead_back(events: list[Event], hold: str | None, since: int) -> None:
    found = shown(Lead("a", events=tuple(events)))
    assert (found.hold[0], found.held_since[0]) == (HOLDS.index(hold) if hold else -1, since)  # type: ignore[arg-type]


def test_complaints_and_bounces_may_hold_for_a_while() -> None:
    lead = Lead("a", events=(Event(day(10), "complaint"), Event(day(20), "bounce")))
    holds = {"hold_days": {"complaint": 20, "bounce": 15}}
    found = [shown(lead, as_of, **holds).hold[0] for as_of in (NOW - 1, NOW, day(35) - 1, day(35))]
    assert [HOLDS[h] if h >= 0 else "" for h in found] == ["complaint", "bounce", "bounce", ""]


@pytest.mark.parametrize(
    ("handoffs", "handed", "returned", "reason"),
    [
        ((), NEVER, NEVER, None),
        ((Handoff(day(3)),), day(3), NEVER, None),
        ((Handoff(NOW),), NEVER, NEVER, None),
        ((Handoff(day(3), day(9), "price"),), day(3), day(9), "price"),
        ((Handoff(day(3), NOW, "price"),), day(3), NEVER, None),
        ((Handoff(day(3), day(9), "price"), Handoff(day(12))), day(12), NEVER, None),
        ((Handoff(day(3), day(9), "price"), Handoff(day(40))), day(3), day(9), "price"),
    ],
)
def test_the_last_hand_off(
    handoffs: tuple[Handoff, ...], handed: int, returned: int, reason: ReturnReason | None
) -> None:
    found = shown(Lead("a", handoffs=handoffs))
    code = RETURN_REASONS.index(reason) if reason else -1
    assert (found.handed_off[0], found.returned[0], found.reason[0]) == (handed, returned, code)


def test_cycle_queue_and_closing() -> None:
    lead = Lead("a", attributes={"cycle": "short", "region": None}, outcome=Outcome("lost", day(20)))
    found = shown(lead)
    assert (found.cycle[0], found.queue[0], found.closed[0]) == ("short", "", True)
    assert not shown(lead, day(20) - 1).closed[0]


def test_many_leads_are_seen_as_each_by_itself() -> None:
    means = project(hold_days={"complaint": 20})
    visit, complaint = Event(day(3), "visit"), Event(day(12), "complaint")
    known = build(
        [
            Lead("a", attributes={"cycle": "short", "region": "north"}, events=(visit, complaint)),
            Lead("b", handoffs=(Handoff(day(3), day(9), "price"),), events=(visit,)),
            Lead("c", attributes={"cycle": "short", "region": "north"}, handoffs=(Handoff(day(4)),)),
            Lead("d", outcome=Outcome("lost", day(20))),
        ],
        means,
    )
    places, nothing = np.array([2, 0, 3, 1], np.int32), np.zeros(4)
    seen = Seen.from_timelines(means, known, places, NOW, nothing, nothing, nothing > 0)
    for row, place in enumerate(places):
        lead = places[row : row + 1]
        alone = Seen.from_timelines(means, known, lead, NOW, nothing[:1], nothing[:1], nothing[:1] > 0)
        assert alone.lead_id[0] == known.lead_ids[place]
        for name, column in vars(alone).items():
            assert column[0] == getattr(seen, name)[row], name
            assert column.dtype == getattr(seen, name).dtype, name
    lines, on = seen.lines()
    assert (lines, on.tolist()) == ((("short", "north"), ("", "")), [0, 0, 1, 1])


def test_the_policys_reasons_are_the_contracts() -> None:
    assert tuple(Policy().returns) == RETURN_REASONS
    assert (
        tuple(Policy.model_validate({"returns": {"other": {"track": "x", "days": 1}}}).returns)
        == RETURN_REASONS
    )


@pytest.mark.parametrize(
    ("ids", "columns", "message"),
    [
        (["a", "b", "a"], {}, "the leads to decide on: lead 'a' has 2 rows; expected one a lead; leave the others out"),
        (["a", "b"], {"hold": [1]}, "`hold` has the shape (1,); expected one value for each of 2 leads"),
        (["a"], {"scor": [1]}, "`scor` is no column of the leads to decide on; did you mean 'score'?; expected "),
    ],
)  # fmt: skip
def test_columns_that_do_not_fit(ids: list[str], columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as refused:
        Seen.of(ids, np.zeros(len(ids)), **columns)
    assert str(refused.value).startswith(message)
