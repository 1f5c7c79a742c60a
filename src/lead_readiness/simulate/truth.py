"""The truth: what was really to be expected of each lead at each snapshot, given all that was visible then.

`of` gives, for every lead at risk on every Monday, P(it opens an opportunity that will be won within (as_of + 1
day, as_of + H], given that nothing is decided in that first day), with all parameters known: the belief of the exact
filter (`kernel`) times a look-ahead. H is 30 days for short and 90 for long sales cycles. What was visible is:
the attributes, creation and events of everybody in the account, and that the record is still open; of the lead
itself also what sales answered on it. Colleagues' hand-offs and deals are not looked at.

A behaviour's true contribution is the logit of that probability minus the logit without the lead's own channel of
that behaviour, its events and their absence; ``engagement`` takes away all of them at once, ``account`` the
colleagues, ``fit`` all attributes but the cycle (with the population's mix in their place).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lead_readiness.simulate import company, kernel, tables
from lead_readiness.simulate.company import BEHAVIOURS, CHANNELS, Floats
from lead_readiness.simulate.events import KINDS, ONCE, REVIEWS_AT, SOURCES_AT, vectors
from lead_readiness.simulate.history import Days
from lead_readiness.simulate.sales import MONDAY
from lead_readiness.timelines import DAY

if TYPE_CHECKING:
    from lead_readiness.simulate.build import Hidden

FITS, CLASSES = len(company.PACE), len(company.PACE) * len(company.CYCLES)
SENIORITIES = len(company.SENIORITIES)
BLOCK = 200
"""Accounts taken at a time by one thread."""
LEAST = 1e-6
CONTRIBUTIONS = (*BEHAVIOURS, "engagement", "account", "fit")
VIEWS = (kernel.ALL, *range(len(BEHAVIOURS)), kernel.MUTE, kernel.ALONE)


def of(hidden: Hidden) -> pd.DataFrame:
    """The truth as [lead_id, as_of, probability, one column for each of CONTRIBUTIONS], by lead and time."""
    person, day = at_risk(hidden)
    observer = _Observer(hidden)
    account = hidden.history.account[person]
    cuts = np.searchsorted(account, np.arange(0, len(hidden.history.path) + BLOCK, BLOCK))
    blocks = [slice(a, b) for a, b in pairwise(cuts) if a < b]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        parts = list(pool.map(lambda rows: observer.chances(person[rows], day[rows]), blocks))
    chance = np.concatenate([*parts, np.empty((0, 1 + len(CONTRIBUTIONS)))])
    chance = np.clip(chance, LEAST, 1 - LEAST)
    logit = np.log(chance) - np.log1p(-chance)
    columns = {"lead_id": tables.names(hidden.history)[0][person], "as_of": tables.moments(day * DAY)}
    columns["probability"] = chance[:, 0]
    columns |= {name: logit[:, 0] - logit[:, i] for i, name in enumerate(CONTRIBUTIONS, start=1)}
    return pd.DataFrame(columns).sort_values(["lead_id", "as_of"], ignore_index=True)


def at_risk(hidden: Hidden) -> tuple[Days, Days]:
    """Every lead at risk on every Monday, as (person, day): known, undecided, not opted out, not in sales' hands."""
    past = hidden.history
    mondays = np.arange(MONDAY, past.days + 1, 7)
    events = hidden.log.columns()
    end = hidden.closings.at.copy()
    of_kind = events["kind"] == KINDS.index("unsubscribe")
    np.minimum.at(end, events["person"][of_kind].astype(np.int64), events["at"][of_kind].astype(np.int64))
    free = (past.created_at[:, None] < mondays * DAY) & (mondays * DAY < end[:, None])
    person, handed_off, returned, _ = hidden.handoffs.columns()
    first = np.searchsorted(mondays * DAY, handed_off, side="right")
    last = np.searchsorted(mondays * DAY, returned, side="right")
    for p, a, b in zip(person, first, last):
        free[p, a:b] = False
    rows, column = np.nonzero(free)
    return rows, mondays[column]


