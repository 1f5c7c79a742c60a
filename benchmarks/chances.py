"""Shares and means over repetitions, with the intervals that so many repetitions allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.measure import Measure

ZERO_INSIDE = "0 inside the interval"


def share(name: str, hits: Sequence[bool], goal: str = "", reached: bool | None = None) -> Measure:
    """The share of hits with its exact (Clopper-Pearson) 95 % interval; of 0 in 50 the upper end is 7 %.

    >>> m = share("promoted", [False] * 50)
    >>> m.unit, m.value, m.low, round(m.high, 3)
    ('of 50', 0.0, 0.0, 0.071)
    """
    span = stats.binomtest(sum(hits), len(hits)).proportion_ci(method="exact")
    return Measure(
        name, sum(hits) / len(hits), f"of {len(hits)}", float(span.low), float(span.high), goal, reached
    )


def mean(name: str, values: npt.ArrayLike, unit: str, goal: str = "", common: float = 0.0) -> Measure:
    """The mean with its 95 % interval by Student's t; ``common`` is a standard error that all values share.

    The goal may be `ZERO_INSIDE`, or "within X" of 0.
    """
    found = np.asarray(values, dtype=np.float64)
    n, middle = len(found), float(np.mean(values))
    error = float(np.hypot(found.std(ddof=1) / np.sqrt(n), common)) if n > 1 else np.nan
    wide = error * float(stats.t.ppf(0.975, max(n - 1, 1)))
    low, high = middle - wide, middle + wide
    reached = None
    if goal == ZERO_INSIDE:
        reached = bool(low <= 0 <= high)
    elif goal:
        reached = abs(middle) <= float(goal.removeprefix("within "))
    return Measure(name, middle, unit, low, high, goal, reached)


def deviation(values: npt.ArrayLike) -> tuple[float, float, float]:
    """The standard deviation with its 95 % interval, by chi-square."""
    found = np.asarray(values, dtype=np.float64)
    n, sd = len(found) - 1, float(found.std(ddof=1)) if len(found) > 1 else np.nan
    low, high = (sd * float(np.sqrt(n / stats.chi2.ppf(q, n))) if n else np.nan for q in (0.975, 0.025))
    return sd, low, high
