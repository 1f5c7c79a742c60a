"""The rule book replayed point in time: what it would have said of each lead at each moment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lead_readiness.rules import kernel
from lead_readiness.rules.book import LETTERS, RuleBook
from lead_readiness.rules.program import Floats, compiled, facts
from lead_readiness.rules.terms import Term
from lead_readiness.timelines import Timelines

CHUNK = 4096
"""Rows that one thread takes at a time."""
GRADES = np.array([[letter + digit for digit in "1234"] for letter in LETTERS], dtype=object)


@dataclass(frozen=True)
class Replay:
    """What a rule book says of n snapshots.

    ``contributions`` (n, terms) has the rules in the book's order, then the floor and the ceiling where the
    book has them; ``points`` is its sum by row, to the last bit. ``fit`` and ``engagement`` are the sums over
    the rules of either sort, floor and ceiling left out; ``grade`` is "A1" and the like, "" without grades.
    ``fired`` (n, rules) counts each rule's awards. Of an ``excluded`` lead all else is 0, "" and False.
    """

    terms: tuple[Term, ...]
    points: Floats
    contributions: Floats
    fit: Floats
    engagement: Floats
    grade: npt.NDArray[np.object_]
    excluded: npt.NDArray[np.bool_]
    triggered: npt.NDArray[np.bool_]
    fired: npt.NDArray[np.int32]


def replay(
    book: RuleBook, timelines: Timelines, lead: npt.NDArray[np.int32], as_of: npt.NDArray[np.int64]
) -> Replay:
    """What the book says of each snapshot: ``lead`` are places in the timelines, ``as_of`` microseconds UTC.

    Only what was visible counts: events with ``time < as_of`` and ``recorded <= as_of``, and hand-offs
    returned before ``as_of``. The same snapshot gives the same bits alone, in any batch and in any order; no
    rows give no rows. The semantics are in docs/rule-book.md.
    """
    n, rules = len(lead), len(book.rules)
    # One type of array whatever was given: the kernel is compiled once.
    lead, as_of = np.ascontiguousarray(lead, np.int32), np.ascontiguousarray(as_of, np.int64)
    made = compiled(book, timelines.kinds)
    known = facts(made, timelines, lead)
    contributions = np.zeros((n, len(book.terms)))
    fired = np.zeros((n, rules), np.int32)
    excluded, triggered = np.zeros(n, bool), np.zeros(n, bool)

    def run(rows: slice) -> None:
        filled = contributions[rows], fired[rows], excluded[rows], triggered[rows]
        kernel.replay(*made.program, *known, lead[rows], as_of[rows], *filled)

    chunks = [slice(begin, begin + CHUNK) for begin in range(0, n, CHUNK)]
    if len(chunks) > 1:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(run, chunks))
    else:
        for rows in chunks:
            run(rows)
    _bound(book, contributions, excluded)
    fit = contributions.take(made.fit, axis=1).sum(axis=1)
    engagement = contributions.take(made.engagement, axis=1).sum(axis=1)
    return Replay(
        terms=book.terms,
        points=contributions.sum(axis=1),
        contributions=contributions,
        fit=fit,
        engagement=engagement,
        grade=_grades(book, fit, engagement, excluded),
        excluded=excluded,
        triggered=triggered,
        fired=fired,
    )


def _bound(book: RuleBook, contributions: Floats, excluded: npt.NDArray[np.bool_]) -> None:
    """Fill the terms of floor and ceiling: what lifts or cuts the total to them."""
    column = len(book.rules)
    if column == len(book.terms):
        return
    total, kept = contributions.sum(axis=1), ~excluded
    for bound, beyond in ((book.floor, np.maximum), (book.ceiling, np.minimum)):
        if bound is not None:
            np.subtract(beyond(total, bound), total, out=contributions[:, column], where=kept)
            column += 1


def _grades(
    book: RuleBook, fit: Floats, engagement: Floats, excluded: npt.NDArray[np.bool_]
) -> npt.NDArray[np.object_]:
    if book.grades is None:
        return np.full(len(fit), "", dtype=object)
    grade = GRADES[_missed(book.grades.fit, fit), _missed(book.grades.engagement, engagement)]
    grade[excluded] = ""
    return grade


def _missed(least: Mapping[Any, float], points: Floats) -> npt.NDArray[np.intp]:
    """How many grades were missed, from the best down."""
    return len(least) - np.array([*least.values()][::-1]).searchsorted(points, "right")
