"""The earlier output that changes are told from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lead_readiness.bucket import PREVIOUS
from lead_readiness.errors import DataError, nearest
from lead_readiness.moments import written

READ = (*PREVIOUS, "decision")
TIME = pa.timestamp("us", "UTC")


def stamp(path: Path | None) -> list[Any] | None:
    """What tells that the file is another by now."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(
            f"{path}: the earlier output cannot be read ({error.strerror}); expected a Parquet file that `rescore` "
            "wrote; leave out --previous where there is none"
        ) from None
    return [str(path), found.st_size, found.st_mtime_ns]


def extract(path: Path, target: Path) -> int:
    """Write what is read of an earlier output; returns its latest moment.

    Raises DataError when it is none, or names a lead twice.
    """
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(
            f"{path}: cannot be read as Parquet: {error}; expected an output of `rescore`"
        ) from None
    for name in READ:
        if name not in file.schema_arrow.names:
            raise DataError(
                f"{path}: no column `{name}`{nearest(name, file.schema_arrow.names)}; expected an output of `rescore` "
                "(Parquet)"
            )
    found = file.read(columns=list(READ))
    if pc.count_distinct(found["lead_id"]).as_py() < len(found):
        raise DataError(f"{path}: a lead has several rows; expected one row a lead, as `rescore` writes them")
    pq.write_table(found, target)
    return int(pc.max(found["as_of"].cast(TIME).cast(pa.int64())).as_py() or 0)


def check_order(path: Path, latest: int, as_of: int) -> None:
    """Raise DataError when the earlier output is of a later moment."""
    if latest > as_of:
        raise DataError(
            f"{path}: it is as of {written(latest)}, later than {written(as_of)}, which is asked for; expected an "
            "earlier output: name it with --previous, or ask for a later moment with --as-of"
        )


def decisions(extracted: Path, leads: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each lead's decision in the earlier output, null where there was none."""
    found = pq.read_table(extracted, columns=["lead_id", "decision"])
    return found["decision"].take(pc.index_in(leads, value_set=found["lead_id"].combine_chunks()))
