"""One raw table while it is checked: the rows still in, what became of the others, what is wrong with the bad ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from lead_readiness.errors import DataError
from lead_readiness.project import Project
from lead_readiness.tables import columns
from lead_readiness.tables.columns import Flaw, Mask
from lead_readiness.tables.contract import check_columns, columns_of

SHOWN = 5
BAD_COLUMNS = ("table", "row", "column", "value", "problem")


@dataclass(frozen=True)
class Note:
    """One counted treatment of a table's rows; ``set_aside`` says whether they were left out."""

    table: str
    code: str
    rows: int
    text: str
    set_aside: bool = False

    def __str__(self) -> str:
        return f"{self.table}: {self.text}"


class BadRowsError(DataError):
    """Rows that do not keep the data contract; ``bad`` [table, row, column, value, problem] lists all of them."""

    def __init__(self, message: str, bad: pd.DataFrame) -> None:
        super().__init__(message)
        self.bad = bad


@dataclass(frozen=True)
class Bad:
    """Bad rows of one column for one reason: their row numbers and what they hold."""

    source: str
    table: str
    column: str
    row: npt.NDArray[np.int64]
    values: pa.ChunkedArray
    problem: str
    expected: str


class Sheet:
    """A raw table under examination; columns come out converted, and their flaws are remembered.

    Rows are numbered as a spreadsheet numbers them (the header is row 1), those of JSON lines by line.
    ``data`` holds the columns read so far, ``lead`` each row's place among the leads (-1 for none).
    """

    def __init__(
        self, name: str, frame: pd.DataFrame | pa.Table | None, project: Project, source: str | None
    ) -> None:
        self.name, self.source, self.zone = name, source or name, project.timezone
        self.contract = {c.name: c for c in columns_of(name, project)}
        raw = columns.as_arrow(
            pa.table({c: pa.nulls(0) for c in self.contract}) if frame is None else frame, name
        )
        check_columns(name, raw.column_names, project, self.source)
        have = [c for c in self.contract if c in raw.column_names]
        self.raw = raw.select(have)
        for column in self.contract.keys() - set(have):
            self.raw = self.raw.append_column(column, pa.nulls(raw.num_rows))
        self.first = 1 if self.source.removesuffix(".gz").endswith((".jsonl", ".ndjson")) else 2
        self.row: npt.NDArray[np.int64] | None = None
        self.bad: Mask = np.zeros(raw.num_rows, dtype=bool)
        self.lead: npt.NDArray[np.int32] = np.full(raw.num_rows, -1, dtype=np.int32)
        self.data: dict[str, Any] = {}
        self.found: list[Bad] = []
        self.notes: list[Note] = []
        self.unclear = 0

    def __len__(self) -> int:
        return len(self.bad)

    def has(self, column: str) -> bool:
        """Whether the table came with the column and anything in it."""
        return not pa.types.is_null(self.raw[column].type)

    def note(self, code: str, rows: int, text: str, set_aside: bool = False) -> None:
        """Remember what was done with some rows, if there are any."""
        if rows:
            self.notes.append(Note(self.name, code, rows, text, set_aside))

    def leave_out(self, rows: Mask) -> None:
        """Take rows out of the examination before any column is read; the others keep their numbers."""
        keep = ~rows
        self.row = self._numbers(keep)
        self.raw, self.bad, self.lead = self.raw.filter(pa.array(keep)), self.bad[keep], self.lead[keep]

    def _numbers(self, rows: Mask) -> npt.NDArray[np.int64]:
        return np.flatnonzero(rows) + self.first if self.row is None else self.row[rows]

    def reject(self, column: str, rows: Mask, problem: str, expected: str) -> None:
        """Remember rows as bad because of what a column holds."""
        if not rows.any():
            return
        values = self.raw[column].take(pa.array(np.flatnonzero(rows)))
        self.found.append(Bad(self.source, self.name, column, self._numbers(rows), values, problem, expected))
        self.bad |= rows

    def _reject_all(self, column: str, flaws: Iterable[Flaw]) -> None:
        for flaw in flaws:
            self.reject(column, flaw.rows, flaw.problem, flaw.expected)

    def _need(self, column: str) -> None:
        if self.contract[column].required:
            self.reject(column, columns.blank(self.raw[column]), "is empty", f"a `{column}` in every row")

    def text(self, column: str) -> pa.ChunkedArray:
        """The column as text, null where missing; ids with flaws and missing required values are rejected."""
        raw = self.raw[column]
        read = columns.without_blanks(columns.text(raw))
        if self.contract[column].holds == "id":
            self._reject_all(column, columns.identity_flaws(read, raw.type))
        if read.null_count:
            self._need(column)
        return read

    def words(self, column: str) -> pa.DictionaryArray:
        """The column as dictionary-encoded text, null where missing."""
        return columns.whole(
            columns.without_blanks(pa.chunked_array([columns.encode(columns.text(self.raw[column]))]))
        )

    def times(self, column: str) -> npt.NDArray[np.datetime64]:
        """The column as datetime64[us] in UTC, NaT where missing or unreadable."""
        read = columns.times(self.raw[column], self.zone)
        self._reject_all(column, read.flaws)
        self.unclear += read.unclear
        if np.isnat(read.values).any():
            self._need(column)
        return read.values

    def numbers(self, column: str) -> npt.NDArray[np.float64]:
        """The column as float64, NaN where missing or unreadable."""
        values, flaws = columns.numbers(self.raw[column])
        self._reject_all(column, flaws)
        return values

    def note_bad(self) -> None:
        """One note that counts the bad rows and says why they are."""
        why = Counter[str]()
        for bad in self.found:
            why[f"{bad.column} {bad.problem}"] += len(bad.row)
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in why.items())
        count = int(self.bad.sum())
        self.note("bad", count, f"{rows_of(count)} set aside as bad: {reasons}", True)


