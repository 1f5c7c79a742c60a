"""The features in pandas: vectorised throughout, each window a grouping of what is left of the larger one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.peers import DAY, MAX_DAYS, SPAN, VISIT, Task, span

LONGEST = int(MAX_DAYS * DAY)
Columns = dict[str, "pd.Series[float]"]


@dataclass(frozen=True)
class Data:
    """Events [lead, at, recorded, kind, value, asset], sorted by lead and time, and each lead's creation."""

    events: pd.DataFrame
    created: pd.Series[int]


def load(folder: Path, task: Task) -> Data:
    leads = pd.read_parquet(folder / "leads.parquet", columns=["lead_id", "created_at"]).sort_values(
        "lead_id"
    )
    found = pd.read_parquet(folder / "events.parquet")
    events = pd.DataFrame(
        {
            "lead": pd.Index(leads["lead_id"]).get_indexer(found["lead_id"]).astype(np.int32),
            "at": _micros(found["occurred_at"]),
            "recorded": _micros(found["recorded_at"]),
            "kind": pd.Categorical(found["kind"], categories=task.kinds).codes,
            "value": found["value"],
            "asset": pd.factorize(found["asset"])[0].astype(np.int32),
        }
    )
    created = pd.Series(_micros(leads["created_at"]))
    return Data(events.sort_values(["lead", "at"], ignore_index=True), created)


def features(data: Data, task: Task) -> pd.DataFrame:
    """One row a lead, one float32 column a feature."""
    events = data.events
    seen = events[(events["at"] < task.as_of) & (events["recorded"] <= task.as_of)]
    seen = seen.assign(age=task.as_of - seen["at"])
    active = seen[seen["kind"].isin(task.codes(task.activity))]
    made = _grouped(seen, task, len(data.created)) | _rhythm(active, task) | _variety(active)
    made["age"] = (task.as_of - data.created).clip(0, LONGEST) / DAY
    leads = data.created.index
    columns = {}
    for f in task.features:
        name = f.family if f.family in (*SPAN, "first") else f.name
        empty = SPAN["longest_gap"] if f.family == "longest_gap" else 0.0
        columns[f.name] = made[name].reindex(leads, fill_value=empty).astype(np.float32)
    return pd.DataFrame(columns, copy=False)


def matrix(table: pd.DataFrame) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(table.to_numpy())


def from_parquet(folder: Path, task: Task) -> npt.NDArray[np.float32]:
    return matrix(features(load(folder, task), task))


def _micros(times: pd.Series[pd.Timestamp]) -> npt.NDArray[np.int64]:
    return times.dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)


def _grouped(seen: pd.DataFrame, task: Task, leads: int) -> Columns:
    """Counts, recencies, intensities, trends and values, from tables of lead by kind."""
    by = ["lead", "kind"]

    def table(totals: pd.Series[float], empty: float = 0) -> pd.DataFrame:
        wide = totals.unstack(fill_value=empty)  # noqa: PD010 - nothing is left to aggregate
        wide = wide.reindex(columns=range(len(task.kinds)), fill_value=empty)
        return wide.reindex(range(leads), fill_value=empty)

    tables, left = {}, seen
    for days in sorted({*task.windows, *task.value_windows}, reverse=True):
        left = left[left["age"] <= int(days * DAY)]
        if days in task.windows:
            tables["count", days] = table(left.groupby(by).size())
        if days in task.value_windows:
            given = left[left["value"].notna()]
            tables["value", days] = table(given.groupby(by)["value"].sum())
    for days in task.half_lives:
        faded = np.exp2(-seen["age"] / (days * DAY))
        tables["intensity", days] = table(faded.groupby([seen["lead"], seen["kind"]]).sum())
    last = table(seen.groupby(by)["age"].min(), LONGEST)
    made: Columns = {}
    for f in task.features:
        of = task.codes(f.kinds)
        if f.family in ("count", "value", "intensity"):
            made[f.name] = tables[f.family, f.days][of].sum(axis=1)
        elif f.family == "trend":
            made[f.name] = (2 * tables["count", f.days] - tables["count", 2 * f.days])[of].sum(axis=1)
        elif f.family == "recency":
            made[f.name] = last[of].min(axis=1).clip(upper=LONGEST) / DAY
    return made


def _rhythm(active: pd.DataFrame, task: Task) -> Columns:
    """What hangs on the lead's next or previous activity: days, visits, silences, the first and the last."""
    lead, at, age = active["lead"], active["at"], active["age"]
    before = at.shift(1, fill_value=0).where(lead == lead.shift(1), 0)
    other = lead != lead.shift(-1)
    last_of = {
        "active_days": other | (at // DAY != at.shift(-1) // DAY),
        "sessions": other | (at.shift(-1) - at > VISIT),
    }
    made: Columns = {}
    for f in task.features:
        if f.family in last_of:
            made[f.name] = lead[last_of[f.family] & (age <= span(f))].value_counts()
    reach = int(SPAN["longest_gap"] * DAY)
    recent = age <= reach
    gap = (at - before.clip(lower=task.as_of - reach))[recent].groupby(lead[recent]).max()
    latest = age.groupby(lead).min().clip(upper=reach)
    made["longest_gap"] = np.maximum(latest, gap.reindex(latest.index, fill_value=0)) / DAY
    made["first"] = age.groupby(lead).max().clip(upper=LONGEST) / DAY
    visit = (at - before > VISIT).cumsum()
    recent = age <= int(SPAN["burst"] * DAY)
    size = lead[recent].groupby(visit[recent]).agg(["first", "size"])
    made["burst"] = size.groupby("first")["size"].max()
    return made


def _variety(active: pd.DataFrame) -> Columns:
    recent = active[active["age"] <= int(SPAN["assets"] * DAY)]
    assets = recent.loc[recent["asset"] >= 0, ["lead", "asset"]].drop_duplicates()
    kinds = recent[["lead", "kind"]].drop_duplicates()
    return {"assets": assets["lead"].value_counts(), "kinds": kinds["lead"].value_counts()}
