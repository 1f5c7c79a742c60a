"""How good a score is, for many weightings of the same rows at once: the bootstrap's inner loop.

Every measure takes ``y`` (rows; true or 1 where the snapshot was won), ``score`` or ``probability`` (rows) and
``weights`` (draws x rows, or rows for a single draw) and returns one number per draw. A weight of 3 is the same
as three equal rows, rows of equal score are one step whatever their order, and a draw on which a measure is
not defined (no row, one class only, perfect separation) is NaN without a warning.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BINS = 10
CERTAIN = 1e-9  # probabilities are kept this far from 0 and 1 before their logit is taken
GRAIN = (
    1000  # logits are rounded to 1/1000 for the fit: many fewer distinct values, the slope the same to 1e-4
)
NEWTON_STEPS = 40
LONGEST_STEP = 5.0  # in logits, at the row that moves most


def roc_auc(y: npt.ArrayLike, score: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """The chance that a won row scores above one not won, a tie counting half: ``(draws,)``.

    A missing score (NaN) stands below every other.

    >>> roc_auc([0, 1, 1, 0], [1, 2, 3, 2], [1, 1, 1, 1])
    array([0.875])
    """
    won, _, begin, by_draw = _sorted(y, score, weights)
    out = np.empty(len(by_draw))
    kernel.roc_auc(won, begin, by_draw, out)
    return out


def average_precision(y: npt.ArrayLike, score: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """The precision at each distinct score, averaged over the gain in recall: ``(draws,)``.

    The step-wise sum without interpolation; about the base rate for a score that knows nothing. A missing score
    (NaN) stands below every other.

    >>> average_precision([0, 1, 1, 0], [1, 2, 4, 3], [1, 1, 1, 1])
    array([0.83333333])
    """
    won, _, begin, by_draw = _sorted(y, score, weights)
    out = np.empty(len(by_draw))
    kernel.average_precision(won, begin, by_draw, out)
    return out


def brier_skill(y: npt.ArrayLike, probability: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """1 - Brier score / Brier score of always saying the weighted base rate: ``(draws,)``.

    1 is perfect, 0 no better than the base rate, below 0 worse.

    >>> brier_skill([0, 1], [0.25, 0.75], [1, 1])
    array([0.75])
    """
    won, value = np.asarray(y, np.float64), np.asarray(probability, np.float64)
    error, wins, losses = _totals(weights, (won - value) ** 2, won, 1 - won)
    return 1 - ratio(error * (wins + losses), wins * losses)


def observed_expected(y: npt.ArrayLike, probability: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Wins over the wins that the probabilities add up to: ``(draws,)``; above 1 says too few were foretold.

    >>> observed_expected([0, 1, 1], [0.5, 0.5, 0.6], [1, 1, 1])
    array([1.25])
    """
    wins, foretold = _totals(weights, np.asarray(y, np.float64), np.asarray(probability, np.float64))
    return ratio(wins, foretold)


def calibration_error(y: npt.ArrayLike, probability: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """The mean gap between foretold and observed over `BINS` bins of equal weight (ECE): ``(draws,)``.

    Rows of equal probability share the bin in which the middle of their weight falls.

    >>> calibration_error([0, 1], [0.1, 0.8], [1, 1]).round(3)
    array([0.15])
    """
    won, value, begin, by_draw = _sorted(y, probability, weights)
    out = np.empty(len(by_draw))
    kernel.calibration_error(won, value, begin, by_draw, BINS, out)
    return out


def calibration(y: npt.ArrayLike, probability: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Slope and intercept of the logistic regression of ``y`` on the logit of the probability: ``(draws, 2)``.

    1 and 0 are right; a slope below 1 says that the probabilities are too extreme (Cox 1958). Newton's method
    from the fit to all draws together; NaN where no finite answer exists.

    >>> calibration([0, 0, 1, 0, 1, 1], [0.2, 0.2, 0.2, 0.8, 0.8, 0.8], [1] * 6).round(3) + 0.0
    array([[0.5, 0. ]])
    """
    value = np.clip(np.asarray(probability, np.float64), CERTAIN, 1 - CERTAIN)
    rounded = np.round(np.log(value / (1 - value)) * GRAIN) / GRAIN
    won, logit, begin, by_draw = _sorted(y, rounded, weights)
    limits = (NEWTON_STEPS, LONGEST_STEP)
    pooled, out = np.empty((1, 2)), np.empty((len(by_draw), 2))
    kernel.calibration(won, logit, begin, by_draw.sum(axis=0, keepdims=True), np.zeros(2), *limits, pooled)
    kernel.calibration(won, logit, begin, by_draw, np.nan_to_num(pooled[0]), *limits, out)
    return out


def ratio(above: Floats, below: Floats, empty: float = np.nan) -> Floats:
    """``above / below``, and ``empty`` where ``below`` is not positive.

    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    out: Floats = np.divide(above, below, out=np.full(np.shape(below), empty), where=below > 0)
    return out


def _sorted(
    y: npt.ArrayLike, score: npt.ArrayLike, weights: npt.ArrayLike
) -> tuple[Floats, Floats, Ints, Floats]:
    """The same by ascending score, and where each distinct score begins; nothing is copied that is in order."""
    won, value = np.asarray(y, np.float64), np.asarray(score, np.float64)
    by_draw = np.atleast_2d(np.asarray(weights, np.float64))
    if np.isnan(value).any():
        value = np.where(np.isnan(value), -np.inf, value)
    if (value[1:] < value[:-1]).any():
        order = np.argsort(value, kind="stable")
        won, value, by_draw = won[order], value[order], by_draw[:, order]
    begin = np.flatnonzero(np.append(len(value) > 0, value[1:] != value[:-1]))
    return won, value, np.append(begin, len(value)), np.ascontiguousarray(by_draw)


def _totals(weights: npt.ArrayLike, *columns: Floats) -> Floats:
    """The weighted sum of each column, ``(columns, draws)``."""
    total: Floats = (np.atleast_2d(np.asarray(weights, np.float64)) @ np.column_stack(columns)).T
    return total
