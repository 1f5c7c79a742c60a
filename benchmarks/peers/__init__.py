"""The same features in pandas, Polars and DuckDB, each written as its competent user would.

`in_pandas`, `in_polars` and `in_duckdb` have the same four functions: ``load(folder, task)`` gives the company's
Parquet files in the library's own in-memory form, brought as near to timelines as it gets (lead and kind as
numbers, sorted by lead and time); ``features(data, task)`` the features in the library's own table;
``matrix(table)`` that table as the float32 matrix of a model; ``from_parquet(folder, task)`` goes from files to
matrix by the library's shortest way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lead_readiness.features import Feature

DAY = 86_400_000_000
VISIT = 1_800_000_000
MAX_DAYS = 730.0
SPAN = {"burst": 90.0, "longest_gap": 90.0, "assets": 30.0, "kinds": 30.0}
FAMILIES = (
    "count", "recency", "intensity", "trend", "value", "age", "first", "active_days", "sessions", *SPAN,
)  # fmt: skip
"""What all three can say without a walk through each lead's events. Left out: ordered pairs of kinds, what other
people of an account did, and what happened since the last return by sales."""


@dataclass(frozen=True)
class Task:
    """Which features, at which moment (microseconds UTC; one for all leads, which spares the peers a join)."""

    features: tuple[Feature, ...]
    kinds: tuple[str, ...]
    activity: tuple[str, ...]
    as_of: int

    def codes(self, kinds: Iterable[str]) -> list[int]:
        """The places of kinds in the vocabulary."""
        return [self.kinds.index(kind) for kind in kinds]

    @property
    def half_lives(self) -> list[float]:
        """In days, ascending."""
        return sorted({f.days for f in self.features if f.family == "intensity"})

    @property
    def windows(self) -> list[float]:
        """The windows in which kinds are counted, in days, ascending."""
        twice = {2 * f.days for f in self.features if f.family == "trend"}
        return sorted(twice | {f.days for f in self.features if f.family in ("count", "trend")})

    @property
    def value_windows(self) -> list[float]:
        """The windows in which values are summed, in days, ascending."""
        return sorted({f.days for f in self.features if f.family == "value"})


def span(feature: Feature) -> int:
    """A feature's window in microseconds."""
    return int(feature.days * DAY)
