"""Features compiled to the arrays that the kernel reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lead_readiness.errors import ModelError
from lead_readiness.features.families import EVER, MAX_DAYS, Feature
from lead_readiness.features.kernel import FAMILIES, Program
from lead_readiness.timelines import DAY, NEVER, RETURN_REASONS

GROUPED = ("count", "recency", "intensity", "trend", "value")
SPREAD = ("active_days", "sessions", "account_count", "account_active")
WINDOWED = ("count", "trend", "value", *SPREAD)
ONE_WINDOW = ("burst", "longest_gap", "assets", "kinds")


def compile_program(features: Sequence[Feature], kinds: Sequence[str], activity: Sequence[str]) -> Program:
    """Features as the arrays that the kernel reads; ``kinds`` are the codes of the events.

    Raises ModelError for a feature that the kernel cannot compute.
    """
    _check(features, kinds)
    code = {kind: c for c, kind in enumerate(kinds)}
    group_of = {g: n for n, g in enumerate(dict.fromkeys(f.kinds for f in features if f.family in GROUPED))}
    members: list[list[int]] = [[] for _ in kinds]
    for group, n in group_of.items():
        for kind in group:
            members[code[kind]].append(n)
    pairs = {f: q for q, f in enumerate(f for f in features if f.family == "pair")}
    closed: list[list[int]] = [[] for _ in kinds]
    for f, q in pairs.items():
        closed[code[f.then]].append(q)
    in_pair = {kind for f in pairs for kind in (f.then, *f.kinds)}
    windows = {f.days for f in features if f.family in WINDOWED}
    windows |= {2 * f.days for f in features if f.family == "trend"}
    ends = [*sorted(windows - {EVER}), EVER]
    half_lives = sorted({f.days for f in features if f.family == "intensity"})
    spans = {f.family: _micros(f.days) for f in features if f.family in ONE_WINDOW}

    def slot(f: Feature) -> int:
        if f.family in SPREAD:
            return SPREAD.index(f.family)
        if f.family == "returned":
            return RETURN_REASONS.index(f.level)
        return pairs[f] if f.family == "pair" else group_of.get(f.kinds, 0)

    def place(f: Feature) -> int:
        if f.family == "intensity":
            return half_lives.index(f.days)
        return ends.index(f.days) if f.family in WINDOWED else 0

    return Program(
        windows=np.array([_micros(d) for d in ends], np.int64),
        half_lives=np.array(half_lives, float) * DAY,
        kind_start=_starts(members),
        kind_groups=np.array([g for m in members for g in m], np.int32),
        is_used=np.array([bool(members[c]) or k in in_pair or k in activity for k, c in code.items()]),
        is_activity=np.array([k in activity for k in kinds]),
        then_start=_starts(closed),
        pairs_then=np.array([q for m in closed for q in m], np.int32),
        pair_first=np.array([code[f.kinds[0]] for f in pairs], np.int32),
        pair_within=np.array([_micros(f.days) for f in pairs], np.int64),
        family=np.array([FAMILIES.index(f.family) for f in features], np.int8),
        group=np.array([slot(f) for f in features], np.int32),
        window=np.array([place(f) for f in features], np.int32),
        before=np.array([ends.index(2 * f.days) if f.family == "trend" else 0 for f in features], np.int32),
        spans=np.array([spans.get(family, 0) for family in ONE_WINDOW], np.int64),
        account_span=max((_micros(f.days) for f in features if f.family in SPREAD[2:]), default=0),
        longest=_micros(MAX_DAYS),
        group_count=len(group_of),
        uses_values=any(f.family == "value" for f in features),
        uses_account=any(f.family.startswith("account") for f in features),
    )


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


def _starts(lists: Sequence[Sequence[int]]) -> npt.NDArray[np.int32]:
    return np.cumsum([0, *map(len, lists)]).astype(np.int32)
