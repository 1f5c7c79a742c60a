"""What a learned voice is taught with: one row per snapshot, checked before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lead_readiness.errors import DataError

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


def check(
    X: Matrix, y: Floats, weight: Floats, directions: npt.NDArray[np.int8], names: Sequence[str]
) -> None:
    """Nothing, when a voice can learn from the rows; DataError, naming what is wrong, when it cannot.

    ``X`` (n, p) holds the features ``names``, ``directions`` (p,) is 1, -1 or 0 per feature; ``y`` (n,) is 1
    where the lead was won within the horizon and else 0, ``weight`` (n,) how much each row counts.

    >>> check(np.zeros((2, 1), np.float32), np.zeros(2), np.ones(2), np.zeros(1, np.int8), ["views"])
    Traceback (most recent call last):
        ...
    lead_readiness.errors.DataError: found 2 rows, 0 of them won; expected some won and some not; train on a ...
    """
    shapes = X.shape, y.shape, weight.shape, directions.shape
    expected = (len(X), len(names)), (len(X),), (len(X),), (len(names),)
    if shapes != expected:
        raise DataError(
            f"the training rows have features {X.shape}, labels {y.shape}, weights {weight.shape} and directions "
            f"{directions.shape}; expected one label and weight per row, one direction for each of {len(names)} names"
        )
    broken = np.flatnonzero(~np.isfinite(X).all(axis=0))
    if len(broken):
        row = int(np.flatnonzero(~np.isfinite(X[:, broken[0]]))[0])
        raise DataError(
            f"feature {names[broken[0]]!r}, row {row}: found {X[row, broken[0]]}; expected a finite number; "
            "fill what is missing when the feature is made"
        )
    check_labels(y, weight)


def check_labels(y: Floats, weight: Floats) -> None:
    """Nothing, when labels are 0 and 1, both present, and weights positive; else DataError."""
    won = int((y == 1).sum())
    if won + int((y == 0).sum()) != len(y):
        raise DataError("found labels other than 0 and 1; leave censored snapshots out before training")
    if won in (0, len(y)):
        raise DataError(
            f"found {len(y)} rows, {won} of them won; expected some won and some not; train on a longer period"
        )
    if not (np.isfinite(weight).all() and weight.min() > 0):
        raise DataError(
            "found a weight that is not a positive number; expected 1/m for a lead with m snapshots"
        )
