"""The features in DuckDB: one SQL statement, aggregated per lead and kind first, then per lead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.peers import DAY, MAX_DAYS, SPAN, VISIT, Task, span
from lead_readiness.features import Feature

LONGEST = int(MAX_DAYS * DAY)


@dataclass(frozen=True)
class Data:
    """A database: ``events`` [lead, moment, recorded, kind, value, asset] and ``leads`` [lead, created]."""

    db: duckdb.DuckDBPyConnection


def connect(folder: Path, task: Task, made: str) -> Data:
    """The files as tables or views with numbers for leads and kinds."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    kinds = " ".join(f"WHEN '{kind}' THEN {code}" for code, kind in enumerate(task.kinds))
    db.execute(
        "CREATE TABLE leads AS SELECT (row_number() OVER (ORDER BY lead_id) - 1)::INTEGER AS lead, lead_id, "
        f"epoch_us(created_at) AS created FROM '{folder / 'leads.parquet'}' ORDER BY lead_id"
    )
    order = "ORDER BY lead, moment" if made == "TABLE" else ""
    db.execute(
        f"CREATE {made} events AS SELECT lead, epoch_us(occurred_at) AS moment, epoch_us(recorded_at) AS recorded, "
        f"(CASE kind {kinds} END)::UTINYINT AS kind, value, asset "
        f"FROM '{folder / 'events.parquet'}' JOIN leads USING (lead_id) {order}"
    )
    return Data(db)


def load(folder: Path, task: Task) -> Data:
    return connect(folder, task, "TABLE")


def features(data: Data, task: Task) -> pa.Table:
    """One row a lead, one float column a feature."""
    return data.db.sql(statement(task)).to_arrow_table()


def matrix(table: pa.Table) -> npt.NDArray[np.float32]:
    out = np.empty((table.num_rows, table.num_columns), np.float32)
    for place, column in enumerate(table.columns):
        out[:, place] = column.to_numpy()
    return out


def from_parquet(folder: Path, task: Task) -> npt.NDArray[np.float32]:
    return matrix(features(connect(folder, task, "VIEW"), task))


def statement(task: Task) -> str:
    """The SQL of all features."""
    finished = ", ".join(f'({_finished(f, task)})::FLOAT AS "{f.name}"' for f in task.features)
    activity = f"kind IN ({_listed(task.codes(task.activity))})"
    return f"""
    WITH seen AS (
        SELECT *, {task.as_of} - moment AS age FROM events WHERE moment < {task.as_of} AND recorded <= {task.as_of}
    ), per_kind AS (
        SELECT lead, kind, {_per_kind(task)} FROM seen GROUP BY lead, kind
    ), grouped AS (
        SELECT lead, {_per_lead(task)} FROM per_kind GROUP BY lead
    ), beside AS (
        SELECT lead, moment, age, lag(moment) OVER w AS before, lead(moment) OVER w AS after
        FROM seen WHERE {activity} WINDOW w AS (PARTITION BY lead ORDER BY moment)
    ), rhythm AS (
        SELECT lead, {_rhythm(task)} FROM beside GROUP BY lead
    ), visits AS (
        SELECT lead, age, sum((before IS NULL OR moment - before > {VISIT})::INTEGER)
            OVER (PARTITION BY lead ORDER BY moment ROWS UNBOUNDED PRECEDING) AS visit FROM beside
    ), bursts AS (
        SELECT lead, max(events) AS burst FROM (
            SELECT lead, count(*) AS events FROM visits WHERE age <= {int(SPAN["burst"] * DAY)} GROUP BY lead, visit
        ) GROUP BY lead
    ), variety AS (
        SELECT lead, count(DISTINCT asset) AS assets, count(DISTINCT kind) AS kinds
        FROM seen WHERE age <= {int(SPAN["assets"] * DAY)} AND {activity} GROUP BY lead
    )
    SELECT {finished} FROM leads LEFT JOIN grouped USING (lead) LEFT JOIN rhythm USING (lead)
    LEFT JOIN bursts USING (lead) LEFT JOIN variety USING (lead) ORDER BY lead
    """


def _listed(codes: list[int]) -> str:
    return ", ".join(map(str, codes))


def _per_kind(task: Task) -> str:
    counts = [f"count(*) FILTER (age <= {int(d * DAY)}) AS n{d:g}" for d in task.windows]
    values = [f"sum(value) FILTER (age <= {int(d * DAY)}) AS v{d:g}" for d in task.value_windows]
    faded = [f"sum(pow(2.0, -age / {h * DAY})) AS i{h:g}" for h in task.half_lives]
    return ", ".join([*counts, *values, *faded, "min(age) AS last"])


def _per_lead(task: Task) -> str:
    made = []
    for f in task.features:
        of = f"FILTER (kind IN ({_listed(task.codes(f.kinds))}))" if f.kinds else ""
        total = {
            "count": f"sum(n{f.days:g}) {of}",
            "trend": f"2 * sum(n{f.days:g}) {of} - sum(n{2 * f.days:g}) {of}",
            "recency": f"min(last) {of}",
            "intensity": f"sum(i{f.days:g}) {of}",
            "value": f"sum(v{f.days:g}) {of}",
        }.get(f.family)
        made += [f'{total} AS "{f.name}"'] if total else []
    return ", ".join(made)


def _rhythm(task: Task) -> str:
    reach = int(SPAN["longest_gap"] * DAY)
    last_of = {
        "active_days": f"after IS NULL OR after // {DAY} <> moment // {DAY}",
        "sessions": f"after IS NULL OR after - moment > {VISIT}",
    }
    made = [
        f'count(*) FILTER (age <= {span(f)} AND ({last_of[f.family]})) AS "{f.name}"'
        for f in task.features
        if f.family in last_of
    ]
    begin = f"greatest(before, {task.as_of - reach})"
    made.append(f"max(moment - {begin}) FILTER (age <= {reach}) AS gap")
    return ", ".join([*made, "max(age) AS first", "min(age) AS latest"])


def _finished(f: Feature, task: Task) -> str:
    """The column as the model takes it: days instead of microseconds, a value for leads without such events."""
    reach = int(SPAN["longest_gap"] * DAY)
    special = {
        "recency": f'least(coalesce("{f.name}", {LONGEST}), {LONGEST}) / {DAY}',
        "age": f"least(greatest({task.as_of} - created, 0), {LONGEST}) / {DAY}",
        "first": f"least(coalesce(first, 0), {LONGEST}) / {DAY}",
        "longest_gap": f"greatest(coalesce(gap, 0), least(coalesce(latest, {reach}), {reach})) / {DAY}",
    }
    return special.get(f.family, f'coalesce("{f.family if f.family in SPAN else f.name}", 0)')
