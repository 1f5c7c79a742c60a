"""The truth: what was really to be expected of each lead at each snapshot, given all that was visible then.

`of` gives, for every lead at risk on every Monday, P(it opens the winning opportunity within (as_of + 1 day,
as_of + H], given that nothing is decided in that first day), with all parameters known: the belief of the exact
filter (`kernel`) times a look-ahead over intent and over the colleagues who may still join. H is 30 days for short
and 90 for long sales cycles. A behaviour's true contribution is the logit of that probability minus the logit
without the lead's own channel of that behaviour, its events and their absence; ``account`` takes away the
colleagues, ``fit`` all attributes but the cycle (the population's mix in their place).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lead_readiness.simulate import company, kernel, tables
from lead_readiness.simulate.company import BEHAVIOURS, CHANNELS, Floats
from lead_readiness.simulate.events import KINDS, ONCE, SOURCES_AT, vectors
from lead_readiness.simulate.history import Days
from lead_readiness.simulate.sales import MONDAY
from lead_readiness.timelines import DAY

if TYPE_CHECKING:
    from lead_readiness.simulate.build import Hidden

FITS, CLASSES = len(company.PACE), len(company.PACE) * len(company.CYCLES)
WEIGHT = np.array(company.WEIGHT)
MOST_WEIGHT = company.MOST_PEOPLE * max(company.WEIGHT)
BLOCK = 200
"""Accounts taken at a time by one thread."""
LEAST = 1e-6
CONTRIBUTIONS = (*BEHAVIOURS, "engagement", "account", "fit")


def of(hidden: Hidden) -> pd.DataFrame:
    """The truth as [lead_id, as_of, probability, one column for each of CONTRIBUTIONS], by lead and time."""
    person, day = at_risk(hidden)
    world, records = _world(hidden), _records(hidden)
    ahead = _Ahead(hidden, person, day)
    account = hidden.history.account[person]
    cuts = np.searchsorted(account, np.arange(0, len(hidden.history.path) + BLOCK, BLOCK))
    blocks = [slice(a, b) for a, b in zip(cuts, cuts[1:]) if a < b]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        parts = list(
            pool.map(lambda rows: ahead.chances(world, records, person[rows], day[rows], rows), blocks)
        )
    chance = np.clip(np.concatenate([*parts, np.empty((0, 1 + len(CONTRIBUTIONS)))]), LEAST, 1 - LEAST)
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
    out = np.full(len(past.account), tables.OPEN_UNTIL)
    of_kind = events["kind"] == KINDS.index("unsubscribe")
    np.minimum.at(out, events["person"][of_kind].astype(np.int64), events["at"][of_kind].astype(np.int64))
    end = np.minimum(out, hidden.closings.at[past.account])
    free = (past.created_at[:, None] < mondays * DAY) & (mondays * DAY < end[:, None])
    person, handed_off, returned, _ = hidden.handoffs.columns()
    first = np.searchsorted(mondays * DAY, handed_off, side="right")
    last = np.searchsorted(mondays * DAY, returned, side="right")
    for p, a, b in zip(person, first, last):
        free[p, a:b] = False
    rows, column = np.nonzero(free)
    return rows, mondays[column]


class _Ahead:
    """Chances from beliefs: the look-ahead tables, and who is whose colleague at each snapshot."""

    def __init__(self, hidden: Hidden, person: Days, day: Days) -> None:
        past = hidden.history
        self.past = past
        size = np.zeros((len(person), 2), np.int64)
        for k in range(company.MOST_PEOPLE):
            other = past.people[past.account[person]] + k
            inside = other < past.people[past.account[person] + 1]
            other = np.where(inside, other, 0)
            there = inside & (past.created[other] < day)
            size += np.stack([there, there * WEIGHT[past.seniority[other]]], axis=1)
        self.size, self.weight = size[:, 0], size[:, 1]
        own = WEIGHT[past.seniority[person]]
        self.chance, self.undecided = look_ahead()
        mix = np.zeros((company.MOST_PEOPLE + 1, MOST_WEIGHT + 1))
        np.add.at(mix, (self.size, self.weight - own), 1.0)
        self.colleagues = mix / max(1.0, mix.sum())
        self.fits = np.stack([np.bincount(past.fit[past.cycle == c], minlength=FITS) + 1e-9 for c in (0, 1)])
        types = np.bincount(past.company_type, minlength=len(company.COMPANY_TYPES)) / len(past.path)
        self.initial = np.array([company.initial(t) for t in range(len(types))])
        self.unknown_initial = types @ self.initial

    def chances(self, world: object, records: object, person: Days, day: Days, rows: slice) -> Floats:
        """Probability of each snapshot, [row, 1 + CONTRIBUTIONS]: with everything, then with each thing taken away."""
        n, past = len(person), self.past
        account = past.account[person]
        class_ = past.cycle[account] * FITS + past.fit[account]
        own = WEIGHT[past.seniority[person]]
        size, weight = self.size[rows], self.weight[rows]
        share = own[:, None] * self.chance[class_, size, weight]
        out = np.empty((n, 1 + len(CONTRIBUTIONS)))
        for i, view in enumerate((kernel.ALL, *range(len(BEHAVIOURS)), kernel.MUTE)):
            belief, _ = self._beliefs(world, records, person, day, view, class_)
            out[:, i] = (belief * share).sum(axis=1) / (belief * self.undecided[class_]).sum(axis=1)
        belief, _ = self._beliefs(world, records, person, day, kernel.ALONE, class_)
        among = self._among_the_unknown()[class_, past.seniority[person]]
        out[:, -2] = (belief * among).sum(axis=1) / (belief * self.undecided[class_]).sum(axis=1)
        out[:, -1] = self._blind(world, records, person, day, size, weight - own)
        return out

    def _among_the_unknown(self) -> Floats:
        """`chance` times weight by [class, seniority, state], with the population's colleagues."""
        among = np.zeros((CLASSES, len(WEIGHT), kernel.STATES))
        for r, w in enumerate(WEIGHT):
            shifted = self.chance[:, :, w:]
            among[:, r] = w * np.einsum("nw,cnws->cs", self.colleagues[:, : MOST_WEIGHT + 1 - w], shifted)
        return among

    def _blind(
        self, world: object, records: object, person: Days, day: Days, size: Days, others: Days
    ) -> Floats:
        """Probability with the population's mix of fits, company types, sources and seniorities."""
        cycle = self.past.cycle[self.past.account[person]]
        won, left, evidence = (np.zeros((len(person), FITS)) for _ in range(3))
        for fit in range(FITS):
            class_ = cycle * FITS + fit
            belief, evidence[:, fit] = self._beliefs(world, records, person, day, kernel.BLIND, class_)
            left[:, fit] = (belief * self.undecided[class_]).sum(axis=1)
            for mix, w in zip(company.SENIORITY_MIX, WEIGHT):
                at = np.minimum(others + w, MOST_WEIGHT)
                won[:, fit] += mix * w * (belief * self.chance[class_, size, at]).sum(axis=1)
        prior = np.log(self.fits / self.fits.sum(axis=1, keepdims=True))[cycle]
        share = np.exp(prior + evidence - (prior + evidence).max(axis=1, keepdims=True))
        return np.asarray((share * won).sum(axis=1) / (share * left).sum(axis=1))

    def _beliefs(
        self, world: object, records: object, person: Days, day: Days, view: int, class_: Days
    ) -> tuple[Floats, Floats]:
        """Belief [row, state] and log-evidence [row] of snapshots in order of person and day."""
        belief, evidence = np.empty((len(person), kernel.STATES)), np.empty(len(person))
        account = self.past.account[person]
        initial = self.initial[self.past.company_type[account]]
        if view == kernel.BLIND:
            initial = np.tile(self.unknown_initial, (len(person), 1))
        kernel.beliefs(world, records, view, person, day, account, class_, initial, belief, evidence)
        return belief, evidence


