"""Calls of a bank in order of date: learned from the first, blended on the next, judged on the last.

Rows 0-27971 teach the voices, 27972-32948 the blend, 32949-41187 judge. *As trained* is what a training on the eve of
the judged calls would have made: voices and blend learned from all calls before. `duration`, known only after the
call, is never read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import Measure
from benchmarks.one_moment import (
    SEED,
    OneMoment,
    at_one_moment,
    dataset,
    learned_then_blended,
    said_by_all,
)
from benchmarks.ranking import LIFT, PR, ROC, Aims, figures
from lead_readiness.snapshots import POSITIVE, Snapshots
from lead_readiness.timelines import DAY
from training.fit import fit

FILE = "bank-additional-full.csv.gz"
FIT, TUNE = 27_972, 32_949
"""The first rows that tune and that judge."""
AFTER_THE_CALL = ("duration", "y")
NOT_BEFORE = 999
"""What `pdays` holds where there was no earlier campaign."""
QUICK = 8
"""A quick look takes every eighth row."""
GOALS = {ROC: 0.70, PR: 0.47, LIFT: 1.8}
PUBLISHED = {
    "logistic regression": {ROC: 0.645, PR: 0.459, LIFT: 1.76},
    "XGBoost": {ROC: 0.588, PR: 0.391, LIFT: 1.37},
}


def measure(folder: Path, quick: bool, say: Callable[[str], None]) -> list[Measure]:
    """The blend, its voices and the rules on the last calls, beside what others published."""
    say("uci_bank: reading calls")
    data = read(folder, QUICK if quick else 1)
    learned, mixed, asked = split(data)
    say(f"uci_bank: learning from {learned.wins:,} wins of {len(learned):,} calls")
    scores = learned_then_blended(data, learned, mixed, asked)
    won = asked.label == POSITIVE
    made = figures("uci_bank", won, scores.pop("ours"), Aims(GOALS, PUBLISHED, quick))
    for voice, score in scores.items():
        made += figures(f"uci_bank, {voice} alone", won, score, Aims(quick=quick))
    say("uci_bank: learning from all calls before")
    accounts = np.ones(len(data.timelines.account_start) - 1, bool)
    scorer = fit(data, int(asked.as_of.min()), accounts, SEED)
    scores = said_by_all(scorer, data.timelines, asked)
    return made + figures("uci_bank as trained", won, scores["ours"], Aims(quick=quick))


def split(data: OneMoment) -> tuple[Snapshots, Snapshots, Snapshots]:
    """The calls that teach the voices, the calls that teach the blend, and the calls that judge, by their numbers."""
    every = data.every()
    number = data.timelines.lead_ids[every.lead].astype(np.int64)
    return every[number < FIT], every[(number >= FIT) & (number < TUNE)], every[number >= TUNE]


def read(folder: Path, every: int = 1) -> OneMoment:
    """The calls as a data set, one lead a row, looked at just before its call; lead ids are the rows' numbers."""
    calls = pd.read_csv(folder / FILE, sep=";")
    calls.columns = calls.columns.str.replace(".", "_")
    created = moments(calls["month"])
    calls["lead_id"] = [f"{row:05d}" for row in range(len(calls))]
    calls["created_at"] = created
    calls = calls.iloc[::every]
    earlier = calls[calls["pdays"] < NOT_BEFORE]
    events = pd.DataFrame(
        {
            "lead_id": earlier["lead_id"],
            "occurred_at": earlier["created_at"] - pd.to_timedelta(earlier["pdays"], unit="D"),
            "kind": "earlier_campaign",
        }
    )
    outcomes = pd.DataFrame(
        {
            "lead_id": calls["lead_id"],
            "outcome": calls["y"].map({"yes": "won", "no": "lost"}),
            "decided_at": calls["created_at"] + pd.Timedelta(1, "min"),
        }
    )
    leads = calls.drop(columns=[*AFTER_THE_CALL, "pdays"])
    instants = np.array([], np.int64)
    return at_one_moment(dataset(Path(__file__).parent, leads, events, outcomes, instants), after=1)


def moments(month: pd.Series) -> pd.Series:
    """A moment for each call: the file gives months in order from May 2008, and within a month the calls' order.

    The calls of a month are spread over it evenly; the days are made up, the order is not.
    """
    run = (month != month.shift()).cumsum()
    number = pd.to_datetime(month, format="%b").dt.month
    year = 2008 + ((number < number.shift()) & (run != run.shift())).cumsum()
    begin = pd.to_datetime({"year": year, "month": number, "day": 1}, utc=True)
    place = month.groupby(run).cumcount() / month.groupby(run).transform("size")
    return begin + pd.to_timedelta((place * 28 * DAY).round(), unit="us")
