"""What leads' attributes hold, as the numbers that kernels read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lead_readiness.timelines.history import Timelines

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int32]


class Read(NamedTuple):
    """What is read of one attribute: its number or, of a category, what ``codes`` give a level."""

    name: str
    codes: dict[str | None, float] | None = None
    otherwise: float = 0.0


class Held:
    """Tables of attributes with a row for each of some reads, those of categories first."""

    def __init__(self, asked: Sequence[Read]) -> None:
        once = [read for n, read in enumerate(asked) if read not in asked[:n]]
        self.reads = sorted(once, key=lambda read: read.codes is None)
        self._coded = [(name, codes.get, other) for name, codes, other in self.reads if codes is not None]
        self._numbers = [read.name for read in self.reads if read.codes is None]

    def of(self, timelines: Timelines, lead: Rows) -> tuple[Floats, Rows]:
        """The table of these leads, and the column that each of them has in it.

        Attributes are looked up lead by lead, or place by place where these are fewer.
        """
        known, column = timelines.attributes, lead
        if len(lead) < len(timelines):
            known = {name: values[lead] for name, values in known.items()}
            column = np.arange(len(lead), dtype=np.int32)
        found = [code(level, other) for name, code, other in self._coded for level in known[name].tolist()]
        for name in self._numbers:
            found += known[name].tolist()
        return np.array(found, float).reshape(len(self.reads), -1 if found else 0), column
