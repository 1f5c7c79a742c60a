"""Chance that anybody can draw again: numbers that depend on lead, moment and seed alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd


def tie_break(lead: npt.ArrayLike, instant: npt.ArrayLike, seed: int) -> npt.NDArray[np.uint64]:
    """Per row a number that orders rows of equal score: a hash of the lead (number or id), instant and seed.

    It knows nothing of scores, labels or row order, and a lead that loses a tie one week may win it the next.

    >>> bool((tie_break([7, 8], [0, 0], seed=1) == tie_break([8, 7], [0, 0], seed=1)[::-1]).all())
    True
    """
    name = pd.util.hash_array(np.asarray(lead), hash_key=f"{seed:016d}")
    when = pd.util.hash_array(np.asarray(instant, np.int64))
    return pd.util.hash_array(name ^ (when + np.uint64(seed % 2**32)))


def uniform(lead: npt.ArrayLike, instant: npt.ArrayLike, seed: int) -> npt.NDArray[np.float64]:
    """Per row a number in [0, 1) that has nothing to do with its `tie_break`.

    >>> drawn = uniform([f"lead {i}" for i in range(10_000)], np.zeros(10_000), seed=1)
    >>> bool(abs((drawn < 0.05).mean() - 0.05) < 0.005)
    True
    """
    return (tie_break(np.asarray(lead, object), instant, seed + 10**9) >> np.uint64(11)) / 2.0**53
