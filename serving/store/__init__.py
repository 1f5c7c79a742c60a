"""What the serving side must not forget: leads, events, outcomes, hand-offs and scores, in SQLite or PostgreSQL."""

from serving.store.database import StoreError
from serving.store.reading import History, Stored
from serving.store.rows import BadRow, Event, HandOff, Ingested, Lead, Outcome, Score
from serving.store.store import Store

__all__ = [
    "BadRow",
    "Event",
    "HandOff",
    "History",
    "Ingested",
    "Lead",
    "Outcome",
    "Score",
    "Store",
    "StoreError",
    "Stored",
]
