"""What a company's timelines are: numpy columns that every lead has a slice of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lead_readiness.timelines.kernel import Columns

DAY = 86_400_000_000
NEVER: int = np.iinfo(np.int64).max
OUTCOMES = ("none", "won", "lost", "disqualified")
NONE, WON, LOST, DISQUALIFIED = range(4)
RETURN_REASONS = ("not now", "price", "competitor", "no decision", "no response", "not a lead", "other")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Timelines:
    """All leads of a company (or one lead of an online call) as numpy columns; times are microseconds UTC.

    Lead ``i`` has the events ``start[i]:start[i + 1]`` of ``time``, ``recorded``, ``kind`` (a place in
    ``kinds``), ``value`` (NaN where missing) and ``asset`` (a place in ``assets``, -1 for none), and the
    hand-offs ``handoff_start[i]:handoff_start[i + 1]``. Account ``a`` has the leads
    ``account_start[a]:account_start[a + 1]``; a lead without an account is an account of its own.
    ``opportunity`` is when sales opened one, whatever became of it; ``opened`` is the winning moment: the
    opening of the opportunity that was won, or the decision where the opening is not known. ``NEVER`` means
    not, or not yet.
    """

    lead_ids: npt.NDArray[np.object_]
    created: Ints
    account: npt.NDArray[np.int32]
    account_start: Ints
    attributes: dict[str, npt.NDArray[np.object_] | npt.NDArray[np.float64]]
    accounts_known: bool
    start: Ints
    time: Ints
    recorded: Ints
    kind: npt.NDArray[np.int16]
    value: npt.NDArray[np.float32]
    asset: npt.NDArray[np.int32]
    kinds: tuple[str, ...]
    assets: tuple[str, ...]
    outcome: npt.NDArray[np.int8]
    decided: Ints
    opportunity: Ints
    opened: Ints
    amount: npt.NDArray[np.float64]
    handoff_start: Ints
    handed_off: Ints
    returned: Ints
    return_reason: npt.NDArray[np.int16]
    cut: int
    order: Ints = field(repr=False)
    event_ids: pa.ChunkedArray | tuple[str | None, ...] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.lead_ids)

    def event_id(self, event: int) -> str | None:
        """The id of the event at a place of the flat columns, or None where the source gave none."""
        row = self.order.item(event)
        if self.event_ids is None or row < 0:
            return None
        found: str | None = (
            self.event_ids[row] if isinstance(self.event_ids, tuple) else self.event_ids[row].as_py()
        )
        return found

    @property
    def owner(self) -> npt.NDArray[np.int32]:
        """The place of each event's lead."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.start))

    def events(self, where: npt.NDArray[np.bool_] | Ints) -> Columns:
        """The columns of the events at these places, or of those that the mask marks."""
        return Columns(*(getattr(self, name)[where] for name in Columns._fields))

    def find(self, lead_id: str) -> int:
        """The place of a lead; KeyError where there is none."""
        places = np.flatnonzero(self.lead_ids == lead_id)
        if len(places) == 0:
            raise KeyError(lead_id)
        return int(places[0])

    def as_known_at(self, cut: int) -> Timelines:
        """The same company as its records stood at ``cut``: outcomes decided later are not there yet.

        Events and hand-offs stay, since every reader of them asks for an ``as_of`` of its own.
        """
        later = (self.decided > cut) & (self.decided < NEVER)
        if cut >= self.cut and not later.any():
            return self
        return replace(
            self,
            outcome=np.where(later, NONE, self.outcome).astype(np.int8),
            decided=np.where(later, NEVER, self.decided),
            opportunity=np.where(later, NEVER, self.opportunity),
            opened=np.where(later, NEVER, self.opened),
            amount=np.where(later, np.nan, self.amount),
            cut=min(cut, self.cut),
        )
