"""Timelines laid one after the other: leads that have nothing to do with each other, worked on in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lead_readiness.timelines.history import Ints, Timelines

PLAIN = (
    *("lead_ids", "created", "time", "recorded", "kind", "value"),
    *("outcome", "decided", "opportunity", "opened", "amount", "handed_off", "returned", "return_reason"),
)
"""Columns that refer to no other."""


def joined(parts: Sequence[Timelines]) -> tuple[Timelines, list[int]]:
    """The timelines of all ``parts``, at least one, and where the leads of each begin among them.

    The parts have the same kinds and attributes. Their accounts stay apart, and their leads too, even with equal ids:
    each lead scores as it did by itself, to the bit. ``cut`` is the latest.

    >>> import pandas as pd
    >>> from lead_readiness import tables
    >>> from lead_readiness.project import Project
    >>> from lead_readiness.timelines import build
    >>> project = Project.model_validate({"name": "Acme", "vocabulary": {"visit": {"behaviour": "web"}}})
    >>> leads = pd.DataFrame({"lead_id": ["a"], "created_at": ["2026-01-01T00:00Z"]})
    >>> visits = pd.DataFrame({"lead_id": ["a"], "occurred_at": ["2026-01-02T00:00Z"], "kind": ["visit"]})
    >>> one = build(tables.validate(project, leads, visits), project)
    >>> both, begins = joined([one, one])
    >>> both.lead_ids.tolist(), both.start.tolist(), begins
    (['a', 'a'], [0, 1, 2], [0, 1])
    """
    first = parts[0]
    if len(parts) == 1:
        return first, [0]
    leads, accounts = _begins(map(len, parts)), _begins(len(p.account_start) - 1 for p in parts)
    assets = sorted({name for part in parts for name in part.assets})
    place = {name: code for code, name in enumerate(assets)}
    rows = [_rows(part) for part in parts]
    columns: dict[str, Any] = {name: np.concatenate([getattr(p, name) for p in parts]) for name in PLAIN}
    columns |= {
        "account": _moved([p.account for p in parts], accounts),
        "account_start": _slices([p.account_start for p in parts]),
        "start": _slices([p.start for p in parts]),
        "handoff_start": _slices([p.handoff_start for p in parts]),
        "attributes": {k: np.concatenate([p.attributes[k] for p in parts]) for k in first.attributes},
        "asset": np.concatenate(
            [np.array([*(place[a] for a in p.assets), -1], np.int32)[p.asset] for p in parts]
        ),
        "order": np.concatenate(
            [np.where(p.order < 0, -1, p.order + n) for p, n in zip(parts, _begins(rows))]
        ),
    }
    return replace(
        first,
        **columns,
        assets=tuple(assets),
        event_ids=tuple(name for part, n in zip(parts, rows) for name in _ids(part, n)),
        cut=max(part.cut for part in parts),
        accounts_known=any(part.accounts_known for part in parts),
    ), leads


def _begins(sizes: Any) -> list[int]:
    return [0, *accumulate(sizes)][:-1]


def _moved(columns: Sequence[npt.NDArray[Any]], by: Sequence[int]) -> npt.NDArray[Any]:
    return np.concatenate([column + column.dtype.type(n) for column, n in zip(columns, by)])


def _slices(starts: Sequence[Ints]) -> Ints:
    """The boundaries of all slices: each column's own end is where the next begins."""
    begins = _begins(int(start[-1]) for start in starts)
    return np.append(_moved([start[:-1] for start in starts], begins), begins[-1] + starts[-1][-1])


def _rows(part: Timelines) -> int:
    """How many rows of its source a part may refer to."""
    return int(part.order.max(initial=-1)) + 1


def _ids(part: Timelines, rows: int) -> Sequence[str | None]:
    """The ids of so many rows of the source."""
    if part.event_ids is None:
        return (None,) * rows
    known = (
        part.event_ids.slice(0, rows).to_pylist()
        if isinstance(part.event_ids, pa.ChunkedArray)
        else part.event_ids
    )
    return known[:rows]
