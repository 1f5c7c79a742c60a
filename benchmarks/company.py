"""A large company drawn at random, as a warehouse would export it: Parquet files in the order of arrival.

It speaks the vocabulary of `data/sample/`, has the skews of real logs (a few leads with thousands of events,
visits of several events, popular and rare pages, late recordings) and is made in seconds. Whether its leads win
depends on what they did, but no more than a benchmark of speed needs: accuracy is measured elsewhere.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lead_readiness.project import ProjectFile, load

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
DAY = 86_400_000_000
BEGIN = int(pd.Timestamp("2024-07-01").value // 1000)
CUT = int(pd.Timestamp("2026-07-01").value // 1000)
PAGES = 2_000
ASSETS = ("page_view", "blog_view", "product_view", "docs_view", "pricing_view", "email_open", "email_click")
VALUES = ("webinar_attended", "meeting_booked")  # minutes
OFTEN = {"page_view": 30, "email_sent": 25, "blog_view": 12, "email_open": 12, "product_view": 8, "email_click": 4,
         "pricing_view": 3, "docs_view": 3, "sales_call": 1, "sales_email": 1}  # fmt: skip

Ints = npt.NDArray[np.int64]


def open_project(folder: Path) -> ProjectFile:
    """The project of the company in ``folder``."""
    return load(folder / "readiness.toml")


def make(folder: Path, leads: int, events: int, seed: int = 1) -> Path:
    """The folder with the company's project file, and its tables, written unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_project(folder / "readiness.toml")
    if (folder / "events.parquet").is_file():
        return folder
    rng = np.random.default_rng(seed)
    created = np.sort(rng.integers(BEGIN, CUT - DAY, leads))
    keenness = rng.lognormal(0.0, 1.3, leads)
    _write(_leads(created, rng), folder / "leads.parquet")
    _write(_outcomes(created, keenness, rng), folder / "outcomes.parquet")
    _write(_handoffs(created, rng), folder / "handoffs.parquet")
    _write(_events(open_project(folder).kinds, created, keenness, events, rng), folder / "events.parquet")
    return folder


def _write_project(path: Path) -> None:
    """The sample's project file, its tables in Parquet beside it."""
    text = (SAMPLE / "readiness.toml").read_text(encoding="utf-8")
    for ending in (".csv.gz", ".csv"):
        text = text.replace(f'{ending}"', '.parquet"')
    path.write_text(text.replace('"rules.yaml"', json.dumps(str(SAMPLE / "rules.yaml"))), encoding="utf-8")


def _write(columns: dict[str, npt.NDArray[np.generic] | pa.Array], path: Path) -> None:
    """A file of the usual row groups; through another name, so that a broken run leaves no half file behind."""
    part = path.with_suffix(".part")
    pq.write_table(pa.table(columns), part, row_group_size=1_000_000)
    part.rename(path)


def _ids(prefix: str, codes: Ints) -> pa.Array:
    """CRM-like ids of 12 characters for numbers."""
    text = pa.array(codes.astype(np.int64) * 7919 % 1_000_000_007, pa.int64()).cast(pa.string())
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(text, 11, "0"), "")


def _stamps(micros: Ints) -> pa.Array:
    return pa.array(micros, pa.timestamp("us", "UTC"))


def _words(words: list[str], share: npt.NDArray[np.float64], n: int, rng: np.random.Generator) -> pa.Array:
    codes = rng.choice(len(words), n, p=share / share.sum()).astype(np.int32)
    return pa.array(words, pa.string()).take(pa.array(codes))


def _leads(created: Ints, rng: np.random.Generator) -> dict[str, pa.Array]:
    n = len(created)
    words = {
        "cycle": ["short", "long"],
        "company_type": ["customer", "prospect", "partner", "student", "competitor"],
        "industry": [f"industry {i}" for i in range(12)],
        "seniority": ["junior", "specialist", "manager", "director", "executive"],
        "country": [f"country {i}" for i in range(25)],
        "source": ["organic", "paid", "referral", "event", "contact_form", "partner"],
    }
    people = np.minimum(rng.zipf(2.0, n), 200).cumsum()  # of accounts: most have one person, some two hundred
    account = _ids("A", np.searchsorted(people, rng.permutation(n) + 1))
    employees = np.where(rng.random(n) < 0.2, np.nan, np.round(rng.lognormal(4.5, 1.6, n)))
    return {
        "lead_id": _ids("L", np.arange(n)),
        "created_at": _stamps(created),
        "account_id": pc.if_else(pa.array(rng.random(n) < 0.3), None, account),
        **{name: _words(w, 1 / np.arange(1, len(w) + 1), n, rng) for name, w in words.items()},
        "employees": pa.array(employees, from_pandas=True),
        "anonymous_days": pa.array(np.round(rng.exponential(20, n))),
    }


