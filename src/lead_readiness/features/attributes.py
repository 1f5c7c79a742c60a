"""What is known of a lead at creation, as columns: numbers, levels, and a level's past win rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness.features.families import Feature
from lead_readiness.features.kernel import ABSENT, EQUAL, VALUE, show
from lead_readiness.project import Attribute, Project
from lead_readiness.timelines import Timelines
from lead_readiness.timelines.held import Held, Read, Rows

LEVELS = 10
"""The most levels of a category that get a column each; with more, the level's past win rate is a column too."""
LEVEL_LEADS = 30
"""The fewest training leads a level needs for a column of its own."""
FOLDS = 5
"""A win rate is cross-fitted in so many parts; with fewer wins, or fewer losses, there is none."""

Matrix = npt.NDArray[np.float32]


class Shown(NamedTuple):
    """The columns as `kernel.show` takes them: which row of what is held each is of, and what it asks of it."""

    source: npt.NDArray[np.int64]
    asks: npt.NDArray[np.int64]
    than: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Attributes:
    """The fitted columns: their features and, for win rates, ``rates[attribute][level]``."""

    features: tuple[Feature, ...] = ()
    rates: dict[str, dict[str, float]] | None = None

    @cached_property
    def _asked(self) -> tuple[Held, Shown]:
        """What is read of the leads; columns of one attribute and family read the same."""
        blocks = [[*block] for _, block in groupby(self.features, lambda f: (f.kinds[0], f.family))]
        found = [self._read(block) for block in blocks]
        held = Held(found)
        columns: list[tuple[int, int, float]] = []
        for read, block in zip(found, blocks):
            asks = {"missing": ABSENT, "level": EQUAL}.get(block[0].family, VALUE)
            than = range(len(block)) if asks == EQUAL else [f.empty for f in block]
            columns += [(held.reads.index(read), asks, number) for number in than]
        source, asked, thans = np.array(columns).reshape(-1, 3).T
        return held, Shown(source.astype(np.int64), asked.astype(np.int64), thans.astype(np.float64))

    def _read(self, block: list[Feature]) -> Read:
        (name,), family, empty = block[0].kinds, block[0].family, block[0].empty
        if family == "level":
            return Read(name, {feature.level: n for n, feature in enumerate(block)}, -1.0)
        if family == "rate":
            rates = (self.rates or {})[name]
            # The encoder calls a missing level "None".
            return Read(name, dict([*rates.items(), (None, rates.get("None", empty))]), empty)
        return Read(name)

    def matrix(self, timelines: Timelines, lead: Rows) -> Matrix:
        """One row for each of ``lead``, one column a feature; a missing number reads as the training median."""
        out = np.empty((len(lead), len(self.features)), np.float32)
        self.fill(timelines, lead, out)
        return out

    def fill(self, timelines: Timelines, lead: Rows, out: Matrix) -> None:
        """Fill the last columns of ``out`` as `matrix` makes them."""
        held, shown = self._asked
        table, place = held.of(timelines, lead)
        show(table, place, *shown, out)


def fit(
    project: Project,
    timelines: Timelines,
    leads: npt.NDArray[np.int32],
    won: npt.NDArray[np.bool_],
    seed: int,
) -> tuple[Attributes, Matrix]:
    """Columns for the project's attributes, learned from training leads only.

    ``leads`` are distinct places in the timelines and ``won`` whether each had a positive snapshot. Returns
    the fitted columns, and the matrix of *all* leads in which the training leads' win rates are cross-fitted
    (each from other leads' outcomes), as training needs them.
    """
    features: list[Feature] = []
    rates: dict[str, dict[str, float]] = {}
    crossed: dict[str, npt.NDArray[np.float64]] = {}
    for name, spec in project.attributes.items():
        if not spec.scored:
            continue
        found: npt.NDArray[Any] = timelines.attributes[name][leads]
        if spec.type == "number":
            features += _number(name, spec, found)
            continue
        counts = pd.Series(found, dtype=object).dropna().astype(str).value_counts()
        counts = counts[counts >= LEVEL_LEADS].sort_index().sort_values(ascending=False, kind="stable")
        if len(counts) == 1 and counts.iloc[0] == len(found):
            continue
        features += [_level(name, spec, str(level)) for level in counts.index[:LEVELS]]
        if pd.Series(found, dtype=object).nunique() > LEVELS and min(won.sum(), (~won).sum()) >= FOLDS:
            rates[name], crossed[name] = _rates(found, won, seed)
            features.append(_rate(name, spec, float(won.mean())))
    fitted = Attributes(tuple(features), rates)
    matrix = fitted.matrix(timelines, np.arange(len(timelines), dtype=np.int32))
    for column, feature in enumerate(features):
        if feature.family == "rate":
            matrix[leads, column] = crossed[feature.kinds[0]]
    return fitted, matrix


def _number(name: str, spec: Attribute, found: npt.NDArray[np.float64]) -> list[Feature]:
    known = found[~np.isnan(found)]
    if len(known) == 0:
        return []
    median = float(np.float32(np.median(known)))
    made = [Feature(name, spec.phrase, "", spec.behaviour, 0, median, "number", (name,))]
    if len(known) < len(found):
        phrase = f"{spec.phrase} is not known"
        made.append(
            Feature(f"{name} is missing", phrase, "yes/no", spec.behaviour, 0, 0.0, "missing", (name,))
        )
    return made


def _level(name: str, spec: Attribute, level: str) -> Feature:
    phrase = f"{spec.phrase} is {level}"
    return Feature(
        f"{name} = {level}", phrase, "yes/no", spec.behaviour, 0, 0.0, "level", (name,), level=level
    )


def _rate(name: str, spec: Attribute, mean: float) -> Feature:
    phrase = f"past win rate of the lead's {spec.phrase}"
    return Feature(f"rate({name})", phrase, "share", spec.behaviour, 1, mean, "rate", (name,))


def _rates(
    found: npt.NDArray[np.object_], won: npt.NDArray[np.bool_], seed: int
) -> tuple[dict[str, float], npt.NDArray[np.float64]]:
    """Shrunk win rate per level, and each training lead's from other leads (Micci-Barreca's target encoding)."""
    # Not at the top: loading scikit-learn takes about a second, and a process that only scores never needs it.
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    column = np.array([str(level) for level in found], dtype=object).reshape(-1, 1)
    encoder = TargetEncoder(target_type="binary", smooth=20.0)
    crossed = np.empty(len(won))
    for others, own in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(column, won):
        crossed[own] = encoder.fit(column[others], won[others]).transform(column[own])[:, 0]
    encoder.fit(column, won)
    return dict(zip(encoder.categories_[0].tolist(), encoder.encodings_[0].tolist())), crossed
