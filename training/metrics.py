"""How good a score is, for many weightings of the same rows at once: the bootstrap's inner loop.

Every measure takes ``y`` (rows; true or 1 where the snapshot was won), ``score`` or ``probability`` (rows) and
``weights`` (draws x rows, or rows for a single draw) and returns one number per draw. A weight of 3 is the same
as three equal rows, rows of equal score are one step whatever their order, and a draw on which a measure is
not defined (no row, one class only, perfect separation) is NaN without a warning.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
BINS = 10
CERTAIN = 1e-9  # probabilities are kept this far from 0 and 1 before their logit is taken
NEWTON_STEPS = 40
LONGEST_STEP = 5.0  # in logits, at the row that moves most


def by_score(y: npt.ArrayLike, score: npt.ArrayLike, weights: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """The distinct scores, ascending, and the weight won and not won at each: ``(k,), (draws, k), (draws, k)``.

    A missing score (NaN) stands below every other. Rows that come sorted by score are not copied.

    >>> by_score([1, 0, 1], [0.7, 0.2, 0.2], [1, 1, 2])
    (array([0.2, 0.7]), array([[2., 1.]]), array([[1., 0.]]))
    """
    score = np.asarray(score, np.float64)
    score = np.where(np.isnan(score), -np.inf, score)
    y, weights = np.asarray(y, np.float64), np.atleast_2d(np.asarray(weights, np.float64))
    if (score[1:] < score[:-1]).any():
        order = np.argsort(score, kind="stable")
        y, score, weights = y[order], score[order], weights[:, order]
    won = weights * y
    lost = weights - won
    begin = np.flatnonzero(np.append(len(score) > 0, score[1:] != score[:-1]))
    if len(begin) < len(score):
        won, lost = np.add.reduceat(won, begin, axis=1), np.add.reduceat(lost, begin, axis=1)
    return score[begin], won, lost


def roc_auc(y: npt.ArrayLike, score: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """The chance that a won row scores above one not won, a tie counting half: ``(draws,)``.

    >>> roc_auc([0, 1, 1, 0], [1, 2, 3, 2], [1, 1, 1, 1])
    array([0.875])
    """
    _, won, lost = by_score(y, score, weights)
    below = np.cumsum(lost, axis=1) - lost / 2
    return ratio((won * below).sum(axis=1), won.sum(axis=1) * lost.sum(axis=1))


def average_precision(y: npt.ArrayLike, score: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """The precision at each distinct score, averaged over the gain in recall: ``(draws,)``.

    The step-wise sum without interpolation; the expected value of a random score is the base rate.

    >>> average_precision([0, 1, 1, 0], [1, 2, 4, 3], [1, 1, 1, 1])
    array([0.83333333])
    """
    _, won, lost = by_score(y, score, weights)
    won, lost = won[:, ::-1], lost[:, ::-1]
    caught = np.cumsum(won, axis=1)
    precision = np.divide(
        caught, caught + np.cumsum(lost, axis=1), out=np.zeros_like(caught), where=caught > 0
    )
    return ratio((won * precision).sum(axis=1), won.sum(axis=1))


def brier_skill(y: npt.ArrayLike, probability: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """1 - Brier score / Brier score of always saying the weighted base rate: ``(draws,)``.

    1 is perfect, 0 no better than the base rate, below 0 worse.

    >>> brier_skill([0, 1], [0.25, 0.75], [1, 1])
    array([0.75])
    """
    value, won, lost = by_score(y, probability, weights)
    error = (won * (1 - value) ** 2 + lost * value**2).sum(axis=1)
    wins, losses = won.sum(axis=1), lost.sum(axis=1)
    return 1 - ratio(error * (wins + losses), wins * losses)


def observed_expected(y: npt.ArrayLike, probability: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Wins over the wins that the probabilities add up to: ``(draws,)``; 1 is right, above 1 too few foretold.

    >>> observed_expected([0, 1, 1], [0.5, 0.5, 0.6], [1, 1, 1])
    array([1.25])
    """
    value, won, lost = by_score(y, probability, weights)
    return ratio(won.sum(axis=1), ((won + lost) * value).sum(axis=1))


