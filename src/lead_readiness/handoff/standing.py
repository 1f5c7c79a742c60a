"""Where each lead stands by itself: the clause of the policy that applies to it, before any place is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from lead_readiness.handoff import kernel
from lead_readiness.handoff.bars import Bars, bars
from lead_readiness.handoff.kernel import Bools, Codes, Floats, Places
from lead_readiness.handoff.seen import Seen
from lead_readiness.handoff.states import Past, States
from lead_readiness.project import Handoff
from lead_readiness.timelines import Ints

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


@dataclass(eq=False)
class Facts:
    """What leads are held against, whatever the lines that follow the capacity are.

    ``last`` is the evaluation before ``as_of``; ``place`` each lead's in ``states``, ``on`` its line's in ``bars``.
    """

    seen: Seen
    states: States
    as_of: int
    last: int
    place: Ints
    on: Places
    bars: Bars

    @cached_property
    def past(self) -> Past:
        """What the states say of the leads from before this evaluation."""
        return self.states.of(self.place, self.as_of)


@dataclass(eq=False)
class Standing:
    """Per lead its clause, a place in `CLAUSES`, and the thresholds it was held against; ``low`` is where it leaves.

    ``steady`` is the lower of its scores now and at the evaluation before (NaN: not evaluated then); ``re_entry`` when
    the cool-down after its last return ends (``NEVER``: not returned).
    """

    facts: Facts
    clause: Codes
    ready: Bools
    floor: Floats
    line: Floats
    low: Floats
    steady: Floats
    re_entry: Ints


def stand(policy: Handoff, states: States, seen: Seen, as_of: int) -> Standing:
    """Where each lead stands at ``as_of`` (microseconds UTC), whatever other leads there are.

    A lead's clause depends on its own row, its own state and the lines as the last evaluation put them: the clause
    ``line`` or ``trigger`` says that it stands in line for a place, not that it gets one. At the moment of that
    evaluation it is the clause that the evaluation came to. Raises DataError when the states are of a later moment.

    >>> known, states = Seen.of(["a"], [104.0], last_buyer_event=[1]), States.empty()
    >>> list(CLAUSES)[stand(Handoff(), states, known, as_of=2).clause[0]]
    'no_line'
    """
    lines, on = seen.lines()
    return against(look(states, seen, as_of, on, bars(policy, lines)), states.line_of(lines))


def look(states: States, seen: Seen, as_of: int, on: Places, bar: Bars) -> Facts:
    """What there is to hold each lead against at ``as_of``, its line aside."""
    return Facts(seen, states, as_of, states.last_before(as_of), states.places(seen.lead_id), on, bar)


def against(facts: Facts, line: Floats) -> Standing:
    """The leads held against the lines that follow the capacity (NaN: none yet), or the policy's own."""
    seen, bar, n = facts.seen, facts.bars, len(facts.seen)
    clause, ready = np.empty(n, np.int8), np.empty(n, bool)
    levels, re_entry = np.empty((4, n)), np.empty(n, np.int64)
    kernel.stand(
        facts.as_of,
        facts.last,
        bar.band,
        bar.floor,
        bar.line,
        bar.needs_probability,
        bar.stays,
        line,
        facts.on,
        seen.score,
        seen.probability,
        seen.triggered,
        seen.hold,
        seen.closed,
        seen.handed_off,
        seen.returned,
        seen.reason,
        seen.last_buyer_event,
        facts.place,
        *facts.states.past,
        *facts.states.past_before,
        clause,
        ready,
        levels,
        re_entry,
    )
    floor, held_against, low, steady = levels
    return Standing(facts, clause, ready, floor, held_against, low, steady, re_entry)
