"""The one fitting step that the linear voice and the blend share: weighted logistic regression within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]
Bounds = Sequence[tuple[float | None, float | None]]


class Fit(NamedTuple):
    """``logit = intercept + (columns - mean) @ beta``, in the columns' own units."""

    intercept: float
    beta: Floats
    mean: Floats


def fit(
    columns: Floats, y: Floats, weight: Floats, ridge: float, bounds: Bounds, prior: float | Floats = 0.0
) -> Fit:
    """The least of weighted log-loss + ``ridge / 2 * |standardised (beta - prior)|^2``, coefficients within bounds.

    ``columns`` (n, k), ``y`` (n,) 0 or 1, ``weight`` (n,) positive, ``prior`` one number or one a column, in the
    columns' own units. The intercept is free; bounds are 0 or None, so that they mean the same on standardised
    columns. A column that never varies gets 0. The objective is convex: L-BFGS-B (Zhu, Byrd, Lu and Nocedal 1997)
    finds its one minimum from any start.

    >>> found = fit(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]), np.ones(2), 1.0, [(0, None)])
    >>> found.beta.round(3).tolist(), found.mean.tolist()
    ([1.35], [0.5])
    """
    from scipy.optimize import minimize  # a process that scores fits nothing, and begins without it

    total = weight.sum()
    mean = (weight[:, np.newaxis] * columns).sum(axis=0) / total
    spread = np.sqrt((weight[:, np.newaxis] * (columns - mean) ** 2).sum(axis=0) / total)
    constant = spread <= 1e-9 * np.abs(mean)
    expected = np.where(constant, 0.0, prior * spread)
    spread[constant] = np.inf
    Z = (columns - mean) / spread

    def loss(point: Floats) -> tuple[float, Floats]:
        logit = point[0] + Z @ point[1:]
        error = weight * (expit(logit) - y)
        apart = point[1:] - expected
        value = (weight * (np.logaddexp(0, logit) - y * logit)).sum() + ridge / 2 * apart @ apart
        return value / total, np.concatenate([[error.sum()], error @ Z + ridge * apart]) / total

    options = {"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-9}
    start, within = np.zeros(columns.shape[1] + 1), [(None, None), *bounds]
    point = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=within, options=options).x
    return Fit(float(point[0]), point[1:] / spread, mean)
