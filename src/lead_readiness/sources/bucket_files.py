"""The buckets that tables were cut into, as files; reading them takes neither DuckDB nor a database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW = "row number"
"""The column that says which row of its source a row was, the first being 0; no source has a name with a blank."""
PART = "__bucket"
KEPT, SHARED = "buckets.json", "shared_ids.arrow"


@dataclass(frozen=True)
class Buckets:
    """Tables in buckets below ``folder``; ``crowded`` are accounts of too many people, and their leads."""

    folder: Path
    count: int
    rows: dict[str, int]
    crowded: tuple[int, int] = (0, 0)
    last: int = 0

    def read(self, table: str, bucket: int) -> pa.Table | None:
        """The rows of one table in one bucket as its source gave them, with `ROW`; None without such a table."""
        empty = self.folder / f"{table}.parquet"
        if not empty.exists():
            return None
        parts = sorted((self.folder / table / f"{PART}={bucket}").glob("*.parquet"))
        read = [pq.ParquetFile(path).read(use_threads=False) for path in (empty, *parts)]
        return pa.concat_tables(read, promote_options="permissive")

    @classmethod
    def load(cls, folder: Path) -> Buckets:
        """The buckets that `cut` made there."""
        kept = json.loads((folder / KEPT).read_text(encoding="utf-8"))
        return cls(folder, kept["count"], kept["rows"], tuple(kept["crowded"]), kept["last"])
