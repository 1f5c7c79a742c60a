"""Every lead's history as slices of flat, shared columns, sorted by account, lead and time."""

from lead_readiness.timelines.build import build, micros
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

__all__ = [
    "DAY",
    "DISQUALIFIED",
    "LOST",
    "NEVER",
    "NONE",
    "OUTCOMES",
    "RETURN_REASONS",
    "WON",
    "Ints",
    "Timelines",
    "build",
    "micros",
]
