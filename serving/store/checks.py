"""What rows must be before a database sees them: the data contract's types, as plain Python values."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from lead_readiness.tables.contract import OUTCOMES
from lead_readiness.wire.values import LONGEST_ID
from serving.store.rows import BadRow, Event, HandOff, Lead, Outcome, Score

Row = dict[str, Any]
LONGEST_TEXT = 10_000
LATEST = 7_258_118_400_000_000  # the year 2200
LARGEST = 1e30  # as in the data contract


class Columns:
    """One row's values, column by column; a refusal names the table, the row's place and the column."""

    def __init__(self, table: str, place: int) -> None:
        self.table, self.place = table, place

    def refuse(self, column: str, problem: str, expected: str) -> BadRow:
        """The error for one value."""
        return BadRow(self.table, self.place, column, problem, expected)

    def name(self, column: str, value: object) -> str:
        """An id or a kind: text, not empty, not padded, short enough for an index."""
        text = self.text(column, value, LONGEST_ID)
        if text is None:
            raise self.refuse(column, "is empty", "a text")
        if text != text.strip():
            raise self.refuse(column, "begins or ends with whitespace", "a text without")
        return text

    def maybe_name(self, column: str, value: object) -> str | None:
        """A name that may be missing."""
        return None if value is None or value == "" else self.name(column, value)

    def text(self, column: str, value: object, longest: int = LONGEST_TEXT) -> str | None:
        """Text that both databases can hold; empty is missing."""
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self.refuse(column, f"is of type {type(value).__name__}", "a text")
        if len(value) > longest:
            raise self.refuse(column, f"has {len(value):,} characters", f"at most {longest:,}")
        if "\0" in value or (not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)):
            raise self.refuse(
                column, "holds NUL or half a surrogate pair", "text that UTF-8 can write, without NUL"
            )
        return value

    def time(self, column: str, value: object) -> int:
        """Microseconds UTC between 1970 and 2200."""
        if type(value) is not int:
            raise self.refuse(
                column, f"is of type {type(value).__name__}", "a whole number of microseconds UTC"
            )
        if not 0 <= value < LATEST:
            raise self.refuse(column, "is out of range", "microseconds UTC from 1970 to 2199")
        return value

    def maybe_time(self, column: str, value: object) -> int | None:
        """A time that may be missing."""
        return None if value is None else self.time(column, value)

    def number(self, column: str, value: object) -> float | None:
        """A number; NaN is missing."""
        if value is None or value != value:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(column, f"is of type {type(value).__name__}", "a number")
        if not -LARGEST <= value <= LARGEST:
            raise self.refuse(column, "is out of range", f"a number within {LARGEST:g}")
        return float(value) + 0.0  # one zero

    def later(self, column: str, value: int | None, earlier: int, than: str) -> int | None:
        """A time that is not before another."""
        if value is not None and value < earlier:
            raise self.refuse(column, f"is before {than}", f"a time from {than} on")
        return value


def lead(place: int, told: Lead, now: int) -> Row:
    """The row of ``leads`` that a record makes."""
    check = Columns("leads", place)
    arrived = now if told.recorded_at is None else check.time("recorded_at", told.recorded_at)
    created = check.maybe_time("created_at", told.created_at)
    return {
        "lead_id": check.name("lead_id", told.lead_id),
        "account_id": check.maybe_name("account_id", told.account_id),
        "created_at": arrived if created is None else created,
        "dated_at": None if created is None else arrived,
        "recorded_at": arrived,
        "attributes": {
            check.name("attributes", name): _attribute(check, name, value)
            for name, value in told.attributes.items()
        },
    }


def _attribute(check: Columns, name: str, value: object) -> str | float | None:
    column = f"attributes.{name}"
    if isinstance(value, bool):
        return str(value).lower()
    return (
        check.text(column, value) if value is None or isinstance(value, str) else check.number(column, value)
    )


def event(place: int, told: Event, now: int) -> Row:
    """The row of ``events``, its identity still missing; known at its arrival, but not before it occurred."""
    check = Columns("events", place)
    event_id = check.maybe_name("event_id", told.event_id)
    source = check.maybe_name("source", told.source)
    occurred = check.time("occurred_at", told.occurred_at)
    arrived = now if told.recorded_at is None else check.time("recorded_at", told.recorded_at)
    return {
        "lead_id": check.name("lead_id", told.lead_id),
        "occurred_at": occurred,
        "recorded_at": max(arrived, occurred),
        "kind": check.name("kind", told.kind),
        "value": check.number("value", told.value),
        "asset": check.text("asset", told.asset),
        "source": source if event_id and source else "",  # says whose the id is
        "event_id": event_id,
    }


def identity(event: Row) -> bytes:
    """What an event is known by: its id within its source, else its content, whoever tells it."""
    parts: tuple[str, ...]
    if event["event_id"] is not None:
        parts = ("id", event["source"], event["event_id"])
    else:
        value = "" if event["value"] is None else event["value"].hex()
        parts = ("", event["lead_id"], str(event["occurred_at"]), event["kind"], value, event["asset"] or "")
    return blake2b("\0".join(parts).encode(), digest_size=16).digest()


def outcome(place: int, told: Outcome) -> Row:
    """The row of ``outcomes``."""
    check = Columns("outcomes", place)
    if told.outcome not in OUTCOMES:
        raise check.refuse("outcome", "is no known outcome", " | ".join(OUTCOMES))
    decided = check.time("decided_at", told.decided_at)
    opened = check.maybe_time("opportunity_at", told.opportunity_at)
    check.later("decided_at", decided, opened or 0, "opportunity_at")
    return {
        "lead_id": check.name("lead_id", told.lead_id),
        "outcome": told.outcome,
        "decided_at": decided,
        "opportunity_at": opened,
        "amount": check.number("amount", told.amount),
        "reason": check.text("reason", told.reason),
    }


def handoff(place: int, told: HandOff) -> Row:
    """The row of ``handoffs``."""
    check = Columns("handoffs", place)
    handed = check.time("handed_off_at", told.handed_off_at)
    returned = check.maybe_time("returned_at", told.returned_at)
    return {
        "lead_id": check.name("lead_id", told.lead_id),
        "handed_off_at": handed,
        "returned_at": check.later("returned_at", returned, handed, "handed_off_at"),
        "reason": check.text("reason", told.reason),
    }


def score(place: int, told: Score, now: int) -> Row:
    """The row of ``scores``."""
    check = Columns("scores", place)
    number = check.number("score", told.score)
    if number is None:
        raise check.refuse("score", "is missing", "a number")
    return {
        "lead_id": check.name("lead_id", told.lead_id),
        "as_of": check.time("as_of", told.as_of),
        "model": check.name("model", told.model),
        "saved_at": now,
        "rule_book": check.text("rule_book", told.rule_book) or "",
        "score": number,
        "probability": check.number("probability", told.probability),
        "band": check.text("band", told.band),
        "reasons": told.reasons,
        "decision": told.decision,
    }


def names(table: str, lead_ids: Sequence[str]) -> list[str]:
    """Lead ids that a caller asks for, checked, each once."""
    return list(
        dict.fromkeys(Columns(table, place).name("lead_id", one) for place, one in enumerate(lead_ids))
    )
