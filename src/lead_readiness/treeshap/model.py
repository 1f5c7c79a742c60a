"""Reading LightGBM's model text: only numbers are taken from it, each checked before a kernel relies on it.

LightGBM's own reader ends the whole process when it meets a damaged text, and needs the system's OpenMP runtime.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lead_readiness.errors import ModelError

DEEPEST = 8
"""Conditions above one leaf: what the tables are made for."""

ZERO = float(np.float32(1e-35))
"""LightGBM's ``kZeroThreshold``."""


class Condition(NamedTuple):
    """One comparison above a leaf, the side that leads to it, and the share of rows that took that side."""

    feature: int
    threshold: float
    exceeds: bool
    share: float


class Leaf(NamedTuple):
    """What a leaf adds to the logit and the conditions above it, from the root down."""

    value: float
    path: tuple[Condition, ...]

    def expected(self) -> float:
        """The leaf's part of its tree's mean over the training rows."""
        return self.value * math.prod(condition.share for condition in self.path)


class Model(NamedTuple):
    """How many features a row has, and each tree's leaves from left to right."""

    features: int
    trees: list[list[Leaf]]


def parse(text: str) -> Model:
    """The trees that a LightGBM model text (version 4) describes.

    Raises ModelError when the text is damaged or cut short, or when the model is not a sum of trees giving one
    logit, split by ``<=`` on numbers, with at most `DEEPEST` conditions above a leaf.
    """
    body, end, _ = text.partition("\nend of trees")
    head, *blocks = body.split("\nTree=")
    header = _fields(head)
    if header.get("version") != "v4" or not end or len(blocks) != len(header.get("tree_sizes", "").split()):
        raise ModelError(
            f"the tree model's text (version {header.get('version')}, {len(blocks)} trees of "
            f"{len(header.get('tree_sizes', '').split())}) is damaged or cut short; restore it or train again"
        )
    if header.get("objective") != "binary sigmoid:1" or "average_output" in head.split():
        raise ModelError(
            f"the tree model has objective {header.get('objective')!r} or averages its trees; expected a sum with "
            "'binary sigmoid:1'; train it with `lead_readiness.trees.fit`"
        )
    try:
        features = int(header["max_feature_idx"]) + 1
        return Model(features, [_Tree(_fields(block), features).leaves() for block in blocks])
    except (KeyError, ValueError, IndexError, OverflowError) as error:
        raise ModelError(f"the tree model's text is damaged ({error!r}); restore it or train again") from None


def at_most(threshold: float) -> np.float32:
    """The largest float32 for which LightGBM finds ``x <= threshold``: the same answers without doubles.

    LightGBM takes any x within `ZERO` of 0 for 0, and so must a threshold there.

    >>> float(at_most(0.1)) <= 0.1, float(at_most(2.5))
    (True, 2.5)
    """
    if abs(threshold) <= ZERO:
        return np.float32(ZERO) if threshold >= 0 else np.nextafter(np.float32(-ZERO), np.float32(-1))
    with np.errstate(over="ignore"):
        rounded = np.float32(threshold)
    return np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > threshold else rounded


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


class _Tree:
    """One tree as the text has it: node i splits, a child below 0 is the leaf ``-child - 1``."""

    def __init__(self, fields: dict[str, str], features: int) -> None:
        leaves = int(fields["num_leaves"])
        if fields.get("num_cat") != "0" or fields.get("is_linear", "0") != "0":
            raise ModelError(
                "the tree model splits on categories or has linear leaves; expected numeric splits and constant "
                "leaves; train it with `lead_readiness.trees.fit`"
            )
        self.value = _numbers(fields, "leaf_value", leaves)
        if leaves == 1:
            return
        self.feature = [int(word) for word in _numbers(fields, "split_feature", leaves - 1)]
        self.threshold = _numbers(fields, "threshold", leaves - 1)
        self.kind = [int(word) for word in _numbers(fields, "decision_type", leaves - 1)]
        self.left = [int(word) for word in _numbers(fields, "left_child", leaves - 1)]
        self.right = [int(word) for word in _numbers(fields, "right_child", leaves - 1)]
        self.rows = _numbers(fields, "leaf_count", leaves), _numbers(fields, "internal_count", leaves - 1)
        if not all(0 <= feature < features for feature in self.feature):
            raise ValueError(f"a split on a feature that is not one of {features}")
        if not min(min(rows) for rows in self.rows) > 0:
            raise ValueError("a node that no training row reached")

    def leaves(self) -> list[Leaf]:
        if len(self.value) == 1:
            return [Leaf(self.value[0], ())]
        found = list(self._below(0, ()))
        if len(found) != len(self.value):
            raise ValueError(f"{len(found)} leaves below the root, {len(self.value)} announced")
        return found

    def _below(self, node: int, path: tuple[Condition, ...]) -> Iterator[Leaf]:
        if node < 0:
            yield Leaf(self.value[-node - 1], path)
            return
        if len(path) == DEEPEST:
            raise ModelError(
                f"the tree model has more than {DEEPEST} conditions above a leaf; train it with a `depth` of at most "
                f"{DEEPEST}"
            )
        if self.kind[node] not in _ORDERINGS:
            raise ModelError(
                f"the tree model has decision type {self.kind[node]}; expected `<=` without zero as missing; "
                "train it with `lead_readiness.trees.fit`"
            )
        threshold = float(at_most(self.threshold[node]))
        for exceeds, child in ((False, self.left[node]), (True, self.right[node])):
            share = self._rows(child) / self._rows(node)
            yield from self._below(child, (*path, Condition(self.feature[node], threshold, exceeds, share)))

    def _rows(self, node: int) -> float:
        """Training rows that reached a node or leaf."""
        return self.rows[0][-node - 1] if node < 0 else self.rows[1][node]


_ORDERINGS = {0, 2, 8, 10}
"""LightGBM's bits for `<=` (bit 0 would be a category, bit 2 zero as missing): they differ only on NaN."""


def _numbers(fields: dict[str, str], name: str, length: int) -> list[float]:
    """A field's numbers; ValueError when there are not ``length`` of them or one is not finite."""
    found = [float(word) for word in fields[name].split()]
    if len(found) != length or not all(map(math.isfinite, found)):
        raise ValueError(f"{name} has {len(found)} values, expected {length} finite ones")
    return found
