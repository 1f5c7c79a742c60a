"""Leads as a web request or a store's rows give them: decoded JSON becomes timelines, or a list of its mistakes.

The same data gives the same timelines as the tables of the data contract do, without a table in between.
"""

from lead_readiness.wire.events import Arrived, Event, read_events
from lead_readiness.wire.leads import Read, read
from lead_readiness.wire.mistakes import BadValuesError, Mistake

__all__ = ["Arrived", "BadValuesError", "Event", "Mistake", "Read", "read", "read_events"]
