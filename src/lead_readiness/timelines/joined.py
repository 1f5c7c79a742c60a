"""Timelines laid one after the other: leads that have nothing to do with each other, worked on in one go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import replace
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from lead_readiness.timelines.history import Ints, Timelines

COLUMNS = (
    *("lead_ids", "created", "account", "time", "recorded", "kind", "value", "asset", "order"),
    *("outcome", "decided", "opportunity", "opened", "amount", "handed_off", "returned", "return_reason"),
)
SLICES = "account_start", "start", "handoff_start"
_columns = attrgetter(*COLUMNS, *SLICES)


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
    found = dict(zip((*COLUMNS, *SLICES), zip(*map(_columns, parts))))
    leads, events = found["lead_ids"], found["time"]
    laid: dict[str, Any] = {name: np.concatenate(found[name]) for name in COLUMNS}
    ids = [_ids(part) for part in parts]
    rows = laid["order"] + _moves(map(len, ids), events)
    rows[laid["order"] < 0] = -1
    assets, codes = _assets([part.assets for part in parts])
    laid |= {
        "account": laid["account"] + _moves([len(start) - 1 for start in found["account_start"]], leads),
        "account_start": _slices(found["account_start"], leads),
        "start": _slices(found["start"], events),
        "handoff_start": _slices(found["handoff_start"], found["handed_off"]),
        "asset": codes[laid["asset"] + 1 + _moves([len(part.assets) + 1 for part in parts], events)],
        "order": rows,
    }
    return replace(
        first,
        **laid,
        attributes={k: np.concatenate([part.attributes[k] for part in parts]) for k in first.attributes},
        assets=assets,
        event_ids=tuple(chain.from_iterable(ids)),
        cut=max([part.cut for part in parts]),
        accounts_known=any([part.accounts_known for part in parts]),
    ), _begins(map(len, leads))


def _begins(sizes: Iterable[int]) -> list[int]:
    return [0, *accumulate(sizes)][:-1]


def _moves(sizes: Iterable[int], columns: Sequence[Sized]) -> npt.NDArray[np.int32]:
    """How far each value of the columns moves when what it refers to, of these sizes, is laid one after the other."""
    return np.repeat(np.array(_begins(sizes), np.int32), [*map(len, columns)])


def _slices(starts: Sequence[Ints], columns: Sequence[Sized]) -> Ints:
    """The boundaries of all slices: each part's own end is where the next begins."""
    ends = np.concatenate(starts) + _moves(map(len, columns), starts)
    keep = np.ones(len(ends), bool)
    keep[_begins(map(len, starts))[1:]] = False
    return ends[keep]


def _assets(parts: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """All assets sorted, and their codes part by part, each part's after that of none."""
    assets = sorted({*chain.from_iterable(parts)})
    codes: dict[str | None, int] = dict(zip([*assets, None], [*range(len(assets)), -1]))
    named = chain.from_iterable([(None, *own) for own in parts])
    return tuple(assets), np.array([*map(codes.get, named)], np.int32)


def _ids(part: Timelines) -> Sequence[str | None]:
    """The ids of the rows of its source that a part may refer to."""
    if isinstance(part.event_ids, tuple):
        return part.event_ids
    rows = int(part.order.max(initial=-1)) + 1
    if part.event_ids is None:
        return (None,) * rows
    known: list[str | None] = part.event_ids.slice(0, rows).to_pylist()
    return known
