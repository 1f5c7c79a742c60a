"""What the hand-off's last evaluation left, kept for the next one: states of leads, and lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from lead_readiness.errors import DataError
from lead_readiness.handoff.states import BEFORE, LEADS, LINES, Line, Past, States
from lead_readiness.moments import written
from lead_readiness.timelines import NEVER
from lead_readiness.wire.values import LONGEST_ID
from serving.store import checks, joining
from serving.store.checks import Row
from serving.store.names import Names, look_up, meant
from serving.store.schema import handoff_lines, handoff_states

Columns = dict[str, npt.NDArray[Any]]
MOMENTS = {prefix + name for prefix in ("", BEFORE) for name in ("as_of", "handed_off")}
TYPES = {"score": np.float64, "line": np.float64, "ready": np.bool_, "taken": np.int64}


def evaluated(db: sa.Connection) -> int | None:
    """The moment of the last evaluation, None before the first."""
    last: int | None = db.scalar(sa.select(sa.func.max(handoff_lines.c.as_of)))
    return last


def read(db: sa.Connection, lead_ids: Sequence[str] | None) -> States:
    """All lines, and the states of these leads or of all; see `Store.states`."""
    everybody = sa.select(*(handoff_states.c[name] for name in LEADS))
    if lead_ids is None:
        asked: Iterable[sa.Select[Any]] = [everybody]
    else:
        ids = list(dict.fromkeys(meant(db, lead_ids).values()))
        asked = (everybody.where(handoff_states.c.lead_id.in_(some)) for some in joining.chunks(ids))
    leads = _columns(LEADS, chain.from_iterable(_parts(db, select) for select in asked))
    lines = _columns(LINES, _parts(db, sa.select(*(handoff_lines.c[name] for name in LINES))))
    by = pc.sort_indices(pa.array(leads["lead_id"], pa.string())).to_numpy()
    pairs = [*zip(lines["cycle"], lines["queue"])]
    order = sorted(range(len(pairs)), key=pairs.__getitem__)
    past, past_before = (Past(*(leads[p + name][by] for name in Past._fields)) for p in ("", BEFORE))
    line, line_before = (Line(*(lines[p + name][order] for name in Line._fields)) for p in ("", BEFORE))
    cycle, queue = lines["cycle"][order], lines["queue"][order]
    return States(leads["lead_id"][by], past, past_before, cycle, queue, line, line_before)


def _parts(db: sa.Connection, select: sa.Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows in pieces, as they are asked for."""
    yield from db.execute(select.execution_options(yield_per=joining.ROWS_AT_ONCE)).partitions()


def _columns(names: Sequence[str], parts: Iterable[Sequence[Sequence[Any]]]) -> Columns:
    pieces: list[list[npt.NDArray[Any]]] = [[_array(name, ())] for name in names]
    for rows in parts:
        for name, piece, values in zip(names, pieces, zip(*rows)):
            piece.append(_array(name, values))
    return {name: np.concatenate(piece) for name, piece in zip(names, pieces)}


def _array(name: str, values: Sequence[Any]) -> npt.NDArray[Any]:
    """One column as `States` holds it: no moment is ``NEVER``, no number NaN."""
    if name in MOMENTS:
        return np.array([NEVER if value is None else value for value in values], np.int64)
    return np.array(values, TYPES.get(name.removeprefix(BEFORE), np.object_))


def save(db: sa.Connection, states: States) -> int:
    """Keep an evaluation; see `Store.save_states`."""
    _refuse_older(evaluated(db), states)
    lines = [*_rows(LINES, (states.cycle, states.queue), states.line, states.line_before)]
    db.execute(sa.delete(handoff_lines))
    if lines:
        db.execute(sa.insert(handoff_lines), lines)
    names = look_up(db, states.lead_id.tolist())
    leads = _rows(LEADS, (states.lead_id,), states.past, states.past_before)
    return joining.replace(db, handoff_states, _now(leads, names), "as_of")


def check(states: States) -> None:
    """Refuse, before the database is asked, ids and names that it cannot hold."""
    checks.names("handoff_states", states.lead_id.tolist())
    for place, pair in enumerate(zip(states.cycle.tolist(), states.queue.tolist())):
        for column, value in zip(("cycle", "queue"), pair):
            checks.Columns("handoff_lines", place).text(column, value, LONGEST_ID)


def _refuse_older(stored: int | None, states: States) -> None:
    given = int(states.line.as_of.max()) if len(states.cycle) else None
    if stored is None or (given is not None and given >= stored):
        return
    found = "of no evaluation" if given is None else f"of {written(given)}"
    raise DataError(
        f"the hand-off states are {found}, the store's of {written(stored)}; expected the same moment or a later "
        "one: read the store's states again, and decide from them"
    )


def _rows(
    names: Sequence[str], key: Sequence[npt.NDArray[Any]], last: Past | Line, before: Past | Line
) -> Iterator[Row]:
    """The columns as rows, in pieces; null where `States` has ``NEVER`` or NaN."""
    columns = (*key, *last, *before)
    for start in range(0, len(columns[0]), joining.ROWS_AT_ONCE):
        piece = [_plain(column[start : start + joining.ROWS_AT_ONCE]) for column in columns]
        yield from (dict(zip(names, values)) for values in zip(*piece))


def _plain(column: npt.NDArray[Any]) -> list[Any]:
    if column.dtype.kind == "f":
        return [None if value != value else value for value in column.tolist()]
    return [None if value == NEVER else value for value in column.tolist()]


def _now(rows: Iterable[Row], names: Names) -> Iterator[Row]:
    """The rows under the ids that their leads have now, without erased ones and each lead once.

    Of a lead that became another, and of that other, there may be two: these wait for each other.
    """
    twofold = {*names.became, *names.became.values()}
    waiting: dict[str, Row] = {}
    for told in rows:
        row = names.now(told) if told["lead_id"] in names.became or names.erased else told
        if row is None:
            continue
        lead = row["lead_id"]
        if lead not in twofold:
            yield row
        else:
            waiting[lead] = joining.states(waiting[lead], row) if lead in waiting else row
    yield from (waiting[lead] for lead in sorted(waiting))
