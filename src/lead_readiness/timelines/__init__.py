"""Every lead's history as slices of flat, shared columns, sorted by account, lead and time."""

from lead_readiness.timelines.build import build, micros, with_events
from lead_readiness.timelines.frozen import frozen
from lead_readiness.timelines.history import (
    DAY,
    DISQUALIFIED,
    LOST,
    NEVER,
    NONE,
    OUTCOMES,
    RETURN_REASONS,
    WON,
    Ints,
    Timelines,
)
from lead_readiness.timelines.kernel import Columns

__all__ = [
    "DAY",
    "DISQUALIFIED",
    "LOST",
    "NEVER",
    "NONE",
    "OUTCOMES",
    "RETURN_REASONS",
    "WON",
    "Columns",
    "Ints",
    "Timelines",
    "build",
    "frozen",
    "micros",
    "with_events",
]
