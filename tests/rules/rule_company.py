"""A small company to try rule books on: its words, and histories written as short lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from lead_readiness import rules, tables, timelines
from lead_readiness.project import Kind, Project
from lead_readiness.rules import Replay, RuleBook
from lead_readiness.timelines import Timelines

DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)
BUYER = {
    "page_view": "content",
    "pricing_view": "pricing",
    "email_open": "email",
    "email_click": "email",
    "form_submit": "form",
    "form_error": "form",
    "download": "content",
    "webinar": "webinar",
    "demo_request": "meeting",
    "blog_alert_signup": "form",
    "newsletter_signup": "form",
    "unsubscribe": "email",
    "complaint": "email",
}
PROJECT = Project.model_validate(
    {
        "name": "Small company",
        "attributes": {"seniority": "category", "country": "category", "company_type": "category"}
        | {"employees": "number"},
        "vocabulary": {
            **{name: Kind(behaviour=behaviour) for name, behaviour in BUYER.items()},
            "email_sent": Kind(behaviour="email", actor="marketing"),
            "sales_call": Kind(behaviour="meeting", actor="sales"),
        },
    }
)

MOMENT = pa.timestamp("us", "UTC")
PEOPLE = pa.schema(
    {"lead_id": pa.string(), "created_at": MOMENT}
    | {name: pa.float64() if a.type == "number" else pa.string() for name, a in PROJECT.attributes.items()}
)
SEEN = pa.schema(
    {"lead_id": pa.string(), "occurred_at": MOMENT, "recorded_at": MOMENT, "kind": pa.string()}
    | {"asset": pa.string(), "value": pa.float64(), "event_id": pa.string()}
)
BACK = pa.schema(
    {"lead_id": pa.string(), "handed_off_at": MOMENT, "returned_at": MOMENT, "reason": pa.string()}
)


@dataclass(frozen=True)
class Event:
    """One event, ``day`` days after the first of January; ``late`` days pass until it is recorded."""

    day: float
    kind: str
    asset: str | None = None
    value: float | None = None
    late: float = 0.0


@dataclass(frozen=True)
class Lead:
    """A lead, created at day 0, with its events and the days on which sales returned it."""

    events: tuple[Event, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    returns: tuple[float, ...] = ()


def moment(day: float) -> datetime:
    return DAY_0 + timedelta(days=day)


def micros(day: float) -> int:
    return round(moment(day).timestamp() * 1_000_000)


def events(*lines: str) -> tuple[Event, ...]:
    """Events from lines such as ``"3.5 pricing_view /pricing"``: day, kind and, if any, asset."""
    split = map(str.split, lines)
    return tuple(Event(float(day), kind, asset[0] if asset else None) for day, kind, *asset in split)


def histories(*leads: Lead, order: np.random.Generator | None = None) -> Timelines:
    """The leads' timelines; lead ``i`` is at place ``i``. ``order`` shuffles the rows of the tables."""
    names = [f"{i:06d}" for i in range(len(leads))]
    people = [
        [name, DAY_0, *map(lead.attributes.get, PROJECT.attributes)] for name, lead in zip(names, leads)
    ]
    seen = [
        [name, moment(e.day), moment(e.day + e.late), e.kind, e.asset, e.value, f"{name}-{k}"]
        for name, lead in zip(names, leads)
        for k, e in enumerate(lead.events)
    ]
    back = [
        [name, moment(day - 0.5), moment(day), "not now"]
        for name, lead in zip(names, leads)
        for day in sorted(lead.returns)
    ]
    people_table, seen_table = _table(PEOPLE, people, order), _table(SEEN, seen, order)
    handoffs = _table(BACK, back, order) if back else None
    checked = tables.validate(PROJECT, people_table, seen_table, handoffs=handoffs)
    return timelines.build(checked, PROJECT)


def _table(schema: pa.Schema, rows: list[list[Any]], order: np.random.Generator | None) -> pa.Table:
    shuffled = [rows[i] for i in (range(len(rows)) if order is None else order.permutation(len(rows)))]
    return pa.Table.from_pylist([dict(zip(schema.names, row)) for row in shuffled], schema=schema)


def book(*written: dict[str, Any], **more: Any) -> RuleBook:
    """A book of the given rules; a rule without a name is called after its number."""
    named = [{"name": f"rule {i}", **rule} for i, rule in enumerate(written, start=1)]
    return rules.parse({"name": "Book", "threshold": 50, "rules": named, **more}, PROJECT)


def replay(played: RuleBook, *leads: Lead, day: float = 100.0) -> Replay:
    """What the book says of each lead on a day."""
    known = histories(*leads)
    return rules.replay(
        played, known, np.arange(len(leads), dtype=np.int32), np.full(len(leads), micros(day))
    )


def points(played: RuleBook, *lines: str, day: float = 100.0, **attributes: Any) -> float:
    """The points of one lead with these events."""
    return float(replay(played, Lead(events(*lines), attributes), day=day).points[0])
