"""The catalogue: which features a company's vocabulary gives, compiled for the kernel."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lead_readiness.errors import ModelError
from lead_readiness.features import families as fam
from lead_readiness.features.attributes import Attributes, Matrix
from lead_readiness.features.families import EVER, HALF_LIVES, MAX_DAYS, WINDOWS, Feature, Group
from lead_readiness.features.kernel import FAMILIES, History, Program, walk
from lead_readiness.project import Project
from lead_readiness.timelines import DAY, RETURN_REASONS, Ints, Timelines

MOST_KIND_COLUMNS = 56
"""Columns for single kinds are left out, rarest first, beyond this many."""
CHUNK = 4096

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Catalogue:
    """The columns of the feature matrix: first those of events, then those of attributes."""

    events: tuple[Feature, ...]
    attributes: Attributes
    kinds: tuple[str, ...]
    activity: tuple[str, ...] = field(repr=False)

    @property
    def features(self) -> tuple[Feature, ...]:
        """All columns, in the matrix' order."""
        return self.events + self.attributes.features

    @property
    def directions(self) -> npt.NDArray[np.int8]:
        """Per column the sign that the voices must keep: +1, -1 or 0."""
        return np.array([f.direction for f in self.features], np.int8)

    @cached_property
    def program(self) -> Program:
        """The event columns compiled for the kernel."""
        return compile_program(self.events, self.kinds, self.activity)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides what the columns hold."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """The catalogue as plain JSON-able values."""
        return {
            "kinds": list(self.kinds),
            "activity": list(self.activity),
            "events": [f.as_dict() for f in self.events],
            "attributes": [f.as_dict() for f in self.attributes.features],
            "rates": self.attributes.rates or {},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Catalogue:
        """The catalogue that `as_dict` wrote."""
        return cls(
            tuple(Feature.from_dict(f) for f in data["events"]),
            Attributes(tuple(Feature.from_dict(f) for f in data["attributes"]), data["rates"]),
            tuple(data["kinds"]),
            tuple(data["activity"]),
        )


def groups(project: Project, counts: Mapping[str, int]) -> tuple[Group, list[Group], list[Group], list[Group]]:
    """All activity, each behaviour, single kinds (most frequent first) and marketing exposure, as groups.

    "Activity" is every buyer kind that points up or, where the vocabulary names no direction, every buyer kind.
    A behaviour of one kind needs no group for the kind.
    """
    buyer = {k: v for k, v in project.vocabulary.items() if v.actor == "buyer"}
    up = tuple(k for k, v in buyer.items() if v.direction == "up")
    activity = Group("activity", "activities", "rhythm", up or tuple(buyer), 1 if up else 0)
    by_behaviour: dict[str, list[str]] = {}
    for kind, meaning in buyer.items():
        by_behaviour.setdefault(meaning.behaviour, []).append(kind)
    behaviours = [
        Group(name, f"{name} activities", name, tuple(kinds), _direction(kinds, project))
        for name, kinds in by_behaviour.items()
    ]
    singles = [
        Group(k, v.plural or f"{v.phrase}s", v.behaviour, (k,), _direction([k], project))
        for k, v in buyer.items()
        if len(by_behaviour[v.behaviour]) > 1 and counts.get(k, 0) > 0
    ]
    singles.sort(key=lambda g: (-counts.get(g.name, 0), g.name))
    exposure = [
        Group(k, v.plural or f"{v.phrase}s", v.behaviour, (k,), 0)
        for k, v in project.vocabulary.items()
        if v.actor == "marketing"
    ]
    return activity, behaviours, singles, exposure


def _direction(kinds: Sequence[str], project: Project) -> int:
    directions = {project.vocabulary[k].direction for k in kinds}
    return {frozenset({"up"}): 1, frozenset({"down"}): -1}.get(frozenset(directions), 0)


def event_features(
    project: Project, counts: Mapping[str, int], with_values: Sequence[str] = (), accounts: bool = False
) -> tuple[Feature, ...]:
    """The event columns that a vocabulary gives, before pairs.

    ``counts`` is how often each kind occurs in training (a kind that never occurs gets no column of its own),
    ``with_values`` the kinds whose events carry values, ``accounts`` whether leads' accounts are known.
    """
    activity, behaviours, singles, exposure = groups(project, counts)
    made: list[Feature] = [fam.age()]
    made += [fam.count(activity, d) for d in (1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, EVER)]
    made += [fam.intensity(activity, h) for h in HALF_LIVES]
    made += [fam.trend(activity, d) for d in (7.0, 30.0)]
    made += [fam.recency(activity), *fam.rhythm(activity)]
    for group in behaviours:
        made += [fam.count(group, d) for d in (7.0, 30.0, 90.0, EVER)]
        made += [fam.recency(group), fam.intensity(group, HALF_LIVES[1])]
        if set(group.kinds) & set(with_values):
            made += [fam.value(group), fam.value(group, 90.0)]
    for group in singles[: MOST_KIND_COLUMNS // 2]:
        made += [fam.count(group), fam.recency(group)]
    for group in exposure:
        made += [fam.count(group, 30.0), fam.count(group)]
    made += fam.history(activity, RETURN_REASONS)
    if accounts:
        made += fam.account(activity)
    return tuple(made)


def compile_program(features: Sequence[Feature], kinds: Sequence[str], activity: Sequence[str]) -> Program:
    """Features as the arrays that the kernel reads; ``kinds`` are the codes of the events."""
    code = {kind: c for c, kind in enumerate(kinds)}
    grouped = [f for f in features if f.family in ("count", "recency", "intensity", "trend", "value")]
    group_of = {g: n for n, g in enumerate(dict.fromkeys(f.kinds for f in grouped))}
    members: list[list[int]] = [[] for _ in kinds]
    for group, n in group_of.items():
        for kind in group:
            members[code[kind]].append(n)
    pairs = [f for f in features if f.family == "pair"]
    closed: list[list[int]] = [[] for _ in kinds]
    for q, f in enumerate(pairs):
        closed[code[f.then]].append(q)
    in_pair = {f.then for f in pairs} | {f.kinds[0] for f in pairs}
    pair_of = {f.name: q for q, f in enumerate(pairs)}

    def slot(f: Feature) -> int:
        if f.family in ("active_days", "sessions", "account_count", "account_active"):
            return ("active_days", "sessions", "account_count", "account_active").index(f.family)
        if f.family == "returned":
            return RETURN_REASONS.index(f.level)
        return pair_of.get(f.name, group_of.get(f.kinds, 0))

    def window(f: Feature, times: int = 1) -> int:
        if f.family == "intensity":
            return HALF_LIVES.index(f.days)
        return WINDOWS.index(f.days * times) if f.family not in ("pair",) and f.days * times in WINDOWS else 0

    return Program(
        windows=np.array([d * DAY for d in WINDOWS]).astype(np.int64),
        half_lives=np.array(HALF_LIVES) * DAY,
        kind_start=_starts(members),
        kind_groups=np.array([g for m in members for g in m], np.int32),
        is_used=np.array([bool(members[c]) or k in in_pair or k in activity for k, c in code.items()]),
        is_activity=np.array([k in activity for k in kinds]),
        then_start=_starts(closed),
        pairs_then=np.array([q for m in closed for q in m], np.int32),
        pair_first=np.array([code[f.kinds[0]] for f in pairs], np.int32),
        pair_within=np.array([round(f.days * DAY) for f in pairs], np.int64),
        family=np.array([FAMILIES.index(f.family) for f in features], np.int8),
        group=np.array([slot(f) for f in features], np.int32),
        window=np.array([window(f) for f in features], np.int32),
        before=np.array([window(f, 2) if f.family == "trend" else 0 for f in features], np.int32),
        spans=np.array([90 * DAY, 90 * DAY, 30 * DAY, 90 * DAY, MAX_DAYS * DAY]).astype(np.int64),
        group_count=len(group_of),
        uses_values=any(f.family == "value" for f in features),
        uses_account=any(f.family.startswith("account") for f in features),
    )


def _starts(lists: Sequence[Sequence[int]]) -> npt.NDArray[np.int32]:
    return np.cumsum([0, *map(len, lists)]).astype(np.int32)


def compute(
    catalogue: Catalogue, timelines: Timelines, lead: Rows, as_of: Ints, attributes: Matrix | None = None
) -> Matrix:
    """The feature matrix: float32, one row a snapshot, one column a feature, never NaN.

    ``lead`` are places in the timelines, ``as_of`` microseconds UTC. No event at or after ``as_of``, recorded
    later, or by sales is seen. ``attributes`` replaces the attribute columns (one row a lead of the
    timelines): training passes its cross-fitted ones. Raises ModelError when the timelines were made with
    another vocabulary.
    """
    if timelines.kinds != catalogue.kinds:
        raise ModelError(
            f"the timelines' event kinds are {', '.join(timelines.kinds)}, the model's {', '.join(catalogue.kinds)}; "
            "build the timelines with the project file that the model was trained with"
        )
    split = len(catalogue.events)
    out = np.empty((len(lead), split + len(catalogue.attributes.features)), np.float32)
    _walk(catalogue.program, timelines, np.asarray(lead, np.int32), np.asarray(as_of, np.int64), out)
    out[:, split:] = catalogue.attributes.matrix(timelines, lead) if attributes is None else attributes[lead]
    return out


def _walk(program: Program, timelines: Timelines, lead: Rows, as_of: Ints, out: Matrix) -> None:
    history = History(*(getattr(timelines, name) for name in History._fields))
    ends = range(0, len(lead), CHUNK)

    def run(begin: int) -> None:
        walk(begin, min(begin + CHUNK, len(lead)), lead, as_of, program, history, len(timelines.assets), out)

    if len(ends) <= 1:
        for begin in ends:
            run(begin)
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run, ends))
