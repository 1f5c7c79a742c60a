"""The catalogue: which features a company's vocabulary gives, compiled for the kernel."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from lead_readiness.errors import ModelError
from lead_readiness.features import families as fam
from lead_readiness.features.attributes import Attributes, Matrix
from lead_readiness.features.families import EVER, Feature, Group, distinct
from lead_readiness.features.kernel import HISTORY, Program, walk
from lead_readiness.features.program import compile_program
from lead_readiness.project import Project
from lead_readiness.timelines import RETURN_REASONS, Ints, Timelines
from lead_readiness.timelines.held import Rows

HALF_LIFE = 14.0
MOST_KIND_COLUMNS = 56
"""Columns for single kinds are left out, rarest first, beyond this many."""
CHUNK = 4096

_history = attrgetter(*HISTORY)


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


def groups(
    project: Project, counts: Mapping[str, int]
) -> tuple[Group, list[Group], list[Group], list[Group]]:
    """All activity, each behaviour, single kinds (most frequent first) and marketing exposure, as groups.

    "Activity" is every buyer kind that points up or, where the vocabulary names no direction, every buyer kind.
    A behaviour of one kind needs no group for the kind.
    """
    buyer = {k: v for k, v in project.vocabulary.items() if v.actor == "buyer" and v.scored}
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
        if v.actor == "marketing" and v.scored
    ]
    return activity, behaviours, singles, exposure


def _direction(kinds: Sequence[str], project: Project) -> int:
    directions = {project.vocabulary[k].direction for k in kinds}
    return {frozenset({"up"}): 1, frozenset({"down"}): -1}.get(frozenset(directions), 0)


def event_features(
    project: Project, counts: Mapping[str, int], with_values: Sequence[str] = (), accounts: bool = False
) -> tuple[Feature, ...]:
    """The event columns that a vocabulary gives, before pairs.

    What buyers do is counted by behaviour, not all together: a count of everything would take the points, and
    the reason, from what was done.

    ``counts`` is how often each kind occurs in training (a kind that never occurs gets no column of its own),
    ``with_values`` the kinds whose events carry values, ``accounts`` whether leads' accounts are known.
    """
    activity, behaviours, singles, exposure = groups(project, counts)
    made: list[Feature] = [fam.age()]
    made += [fam.recency(activity), fam.trend(activity, 30.0), *fam.rhythm(activity)]
    for group in behaviours:
        made += [fam.count(group, d) for d in (7.0, 30.0, 90.0, EVER)]
        made += [fam.recency(group), fam.intensity(group, HALF_LIFE)]
        if set(group.kinds) & set(with_values):
            made += [fam.value(group), fam.value(group, 90.0)]
    for group in singles[: MOST_KIND_COLUMNS // 2]:
        made += [fam.count(group), fam.recency(group)]
    for group in exposure:
        made += [fam.count(group, 30.0), fam.count(group)]
    made += fam.history(activity, RETURN_REASONS)
    if accounts:
        made += fam.account(activity, behaviours)
    return distinct(made)


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
    _walk(catalogue.program, timelines, lead, as_of, out)
    if attributes is None:
        catalogue.attributes.fill(timelines, lead, out)
    else:
        out[:, split:] = attributes[lead]
    return out


def _walk(program: Program, timelines: Timelines, lead: Rows, as_of: Ints, out: Matrix) -> None:
    history = _history(timelines)

    def run(begin: int) -> None:
        walk(begin, min(begin + CHUNK, len(lead)), lead, as_of, out, *program, *history)

    if len(lead) <= CHUNK:
        run(0)
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run, range(0, len(lead), CHUNK)))
