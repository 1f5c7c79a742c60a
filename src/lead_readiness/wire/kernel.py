"""Times in their usual form, read many at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]
NEWLINE, SPACE, PLUS, DASH, DOT, ZERO, NINE, COLON, T, Z = b"\n +-.09:TZ"
FIRST, LAST = 1971, 2198
"""Years whose every moment the data contract takes, whatever the offset."""


@njit(cache=True, nogil=True)
def instants(text: Bytes, n: int) -> npt.NDArray[np.int64]:
    """Microseconds UTC of n lines, -1 where one is not ``YYYY-MM-DDTHH:MM[:SS[.ffffff]]`` with ``Z`` or ``±HH:MM``."""
    found, begin = np.empty(n, np.int64), 0
    for k in range(n):
        end = begin
        while end < len(text) and text[end] != NEWLINE:
            end += 1
        found[k] = _instant(text[begin:end])
        begin = end + 1
    return found


@njit(cache=True, nogil=True)
def _instant(text: Bytes) -> int:
    size = len(text)
    if size < 17 or text[4] != DASH or text[7] != DASH or text[13] != COLON:
        return -1
    if text[10] != T and text[10] != SPACE:
        return -1
    year, month, day = _number(text, 0, 4), _number(text, 5, 2), _number(text, 8, 2)
    hour, minute, second, micros, at = _number(text, 11, 2), _number(text, 14, 2), 0, 0, 16
    if text[at] == COLON and size > 19:
        second, at = _number(text, 17, 2), 19
        if text[at] == DOT:
            unit, at = 100_000, 20
            while unit > 0 and at < size and ZERO <= text[at] <= NINE:
                micros, unit, at = micros + unit * (text[at] - ZERO), unit // 10, at + 1
            if at == 20:
                return -1
    east = _offset(text, at)
    if not (FIRST <= year <= LAST and 1 <= month <= 12 and 1 <= day <= _days(year, month)):
        return -1
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60 and -1440 < east < 1440):
        return -1
    before = year - 1 if month <= 2 else year  # the year that begins in March, so that a leap day is its last
    days = (
        365 * before + before // 4 - before // 100 + before // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day
    )
    return (((days - 719_469) * 1440 + hour * 60 + minute - east) * 60 + second) * 1_000_000 + micros


@njit(cache=True, nogil=True)
def _offset(text: Bytes, at: int) -> int:
    """Minutes east of UTC that end a time, a whole day where it does not end so."""
    size = len(text)
    if at == size - 1 and text[at] == Z:
        return 0
    if at != size - 6 or text[at + 3] != COLON or (text[at] != PLUS and text[at] != DASH):
        return 1440
    hours, minutes = _number(text, at + 1, 2), _number(text, at + 4, 2)
    if hours < 0 or not 0 <= minutes < 60:
        return 1440
    return (hours * 60 + minutes) * (1 if text[at] == PLUS else -1)


@njit(cache=True, nogil=True)
def _number(text: Bytes, begin: int, digits: int) -> int:
    """A number of so many digits, -1 where something else stands there."""
    number = 0
    for at in range(begin, begin + digits):
        if not ZERO <= text[at] <= NINE:
            return -1
        number = 10 * number + text[at] - ZERO
    return number


@njit(cache=True, nogil=True)
def _days(year: int, month: int) -> int:
    """How many days a month has."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31
