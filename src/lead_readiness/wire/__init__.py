"""Leads as a web request or a store's rows give them: decoded JSON becomes timelines, or a list of its mistakes.

The same data gives the same timelines as the tables of the data contract do, without a table in between.
"""

from lead_readiness.wire.assembled import Parsed, assembled
from lead_readiness.wire.events import Arrived, Event, read_events
from lead_readiness.wire.leads import Read, parse, read
from lead_readiness.wire.mistakes import BadValuesError, Mistake

__all__ = [
    "Arrived",
    "BadValuesError",
    "Event",
    "Mistake",
    "Parsed",
    "Read",
    "assembled",
    "parse",
    "read",
    "read_events",
]
