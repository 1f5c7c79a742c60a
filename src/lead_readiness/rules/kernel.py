"""The replay itself: one walk over a lead's visible events, second by second, for any rule book.

Within a second nothing depends on the order of events: matches are counted, then all rules are gone
through in the book's order. Limits look at a ring of their last awards and caps at running balances,
so that the cost grows linearly however many events a lead has. The tables (see `program`) carry each
row's running state, so the kernel works on copies of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from lead_readiness.rules.program import (
    AWARDS,
    DIGITS,
    LEAD,
    NO_GRADE,
    SILENCE,
    TIERS,
    Flags,
    Floats,
    Ints,
    Table,
)

SECOND = 1_000_000
LONG_AGO = -(1 << 61)
TO_COME = 1 << 61
GRAIN = float(1 << 20)
"""Rules' points are whole multiples of 1 / GRAIN of a point, so that they add up exactly in any order."""


@njit(cache=True, nogil=True, error_model="numpy")
def replay(
    begin: int,
    end: int,
    lead: npt.NDArray[np.int32],
    as_of: Ints,
    contributions: Floats,
    fired: npt.NDArray[np.int32],
    sums: Floats,
    grade: Ints,
    flags: Flags,
    patterns: Table,
    asks: Table,
    rules: Table,
    levels: Table,
    groups: Table,
    pools: Table,
    bounds: Floats,
    least: Floats,
    start: Ints,
    of_kind: Ints,
    reset_kind: Flags,
    on_recycle: bool,
    stepped: bool,
    ring_size: int,
    created: Ints,
    lead_start: Ints,
    time: Ints,
    recorded: Ints,
    kind: npt.NDArray[np.int16],
    value: npt.NDArray[np.float32],
    asset: npt.NDArray[np.int32],
    handoff_start: Ints,
    returned: Ints,
    asset_ok: Flags,
    held: Floats,
    column: npt.NDArray[np.int32],
) -> None:
    """Fill in `Replay`'s columns for the rows ``begin:end``; ``grade`` is a place in `GRADES`.

    The rows of ``sums`` are points, fit and engagement, those of ``flags`` excluded and triggered. What is filled in
    begins as zeros; after it come `Program`'s fields and what `facts` gives.
    """
    points, fit, engagement = sums
    excluded, triggered = flags
    patterns, rules, levels = patterns.copy(), rules.copy(), levels.copy()
    groups, pools, ring = groups.copy(), pools.copy(), np.empty(ring_size, np.int64)
    second, amount = _ledger(stepped, len(pools), lead_start, lead[begin:end])
    every, hit = np.arange(len(rules)), np.empty(len(patterns), np.int64)
    for i in range(begin, end):
        at, now = int(lead[i]), int(as_of[i])
        e, past = lead_start[at], lead_start[at + 1]
        past = e + np.searchsorted(time[e:past], now)
        _fresh(patterns, rules, pools, levels, second, asks, held, column[i])
        grade[i] = NO_GRADE
        excluded[i] = _excluded(
            patterns, start, of_kind, e, past, now, recorded, kind, value, asset, asset_ok
        )
        if excluded[i]:
            continue
        since = _last_reset(reset_kind, e, past, now, time, recorded, kind)
        if on_recycle:
            since = max(since, _last_return(returned, handoff_start[at], handoff_start[at + 1], now))
        _about_lead(patterns, rules)
        _trim(rules, every, len(every), groups, pools, levels, second, amount, LONG_AGO)
        _book(rules, every, len(every), pools, levels, second, amount, LONG_AGO, 0, LONG_AGO)
        seconds = 1  # place 0 of the ledger is that of the rules on attributes
        while e < past:
            moment, hits = time[e] // SECOND * SECOND, 0
            while e < past and time[e] < moment + SECOND:
                if moment > since and recorded[e] <= now:
                    for k in range(start[kind[e]], start[kind[e] + 1]):
                        if _matches(patterns, of_kind[k], value[e], asset[e], asset_ok):
                            hits = _note(patterns, of_kind[k], hit, hits)
                e += 1
            if hits:
                _award(patterns, rules, hit, hits, ring, moment, now)
                _trim(rules, hit, hits, groups, pools, levels, second, amount, moment)
                _book(rules, hit, hits, pools, levels, second, amount, moment, seconds, now)
                triggered[i] |= _remember(patterns, hit, hits, moment, now)
                seconds += 1
        _standings(patterns, rules, levels, max(created[at], since), now)
        _trim(rules, every, len(every), groups, pools, levels, second, amount, now)
        for r in range(len(rules)):
            worth = np.rint((rules[r].total + rules[r].award) * GRAIN) / GRAIN + 0.0  # no -0
            contributions[i, r] = worth
            fired[i, r] = rules[r].fired
            if rules[r].fit:
                fit[i] += worth
            else:
                engagement[i] += worth
        total = fit[i] + engagement[i]
        points[i] = total
        for b in range(len(bounds)):
            beyond = min(max(total, bounds[b, 0]), bounds[b, 1]) - total
            contributions[i, len(rules) + b] = beyond
            points[i] += beyond
        grade[i] = 0
        for k in range(least.shape[1]):
            grade[i] += DIGITS * (fit[i] < least[0, k]) + (engagement[i] < least[1, k])