class _Observer:
    """One who knows all parameters, looks at the records, and says what is to be expected."""

    def __init__(self, hidden: Hidden) -> None:
        past = hidden.history
        self.past, self.world, self.records = past, _world(past.days), _records(hidden)
        self.chance, self.undecided = look_ahead()
        fits = np.stack([np.bincount(past.fit[past.cycle == c], minlength=FITS) for c in (0, 1)]) + 0.5
        self.fits = fits / fits.sum(axis=1, keepdims=True)
        types = np.bincount(past.company_type, minlength=len(company.COMPANY_TYPES)) / len(past.path)
        self.initial = np.array([company.initial(t) for t in range(len(types))])
        self.unknown_initial = types @ self.initial

    def chances(self, person: Days, day: Days) -> Floats:
        """Probability of each snapshot, [row, 1 + CONTRIBUTIONS]: with everything, then with each thing taken away."""
        account, seniority = self.past.account[person], self.past.seniority[person]
        class_ = self.past.cycle[account] * FITS + self.past.fit[account]
        out = np.empty((len(person), 1 + len(CONTRIBUTIONS)))
        for i, view in enumerate(VIEWS):
            belief, _ = self._beliefs(person, day, view, class_)
            won = (belief * self.chance[class_, seniority]).sum(axis=1)
            out[:, i] = won / (belief * self.undecided[class_, seniority]).sum(axis=1)
        out[:, -1] = self._blind(person, day)
        return out

    def _blind(self, person: Days, day: Days) -> Floats:
        """Probability with the population's mix of fits, company types, sources and seniorities."""
        cycle = self.past.cycle[self.past.account[person]]
        won, left, evidence = (np.zeros((len(person), FITS)) for _ in range(3))
        for fit in range(FITS):
            class_ = cycle * FITS + fit
            belief, evidence[:, fit] = self._beliefs(person, day, kernel.BLIND, class_)
            for s, share in enumerate(company.SENIORITY_MIX):
                won[:, fit] += share * (belief * self.chance[class_, s]).sum(axis=1)
                left[:, fit] += share * (belief * self.undecided[class_, s]).sum(axis=1)
        evidence += np.log(self.fits)[cycle]
        share = np.exp(evidence - evidence.max(axis=1, keepdims=True))
        return np.asarray((share * won).sum(axis=1) / (share * left).sum(axis=1))

    def _beliefs(self, person: Days, day: Days, view: int, class_: Days) -> tuple[Floats, Floats]:
        """Belief [row, state] and log-evidence [row] of snapshots in order of person and day."""
        belief, evidence = np.empty((len(person), kernel.STATES)), np.empty(len(person))
        account = self.past.account[person]
        initial = self.initial[self.past.company_type[account]]
        if view == kernel.BLIND:
            initial = np.tile(self.unknown_initial, (len(person), 1))
        kernel.beliefs(
            self.world, self.records, view, person, day, account, class_, initial, belief, evidence
        )
        return belief, evidence


def look_ahead() -> tuple[Floats, Floats]:
    """From the state on a snapshot's eve: what the next days hold.

    ``chance`` [class, seniority, state]: P(the person's opportunity opens after the gap and within the horizon,
    nothing being decided in the gap); ``undecided`` [class, seniority, state]: P(nothing is decided in the gap).
    A class is cycle x 5 + fit.
    """
    chance = np.zeros((CLASSES, SENIORITIES, kernel.STATES))
    undecided = np.zeros_like(chance)
    for class_ in range(CLASSES):
        steps = company.transitions(class_ // FITS, class_ % FITS)
        days = company.HORIZON_DAYS[company.CYCLES[class_ // FITS]] - 1
        for s, opens in enumerate(company.opens()[class_ // FITS]):
            opening = np.where(np.arange(kernel.STATES) == company.READY, opens, 0.0)
            within = np.zeros(kernel.STATES)
            for _ in range(days):
                within = steps @ (opening + (1 - opening) * within)
            left = (1 - company.CLEAN_UP) * (1 - opening)
            chance[class_, s], undecided[class_, s] = steps @ (left * within), steps @ left
    return chance, undecided


def _world(days: int) -> kernel.World:
    rate = company.rates()
    behaviour = np.array([BEHAVIOURS.index(channel.behaviour) for channel in CHANNELS])
    by_behaviour = {}
    for late in (False, True):
        rows = np.zeros((SENIORITIES, len(BEHAVIOURS) + 1, kernel.STATES))
        for c, channel in enumerate(CHANNELS):
            if channel.late == late and not channel.once:
                rows[:, behaviour[c]] += rate[:, c]
        rows[:, -1] = rows[:, :-1].sum(axis=1)
        by_behaviour[late] = rows
    steps = np.array([company.transitions(c // FITS, c % FITS) for c in range(CLASSES)])
    nights = np.cumsum(company.LATE_NIGHTS)
    with np.errstate(divide="ignore"):
        join_log = np.log(company.JOIN)
    return kernel.World(
        busy=company.rhythm(days),
        known_share=1 - company.LATE_SHARE * np.concatenate([[1.0, 1.0], 1 - nights[:-1], [0.0]]),
        prompt=by_behaviour[False],
        late=by_behaviour[True],
        once=np.ascontiguousarray(rate[:, ONCE]),
        once_behaviour=behaviour[list(ONCE)],
        vectors=vectors(),
        reviews_at=REVIEWS_AT,
        sources_at=SOURCES_AT,
        join_log=join_log,
        stay_log=np.log1p(-company.JOIN),
        close_log=np.log1p(-company.CLEAN_UP),
        waits_log=np.repeat(np.log1p(-company.opens()), FITS, axis=0),
        steps=steps,
        ready=company.READY,
        most_people=company.MOST_PEOPLE,
        latest_days=company.LATEST_DAYS,
    )


def _records(hidden: Hidden) -> kernel.Records:
    past = hidden.history
    person, day, known, behaviour, vector = hidden.log.observations()
    account = past.account[person]
    by = np.lexsort((vector, person, day, account))
    return kernel.Records(
        first_day=past.first_day.astype(np.int64),
        people=past.people.astype(np.int64),
        created=past.created.astype(np.int64),
        first_seen=past.first_seen.astype(np.int64),
        seniority=past.seniority.astype(np.int64),
        done=hidden.done,
        observations=np.searchsorted(account[by], np.arange(len(past.path) + 1)),
        day=day[by],
        known=np.maximum(known, past.created[person] + 1)[by],
        person=person[by],
        behaviour=behaviour[by],
        vector=vector[by],
    )
