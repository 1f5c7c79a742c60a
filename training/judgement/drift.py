"""Whether the scores of the judged windows look like those of the time before: the population stability index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.bootstrap import Accounts, interval, redrawn
from training.dataset import Dataset
from training.judgement.judge import MODEL, Trial
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
            by = Accounts.numbered(account[np.append(trial.before.lead[then], trial.rows.lead[now])])
            place = np.searchsorted(edges, np.append(trial.before_score[then], score[now]), side="right")
            earlier = by[: len(then)].binned(place[: len(then)], trial.before.weight[then], BINS)
            later = by[len(then) :].binned(place[len(then) :], np.ones(len(now)), BINS)
            drawn = [psi(times @ earlier, times @ later) for times in redrawn(by.count, draws, seed, BLOCK)]
            values = np.concatenate(drawn)
            found.append(Drift(cut, float(values[0]), *interval(values[1:])))
    return found


def psi(expected: Floats, actual: Floats) -> Floats:
    """``sum((a - e) ln(a / e))`` over the last axis, after both were made shares; NaN where one side is empty.

    >>> psi(np.array([1.0, 1.0]), np.array([3.0, 1.0])).round(3)
    np.float64(0.275)
    """
    e, a = (np.maximum(ratio(x, x.sum(axis=-1, keepdims=True) + 0 * x), LEAST) for x in (expected, actual))
    index: Floats = ((a - e) * np.log(a / e)).sum(axis=-1)
    return index
