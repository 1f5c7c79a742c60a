"""The leaky company as a training takes it in, and as many of its wins as a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from histories import Lead, build, day
from leaky_company import PROJECT

from lead_readiness import project as projects
from lead_readiness import rules, snapshots
from lead_readiness.timelines import LOST, NEVER
from training.dataset import Dataset

TABLES = {"leads": "leads.csv", "events": "events.csv", "outcomes": "outcomes.csv"}
FILE = projects.parse({**PROJECT.model_dump(), "rules": "rules.yaml", "tables": TABLES})
BOOK = rules.parse(
    {
        "name": "Leaky rules",
        "version": 1,
        "threshold": 15,
        "decay": {"half_life_days": 30},
        "rules": [
            {"name": "Pricing", "points": 10, "when": {"kind": "pricing"}},
            {"name": "Visit", "points": 1, "when": {"kind": "visit"}},
            {"name": "Bank", "points": 5, "when": {"attribute": {"sector": ["bank"]}}},
        ],
    },
    PROJECT,
)


def dataset_of(leads: Sequence[Lead]) -> Dataset:
    """What `dataset.load` would give for these leads' files."""
    known = build(leads, PROJECT)
    horizon, days = snapshots.horizons(known, PROJECT)
    return Dataset(FILE, BOOK, known, (), horizon, days, snapshots.grid(day(0), known.cut, 7))


def everyone(data: Dataset) -> npt.NDArray[np.bool_]:
    """All accounts."""
    return np.ones(len(data.timelines.account_start) - 1, bool)


def with_wins(data: Dataset, wins: int) -> Dataset:
    """The data set in which only so many of the leads that training would call won were, and the others lost."""
    rows, known = data.rows(data.timelines.cut, everyone(data), seed=0)
    lost = known.opened != NEVER
    lost[np.unique(rows.lead[rows.label == snapshots.POSITIVE])[:wins]] = False
    timelines = replace(
        data.timelines,
        outcome=np.where(lost, LOST, known.outcome).astype(np.int8),
        opened=np.where(lost, NEVER, known.opened),
    )
    return replace(data, timelines=timelines)