def rows_of(count: int) -> str:
    """A count of rows in words.

    >>> rows_of(1), rows_of(1200)
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def bad_frame(found: Sequence[Bad]) -> pd.DataFrame:
    """Every bad value as a row of [table, row, column, value, problem]; one row may be named several times."""
    parts = [
        pd.DataFrame(
            {
                "table": bad.table,
                "row": bad.row,
                "column": bad.column,
                "value": columns.text(bad.values).cast(pa.string()).to_pandas().astype("str"),
                "problem": bad.problem,
            }
        )
        for bad in found
    ]
    if not parts:
        return pd.DataFrame({c: pd.Series(dtype="int64" if c == "row" else "str") for c in BAD_COLUMNS})
    return pd.concat(parts, ignore_index=True)


def refusal(sheets: Iterable[Sheet]) -> BadRowsError:
    """The error that lists bad rows: the first few of each kind, and how many there are."""
    sheets = list(sheets)
    rows = sum(int(sheet.bad.sum()) for sheet in sheets)
    head = (
        f"{rows:,} bad {'row' if rows == 1 else 'rows'}; mend {'it' if rows == 1 else 'them'} at the source, "
        "or set bad rows aside and count them with --quarantine (quarantine=True)"
    )
    found = [bad for sheet in sheets for bad in sheet.found]
    return BadRowsError("\n".join([head, *map(_paragraph, found)]), bad_frame(found))


def _paragraph(bad: Bad) -> str:
    count = len(bad.row)
    shown = columns.text(bad.values.slice(0, SHOWN)).to_pylist()
    lines = [f"{bad.source}: `{bad.column}` {bad.problem} in {rows_of(count)}; expected {bad.expected}"]
    lines += [
        f"  row {row}: {'(empty)' if not value else repr(value)}"
        for row, value in zip(bad.row[:SHOWN], shown)
    ]
    if count > SHOWN:
        lines.append(f"  and {count - SHOWN:,} more")
    return "\n".join(lines)
