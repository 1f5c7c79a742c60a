"""The judgement month by month, by sales cycle, and by the attributes that the project file names.

A slice keeps the hand-offs of the whole replay: it shows what came of them in one part of the leads, or of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness.snapshots import CENSORED
from lead_readiness.timelines import NEVER
from training.bootstrap import DRAWS, Accounts, interval, totals
from training.dataset import Dataset
from training.judgement.comparison import Comparison
from training.judgement.contest import Contest
from training.judgement.judge import MODEL, RULES
from training.judgement.replay import MEASURES, AtRisk, Ints, Leads, accounts, from_sums, present, sums
from training.metrics import Floats, ratio

MOST_LEVELS = 12
"""Levels of an attribute shown by themselves, the most frequent; the rest are put together."""
LEADS_NEEDED = 50
"""Leads at risk that a level of a declared group needs before its selection rate is compared."""
WINNERS_NEEDED = 20
"""Winners that a slice needs for an interval of what is measured on winners."""
SHOWN = ("winners_reached", "precision", "lift", "selection_rate")
MONTH, OTHER, EMPTY = "month", "(other)", "(empty)"
BLOCK = 200

Names = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Part:
    """One level of one slice: the rows and leads that belong to it."""

    slice: str
    level: str
    rows: AtRisk
    leads: Leads
    inside: npt.NDArray[np.bool_]


def slices(data: Dataset, contest: Contest, comparison: Comparison, draws: int = DRAWS) -> pd.DataFrame:
    """What model and rules do in each slice: [slice, level, leads, winners, measure, policy, value, low, high].

    ``policy`` is the model, the rules, or "difference"; the measures are `SHOWN`, where the selection rate is the
    share of the leads at risk that were handed off. Intervals are a paired bootstrap over accounts; there is none with
    fewer than `WINNERS_NEEDED` winners.
    """
    policies = [name for name in (MODEL, RULES) if name in contest.scorings]
    parts = list(_parts(data, contest))
    by = accounts(contest.rows, contest.leads)
    per_account = np.stack(
        [_sums(part, comparison.handoffs[name], by) for part in parts for name in policies]
    )
    drawn = _measured(per_account, draws, contest.seed).reshape(1 + draws, len(parts), len(policies), -1)
    found = []
    for i, part in enumerate(parts):
        sides = {name: drawn[:, i, j] for j, name in enumerate(policies)}
        if len(sides) == 2:
            sides["difference"] = sides[MODEL] - sides[RULES]
        leads, winners = int(part.inside.sum()), int(per_account[i * len(policies), :, 0].sum())
        for name, values in sides.items():
            for m, measure in enumerate(SHOWN):
                enough = winners >= WINNERS_NEEDED or measure == "selection_rate"
                ends = interval(values[1:, m], enough)
                found.append((part.slice, part.level, leads, winners, measure, name, values[0, m], *ends))
    columns = ["slice", "level", "leads", "winners", "measure", "policy", "value", "low", "high"]
    return pd.DataFrame(found, columns=columns)


@dataclass(frozen=True)
class Evenness:
    """How evenly a policy hands off the levels of a declared group: the lowest selection rate over the highest."""

    group: str
    ratio: float
    low: float
    high: float
    least: str
    most: str


def evenness(data: Dataset, contest: Contest, comparison: Comparison, draws: int = DRAWS) -> list[Evenness]:
    """For each declared group the model's selection-rate ratio, with its interval and the levels that make it.

    Levels with fewer than `LEADS_NEEDED` leads at risk are left out; a group with fewer than two others is, too.
    """
    by = accounts(contest.rows, contest.leads)
    found = []
    for group in data.project.judgement.groups:
        parts = [p for p in _by_attribute(data, contest, group) if p.inside.sum() >= LEADS_NEEDED]
        if len(parts) > 1:
            per_account = np.stack([_sums(p, comparison.handoffs[MODEL], by) for p in parts])
            rates = _measured(per_account, draws, contest.seed)[:, :, SHOWN.index("selection_rate")]
            ratios = ratio(rates.min(axis=1), rates.max(axis=1))
            least, most = (parts[int(pick(rates[0]))].level for pick in (np.argmin, np.argmax))
            found.append(Evenness(group, float(ratios[0]), *interval(ratios[1:]), least, most))
    return found


def _parts(data: Dataset, contest: Contest) -> Iterator[Part]:
    yield from _by_month(contest)
    judgement, cycle = data.project.judgement, data.project.label.cycle
    for name in dict.fromkeys(([cycle] if cycle else []) + [*judgement.slices, *judgement.groups]):
        yield from _by_attribute(data, contest, name)


def _by_month(contest: Contest) -> Iterator[Part]:
    """Rows of one calendar month, and the winners of the winning moments in it."""
    rows, leads = contest.rows, contest.leads
    until = int(rows.instant.max(initial=0))
    won = np.where(leads.won_at <= until, leads.won_at, NEVER)
    month, month_won = (_month(moments) for moments in (rows.instant, won))
    for name in np.unique(month):
        here = month == name
        inside = np.bincount(rows.lead[here], minlength=len(leads.won_at)) > 0
        yield Part(
            MONTH,
            str(name),
            replace(rows, label=np.where(here, rows.label, CENSORED).astype(np.int8)),
            replace(leads, won_at=np.where(month_won == name, won, NEVER)),
            inside,
        )


def _month(moments: Ints) -> Names:
    text: Names = moments.astype("datetime64[us]").astype("datetime64[M]").astype(str).astype(object)
    return text


def _by_attribute(data: Dataset, contest: Contest, name: str) -> Iterator[Part]:
    rows, leads = contest.rows, contest.leads
    there = present(rows, leads)
    level = (
        pd.Series(data.timelines.attributes[name], dtype=object).fillna(EMPTY).astype(str).to_numpy(object)
    )
    counts = pd.Series(level[there]).value_counts()
    counts = counts.sort_index().sort_values(ascending=False, kind="stable")
    level = np.where(np.isin(level, list(counts.index[:MOST_LEVELS])), level, OTHER)
    for each in dict.fromkeys([*counts.index[:MOST_LEVELS], *([OTHER] if len(counts) > MOST_LEVELS else [])]):
        inside = level == each
        yield Part(
            name,
            str(each),
            replace(rows, label=np.where(inside[rows.lead], rows.label, CENSORED).astype(np.int8)),
            replace(leads, won_at=np.where(inside, leads.won_at, NEVER)),
            there & inside,
        )


def _sums(part: Part, handed: Ints, by: Accounts) -> Floats:
    """Per account what `from_sums` divides, then the part's leads handed off and at risk: ``(n, 12)``."""
    until = int(part.rows.instant.max(initial=0))
    per_lead = sums(part.rows, part.leads, handed, until)
    taken = np.bincount(part.rows.lead[handed], minlength=len(part.inside)) > 0
    return by.sums([*per_lead.T, taken & part.inside, part.inside])


def _measured(per_account: Floats, draws: int, seed: int) -> Floats:
    """`SHOWN` of every part: ``(1 + draws, parts, measures)``; the first is the test itself."""
    parts, n, columns = per_account.shape
    wide = np.ascontiguousarray(np.moveaxis(per_account, 0, 1).reshape(n, parts * columns))
    places = [MEASURES.index(measure) for measure in SHOWN[:-1]]
    total = totals(wide, draws, seed, BLOCK).reshape(-1, columns)
    replayed, rate = from_sums(total[:, :-2])[:, places], ratio(total[:, -2], total[:, -1])
    return np.column_stack([replayed, rate]).reshape(1 + draws, parts, len(SHOWN))
