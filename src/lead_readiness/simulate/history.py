"""The hidden part: each account's intent from day to day, who joins it when, and who opens an opportunity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lead_readiness.simulate import company
from lead_readiness.simulate.company import Bools, Floats
from lead_readiness.timelines import DAY

Days = npt.NDArray[np.int64]
NO_DAY = 1 << 20
BEFORE = -1
ANONYMOUS_DAYS = company.LATEST_DAYS


@dataclass(frozen=True)
class History:
    """Accounts (rows of ``path``, one column per day) and their people, in order of account and creation.

    ``path`` holds states, `BEFORE` before the account's first day. ``opened`` is per person the day on which it
    opens the opportunity that will be won, ``clean_up`` per account the day on which its record gets closed.
    Days count from `company.START`; ``NO_DAY`` means never. ``created_at`` and ``opened_at`` are microseconds
    since then.
    """

    path: npt.NDArray[np.int8]
    first_day: Days
    cycle: Days
    fit: Days
    company_type: Days
    industry: Days
    employees: Floats
    country: Days
    mail_gateway: Bools
    clean_up: Days
    account: Days
    created: Days
    created_at: Days
    first_seen: Days
    seniority: Days
    source: Days
    consent: Bools
    bad_address: Bools
    opened: Days
    opened_at: Days
    people: Days

    @property
    def days(self) -> int:
        """How many days the company is simulated."""
        return int(self.path.shape[1])


def pick(rng: np.random.Generator, mix: tuple[float, ...] | Floats, n: int) -> Days:
    """``n`` independent places, drawn with the probabilities ``mix``."""
    return np.searchsorted(np.cumsum(mix)[:-1], rng.random(n), side="right")


def pick_rows(rng: np.random.Generator, rows: Floats) -> Days:
    """One place per row, drawn with that row's probabilities."""
    return np.asarray(
        (np.cumsum(rows, axis=1)[:, :-1] <= rng.random(len(rows))[:, None]).sum(axis=1), dtype=np.int64
    )


def draw(leads: int, days: int, rng: np.random.Generator) -> History:
    """A company's accounts and exactly ``leads`` people."""
    n = leads + 50
    accounts = _accounts(n, days, rng)
    path, joined_account, joined_day = _paths(accounts, days, rng)
    kept = _keep(np.bincount(joined_account, minlength=n), leads)
    renumber = np.cumsum(kept) - 1
    of_kept = kept[joined_account]
    account, created = renumber[joined_account[of_kept]], joined_day[of_kept]
    by = np.lexsort((created, account))
    accounts = {name: column[kept] for name, column in accounts.items()}
    return _people(accounts, path[kept], account[by], created[by], rng)


def _accounts(n: int, days: int, rng: np.random.Generator) -> dict[str, npt.NDArray[np.generic]]:
    """Who the accounts are and when they first turn up: most of them early, none in the last days."""
    company_type = pick(rng, company.COMPANY_MIX, n)
    industry = pick(rng, company.INDUSTRY_MIX, n)
    employees = np.maximum(1, np.rint(rng.lognormal(4.2, 1.7, n)))
    chance_of_long = np.array([0.15, 0.3, 0.55, 0.75])[np.digitize(employees, company.SIZES)]
    cycle = (rng.random(n) < chance_of_long).astype(np.int64)
    employees[rng.random(n) < 0.08] = np.nan
    first_day = np.floor((days - 12) * rng.random(n) ** 1.1).astype(np.int64)
    return {
        "first_day": first_day,
        "first_created": first_day + _anonymous_days(n, rng),
        "company_type": company_type,
        "industry": industry,
        "employees": employees,
        "cycle": cycle,
        "fit": company.fit_level(industry, employees),
        "country": pick(rng, company.COUNTRY_MIX, n),
        "mail_gateway": rng.random(n) < 0.15,
    }


def _anonymous_days(n: int, rng: np.random.Generator) -> Days:
    """How many days before its creation each person was seen without a name: none for six in ten."""
    return np.where(rng.random(n) < 0.6, 0, rng.integers(1, ANONYMOUS_DAYS + 1, n))


