"""The loops of the hand-off: what was last seen of each lead, where it stands, and places given out in order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from lead_readiness.timelines import NEVER, Ints

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]
Reasons = npt.NDArray[np.int16]
Places = npt.NDArray[np.int32]

(
    CLOSED,
    WITH_SALES,
    HOLD,
    TRIGGER,
    COOL_DOWN,
    NOT_ARMED,
    NO_SCORE,
    NO_EVENT,
    UNDER_FLOOR,
    LINE,
    NO_LINE,
    FIRST_TIME,
    LEFT,
    BELOW_LINE,
    NO_ROOM,
    DRAWN,
) = range(16)
"""The clauses' places in `CLAUSES`. They stand here, since a kernel is compiled again when its own file changes."""
NOT_HELD = -1
PLACED, QUEUE_FULL, CYCLE_FULL = range(3)


@njit(cache=True, nogil=True)
def last_seen(
    lead: Places,
    as_of: int,
    start: Ints,
    time: Ints,
    recorded: Ints,
    kind: Reasons,
    decided: Ints,
    handoff_start: Ints,
    handed_off: Ints,
    returned: Ints,
    return_reason: Reasons,
    sort: Codes,
    span: Ints,
    moments: Ints,
    hold: Codes,
    reason: Reasons,
    closed: Bools,
) -> None:
    """Fill in, per lead, what `Seen` tells of it.

    ``sort`` is per kind the place of the hold that it is, one more for what the buyer did, -1 for neither; ``span``
    is per hold how long it holds. ``moments`` are held_since, handed_off, returned and last_buyer_event.
    """
    last = np.empty(len(span) + 1, np.int64)
    for i in range(len(lead)):
        at = lead[i]
        for h in range(len(last)):
            last[h] = NEVER
        for e in range(start[at], start[at + 1]):
            if time[e] >= as_of:
                break
            what = sort[kind[e]]
            if what >= 0 and recorded[e] <= as_of:
                last[what] = time[e]
        moments[0, i] = moments[1, i] = moments[2, i] = NEVER
        moments[3, i] = last[len(span)]
        hold[i], reason[i], closed[i] = NOT_HELD, -1, decided[at] <= as_of
        for h in range(len(span)):
            if last[h] < NEVER and as_of - last[h] < span[h]:
                hold[i], moments[0, i] = h, last[h]
                break
        for h in range(handoff_start[at], handoff_start[at + 1]):
            if handed_off[h] < as_of:
                back = returned[h] < as_of
                moments[1, i], moments[2, i] = handed_off[h], returned[h] if back else NEVER
                reason[i] = return_reason[h] if back else -1


@njit(cache=True, nogil=True)
def stand(
    as_of: int,
    last: int,
    band: float,
    bar_floor: Floats,
    bar_line: Floats,
    needs_probability: Bools,
    stays: Ints,
    follows: Floats,
    on: Places,
    score: Floats,
    probability: Floats,
    triggered: Bools,
    hold: Codes,
    closed: Bools,
    handed_off: Ints,
    returned: Ints,
    reason: Reasons,
    event: Ints,
    place: Ints,
    now_as_of: Ints,
    now_score: Floats,
    now_ready: Bools,
    now_handed_off: Ints,
    before_as_of: Ints,
    before_score: Floats,
    before_ready: Bools,
    before_handed_off: Ints,
    clause: Codes,
    ready: Bools,
    levels: Floats,
    re_entry: Ints,
) -> None:
    """Fill in, per lead, what `Standing` tells of it; the first clause that applies decides.

    The arguments are the moment, the evaluation before, `Bars`, the lines that follow the capacity, `Seen`, the place
    of each lead in the states and their `Past` now and before. ``levels`` are floor, line, low and steady.
    """
    for i in range(len(score)):
        then, then_score, was_ready, went = NEVER, np.nan, False, NEVER
        at = place[i]
        if at >= 0 and now_as_of[at] == as_of:  # made again: from what was before
            then, then_score = before_as_of[at], before_score[at]
            was_ready, went = before_ready[at], before_handed_off[at]
        elif at >= 0:
            then, then_score = now_as_of[at], now_score[at]
            was_ready, went = now_ready[at], now_handed_off[at]
        is_back, seen = returned[i] < as_of, event[i] < as_of
        back = returned[i] if is_back else -1
        recorded = handed_off[i] < as_of and back < handed_off[i]
        decided = went < as_of and back <= went
        armed = not is_back or (seen and event[i] > returned[i])
        stay = stays[reason[i]] if reason[i] >= 0 else stays[-1]
        re_entry[i] = returned[i] + stay if is_back else NEVER
        floor, line = bar_floor[on[i]], bar_line[on[i]]
        if np.isnan(line):
            line = follows[on[i]]
        low, steady = line - band, np.nan
        if low < floor:
            low = floor
        if then == last and last != NEVER:
            if score[i] <= then_score:
                steady = score[i]
            elif score[i] > then_score:
                steady = then_score
        is_ready = steady >= line or (was_ready and score[i] >= low)
        if closed[i]:
            found = CLOSED
        elif recorded or decided:
            found = WITH_SALES
        elif hold[i] != NOT_HELD:
            found = HOLD
        elif triggered[i] and armed:
            found = TRIGGER
        elif is_back and re_entry[i] > as_of:
            found = COOL_DOWN
        elif not armed:
            found = NOT_ARMED
        elif np.isnan(score[i]) or (needs_probability[on[i]] and np.isnan(probability[i])):
            found = NO_SCORE
        elif not seen:
            found = NO_EVENT
        elif score[i] < floor:
            found = UNDER_FLOOR
        elif is_ready:
            found = LINE
        elif np.isnan(line):
            found = NO_LINE
        elif score[i] >= line:
            found = FIRST_TIME
        elif was_ready:
            found = LEFT
        else:
            found = BELOW_LINE
        clause[i], ready[i] = found, is_ready and (found >= LINE or found == TRIGGER)
        levels[0, i], levels[1, i], levels[2, i], levels[3, i] = floor, line, low, steady


@njit(cache=True, nogil=True)
def give_places(
    queue: Places, cycle: Places, queue_room: Ints, cycle_room: Ints, rank: Ints, full: Codes
) -> None:
    """Give each lead, in the order given, a place while its queue and its cycle have room.

    Fills in its rank among its queue's leads, from 1, and `PLACED` or what was full.
    """
    queue_room, cycle_room = queue_room.copy(), cycle_room.copy()
    asked = np.zeros_like(queue_room)
    for i in range(len(queue)):
        asked[queue[i]] += 1
        rank[i] = asked[queue[i]]
        if queue_room[queue[i]] <= 0:
            full[i] = QUEUE_FULL
        elif cycle_room[cycle[i]] <= 0:
            full[i] = CYCLE_FULL
        else:
            full[i] = PLACED
            queue_room[queue[i]] -= 1
            cycle_room[cycle[i]] -= 1