@njit(cache=True, nogil=True, error_model="numpy")
def _ledger(stepped: bool, pools: int, start: Ints, lead: npt.NDArray[np.int32]) -> tuple[Ints, Floats]:
    """Room for what each pool was paid in each second: needed only where points fade in steps under a cap."""
    longest = 0
    if stepped:
        for at in lead:
            longest = max(longest, start[at + 1] - start[at] + 2)
    return np.empty(longest, np.int64), np.empty((pools, longest), np.float64)


@njit(cache=True, nogil=True, error_model="numpy")
def _fresh(
    patterns: Table,
    rules: Table,
    pools: Table,
    levels: Table,
    second: Ints,
    asks: Table,
    held: Floats,
    column: int,
) -> None:
    """Make the running state that of an untouched lead, whose attributes are a column of ``held``."""
    for p in range(len(patterns)):
        patterns[p].able = True
        for k in range(patterns[p].ask, patterns[p].asks):
            patterns[p].able &= asks[k].low <= held[asks[k].held, column] <= asks[k].high
        patterns[p].seen = LONG_AGO
    for r in range(len(rules)):
        rules[r].made = 0
        rules[r].fired = 0
        rules[r].total = 0.0
        rules[r].award = 0.0
    for q in range(len(pools)):
        pools[q].balance = 0.0
        pools[q].at = LONG_AGO
    for k in range(len(levels)):
        levels[k].cursor = 0
    second[:1] = TO_COME


@njit(cache=True, nogil=True, error_model="numpy")
def _matches(patterns: Table, p: int, value: float, asset: int, asset_ok: Flags) -> bool:
    """Whether an event, of a kind that pattern p names, is what the pattern asks for."""
    pattern = patterns[p]
    ok: bool = pattern.able
    if pattern.glob >= 0:
        ok &= asset >= 0 and asset_ok[asset, pattern.glob]
    if pattern.valued:
        ok &= pattern.low <= value <= pattern.high
    return ok


@njit(cache=True, nogil=True, error_model="numpy")
def _excluded(
    patterns: Table,
    start: Ints,
    of_kind: Ints,
    begin: int,
    end: int,
    now: int,
    recorded: Ints,
    kind: npt.NDArray[np.int16],
    value: npt.NDArray[np.float32],
    asset: npt.NDArray[np.int32],
    asset_ok: Flags,
) -> bool:
    """Whether the lead itself, or any event of its that is visible, is excluded."""
    by_event = False
    for p in range(len(patterns)):
        by_event |= patterns[p].excludes
        if patterns[p].excludes and patterns[p].eventless and patterns[p].able:
            return True
    if by_event:
        for e in range(begin, end):
            if recorded[e] <= now:
                for k in range(start[kind[e]], start[kind[e] + 1]):
                    p = of_kind[k]
                    if patterns[p].excludes and _matches(patterns, p, value[e], asset[e], asset_ok):
                        return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _last_return(returned: Ints, begin: int, end: int, now: int) -> int:
    since = LONG_AGO
    for h in range(begin, end):
        if returned[h] < now:
            since = max(since, returned[h])
    return since


@njit(cache=True, nogil=True, error_model="numpy")
def _last_reset(
    reset_kind: Flags,
    begin: int,
    end: int,
    now: int,
    time: Ints,
    recorded: Ints,
    kind: npt.NDArray[np.int16],
) -> int:
    for e in range(end - 1, begin - 1, -1):
        if reset_kind[kind[e]] and recorded[e] <= now:
            return int(time[e])
    return LONG_AGO


@njit(cache=True, nogil=True, error_model="numpy")
def _about_lead(patterns: Table, rules: Table) -> None:
    """Award rules on attributes alone: they come before all events and never fade."""
    for r in range(len(rules)):
        if rules[r].style == LEAD and patterns[r].able:
            rules[r].fired = 1
            rules[r].award = rules[r].points


@njit(cache=True, nogil=True, error_model="numpy")
def _note(patterns: Table, p: int, hit: Ints, hits: int) -> int:
    """Count a match of pattern p; ``hit`` lists, in order, the patterns that the current second matched."""
    patterns[p].hits += 1
    if patterns[p].hits > 1:
        return hits
    k = hits
    while k > 0 and hit[k - 1] > p:
        hit[k] = hit[k - 1]
        k -= 1
    hit[k] = p
    return hits + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _award(patterns: Table, rules: Table, hit: Ints, hits: int, ring: Ints, moment: int, now: int) -> None:
    """Add and limit: turn one second's matches into awards."""
    for r in hit[:hits]:
        if r >= len(rules):
            break
        n, first = patterns[r].hits, rules[r].first
        if first >= 0 and moment - patterns[first].seen > rules[r].within:
            continue
        if rules[r].style == AWARDS:
            n = _within_limit(rules, r, ring, n, moment)
            rules[r].fired += n
            rules[r].award = n * rules[r].points
        elif rules[r].style == TIERS and now - moment < rules[r].span:
            rules[r].made += n


