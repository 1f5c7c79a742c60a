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
from lead_readiness.project import Label, ProjectFile
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
    """Timelines of leads and events, which are believed as the peers believe them: no row is checked."""
    project, raw = _read(folder)
    leads = raw["leads"].combine_chunks().to_pandas().assign(account_id=None)
    none = pa.nulls(len(raw["events"]), pa.string())
    tables = Tables(
        leads, raw["events"].append_column("event_id", none), *_nothing_decided(project, raw["leads"])
    )
    return _data(tables, project, task)


def load_checked(folder: Path, task: Task) -> Data:
    """The same as a user gets it: every row keeps the data contract, and none is a duplicate."""
    project, raw = _read(folder)
    return _data(validate(project, raw["leads"], raw["events"]), project, task)


def load_all(folder: Path, task: Task) -> Data:
    """A company with all its tables and attributes, checked."""
    project = open_project(folder)
    return _data(validate(project, **sources.read(project)), project, task)


def alone(folder: Path, lead_id: str, task: Task) -> Data:
    """The timelines of one lead."""
    project, raw = _read(folder)
    own = [raw[name].filter(pc.equal(raw[name]["lead_id"], lead_id)) for name in ("leads", "events")]
    return _data(validate(project, *own), project, task)


def _read(folder: Path) -> tuple[ProjectFile, dict[str, pa.Table]]:
    """What the peers read, too: leads and when they were created, and the events."""
    project = open_project(folder).model_copy(update={"attributes": {}, "label": Label()})
    named = dict(project.tables.items())
    return project, {name: sources.read_table(name, named[name], project) for name in ("leads", "events")}


def _nothing_decided(project: ProjectFile, leads: pa.Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The outcomes and hand-offs of a company that has none."""
    empty = validate(
        project, leads.slice(0, 1), pa.table({name: [] for name in ("lead_id", "occurred_at", "kind")})
    )
    return empty.outcomes, empty.handoffs


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


def from_parquet_checked(folder: Path, task: Task) -> Matrix:
    return features(load_checked(folder, task), task)


def from_parquet_all(folder: Path, task: Task) -> Matrix:
    return features(load_all(folder, task), task)


def in_order(found: Matrix, data: Data) -> Matrix:
    """The rows in the order of lead ids, as the peers have them."""
    return found[np.argsort(data.timelines.lead_ids.astype(str))]
