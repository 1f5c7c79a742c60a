"""The two loops of the hand-off: what was last seen of each lead, and places given out in order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Places = npt.NDArray[np.int32]

BUYER, OPT_OUT, COMPLAINT, BOUNCE = range(4)
PLACED, QUEUE_FULL, CYCLE_FULL = range(3)


@njit(cache=True, nogil=True)
def last_events(
    lead: Places,
    as_of: int,
    start: Ints,
    time: Ints,
    recorded: Ints,
    kind: npt.NDArray[np.int16],
    sort: Codes,
    found: Ints,
) -> None:
    """Fill in, per lead, when its last visible event of each sort occurred; ``sort`` is per kind, -1 for none."""
    for i in range(len(lead)):
        for e in range(start[lead[i]], start[lead[i] + 1]):
            if time[e] >= as_of:
                break
            at = sort[kind[e]]
            if at >= 0 and recorded[e] <= as_of:
                found[i, at] = time[e]


@njit(cache=True, nogil=True)
def last_handoffs(lead: Places, as_of: int, start: Ints, handed_off: Ints, last: Ints) -> None:
    """Fill in, per lead, the place of its last hand-off before ``as_of``."""
    for i in range(len(lead)):
        for h in range(start[lead[i]], start[lead[i] + 1]):
            if handed_off[h] < as_of:
                last[i] = h


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
