"""Events brought into order: a counting sort by lead, then each lead's own by time and content."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Ints = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.int16]
Assets = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
Events = npt.NDArray[np.void]


EVENT = np.dtype(
    [
        ("time", np.int64),
        ("recorded", np.int64),
        ("value", np.float32),
        ("asset", np.int32),
        ("kind", np.int16),
    ],
    align=True,
)
"""One event in one place: its lead's events lie far apart, and each is fetched from memory once."""

DAY = 86_400_000_000
FACTS = 7
RECENT, COUNT, FIRST, LAST, DAYS, CITED, TIED = range(FACTS)
"""What `seen` tells: whether the events are of the span, how many, when, on how many dates; where those to be cited
end, and whether some of them happened at one moment."""


class Columns(NamedTuple):
    """The columns of events, in the order in which they decide which of two events stands first."""

    time: Ints
    kind: Kinds
    asset: Assets
    value: Values
    recorded: Ints


@njit(cache=True, nogil=True)
def by_lead(lead: npt.NDArray[np.int32], start: Ints, order: Ints) -> None:
    """Slices per lead, into ``start`` (zeros), and the rows in lead order, in one pass each."""
    for e in range(len(lead)):
        start[lead[e] + 1] += 1
    for i in range(len(start) - 1):
        start[i + 1] += start[i]
    cursor = start[:-1].copy()
    for e in range(len(lead)):
        order[cursor[lead[e]]] = e
        cursor[lead[e]] += 1


@njit(cache=True, nogil=True)
def visible(
    begin: int, end: int, time: Ints, recorded: Ints, kind: Kinds, wanted: npt.NDArray[np.bool_], as_of: int
) -> Ints:
    """The places among ``begin:end`` of events of ``wanted`` kinds that were known at ``as_of``, oldest first."""
    places, n = np.empty(end - begin, np.int64), 0
    for e in range(begin, end):
        if time[e] >= as_of:
            break
        if recorded[e] <= as_of and wanted[kind[e]]:
            places[n] = e
            n += 1
    return places[:n]


@njit(cache=True, nogil=True)
def of_others(
    begin: int,
    end: int,
    lead: int,
    created: Ints,
    start: Ints,
    time: Ints,
    recorded: Ints,
    kind: Kinds,
    wanted: npt.NDArray[np.bool_],
    since: int,
    as_of: int,
    known_at: int,
) -> tuple[int, int, Ints]:
    """What the leads ``begin:end`` did, but for ``lead`` and whoever was not created before ``known_at``.

    How many they are, how many of them have events, and the places of these events, lead by lead, each lead's oldest
    first: of ``wanted`` kinds, known at ``as_of``, that happened at ``since`` or later.
    """
    places, n = np.empty(start[end] - start[begin], np.int64), 0
    known, active = 0, 0
    for j in range(begin, end):
        if j == lead or created[j] >= known_at:
            continue
        known += 1
        before = n
        for e in range(start[j] + np.searchsorted(time[start[j] : start[j + 1]], since), start[j + 1]):
            if time[e] >= as_of:
                break
            if recorded[e] <= as_of and wanted[kind[e]]:
                places[n] = e
                n += 1
        active += n > before
    return known, active, places[:n]


@njit(cache=True, nogil=True)
def latest(time: Ints, events: Ints, most: int) -> tuple[int, int, Ints]:
    """The first and the last moment of some events, at least one, and those not before the ``most``-th latest."""
    first = last = time[events[0]]
    newest = np.full(most, np.iinfo(np.int64).min)  # sorted; `np.sort` would take seconds to compile
    for e in events:
        first, last = min(first, time[e]), max(last, time[e])
        if time[e] > newest[0]:
            at = 0
            while at + 1 < most and newest[at + 1] < time[e]:
                newest[at] = newest[at + 1]
                at += 1
            newest[at] = time[e]
    cited, n = np.empty(len(events), np.int64), 0
    for e in events:
        if time[e] >= newest[0]:
            cited[n] = e
            n += 1
    return first, last, cited[:n]


