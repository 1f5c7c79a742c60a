"""One bucket's work, wherever it is done: its files in, one file out, which is there whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness import tables
from lead_readiness.bucket import ASSESSED, Asked, assess_tables
from lead_readiness.project import Table
from lead_readiness.scorer import Scorer
from lead_readiness.sources.bucket_files import ROW, SHARED, Buckets
from lead_readiness.sources.reading import translated
from lead_readiness.tables import BadRowsError, Note, Tables, columns

SETTINGS, MODEL, TABLES, DONE = "settings.json", "model", "tables", "done"
ROWS_AT_ONCE = 256
"""Rows of a batch in a bucket's file: what the gathering holds of each file."""
DEPENDS = "belongs to a lead that is set aside"
Raw = dict[str, pa.Table | None]


@dataclass(frozen=True)
class Task:
    """A bucket below ``folder``; ``only`` names the file with the leads to tell of, where it is not all of them.

    ``plan`` tells what is in the folder from what was there before: workers may live longer than it.
    """

    folder: str
    plan: str
    bucket: int
    only: str | None = None

    @property
    def target(self) -> Path:
        """The file that the work leaves."""
        return Path(self.folder) / (self.only or DONE) / f"{self.bucket:05d}.arrow"


@dataclass(frozen=True)
class Settings:
    """What all buckets share, as it is kept beside them; ``values`` are those of the project file's tables."""

    as_of: int
    values: dict[str, dict[str, dict[str, str]]]
    changed_only: bool = False
    tolerance: float = 1.0
    top: int | None = None

    def save(self, folder: Path) -> None:
        """Keep them below ``folder``."""
        (folder / SETTINGS).write_text(json.dumps(self.__dict__), encoding="utf-8")


def work(task: Task) -> int:
    """Do a bucket and return how many leads it has; done already, nothing is done.

    Notes and bad rows are in the file's metadata.
    """
    if task.target.exists():
        return 0
    pa.set_cpu_count(1)  # the buckets share the processors; a bucket is one process's
    settings, scorer, buckets = _shared(task.folder, task.plan)
    raw: Raw = {name: buckets.read(name, task.bucket) for name in ("leads", "events", "outcomes", "handoffs")}
    checked, bad = _checked(raw, scorer, settings, Path(task.folder) / TABLES)
    only = None
    if task.only is not None:
        only = (
            pa.ipc.open_file(Path(task.folder) / f"{task.only}.arrow").read_all()["lead_id"].combine_chunks()
        )
    asked = Asked(
        previous=buckets.read("previous", task.bucket),
        changed_only=settings.changed_only and only is None,
        tolerance=settings.tolerance,
        only=only,
        top=settings.top,
    )
    made = (
        ASSESSED.empty_table() if checked is None else assess_tables(scorer, checked, settings.as_of, asked)
    )
    told = {"notes": [vars(note) for note in checked.notes] if checked else [], "bad": bad.to_dict("list")}
    write(made.replace_schema_metadata({"told": json.dumps(told)}), task.target)
    return len(made)


@lru_cache(maxsize=1)
def _shared(folder: str, plan: str) -> tuple[Settings, Scorer, Buckets]:
    kept = json.loads((Path(folder) / SETTINGS).read_text(encoding="utf-8"))
    scorer = Scorer.load(Path(folder) / MODEL)
    return Settings(**kept), scorer, Buckets.load(Path(folder) / TABLES)


def write(table: pa.Table, path: Path) -> None:
    """Write an Arrow file through another name, so that a broken run leaves no half file behind."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with pa.OSFile(str(part), "wb") as file, pa.ipc.new_file(file, table.schema, options=options) as out:
        out.write_table(table.combine_chunks(), max_chunksize=ROWS_AT_ONCE)
    part.replace(path)


def _checked(
    raw: Raw, scorer: Scorer, settings: Settings, folder: Path
) -> tuple[Tables | None, pd.DataFrame]:
    """The bucket's tables, and every bad row by its number in the source; None where there is no good lead."""
    numbers = {name: _numbers(table) for name, table in raw.items()}
    raw = {name: _translated(name, table, settings) for name, table in raw.items()}
    bad = []
    raw["events"], numbers["events"], shared = _without_shared(raw["events"], numbers["events"], folder)
    bad.append(shared)
    if raw["leads"] is None or len(raw["leads"]) == 0:
        bad += [
            _strays(name, raw[name], numbers[name], scorer) for name in ("events", "outcomes", "handoffs")
        ]
        return None, pd.concat(bad, ignore_index=True)
    checked = None
    try:
        checked = tables.validate(
            scorer.project, raw["leads"], raw["events"], raw["outcomes"], raw["handoffs"], quarantine=True
        )
        found = checked.bad
    except BadRowsError as error:  # no lead is left
        found = error.bad
    for name, rows in found.groupby("table"):
        # The header is row 1: the first row of a table is row 2.
        bad.append(rows.assign(row=numbers[str(name)][rows["row"].to_numpy() - 2]))
    return checked, pd.concat(bad, ignore_index=True)


def _numbers(table: pa.Table | None) -> Any:
    return np.zeros(0, np.int64) if table is None else table[ROW].to_numpy()


def _translated(name: str, table: pa.Table | None, settings: Settings) -> pa.Table | None:
    if table is None:
        return None
    place = Table(path=name, values=settings.values.get(name, {}))
    return translated(name, place, table.drop_columns([ROW]))


def _bad(table: str, rows: Any, column: str, values: Any, problem: str) -> pd.DataFrame:
    return pd.DataFrame({"table": table, "row": rows, "column": column, "value": values, "problem": problem})


def _without_shared(events: Any, numbers: Any, folder: Path) -> tuple[pa.Table, Any, pd.DataFrame]:
    """The events without those whose id is that of another lead's event in some other bucket."""
    none = _bad("events", numbers[:0], "event_id", [], "")
    path = folder / SHARED
    if not path.exists():
        return events, numbers, none
    shared = pa.ipc.open_file(path).read_all()["event_id"].combine_chunks()
    ids = columns.text(events["event_id"]).cast(pa.string())
    theirs = pc.fill_null(pc.is_in(ids, value_set=shared), False).to_numpy(zero_copy_only=False)
    if not theirs.any():
        return events, numbers, none
    values = ids.filter(pa.array(theirs)).to_pylist()
    bad = _bad("events", numbers[theirs], "event_id", values, "names several different events")
    return events.filter(pa.array(~theirs)), numbers[~theirs], bad


def _strays(name: str, table: pa.Table | None, numbers: Any, scorer: Scorer) -> pd.DataFrame:
    """Rows in a bucket without leads: of leads that the leads table lacks."""
    if table is None:
        return _bad(name, numbers, "lead_id", [], "")
    ids, keep = columns.text(table["lead_id"]).cast(pa.string()), np.ones(len(table), bool)
    if name == "events":
        keep = pc.is_in(
            columns.text(table["kind"]).cast(pa.string()), value_set=pa.array(scorer.project.kinds)
        ).to_numpy(zero_copy_only=False)
    problem = "is no lead of the leads table"
    return _bad(name, numbers[keep], "lead_id", ids.filter(pa.array(keep)).to_pylist(), problem)


def told_of(path: Path) -> tuple[list[Note], pd.DataFrame]:
    """The notes and the bad rows of a bucket that was done."""
    with pa.OSFile(str(path), "rb") as file:
        told = json.loads((pa.ipc.open_file(file).schema.metadata or {})[b"told"])
    return [Note(**note) for note in told["notes"]], pd.DataFrame(told["bad"])
