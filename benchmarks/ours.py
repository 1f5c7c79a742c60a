"""The library's own way from files to features, with the functions that `benchmarks.peers` has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.company import CUT, VALUES, open_project
from benchmarks.peers import FAMILIES, Task
from lead_readiness import features as feat
from lead_readiness import sources, timelines
from lead_readiness.features.attributes import Attributes
from lead_readiness.features.catalogue import event_features, groups
from lead_readiness.project import ProjectFile
from lead_readiness.tables import Tables, validate
from lead_readiness.timelines import Timelines

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Data:
    """A company's timelines, and the catalogue that a task's features make."""

    timelines: Timelines
    catalogue: feat.Catalogue


def task_of(project: ProjectFile) -> Task:
    """The features of the project's vocabulary that every peer can say, at the end of the data."""
    counts = dict.fromkeys(project.kinds, 1)
    wanted = [f for f in event_features(project, counts, VALUES) if f.family in FAMILIES]
    return Task(tuple(wanted), project.kinds, groups(project, counts)[0].kinds, CUT)


def load(folder: Path, task: Task) -> Data:
    """Timelines of all that the files hold, believed as the peers believe it: no row is checked."""
    project = open_project(folder)
    return _data(_unchecked(sources.read(project)), project, task)


def load_checked(folder: Path, task: Task) -> Data:
    """Timelines as a user gets them: every row kept the data contract, and none is a duplicate."""
    project = open_project(folder)
    return _data(validate(project, **sources.read(project)), project, task)


def alone(folder: Path, lead_id: str, task: Task) -> Data:
    """The timelines of one lead."""
    project = open_project(folder)
    raw = sources.read(project)
    own = {name: table.filter(pc.equal(table["lead_id"], lead_id)) for name, table in raw.items()}
    return _data(validate(project, **own), project, task)


def _data(tables: Tables, project: ProjectFile, task: Task) -> Data:
    catalogue = feat.Catalogue(task.features, Attributes(), project.kinds, task.activity)
    return Data(timelines.build(tables, project), catalogue)


def features(data: Data, task: Task) -> Matrix:
    n = len(data.timelines)
    return feat.compute(data.catalogue, data.timelines, np.arange(n, dtype=np.int32), np.full(n, task.as_of))


def matrix(table: Matrix) -> Matrix:
    return table


def from_parquet(folder: Path, task: Task) -> Matrix:
    return features(load(folder, task), task)


def checked_from_parquet(folder: Path, task: Task) -> Matrix:
    return features(load_checked(folder, task), task)


def in_order(found: Matrix, data: Data) -> Matrix:
    """The rows in the order of lead ids, as the peers have them."""
    return found[np.argsort(data.timelines.lead_ids.astype(str))]


def _unchecked(raw: dict[str, pa.Table]) -> Tables:
    """The tables as they were read, absent columns added."""
    leads, outcomes, handoffs = (_frame(raw[name]) for name in ("leads", "outcomes", "handoffs"))
    events = raw["events"].append_column("event_id", pa.nulls(raw["events"].num_rows, pa.string()))
    for place, name in ((1, "occurred_at"), (2, "recorded_at")):
        events = events.set_column(place, name, events[name].cast(pa.timestamp("us", "UTC")))
    absent = {
        "opportunity_at": pd.Series(pd.NaT, outcomes.index, "datetime64[us, UTC]"),
        "amount": np.nan,
        "reason": None,
    }
    return Tables(leads, events, outcomes.assign(**absent), handoffs)


def _frame(table: pa.Table) -> pd.DataFrame:
    frame = table.combine_chunks().to_pandas()
    times = [name for name in frame if isinstance(frame[name].dtype, pd.DatetimeTZDtype)]
    return frame.assign(
        **{name: frame[name].dt.tz_convert("UTC").astype("datetime64[us, UTC]") for name in times}
    )
