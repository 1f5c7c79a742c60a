"""One raw column into the contract's type: what could be read, and which rows could not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness.chunks import in_chunks
from lead_readiness.errors import DataError

Mask = npt.NDArray[np.bool_]
EXAMPLE = "2026-05-04T09:30:00+02:00"
_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?([Zz]|[+-]\d{2}(:?\d{2})?)?)?$"
_ZONED = r"[T ]\d{2}:\d{2}.*([Zz]|[+-]\d{2}(:?\d{2})?)$"
_EARLIEST, _LATEST = np.datetime64("1970-01-01", "us"), np.datetime64("2200-01-01", "us")
_LARGEST = 1e30  # sums of such numbers still fit a float32, which features are


@dataclass(frozen=True)
class Flaw:
    """Rows of a column that cannot be used, what they hold and what was expected instead."""

    rows: Mask
    problem: str
    expected: str


@dataclass(frozen=True)
class Times:
    """Instants as datetime64[us] in UTC, NaT where missing or unreadable; ``unclear`` counts clock changes."""

    values: npt.NDArray[np.datetime64]
    flaws: list[Flaw] = field(default_factory=list)
    unclear: int = 0


def as_arrow(frame: pd.DataFrame | pa.Table, table: str) -> pa.Table:
    """The frame as an Arrow table; a pandas column of mixed types becomes text.

    Raises DataError when it is neither a pandas frame nor an Arrow table.
    """
    if isinstance(frame, pa.Table):
        return frame
    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"{table}: found {type(frame).__name__}; expected a pandas DataFrame or an Arrow table"
        )
    return pa.table({str(name): _series(frame[name]) for name in frame.columns})


def _series(series: pd.Series[Any]) -> pa.Array | pa.ChunkedArray:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        utc = pa.array(series.dt.tz_convert(None))
        return utc.cast(pa.timestamp(utc.type.unit, "UTC"))
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if pd.isna(value) else str(value) for value in series], pa.string())


def is_true(mask: Any) -> Mask:
    """An Arrow boolean column as a NumPy mask, null counting as false."""
    return np.asarray(pc.fill_null(mask, False), dtype=bool)


def text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as text, plain or dictionary-encoded; numbers and truth values as they print."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column if pa.types.is_string(kind.value_type) else text(column.cast(kind.value_type))
    if pa.types.is_string(kind):
        return column
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        values = [None if value is None else str(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(values, pa.string())])


def blank(column: pa.ChunkedArray) -> Mask:
    """Rows that hold nothing: null or an empty text."""
    empty = np.asarray(pc.is_null(column, nan_is_null=True))
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return empty
    return empty | on_values(text(column), lambda values: pc.equal(values, ""))


def without_blanks(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text with empty strings read as missing."""
    empty = on_values(column, lambda values: pc.equal(values, ""))
    return pc.if_else(pa.array(~empty), column, pa.scalar(None, column.type)) if empty.any() else column


def on_values(column: pa.ChunkedArray, test: Any) -> Mask:
    """``test`` (text -> truth) on every row; once per distinct value where the column is a dictionary."""
    if not pa.types.is_dictionary(column.type):
        parts = in_chunks(len(column), lambda start, stop: is_true(test(column.slice(start, stop - start))))
        return np.concatenate(parts)
    masks = []
    for chunk in column.chunks:
        answers = is_true(test(chunk.dictionary))
        some = answers.any()
        masks.append(
            is_true(pc.take(pa.array(answers), chunk.indices)) if some else np.zeros(len(chunk), bool)
        )
    return np.concatenate([np.zeros(0, dtype=bool), *masks])


