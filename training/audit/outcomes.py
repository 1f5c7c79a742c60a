"""Which leads' outcomes are known, and whether a mark on leads goes with one outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import hypergeom

from lead_readiness import snapshots
from lead_readiness.timelines import NEVER, NONE, WON, Ints
from training.dataset import Dataset
from training.wording import percent

FEWEST = 20
"""Leads below which nothing is concluded."""
SURE = 1e-6
"""The chance of such a table, were mark and outcome unrelated, below which it is none; stays small over 1,000 marks."""
ODDS = 10.0
"""How many times the odds of the outcome must be those of the other leads."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Outcomes:
    """Per lead: is it ``judged`` (decided, or old enough to have been), was it won, was it lost, and ``moment``.

    ``moment`` is when a record first told how it would go: opening of the opportunity or decision, the earlier.
    """

    judged: Bools
    won: Bools
    lost: Bools
    created: Ints
    moment: Ints

    def of(self, outcome: str) -> Bools:
        """The leads that were ``"won"``, ``"lost"`` or ``"decided"``, either way."""
        return {"won": self.won, "lost": self.lost, "decided": self.won | self.lost}[outcome]


def outcomes(data: Dataset) -> Outcomes:
    """What is known at the cut of each lead's outcome."""
    t = data.timelines
    wait = np.where(data.horizon == NEVER, 0, data.horizon) + snapshots.settling(t)
    decided = t.outcome != NONE
    moment = np.minimum(np.minimum(t.opened, t.decided), t.opportunity)
    won = t.outcome == WON
    return Outcomes(decided | (t.created <= t.cut - wait), won, decided & ~won, t.created, moment)


class Table(NamedTuple):
    """How many leads are marked, and the share of hits among them and among the others."""

    leads: int
    ours: float
    others: float

    def says(self, outcome: str) -> str:
        """The shares in words."""
        return f"{percent(self.ours)} of them {outcome}; of the others {percent(self.others)} were"


def goes_with(marked: Bools, hit: Bools, among: Bools, share: float) -> Table | None:
    """The table of a mark and an outcome among these leads, where they surely go together; else None.

    That is where at least `FEWEST` are marked, at least ``share`` of them are hits, the odds are `ODDS` times
    those of the others, and a hypergeometric draw gives as many hits with a chance below `SURE` only.

    >>> marked, hit = np.arange(400) < 40, np.arange(400) < 60
    >>> goes_with(marked, hit, marked | True, share=0.95).says("won")
    '100 % of them won; of the others 5.6 % were'
    >>> goes_with(marked, np.arange(400) % 2 == 0, marked | True, share=0.95)
    """
    n, hits = int((marked & among).sum()), int((marked & hit & among).sum())
    others, other_hits = int(among.sum()) - n, int((hit & among).sum()) - hits
    if n < FEWEST or hits < share * n or others < FEWEST:
        return None
    ours, theirs = (hits + 0.5) / (n - hits + 0.5), (other_hits + 0.5) / (others - other_hits + 0.5)
    chance = float(hypergeom.sf(hits - 1, n + others, hits + other_hits, n))
    surely = ours >= ODDS * theirs and chance < SURE
    return Table(n, hits / n, other_hits / others) if surely else None
