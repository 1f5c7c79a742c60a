"""Merchants by their first contact: learned from January to April 2018, judged on May.

*Published*: labels are who signed up ever, whenever that became known. *Honest*: what was known on 1 May, so that
contacts whose 30 days were over teach who signed up within 30 days; the question that judges stays the same. Of the
closed deals only the lead and the day are read: every other column is filled for winners alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import Measure
from benchmarks.one_moment import SEED, OneMoment, at_one_moment, dataset, said_by_all
from benchmarks.ranking import LIFT, ROC, Aims, figures
from lead_readiness.snapshots import POSITIVE
from lead_readiness.timelines import DAY
from training.fit import fit

LEADS, DEALS = "olist_marketing_qualified_leads_dataset.csv", "olist_closed_deals_dataset.csv"
BEGIN, CUT, END = (pd.Timestamp(day, tz="UTC") for day in ("2018-01-01", "2018-05-01", "2018-06-01"))
HONEST_DAYS = 30
GOALS = {ROC: 0.70}
PUBLISHED = {
    "LightGBM": {ROC: 0.688, LIFT: 1.97},
    "landing page's win rate": {ROC: 0.669, LIFT: 1.81},
}


def measure(folder: Path, quick: bool, say: Callable[[str], None]) -> list[Measure]:
    """The blend and its voices on the contacts of May, by both protocols."""
    data = read(folder)
    cut = int(CUT.timestamp()) * 1_000_000
    every = data.every()
    asked = every[every.as_of >= cut]
    won = asked.label == POSITIVE
    accounts = np.ones(len(data.timelines.account_start) - 1, bool)
    say("olist_funnel: learning")
    scores = said_by_all(fit(data, cut, accounts, SEED), data.timelines, asked)
    made = figures("olist_funnel published", won, scores.pop("ours"), Aims(GOALS, PUBLISHED, quick))
    for voice, score in scores.items():
        made += figures(f"olist_funnel published, {voice} alone", won, score, Aims(quick=quick))
    say("olist_funnel: learning from what was known on 1 May")
    then = replace(data, horizon=np.full(len(data.timelines), HONEST_DAYS * DAY))
    scores = said_by_all(fit(then, cut, accounts, SEED), data.timelines, asked)
    return made + figures("olist_funnel honest", won, scores["ours"], Aims(quick=quick))


def read(folder: Path) -> OneMoment:
    """Contacts from January to May 2018 as a data set, each looked at when the day of its first contact is over."""
    contacts = pd.read_csv(folder / LEADS)
    deals = pd.read_csv(folder / DEALS, usecols=["mql_id", "won_date"])
    at = pd.to_datetime(contacts["first_contact_date"], format="%d-%m-%Y", utc=True)
    leads = pd.DataFrame(
        {
            "lead_id": contacts["mql_id"],
            "created_at": at,
            "landing_page": contacts["landing_page_id"],
            "origin": contacts["origin"],
        }
    )[(at >= BEGIN) & (at < END)]
    events = leads[["lead_id"]].assign(occurred_at=leads["created_at"], kind="first_contact")
    signed = deals.merge(leads[["lead_id", "created_at"]], left_on="mql_id", right_on="lead_id")
    day = pd.to_datetime(signed["won_date"], format="%d-%m-%Y %H:%M", utc=True)
    outcomes = pd.DataFrame(
        {
            "lead_id": signed["lead_id"],
            "outcome": "won",
            "decided_at": day.where(day > signed["created_at"], signed["created_at"]),
        }
    )
    instants = np.array([], np.int64)
    return at_one_moment(dataset(Path(__file__).parent, leads, events, outcomes, instants), after=DAY - 1)
