"""What goes into the store and comes out of it, a named tuple for each row; times in microseconds UTC."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from lead_readiness.answer import Answer
from lead_readiness.errors import DataError

Attributes = Mapping[str, str | float | None]


class Lead(NamedTuple):
    """What is told of a lead; without ``created_at`` the lead was created when its first event occurred.

    ``recorded_at`` is when it was told, the time of the call unless given: the newest record stands.
    """

    lead_id: str
    created_at: int | None = None
    account_id: str | None = None
    attributes: Attributes = MappingProxyType({})
    recorded_at: int | None = None


class Event(NamedTuple):
    """One event; ``event_id`` is unique within ``source``, and without one the content itself is the identity.

    ``recorded_at`` is its arrival, the time of the call unless given.
    """

    lead_id: str
    occurred_at: int
    kind: str
    value: float | None = None
    asset: str | None = None
    event_id: str | None = None
    source: str = ""
    recorded_at: int | None = None

    @property
    def unique_id(self) -> str | None:
        """The id as the data contract wants it: unique across sources."""
        return unique_id(self.source, self.event_id)


class Outcome(NamedTuple):
    """How a lead ended: its first decision stands."""

    lead_id: str
    outcome: str
    decided_at: int
    opportunity_at: int | None = None
    amount: float | None = None
    reason: str | None = None


class HandOff(NamedTuple):
    """One time that a lead was in sales' hands; told again with ``returned_at`` once it came back."""

    lead_id: str
    handed_off_at: int
    returned_at: int | None = None
    reason: str | None = None


class Score(NamedTuple):
    """A lead's score at a moment, as it was told; ``reasons`` and ``decision`` are whatever JSON can hold."""

    lead_id: str
    as_of: int
    model: str
    rule_book: str
    score: float
    probability: float | None = None
    band: str | None = None
    reasons: Any = ()
    decision: Any = None

    @classmethod
    def of(cls, answer: Answer) -> Score:
        """The row that is kept of an answer."""
        told = answer.as_json()
        return cls(
            lead_id=answer.lead_id,
            as_of=answer.as_of,
            model=answer.model,
            rule_book=answer.rule_book,
            score=answer.score,
            probability=answer.probability,
            band=answer.band,
            reasons=told["reasons"],
            decision=told["decision"],
        )


@dataclass(frozen=True)
class Ingested:
    """What became of a batch: every event is new, repeated, contradicting or of an erased lead.

    ``contradicting`` are the places in the batch of events that differ from the stored one of the same id, which
    stays. ``unknown_kinds`` counts events by kinds that were not among the known; they are stored. ``lead_ids`` are
    the leads that the batch was about, merged ones by the lead they became.
    """

    new: int = 0
    repeated: int = 0
    contradicting: tuple[int, ...] = ()
    erased: int = 0
    unknown_kinds: dict[str, int] = field(default_factory=dict)
    lead_ids: tuple[str, ...] = ()


class BadRow(DataError):
    """A row that cannot be stored; names its place and column, never what it holds, so that logs may have it.

    >>> str(BadRow("events", 3, "kind", "is empty", "a text"))
    'events[3].kind is empty; expected a text'
    """

    def __init__(self, table: str, row: int, column: str, problem: str, expected: str) -> None:
        super().__init__(f"{table}[{row}].{column} {problem}; expected {expected}")
        self.table, self.row, self.column = table, row, column


def unique_id(source: str, event_id: str | None) -> str | None:
    """The id of an event among those of all sources: ``source:id``, or the id alone where no source was given.

    Two events of a store never get the same: colons are the source's end, and nothing else's.

    >>> unique_id("web", "17"), unique_id("", "17"), unique_id("", "web:17"), unique_id("a:b", "17")
    ('web:17', '17', ':web:17', 'a%3Ab:17')
    """
    if event_id is None or (not source and ":" not in event_id):
        return event_id
    return f"{source.replace('%', '%25').replace(':', '%3A')}:{event_id}"


def as_text(value: str | float | None) -> str | None:
    """An attribute's value as a category; whole numbers as they print.

    >>> as_text("bank"), as_text(7.0), as_text(2.5), as_text(None)
    ('bank', '7', '2.5', None)
    """
    if value is None or isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else str(value)


def as_json(value: object) -> str:
    """The value as JSON.

    Raises DataError for what JSON cannot hold, such as NaN.
    """
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError):
        raise DataError(
            "a value is nothing that JSON can hold; expected text, finite numbers, truth values, null, lists, objects"
        ) from None
