"""The rule book replayed point in time: what it would have said of each lead at each moment."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lead_readiness.rules import kernel
from lead_readiness.rules.book import RuleBook
from lead_readiness.rules.facts import facts
from lead_readiness.rules.program import Floats, compiled
from lead_readiness.rules.terms import Term
from lead_readiness.timelines import Timelines

CHUNK = 4096
"""Rows that one thread takes at a time."""


class Replay(NamedTuple):
    """What a rule book says of n snapshots.

    ``contributions`` (n, terms) has the rules in the book's order, then the floor and the ceiling where the
    book has them; ``points`` is its sum by row: fit, engagement, floor, ceiling. ``fit`` and ``engagement`` are
    the sums over the rules of either sort; ``grade`` is "A1" and the like, "" without grades.
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
    n = len(lead)
    # One type of array whatever was given: the kernel is compiled once.
    lead, as_of = np.ascontiguousarray(lead, np.int32), np.ascontiguousarray(as_of, np.int64)
    made = compiled(book, timelines.kinds)
    known = facts(made, timelines, lead)
    contributions, fired = np.zeros((n, len(made.terms))), np.zeros((n, len(made.program.rules)), np.int32)
    sums, grade, flags = np.zeros((3, n)), np.zeros(n, np.int64), np.zeros((2, n), np.bool_)

    def run(begin: int) -> None:
        kernel.replay(
            begin, min(begin + CHUNK, n), lead, as_of,
            contributions, fired, sums, grade, flags, *made.program, *known,
        )  # fmt: skip

    if n <= CHUNK:
        run(0)
    else:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(run, range(0, n, CHUNK)))
    points, fit, engagement = sums
    excluded, triggered = flags
    grades = made.grades[grade]
    return Replay(made.terms, points, contributions, fit, engagement, grades, excluded, triggered, fired)