def look_ahead() -> tuple[Floats, Floats]:
    """From the state on a snapshot's eve: what the next days hold, over everything that may still happen.

    ``chance`` [class, people, sum of their weights, state]: the expected 1 / (sum of weights) at an opening that
    falls after the gap and within the horizon, 0 without one, so that a person's chance is its own weight times
    this; ``undecided`` [class, state]: P(nothing is decided in the gap). A class is cycle x 5 + fit.
    """
    joins, mix = company.JOIN, company.SENIORITY_MIX
    live = slice(0, kernel.STATES)
    chance = np.zeros((CLASSES, company.MOST_PEOPLE + 1, MOST_WEIGHT + 1, kernel.STATES))
    undecided = np.zeros((CLASSES, kernel.STATES))
    inverse = np.append(0.0, 1 / np.arange(1, MOST_WEIGHT + 1))[None, :, None]
    for class_ in range(CLASSES):
        steps = company.transitions(class_ // FITS, class_ % FITS)
        within = np.zeros_like(chance[0])
        for _ in range(company.HORIZON_DAYS[company.CYCLES[class_ // FITS]] - 1):
            later = _after_joins(within, joins, mix)
            within = inverse * steps[live, company.WON] + later @ steps[live, live].T
        chance[class_] = _after_joins(within, joins, mix) @ (steps[live, live] * (1 - company.CLEAN_UP)).T
        undecided[class_] = steps[live, live] @ (1 - company.CLEAN_UP)
    return chance, undecided


def _after_joins(value: Floats, joins: Floats, mix: tuple[float, ...]) -> Floats:
    """A value [people, weight, state] expected over whether somebody joins today, and who."""
    joined = np.zeros_like(value)
    for share, w in zip(mix, company.WEIGHT):
        joined[:-1, :-w] += share * value[1:, w:]
    out = (1 - joins) * value + joins * joined
    out[-1] = value[-1]
    return out


def _world(hidden: Hidden) -> kernel.World:
    rate = company.rates()
    behaviour = np.array([BEHAVIOURS.index(channel.behaviour) for channel in CHANNELS])
    by_behaviour = {}
    for late in (False, True):
        rows = np.zeros((len(WEIGHT), len(BEHAVIOURS) + 1, kernel.STATES))
        for c, channel in enumerate(CHANNELS):
            if channel.late == late and not channel.once:
                rows[:, behaviour[c]] += rate[:, c]
        rows[:, -1] = rows[:, :-1].sum(axis=1)
        by_behaviour[late] = rows
    steps = np.array([company.transitions(c // FITS, c % FITS) for c in range(CLASSES)])
    unnamed = steps[:, :-1, :-1].copy()
    unnamed[:, company.READY, company.READY] += steps[:, company.READY, company.WON]
    nights = np.cumsum(company.LATE_NIGHTS)
    with np.errstate(divide="ignore"):
        join_log = np.log(company.JOIN)
    return kernel.World(
        busy=company.rhythm(hidden.history.days),
        known_share=1 - company.LATE_SHARE * np.concatenate([[1.0, 1.0], 1 - nights[:-1], [0.0]]),
        prompt=by_behaviour[False],
        late=by_behaviour[True],
        once=np.ascontiguousarray(rate[:, ONCE]),
        once_behaviour=behaviour[list(ONCE)],
        vectors=vectors(),
        sources_at=SOURCES_AT,
        join_log=join_log,
        stay_log=np.log1p(-company.JOIN),
        close_log=np.log1p(-company.CLEAN_UP),
        steps=np.ascontiguousarray(steps[:, :-1, :-1]),
        unnamed=unnamed,
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
