"""Whether the scores of the judged windows look like those of the time before: the population stability index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.bootstrap import interval, redrawn
from training.dataset import Dataset
from training.judgement.judge import MODEL, Trial
from training.judgement.replay import Ints
from training.metrics import Floats, ratio

BINS = 10
LEAST = 1e-4  # of a share, so that an empty bin has a logarithm
DRAWS = 500
BLOCK = 100


@dataclass(frozen=True)
class Drift:
    """The index of one window's scores against those of as long a time before it, with its 95 % interval."""

    cut: int
    value: float
    low: float
    high: float


def drift(data: Dataset, trial: Trial, draws: int = DRAWS, seed: int = 0) -> list[Drift]:
    """Per window the stability index of the model's scores; a window with nothing before it is left out.

    Both sides are leads of accounts that the scorer did not see, so what differs is the time. Below .1 nothing to
    speak of has moved, from .2 on the scores are another population's. Intervals are a bootstrap over accounts.
    """
    account, score = data.timelines.account, trial.score[MODEL]
    found = []
    for o, cut in enumerate(trial.cuts):
        now, then = np.flatnonzero(trial.origin == o), np.flatnonzero(trial.before_origin == o)
        if len(now) and len(then):
            edges = np.quantile(trial.before_score[then], np.arange(1, BINS) / BINS)
            names, owner = np.unique(
                np.append(account[trial.before.lead[then]], account[trial.rows.lead[now]]),
                return_inverse=True,
            )
            earlier = _binned(
                owner[: len(then)], trial.before_score[then], trial.before.weight[then], edges, len(names)
            )
            later = _binned(owner[len(then) :], score[now], np.ones(len(now)), edges, len(names))
            drawn = [psi(times @ earlier, times @ later) for times in redrawn(len(names), draws, seed, BLOCK)]
            values = np.concatenate(drawn)
            found.append(Drift(cut, float(values[0]), *interval(values[1:])))
    return found


def _binned(owner: Ints, score: Floats, weight: Floats, edges: Floats, n: int) -> Floats:
    """The weight of each account's rows in each bin, ``(n, BINS)``."""
    cell = owner * BINS + np.searchsorted(edges, score, side="right")
    return np.bincount(cell, weight, n * BINS).reshape(n, BINS).astype(np.float64)


def psi(expected: Floats, actual: Floats) -> Floats:
    """``sum((a - e) ln(a / e))`` over the last axis, after both were made shares; NaN where one side is empty.

    >>> psi(np.array([1.0, 1.0]), np.array([3.0, 1.0])).round(3)
    np.float64(0.275)
    """
    e, a = (np.maximum(ratio(x, x.sum(axis=-1, keepdims=True) + 0 * x), LEAST) for x in (expected, actual))
    index: Floats = ((a - e) * np.log(a / e)).sum(axis=-1)
    return index
