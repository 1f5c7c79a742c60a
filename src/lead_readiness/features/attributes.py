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

LEVELS = 10
"""The most levels of a category that get a column each; with more, the level's past win rate is a column too."""
LEVEL_LEADS = 30
"""The fewest training leads a level needs for a column of its own."""
FOLDS = 5
"""A win rate is cross-fitted in so many parts; with fewer wins, or fewer losses, there is none."""

Matrix = npt.NDArray[np.float32]


class Block(NamedTuple):
    """What columns of one attribute and family read; ``places`` says which column is a level's."""

    name: str
    family: str
    places: dict[str, int]
    empty: float


class Shown(NamedTuple):
    """The columns as `kernel.show` takes them: which block each reads, and what it asks of it."""

    source: npt.NDArray[np.int64]
    asks: npt.NDArray[np.int64]
    than: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Attributes:
    """The fitted columns: their features and, for win rates, ``rates[attribute][level]``."""

    features: tuple[Feature, ...] = ()
    rates: dict[str, dict[str, float]] | None = None

    @cached_property
    def _blocks(self) -> tuple[list[Block], Shown]:
        """Columns of one attribute and family that stand side by side read the same."""
        blocks: list[Block] = []
        columns: list[tuple[int, int, float]] = []
        for (name, family), found in groupby(self.features, lambda f: (f.kinds[0], f.family)):
            members = list(found)
            asks = {"missing": ABSENT, "level": EQUAL}.get(family, VALUE)
            columns += [(len(blocks), asks, n if asks == EQUAL else f.empty) for n, f in enumerate(members)]
            places = {feature.level: n for n, feature in enumerate(members)}
            blocks.append(Block(name, family, places, members[0].empty))
        source, asked, than = np.array(columns).reshape(-1, 3).T
        return blocks, Shown(source.astype(np.int64), asked.astype(np.int64), than.astype(np.float64))

    def matrix(self, timelines: Timelines, lead: npt.NDArray[np.int32]) -> Matrix:
        """One row for each of ``lead``, one column a feature; a missing number reads as the training median."""
        blocks, shown = self._blocks
        held = {name: timelines.attributes[name][lead] for name in {block.name for block in blocks}}
        found = np.empty((len(lead), len(blocks)))
        for n, block in enumerate(blocks):
            found[:, n] = self._read(block, held[block.name])
        out = np.empty((len(lead), len(self.features)), np.float32)
        show(found, *shown, out)
        return out

    def _read(self, block: Block, held: npt.NDArray[Any]) -> npt.NDArray[Any] | list[float]:
        if block.family == "level":
            return [block.places.get(level, -1) for level in held]
        if block.family == "rate":
            rates = (self.rates or {})[block.name]
            return [rates.get(str(level), block.empty) for level in held]
        return held


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
