"""One walk over a snapshot's visible events feeds every feature."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

DAY = 86_400_000_000
VISIT = 1_800_000_000  # a visit ends after 30 minutes of silence

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.uint32]  # unsigned: spares the kernel a test for negative ones

PARTS = (
    "counts", "values", "others", "spread", "intensities", "recencies", "trends", "pairs", "reasons", "facts",
)  # fmt: skip
COUNTS, VALUES, OTHERS, SPREADS, INTENSITIES, RECENCIES, TRENDS, PAIRS, REASONS, SINGLES = range(10)
SPREAD = ("active_days", "account_active")
ACTIVE_DAYS, ACCOUNT_ACTIVE = range(2)
FACTS = (
    "burst", "longest_gap", "first", "age", "returns", "since_return", "count_since_return",
    "account_recency", "account_people", "account_won",
)  # fmt: skip
BURST, LONGEST_GAP, FIRST, AGE, RETURNS, SINCE_RETURN, COUNT_SINCE_RETURN = range(7)
ACCOUNT_RECENCY, ACCOUNT_PEOPLE, ACCOUNT_WON = range(7, 10)
VALUE, ABSENT, EQUAL = range(3)
FAMILIES = (
    "count",
    "recency",
    "intensity",
    "trend",
    "value",
    "account_count",
    "pair",
    "returned",
    *SPREAD,
    *FACTS,
)


class Program(NamedTuple):
    """A catalogue compiled to arrays: what an event of each kind feeds, and which number each column shows.

    A snapshot's numbers lie side by side; part n of `PARTS` is ``parts[n]:parts[n + 1]``. Counts, values and
    others (counts of the account's other people) are window x group of kinds, spread is window x `SPREAD`, facts
    are `FACTS`, the rest one after the other. ``fed[fed_start[n, k]:fed_start[n, k + 1]]`` are what an event of kind
    k feeds: groups that are counted (n = 0) and whose values are summed (1), intensities (2), pairs in which it
    comes second (3), and groups that are counted of other people (4).
    """

    windows: Ints
    half_lives: Floats  # of each intensity, ascending
    fed_start: Places
    fed: Places
    pair_first: Places
    pair_within: Ints
    is_used: npt.NDArray[np.bool_]
    is_activity: npt.NDArray[np.bool_]
    trend: Places  # two numbers each: the count in the window, and in one twice as long
    parts: Ints
    column: Places
    spans: Ints  # windows of burst, longest gap and account features, and where "days since" ends
    uses_account: bool


HISTORY = (
    *(
        "start",
        "time",
        "recorded",
        "kind",
        "value",
        "created",
        "account",
        "account_start",
        "decided",
        "opened",
    ),
    *("handoff_start", "returned", "return_reason"),
)
"""The arrays of `Timelines` that the walk reads."""


@njit(cache=True, nogil=True)
def walk(
    begin: int,
    end: int,
    lead: npt.NDArray[np.int32],
    as_of: Ints,
    out: npt.NDArray[np.float32],
    windows: Ints,
    half_lives: Floats,
    fed_start: Places,
    fed: Places,
    pair_first: Places,
    pair_within: Ints,
    is_used: npt.NDArray[np.bool_],
    is_activity: npt.NDArray[np.bool_],
    trend: Places,
    parts: Ints,
    column: Places,
    spans: Ints,
    uses_account: bool,
    start: Ints,
    time: Ints,
    recorded: Ints,
    kind: npt.NDArray[np.int16],
    value: npt.NDArray[np.float32],
    created: Ints,
    account: npt.NDArray[np.int32],
    account_start: Ints,
    decided: Ints,
    opened: Ints,
    handoff_start: Ints,
    returned: Ints,
    return_reason: npt.NDArray[np.int16],
) -> None:
    """Fill ``out[row]`` for the rows ``begin:end`` of ``lead`` and ``as_of``.

    After ``out`` come the fields of `Program` and the arrays of `HISTORY`. A lead's events are walked oldest first;
    equal times give equal results in any order. A day or a visit counts in the window of its last event: with each
    further event it moves on from the window of the one ``before``.
    """
    count_start, value_start, fading_start, then_start = (
        fed_start[0],
        fed_start[1],
        fed_start[2],
        fed_start[3],
    )
    other_start = fed_start[4]
    burst_span, gap_span, account_span, longest = spans
    numbers = np.zeros(parts[-1])
    counts, values = _table(numbers, parts, COUNTS, windows), _table(numbers, parts, VALUES, windows)
    others, spread = _table(numbers, parts, OTHERS, windows), _table(numbers, parts, SPREADS, windows)
    intensities, recencies = _part(numbers, parts, INTENSITIES), _part(numbers, parts, RECENCIES)
    trends, pairs = _part(numbers, parts, TRENDS), _part(numbers, parts, PAIRS)
    reasons, facts = _part(numbers, parts, REASONS), _part(numbers, parts, SINGLES)
    last, kind_last = np.empty(len(recencies), np.int64), np.empty(len(is_used), np.int64)
    kind_before = np.empty(len(is_used), np.int64)
    for row in range(begin, end):
        i, now = lead[row], as_of[row]
        numbers[:] = 0.0
        last[:] = -1
        kind_last[:] = -1
        kind_before[:] = -1
        since, reason = -1, -1
        for h in range(handoff_start[i], handoff_start[i + 1]):
            if returned[h] < now:
                facts[RETURNS] += 1.0
                if returned[h] > since:
                    since, reason = returned[h], return_reason[h]
        facts[SINCE_RETURN] = (longest if since < 0 else min(now - since, longest)) / DAY
        if reason >= 0:
            reasons[reason] = 1.0
        first, day_end, visit_end, visit, before = now, -1, -VISIT - 1, 0, 0
        previous, gap, burst, w = now - gap_span, 0, 0, len(windows) - 1
        for e in range(start[i], start[i + 1]):
            at, k = time[e], kind[e]
            if at >= now:
                break
            if recorded[e] > now or not is_used[k]:
                continue
            age = now - at
            while w > 0 and age <= windows[w - 1]:
                w -= 1
            for slot in range(count_start[k], count_start[k + 1]):
                g = fed[slot]
                counts[w, g] += 1.0
                last[g] = at
            if not np.isnan(value[e]):
                for slot in range(value_start[k], value_start[k + 1]):
                    values[w, fed[slot]] += value[e]
            half_life, left = 0.0, 0.0
            for slot in range(fading_start[k], fading_start[k + 1]):
                if half_lives[fed[slot]] != half_life:
                    half_life = half_lives[fed[slot]]
                    left = np.exp2(-age / half_life)
                intensities[fed[slot]] += left
            for slot in range(then_start[k], then_start[k + 1]):
                q = fed[slot]
                a = pair_first[q]
                earlier = kind_last[a] if kind_last[a] < at else kind_before[a]
                if earlier >= 0 and at - earlier <= pair_within[q]:
                    pairs[q] += 1.0
            if at > kind_last[k]:
                kind_before[k] = kind_last[k]
                kind_last[k] = at
            if not is_activity[k]:
                continue
            first = min(first, at)
            if since >= 0 and at > since:
                facts[COUNT_SINCE_RETURN] += 1.0
            if at < day_end:
                spread[before, ACTIVE_DAYS] -= 1.0
            else:
                day_end = (at // DAY + 1) * DAY
            if at - visit_end > VISIT:
                visit = 0
            spread[w, ACTIVE_DAYS] += 1.0
            before, visit_end = w, at
            if age <= burst_span:
                visit += 1
                burst = max(burst, visit)
            if age <= gap_span:
                gap = max(gap, at - previous)
                previous = at
        facts[BURST] = burst
        facts[LONGEST_GAP] = max(gap, now - previous) / DAY
        facts[FIRST] = min(now - first, longest) / DAY
        facts[AGE] = min(max(now - created[i], 0), longest) / DAY
        if uses_account:
            of_account = account_start[account[i]], account_start[account[i] + 1]
            _account(
                i, now, of_account, start, time, recorded, kind, is_used, is_activity, created, opened, decided,
                windows, other_start, fed, account_span, longest, others, spread, facts,
            )  # fmt: skip
        for g in range(len(last)):
            recencies[g] = (longest if last[g] < 0 else min(now - last[g], longest)) / DAY
        _sum_up(counts)
        _sum_up(values)
        _sum_up(others)
        _sum_up(spread)
        for f in range(len(trend)):
            trends[f] = 2.0 * numbers[trend[f, 0]] - numbers[trend[f, 1]]
        for f in range(len(column)):
            out[row, f] = numbers[column[f]]


@njit(cache=True, nogil=True)
def show(
    held: Floats,
    place: npt.NDArray[np.int32],
    source: Ints,
    asks: Ints,
    than: Floats,
    out: npt.NDArray[np.float32],
) -> None:
    """Fill each of the last columns of ``out`` from the row ``source`` of ``held``, at each row's ``place`` in it.

    Where it ``asks`` `VALUE`, what is held, or ``than`` in place of NaN; `ABSENT`, whether that is NaN; `EQUAL`,
    whether it is ``than``.
    """
    first = out.shape[1] - len(source)
    for row in range(len(place)):
        for column in range(len(source)):
            found = held[source[column], place[row]]
            if asks[column] == EQUAL:
                out[row, first + column] = found == than[column]
            elif asks[column] == ABSENT:
                out[row, first + column] = np.isnan(found)
            else:
                out[row, first + column] = than[column] if np.isnan(found) else found


@njit(cache=True, nogil=True)
def _part(numbers: Floats, parts: Ints, n: int) -> Floats:
    return numbers[parts[n] : parts[n + 1]]


@njit(cache=True, nogil=True)
def _table(numbers: Floats, parts: Ints, n: int, windows: Ints) -> Floats:
    """A part with one row a window."""
    part = numbers[parts[n] : parts[n + 1]]
    return part.reshape((len(windows), len(part) // len(windows)))


@njit(cache=True, nogil=True)
def _account(
    i: int,
    now: int,
    of_account: tuple[int, int],
    start: Ints,
    time: Ints,
    recorded: Ints,
    kind: npt.NDArray[np.int16],
    is_used: npt.NDArray[np.bool_],
    is_activity: npt.NDArray[np.bool_],
    created: Ints,
    opened: Ints,
    decided: Ints,
    windows: Ints,
    other_start: Places,
    fed: Places,
    span: int,
    longest: int,
    others: Floats,
    spread: Floats,
    facts: Floats,
) -> None:
    """What other people of the account did, newest first: back to the longest window, and to their last activity."""
    latest = -1
    for j in range(of_account[0], of_account[1]):
        if j == i:
            continue
        facts[ACCOUNT_PEOPLE] += created[j] < now
        facts[ACCOUNT_WON] += opened[j] < now and decided[j] < now
        e = start[j] + np.searchsorted(time[start[j] : start[j + 1]], now) - 1
        seen, w = False, 0
        while e >= start[j] and now - time[e] <= (span if seen else max(span, longest)):
            k = kind[e]
            if recorded[e] <= now and is_used[k]:
                while now - time[e] > windows[w]:
                    w += 1
                for slot in range(other_start[k], other_start[k + 1]):
                    others[w, fed[slot]] += 1.0
                if is_activity[k] and not seen:
                    spread[w, ACCOUNT_ACTIVE] += 1.0
                    latest = max(latest, time[e])
                    seen = True
            e -= 1
    facts[ACCOUNT_RECENCY] = (longest if latest < 0 else min(now - latest, longest)) / DAY


@njit(cache=True, nogil=True)
def _sum_up(cells: Floats) -> None:
    """Turn what fell between two windows' ends (rows) into what fell within each window."""
    for w in range(1, cells.shape[0]):
        for g in range(cells.shape[1]):
            cells[w, g] += cells[w - 1, g]