@njit(cache=True, nogil=True)
def seen(
    asked: Ints,
    wanted: npt.NDArray[np.bool_],
    span: Ints,
    most: int,
    start: Ints,
    time: Ints,
    recorded: Ints,
    kind: Kinds,
    order: Ints,
) -> tuple[Ints, Ints]:
    """What is to be told of each of n ``asked``: a lead, a moment, and a row of ``wanted`` kinds and ``span``.

    Told are the lead's events of these kinds that were known at the moment: those of the span before it, or all where
    there are none. Returns (n, `FACTS` + kinds) the facts, then how many there are of each kind; and (cited, 2) the
    ``most`` latest of each, latest first and all of one moment or none: when it happened, negative, and its ``order``.
    """
    found = np.zeros((len(asked), FACTS + wanted.shape[1]), np.int64)
    cited, end = np.empty((len(asked) * most, 2), np.int64), 0
    for i in range(len(asked)):
        lead, as_of, row = asked[i, 0], asked[i, 1], asked[i, 2]
        fact, begin, since = found[i], end, as_of - span[row]
        for e in range(start[lead + 1] - 1, start[lead] - 1, -1):
            if time[e] >= as_of or recorded[e] > as_of or not wanted[row, kind[e]]:
                continue
            if time[e] < since and fact[RECENT]:
                break
            if fact[COUNT] == 0:
                fact[LAST] = time[e]
            if fact[COUNT] == 0 or time[e] // DAY != fact[FIRST] // DAY:
                fact[DAYS] += 1
            fact[FIRST] = time[e]
            fact[RECENT] |= time[e] >= since
            fact[COUNT] += 1
            fact[FACTS + kind[e]] += 1
            tied = end > begin and time[e] == -cited[end - 1, 0]
            if tied or end - begin < most:
                fact[TIED] |= tied
                if end == len(cited):
                    cited = _twice(cited)
                cited[end, 0], cited[end, 1] = -time[e], order[e]
                end += 1
        fact[CITED] = end
    return found, cited[:end]


@njit(cache=True, nogil=True)
def _twice(rows: Ints) -> Ints:
    """The rows with as much room again after them."""
    longer = np.empty((2 * len(rows), 2), np.int64)
    for n in range(len(rows)):
        longer[n, 0], longer[n, 1] = rows[n, 0], rows[n, 1]
    return longer


@njit(cache=True, nogil=True)
def last_before(
    end: int, created: Ints, recorded: Ints, decided: Ints, handed_off: Ints, returned: Ints
) -> int:
    """The last of the moments before ``end``, 0 where there is none."""
    found = 0
    for times in (created, recorded, decided, handed_off, returned):
        for time in times:
            if found < time < end:
                found = time
    return found


@njit(cache=True, nogil=True)
def sort_leads(
    lo: int,
    hi: int,
    start: Ints,
    order: Ints,
    events: Events,
    out: tuple[npt.NDArray[Any], ...],
) -> None:
    """Sort each of the leads ``lo:hi``: its slice of ``order``, and into ``out`` its ``events`` in that order.

    ``out`` are the fields of `Columns` as a plain tuple, which a kernel is called with in half the time.
    """
    time, kind, asset, value, recorded = out
    longest = 1
    for i in range(lo, hi):
        longest = max(longest, start[i + 1] - start[i])
    scratch = np.empty(longest, np.int64)
    for i in range(lo, hi):
        _merge_sort(order, start[i], start[i + 1], scratch, events)
        for e in range(start[i], start[i + 1]):
            event = events[order[e]]
            time[e], recorded[e] = event.time, event.recorded
            kind[e], asset[e], value[e] = event.kind, event.asset, event.value


@njit(cache=True, nogil=True)
def _after(i: int, j: int, events: Events) -> bool:
    """Whether event i stands after event j: by time, then by content, never by input order."""
    a, b = events[i], events[j]
    if a.time != b.time:
        return bool(a.time > b.time)
    if a.kind != b.kind:
        return bool(a.kind > b.kind)
    if a.asset != b.asset:
        return bool(a.asset > b.asset)
    if a.value == b.value or (np.isnan(a.value) and np.isnan(b.value)):
        return bool(a.recorded > b.recorded)
    return bool(a.value > b.value or np.isnan(b.value))


@njit(cache=True, nogil=True)
def _merge_sort(order: Ints, begin: int, end: int, scratch: Ints, events: Events) -> None:
    """Sort one lead's rows in place: runs of 16 by insertion, then merged bottom-up."""
    for lo in range(begin, end, 16):
        for k in range(lo + 1, min(lo + 16, end)):
            row, at = order[k], k
            while at > lo and _after(order[at - 1], row, events):
                order[at] = order[at - 1]
                at -= 1
            order[at] = row
    width = 16
    while width < end - begin:
        for lo in range(begin, end - width, 2 * width):
            mid, hi = lo + width, min(lo + 2 * width, end)
            if not _after(order[mid - 1], order[mid], events):
                continue
            scratch[: mid - lo] = order[lo:mid]
            left, right, out = 0, mid, lo
            while left < mid - lo and right < hi:
                if _after(scratch[left], order[right], events):
                    order[out] = order[right]
                    right += 1
                else:
                    order[out] = scratch[left]
                    left += 1
                out += 1
            order[out : out + mid - lo - left] = scratch[left : mid - lo]
        width *= 2
