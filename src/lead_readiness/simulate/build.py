"""One company from a seed: history, events, sales' work under the rule book, tables and, on demand, the truth."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable

import numpy as np
import pandas as pd

from lead_readiness import project, rules, tables, timelines
from lead_readiness.project import Project
from lead_readiness.simulate import company, events, history, sales, truth
from lead_readiness.simulate import tables as files
from lead_readiness.simulate.events import Log
from lead_readiness.simulate.history import NO_DAY, Days, History
from lead_readiness.simulate.sales import Closings, Handoffs, Standing
from lead_readiness.timelines import DAY, NEVER, Timelines


@dataclass(frozen=True, eq=False)
class Hidden:
    """What only the simulation knows: the intents, every observation, when ``once`` channels fell silent."""

    history: History
    log: Log
    done: Days
    handoffs: Handoffs
    closings: Closings


@dataclass(frozen=True, eq=False)
class Company:
    """A simulated company: its four tables, project file and rule book as text, and what is hidden behind them."""

    leads: pd.DataFrame
    events: pd.DataFrame
    outcomes: pd.DataFrame
    handoffs: pd.DataFrame
    project_file: str
    rule_book: str
    hidden: Hidden

    @cached_property
    def truth(self) -> pd.DataFrame:
        """What was really to be expected at each snapshot; see `truth.of`."""
        return truth.of(self.hidden)

    @property
    def cut(self) -> datetime:
        """The moment up to which anything is recorded."""
        return company.START + timedelta(days=self.hidden.history.days)


def days_of(months: int) -> int:
    """Days from the start to the end of its ``months``-th month.

    >>> days_of(18)
    546
    """
    start = np.datetime64(company.START.date())
    return int(
        (start.astype("datetime64[M]") + months).astype("datetime64[D]").astype(int) - start.astype(int)
    )


def simulate(leads: int, seed: int, months: int = 18) -> Company:
    """A company with ``leads`` leads over ``months`` months from `company.START`; the same for the same seed.

    >>> made = simulate(20, seed=1, months=2)
    >>> len(made.leads), made.cut.isoformat(), list(made.truth)[:3]
    (20, '2025-03-01T00:00:00+00:00', ['lead_id', 'as_of', 'probability'])
    """
    days = days_of(months)
    streams = [np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(seed).spawn(6)]
    past = history.draw(leads, days, streams[0])
    log, done = events.draw(past, streams[1])
    capacity = max(2, round(leads / 240))
    text = (
        _file("readiness.toml")
        .read_text(encoding="utf-8")
        .format(
            cut=(company.START + timedelta(days=days)).isoformat().replace("+00:00", "Z"), capacity=capacity
        )
    )
    score = _score(past, log, text)
    handoffs, closings = sales.work(past, _held(past, log), capacity, score, log, streams[2])
    sales.touches(past, handoffs, closings, log, streams[3])
    return Company(
        leads=files.leads(past),
        events=files.events(past, log, streams[4]),
        outcomes=files.outcomes(past, closings, streams[5]),
        handoffs=files.handoffs(past, handoffs),
        project_file=text,
        rule_book=_file("rules.yaml").read_text(encoding="utf-8"),
        hidden=Hidden(past, log, done, handoffs, closings),
    )


def _file(name: str) -> Traversable:
    return resources.files("lead_readiness.simulate") / name


def _held(past: History, log: Log) -> Days:
    """Per person the day from which opt-out, complaint or bounce keep it from sales (NO_DAY: never)."""
    held = np.full(len(past.account), NO_DAY)
    columns = log.columns()
    kinds = [events.KINDS.index(kind) for kind in ("unsubscribe", "complaint", "email_bounce")]
    of = np.isin(columns["kind"], kinds)
    np.minimum.at(held, columns["person"][of].astype(np.int64), columns["at"][of].astype(np.int64) // DAY + 1)
    return held


def _score(past: History, log: Log, text: str) -> sales.Score:
    """The company's own rule book, replayed over all leads on a given day."""
    settings: Project = project.parse(tomllib.loads(text))
    with resources.as_file(_file("rules.yaml")) as path:
        book = rules.load(path, settings)
    happened = files.events(past, log, np.random.Generator(np.random.PCG64(0)), twice=0.0)
    known = timelines.build(tables.validate(settings, files.leads(past), happened), settings)
    place = pd.Index(known.lead_ids).get_indexer(pd.Index(files.names(past)[0]))

    def score(day: int, handoffs: Handoffs) -> Standing:
        as_of = np.full(len(place), files.EPOCH + day * DAY)
        said = rules.replay(book, _with(known, place, handoffs), place.astype(np.int32), as_of)
        points = np.where(said.excluded, -np.inf, said.points - book.threshold)
        return points, said.triggered

    return score


def _with(known: Timelines, place: Days, handoffs: Handoffs) -> Timelines:
    """The timelines with the hand-offs so far."""
    person, handed_off, returned, reason = handoffs.columns()
    lead = place[person]
    by = np.lexsort((handed_off, lead))
    return dataclasses.replace(
        known,
        handoff_start=np.searchsorted(lead[by], np.arange(len(place) + 1)),
        handed_off=handed_off[by] + files.EPOCH,
        returned=np.where(returned >= files.OPEN_UNTIL, NEVER, returned + files.EPOCH)[by],
        return_reason=reason[by].astype(np.int16),
    )
