"""How well a score ranks leads: ROC AUC, PR AUC and lift, each with its interval, beside what others published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.measure import Measure
from training import metrics

Floats = npt.NDArray[np.float64]
DRAWS, QUICK_DRAWS = 2000, 200
BLOCK = 100
"""Draws that are weighed at a time, so that their weights stay small in memory."""
SHARE = 0.2
"""The share of the leads, the best by their score, whose lift is told."""
ROC, PR, LIFT = "ROC AUC", "PR AUC", "lift at 20 %"


@dataclass(frozen=True)
class Aims:
    """What ``goals`` ask of each measure, and by name what others ``published`` for the same rows.

    On a part of the rows (``quick``) nothing is said about reaching a goal, and fewer draws make the interval.
    """

    goals: Mapping[str, float] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    quick: bool = False

    def text(self, measure: str) -> str:
        """The goal with the published figures, empty where there is neither."""
        goal = f">= {self.goals[measure]:g}" if measure in self.goals else ""
        others = ", ".join(f"{name} {of[measure]:g}" for name, of in self.published.items() if measure in of)
        return " ".join([goal, f"({others})" if others else ""]).strip()

    def reached(self, measure: str, value: float) -> bool | None:
        """Whether the goal is reached, None where there is none."""
        return None if self.quick or measure not in self.goals else value >= self.goals[measure]


def figures(name: str, won: npt.NDArray[np.bool_], score: Floats, aims: Aims, seed: int = 0) -> list[Measure]:
    """ROC AUC, PR AUC (average precision) and lift at 20 % of one score, one row a lead.

    Intervals are the middle 95 % of `DRAWS` bootstrap draws of leads, the same for every score of the same leads.
    """
    rng, n, draws = np.random.default_rng(seed), len(won), QUICK_DRAWS if aims.quick else DRAWS
    drawn: dict[str, list[Floats]] = {ROC: [], PR: [], LIFT: []}
    for begin in range(0, draws, BLOCK):
        times = rng.multinomial(n, np.full(n, 1 / n), min(BLOCK, draws - begin)).astype(float)
        for measure, of_block in _measures(won, score, times).items():
            drawn[measure].append(of_block)
    found = _measures(won, score, np.ones((1, n)))
    made = []
    for measure, values in drawn.items():
        value = float(found[measure][0])
        low, high = np.nanquantile(np.concatenate(values), (0.025, 0.975))
        aim, reached = aims.text(measure), aims.reached(measure, value)
        made.append(Measure(name, value, measure, float(low), float(high), aim, reached))
    return made


def _measures(won: npt.NDArray[np.bool_], score: Floats, times: Floats) -> dict[str, Floats]:
    return {
        ROC: metrics.roc_auc(won, score, times),
        PR: metrics.average_precision(won, score, times),
        LIFT: lift(won, score, times),
    }


def lift(won: npt.NDArray[np.bool_], score: Floats, times: Floats, share: float = SHARE) -> Floats:
    """The win rate of the best ``share`` of the leads over that of all, for each draw (row) of ``times``.

    Leads of equal score that the share cuts through count in part, as if drawn by lot.

    >>> lift(np.array([True, False, True, False]), np.array([3.0, 2.0, 1.0, 1.0]), np.ones((1, 4)), share=0.5)
    array([1.])
    """
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    leads = np.cumsum(times[:, order], axis=1)[:, last]
    wins = np.cumsum(times[:, order] * won[order], axis=1)[:, last]
    found = np.empty(len(times))
    for draw, (upto, so_far) in enumerate(zip(leads, wins)):
        taken = np.interp(share * upto[-1], np.append(0.0, upto), np.append(0.0, so_far))
        found[draw] = taken / share / so_far[-1] if so_far[-1] else np.nan
    return found