def _outcomes(
    created: Ints, keenness: npt.NDArray[np.float64], rng: np.random.Generator
) -> dict[str, pa.Array]:
    n = len(created)
    won = rng.random(n) < np.minimum(0.04 * keenness, 0.6)
    after = rng.exponential(np.where(won, 60, 120), n) * DAY
    decided = created + DAY + after.astype(np.int64)
    kept = np.flatnonzero((won | (rng.random(n) < 0.5)) & (decided < CUT))
    return {
        "lead_id": _ids("L", kept),
        "outcome": pa.array(np.where(won[kept], "won", "lost")),
        "decided_at": _stamps(decided[kept]),
    }


def _handoffs(created: Ints, rng: np.random.Generator) -> dict[str, pa.Array]:
    kept = np.flatnonzero(rng.random(len(created)) < 0.1)
    handed = created[kept] + (rng.random(len(kept)) * (CUT - created[kept])).astype(np.int64)
    returned = handed + (rng.exponential(14, len(kept)) * DAY).astype(np.int64)
    open_still = (returned >= CUT) | (rng.random(len(kept)) < 0.3)
    reasons = ["not now", "price", "competitor", "no response", "not a lead"]
    return {
        "lead_id": _ids("L", kept),
        "handed_off_at": _stamps(handed),
        "returned_at": pa.array(returned, pa.timestamp("us", "UTC"), mask=open_still),
        "reason": _words(reasons, np.ones(5), len(kept), rng),
    }


def _events(
    kinds: tuple[str, ...],
    created: Ints,
    keenness: npt.NDArray[np.float64],
    events: int,
    rng: np.random.Generator,
) -> dict[str, pa.Array]:
    """Visits of a lead, each of some events minutes apart, in the order in which they were recorded."""
    visitor = rng.choice(len(created), events // 2 + 1, p=keenness / keenness.sum())
    size = rng.geometric(1 / 3, len(visitor))
    visit = np.repeat(np.arange(len(visitor)), size)[:events]
    lead = visitor[visit]
    spent = (rng.exponential(120e6, events).astype(np.int64) + 1).cumsum()
    spent -= spent[np.repeat(size.cumsum() - size, size)[:events]]
    since = rng.random(len(visitor)) ** 1.5 * (CUT - DAY - created[visitor])
    time = created[lead] + since.astype(np.int64)[visit] + spent
    kind = rng.choice(len(kinds), events, p=_share(kinds)).astype(np.int32)
    late = rng.random(events) < 0.03
    recorded = time + np.where(late, rng.exponential(0.5 * DAY, events), 0).astype(np.int64)
    page = np.minimum(rng.zipf(1.5, events), PAGES).astype(np.int32) - 1
    has_asset, has_value = (np.isin(kind, [kinds.index(k) for k in named]) for named in (ASSETS, VALUES))
    by = np.argsort(recorded + rng.integers(0, 3_600_000_000, events))
    return {
        "lead_id": _ids("L", np.arange(len(created))).take(pa.array(lead[by])),
        "occurred_at": _stamps(time[by]),
        "recorded_at": _stamps(recorded[by]),
        "kind": pa.array(kinds).take(pa.array(kind[by])),
        "value": pa.array(np.round(rng.exponential(30, events), 1), mask=~has_value[by]),
        "asset": pa.array([f"/page/{i}" for i in range(PAGES)]).take(pa.array(page[by], mask=~has_asset[by])),
    }


def _share(kinds: tuple[str, ...]) -> npt.NDArray[np.float64]:
    often = np.array([OFTEN.get(kind, 0.5) for kind in kinds])
    return often / often.sum()
