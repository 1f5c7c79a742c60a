"""Small companies for tests: leads written down as plain objects, and the tables and timelines they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from lead_readiness import timelines
from lead_readiness.project import Kind, Project
from lead_readiness.tables import Tables
from lead_readiness.timelines import DAY, Timelines

MONDAY = 1_767_571_200_000_000  # 5 January 2026, 00:00 UTC
NOTHING_BAD = pd.DataFrame()


def day(number: float) -> int:
    """Microseconds UTC, ``number`` days after the Monday that tests begin on."""
    return MONDAY + round(number * DAY)


@dataclass(frozen=True)
class Event:
    at: int
    kind: str
    late: int = 0  # microseconds between occurring and being recorded
    value: float | None = None
    asset: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Handoff:
    at: int
    returned: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Outcome:
    what: str
    decided: int
    opportunity: int | None = None
    amount: float | None = None


@dataclass(frozen=True)
class Lead:
    id: str
    created: int = MONDAY
    events: tuple[Event, ...] = ()
    account: str | None = None
    handoffs: tuple[Handoff, ...] = ()
    outcome: Outcome | None = None
    attributes: Mapping[str, str | float | None] = field(default_factory=dict)


def kinds(**directions: str) -> dict[str, Kind]:
    """A vocabulary of buyer kinds, each its own behaviour: ``kinds(visit="up", complaint="down")``."""
    return {kind: Kind.model_validate({"behaviour": kind, "direction": d}) for kind, d in directions.items()}


def _when(moments: Sequence[int | None]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.array(moments, "datetime64[us]"), tz="UTC")


def tables(leads: Sequence[Lead], project: Project, shuffle: int | None = None) -> Tables:
    """The contract's tables of these leads, their rows in the order given or shuffled."""
    numbers = {name for name, attribute in project.attributes.items() if attribute.type == "number"}
    people = pd.DataFrame(
        {
            "lead_id": [x.id for x in leads],
            "created_at": _when([x.created for x in leads]),
            "account_id": pd.array([x.account for x in leads], "str"),
            **{
                name: pd.array(
                    [x.attributes.get(name) for x in leads], "float64" if name in numbers else "str"
                )
                for name in project.attributes
            },
        }
    )
    events = [(x.id, e) for x in leads for e in x.events]
    stamp = pa.timestamp("us", "UTC")
    log = pa.table(
        {
            "lead_id": pa.array([i for i, _ in events], pa.string()),
            "occurred_at": pa.array([e.at for _, e in events], stamp),
            "recorded_at": pa.array([e.at + e.late for _, e in events], stamp),
            "kind": pa.array([e.kind for _, e in events], pa.string()),
            "value": pa.array([e.value for _, e in events], pa.float64()),
            "asset": pa.array([e.asset for _, e in events], pa.string()),
            "event_id": pa.array([e.id for _, e in events], pa.string()),
        }
    )
    decided = [(x.id, x.outcome) for x in leads if x.outcome]
    outcomes = pd.DataFrame(
        {
            "lead_id": pd.array([i for i, _ in decided], "str"),
            "outcome": pd.array([o.what for _, o in decided], "str"),
            "decided_at": _when([o.decided for _, o in decided]),
            "opportunity_at": _when([o.opportunity for _, o in decided]),
            "amount": np.array([o.amount for _, o in decided], "float64"),
            "reason": pd.array([None] * len(decided), "str"),
        }
    )
    passed = [(x.id, h) for x in leads for h in x.handoffs]
    handoffs = pd.DataFrame(
        {
            "lead_id": pd.array([i for i, _ in passed], "str"),
            "handed_off_at": _when([h.at for _, h in passed]),
            "returned_at": _when([h.returned for _, h in passed]),
            "reason": pd.array([h.reason for _, h in passed], "str"),
        }
    )
    made = (people, log, outcomes, handoffs)
    if shuffle is not None:
        rng = np.random.Generator(np.random.PCG64(shuffle))
        made = tuple(table.take(rng.permutation(len(table))) for table in made)
    return Tables(*made, [], NOTHING_BAD)


def build(leads: Sequence[Lead], project: Project, shuffle: int | None = None) -> Timelines:
    """The timelines of these leads."""
    return timelines.build(tables(leads, project, shuffle), project)
