"""The service's store beside an output: the states of the last evaluation, and every score with its decision."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from lead_readiness.answer import from_rows
from lead_readiness.handoff import States
from serving.store import Score, Store


def states(url: str) -> States:
    """The states that the last evaluation left."""
    with Store.open(url) as store:
        return store.states()


def save(url: str, rows: Iterable[pa.Table], after: States, now_us: int) -> None:
    """Keep the scores, then the states: a run that is killed in between does both again, and they come to the same."""
    with Store.open(url) as store:
        for some in rows:
            store.save_scores([Score.of(answer) for answer in from_rows(some)], now_us)
        store.save_states(after)
