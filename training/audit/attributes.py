"""Attributes that were filled in once the outcome was known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness.timelines import DAY, NEVER, Ints, micros
from training.audit.outcomes import FEWEST, Bools, Outcomes, goes_with, outcomes
from training.dataset import Dataset
from training.wording import percent

WINNERS, LOSERS = 0.95, 0.99
"""The share of a mark's leads that must have been won, or lost: many buyers-to-be never are, none surely is."""
MOST_LOSERS = 0.5
"""What a single value that goes with losing must cover of all that were lost: students never buy, but are few."""
MOST_LEVELS = 500
"""Levels of a category that are looked at, the most frequent first."""
LATE = 0.05
"""The share of dated leads that is too much to be a slip of the clock."""
PLANS = 0.01
"""The share of dates after the cut that is too much to be a slip of the pen: such a column holds plans."""
DATE = re.compile(r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?!\d)")

Found = Iterator[tuple[str, str]]
Column = npt.NDArray[Any]


def filled(data: Dataset, names: list[str]) -> Found:
    """Attributes that are filled, empty, off their usual value or at one value for one outcome's leads alone."""
    known = outcomes(data)
    for name in names:
        for words in _marked(data.timelines.attributes[name], known):
            yield name, words
            break


def _marked(column: Column, known: Outcomes) -> Iterator[str]:
    codes, levels = pd.factorize(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    yield from _one_outcome("filled", codes >= 0, known, part=0.0)
    yield from _one_outcome("empty", codes < 0, known)
    if len(levels) == 0:
        return
    usual = int(counts.argmax())
    other = (codes >= 0) & (codes != usual)
    yield from _one_outcome(f"other than {_said(levels[usual])}", other, known)
    if column.dtype == object:
        for level in np.argsort(-counts, kind="stable")[:MOST_LEVELS]:
            yield from _one_outcome(_said(levels[level]), codes == level, known)


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _one_outcome(mark: str, marked: Bools, known: Outcomes, part: float = MOST_LOSERS) -> Iterator[str]:
    """The mark in words, where it goes with one outcome among the leads created while it was in use."""
    if marked.sum() < FEWEST:
        return
    first, last = known.created[marked].min(), known.created[marked].max()
    among = known.judged & (known.created >= first) & (known.created <= last)
    for outcome, share, cover in (("won", WINNERS, 0.0), ("lost", LOSERS, part), ("decided", LOSERS, part)):
        hit = known.of(outcome) & among
        table = goes_with(marked, hit, among, share)
        if table and (marked & hit).sum() >= cover * hit.sum():
            yield f"{mark} for {table.leads:,} leads, {table.says(outcome)}"


def dated(data: Dataset, names: list[str]) -> Found:
    """Categories that hold dates, and dates later than the lead's creation.

    Dates that lie after the cut are plans ("start wanted on"), which a buyer may tell at creation: a column that has
    them is left alone.
    """
    t = data.timelines
    for name in names:
        column = t.attributes[name]
        if column.dtype != object:
            continue
        at = _dates(column)
        there = at != NEVER
        late = there & (at >= t.created + DAY)
        if late.sum() >= max(FEWEST, LATE * there.sum()) and (at[there] > t.cut).mean() < PLANS:
            share = percent(float(late.sum() / there.sum()))
            yield name, f"dates: {share} of {there.sum():,} lie a day or more after the lead was created"


def _dates(column: Column) -> Ints:
    """Each value as microseconds UTC, ``NEVER`` where it is no date; none at all unless nearly all values are."""
    codes, levels = pd.factorize(column)
    if len(levels) == 0 or sum(DATE.match(str(level)) is not None for level in levels) < 0.9 * len(levels):
        return np.full(len(codes), NEVER)
    texts = pd.Series([str(level) for level in levels])
    second = pd.to_numeric(texts.str.extract(r"^\s*\d{1,2}\D(\d{1,2})\D")[0])
    dayfirst = bool(second.notna().any() and second.max() <= 12)
    stamps = pd.to_datetime(texts, errors="coerce", utc=True, format="mixed", dayfirst=dayfirst)
    known = np.append(micros(stamps), NEVER)
    return known[codes]
