"""Long columns cut into row ranges that threads work on side by side."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
SMALL = 200_000


def in_chunks(rows: int, work: Callable[[int, int], T], most: int | None = None) -> list[T]:
    """What ``work(start, stop)`` returns for consecutive ranges that cover ``rows``, in order.

    One range for each processor unless ``most`` rows is less. Short columns are one range, done in this
    thread; ``work`` should spend its time outside the interpreter lock (NumPy, Arrow).

    >>> in_chunks(3, lambda start, stop: (start, stop))
    [(0, 3)]
    """
    if rows <= SMALL:
        return [work(0, rows)]
    threads = os.cpu_count() or 1
    size = most or max(SMALL, -(-rows // threads))
    starts = range(0, rows, size)
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda start: work(start, min(start + size, rows)), starts))
