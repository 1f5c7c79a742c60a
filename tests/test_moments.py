"""Moments as text: what the standard library writes, of any time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness.moments import read, written

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_written_as_the_standard_library_writes_it(moment: datetime) -> None:
    micros = (moment - EPOCH) // MICROSECOND
    assert written(micros) == moment.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (-86_400_000_000, "1969-12-31T00:00:00Z"),
        (1_777_879_800_000_500, "2026-05-04T07:30:00.000500Z"),
        (86_399_999_999, "1970-01-01T23:59:59.999999Z"),
    ],
    ids=["epoch", "just before it", "a day before it", "between seconds", "the last of a day"],
)
def test_how_a_moment_is_written(micros: int, text: str) -> None:
    assert written(micros) == text


@given(st.integers(0, 4_000_000_000_000_000))
def test_what_was_written_is_read_again(micros: int) -> None:
    assert read(written(micros), None) == micros
