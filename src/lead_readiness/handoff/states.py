"""What one evaluation leaves for the next: a row a lead and a row a line, kept as two small tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness.errors import DataError, nearest
from lead_readiness.handoff.kernel import Bools, Floats, Places
from lead_readiness.handoff.seen import Pair, Words, refuse_twins
from lead_readiness.moments import written
from lead_readiness.timelines import NEVER, Ints, micros


class Past(NamedTuple):
    """Per lead: when it was last evaluated, its score then, whether it is ready, when it was handed off."""

    as_of: Ints
    score: Floats
    ready: Bools
    handed_off: Ints


class Line(NamedTuple):
    """Per line: when it was last looked at, where it is (NaN: nowhere yet), the week's places already taken."""

    as_of: Ints
    line: Floats
    taken: Ints


NO_PAST = Past(np.array([NEVER]), np.array([np.nan]), np.array([False]), np.array([NEVER]))
NO_LINE = Line(np.array([NEVER]), np.array([np.nan]), np.array([0]))
BEFORE = "before_"
FEW = 100
"""Of so many times more leads than are asked for each is looked up by itself: to list them all would take longer."""
LEADS = ("lead_id", *Past._fields, *(BEFORE + name for name in Past._fields))
LINES = ("cycle", "queue", *Line._fields, *(BEFORE + name for name in Line._fields))


@dataclass(frozen=True)
class States:
    """The leads ever evaluated, sorted by id, and the lines, one a sales cycle and queue, in their order.

    ``past`` and ``line`` are as the last evaluation left them, ``past_before`` and ``line_before`` as it found them:
    an evaluation made again at the same moment starts from there, and so comes to the same.
    """

    lead_id: Words
    past: Past
    past_before: Past
    cycle: Words
    queue: Words
    line: Line
    line_before: Line

    @classmethod
    def empty(cls) -> States:
        """Before the first evaluation.

        >>> len(States.empty().leads()), len(States.empty().lines())
        (0, 0)
        """
        none, past, line = (
            np.zeros(0, object),
            Past._make(c[:0] for c in NO_PAST),
            Line._make(c[:0] for c in NO_LINE),
        )
        return cls(none, past, past, none, none, line, line)

    def __len__(self) -> int:
        return len(self.lead_id)

    @cached_property
    def _place(self) -> dict[str, int]:
        """The place of each lead by its id."""
        return {name: place for place, name in enumerate(self.lead_id.tolist())}

    @cached_property
    def _line_place(self) -> dict[Pair, int]:
        """The place of each line by its cycle and queue."""
        return {pair: place for place, pair in enumerate(self.pairs)}

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The cycle and the queue of each line."""
        return tuple(zip(self.cycle.tolist(), self.queue.tolist()))

    def last_before(self, as_of: int) -> int:
        """The last evaluation before ``as_of``, ``NEVER`` if there was none.

        Raises DataError when the states are of a later moment.
        """
        if len(self.cycle) == 0:
            return NEVER
        last = int(self.line.as_of[0])
        if as_of < last:
            raise DataError(
                f"the hand-off states are of {written(last)}, the decision was asked for as of {written(as_of)}; "
                "expected the same moment or a later one: give the states kept before it, or start from empty ones"
            )
        return int(self.line_before.as_of[0]) if as_of == last else last

    def places(self, lead_id: Words) -> Ints:
        """The place of each lead, -1 where it was never evaluated."""
        if len(lead_id) == len(self) and (lead_id == self.lead_id).all():
            return np.arange(len(self))
        if FEW * len(lead_id) < len(self):
            at = np.minimum(self.lead_id.searchsorted(lead_id), len(self) - 1)
            return np.where(self.lead_id[at] == lead_id, at, -1)
        known = self._place
        return np.array([known.get(name, -1) for name in lead_id.tolist()], np.int64)

    def of(self, place: Ints, as_of: int) -> Past:
        """What is known from before ``as_of`` of the leads at these `places`; nothing of those never evaluated."""
        last, before = (_padded(part, NO_PAST, place) for part in (self.past, self.past_before))
        return Past._make(_earlier(last, before, as_of))

    def line_before_evaluation(self, as_of: int) -> Line:
        """The lines as an evaluation at ``as_of`` finds them, also when it is made again."""
        return Line._make(_earlier(self.line, self.line_before, as_of))

    def line_of(self, lines: tuple[Pair, ...]) -> Floats:
        """Where these lines are; NaN for those that are nowhere yet."""
        known = self._line_place
        return np.array([self.line.line[known[pair]] if pair in known else np.nan for pair in lines])

    def with_lines(self, lines: tuple[Pair, ...]) -> tuple[States, Places]:
        """These states with a line for each of ``lines``, and the place of each."""
        known = self._line_place
        every = sorted({*known, *lines})
        at = np.array([known.get(pair, -1) for pair in every], np.int64)
        line, before = (Line._make(_padded(part, NO_LINE, at)) for part in (self.line, self.line_before))
        cycle, queue = (np.array([pair[side] for pair in every], object) for side in (0, 1))
        made = replace(self, cycle=cycle, queue=queue, line=line, line_before=before)
        return made, np.array([made._line_place[pair] for pair in lines], np.int32)

    def with_leads(self, lead_id: Words, place: Ints, past: Past, past_before: Past) -> States:
        """These leads' states, at their `places`, as they are now and were before; those of other leads stay."""
        new = place < 0
        ids = np.concatenate([self.lead_id, lead_id[new]])
        place = np.where(new, len(self) - 1 + np.cumsum(new), place)
        now, earlier = (
            [_set(old, place, column, len(ids)) for old, column in zip(had, have)]
            for had, have in ((self.past, past), (self.past_before, past_before))
        )
        by = pc.sort_indices(pa.array(ids, pa.string())).to_numpy() if new.any() else np.arange(len(ids))
        after, before = (Past._make(c[by] for c in part) for part in (now, earlier))
        return replace(self, lead_id=ids[by], past=after, past_before=before)

    def leads(self) -> pd.DataFrame:
        """One row a lead, with the columns `LEADS`; times in UTC, NaT where there is none."""
        return _frame({"lead_id": self.lead_id}, self.past, self.past_before)

    def lines(self) -> pd.DataFrame:
        """One row a sales cycle and queue, with the columns `LINES`."""
        return _frame({"cycle": self.cycle, "queue": self.queue}, self.line, self.line_before)

    @classmethod
    def from_frames(cls, leads: pd.DataFrame, lines: pd.DataFrame) -> States:
        """The states that `leads` and `lines` gave, from wherever they were kept, in any order of rows.

        Raises DataError when a column is missing or unreadable, a lead or line has two rows, or the tables are of two
        evaluations.
        """
        read_leads = _read(leads, LEADS, "leads")
        read_lines = _read(lines, LINES, "lines")
        ids = read_leads["lead_id"]
        refuse_twins(ids, "the hand-off states (leads)")
        names = [*zip(read_lines["cycle"], read_lines["queue"])]
        refuse_twins(names, "the hand-off states (lines)", "line")
        _refuse_two_evaluations(read_leads["as_of"], read_lines["as_of"])
        by_lead = pc.sort_indices(pa.array(ids, pa.string())).to_numpy()
        by_line = np.lexsort((read_lines["queue"].astype(str), read_lines["cycle"].astype(str)))
        past, before = ([read_leads[p + n][by_lead] for n in Past._fields] for p in ("", BEFORE))
        line, line_before = ([read_lines[p + n][by_line] for n in Line._fields] for p in ("", BEFORE))
        return cls(
            ids[by_lead],
            Past(*past),
            Past(*before),
            read_lines["cycle"][by_line],
            read_lines["queue"][by_line],
            Line(*line),
            Line(*line_before),
        )


