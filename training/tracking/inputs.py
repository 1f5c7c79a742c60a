"""The tables that a training was made from, as frames again: what MLflow describes and fingerprints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness.timelines import NEVER, NONE, OUTCOMES, RETURN_REASONS, Ints, Timelines


def frames(timelines: Timelines) -> dict[str, pd.DataFrame]:
    """Leads, events, outcomes and hand-offs in the timelines' own order, which no order of rows or files changes.

    Times are UTC, missing ones NaT; an account is named by its first lead. Event ids are left out: they decide
    nothing.
    """
    ids = timelines.lead_ids
    decided = np.flatnonzero(timelines.outcome != NONE)
    leads = {"lead_id": ids, "created_at": _times(timelines.created), "account": _accounts(timelines)}
    outcomes = {
        "lead_id": ids[decided],
        "outcome": _named(timelines.outcome[decided], OUTCOMES),
        "decided_at": _times(timelines.decided[decided]),
        "opportunity_at": _times(timelines.opened[decided]),
        "amount": timelines.amount[decided],
    }
    handoffs = {
        "lead_id": np.repeat(ids, np.diff(timelines.handoff_start)),
        "handed_off_at": _times(timelines.handed_off),
        "returned_at": _times(timelines.returned),
        "reason": _named(timelines.return_reason, RETURN_REASONS),
    }
    return {
        "leads": pd.DataFrame({**leads, **timelines.attributes}),
        "events": _events(timelines),
        "outcomes": pd.DataFrame(outcomes),
        "handoffs": pd.DataFrame(handoffs),
    }


def _events(timelines: Timelines) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "lead_id": _named(timelines.owner, timelines.lead_ids),
            "occurred_at": _times(timelines.time),
            "recorded_at": _times(timelines.recorded),
            "kind": _named(timelines.kind, timelines.kinds),
            "value": timelines.value,
            "asset": _named(timelines.asset, timelines.assets),
        }
    )


def _named(codes: npt.NDArray[np.integer[Any]], names: Sequence[str] | npt.NDArray[np.object_]) -> Any:
    """A column of codes with their names, -1 missing; names are not copied to each row."""
    return pd.Categorical.from_codes(codes, pd.Index(np.asarray(names, dtype=object), dtype="str"))


def _accounts(timelines: Timelines) -> npt.NDArray[np.object_]:
    named: npt.NDArray[np.object_] = timelines.lead_ids[timelines.account_start[timelines.account]]
    return named


def _times(micros: Ints) -> pd.DatetimeIndex:
    stamps = micros.astype("datetime64[us]")
    stamps[micros == NEVER] = np.datetime64("NaT")
    return pd.DatetimeIndex(stamps).tz_localize("UTC")
