"""One walk over a snapshot's visible events feeds every feature."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

DAY = 86_400_000_000
VISIT = 1_800_000_000  # a visit ends after 30 minutes of silence

FAMILIES = (
    "count", "recency", "intensity", "trend", "value", "pair", "returned",  # per group, pair or reason
    "active_days", "sessions", "account_count", "account_active",  # per window
    "burst", "longest_gap", "assets", "kinds", "first", "age", "returns", "since_return", "count_since_return",
    "account_recency", "account_people", "account_won",  # one number per snapshot
)  # fmt: skip
FACTS = len(FAMILIES)
COUNT, RECENCY, INTENSITY, TREND, VALUE, PAIR, RETURNED = range(7)
ACTIVE_DAYS, SESSIONS, ACCOUNT_COUNT, ACCOUNT_ACTIVE = range(7, 11)
BURST, LONGEST_GAP, ASSETS, KINDS, FIRST, AGE, RETURNS, SINCE_RETURN, COUNT_SINCE_RETURN = range(11, 20)
ACCOUNT_RECENCY, ACCOUNT_PEOPLE, ACCOUNT_WON = range(20, 23)


class Program(NamedTuple):
    """A catalogue compiled to arrays: what each kind feeds, and which number each column is."""

    windows: npt.NDArray[np.int64]
    half_lives: npt.NDArray[np.float64]
    kind_start: npt.NDArray[np.int32]
    kind_groups: npt.NDArray[np.int32]
    is_used: npt.NDArray[np.bool_]
    is_activity: npt.NDArray[np.bool_]
    then_start: npt.NDArray[np.int32]
    pairs_then: npt.NDArray[np.int32]
    pair_first: npt.NDArray[np.int32]
    pair_within: npt.NDArray[np.int64]
    family: npt.NDArray[np.int8]
    group: npt.NDArray[np.int32]
    window: npt.NDArray[np.int32]
    before: npt.NDArray[np.int32]
    spans: npt.NDArray[np.int64]  # windows of burst, longest gap, assets and kinds
    account_span: int  # the longest window of account features
    longest: int  # where "days since" ends
    group_count: int
    uses_values: bool
    uses_account: bool


class History(NamedTuple):
    """The arrays of `Timelines` that the walk reads."""

    start: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]
    recorded: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int16]
    value: npt.NDArray[np.float32]
    asset: npt.NDArray[np.int32]
    created: npt.NDArray[np.int64]
    account: npt.NDArray[np.int32]
    account_start: npt.NDArray[np.int64]
    decided: npt.NDArray[np.int64]
    opened: npt.NDArray[np.int64]
    handoff_start: npt.NDArray[np.int64]
    returned: npt.NDArray[np.int64]
    return_reason: npt.NDArray[np.int16]


class Scratch(NamedTuple):
    """What one snapshot's walk gathers; made once per call, cleared per row."""

    cells: npt.NDArray[np.float64]  # group x window: events
    values: npt.NDArray[np.float64]  # group x window: their values
    faded: npt.NDArray[np.float64]  # group x half-life
    last: npt.NDArray[np.int64]  # group: its latest event
    kind_last: npt.NDArray[np.int64]
    kind_before: npt.NDArray[np.int64]  # the latest event strictly before kind_last
    pairs: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]  # ACTIVE_DAYS.. x window
    facts: npt.NDArray[np.float64]  # one number per family from BURST on
    kind_seen: npt.NDArray[np.int64]
    asset_seen: npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def walk(
    begin: int,
    end: int,
    lead: npt.NDArray[np.int32],
    as_of: npt.NDArray[np.int64],
    program: Program,
    history: History,
    asset_count: int,
    out: npt.NDArray[np.float32],
) -> None:
    """Fill ``out[row]`` for the rows ``begin:end`` of ``lead`` and ``as_of``."""
    groups, windows, kinds = program.group_count, len(program.windows), len(program.is_activity)
    scratch = Scratch(
        np.zeros((groups, windows)),
        np.zeros((groups, windows)),
        np.zeros((groups, len(program.half_lives))),
        np.zeros(groups, np.int64),
        np.zeros(kinds, np.int64),
        np.zeros(kinds, np.int64),
        np.zeros(len(program.pair_first)),
        np.zeros((4, windows)),
        np.zeros(FACTS),
        np.full(kinds, -1, np.int64),
        np.full(asset_count, -1, np.int64),
    )
    for row in range(begin, end):
        _clear(scratch)
        _own_events(row, lead[row], as_of[row], program, history, scratch)
        if program.uses_account:
            _account_events(lead[row], as_of[row], program, history, scratch)
        _write(as_of[row], program, scratch, out[row])


