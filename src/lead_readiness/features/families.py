"""Features as data: each family makes a `Feature` that says what is counted and how it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lead_readiness.project import Kind

MAX_DAYS = 730.0
"""Where "days since" ends: whatever never happened, or happened earlier, reads as this many days."""

WINDOWS = (1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, MAX_DAYS * 100)
"""Windows in days that features may use; the last stands for "ever"."""
EVER = WINDOWS[-1]

HALF_LIVES = (3.0, 14.0, 45.0)


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix.

    ``phrase`` says in words what it measures and ``unit`` what its number counts; ``behaviour`` is where its
    contribution is summed; ``direction`` is the sign (+1, -1, 0) that one more event at the end of the history
    can give it; ``empty`` is its value for a lead with no events. ``family`` with ``kinds``, ``days``,
    ``then`` and ``level`` is what the kernel computes.
    """

    name: str
    phrase: str
    unit: str
    behaviour: str
    direction: int
    empty: float
    family: str
    kinds: tuple[str, ...] = ()
    days: float = EVER
    then: str = ""
    level: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The feature as plain JSON-able values."""
        return {**asdict(self), "kinds": list(self.kinds)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Feature:
        """The feature that `as_dict` wrote."""
        return cls(**{**data, "kinds": tuple(data["kinds"])})


@dataclass(frozen=True)
class Group:
    """Event kinds that are counted together: one kind, one behaviour, or all that buyers do."""

    name: str
    phrase: str
    behaviour: str
    kinds: tuple[str, ...]
    direction: int


def _since(days: float) -> str:
    return "ever" if days == EVER else f"in the last {days:g} day{'s' if days != 1 else ''}"


def _suffix(days: float) -> str:
    return "" if days == EVER else f"_{days:g}d"


def count(group: Group, days: float = EVER) -> Feature:
    """How many events of the group fell in the window."""
    return Feature(
        f"count({group.name}{_suffix(days)})", f"{group.phrase} {_since(days)}", "events", group.behaviour,
        group.direction, 0.0, "count", group.kinds, days,
    )  # fmt: skip


def recency(group: Group) -> Feature:
    """Days since the group's last event, at most `MAX_DAYS`."""
    return Feature(
        f"recency({group.name})", f"days since the last of: {group.phrase}", "days", group.behaviour,
        -group.direction, MAX_DAYS, "recency", group.kinds,
    )  # fmt: skip


def intensity(group: Group, half_life: float) -> Feature:
    """Events of the group, each fading by half every ``half_life`` days."""
    return Feature(
        f"intensity({group.name}_{half_life:g}d)", f"{group.phrase}, each fading by half every {half_life:g} days",
        "events", group.behaviour, group.direction, 0.0, "intensity", group.kinds, half_life,
    )  # fmt: skip


def trend(group: Group, days: float) -> Feature:
    """Events in the last ``days`` minus those in the ``days`` before."""
    return Feature(
        f"trend({group.name}_{days:g}d)", f"{group.phrase} in the last {days:g} days less those in the {days:g} before",
        "events", "rhythm", group.direction, 0.0, "trend", group.kinds, days,
    )  # fmt: skip


def value(group: Group, days: float = EVER) -> Feature:
    """The sum of the values that the group's events carried in the window."""
    return Feature(
        f"value({group.name}{_suffix(days)})", f"total value of {group.phrase} {_since(days)}", "value",
        group.behaviour, 0, 0.0, "value", group.kinds, days,
    )  # fmt: skip


def rhythm(group: Group) -> list[Feature]:
    """How the group's events are spread: active days, sessions, bursts, silences, variety."""
    up, kinds = group.direction, group.kinds
    made = [
        Feature(f"active_days({d:g}d)", f"days with activity {_since(d)}", "days", "rhythm", up, 0.0, "active_days", kinds, d)
        for d in (14.0, 30.0, 90.0)
    ]
    made += [
        Feature(f"sessions({d:g}d)", f"visits {_since(d)}", "visits", "rhythm", up, 0.0, "sessions", kinds, d)
        for d in (7.0, 30.0)
    ]
    made += [
        Feature("burst(90d)", "most events in one visit in the last 90 days", "events", "rhythm", 0, 0.0, "burst", kinds, 90.0),
        Feature("longest_gap(90d)", "longest silence in the last 90 days", "days", "rhythm", 0, 90.0, "longest_gap", kinds, 90.0),
        Feature("assets(30d)", "different pages and files in the last 30 days", "assets", "rhythm", up, 0.0, "assets", kinds, 30.0),
        Feature("kinds(30d)", "different kinds of activity in the last 30 days", "kinds", "rhythm", up, 0.0, "kinds", kinds, 30.0),
        Feature("first(activity)", "days since the first activity", "days", "rhythm", 0, 0.0, "first", kinds),
    ]
    return made


def age() -> Feature:
    """Days since the lead was created."""
    return Feature("age", "days since the lead was created", "days", "rhythm", 0, 0.0, "age")


def pair(first: str, then: str, within_days: float, vocabulary: Mapping[str, Kind]) -> Feature:
    """How often ``then`` came within ``within_days`` after the last ``first``."""
    a, b = vocabulary[first], vocabulary[then]
    up = 1 if a.direction == b.direction == "up" else 0
    near = f"{within_days:g} days" if within_days >= 1 else f"{within_days * 1440:g} minutes"
    return Feature(
        f"pair({first}>{then}_{within_days:.4g}d)", f"{b.phrase} within {near} after {a.phrase}", "times",
        b.behaviour, up, 0.0, "pair", (first,), within_days, then,
    )  # fmt: skip


def account(group: Group) -> list[Feature]:
    """What the other people of the lead's account did."""
    up, kinds = group.direction, group.kinds
    made = [
        Feature(f"account_count({d:g}d)", f"events by other people of the account {_since(d)}", "events", "account", up, 0.0,
                "account_count", kinds, d)
        for d in (7.0, 30.0, 90.0)
    ]  # fmt: skip
    made += [
        Feature("account_recency", "days since another person of the account was last active", "days", "account", -up,
                MAX_DAYS, "account_recency", kinds),
        Feature("account_active(30d)", "other people of the account active in the last 30 days", "people", "account", up,
                0.0, "account_active", kinds, 30.0),
        Feature("account_people", "other known people of the account", "people", "account", 0, 0.0, "account_people", kinds),
        Feature("account_won", "leads of the account won before", "leads", "account", 0, 0.0, "account_won", kinds),
    ]  # fmt: skip
    return made


def history(group: Group, reasons: tuple[str, ...]) -> list[Feature]:
    """What became of earlier hand-offs: returns, how long ago, why, and activity since."""
    made = [
        Feature("returns", "times sales returned the lead", "times", "history", 0, 0.0, "returns"),
        Feature("since_return", "days since sales returned the lead", "days", "history", 0, MAX_DAYS, "since_return"),
        Feature("count_since_return", "events since sales returned the lead", "events", "history", group.direction, 0.0,
                "count_since_return", group.kinds),
    ]  # fmt: skip
    made += [
        Feature(f"returned({r})", f"last returned as: {r}", "yes/no", "history", 0, 0.0, "returned", level=r) for r in reasons
    ]
    return made
