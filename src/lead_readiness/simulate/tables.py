"""The company's files: what its own systems recorded by the cut, as the data contract's four tables."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness.simulate import company
from lead_readiness.simulate.events import HOUR, KINDS, Log
from lead_readiness.simulate.history import NO_DAY, Days, History
from lead_readiness.simulate.sales import CLEAN_UP_HOUR, CLOSED, Closings, Handoffs
from lead_readiness.timelines import DAY

EPOCH = int(company.START.timestamp()) * 1_000_000
OPEN_UNTIL = NO_DAY * DAY
TWICE = 0.004
"""Share of the events that a queue delivered twice."""
NO_ID = ("email_sent", "email_open", "email_click", "email_bounce", "sales_call", "sales_email")
"""Kinds whose source gives no event ids."""


def moments(micros: Days) -> pd.Series[pd.Timestamp]:
    """Microseconds since the start as UTC times; those from ``OPEN_UNTIL`` on as missing."""
    stamps = (np.minimum(micros, OPEN_UNTIL) + EPOCH).astype("datetime64[us]")
    stamps[micros >= OPEN_UNTIL] = np.datetime64("NaT")
    return pd.Series(stamps).dt.tz_localize("UTC")


def names(history: History) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Per person its lead id, and per account its id: numbered in order of creation."""
    people, accounts = len(history.account), len(history.path)
    by = np.argsort(history.created_at, kind="stable")
    lead = np.empty(people, dtype=object)
    lead[by] = [f"L{i:0{len(str(people))}d}" for i in range(1, people + 1)]
    account = np.array([f"A{i:0{len(str(accounts))}d}" for i in range(1, accounts + 1)], dtype=object)
    return lead, account


def leads(history: History) -> pd.DataFrame:
    """The leads table, in order of creation."""
    lead, account = names(history)
    of = history.account
    columns = {
        "lead_id": lead,
        "created_at": moments(history.created_at),
        "account_id": account[of],
        "cycle": np.array(company.CYCLES, dtype=object)[history.cycle[of]],
        "company_type": np.array(company.COMPANY_TYPES, dtype=object)[history.company_type[of]],
        "industry": np.array(company.INDUSTRIES, dtype=object)[history.industry[of]],
        "employees": history.employees[of],
        "seniority": np.array(company.SENIORITIES, dtype=object)[history.seniority],
        "country": np.array(company.COUNTRIES, dtype=object)[history.country[of]],
        "source": np.array(company.SOURCES, dtype=object)[history.source],
        "anonymous_days": history.created - history.first_seen,
    }
    return pd.DataFrame(columns).sort_values("lead_id", ignore_index=True)


def events(history: History, log: Log, rng: np.random.Generator, twice: float = TWICE) -> pd.DataFrame:
    """The events table, by lead and time: nothing after an account's clean-up, nothing recorded after the cut."""
    columns = log.columns()
    person, at = columns["person"].astype(np.int64), columns["at"].astype(np.int64)
    recorded = columns["recorded"].astype(np.int64)
    swept = (history.clean_up * DAY + CLEAN_UP_HOUR * HOUR)[history.account[person]]
    keep = (np.maximum(at, recorded) < history.days * DAY) & (at < swept)
    lead = names(history)[0]
    order = np.flatnonzero(keep)
    rank = np.argsort(np.argsort(lead))[person[order]]
    order = order[np.lexsort((columns["asset"][order].astype(str), columns["kind"][order], at[order], rank))]
    copies = np.where(rng.random(len(order)) < twice, 2, 1)
    first = np.append(True, person[order][1:] != person[order][:-1])
    begins = np.flatnonzero(first)
    place = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order)))) + 1
    kind = np.array(KINDS, dtype=object)[columns["kind"][order].astype(np.int64)]
    ids = lead[person[order]] + "-" + pd.Series(place).astype(str).to_numpy(dtype=object)
    table = pd.DataFrame(
        {
            "lead_id": lead[person[order]],
            "occurred_at": moments(at[order]),
            "kind": kind,
            "asset": pd.Series(columns["asset"][order], dtype=object).replace("", None),
            "value": columns["value"][order].astype(np.float64),
            "recorded_at": moments(np.where(recorded[order] > 0, recorded[order], OPEN_UNTIL)),
            "event_id": np.where(np.isin(kind, NO_ID), None, ids),
        }
    )
    return table.loc[np.repeat(np.arange(len(table)), copies)].reset_index(drop=True)


def handoffs(history: History, rows: Handoffs) -> pd.DataFrame:
    """The hand-offs table, in order of time."""
    person, handed_off, returned, reason = rows.columns()
    why = np.array([*company.REASONS, None], dtype=object)  # the last one is what -1 names
    table = pd.DataFrame(
        {
            "lead_id": names(history)[0][person],
            "handed_off_at": moments(handed_off),
            "returned_at": moments(returned),
            "reason": why[reason],
        }
    )
    return table.sort_values(["handed_off_at", "lead_id"], ignore_index=True)


def outcomes(history: History, closings: Closings, rng: np.random.Generator) -> pd.DataFrame:
    """The outcomes table, in order of decision: wins decided by the cut, and closed records."""
    of, n = history.account, len(history.account)
    won = closings.how == CLOSED.index("won")
    took = np.maximum(0.5, rng.gamma(2.0, np.where(history.cycle[of] == 0, 1.5, 4.0)))
    decided = np.where(won, closings.at + (took * 86_400).astype(np.int64) * 1_000_000, closings.at)
    size = np.nan_to_num(history.employees[of], nan=50.0)
    amount = np.rint(rng.lognormal(8.3 + 0.25 * np.log(size), 0.5, n) / 100) * 100
    table = pd.DataFrame(
        {
            "lead_id": names(history)[0],
            "outcome": np.array(CLOSED, dtype=object)[closings.how],
            "decided_at": moments(decided),
            "opportunity_at": moments(np.where(won, closings.at, OPEN_UNTIL)),
            "amount": np.where(won, amount, np.nan),
            "reason": closings.why,
        }
    )
    known = (closings.how > 0) & (decided < history.days * DAY)
    return table[known].sort_values(["decided_at", "lead_id"], ignore_index=True)