def _paths(
    accounts: dict[str, npt.NDArray[np.generic]], days: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int8], Days, Days]:
    """Each account's states by day, and the account and day of each person's creation.

    The order of a day: the state moves, then somebody may join.
    """
    n = len(accounts["cycle"])
    first_day, first_created = (
        accounts["first_day"].astype(np.int64),
        accounts["first_created"].astype(np.int64),
    )
    steps = np.array([[company.transitions(c, f) for f in range(5)] for c in range(2)])
    bounds = np.cumsum(steps, axis=-1)[accounts["cycle"].astype(int), accounts["fit"].astype(int)]
    initial = np.array([company.initial(t) for t in range(len(company.COMPANY_TYPES))])
    begins = pick_rows(rng, initial[accounts["company_type"].astype(int)])
    path = np.full((n, days), BEFORE, np.int8)
    state, people = np.full(n, BEFORE), np.zeros(n, np.int64)
    who, when = [], []
    for day in range(days):
        u, v = rng.random(n), rng.random(n)
        live = np.flatnonzero(first_day < day)
        state[live] = (bounds[live, state[live], :-1] <= u[live, None]).sum(axis=1)
        state[first_day == day] = begins[first_day == day]
        path[:, day] = state
        open_for_more = (people < company.MOST_PEOPLE) & (first_created < day)
        joins = (first_created == day) | (open_for_more & (v < company.JOIN[state]))
        who.append(np.flatnonzero(joins))
        when.append(np.full(int(joins.sum()), day))
        people += joins
    return path, np.concatenate(who), np.concatenate(when)


def _keep(sizes: Days, leads: int) -> Bools:
    """The accounts to keep so that exactly ``leads`` people remain: the first ones that fit."""
    kept = (np.cumsum(sizes) <= leads) & (sizes > 0)
    missing = leads - int(sizes[kept].sum())
    for account in np.flatnonzero(~kept & (sizes > 0)):
        if 0 < sizes[account] <= missing:
            kept[account] = True
            missing -= int(sizes[account])
    return kept


def _people(
    accounts: dict[str, npt.NDArray[np.generic]],
    path: npt.NDArray[np.int8],
    account: Days,
    created: Days,
    rng: np.random.Generator,
) -> History:
    m = len(account)
    seniority = pick(rng, company.SENIORITY_MIX, m)
    first = np.append(True, account[1:] != account[:-1])
    first_created = accounts.pop("first_created").astype(np.int64)
    first_day = accounts["first_day"].astype(np.int64)[account]
    first_seen = np.where(first, first_day, np.maximum(created - _anonymous_days(m, rng), first_day))
    chance = company.CLEAN_UP[np.maximum(path, 0)] * (path >= 0)
    closes = (rng.random(path.shape) < chance) & (np.arange(path.shape[1]) > first_created[:, None])
    opened = _opened(
        path, account, created, company.opens()[accounts["cycle"].astype(int)[account], seniority], rng
    )
    return History(
        path=path,
        clean_up=np.where(closes.any(axis=1), closes.argmax(axis=1), NO_DAY),
        account=account,
        created=created,
        created_at=created * DAY + _working_hours(m, rng),
        first_seen=first_seen,
        seniority=seniority,
        source=pick_rows(rng, company.SOURCE[path[account, created]]),
        consent=rng.random(m) < 0.85,
        bad_address=rng.random(m) < 0.02,
        opened=opened,
        opened_at=np.where(opened < NO_DAY, opened * DAY + _working_hours(m, rng), NO_DAY * DAY),
        people=np.searchsorted(account, np.arange(len(path) + 1)),
        **accounts,  # type: ignore[arg-type]  # the columns that `_accounts` makes
    )


def _working_hours(n: int, rng: np.random.Generator) -> Days:
    """Moments between 08:00 and 17:00, in microseconds since midnight, on whole seconds."""
    return rng.integers(8 * 3600, 17 * 3600, n) * 1_000_000


def _opened(
    path: npt.NDArray[np.int8], account: Days, created: Days, chance: Floats, rng: np.random.Generator
) -> Days:
    """Per person the first day after its creation on which, its account being ready, it opens an opportunity."""
    waits = rng.geometric(chance)
    ready_days = np.cumsum(path == company.READY, axis=1, dtype=np.int32)
    opened = np.full(len(account), NO_DAY)
    for person in range(len(account)):
        days = ready_days[account[person]]
        day = int(np.searchsorted(days, days[created[person]] + waits[person]))
        opened[person] = day if day < len(days) else NO_DAY
    return opened
