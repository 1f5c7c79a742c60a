"""Features as data: each family makes a `Feature` that says what is counted and how it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lead_readiness.project import Kind

MAX_DAYS = 730.0
"""Where "days since" ends: whatever never happened, or happened earlier, reads as this many days."""

EVER = MAX_DAYS * 100
"""The window, in days, that leaves nothing out."""


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix.

    ``phrase`` says in words what it measures and ``unit`` what its number counts; ``behaviour`` is where its
    contribution is summed. ``direction`` is what a larger number may do to a score: raise it (+1), lower it (-1)
    or either (0); one more event that points up, at the end of the history, moves the number along the direction,
    one that points down moves it against. ``empty`` is its value for a lead with no events. ``family`` with
    ``kinds``, ``days``, ``then`` and ``level`` is what the kernel computes; a window holds what occurred in
    ``[as_of - days, as_of)``.

    >>> pricing = Group("pricing", "pricing views", "pricing", ("pricing_view",), 1)
    >>> feature = count(pricing, 7.0)
    >>> feature.name, feature.phrase
    ('count(pricing_7d)', 'pricing views in the last 7 days')
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
    """How the group's events are spread: active days, bursts, silences.

    Days are those of UTC; a visit ends after 30 minutes of silence; a day is in the window if its last event is.
    """

    def made(
        family: str, days: float, phrase: str, unit: str, up: int = group.direction, empty: float = 0.0
    ) -> Feature:
        name = f"{family}({days:g}d)" if days < EVER else f"{family}({group.name})"
        return Feature(name, phrase, unit, "rhythm", up, empty, family, group.kinds, days)

    return [
        made("active_days", 30.0, f"days with activity {_since(30.0)}", "days"),
        made("burst", 90.0, "most events in one visit in the last 90 days", "events", up=0),
        made("longest_gap", 90.0, "longest silence in the last 90 days", "days", up=0, empty=90.0),
        made("first", EVER, "days since the first activity", "days", up=0),
    ]


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


def account(activity: Group, behaviours: Sequence[Group]) -> list[Feature]:
    """What the other people of the lead's account did: each behaviour, and how recently and how many of them."""

    def made(
        name: str, phrase: str, unit: str, up: int = 0, empty: float = 0.0, days: float = EVER
    ) -> Feature:
        family = name.partition("(")[0]
        return Feature(name, phrase, unit, "account", up, empty, family, activity.kinds, days)

    def counted(group: Group, days: float) -> Feature:
        name = f"account_count({group.name}{_suffix(days)})"
        phrase = f"{group.phrase} by other people of the account {_since(days)}"
        of = "events", "account", group.direction, 0.0, "account_count"
        return Feature(name, phrase, *of, group.kinds, days)

    up = activity.direction
    since = "days since another person of the account was last active"
    active = f"other people of the account active {_since(30.0)}"
    return [
        *(counted(group, d) for group in behaviours for d in (14.0, 90.0)),
        made("account_recency", since, "days", -up, MAX_DAYS),
        made("account_active(30d)", active, "people", up, days=30.0),
        made("account_people", "other known people of the account", "people"),
        made("account_won", "leads of the account won before", "leads"),
    ]


def history(group: Group, reasons: tuple[str, ...]) -> list[Feature]:
    """What became of earlier hand-offs: returns, how long ago, why, and activity since."""

    def made(
        family: str, phrase: str, unit: str, up: int = 0, empty: float = 0.0, reason: str = ""
    ) -> Feature:
        name = f"{family}({reason})" if reason else family
        return Feature(name, phrase, unit, "history", up, empty, family, group.kinds, level=reason)

    return [
        made("returns", "times sales returned the lead", "times"),
        made("since_return", "days since sales returned the lead", "days", empty=MAX_DAYS),
        made("count_since_return", "events since sales returned the lead", "events", up=group.direction),
        *(made("returned", f"last returned as: {r}", "yes/no", reason=r) for r in reasons),
    ]


def distinct(features: Iterable[Feature], taken: Iterable[str] = ()) -> tuple[Feature, ...]:
    """The features, those whose name is taken by an earlier one renamed after their kinds.

    A company may call an event kind, or an attribute, as it calls a behaviour.

    >>> email = Group("email", "emails", "email", ("email",), 0)
    >>> [f.name for f in distinct([count(email), recency(email)], taken=["count(email)"])]
    ['count(email) of email', 'recency(email)']
    """
    names, made = set(taken), []
    for feature in features:
        name = feature.name
        while name in names:
            name = f"{name} of {'+'.join(feature.kinds)}"
        names.add(name)
        made.append(replace(feature, name=name))
    return tuple(made)
