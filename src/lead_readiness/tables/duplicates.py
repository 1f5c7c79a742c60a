"""Rows that may repeat an earlier row, found by sorting 64-bit hashes instead of comparing rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lead_readiness.chunks import in_chunks

Words = npt.NDArray[np.uint64]
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)
_BLOCK = 1 << 16  # rows whose intermediate results stay in the processor's cache


def suspects(hashes: Words) -> npt.NDArray[np.int64]:
    """Places, ascending, of the hashes that occur more than once.

    Equal rows have equal hashes, so no repeated row is missed; a rare collision adds rows that do not repeat,
    which is why the caller compares the suspects' contents.

    >>> suspects(np.array([7, 3, 7, 5], dtype=np.uint64)).tolist()
    [0, 2]
    """
    in_order = np.sort(hashes)
    repeated = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    if len(repeated) == 0:
        return np.zeros(0, dtype=np.int64)

    def among(start: int, stop: int) -> npt.NDArray[np.int64]:
        part = hashes[start:stop]
        place = np.minimum(np.searchsorted(repeated, part), len(repeated) - 1)
        return np.flatnonzero(repeated[place] == part) + start

    return np.concatenate(in_chunks(len(hashes), among))


def hash_rows(parts: Sequence[npt.NDArray[Any]]) -> Words:
    """One hash per row of equally long 64-bit or narrower columns."""

    def work(start: int, stop: int) -> Words:
        mixed = np.zeros(stop - start, dtype=np.uint64)
        for part in parts:
            piece = part[start:stop]
            bits = (
                piece.view(np.uint64) if piece.dtype.itemsize == 8 else piece.astype(np.int64).view(np.uint64)
            )
            mixed = _stir(mixed, bits)
        return mixed

    return np.concatenate(in_chunks(len(parts[0]), work, _BLOCK))


def hash_texts(column: pa.ChunkedArray) -> Words:
    """One hash per text of a column without nulls."""

    def work(start: int, stop: int) -> Words:
        chunks = column.slice(start, stop - start).cast(pa.large_string()).chunks
        return np.concatenate([np.zeros(0, dtype=np.uint64), *(_hash_chunk(chunk) for chunk in chunks)])

    return np.concatenate(in_chunks(len(column), work))


def _hash_chunk(chunk: pa.Array) -> Words:
    """The texts' bytes taken eight at a time from an unaligned view; only longer texts take another turn."""
    _, offset_bytes, data = chunk.buffers()
    offsets = np.frombuffer(offset_bytes, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    tail = bytes(8)
    base = offsets[0]
    body = np.frombuffer(memoryview(data)[base : offsets[-1]].tobytes() + tail if data else tail, np.uint8)
    words = np.ndarray(len(body) - 7, np.dtype("<u8"), body, 0, (1,))
    begin, length = offsets[:-1] - base, np.diff(offsets)
    mixed = length.astype(np.uint64)
    rows = np.arange(len(chunk))
    for done in range(0, int(length.max(initial=0)), 8):
        rows = rows[length[rows] > done]
        left = length[rows] - done
        unused = (8 - np.minimum(left, 8)).astype(np.uint64) * np.uint64(8)
        word = words[begin[rows] + done] << unused
        mixed[rows] = _stir(mixed[rows], word)
    return mixed


def _stir(mixed: Words, bits: Words) -> Words:
    mixed = (mixed ^ bits) * _MIX
    stirred: Words = mixed ^ (mixed >> _SHIFT)
    return stirred