@njit(cache=True, nogil=True)
def _clear(s: Scratch) -> None:
    s.cells[:] = 0.0
    s.values[:] = 0.0
    s.faded[:] = 0.0
    s.pairs[:] = 0.0
    s.spread[:] = 0.0
    s.facts[:] = 0.0
    s.last[:] = -1
    s.kind_last[:] = -1
    s.kind_before[:] = -1


@njit(cache=True, nogil=True)
def _own_events(row: int, i: int, now: int, p: Program, t: History, s: Scratch) -> None:
    """The lead's own events, oldest first; equal times give equal results in any order.

    A day or a visit counts in the window of its last event: with each further event it moves on from the
    window of the one ``before``. Arrays are named before the loop: taken out of a named tuple inside it,
    each would be counted as a new reference for every event.
    """
    time, recorded, kind, value, asset = t.time, t.recorded, t.kind, t.value, t.asset
    windows, half_lives, kind_start, kind_groups = p.windows, p.half_lives, p.kind_start, p.kind_groups
    is_used, is_activity = p.is_used, p.is_activity
    burst_span, gap_span, assets_span, kinds_span = p.spans
    then_start, pairs_then, pair_first, pair_within = p.then_start, p.pairs_then, p.pair_first, p.pair_within
    cells, values, faded, last, spread, facts = s.cells, s.values, s.faded, s.last, s.spread, s.facts
    kind_last, kind_before, pairs = s.kind_last, s.kind_before, s.pairs
    kind_seen, asset_seen = s.kind_seen, s.asset_seen
    since = _returns(i, now, p, t, s)
    first, day_end, visit_end, visit, before = now, -1, -VISIT - 1, 0, 0
    previous, longest = now - gap_span, 0
    for e in range(t.start[i], t.start[i + 1]):
        at, k = time[e], kind[e]
        if at >= now:
            break
        if recorded[e] > now or not is_used[k]:
            continue
        age = now - at
        w = 0
        while age > windows[w]:
            w += 1
        for slot in range(kind_start[k], kind_start[k + 1]):
            g = kind_groups[slot]
            cells[g, w] += 1.0
            last[g] = at
            if p.uses_values and not np.isnan(value[e]):
                values[g, w] += value[e]
        for h in range(len(half_lives)):
            left = np.exp2(-age / half_lives[h])
            for slot in range(kind_start[k], kind_start[k + 1]):
                faded[kind_groups[slot], h] += left
        for slot in range(then_start[k], then_start[k + 1]):
            q = pairs_then[slot]
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
            spread[0, before] -= 1.0
        else:
            day_end = (at // DAY + 1) * DAY
        if at - visit_end <= VISIT:
            spread[1, before] -= 1.0
        else:
            visit = 0
        spread[0, w] += 1.0
        spread[1, w] += 1.0
        before, visit_end = w, at
        if age <= burst_span:
            visit += 1
            facts[BURST] = max(facts[BURST], visit)
        if age <= gap_span:
            longest = max(longest, at - previous)
            previous = at
        if age <= assets_span and asset[e] >= 0 and asset_seen[asset[e]] != row:
            asset_seen[asset[e]] = row
            facts[ASSETS] += 1.0
        if age <= kinds_span and kind_seen[k] != row:
            kind_seen[k] = row
            facts[KINDS] += 1.0
    facts[LONGEST_GAP] = max(longest, now - previous) / DAY
    facts[FIRST] = min(now - first, p.longest) / DAY
    facts[AGE] = min(max(now - t.created[i], 0), p.longest) / DAY


@njit(cache=True, nogil=True)
def _returns(i: int, now: int, p: Program, t: History, s: Scratch) -> int:
    """Hand-offs that came back before now; returns the moment of the last, or -1."""
    since, reason = -1, -1
    for h in range(t.handoff_start[i], t.handoff_start[i + 1]):
        if t.returned[h] < now:
            s.facts[RETURNS] += 1.0
            if t.returned[h] > since:
                since, reason = t.returned[h], t.return_reason[h]
    s.facts[SINCE_RETURN] = (p.longest if since < 0 else min(now - since, p.longest)) / DAY
    s.facts[RETURNED] = reason
    return since


@njit(cache=True, nogil=True)
def _account_events(i: int, now: int, p: Program, t: History, s: Scratch) -> None:
    """What other people of the account did, newest first: back to the longest window, and to their last activity."""
    start, time, recorded, kind = t.start, t.time, t.recorded, t.kind
    windows, is_activity, spread = p.windows, p.is_activity, s.spread
    span, longest = p.account_span, p.longest
    latest, account = -1, t.account[i]
    for j in range(t.account_start[account], t.account_start[account + 1]):
        if j == i:
            continue
        s.facts[ACCOUNT_PEOPLE] += t.created[j] < now
        s.facts[ACCOUNT_WON] += t.opened[j] < now and t.decided[j] < now
        e = start[j] + np.searchsorted(time[start[j] : start[j + 1]], now) - 1
        seen = False
        while e >= start[j] and now - time[e] <= (span if seen else max(span, longest)):
            if recorded[e] <= now and is_activity[kind[e]]:
                w = 0
                while now - time[e] > windows[w]:
                    w += 1
                spread[2, w] += 1.0
                if not seen:
                    spread[3, w] += 1.0
                    latest = max(latest, time[e])
                    seen = True
            e -= 1
    s.facts[ACCOUNT_RECENCY] = (longest if latest < 0 else min(now - latest, longest)) / DAY


@njit(cache=True, nogil=True)
def _write(now: int, p: Program, s: Scratch, out: npt.NDArray[np.float32]) -> None:
    """Each column's number, from windows summed up to their ends."""
    _sum_up(s.cells)
    _sum_up(s.spread)
    if p.uses_values:
        _sum_up(s.values)
    families, groups, ends, before, longest = p.family, p.group, p.window, p.before, p.longest
    cells, values, faded, last = s.cells, s.values, s.faded, s.last
    spread, facts, pairs = s.spread, s.facts, s.pairs
    for f in range(len(families)):
        family, g, w = families[f], groups[f], ends[f]
        if family == COUNT:
            out[f] = cells[g, w]
        elif family == RECENCY:
            out[f] = (longest if last[g] < 0 else min(now - last[g], longest)) / DAY
        elif family == INTENSITY:
            out[f] = faded[g, w]
        elif family == TREND:
            out[f] = 2.0 * cells[g, w] - cells[g, before[f]]
        elif family == VALUE:
            out[f] = values[g, w]
        elif family == PAIR:
            out[f] = pairs[g]
        elif family == RETURNED:
            out[f] = 1.0 if facts[RETURNED] == g else 0.0
        elif family < BURST:
            out[f] = spread[g, w]
        else:
            out[f] = facts[family]


@njit(cache=True, nogil=True)
def _sum_up(cells: npt.NDArray[np.float64]) -> None:
    """Turn what fell between two windows' ends into what fell within each window."""
    for g in range(cells.shape[0]):
        for w in range(1, cells.shape[1]):
            cells[g, w] += cells[g, w - 1]
