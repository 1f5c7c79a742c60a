"""Draws of accounts, and the intervals that they give.

People of one account, and one lead's weeks, share their luck: drawing rows would give intervals far too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.metrics import Floats

DRAWS = 2000
ACCOUNTS_NEEDED = 20  # accounts with a win, below which an interval would be make-believe


def redrawn(n: int, draws: int, seed: int, block: int) -> Iterator[Floats]:
    """How often each of ``n`` accounts is drawn: the test itself (all once), then blocks of draws with replacement.

    >>> [times.shape for times in redrawn(3, draws=5, seed=1, block=2)]
    [(1, 3), (2, 3), (2, 3), (1, 3)]
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    yield np.ones((1, n))
    for begin in range(0, draws, block):
        size = min(block, draws - begin)
        picks = [rng.integers(n, size=n) if n else np.zeros(0, np.int64) for _ in range(size)]
        yield np.array([np.bincount(pick, minlength=n) for pick in picks], dtype=np.float64).reshape(size, n)


def interval(draws: Floats, enough: bool = True) -> tuple[float, float]:
    """The 2.5 % and 97.5 % points; NaN without enough evidence or when over 5 % of the draws have no value.

    >>> interval(np.arange(1001.0))
    (25.0, 975.0)
    """
    finite = draws[np.isfinite(draws)]
    if not enough or len(finite) == 0 or len(finite) < 0.95 * len(draws):
        return np.nan, np.nan
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)
