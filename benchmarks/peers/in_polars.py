"""The features in Polars: lazy, all conditions as expressions of one aggregation, all cores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.peers import DAY, MAX_DAYS, SPAN, VISIT, Task, span
from lead_readiness.features import Feature

AGE, KIND, LEAD = pl.col("age"), pl.col("kind"), pl.col("lead")


@dataclass(frozen=True)
class Data:
    """Events [lead, at, recorded, kind, value, asset], sorted by lead and time, and leads [lead, created]."""

    events: pl.DataFrame
    leads: pl.DataFrame


def load(folder: Path, task: Task) -> Data:
    leads = pl.scan_parquet(folder / "leads.parquet").select("lead_id", "created_at").sort("lead_id")
    leads = leads.with_row_index("lead")
    events = pl.scan_parquet(folder / "events.parquet")
    events = events.join(leads.select("lead_id", "lead"), on="lead_id").select(
        "lead",
        at=pl.col("occurred_at").dt.timestamp("us"),
        recorded=pl.col("recorded_at").dt.timestamp("us"),
        kind=KIND.cast(pl.Enum(task.kinds)).to_physical(),
        value="value",
        asset=pl.col("asset").cast(pl.Categorical),
    )
    made = leads.select("lead", created=pl.col("created_at").dt.timestamp("us"))
    return Data(*pl.collect_all([events.sort("lead", "at"), made]))


def alone(folder: Path, lead_id: str, task: Task) -> Data:
    """What `load` gives, of one lead."""
    ids = pl.read_parquet(folder / "leads.parquet", columns=["lead_id"]).sort("lead_id")["lead_id"]
    lead, data = ids.index_of(lead_id), load(folder, task)
    return Data(data.events.filter(lead == LEAD), data.leads.filter(lead == LEAD))


def features(data: Data, task: Task) -> pl.DataFrame:
    """One row a lead, one Float32 column a feature."""
    now = task.as_of
    seen = data.events.lazy().filter((pl.col("at") < now) & (pl.col("recorded") <= now))
    seen = seen.with_columns(age=now - pl.col("at"))
    active = seen.filter(KIND.is_in(task.codes(task.activity))).select("lead", "at", "age")
    queries = [_grouped(seen, task), _rhythm(active, task), _burst(active), _variety(seen, task)]
    wide = data.leads
    for part in pl.collect_all(queries, engine="streaming"):
        wide = wide.join(part, on="lead", how="left", maintain_order="left")
    return wide.select(_finished(f, task).cast(pl.Float32).alias(f.name) for f in task.features)


def matrix(table: pl.DataFrame) -> npt.NDArray[np.float32]:
    return table.to_numpy(order="c")


def from_parquet(folder: Path, task: Task) -> npt.NDArray[np.float32]:
    return matrix(features(load(folder, task), task))  # sorting once is faster than one lazy query


def _grouped(seen: pl.LazyFrame, task: Task) -> pl.LazyFrame:
    """Counts, recencies, intensities, trends and values."""
    fading = [(-AGE * (np.log(2) / (h * DAY))).exp().alias(f"fading {h:g}") for h in task.half_lives]
    windows = dict.fromkeys([*task.windows, *task.value_windows])
    recent = [(int(w * DAY) >= AGE).alias(f"within {w:g}") for w in windows]
    kinds = dict.fromkeys(f.kinds for f in task.features if f.kinds)
    of = [KIND.is_in(task.codes(k)).alias(str(k)) for k in kinds]
    made = [_total(f).alias(f.name) for f in task.features if _total(f) is not None]
    return seen.with_columns(*fading, *recent, *of).group_by("lead").agg(made)


def _total(f: Feature) -> pl.Expr | None:
    of = pl.col(str(f.kinds))
    if f.family == "count":
        return (of & pl.col(f"within {f.days:g}")).sum()
    if f.family == "trend":
        both = [(of & pl.col(f"within {d:g}")).sum().cast(pl.Int64) for d in (f.days, 2 * f.days)]
        return 2 * both[0] - both[1]
    if f.family == "recency":
        return pl.when(of).then(AGE).min()
    if f.family == "intensity":
        return pl.when(of).then(pl.col(f"fading {f.days:g}")).sum()
    if f.family == "value":
        return pl.when(of & pl.col(f"within {f.days:g}")).then(pl.col("value")).sum()
    return None


def _rhythm(active: pl.LazyFrame, task: Task) -> pl.LazyFrame:
    """What hangs on the lead's next or previous activity: days, visits, silences, the first and the last."""
    same = LEAD.shift(-1) == LEAD
    reach = int(SPAN["longest_gap"] * DAY)
    begin = pl.max_horizontal(pl.when(LEAD.shift(1) == LEAD).then(pl.col("at").shift(1)), task.as_of - reach)
    last_of_day = (~same | (pl.col("at") // DAY != pl.col("at").shift(-1) // DAY)).fill_null(True)
    last_of_visit = (~same | (pl.col("at").shift(-1) - pl.col("at") > VISIT)).fill_null(True)
    marked = active.with_columns(
        active_days=last_of_day, sessions=last_of_visit, gap=pl.when(reach >= AGE).then(pl.col("at") - begin)
    )
    made = [
        (pl.col(f.family) & (span(f) >= AGE)).sum().alias(f.name)
        for f in task.features
        if f.family in ("active_days", "sessions")
    ]
    return marked.group_by("lead").agg(*made, pl.col("gap").max(), first=AGE.max(), last=AGE.min())


def _burst(active: pl.LazyFrame) -> pl.LazyFrame:
    begins = (LEAD.shift(1) != LEAD) | (pl.col("at") - pl.col("at").shift(1) > VISIT)
    visits = active.with_columns(visit=begins.fill_null(True).cum_sum())
    visits = (
        visits.filter(int(SPAN["burst"] * DAY) >= AGE).group_by("visit").agg(LEAD.first(), burst=pl.len())
    )
    return visits.group_by("lead").agg(pl.col("burst").max())


def _variety(seen: pl.LazyFrame, task: Task) -> pl.LazyFrame:
    active = seen.filter((int(SPAN["assets"] * DAY) >= AGE) & KIND.is_in(task.codes(task.activity)))
    return active.group_by("lead").agg(assets=pl.col("asset").drop_nulls().n_unique(), kinds=KIND.n_unique())


def _finished(f: Feature, task: Task) -> pl.Expr:
    """The column as the model takes it: days instead of microseconds, a value for leads without such events."""
    longest = int(MAX_DAYS * DAY)
    if f.family == "recency":
        return pl.col(f.name).fill_null(longest).clip(upper_bound=longest) / DAY
    if f.family == "age":
        return (task.as_of - pl.col("created")).clip(0, longest) / DAY
    if f.family == "first":
        return pl.col("first").fill_null(0).clip(upper_bound=longest) / DAY
    if f.family == "longest_gap":
        reach = int(SPAN["longest_gap"] * DAY)
        silent = pl.col("last").fill_null(reach).clip(upper_bound=reach)
        return pl.max_horizontal(pl.col("gap").fill_null(0), silent) / DAY
    return pl.col(f.family if f.family in SPAN else f.name).fill_null(0)
