"""Clauses in words, with the numbers and dates that they rest on."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

import numpy as np

from lead_readiness.handoff.kernel import QUEUE_FULL
from lead_readiness.handoff.seen import HOLDS
from lead_readiness.timelines import RETURN_REASONS

if TYPE_CHECKING:
    from lead_readiness.handoff.decisions import Decisions


COMPARED = {
    "under_floor": ("under the floor", "floor"),
    "first_time": ("waits: above the line for the first time", "line"),
    "left": ("ready until now, fell too far below the line", "low"),
    "below_line": ("below the line", "line"),
}
"""Clauses that compare the score with a threshold: what they say, and with which."""
FIXED = {
    "closed": "closed: won, lost or disqualified",
    "no_event": "no buyer event yet",
    "no_line": "no line yet: there was no evaluation",
}


def sentence(told: Decisions, row: int, zone: tzinfo = UTC) -> str:
    """One row's clause as people read it; dates are those of ``zone``."""
    clause, score, stood = told.clause_of(row), told.seen.score.item(row), told.standing
    if clause in FIXED:
        return FIXED[clause]
    if clause in COMPARED:
        says, name = COMPARED[clause]
        return f"{says} ({_against(score, getattr(stood, name).item(row))})"
    if clause == "no_score":
        return "no score" if np.isnan(score) else "no probability, and the policy asks for one"
    if clause == "no_room":
        return f"no room: {_why_full(told, row)}{_beside_line(told, row)}"
    if clause in ("trigger", "line", "drawn"):
        place = told.given.place[row]
        return _why_placed(told, row) + (f": place {place} of {told.places(row)}" if place else "")
    return _history(told, row, zone)


def _history(told: Decisions, row: int, zone: tzinfo) -> str:
    """What happened to the lead that keeps it where it is."""
    seen, stood = told.seen, told.standing

    def on(moment: int) -> str:
        return _date(int(moment), told.as_of, zone)

    match told.clause_of(row):
        case "with_sales":
            recorded = seen.handed_off[row] < told.as_of <= seen.returned[row]
            return f"with sales since {on(seen.handed_off[row] if recorded else stood.facts.past.handed_off[row])}"
        case "hold":
            return f"held: {HOLDS[seen.hold[row]].replace('_', '-')} on {on(seen.held_since[row])}"
        case "cool_down":
            return f"cool-down until {on(stood.re_entry[row])} after {_reason(told, row)}"
    when = on(seen.returned[row])
    return f"not armed again: no buyer event since the return on {when} after {_reason(told, row)}"


def _why_placed(told: Decisions, row: int) -> str:
    clause, stood = told.clause_of(row), told.standing
    if clause == "trigger":
        return "hard trigger of the rule book"
    if clause == "drawn":
        return f"drawn at random (chance {told.propensity[row]:.2g})"
    steady = stood.steady[row] >= stood.line[row]
    says = "above the line on two evaluations" if steady else "ready before and still near the line"
    return f"{says}{_beside_line(told, row)}"


def _beside_line(told: Decisions, row: int) -> str:
    score, line = told.seen.score.item(row), told.standing.line.item(row)
    return "" if np.isnan(score) else f" ({_against(score, line)})"


def _why_full(told: Decisions, row: int) -> str:
    facts, rank = told.standing.facts, _ordinal(int(told.given.rank[row]))
    places, name, named = told.places(row), told.seen.queue[row], [*told.policy.queues]
    if told.given.full[row] != QUEUE_FULL:
        places = facts.bars.cycle_room[facts.bars.cycle[facts.on[row]]]
        name, named = told.seen.cycle[row], [*told.policy.cycles]
    of = f" of {name}" if name in named else ""
    return f"{places} of {places} places{of} taken, {rank} in line"


def _reason(told: Decisions, row: int) -> str:
    code = told.seen.reason[row]
    return f"“{RETURN_REASONS[code]}”" if code >= 0 else "a return without a reason"


def _against(score: float, threshold: float) -> str:
    """The comparison, with as many decimals as it takes to see it.

    >>> _against(112.2, 104.0), _against(103.98, 104.02), _against(104.0, 104.0)
    ('112 >= 104', '103.98 < 104.02', '104 >= 104')
    """
    sign = ">=" if score >= threshold else "<"
    for digits in range(4):
        one, other = f"{score:.{digits}f}", f"{threshold:.{digits}f}"
        if one != other or score == threshold:
            break
    return f"{one} {sign} {other}"


def _ordinal(n: int) -> str:
    """The number as an order.

    >>> [_ordinal(n) for n in (1, 2, 3, 4, 11, 22, 113)]
    ['1st', '2nd', '3rd', '4th', '11th', '22nd', '113th']
    """
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{ending}"


def _date(micros: int, as_of: int, zone: tzinfo) -> str:
    when, now = (datetime.fromtimestamp(m / 1e6, zone) for m in (micros, as_of))
    return f"{when.day} {when:%b}" if when.year == now.year else f"{when.day} {when:%b %Y}"
