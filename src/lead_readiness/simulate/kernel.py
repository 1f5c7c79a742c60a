"""The exact forward filter: what an observer who knows all parameters believes of an account at each snapshot.

A *view* is what the observer may look at: `ALL`; everything but one behaviour of the lead's own (its number, 0 and
up: neither its events nor their absence count); `MUTE`, without anything the lead itself did or left undone;
`ALONE`, without the lead's colleagues; `BLIND`, without what the attributes say. The belief is kept as of
`LATEST_DAYS` ago, when everything from before is known, and walked from there to each snapshot with what was
visible at it.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

STATES = 7
SETTLED = 1 << 19
"""A day so late that everything that ever happens is visible from it."""
ALL, ALONE, BLIND, MUTE = -1, -2, -3, -4

World = namedtuple(
    "World",
    "busy known_share prompt late once once_behaviour vectors reviews_at sources_at join_log stay_log close_log "
    "waits_log steps ready most_people latest_days",
)
"""Parameters, arrays with the 7 states last.

busy[day]; known_share[age]: share of late-recorded events known after so many days; prompt and late[seniority,
behaviour or, last, their sum, state] and once[seniority, channel, state]: daily rates; once_behaviour[channel];
vectors[sort, state]: log-likelihoods, those of sales' answers from ``reviews_at``, those of sources from
``sources_at`` on; join_log, stay_log, close_log[state];
waits_log[class, seniority]: log P(no opening | ready); steps[class, state, state]; ``ready``: that state.
"""

Records = namedtuple(
    "Records",
    "first_day people created first_seen seniority done observations day known person behaviour vector",
)
"""Accounts (first_day; people: where each account's begin), people, and observations in order of account and day
(observations: where each account's begin)."""


@njit(cache=True, nogil=True)
def beliefs(world, records, view, person, as_of, account, class_, initial, belief, evidence):  # type: ignore[no-untyped-def]
    """Fill ``belief`` [row, state] and ``evidence`` [row] (log-likelihood) of rows in order of person and day.

    ``as_of``, ``account``, ``class_`` and ``initial`` [row, state] are given per row.
    """
    settled, ahead, scratch = np.empty(STATES), np.empty(STATES), np.empty((2, STATES))
    day, seen, logs = 0, 0, 0.0
    for row in range(len(person)):
        a, lead, c, until = account[row], person[row], class_[row], as_of[row]
        if row == 0 or person[row - 1] != lead:
            settled[:] = initial[row]
            day, seen, logs = records.first_day[a], records.observations[a], 0.0
        settle = max(day, until - world.latest_days)
        seen, more = _walk(world, records, a, lead, view, c, day, settle, SETTLED, seen, settled, scratch)
        day, logs = settle, logs + more
        ahead[:] = settled
        _, more = _walk(world, records, a, lead, view, c, day, until, until, seen, ahead, scratch)
        belief[row] = ahead
        evidence[row] = logs + more


@njit(cache=True, nogil=True)
def _walk(world, records, account, lead, view, class_, day, stop, until, seen, belief, scratch):  # type: ignore[no-untyped-def]
    """Move a belief through days ``day`` to ``stop - 1``, as visible at midnight ``until``.

    Returns the next observation and the log-evidence of those days.
    """
    log, moved = scratch
    steps, vectors, busy = world.steps[class_], world.vectors, world.busy
    waits_log, created = world.waits_log[class_, records.seniority[lead]], records.created[lead]
    on, known, vector = records.day, records.known, records.vector
    last, first_day = records.observations[account + 1], records.first_day[account]
    logs = 0.0
    for today in range(day, stop):
        _move(belief, steps, today > first_day, moved)
        _silence(world, records, account, lead, view, today, until, busy[today], log)
        if today > created:
            log[world.ready] += waits_log
        while seen < last and on[seen] == today:
            if known[seen] <= until and not _hidden(world, records, lead, view, seen):
                for s in range(STATES):
                    log[s] += vectors[vector[seen], s]
            seen += 1
        top, total = np.max(log), 0.0
        for s in range(STATES):
            belief[s] = moved[s] * np.exp(log[s] - top)
            total += belief[s]
        for s in range(STATES):
            belief[s] /= total
        logs += top + np.log(total)
    return seen, logs


@njit(cache=True, nogil=True)
def _move(belief, steps, moves, moved):  # type: ignore[no-untyped-def]
    """The belief after a night; on the account's first day as it is."""
    for s in range(STATES):
        moved[s] = 0.0 if moves else belief[s]
        if moves:
            for r in range(STATES):
                moved[s] += belief[r] * steps[r, s]


@njit(cache=True, nogil=True)
def _hidden(world, records, lead, view, seen):  # type: ignore[no-untyped-def]
    """Whether a view leaves an observation out."""
    own, sort = records.person[seen] == lead, records.vector[seen]
    review = world.reviews_at <= sort < world.sources_at
    if not own:
        return view == ALONE or review or (view == BLIND and sort >= world.sources_at)
    if sort >= world.sources_at:
        return view == BLIND
    return view == MUTE or (view >= 0 and records.behaviour[seen] == view)


@njit(cache=True, nogil=True)
def _silence(world, records, account, lead, view, day, until, busy, log):  # type: ignore[no-untyped-def]
    """What a day says by what did not happen: the log-likelihood of no event, no closing, and of joins or none."""
    created, first_seen, seniority, done = (
        records.created,
        records.first_seen,
        records.seniority,
        records.done,
    )
    prompt, late_rate, once, once_behaviour = world.prompt, world.late, world.once, world.once_behaviour
    begin, end = records.people[account], records.people[account + 1]
    late = world.known_share[min(until - day, len(world.known_share) - 1)]
    named, joins = 0, False
    log[:] = 0.0
    for p in range(begin, end):
        named += created[p] < day
        joins |= created[p] == day
        if (
            first_seen[p] > day
            or created[p] >= until
            or (view == ALONE and p != lead)
            or (view == MUTE and p == lead)
        ):
            continue
        who = seniority[p]
        without = view if p == lead and view >= 0 else -1
        for s in range(STATES):
            log[s] -= busy * (prompt[who, -1, s] + late * late_rate[who, -1, s])
        for s in range(STATES if without >= 0 else 0):
            log[s] += busy * (prompt[who, without, s] + late * late_rate[who, without, s])
        for k in range(len(once_behaviour)):
            if day <= done[p, k] and once_behaviour[k] != without:
                for s in range(STATES):
                    log[s] -= busy * once[who, k, s]
    if day > created[begin]:
        joining = world.join_log if joins else world.stay_log
        counts = view != ALONE and named < world.most_people
        for s in range(STATES):
            log[s] += world.close_log[s] + (joining[s] if counts else 0.0)
