"""The policy as numbers: per line its floor, its line and the places of its queue and cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from lead_readiness.handoff.kernel import Bools, Floats, Places
from lead_readiness.handoff.seen import Pair
from lead_readiness.project import Handoff
from lead_readiness.reasons import EVEN_ODDS, POINTS_PER_LOGIT
from lead_readiness.remembered import remembered
from lead_readiness.timelines import DAY, NEVER, RETURN_REASONS, Ints

OTHER = RETURN_REASONS.index("other")
"""What a return without a reason counts as."""


@dataclass(frozen=True)
class Bars:
    """Per line (a sales cycle and a queue) what a lead must reach, and which places it is given one of.

    ``floor`` and ``line`` are scores, ``line`` NaN where it follows the capacity; ``needs_probability`` where a
    threshold is a probability. ``queue`` and ``cycle`` are places in ``queue_room`` and ``cycle_room``, places a week.
    ``stays`` is how long (microseconds) each return reason keeps a lead away, and last how long none given does.
    """

    floor: Floats
    line: Floats
    needs_probability: Bools
    queue: Places
    cycle: Places
    queue_room: Ints
    cycle_room: Ints
    stays: Ints
    band: float


@remembered
def bars(policy: Handoff, lines: tuple[Pair, ...]) -> Bars:
    """The policy's numbers for these lines."""
    entries = [policy.entry(cycle) for cycle, _ in lines]
    floor = np.array([_floor(e) for e in entries], np.float64)
    line = np.array([_line(e) for e in entries], np.float64)
    needs = [e.least_probability is not None or e.cost_ratio is not None for e in entries]
    own = {name: c.capacity_per_week for name, c in policy.cycles.items() if c.capacity_per_week is not None}
    of_queue, queue_room = _shares(policy.queues, [queue for _, queue in lines], policy.capacity_per_week)
    of_cycle, cycle_room = _shares(own, [cycle for cycle, _ in lines], policy.capacity_per_week)
    return Bars(
        floor,
        np.maximum(line, floor),
        np.array(needs, bool),
        of_queue,
        of_cycle,
        queue_room,
        cycle_room,
        stays=np.array(
            [min(DAY * after.days, NEVER // 2) for after in (*policy.by_reason, policy.by_reason[OTHER])]
        ),
        band=policy.band,
    )


def of_odds(odds: float) -> float:
    """The score at which the odds of a win are these.

    >>> of_odds(1.0), of_odds(0.5)
    (100.0, 80.0)
    """
    return EVEN_ODDS + POINTS_PER_LOGIT * log(odds)


def _floor(entry: Handoff) -> float:
    p = entry.least_probability
    return entry.floor if p is None else max(entry.floor, of_odds(p / (1 - p)))


def _line(entry: Handoff) -> float:
    if entry.cost_ratio is not None:
        return of_odds(entry.cost_ratio)
    return np.nan if entry.line is None else entry.line


def _shares(named: dict[str, int], names: Sequence[str], capacity: int) -> tuple[Places, Ints]:
    """Each name's share, and the shares: the named ones' own, then what is left, which the others share."""
    place = {name: i for i, name in enumerate(named)}
    rooms = [*named.values(), capacity - sum(named.values())]
    return np.array([place.get(name, len(named)) for name in names], np.int32), np.array(rooms, np.int64)
