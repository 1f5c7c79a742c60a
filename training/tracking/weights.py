"""What each behaviour weighs in the scores of some leads, with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lead_readiness.scorer import Assessment
from training.bootstrap import ACCOUNTS_NEEDED, Accounts, interval, totals
from training.metrics import ratio

DRAWS, BLOCK = 1000, 100


def weights(assessed: Assessment, seed: int) -> pd.DataFrame:
    """Points a lead, by behaviour: [behaviour, mean_absolute, low, high, mean_for, mean_against].

    ``low`` and ``high`` are the ends of the 95 % interval of ``mean_absolute`` (bootstrap over accounts; none with
    fewer than 20 accounts). The heaviest behaviour comes first; all are 0 without leads.
    """
    points = assessed.by_behaviour * assessed.scorer.unit
    up, down = np.clip(points, 0, None), np.clip(points, None, 0)
    count = max(len(points), 1)
    accounts = Accounts.numbered(assessed.timelines.account[assessed.lead])
    total = totals(accounts.sums([*(up - down).T, np.ones(len(points))]), DRAWS, seed, BLOCK)
    drawn = ratio(total[1:, :-1], total[1:, -1:] + np.zeros_like(total[1:, :-1]))
    ends = [interval(column, accounts.count >= ACCOUNTS_NEEDED) for column in drawn.T]
    found = pd.DataFrame(
        {
            "behaviour": assessed.scorer.behaviours,
            "mean_absolute": (up - down).sum(axis=0) / count,
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
            "mean_for": up.sum(axis=0) / count,
            "mean_against": down.sum(axis=0) / count,
        }
    )
    return found.sort_values("mean_absolute", ascending=False, kind="stable", ignore_index=True)
