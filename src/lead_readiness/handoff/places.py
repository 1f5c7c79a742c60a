"""Places: who gets one, and what the last one asks for, which is where the line comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lead_readiness.handoff.bars import Bars
from lead_readiness.handoff.chance import tie_break
from lead_readiness.handoff.kernel import LINE, PLACED, TRIGGER, Bools, Codes, Floats, Places, give_places
from lead_readiness.handoff.standing import Standing
from lead_readiness.timelines import NEVER, Ints


@dataclass(eq=False)
class Given:
    """Per lead its rank in its queue (0: not in line), its place of the week (0: none), and what was full."""

    rank: Ints
    place: Ints
    full: Codes

    @classmethod
    def nowhere(cls, n: int) -> Given:
        """For so many leads nothing, before any place is given; nothing was full (`PLACED`)."""
        rank, place = np.zeros((2, n), np.int64)
        return cls(rank, place, np.zeros(n, np.int8))


def give(standing: Standing, drawn: Bools, used: Ints, as_of: int, seed: int) -> Given:
    """Places to the triggered, then to the ``drawn``, then to the ready by score, while queue and cycle have room.

    ``used`` are the places of the week that each line's leads have already.
    """
    facts = standing.facts
    bars, seen, triggered = facts.bars, facts.seen, standing.clause == TRIGGER
    rows = np.flatnonzero((standing.clause == LINE) | triggered | drawn)
    tie = tie_break(seen.lead_id[rows], np.full(len(rows), as_of), seed)
    rows = rows[np.lexsort((tie, -seen.score[rows], ~drawn[rows], ~triggered[rows]))]
    queue, (queue_used, cycle_used) = bars.queue[facts.on[rows]], _used(bars, used)
    rank, full = _placed(bars, facts.on[rows], queue_used, cycle_used)
    given = Given.nowhere(len(seen))
    given.rank[rows], given.full[rows] = rank, full
    for one in np.unique(queue):
        placed = rows[(queue == one) & (full == PLACED)]
        given.place[placed] = queue_used[one] + 1 + np.arange(len(placed))
    return given


def moved(standing: Standing, line: Floats) -> Floats:
    """The lines that follow the capacity, as they are now and then as the scores ask for.

    What the last place of a whole week asks for, if all places went by score, is the steady score of the last lead that
    would get one, or the floor where every lead would. A line moves only as far as it must to be at most that, and at
    least that less the band: while what the last place asks for wanders within the band, the line stands still.
    Triggered leads count by their scores, or the line would leap with their number. At the first evaluation of all
    no score is steady yet, and the scores of the moment are taken.
    """
    facts, bars = standing.facts, standing.facts.bars
    steady = facts.seen.score if facts.last == NEVER else standing.steady
    free = (standing.clause >= LINE) | (standing.clause == TRIGGER)
    rows = np.flatnonzero(free & (steady >= bars.floor[facts.on]))
    rows = rows[np.lexsort((facts.on[rows], -steady[rows]))]
    on, score = facts.on[rows], steady[rows]
    placed = _placed(bars, on, 0, 0)[1] == PLACED
    lowest, best = np.full(len(line), np.inf), np.full(len(line), -np.inf)
    np.minimum.at(lowest, on[placed], score[placed])
    np.maximum.at(best, on[~placed], score[~placed])
    asked = np.where(np.isinf(best), bars.floor, np.where(np.isinf(lowest), best, lowest))
    now: Floats = np.clip(np.fmax(line, bars.floor), np.maximum(asked - bars.band, bars.floor), asked)
    return now


def _used(bars: Bars, used: Ints) -> tuple[Ints, Ints]:
    """Places taken, per queue and per cycle, from those per line."""
    sides = ((bars.queue, bars.queue_room), (bars.cycle, bars.cycle_room))
    queue, cycle = (np.bincount(of, used, len(room)).astype(np.int64) for of, room in sides)
    return queue, cycle


def _placed(bars: Bars, on: Places, queue_used: Ints | int, cycle_used: Ints | int) -> tuple[Ints, Codes]:
    """Of leads in their order, by the place of their line: the rank in the queue, and whether there was room."""
    rank, full = np.zeros(len(on), np.int64), np.zeros(len(on), np.int8)
    rooms = bars.queue_room - queue_used, bars.cycle_room - cycle_used
    give_places(bars.queue[on], bars.cycle[on], *rooms, rank, full)
    return rank, full
