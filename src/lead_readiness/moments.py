"""Moments as people write them, to and from the library's microseconds UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache, lru_cache

import pyarrow as pa

from lead_readiness.errors import DataError
from lead_readiness.tables import columns

EPOCH = datetime(1970, 1, 1)


def read(text: str, zone: str | None) -> int:
    """The moment that ISO 8601 text names, in microseconds UTC; without an offset it is local time in ``zone``.

    Raises DataError when it is no date, or has no offset while ``zone`` is None.

    >>> read("2026-05-04T09:30:00+02:00", None)
    1777879800000000
    >>> read("2026-05-04T09:30", "Europe/Berlin") == read("2026-05-04T07:30Z", None)
    True
    """
    found = columns.times(pa.chunked_array([pa.array([text.strip()], pa.string())]), zone)
    for flaw in found.flaws:
        if flaw.rows.any():
            raise DataError(f"the moment {text!r} {flaw.problem}; expected {flaw.expected}")
    if not text.strip():
        raise DataError(
            f"found an empty moment; expected an ISO 8601 date and time such as {columns.EXAMPLE}"
        )
    return int(found.values.astype("datetime64[us]").astype("int64")[0])


def written(micros: int) -> str:
    """A moment in ISO 8601, in UTC.

    >>> written(1_777_879_800_000_000)
    '2026-05-04T07:30:00Z'
    """
    day, rest = divmod(micros, 86_400_000_000)
    minute, rest = divmod(rest, 60_000_000)
    second, fraction = divmod(rest, 1_000_000)
    end = f".{fraction:06}Z" if fraction else "Z"
    return f"{_date(day)}T{_clock(minute)}:{_SECONDS[second]}{end}"


_SECONDS = [f"{second:02}" for second in range(60)]


@lru_cache(10_000)
def _date(day: int) -> str:
    return (EPOCH + timedelta(day)).date().isoformat()


@cache
def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
