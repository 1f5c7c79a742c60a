"""What a replay reads of the timelines, with every glob and every question about attributes answered."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from lead_readiness.rules.program import Compiled, Floats, Held
from lead_readiness.timelines import Timelines

COLUMNS = (
    *("created", "start", "time", "recorded", "kind", "value", "asset"),
    *("handoff_start", "returned"),
)
"""The arrays of `Timelines` that the kernel reads."""

_columns = attrgetter(*COLUMNS)


def facts(compiled: Compiled, timelines: Timelines, lead: npt.NDArray[np.int32]) -> tuple[Any, ...]:
    """What the kernel reads for snapshots of these leads: `COLUMNS`, and what was looked up for them.

    That is ``asset_ok`` (assets, globs), which assets are named; ``held``, one row for each of `Compiled.held` (1 and 0
    where it asks for values); and which ``column`` of it each snapshot reads. Attributes are looked up lead by lead,
    or snapshot by snapshot where these are fewer.
    """
    named = bytearray().join(map(compiled.named, timelines.assets))
    asset_ok = np.ndarray((len(timelines.assets), compiled.globs), np.bool_, named)
    known, column = timelines.attributes, lead
    if len(lead) < len(timelines):
        known = {name: values[lead] for name, values in known.items()}
        column = np.arange(len(lead), dtype=np.int32)
    return *_columns(timelines), asset_ok, _held(compiled.held, known), column


def _held(asked: list[Held], known: dict[str, npt.NDArray[Any]]) -> Floats:
    """One row for each that is asked; those that ask for values stand first."""
    among = [value in values for name, values in asked if values for value in known[name].tolist()]
    numbers = [known[name] for name, values in asked if not values]
    return np.concatenate([among, *numbers], dtype=float).reshape(len(asked), -1 if asked else 0)
