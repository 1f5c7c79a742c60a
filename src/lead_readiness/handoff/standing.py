"""Where each lead stands by itself: the clause of the policy that applies to it, before any place is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lead_readiness.handoff.bars import Bars, bars
from lead_readiness.handoff.seen import NOT_HELD, Bools, Floats, Seen
from lead_readiness.handoff.states import Past, States
from lead_readiness.project import Handoff
from lead_readiness.timelines import DAY, NEVER, RETURN_REASONS, Ints

Clauses = npt.NDArray[np.int8]
Decision = Literal["hand off", "stay", "hold", "recycle", "with sales"]

CLAUSES: dict[str, Decision] = {
    "closed": "stay",
    "with_sales": "with sales",
    "hold": "hold",
    "trigger": "hand off",
    "cool_down": "recycle",
    "not_armed": "recycle",
    "no_score": "stay",
    "no_event": "stay",
    "under_floor": "stay",
    "line": "hand off",
    "no_line": "stay",
    "first_time": "stay",
    "left": "stay",
    "below_line": "stay",
    "no_room": "stay",
    "drawn": "hand off",
}
"""Every clause with its decision, in order of precedence: the first that applies to a lead decides.

The last two come with the places: ``no_room`` for who stood in line in vain, ``drawn`` for who was drawn at random.
"""
CODE = {name: np.int8(code) for code, name in enumerate(CLAUSES)}
FREE = np.int8(-1)
"""Nothing but its score decides on the lead."""


@dataclass(frozen=True)
class Facts:
    """What is known of each lead whatever the lines are.

    ``place`` is the lead's in ``states``, ``past`` what they say of it from before this evaluation. ``clause`` is the
    one that applies (a place in `CLAUSES`) or `FREE`; ``steady`` the lower of the lead's scores now and at the
    evaluation before (NaN: not evaluated then); ``on`` its line's place in ``states`` and ``bars``; ``re_entry`` when
    the cool-down after its last return ends (``NEVER``: not returned).
    """

    seen: Seen
    place: Ints
    past: Past
    clause: Clauses
    steady: Floats
    re_entry: Ints
    on: npt.NDArray[np.int32]
    bars: Bars
    states: States


@dataclass(frozen=True)
class Standing:
    """Per lead its clause, a place in `CLAUSES`, and the thresholds it was held against; ``low`` is where it leaves."""

    facts: Facts
    clause: Clauses
    ready: Bools
    floor: Floats
    line: Floats
    low: Floats


def stand(policy: Handoff, states: States, seen: Seen, as_of: int) -> Standing:
    """Where each lead stands at ``as_of`` (microseconds UTC), whatever other leads there are.

    A lead's clause depends on its own row, its own state and the lines as the last evaluation put them: the clause
    ``line`` or ``trigger`` says that it stands in line for a place, not that it gets one. At the moment of that
    evaluation it is the clause that the evaluation came to. Raises DataError when the states are of a later moment.

    >>> known, states = Seen.of(["a"], [104.0], last_buyer_event=[1]), States.empty()
    >>> list(CLAUSES)[stand(Handoff(), states, known, DAY).clause[0]]
    'no_line'
    """
    facts = look(policy, states, seen, as_of)
    return against(policy, facts, facts.states.line.line)


def look(policy: Handoff, states: States, seen: Seen, as_of: int) -> Facts:
    """What is known of each lead at ``as_of``, its line aside."""
    last = states.last_before(as_of)
    place = states.places(seen.lead_id)
    past = states.of(place, as_of)
    states, on = states.with_lines(seen.cycle, seen.queue)
    bar = bars(policy, states.cycle, states.queue)
    returned, event = seen.returned < as_of, seen.last_buyer_event < as_of
    armed = ~returned | (event & (seen.last_buyer_event > seen.returned))
    re_entry = np.where(returned, _re_entry(policy, seen), NEVER)
    conditions = {
        "closed": seen.closed,
        "with_sales": _with_sales(seen, past, as_of),
        "hold": seen.hold != NOT_HELD,
        "trigger": seen.triggered & armed,
        "cool_down": returned & (re_entry > as_of),
        "not_armed": ~armed,
        "no_score": np.isnan(seen.score) | (bar.needs_probability[on] & np.isnan(seen.probability)),
        "no_event": ~event,
        "under_floor": seen.score < bar.floor[on],
    }
    steady = np.where((past.as_of == last) & (last != NEVER), np.minimum(seen.score, past.score), np.nan)
    return Facts(seen, place, past, _first(conditions, FREE), steady, re_entry, on, bar, states)


def against(policy: Handoff, facts: Facts, line: Floats) -> Standing:
    """The leads held against the lines that follow the capacity (NaN: none yet), or the policy's own."""
    score, bar, on = facts.seen.score, facts.bars, facts.on
    floor, line = bar.floor[on], np.where(np.isnan(bar.line), line, bar.line)[on]
    low = np.maximum(line - policy.band, floor)
    ready = (facts.steady >= line) | (facts.past.ready & (score >= low))
    conditions = {
        "line": ready,
        "no_line": np.isnan(line),
        "first_time": score >= line,
        "left": facts.past.ready,
    }
    free = facts.clause == FREE
    clause = np.where(free, _first(conditions, CODE["below_line"]), facts.clause)
    return Standing(facts, clause, ready & (free | (clause == CODE["trigger"])), floor, line, low)


def _first(conditions: dict[str, Bools], otherwise: np.int8) -> Clauses:
    (n,) = {len(holds) for holds in conditions.values()}
    clause = np.full(n, otherwise)
    for name, holds in reversed(conditions.items()):
        clause[holds] = CODE[name]
    return clause


def _with_sales(seen: Seen, past: Past, as_of: int) -> Bools:
    """Handed off, by the records or by an earlier decision, and not returned since."""
    back = np.where(seen.returned < as_of, seen.returned, -1)
    recorded = (seen.handed_off < as_of) & (back < seen.handed_off)
    decided = (past.handed_off < as_of) & (back <= past.handed_off)
    return recorded | decided


def _re_entry(policy: Handoff, seen: Seen) -> Ints:
    stays = DAY * np.array([after.days for after in policy.by_reason])
    ends: Ints = np.minimum(seen.returned, NEVER - stays.max()) + stays[other(seen.reason)]
    return ends


def other(reason: npt.NDArray[np.int16]) -> npt.NDArray[np.intp]:
    """The reasons, with `other` for those not given."""
    return np.where(reason < 0, np.intp(RETURN_REASONS.index("other")), reason)