@njit(cache=True, nogil=True, error_model="numpy")
def _within_limit(rules: Table, r: int, ring: Ints, n: int, moment: int) -> int:
    """How many of n matches in one second may award; the ring keeps the times of the last `most` awards."""
    most = rules[r].most
    if most == 0:
        return n
    for k in range(n):
        slot = rules[r].ring + rules[r].made % most
        if rules[r].made >= most and moment - ring[slot] < rules[r].span:
            return k
        ring[slot] = moment
        rules[r].made += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _trim(
    rules: Table,
    hit: Ints,
    hits: int,
    groups: Table,
    pools: Table,
    levels: Table,
    second: Ints,
    amount: Floats,
    moment: int,
) -> None:
    """Cap: cut a group's new points, all in proportion, to the room it has; negative ones make room first."""
    for g in range(len(groups)):
        groups[g].plus = 0.0
        groups[g].minus = 0.0
    for k in range(hits):
        r = hit[k]
        if r < len(rules) and rules[r].group >= 0:
            groups[rules[r].group].plus += max(rules[r].award, 0.0)
            groups[rules[r].group].minus += min(rules[r].award, 0.0)
    for g in range(len(groups)):
        if groups[g].plus > 0.0 or groups[g].minus < 0.0:
            room = groups[g].cap - groups[g].minus
            for q in range(groups[g].pool, groups[g].pools):
                room -= _balance(pools, q, levels, second, amount, moment)
            groups[g].plus = min(1.0, max(room, 0.0) / groups[g].plus) if groups[g].plus > 0.0 else 1.0
    for k in range(hits):
        r = hit[k]
        if r < len(rules) and rules[r].group >= 0 and rules[r].award > 0.0:
            rules[r].award *= groups[rules[r].group].plus


@njit(cache=True, nogil=True, error_model="numpy")
def _balance(pools: Table, q: int, levels: Table, second: Ints, amount: Floats, moment: int) -> float:
    """What a pool's awards are worth at a second; seconds only ever go forward."""
    if pools[q].half_life > 0.0 and pools[q].balance != 0.0:
        pools[q].balance *= np.exp2(-(moment - pools[q].at) / pools[q].half_life)
    pools[q].at = moment
    before = 1.0
    for k in range(pools[q].step, pools[q].steps):
        while moment - second[levels[k].cursor] >= levels[k].at:
            pools[q].balance -= amount[q, levels[k].cursor] * (before - levels[k].worth)
            levels[k].cursor += 1
        before = levels[k].worth
    worth: float = pools[q].balance
    return worth


@njit(cache=True, nogil=True, error_model="numpy")
def _book(
    rules: Table,
    hit: Ints,
    hits: int,
    pools: Table,
    levels: Table,
    second: Ints,
    amount: Floats,
    moment: int,
    seconds: int,
    now: int,
) -> None:
    """Decay: add one second's awards to the totals, as faded as they are now, and to their pools in full."""
    if len(second):
        second[seconds] = moment
        second[seconds + 1] = TO_COME
        amount[:, seconds] = 0.0
    for k in range(hits):
        r = hit[k]
        if r < len(rules) and rules[r].award != 0.0:
            rules[r].total += rules[r].award * _left(rules, r, levels, now - moment)
            q = rules[r].pool
            if q >= 0:
                pools[q].balance += rules[r].award
                if len(second):
                    amount[q, seconds] += rules[r].award
            rules[r].award = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _left(rules: Table, r: int, levels: Table, age: int) -> float:
    """The share of its points that an award of that age is still worth."""
    left = 1.0 if rules[r].half_life == 0.0 else np.exp2(-age / rules[r].half_life)
    for k in range(rules[r].step, rules[r].steps):
        if age >= levels[k].at:
            left = levels[k].worth
    return left


@njit(cache=True, nogil=True, error_model="numpy")
def _remember(patterns: Table, hit: Ints, hits: int, moment: int, now: int) -> bool:
    """Close a second: what was seen in it becomes the past; whether it held a trigger comes back."""
    triggered = False
    for p in hit[:hits]:
        triggered |= patterns[p].triggers >= now - moment
        patterns[p].seen = moment
        patterns[p].hits = 0
    return triggered


@njit(cache=True, nogil=True, error_model="numpy")
def _standings(patterns: Table, rules: Table, levels: Table, since: int, now: int) -> None:
    """Award tiers and silence: what stands now."""
    for r in range(len(rules)):
        reached = rules[r].made
        if rules[r].style == SILENCE:
            began = patterns[r].seen if patterns[r].seen > LONG_AGO else since
            reached = now - began // SECOND * SECOND if patterns[r].able else 0
        if rules[r].style == SILENCE or rules[r].style == TIERS:
            for k in range(rules[r].tier, rules[r].tiers):
                if reached >= levels[k].at:
                    rules[r].fired = 1
                    rules[r].award = levels[k].worth
