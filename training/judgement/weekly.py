"""A replay instant by instant: what each policy handed off, what came of it, and what it had reached by then."""

from __future__ import annotations

import numpy as np
import pandas as pd

from training.judgement.contest import Contest
from training.judgement.replay import Ints, sums
from training.metrics import Floats, ratio

SO_FAR = ("winners_reached", "days_gained", "precision")


def course(contest: Contest, handed: Ints) -> pd.DataFrame:
    """One row an instant, indexed by its microseconds UTC, from the rows that a policy hands off.

    ``handed_off`` are the leads of that instant and ``won_in_time`` those of them that won within their horizon.
    `SO_FAR` are of all instants up to it and end at the policy's figures: the share of the whole test's winners
    reached, days gained per winner of the whole test, and the precision. NaN where nothing is divided.
    """
    rows = contest.rows
    instants = np.unique(rows.instant)
    at = np.searchsorted(instants, rows.instant[handed])
    per_lead = sums(rows, contest.leads, handed, int(rows.instant.max(initial=0)))
    winners = np.full(len(instants), per_lead[:, 0].sum())
    reached, days, known, hits = (
        np.bincount(at, per_lead[rows.lead[handed], column], len(instants)) for column in (1, 2, 5, 6)
    )
    columns: dict[str, Floats] = {
        "handed_off": np.bincount(at, minlength=len(instants)).astype(float),
        "won_in_time": hits.astype(float),
        SO_FAR[0]: ratio(reached.cumsum(), winners),
        SO_FAR[1]: ratio(days.cumsum(), winners),
        SO_FAR[2]: ratio(hits.cumsum(), known.cumsum()),
    }
    return pd.DataFrame(columns, index=instants)