def calibration_error(y: npt.ArrayLike, probability: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """The mean gap between foretold and observed over `BINS` bins of equal weight (ECE): ``(draws,)``.

    Rows of equal probability share the bin in which the middle of their weight falls.

    >>> calibration_error([0, 1], [0.1, 0.8], [1, 1]).round(3)
    array([0.15])
    """
    value, won, lost = by_score(y, probability, weights)
    mass = won + lost
    whole = mass.sum(axis=1)
    middle = np.cumsum(mass, axis=1) - mass / 2
    place = ratio(middle * BINS, np.broadcast_to(whole[:, None], mass.shape), empty=0.0)
    place = np.minimum(
        (place + 1e-9).astype(np.int64), BINS - 1
    )  # a middle on an edge must not hang on rounding
    place += BINS * np.arange(len(mass))[:, None]
    gap = np.bincount(place.ravel(), (won - mass * value).ravel(), minlength=BINS * len(mass))
    return ratio(np.abs(gap).reshape(-1, BINS).sum(axis=1), whole)


def calibration(y: npt.ArrayLike, probability: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Slope and intercept of the logistic regression of ``y`` on the logit of the probability: ``(draws, 2)``.

    1 and 0 are right; a slope below 1 says that the probabilities are too extreme (Cox 1958). Newton's method
    from the fit to all draws together; NaN where no finite answer exists.

    >>> calibration([0, 0, 1, 0, 1, 1], [0.2, 0.2, 0.2, 0.8, 0.8, 0.8], [1] * 6).round(3)
    array([[0.5, 0. ]])
    """
    value, won, lost = by_score(y, probability, weights)
    value = np.clip(value, CERTAIN, 1 - CERTAIN)
    logit = np.log(value / (1 - value))
    null = np.zeros((1, 2))
    start = _newton(logit, won.sum(axis=0, keepdims=True), lost.sum(axis=0, keepdims=True), null)
    return _newton(logit, won, lost, start if np.isfinite(start).all() else null)


def _newton(logit: Floats, won: Floats, lost: Floats, start: Floats) -> Floats:
    """Per draw the slope and intercept of greatest likelihood, NaN where Newton's steps do not settle."""
    answer = np.full((len(won), 2), np.nan)
    two_classes = (won.sum(axis=1) > 0) & (lost.sum(axis=1) > 0)
    todo = np.flatnonzero(two_classes)
    fit, won, mass = np.repeat(start, len(todo), axis=0), won[todo], won[todo] + lost[todo]
    furthest = np.abs(logit).max(initial=1.0)
    for _ in range(NEWTON_STEPS):
        step = _newton_step(logit, won, mass, fit)
        length = np.abs(step[:, 1]) + np.abs(step[:, 0]) * furthest
        fit = fit + step * np.minimum(1.0, LONGEST_STEP / np.maximum(length, LONGEST_STEP))[:, None]
        settled = length < 1e-9
        answer[todo[settled]] = fit[settled]
        going = ~settled & np.isfinite(length)
        if not going.any():
            break
        if not going.all():
            todo, fit, won, mass = todo[going], fit[going], won[going], mass[going]
    return answer


def _newton_step(logit: Floats, won: Floats, mass: Floats, fit: Floats) -> Floats:
    """The inverse information times the gradient, per draw; NaN where the information is singular."""
    chance = 0.5 + 0.5 * np.tanh(0.5 * (fit[:, 1:] + fit[:, :1] * logit))
    gap = won - mass * chance
    spread = mass * chance * (1 - chance)
    up, across = gap.sum(axis=1), gap @ logit
    flat, mixed, steep = spread.sum(axis=1), spread @ logit, spread @ logit**2
    determinant = flat * steep - mixed**2
    determinant[determinant <= 1e-10 * flat * steep] = np.nan
    step: Floats = np.column_stack([flat * across - mixed * up, steep * up - mixed * across])
    step /= determinant[:, None]
    return step


def ratio(above: Floats, below: Floats, empty: float = np.nan) -> Floats:
    """``above / below``, and ``empty`` where ``below`` is not positive.

    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    out: Floats = np.divide(above, below, out=np.full(np.shape(below), empty), where=below > 0)
    return out
