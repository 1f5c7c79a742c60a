"""Exact Shapley values of shallow trees, computed once per pattern of answers instead of once per row.

What a tree adds to a lead's logit depends on the lead only through which of the tree's thresholds its
features exceed. A tree is therefore cut into groups of leaves whose paths ask few enough questions to list
every pattern of answers; for each pattern the path-dependent Shapley terms of the group's leaves (Lundberg,
Erion and Lee 2018, "Consistent individualized feature attribution for tree ensembles") are summed into one
row of a table. Explaining a lead is then one look-up per group.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lead_readiness.treeshap.model import DEEPEST, Leaf, Model

MOST_PATTERNS = 256
"""Patterns in one table (about 10 kB): larger tables mean fewer look-ups but leave the fastest cache.

At least ``2 ** DEEPEST``, so that a leaf alone always has a table."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Tables(NamedTuple):
    """Every group's questions and answers, flat: what the kernels read.

    Of feature ``f`` the questions ``question_start[f]:question_start[f + 1]`` are asked, by rising threshold. A row's
    place in ``terms`` is, for group ``g``, ``table_start[g]`` plus the ``question_stride`` of each question of that
    ``question_group`` whose ``question_threshold`` it exceeds; from there on lies one Shapley term per feature in
    ``term_feature[term_start[g]:term_start[g + 1]]``. Indices are unsigned because that spares the kernels a test
    for negative ones; 16 bits hold every place within a table, as `MOST_PATTERNS` bounds its columns, too.
    """

    question_start: npt.NDArray[np.uint32]
    question_threshold: npt.NDArray[np.float32]
    question_group: npt.NDArray[np.uint32]
    question_stride: npt.NDArray[np.uint16]
    term_start: npt.NDArray[np.uint32]
    term_feature: npt.NDArray[np.uint32]
    table_start: npt.NDArray[np.uint32]
    terms: Floats


def build(model: Model) -> tuple[float, Tables]:
    """The mean logit over the training rows, and the tables; no trees, or trees that never split, have empty ones."""
    groups = [group for tree in model.trees if len(tree) > 1 for group in _cut(tree, 0)]
    questions = sorted((*asked, g) for g, group in enumerate(groups) for asked in group.questions())
    tables = [group.table() for group in groups]
    of_feature = Counter(feature for feature, *_ in questions)
    return math.fsum(leaf.expected() for tree in model.trees for leaf in tree), Tables(
        question_start=_starts([of_feature[feature] for feature in range(model.features)]),
        question_threshold=np.array([threshold for _, threshold, _, _ in questions], np.float32),
        question_group=np.array([g for *_, g in questions], np.uint32),
        question_stride=np.array([stride for _, _, stride, _ in questions], np.uint16),
        term_start=_starts([len(group.thresholds) for group in groups]),
        term_feature=np.array([feature for group in groups for feature in group.thresholds], np.uint32),
        table_start=_starts([table.size for table in tables])[:-1],
        terms=np.concatenate([np.empty(0), *(table.ravel() for table in tables)]),
    )


def shapley_terms(value: Floats, share: Floats, satisfied: Bools) -> Floats:
    """The Shapley terms of n leaves, summed over the leaves, for each of m patterns of k features.

    ``value`` (n,) is what each leaf adds, ``share`` (n, k) the share of training rows that satisfy the leaf's
    conditions on each feature, ``satisfied`` (n, m, k) whether the pattern does; a feature that is not on the
    leaf's path has share 1 and is always satisfied. In a leaf's game a feature in the coalition multiplies
    by "satisfied", one outside it by its share. The average over orderings is the integral over t in
    [0, 1] of the product of ``t * satisfied + (1 - t) * share``: a polynomial, so Gauss-Legendre points are exact.

    >>> shapley_terms(np.array([2.0]), np.array([[0.25]]), np.array([[[False], [True]]])).tolist()
    [[-0.5], [1.5]]
    """
    met, share = satisfied.astype(np.float64), share[:, np.newaxis]
    weights = np.zeros_like(met)
    for t, weight in zip(_POINTS, _WEIGHTS):
        factor = t * met + (1 - t) * share
        weights += weight * factor.prod(axis=2, keepdims=True) / factor
    terms: Floats = (value[:, np.newaxis, np.newaxis] * (met - share) * weights).sum(axis=0)
    return terms


def _gauss_legendre() -> tuple[Floats, Floats]:
    """Points and weights on [0, 1], exact for every product of `DEEPEST` - 1 factors."""
    points, weights = np.polynomial.legendre.leggauss(DEEPEST // 2)
    return (points + 1) / 2, weights / 2


_POINTS, _WEIGHTS = _gauss_legendre()


def _starts(sizes: Sequence[int]) -> npt.NDArray[np.uint32]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.uint32)


def _cut(leaves: list[Leaf], depth: int) -> Iterator[_Group]:
    """Groups of leaves: whole subtrees, as large as the limit of patterns allows."""
    group = _Group(leaves)
    if group.patterns() <= MOST_PATTERNS:
        yield group
        return
    for exceeds in (False, True):
        yield from _cut([leaf for leaf in leaves if leaf.path[depth].exceeds is exceeds], depth + 1)


class _Group:
    """Leaves that share one table. A feature's answer is how many of its thresholds the row exceeds."""

    def __init__(self, leaves: list[Leaf]) -> None:
        self.leaves = leaves
        self.thresholds: dict[int, list[float]] = {}
        for feature, threshold in sorted({condition[:2] for leaf in leaves for condition in leaf.path}):
            self.thresholds.setdefault(feature, []).append(threshold)

    def patterns(self) -> int:
        return math.prod(len(thresholds) + 1 for thresholds in self.thresholds.values())

    def questions(self) -> list[tuple[int, float, int]]:
        """(feature, threshold, how far exceeding it moves the place in the table)."""
        stride, found = self.patterns() * len(self.thresholds), []
        for feature, thresholds in self.thresholds.items():
            stride //= len(thresholds) + 1
            found += [(feature, threshold, stride) for threshold in thresholds]
        return found

    def table(self) -> Floats:
        """The features' summed Shapley terms (columns) for each pattern of answers (rows)."""
        column = {feature: place for place, feature in enumerate(self.thresholds)}
        answers = np.indices([len(thresholds) + 1 for thresholds in self.thresholds.values()])
        shape = (len(self.leaves), len(column))
        least, most, share = np.zeros(shape), np.full(shape, np.inf), np.ones(shape)
        for row, leaf in enumerate(self.leaves):
            for feature, threshold, exceeds, taken in leaf.path:
                place, answer = (row, column[feature]), self.thresholds[feature].index(threshold)
                share[place] *= taken
                if exceeds:
                    least[place] = max(least[place], answer + 1)
                else:
                    most[place] = min(most[place], answer)
        pattern = answers.reshape(len(column), -1).T
        satisfied = (pattern >= least[:, np.newaxis]) & (pattern <= most[:, np.newaxis])
        return shapley_terms(np.array([leaf.value for leaf in self.leaves]), share, satisfied)
