"""What a replay reads of the timelines, with every glob and every question about attributes answered."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from lead_readiness.rules.program import Compiled
from lead_readiness.timelines import Timelines

COLUMNS = (
    *("created", "start", "time", "recorded", "kind", "value", "asset"),
    *("handoff_start", "returned"),
)
"""The arrays of `Timelines` that the kernel reads."""

_columns = attrgetter(*COLUMNS)


def facts(compiled: Compiled, timelines: Timelines, lead: npt.NDArray[np.int32]) -> tuple[Any, ...]:
    """What the kernel reads for snapshots of these leads: `COLUMNS`, and what was looked up for them.

    That is ``asset_ok`` (assets, globs), which assets are named; ``held``, one row for each read of `Compiled.held`;
    and which ``column`` of it each snapshot reads.
    """
    named = bytearray().join(map(compiled.named.__getitem__, timelines.assets))
    asset_ok = np.ndarray((len(timelines.assets), compiled.globs), np.bool_, named)
    return *_columns(timelines), asset_ok, *compiled.held.of(timelines, lead)
