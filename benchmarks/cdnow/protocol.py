"""Customers by what they bought until 30 September 1997: who buys in the nine months after it.

Five folds over customers: each is scored by a scorer learned from the other four. Beside it the rules of recency and
frequency and, where its package is installed, BG/NBD (Fader, Hardie and Lee 2005), which is fitted to every customer's
purchases until that day and sees no later one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.measure import Measure
from benchmarks.one_moment import SEED, dataset, said_by_all
from benchmarks.ranking import ROC, Aims, figures
from lead_readiness import snapshots
from lead_readiness.snapshots import POSITIVE
from training.dataset import Dataset
from training.fit import fit

FILE = "CDNOW_master.txt.gz"
LAST = pd.Timestamp("1997-09-30", tz="UTC")
NOON = pd.Timedelta(12, "h")
DAYS_AFTER = 273
"""Days from the end of `LAST` to the end of the log, 30 June 1998."""
FOLDS = 5
QUICK = 12
"""A quick look takes every twelfth customer."""
GOALS = {ROC: 0.775}
PUBLISHED = {
    "LightGBM": {ROC: 0.771},
    "recency rule": {ROC: 0.759},
    "frequency rule": {ROC: 0.753},
}
Scores = dict[str, npt.NDArray[np.float64]]


def measure(folder: Path, quick: bool, say: Callable[[str], None]) -> list[Measure]:
    """The blend, its voices and the peers on all customers."""
    say("cdnow: reading purchases")
    purchases = read(folder, QUICK if quick else 1)
    data = prepared(purchases)
    won, scores = scored(data, say)
    scores |= peers(purchases, data.timelines.lead_ids, say)
    made = figures("cdnow", won, scores.pop("ours"), Aims(GOALS, PUBLISHED, quick))
    for name, score in scores.items():
        made += figures(f"cdnow, {name} alone", won, score, Aims(quick=quick))
    return made


def read(folder: Path, every: int = 1) -> pd.DataFrame:
    """The purchases [lead_id, occurred_at, value, discs] of every so-manieth customer."""
    found = pd.read_csv(folder / FILE, sep=r"\s+", dtype={"customer_id": str, "date": str})
    found = found[found["customer_id"].isin(found["customer_id"].unique()[::every])]
    at = pd.to_datetime(found["date"], format="%Y%m%d", utc=True) + NOON
    return pd.DataFrame(
        {
            "lead_id": found["customer_id"],
            "occurred_at": at,
            "value": found["dollar_value"],
            "discs": found["number_of_cds"],
        }
    )


def prepared(purchases: pd.DataFrame) -> Dataset:
    """The customers as a data set with the one instant at which `LAST` is over; later purchases are outcomes alone."""
    before = purchases[purchases["occurred_at"] < end_of_history()]
    after = purchases[purchases["occurred_at"] >= end_of_history()]
    leads = before.groupby("lead_id")["occurred_at"].min().rename("created_at").reset_index()
    first = after.groupby("lead_id")["occurred_at"].min().rename("decided_at").reset_index()
    outcomes = first[first["lead_id"].isin(leads["lead_id"])].assign(outcome="won")
    instant = np.array([end_of_history().tz_localize(None)], "datetime64[us]").astype(np.int64)
    return dataset(Path(__file__).parent, leads, events_of(before), outcomes, instant)


def events_of(purchases: pd.DataFrame) -> pd.DataFrame:
    """An event for each purchase, with its dollars, and one for each disc in it."""
    discs = purchases.loc[purchases.index.repeat(purchases["discs"])].assign(kind="disc", value=np.nan)
    events = pd.concat([purchases.assign(kind="purchase"), discs]).drop(columns="discs")
    return events.assign(event_id=[f"{row:06d}" for row in range(len(events))])


def end_of_history() -> pd.Timestamp:
    """The moment at which all customers are looked at."""
    return LAST + pd.Timedelta(1, "D")


def scored(data: Dataset, say: Callable[[str], None]) -> tuple[npt.NDArray[np.bool_], Scores]:
    """Who bought again, and what is said of each customer by the blend and the voices that did not see them."""
    rows = snapshots.on_grid(data.timelines, data.project, data.instants, data.horizon)
    folds = data.account_folds(FOLDS)
    scores: Scores = {}
    for k in range(FOLDS):
        say(f"cdnow: fold {k + 1} of {FOLDS}")
        scorer = fit(data, data.timelines.cut, folds != k, SEED)
        own = np.flatnonzero(folds[data.timelines.account[rows.lead]] == k)
        for name, said in said_by_all(scorer, data.timelines, rows[own]).items():
            scores.setdefault(name, np.empty(len(rows)))[own] = said
    return rows.label == POSITIVE, scores


def peers(purchases: pd.DataFrame, customers: npt.NDArray[np.object_], say: Callable[[str], None]) -> Scores:
    """Recency, frequency and, where `lifetimes` is installed, BG/NBD's expected purchases, in the customers' order."""
    before = purchases[purchases["occurred_at"] < end_of_history()]
    day = before["occurred_at"].dt.normalize()
    by = day.groupby(before["lead_id"]).agg(["min", "max", "nunique"]).reindex(customers)
    ago, age = ((LAST - by[end]).dt.days.to_numpy(float) for end in ("max", "min"))
    repeats = by["nunique"].to_numpy(float) - 1
    found = {"recency": -ago, "frequency": repeats}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas, about an option that the package sets
            from lifetimes import BetaGeoFitter  # type: ignore[import-not-found]
    except ImportError:
        say("cdnow: BG/NBD left out, lifetimes is not installed (extra `bench`)")
        return found
    say("cdnow: BG/NBD")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy, about steps of its optimiser
        fitted = BetaGeoFitter().fit(repeats, age - ago, age)
        expected = fitted.conditional_expected_number_of_purchases_up_to_time(
            DAYS_AFTER, repeats, age - ago, age
        )
    return {**found, "BG/NBD": np.asarray(expected, float)}