def whole(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece."""
    if column.num_chunks == 1:
        return column.chunk(0)
    chunks = column.unify_dictionaries().chunks if pa.types.is_dictionary(column.type) else column.chunks
    return pa.concat_arrays(chunks) if chunks else pa.array([], column.type)


def encode(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Text dictionary-encoded in one piece, with int32 codes.

    >>> encode(pa.chunked_array([["b", None], ["b"]])).indices.to_pylist()
    [0, None, 0]
    """
    if not pa.types.is_dictionary(column.type):
        parts = in_chunks(
            len(column), lambda start, stop: column.slice(start, stop - start).dictionary_encode().chunks
        )
        kind = pa.dictionary(pa.int32(), pa.string())
        column = pa.chunked_array([chunk for part in parts for chunk in part], kind)
    return whole(column).cast(pa.dictionary(pa.int32(), pa.string()))


def codes(column: pa.DictionaryArray) -> npt.NDArray[np.int32]:
    """The codes of a dictionary-encoded column, -1 where missing."""
    return np.asarray(pc.fill_null(column.indices, -1), dtype=np.int32)


def identity_flaws(column: pa.ChunkedArray, raw: pa.DataType) -> list[Flaw]:
    """What is wrong with a column of ids: decimals, or whitespace around the id."""
    if pa.types.is_floating(raw) or pa.types.is_decimal(raw):
        given = np.asarray(pc.is_valid(column))
        expected = "ids as text or whole numbers (pandas turns whole numbers with gaps into decimals: convert to text)"
        return [Flaw(given, "is a decimal number", expected)]
    padded = on_values(column, lambda values: pc.not_equal(values, pc.utf8_trim_whitespace(values)))
    return [Flaw(padded, "has whitespace around it", "the bare id: trim it in every table")]


def lookup(column: pa.ChunkedArray, values: pa.Array) -> npt.NDArray[np.int32]:
    """The place of each row's text in ``values``, -1 where it is missing or not among them.

    >>> lookup(pa.chunked_array([["b", None, "c"]]), pa.array(["a", "b"])).tolist()
    [1, -1, -1]
    """

    def places(part: Any) -> npt.NDArray[np.int32]:
        found = pc.index_in(part, value_set=values, skip_nulls=True)
        return np.asarray(pc.fill_null(found, -1), dtype=np.int32)

    if pa.types.is_dictionary(column.type):
        encoded = whole(column)
        return _take(places(encoded.dictionary), encoded.indices)
    parts = in_chunks(len(column), lambda start, stop: places(column.slice(start, stop - start)))
    return np.concatenate([np.zeros(0, dtype=np.int32), *parts])


def _take(places: npt.NDArray[np.int32], indices: pa.Array) -> npt.NDArray[np.int32]:
    codes = np.asarray(pc.fill_null(indices, -1), dtype=np.int64)
    return np.append(places, np.int32(-1))[codes]


def numbers(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.float64], list[Flaw]]:
    """The column as float64, NaN where missing, and its flaws: text that is no number, infinities, enormities."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        plain = without_blanks(text(column))
        values = pd.to_numeric(plain.to_pandas(), errors="coerce").to_numpy(np.float64, na_value=np.nan)
        column = pc.if_else(pc.is_in(plain, pa.array(["nan", "NaN", "NAN"])), None, plain)
    flaws = [
        Flaw(np.isinf(values), "is infinite", "a finite number; empty where unknown"),
        Flaw(
            np.isfinite(values) & (np.abs(values) > _LARGEST), "is implausibly large", "a number up to 1e30"
        ),
    ]
    if not (pa.types.is_floating(column.type) or pa.types.is_null(column.type)):
        expected = (
            "a number such as 1250.5, without thousands separator, unit or currency sign; empty where unknown"
        )
        flaws.append(Flaw(np.asarray(pc.is_valid(column)) & np.isnan(values), "is not a number", expected))
    return values, flaws


def times(column: pa.ChunkedArray, zone: str | None) -> Times:
    """The column as instants; dates and times without zone are read in ``zone``, refused when that is None.

    Of an hour that a clock change repeats the earlier reading is taken; a time that it skips becomes the first
    instant after the gap. Numbers are refused: whether an epoch counts seconds or milliseconds cannot be known.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return times(column.cast(kind.value_type), zone)
    if pa.types.is_null(kind):
        return Times(np.full(len(column), np.datetime64("NaT", "us")))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        read = _typed(column, zone)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        read = _written(without_blanks(text(column)), zone)
    else:
        expected = (
            f"a timestamp or ISO 8601 text such as {EXAMPLE}; convert epoch numbers in the query or file"
        )
        nothing, given = np.full(len(column), np.datetime64("NaT", "us")), np.asarray(pc.is_valid(column))
        return Times(nothing, [Flaw(given, f"is {_article(str(kind))}, not a date", expected)])
    odd = (read.values < _EARLIEST) | (read.values >= _LATEST)
    expected = "a date between 1970 and 2199; leave unknown dates empty"
    return Times(read.values, [*read.flaws, Flaw(odd, "is an implausible date", expected)], read.unclear)


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _typed(column: pa.ChunkedArray, zone: str | None) -> Times:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return Times(_numpy(column.cast(pa.timestamp("us", "UTC"), safe=False)))
    return _localise(_numpy(column.cast(pa.timestamp("us"), safe=False)), zone)


