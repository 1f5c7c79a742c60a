"""Columns that, by themselves, rank later leads better than anything known in time could."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness import blend, features
from lead_readiness.features import families as fam
from lead_readiness.features.attributes import Attributes
from lead_readiness.features.catalogue import Catalogue
from lead_readiness.features.families import Group
from lead_readiness.snapshots import NEGATIVE, POSITIVE, Snapshots
from lead_readiness.timelines import DAY, Timelines
from training import fit as fitting
from training import metrics
from training.audit.attributes import Found
from training.audit.findings import unread
from training.audit.outcomes import FEWEST, outcomes
from training.bootstrap import Accounts, interval, redrawn
from training.dataset import Dataset
from training.metrics import Floats
from training.wording import percent

MOST_ROWS = 50_000
TOO_GOOD, SURELY = 0.90, 0.85
"""The out-of-time ROC AUC that is too good to be true, and what the low end of its interval must exceed."""
STRONG, AHEAD = 0.70, 0.05
"""From which ROC AUC an attribute is compared with all the rest, and how far it must surely be ahead of it."""
LAG_DAYS, DROP = 7, 0.05
"""What is lost when the last so many days are hidden ..."""
CERTAIN = 0.75
"""... is remarkable where so large a share of the snapshots that saw the kind in those days was won."""
BINS, PRIOR = 20, 20.0
DRAWS, BLOCK = 200, 50

Bools = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Exam:
    """Labelled rows: the ``early`` half in time to learn from, the later half to measure on."""

    data: Dataset
    known: Timelines
    rows: Snapshots
    early: Bools
    won: Floats

    def __getitem__(self, rows: Bools) -> Exam:
        return replace(self, rows=self.rows[rows], early=self.early[rows], won=self.won[rows])

    @property
    def enough(self) -> bool:
        """Whether both halves have winners and others to tell by."""
        halves = (self.early, ~self.early)
        return all(
            min(self.rows[half].wins, len(np.unique(self.rows.lead[half & (self.won == 0)]))) >= FEWEST
            for half in halves
        )

    def auc(self, score: npt.NDArray[Any], draws: int = 0, seed: int = 0) -> Floats:
        """ROC AUC on the later rows, whose scores these are: once, and for draws of accounts."""
        by = Accounts.numbered(self.known.account[self.rows.lead[~self.early]])
        won, weight = self.won[~self.early], self.rows.weight[~self.early]
        order = np.argsort(score, kind="stable")
        parts = [
            metrics.roc_auc(won[order], score[order], times[:, by.of[order]] * weight[order])
            for times in redrawn(by.count, draws, seed, BLOCK)
        ]
        return np.concatenate(parts)


def exam(data: Dataset, seed: int) -> Exam:
    """The rows on which event kinds are examined: those a training at the cut would learn from."""
    rows, known = data.rows(data.timelines.cut, np.ones(len(data.timelines.account_start) - 1, bool), seed)
    return _of(data, known, rows, seed)


def newcomers(data: Dataset, seed: int) -> Exam:
    """The rows on which attributes are examined: each judged lead a day after its creation, labelled with its outcome.

    What is known at creation competes there with what else is known then, and a value that was filled in later
    stands out.
    """
    known, t = outcomes(data), data.timelines
    lead = np.flatnonzero(known.judged).astype(np.int32)
    label = np.where(known.won[lead], POSITIVE, NEGATIVE).astype(np.int8)
    rows = Snapshots(lead, t.created[lead] + DAY, np.zeros(len(lead), np.int16), label, np.ones(len(lead)))
    return _of(data, t, rows, seed)


def _of(data: Dataset, known: Timelines, rows: Snapshots, seed: int) -> Exam:
    if len(rows) > MOST_ROWS:
        rows = rows[np.sort(np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False))]
    early = rows.as_of < (np.median(rows.as_of) if len(rows) else 0)
    return Exam(data, known, rows, early, fitting.won(rows))


def too_good_alone(new: Exam, seed: int, names: list[str]) -> Found:
    """Attributes that alone rank too well."""
    if not new.enough:
        return
    for name in names:
        if words := _too_good(new, _rates(new, name), seed):
            yield name, f"alone it {words}"


def ahead(new: Exam, seed: int, flagged: set[str], names: list[str]) -> Found:
    """Attributes that alone rank new leads surely better than all the others together, flagged and such ones aside."""
    if not new.enough:
        return
    scores = {name: _rates(new, name) for name in names}
    strong = {name: score for name, score in scores.items() if new.auc(score)[0] >= STRONG}
    left_out = flagged | (set(new.data.project.attributes) - set(names)) | set(strong)
    rest = _together(new, left_out, seed) if strong else None
    if rest is None:
        return
    for name, score in strong.items():
        drawn = new.auc(score, DRAWS, seed)
        low, high = interval((drawn - rest)[1:])
        if low > AHEAD:
            yield (
                name,
                f"alone it ranks leads a day old with a ROC AUC of {drawn[0]:.2f}, all other columns "
                f"together with {rest[0]:.2f} (difference {low:.2f} to {high:.2f})",
            )


def too_good(taken: Exam, seed: int, names: list[str]) -> Found:
    """Event kinds one of whose counts or recencies alone ranks too well."""
    if not taken.enough:
        return
    made = _single(taken.data, names)
    x = features.compute(made, taken.known, taken.rows.lead, taken.rows.as_of)
    found: dict[str, str] = {}
    for column, feature in enumerate(made.events):
        if words := _too_good(taken, _towards_wins(taken, x[:, column]), seed):
            found.setdefault(feature.kinds[0], f"{feature.name} {words}")
    yield from found.items()


def lagged(taken: Exam, names: list[str]) -> Found:
    """Event kinds that lose what they say when the last days are hidden, and in those days nearly always say a win.

    The loss alone shows nothing: what buyers do close to a purchase is what a score lives on, and in a quick
    process hiding a week hides nearly all of it. But no such behaviour is followed by a win three times in four.
    """
    seen = taken[taken.rows.as_of - LAG_DAYS * DAY >= taken.known.created[taken.rows.lead]]
    if not seen.enough:
        return
    made, rows = _single(seen.data, names), seen.rows
    now, then = (
        features.compute(made, seen.known, rows.lead, rows.as_of - days * DAY) for days in (0, LAG_DAYS)
    )
    for kind in names:
        columns = [column for column, feature in enumerate(made.events) if feature.kinds == (kind,)]
        lost = max(_auc(seen, now[:, column]) - _auc(seen, then[:, column]) for column in columns)
        shown = ~seen.early & (now[:, columns[0]] > 0)
        if lost <= DROP or len(np.unique(rows.lead[shown])) < FEWEST:
            continue
        certain = float(np.average(seen.won[shown], weights=rows.weight[shown]))
        if certain >= CERTAIN:
            yield (
                kind,
                f"hiding the last {LAG_DAYS} days takes {lost:.2f} from its ROC AUC, and of the snapshots that saw one "
                f"in these days {percent(certain)} were won",
            )


def _auc(taken: Exam, values: Matrix) -> float:
    return float(taken.auc(_towards_wins(taken, values))[0])


def _too_good(taken: Exam, score: npt.NDArray[Any], seed: int) -> str:
    """In words, how well the score ranks, where that is too good; else nothing."""
    once = taken.auc(score)[0]
    if once <= TOO_GOOD or interval(taken.auc(score, DRAWS, seed)[1:])[0] <= SURELY:
        return ""
    return f"ranks later leads with a ROC AUC of {once:.2f}; nothing known in time gets above {TOO_GOOD:.2f}"


def _rates(new: Exam, name: str) -> Floats:
    """For each later row the win rate that its value (numbers in 20 bins of equal mass) had among the early ones."""
    found = new.known.attributes[name][new.rows.lead]
    if found.dtype == object:
        code = pd.factorize(found)[0] + 1
    else:
        learned = found[new.early & ~np.isnan(found)]
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.quantile(learned, inner)) if len(learned) else learned
        code = np.where(np.isnan(found), 0, 1 + np.searchsorted(edges, found, side="right"))
    seen = np.bincount(code[new.early], minlength=int(code.max()) + 1)
    won = np.bincount(code[new.early], new.won[new.early], len(seen))
    rates: Floats = (won + PRIOR * won.sum() / seen.sum()) / (seen + PRIOR)
    return rates[code[~new.early]]


def _together(new: Exam, left_out: set[str], seed: int) -> Floats | None:
    """ROC AUC, for the same draws, of voices learned from all else in snapshots before; None with too few wins."""
    data = replace(new.data, project=unread(new.data.project, left_out))
    taken, asked = exam(data, seed), new.rows[~new.early]
    teach = taken.rows[taken.rows.as_of < asked.as_of.min()]
    voices = blend.rungs(teach.wins).voices
    if len(voices) == 1:
        return None
    learned = fitting.lesson(data, taken.known, teach, seed).learned(voices, seed)
    x = features.compute(learned.catalogue, new.known, asked.lead, asked.as_of)
    return new.auc(learned.logits(x).mean(axis=1), DRAWS, seed)


def _single(data: Dataset, names: list[str]) -> Catalogue:
    """Counts (that of the last days first) and recency of each kind by itself."""
    groups = [Group(kind, kind, kind, (kind,), 0) for kind in names]
    made = [
        feature
        for group in groups
        for feature in (*(fam.count(group, days) for days in (LAG_DAYS, 30.0, fam.EVER)), fam.recency(group))
    ]
    kinds = data.timelines.kinds
    return Catalogue(tuple(made), Attributes(), kinds, tuple(names))


def _towards_wins(taken: Exam, values: Matrix) -> Matrix:
    """The later rows' values, turned so that among the early rows more of it goes with winning."""
    early = taken.early
    up = metrics.roc_auc(taken.won[early], values[early], taken.rows.weight[early])[0] >= 0.5
    return values[~early] if up else -values[~early]