Column = npt.NDArray[Any]


def _padded(had: Sequence[Column], none: Sequence[Column], place: npt.NDArray[np.integer]) -> list[Column]:
    """The columns' values at these places, and those of nothing at -1."""
    if len(had[0]) == 0:
        return [empty.repeat(len(place)) for empty in none]
    found, nowhere = [column[place] for column in had], place < 0
    for column, empty in zip(found, none):
        column[nowhere] = empty[0]
    return found


def _earlier(last: Sequence[Column], before: Sequence[Column], as_of: int) -> list[Column]:
    """What an evaluation at ``as_of`` starts from: where it was made already, what was before."""
    again = last[0] == as_of
    return [np.where(again, b, a) for a, b in zip(last, before)]


def _set(old: npt.NDArray[Any], place: Ints, values: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    out = np.empty(n, old.dtype)
    out[: len(old)] = old
    out[place] = values
    return out


def _frame(names: dict[str, Words], last: Past | Line, before: Past | Line) -> pd.DataFrame:
    columns: dict[str, Any] = dict(names)
    for prefix, part in (("", last), (BEFORE, before)):
        for name, column in part._asdict().items():
            columns[prefix + name] = moments(column) if name in ("as_of", "handed_off") else column
    return pd.DataFrame(columns)


def moments(times: Ints) -> pd.DatetimeIndex:
    """Microseconds as times in UTC, NaT for ``NEVER``."""
    return pd.DatetimeIndex(
        np.where(times == NEVER, np.datetime64("NaT"), times.astype("datetime64[us]")), tz="UTC"
    )


def _read(frame: pd.DataFrame, expected: tuple[str, ...], table: str) -> dict[str, npt.NDArray[Any]]:
    missing = [name for name in expected if name not in frame.columns]
    if missing:
        raise DataError(
            f"the hand-off states ({table}) have no column `{missing[0]}`"
            f"{nearest(missing[0], map(str, frame.columns))}; expected {', '.join(expected)}, "
            f"as `States.{table}` writes them"
        )
    return {name: _column(frame[name], name.removeprefix(BEFORE), table) for name in expected}


def _column(column: pd.Series[Any], name: str, table: str) -> npt.NDArray[Any]:
    try:
        if name in ("as_of", "handed_off"):
            if column.name == "as_of" and column.isna().any():
                raise ValueError(f"row {int(column.isna().to_numpy().argmax())} has no time")
            return micros(pd.to_datetime(column, utc=True))
        if name in ("lead_id", "cycle", "queue"):
            return column.to_numpy(dtype=object)
        return column.to_numpy(dtype={"ready": bool, "taken": np.int64}.get(name, np.float64))
    except (ValueError, TypeError) as error:
        raise DataError(
            f"the hand-off states ({table}), column `{column.name}`: {error}; "
            f"give the table as `States.{table}` wrote it"
        ) from None


def _refuse_two_evaluations(leads: Ints, lines: Ints) -> None:
    moments, newest = np.unique(lines).tolist(), int(leads.max(initial=0))
    if len(moments) > 1 or newest > max(moments, default=0):
        told = " and ".join(written(moment) for moment in sorted({*moments, newest}) if 0 < moment < NEVER)
        raise DataError(
            f"the hand-off states are of more than one evaluation ({told}); expected leads and lines of the same one: "
            "give the two tables that were written together"
        )
