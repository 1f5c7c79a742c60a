"""The second voice: a ridge logistic regression that keeps to the vocabulary's directions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from lead_readiness import evidence, logistic
from lead_readiness.errors import DataError, ModelError
from lead_readiness.evidence import Floats, Matrix

STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3)
"""What `choose_strength` tries, from the firmest ridge to the loosest."""


@dataclass(frozen=True)
class Linear:
    """``intercept + sum of beta * (shape(x) - mean)``: one number per feature in each array.

    ``shape(x)`` is x held within ``low`` and ``high``, then, where ``logarithm``, the signed ``log(1 + |x|)``. Every
    step keeps the order of x, so that a direction of the coefficient is a direction of the feature.
    """

    beta: Floats
    mean: Floats
    low: Floats
    high: Floats
    logarithm: npt.NDArray[np.bool_]
    intercept: Floats

    @property
    def base(self) -> float:
        """The logit from which the features move a row."""
        return float(self.intercept)

    def contributions(self, X: Matrix) -> tuple[float, Floats]:
        """The intercept, and what each feature (column) moves each row (row) from it, in log-odds.

        ``logit = base + phi.sum(axis=1)``. Each value is computed by itself, so a row's numbers do not depend on
        the other rows. No rows give (0, p). Raises ModelError when ``X`` has other columns or holds NaN.
        """
        phi = np.empty(X.shape)
        self.explain(X, phi)
        return self.base, phi

    def explain(self, X: Matrix, phi: Floats) -> None:
        """Fill ``phi`` in with the contributions."""
        rows = np.ascontiguousarray(X)
        fits = rows.ndim == 2 and rows.shape[1] == len(self.beta)
        if not fits or _move(rows, self.low, self.high, self.logarithm, self.mean, self.beta, phi):
            raise ModelError(
                f"the linear model was given features of shape {X.shape}, NaN: {bool(np.isnan(X).any())}; expected "
                f"shape (rows, {len(self.beta)}) without NaN"
            )

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The fields as arrays, for an ``.npz`` file."""
        return asdict(self)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Linear:
        """The voice from what `arrays` gave; ModelError when a field is absent, not finite or of another length."""
        wanted = [field.name for field in fields(cls)]
        absent = sorted(set(wanted) - set(arrays))
        if absent:
            raise ModelError(f"the linear model's file has no {absent[0]!r}; restore it or train again")
        found = {name: np.array(arrays[name]) for name in wanted}
        shapes = {name: (() if name == "intercept" else found["beta"].shape) for name in wanted}
        for name, array in found.items():
            if array.shape != shapes[name] or not np.isfinite(array).all():
                raise ModelError(
                    f"the linear model's {name!r} has shape {array.shape} or holds NaN; expected finite numbers of "
                    f"shape {shapes[name]}; restore it or train again"
                )
        return cls(**found)


def fit(
    X: Matrix,
    y: Floats,
    weight: Floats,
    directions: npt.NDArray[np.int8],
    names: Sequence[str],
    strength: float = 0.003,
) -> Linear:
    """The coefficients that minimise weighted log-loss + ``|coefficients|^2 / (2 strength)``.

    Arguments as in `evidence.check`, which refuses bad rows with DataError; ``strength`` is scikit-learn's ``C``.
    The penalty is on coefficients of standardised columns; one of direction 1 is held at or above 0, one of
    -1 at or below. A column that never varies gets 0. The intercept is the logit at the columns' means.

    >>> views = np.array([[0], [1], [5], [9]], np.float32)
    >>> won, weight, up = np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4), np.ones(1, np.int8)
    >>> voice = fit(views, won, weight, up, ["pricing views"], strength=1.0)
    >>> base, phi = voice.contributions(views)
    >>> (base + phi.sum(axis=1)).round(1).tolist()
    [-1.3, -0.6, 0.6, 1.2]
    """
    evidence.check(X, y, weight, directions, names)
    low, high, logarithm = _learn_shape(X)
    bounds = [(0 if way > 0 else None, 0 if way < 0 else None) for way in directions.tolist()]
    plain = Linear(np.ones(len(low)), np.zeros(len(low)), low, high, logarithm, np.array(0.0))
    _, shaped = plain.contributions(X)
    found = logistic.fit(shaped, y, weight, 1 / strength, bounds)
    return replace(plain, beta=found.beta, mean=found.mean, intercept=np.array(found.intercept))


def choose_strength(
    X: Matrix,
    y: Floats,
    weight: Floats,
    directions: npt.NDArray[np.int8],
    names: Sequence[str],
    groups: npt.NDArray[Any],
    seed: int = 0,
) -> float:
    """The member of `STRENGTHS` with the least weighted log-loss on held-out groups (accounts), in four folds.

    ``groups`` (n,) names each row's account: an account is never on both sides. Raises DataError when there are
    too few groups for each side of a fold to hold wins and losses.
    """
    _, group = np.unique(groups, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(group.max() + 1)[group] % 4
    losses = np.zeros(len(STRENGTHS))
    for held in (fold == number for number in range(4)):
        if len(np.unique(y[~held])) < 2 or not held.any():
            raise DataError(
                f"found {group.max() + 1} groups of rows, {int(y.sum())} rows won; expected enough of both for "
                "three quarters of the groups to learn from; give `strength` instead"
            )
        for place, strength in enumerate(STRENGTHS):
            voice = fit(X[~held], y[~held], weight[~held], directions, names, strength)
            base, phi = voice.contributions(X[held])
            logit = base + phi.sum(axis=1)
            losses[place] += (weight[held] * (np.logaddexp(0, logit) - y[held] * logit)).sum()
    return STRENGTHS[int(losses.argmin())]


def _learn_shape(X: Matrix) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Each column's 0.5 and 99.5 percentiles among rows that are not at its median, and whether to take its log.

    Leaving the median out keeps a rare event alive: of a count that is 0 in 99.9 % of rows the percentiles of
    all rows would make a constant. Columns within [-1, 1] (flags, shares) are taken as they are.
    """
    low, high = np.empty(X.shape[1]), np.empty(X.shape[1])
    for column, usual in enumerate(np.median(X, axis=0)):
        others = X[X[:, column] != usual, column]
        bounds = np.quantile(others, (0.005, 0.995), method="nearest") if len(others) else (usual, usual)
        low[column], high[column] = min(bounds[0], usual), max(bounds[1], usual)
    return low, high, np.maximum(np.abs(low), np.abs(high)) > 1


@njit(cache=True, nogil=True)
def _move(
    X: Matrix,
    low: Floats,
    high: Floats,
    logarithm: npt.NDArray[np.bool_],
    mean: Floats,
    beta: Floats,
    phi: Floats,
) -> bool:
    """Fill in what each feature moves each row; whether some feature was NaN."""
    missing = False
    for row in range(X.shape[0]):
        for column in range(X.shape[1]):
            value = X[row, column]
            missing |= np.isnan(value)
            held = min(max(float(value), low[column]), high[column])
            if logarithm[column]:
                held = math.copysign(math.log1p(abs(held)), held)
            phi[row, column] = (held - mean[column]) * beta[column]
    return missing
