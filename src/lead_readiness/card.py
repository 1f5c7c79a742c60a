"""What a scorer was made from, in numbers, and where a score stands among those of the leads open then."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lead_readiness.evidence import Floats


@dataclass(frozen=True)
class Card:
    """What a scorer was made from, in numbers: shown with every score, never used to make one.

    ``horizon_days`` per sales cycle (None: eventual outcome); ``cut`` in microseconds UTC; ``notes`` say in
    words which voices were left out and why. ``open_scores`` are evenly spaced quantiles, from the lowest to the
    highest, of the scores that the leads open at the cut had; none where there were no such leads.
    """

    horizon_days: dict[str, int | None]
    cut: int
    leads: int
    rows: int
    wins: int
    seed: int
    notes: tuple[str, ...] = ()
    open_scores: tuple[float, ...] = ()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Card:
        """The card as JSON gives it back."""
        lists = {name: tuple(record.get(name, ())) for name in ("notes", "open_scores")}
        return cls(**{**record, **lists})

    def with_open_scores(self, scores: Floats, steps: int = 200) -> Card:
        """The same card with the quantiles of these scores.

        >>> Card({}, 0, 1, 1, 0, 0).with_open_scores(np.array([4.0, 1.0, 2.0]), steps=2).open_scores
        (1.0, 2.0, 4.0)
        """
        shares = np.linspace(0, 1, steps + 1)
        return replace(self, open_scores=tuple(np.quantile(scores, shares).tolist()) if len(scores) else ())

    def percentiles(self, scores: Floats) -> list[float] | list[None]:
        """The share in percent of the leads open at the cut that scored less; of those that scored alike, half.

        None where there were no such leads.

        >>> Card({}, 0, 1, 1, 0, 0).with_open_scores(np.array([1.0, 2.0, 2.0, 4.0]), 3).percentiles(np.array([3.0]))
        [83.3]
        """
        if not self.open_scores:
            return [None] * len(scores)
        known, falling, share = self._quantiles
        # Among equal quantiles the last counts; seen from above, that is the first.
        halves = [
            (100 + _between(score, known, share) - _between(-score, falling, share)) / 2
            for score in scores.tolist()
        ]
        return [round(half * 10) / 10 for half in halves]

    @cached_property
    def _quantiles(self) -> tuple[list[float], list[float], list[float]]:
        known = list(self.open_scores)
        return known, [-score for score in reversed(known)], np.linspace(0, 100, len(known)).tolist()


def _between(x: float, known: list[float], y: list[float]) -> float:
    """What `np.interp` gives of one number, at a fraction of its cost."""
    at = bisect_right(known, x) - 1
    if at < 0 or at == len(known) - 1 or known[at] == x:
        return y[max(at, 0)]
    return (y[at + 1] - y[at]) / (known[at + 1] - known[at]) * (x - known[at]) + y[at]
