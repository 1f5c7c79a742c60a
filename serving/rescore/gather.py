"""All buckets together: one decision over everybody, then the rows in the order of their ids, a stretch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness.answer import DECISION, ROW
from lead_readiness.bucket import ASSESSED, CHANGED, SEEN, seen_of
from lead_readiness.handoff import Decisions, States, decide
from lead_readiness.project import Handoff

OUTPUT = pa.schema([*ROW, *CHANGED])
"""The columns of an output."""
NARROW = ("lead_id", "score", "probability", "triggered", *SEEN.names, "told")
ROWS_AT_ONCE = 20_000
"""Rows that are put in order at once."""


def narrow(paths: Sequence[Path]) -> pa.Table:
    """What decisions need of all leads in these files, file by file, with the ``file`` of each."""
    fields = [ASSESSED.get_field_index(name) for name in NARROW]
    options = pa.ipc.IpcReadOptions(included_fields=sorted(fields), use_threads=False)
    parts = []
    for place, path in enumerate(paths):
        with pa.OSFile(str(path), "rb") as file:
            part = pa.ipc.open_file(file, options=options).read_all().replace_schema_metadata(None)
        parts.append(part.append_column("file", pa.array(np.full(len(part), place, np.int32))))
    return pa.concat_tables(parts)


def decided(policy: Handoff, states: States, everybody: pa.Table, as_of: int, seed: int) -> Decisions:
    """One decision for each lead, row by row."""
    return decide(policy, states, seen_of(everybody), as_of, seed)


def in_order(
    paths: Sequence[Path], rows: pa.Table, decisions: pa.Table, decision: npt.NDArray[np.integer]
) -> Iterator[pa.Table]:
    """The told rows of the files as an output has them, sorted by lead_id; each file's rows are sorted already.

    ``rows`` has the ``lead_id`` and ``file`` of each told row, file by file; ``decision`` is its row in ``decisions``.
    """
    order = pc.sort_indices(rows["lead_id"]).to_numpy()
    file = rows["file"].to_numpy()
    readers = [_Told(path) for path in paths]
    for begin in range(0, len(order), ROWS_AT_ONCE):
        at = order[begin : begin + ROWS_AT_ONCE]
        by_file = np.argsort(at, kind="stable")
        wanted = np.bincount(file[at], minlength=len(paths))
        parts = [readers[place].take(int(n)) for place, n in enumerate(wanted) if n]
        place = np.empty(len(at), np.int64)
        place[by_file] = np.arange(len(at))
        yield _output(pa.concat_tables(parts).take(place), decisions.take(decision[at]))


def _output(told: pa.Table, decisions: pa.Table) -> pa.Table:
    names = DECISION.names
    columns = [decisions[name] if name in names else told[name] for name in OUTPUT.names]
    return pa.table(columns, schema=OUTPUT)


class _Told:
    """The told rows of one file, some after the other."""

    def __init__(self, path: Path) -> None:
        self._path, self._next = path, 0
        self._left: pa.Table | None = None

    def take(self, n: int) -> pa.Table:
        """The next n rows."""
        parts = [] if self._left is None else [self._left]
        have = sum(map(len, parts))
        with pa.OSFile(str(self._path), "rb") as file:
            source = pa.ipc.open_file(file)
            while have < n:
                batch = pa.Table.from_batches([source.get_batch(self._next)]).replace_schema_metadata(None)
                parts.append(batch.filter(batch["told"]))
                have, self._next = have + len(parts[-1]), self._next + 1
        whole = pa.concat_tables(parts)
        self._left = whole.slice(n)
        return whole.slice(0, n)


def columns_of(made: Decisions, zone: tzinfo) -> pa.Table:
    """The decisions as columns of an output; the dates in sentences are those of ``zone``."""
    frame = made.frame(zone)[DECISION.names]
    frame["re_entry"] = frame["re_entry"].dt.tz_convert(None)
    return pa.table([_column(frame[field.name], field.type) for field in DECISION], schema=DECISION)


def _column(column: pd.Series[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(column.to_numpy(object) if pa.types.is_string(kind) else column, from_pandas=True).cast(
        kind
    )
