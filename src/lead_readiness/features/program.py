"""Features compiled to the arrays that the kernel reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from lead_readiness.errors import ModelError
from lead_readiness.features.families import EVER, MAX_DAYS, Feature
from lead_readiness.features.kernel import FACTS, FAMILIES, SPREAD, Places, Program
from lead_readiness.timelines import DAY, NEVER, RETURN_REASONS

OF_KINDS = ("count", "recency", "intensity", "trend", "value", "account_count", "pair")
WINDOWED = ("count", "trend", "value", "account_count", *SPREAD)
ONE_WINDOW = ("burst", "longest_gap")

Kinds = tuple[str, ...]
Item = TypeVar("Item")


class Number(NamedTuple):
    """One of a snapshot's numbers: its family, and what tells it from others of the family."""

    family: str
    kinds: Kinds = ()
    days: float = EVER
    then: str = ""
    level: str = ""


def compile_program(features: Sequence[Feature], kinds: Sequence[str], activity: Sequence[str]) -> Program:
    """Features as the arrays that the kernel reads; ``kinds`` are the codes of the events.

    Raises ModelError for a feature that the kernel cannot compute.
    """
    _check(features, kinds)
    code = {kind: c for c, kind in enumerate(kinds)}
    groups = _distinct(f.kinds for f in features if f.family in ("count", "recency", "trend"))
    valued = _distinct(f.kinds for f in features if f.family == "value")
    others = _distinct(f.kinds for f in features if f.family == "account_count")
    asked = _distinct(map(_number, features))
    fading = sorted((n for n in asked if n.family == "intensity"), key=lambda n: n.days)
    trends = [n for n in asked if n.family == "trend"]
    pairs = [n for n in asked if n.family == "pair"]
    ends = _ends(features)
    parts = [  # kernel.PARTS
        [Number("count", group, days) for days in ends for group in groups],
        [Number("value", group, days) for days in ends for group in valued],
        [Number("account_count", group, days) for days in ends for group in others],
        [Number(family, days=days) for days in ends for family in SPREAD],
        fading,
        [Number("recency", group) for group in groups],
        trends,
        pairs,
        [Number("returned", level=reason) for reason in RETURN_REASONS],
        [Number(family) for family in FACTS],
    ]
    place = {number: n for n, number in enumerate(n for part in parts for n in part)}
    slots: list[list[Kinds]] = [groups, valued, [n.kinds for n in fading], [(n.then,) for n in pairs], others]
    fed = [[n for n, of in enumerate(part) if kind in of] for part in slots for kind in kinds]
    read = {*activity, *(k for n in asked for k in (*n.kinds, n.then))}
    both = [[place[Number("count", n.kinds, n.days * times)] for times in (1, 2)] for n in trends]
    spans = {f.family: _micros(f.days) for f in features if f.family in ONE_WINDOW}
    account = max(
        (_micros(f.days) for f in features if f.family in ("account_count", "account_active")), default=0
    )
    return Program(
        windows=np.array([_micros(d) for d in ends], np.int64),
        half_lives=np.array([n.days for n in fading], float) * DAY,
        fed_start=_starts(fed)[len(kinds) * np.arange(len(slots))[:, np.newaxis] + np.arange(len(kinds) + 1)],
        fed=_flat(fed),
        pair_first=np.array([code[n.kinds[0]] for n in pairs], np.uint32),
        pair_within=np.array([_micros(n.days) for n in pairs], np.int64),
        is_used=np.array([k in read for k in kinds]),
        is_activity=np.array([k in activity for k in kinds]),
        trend=_flat(both).reshape(-1, 2),
        parts=_starts(parts).astype(np.int64),
        column=np.array([place[_number(f)] for f in features], np.uint32),
        spans=np.array([*(spans.get(family, 0) for family in ONE_WINDOW), account, _micros(MAX_DAYS)]),
        uses_account=any(f.family.startswith("account") for f in features),
    )


def _number(f: Feature) -> Number:
    """The number that a feature shows."""
    kinds = f.kinds if f.family in OF_KINDS else ()
    days = f.days if f.family in (*WINDOWED, "intensity", "pair") else EVER
    return Number(f.family, kinds, days, f.then, f.level)


def _ends(features: Sequence[Feature]) -> list[float]:
    """Every window that is asked for, in days, the shortest first and "ever" last."""
    windows = {f.days for f in features if f.family in WINDOWED}
    windows |= {2 * f.days for f in features if f.family == "trend"}
    return [*sorted(windows - {EVER}), EVER]


def _check(features: Sequence[Feature], kinds: Sequence[str]) -> None:
    windows: dict[str, float] = {}
    for f in features:
        if f.family not in FAMILIES:
            raise ModelError(
                f"feature {f.name!r} is of the unknown family {f.family!r}; train the model again"
            )
        unknown = sorted({*f.kinds, *([f.then] if f.then else [])} - set(kinds))
        if unknown:
            raise ModelError(
                f"feature {f.name!r} reads event kind {unknown[0]!r}, which the vocabulary lacks; "
                "use the project file that the model was trained with"
            )
        if f.family == "returned" and f.level not in RETURN_REASONS:
            raise ModelError(
                f"feature {f.name!r}: {f.level!r} is none of {', '.join(RETURN_REASONS)}; train the model again"
            )
        if f.family in ONE_WINDOW and windows.setdefault(f.family, f.days) != f.days:
            raise ModelError(
                f"feature {f.name!r} is a second {f.family!r} with another window; a catalogue holds one"
            )


def _micros(days: float) -> int:
    return NEVER if days >= EVER else round(days * DAY)


def _starts(lists: Iterable[Sequence[object]]) -> Places:
    return np.cumsum([0, *map(len, lists)]).astype(np.uint32)


def _flat(lists: Iterable[Iterable[int]]) -> Places:
    return np.array([n for one in lists for n in one], np.uint32)


def _distinct(items: Iterable[Item]) -> list[Item]:
    return list(dict.fromkeys(items))
