"""What the model is compared with beside the rule book: two plain orders, and a naive Bayes of the kind CRMs ship."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from lead_readiness import features, snapshots
from lead_readiness.features import Catalogue
from lead_readiness.features import families as fam
from lead_readiness.features.attributes import Attributes
from lead_readiness.features.catalogue import groups
from lead_readiness.project import Project
from lead_readiness.timelines import NONE, WON, Ints, Timelines
from training.dataset import Dataset

RECENT, BUSY = "most recent first", "14-day count"
BAYES, ENGAGED = "naive Bayes", "naive Bayes with engagement"
SMOOTHING = 0.1
"""Added to every count, so that a value never seen among the won (or the lost) does not decide alone."""
BINS = 5
"""A number is cut at the quintiles of what was learned from."""
MANY = 10
"""A category of more values than this is taken as tags are."""
FEWEST = 50
"""The fewest decided leads that a tag needs to count."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """How many times likelier each value of one column is among the won than among the lost.

    ``edges`` are those of a number's bins, None for a category.
    """

    edges: Floats | None
    ratio: pd.Series[float]

    def of(self, found: npt.NDArray[Any]) -> Floats:
        """Each value's ratio; 1 for one that is missing, was not seen in training or had too few cases."""
        ratio = np.asarray(_binned(found, self.edges).map(self.ratio), np.float64)
        return np.where(np.isnan(ratio), 1.0, ratio)


@dataclass(frozen=True)
class Baselines:
    """Four rankings: two of activity as it is, two of what a naive Bayes learned (see `fit`).

    ``prior`` is the odds of winning, won to lost; ``engagement`` is read in the order of the catalogue's columns.
    """

    catalogue: Catalogue
    prior: float
    attributes: dict[str, Evidence]
    engagement: tuple[Evidence, ...]

    def scores(self, timelines: Timelines, lead: npt.NDArray[np.int32], as_of: Ints) -> dict[str, Floats]:
        """Per baseline one number a row, higher is readier; always finite.

        `RECENT` is minus the days since buyers' last visible activity (a lead without any stands with those two
        years silent), `BUSY` the visible activities in the last 14 days; both read the features that the model
        reads. `BAYES` and `ENGAGED` are probabilities of winning one day, whatever the horizon.
        """
        seen = features.compute(self.catalogue, timelines, lead, as_of).astype(np.float64)
        logit = np.full(len(timelines), np.log(self.prior))
        for name, evidence in self.attributes.items():
            logit += np.log(evidence.of(timelines.attributes[name]))
        engaged = logit[lead]
        for evidence, column in zip(self.engagement, seen.T):
            engaged += np.log(evidence.of(column))
        return {RECENT: -seen[:, 0], BUSY: seen[:, 1], BAYES: expit(logit[lead]), ENGAGED: expit(engaged)}


def fit(data: Dataset, cut: int, accounts: npt.NDArray[np.bool_]) -> Baselines:
    """The baselines that could have been learned at ``cut`` from the leads of the chosen accounts (n,).

    The naive Bayes works as the predictive scoring of open-source CRMs does: won and lost leads are counted by
    each value of each scored attribute, 0.1 is added, and the shares are multiplied with that of all wins,
    as if attributes had nothing to do with each other. Every decided lead counts, disqualified as lost; values
    that are missing or new are skipped. CRMs take no numbers at all, which would cripple the peer: here numbers
    are binned at quintiles. Without a decided lead, or with one class only, its score is the same for all.

    The peer with engagement also bins the days since the last activity, the activities of the last 14 days and
    all of them. A decided lead shows these as they stood at the last moment it was at risk: when its opportunity
    opened, sales took it (the last time), or it was decided. A CRM counts a lead as it is when it leaves, but
    later moments hold what sales did and what the buyer answered, which a lead still at risk cannot show. A lead
    that was never at risk has no such moment and is left out there.
    """
    known = data.timelines.as_known_at(cut)
    chosen = (known.outcome != NONE) & accounts[known.account]
    won = known.outcome == WON
    activity = groups(data.project, {})[0]
    columns = (fam.recency(activity), fam.count(activity, 14.0), fam.count(activity))
    catalogue = Catalogue(columns, Attributes(), data.project.kinds, activity.kinds)
    lead, as_of = _last_at_risk(known, data.project, chosen)
    seen = features.compute(catalogue, known, lead, as_of)
    wins = int((chosen & won).sum())
    return Baselines(
        catalogue,
        prior=float((wins + SMOOTHING) / (chosen.sum() - wins + SMOOTHING)),
        attributes={
            name: learn(known.attributes[name][chosen], won[chosen], spec.type == "category")
            for name, spec in data.project.attributes.items()
            if spec.scored
        },
        engagement=tuple(learn(column, won[lead], category=False) for column in seen.T),
    )


def learn(found: npt.NDArray[Any], won: npt.NDArray[np.bool_], category: bool) -> Evidence:
    """What the values of decided leads tell; nothing where there are none, or one class only.

    These are the likelihoods of scikit-learn's ``CategoricalNB(alpha=0.1)``, which is not used because it has no
    way to skip a value that is missing, new or rare.

    >>> source = np.array(["fair", "fair", "web", "web", "web"], dtype=object)
    >>> evidence = learn(source, np.array([True, True, True, False, False]), category=True)
    >>> evidence.of(np.array(["fair", "web", "radio", None], dtype=object)).round(2).tolist()
    [14.44, 0.36, 1.0, 1.0]
    """
    edges = None if category else _edges(found)
    cases = pd.DataFrame({"won": won, "lost": ~won}).groupby(_binned(found, edges)).sum()
    share = (cases + SMOOTHING) / (cases + SMOOTHING).sum()
    enough = cases.sum(axis=1) >= (FEWEST if category and len(cases) > MANY else 1)
    both = bool(won.any() and not won.all())
    return Evidence(edges, (share["won"] / share["lost"])[enough & both])


def _edges(found: npt.NDArray[Any]) -> Floats:
    given = found[~np.isnan(found)]
    return np.quantile(given, np.arange(1, BINS) / BINS) if len(given) else np.empty(0)


def _binned(found: npt.NDArray[Any], edges: Floats | None) -> pd.Series:
    """A category as it is, a number as its bin (an edge belongs to the lower one), what is missing as missing."""
    if edges is None:
        return pd.Series(found)
    return pd.Series(np.searchsorted(edges, found).astype(float)).where(~np.isnan(found))


def _last_at_risk(
    known: Timelines, project: Project, chosen: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int32], Ints]:
    """The chosen leads that were ever at risk, and each one's last such microsecond."""
    spans = snapshots.episodes(known, project)
    last = np.flatnonzero(np.diff(spans.lead, append=-1))
    last = last[chosen[spans.lead[last]]]
    return spans.lead[last], spans.end[last] - 1
