"""The measures that must walk the rows, draw by draw: plain loops, compiled, over rows sorted by score.

``begin`` holds where each distinct score begins, and the number of rows at its end; ``y`` is 1 where won;
``weights`` has one row per draw; answers are written to ``out``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def roc_auc(y: Floats, begin: Ints, weights: Floats, out: Floats) -> None:
    """Writes the share of (won, lost) pairs in which the won row scores higher, ties counting half."""
    for d in range(len(weights)):
        won, lost, pairs = 0.0, 0.0, 0.0
        for g in range(len(begin) - 1):
            here_won, here_lost = 0.0, 0.0
            for i in range(begin[g], begin[g + 1]):
                here_won += weights[d, i] * y[i]
                here_lost += weights[d, i] * (1.0 - y[i])
            pairs += here_won * (lost + here_lost / 2.0)
            won += here_won
            lost += here_lost
        out[d] = pairs / (won * lost) if won > 0.0 and lost > 0.0 else np.nan


@njit(cache=True, nogil=True)
def average_precision(y: Floats, begin: Ints, weights: Floats, out: Floats) -> None:
    """Writes the precision at each distinct score from the top, averaged over the gain in recall."""
    for d in range(len(weights)):
        won, whole, gain = 0.0, 0.0, 0.0
        for g in range(len(begin) - 2, -1, -1):
            here = 0.0
            for i in range(begin[g], begin[g + 1]):
                here += weights[d, i] * y[i]
                whole += weights[d, i]
            won += here
            if here > 0.0:
                gain += here * won / whole
        out[d] = gain / won if won > 0.0 else np.nan


@njit(cache=True, nogil=True)
def calibration_error(
    y: Floats, probability: Floats, begin: Ints, weights: Floats, bins: int, out: Floats
) -> None:
    """Writes the mean absolute gap over ``bins`` bins of equal weight; a distinct probability stays in one bin."""
    gaps = np.empty(bins)
    for d in range(len(weights)):
        gaps[:] = 0.0
        whole, before = 0.0, 0.0
        for i in range(len(y)):
            whole += weights[d, i]
        for g in range(len(begin) - 1):
            mass, gap = 0.0, 0.0
            for i in range(begin[g], begin[g + 1]):
                mass += weights[d, i]
                gap += weights[d, i] * (y[i] - probability[i])
            if mass > 0.0:
                middle = bins * (before + mass / 2.0) / whole
                gaps[min(int(middle + 1e-9), bins - 1)] += gap  # an edge must not hang on rounding
            before += mass
        out[d] = np.abs(gaps).sum() / whole if whole > 0.0 else np.nan


@njit(cache=True, nogil=True)
def calibration(
    y: Floats,
    logit: Floats,
    begin: Ints,
    weights: Floats,
    start: Floats,
    steps: int,
    longest: float,
    out: Floats,
) -> None:
    """Writes slope and intercept of greatest likelihood by Newton's steps from ``start``, NaN unless they settle.

    No step moves a row by more than ``longest`` logits.
    """
    out[:] = np.nan
    distinct = len(begin) - 1
    won, mass = np.empty(distinct), np.empty(distinct)
    furthest = max(1.0, np.abs(logit).max()) if len(logit) else 1.0
    for d in range(len(weights)):
        won[:], mass[:] = 0.0, 0.0
        for g in range(distinct):
            for i in range(begin[g], begin[g + 1]):
                won[g] += weights[d, i] * y[i]
                mass[g] += weights[d, i]
        slope, intercept = start[0], start[1]
        for _ in range(steps):
            up, across, flat, mixed, steep = 0.0, 0.0, 0.0, 0.0, 0.0
            for g in range(distinct):
                if mass[g] > 0.0:
                    x = logit[begin[g]]
                    chance = 1.0 / (1.0 + np.exp(-(intercept + slope * x)))
                    gap, spread = won[g] - mass[g] * chance, mass[g] * chance * (1.0 - chance)
                    up += gap
                    across += gap * x
                    flat += spread
                    mixed += spread * x
                    steep += spread * x * x
            determinant = flat * steep - mixed * mixed
            if not determinant > 1e-10 * flat * steep:  # one class, one score, or separated
                break
            by_slope = (flat * across - mixed * up) / determinant
            by_intercept = (steep * up - mixed * across) / determinant
            length = abs(by_intercept) + abs(by_slope) * furthest
            shrink = min(1.0, longest / max(length, longest))
            slope += shrink * by_slope
            intercept += shrink * by_intercept
            if length < 1e-5:  # the error left is of the order of its square
                out[d, 0], out[d, 1] = slope, intercept
                break
