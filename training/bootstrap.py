"""Accounts, draws of them, and the figures with intervals that they give.

People of one account, and one lead's weeks, share their luck: drawing rows would give intervals far too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.metrics import Floats, Ints

DRAWS = 2000
ACCOUNTS_NEEDED = 20  # accounts with a win, below which an interval would be make-believe


@dataclass(frozen=True)
class Accounts:
    """The accounts of some rows, numbered from 0: ``of`` (rows,) is each row's, -1 where it takes no part."""

    of: Ints
    count: int

    @classmethod
    def numbered(
        cls, account: npt.NDArray[np.integer[Any]], inside: npt.NDArray[np.bool_] | None = None
    ) -> Accounts:
        """The accounts of the rows ``inside``, of all unless given; no rows have none.

        >>> Accounts.numbered(np.array([7, 3, 7, 9]), np.array([True, True, True, False]))
        Accounts(of=array([ 1,  0,  1, -1]), count=2)
        """
        inside = np.ones(len(account), bool) if inside is None else inside
        of = np.full(len(account), -1)
        names, of[inside] = np.unique(account[inside], return_inverse=True)
        return cls(of, len(names))

    def __getitem__(self, rows: npt.NDArray[np.integer[Any]] | slice) -> Accounts:
        return Accounts(self.of[rows], self.count)

    def sums(self, columns: Iterable[npt.NDArray[np.generic]]) -> Floats:
        """What each account's rows add up to in each column: ``(count, columns)``.

        >>> Accounts(np.array([1, 0, 1, -1]), 2).sums([np.array([1.0, 2.0, 3.0, 4.0])]).tolist()
        [[2.0], [4.0]]
        """
        inside = self.of >= 0
        of = self.of[inside]
        return np.column_stack([np.bincount(of, column[inside], self.count) for column in columns])

    def binned(self, place: npt.NDArray[np.integer[Any]], weight: Floats, bins: int) -> Floats:
        """The weight of each account's rows in each bin, ``(count, bins)``; every row takes part.

        >>> Accounts(np.array([1, 0, 1]), 2).binned(np.array([0, 2, 2]), np.array([1.0, 2.0, 4.0]), bins=3).tolist()
        [[0.0, 0.0, 2.0], [1.0, 0.0, 4.0]]
        """
        cell = self.of * bins + place
        return np.bincount(cell, weight, self.count * bins).astype(np.float64).reshape(-1, bins)


@dataclass(frozen=True)
class Figure:
    """A mean or a share with its 95 % interval from a bootstrap over accounts; NaN where it cannot be told."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @classmethod
    def of(cls, drawn: Floats, enough: bool = True) -> Figure:
        """The figure of the test itself, which comes first, with the `interval` of the draws after it."""
        return cls(float(drawn[0]), *interval(drawn[1:], enough))

    def told(self, decimals: int = 1) -> str:
        """The figure as a number in print.

        >>> Figure(3.21, 2.98, 3.44).told(), Figure(3.21).told(), Figure(math.nan).told()
        ('3.2 (3.0 to 3.4)', '3.2', 'not known')
        """
        if math.isnan(self.value):
            return "not known"
        span = "" if math.isnan(self.low) else f" ({self.low:.{decimals}f} to {self.high:.{decimals}f})"
        return f"{self.value:.{decimals}f}{span}"

    def percent(self, decimals: int = 0) -> str:
        """The figure as a share in print.

        >>> Figure(0.912, 0.874, 0.951).percent()
        '91 % (87 to 95)'
        """
        share = Figure(100 * self.value, 100 * self.low, 100 * self.high)
        number, begin, span = share.told(decimals).partition(" (")
        return share.told() if math.isnan(self.value) else f"{number} %{begin}{span}"


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


def totals(per_account: Floats, draws: int, seed: int, block: int) -> Floats:
    """The columns' sums over the accounts: of the test itself, then of each draw, ``(1 + draws, columns)``.

    >>> totals(np.array([[1.0, 10.0], [1.0, 30.0]]), draws=2, seed=1, block=2)[:, 0].tolist()
    [2.0, 2.0, 2.0]
    """
    return np.concatenate([times @ per_account for times in redrawn(len(per_account), draws, seed, block)])


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