def _numpy(column: pa.ChunkedArray) -> npt.NDArray[np.datetime64]:
    return np.asarray(column.cast(pa.timestamp("us")).to_numpy(), dtype="datetime64[us]")


def _written(column: pa.ChunkedArray, zone: str | None) -> Times:
    """Text: all with zone or all without is one cast; a mixture is sorted out row by row."""
    for target in (pa.timestamp("us", "UTC"), pa.timestamp("us")):
        try:
            return _typed(column.cast(target), zone)
        except pa.ArrowInvalid:
            continue
    written = pc.replace_substring_regex(column.cast(pa.string()), r" ?UTC$", "Z")
    given = np.asarray(pc.is_valid(column))
    shaped = is_true(pc.match_substring_regex(written, _ISO))
    zoned = shaped & is_true(pc.match_substring_regex(written, _ZONED))
    values = np.full(len(column), np.datetime64("NaT", "us"))
    plain = written.to_pandas()
    values[zoned] = _parse(plain[zoned])
    local = np.full(len(column), np.datetime64("NaT", "us"))
    local[shaped & ~zoned] = _parse(plain[shaped & ~zoned])
    unread = given & np.isnat(values) & np.isnat(local)
    naive = _localise(local, zone)
    expected = f"an ISO 8601 date and time such as {EXAMPLE}"
    flaws = [Flaw(unread, "is not a date", expected), *naive.flaws]
    return Times(np.where(np.isnat(values), naive.values, values), flaws, naive.unclear)


def _parse(texts: pd.Series[Any]) -> npt.NDArray[np.datetime64]:
    read = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    return np.asarray(read.dt.tz_localize(None).to_numpy(), dtype="datetime64[us]")


def _localise(naive: npt.NDArray[np.datetime64], zone: str | None) -> Times:
    """Local times as instants in UTC."""
    given = ~np.isnat(naive)
    if zone is None:
        mend = '`timezone = "Europe/Berlin"` (the one they were written in) in readiness.toml'
        expected = f"a time zone in the value, such as {EXAMPLE}, or {mend}"
        return Times(
            np.full(len(naive), np.datetime64("NaT", "us")), [Flaw(given, "has no time zone", expected)]
        )
    index = pd.DatetimeIndex(naive)
    sure = index.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    unclear = given & np.asarray(sure.isna())
    if unclear.any():
        earlier = np.ones(len(index), dtype=bool)
        sure = index.tz_localize(zone, ambiguous=earlier, nonexistent="shift_forward")
    utc = sure.tz_convert("UTC").tz_localize(None)
    return Times(np.asarray(utc.to_numpy(), dtype="datetime64[us]"), [], int(unclear.sum()))
