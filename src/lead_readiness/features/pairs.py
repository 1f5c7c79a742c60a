"""Ordered pairs of event kinds worth a column: those whose order and nearness tell more than both having happened."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from lead_readiness.features import families as fam
from lead_readiness.features.attributes import Attributes
from lead_readiness.features.catalogue import Catalogue, compute
from lead_readiness.features.families import Feature
from lead_readiness.project import Project
from lead_readiness.timelines import Timelines

WITHIN_DAYS = (10 / 1440, 7.0)
MOST_KINDS = 16
MOST_ROWS = 20_000
MOST_PAIRS = 10
FEWEST_ROWS = 50
STRENGTH = 10.83  # chi-squared with one degree of freedom, p = .001


def select(
    project: Project,
    counts: Mapping[str, int],
    timelines: Timelines,
    lead: npt.NDArray[np.int32],
    as_of: npt.NDArray[np.int64],
    won: npt.NDArray[np.bool_],
) -> tuple[Feature, ...]:
    """At most `MOST_PAIRS` pair columns, chosen on training rows.

    A candidate is judged among the rows in which *both* kinds occurred: the G statistic of "``then`` came
    soon after ``first``" against winning. So a pair that merely stands for its second kind is not chosen.
    """
    if len(lead) > MOST_ROWS:
        rows = np.linspace(0, len(lead) - 1, MOST_ROWS).astype(int)
        lead, as_of, won = lead[rows], as_of[rows], won[rows]
    candidates, singles = _candidates(project, counts)
    if not candidates:
        return ()
    x = compute(
        Catalogue((*singles.values(), *candidates), Attributes(), project.kinds, ()), timelines, lead, as_of
    )
    has = dict(zip(singles, (x[:, : len(singles)] > 0).T))
    scored = []
    for f, column in zip(candidates, x[:, len(singles) :].T):
        both = has[f.kinds[0]] & has[f.then]
        scored.append((_g_statistic(column[both] > 0, won[both]), f))
    strong = sorted((s for s in scored if s[0] > STRENGTH), key=lambda s: (-s[0], s[1].name))
    best: dict[tuple[str, str], Feature] = {}
    for _, f in strong:
        best.setdefault((f.kinds[0], f.then), f)
    return tuple(best.values())[:MOST_PAIRS]


def _candidates(project: Project, counts: Mapping[str, int]) -> tuple[list[Feature], dict[str, Feature]]:
    seen = [
        k
        for k, v in project.vocabulary.items()
        if v.actor in ("buyer", "marketing") and v.scored and counts.get(k, 0) > 0
    ]
    seen = sorted(seen, key=lambda k: (-counts[k], k))[:MOST_KINDS]
    buyer = [k for k in seen if project.vocabulary[k].actor == "buyer"]
    singles = {k: fam.count(fam.Group(k, k, "", (k,), 0)) for k in seen}
    pairs = [
        fam.pair(a, b, d, project.vocabulary) for a in seen for b in buyer if a != b for d in WITHIN_DAYS
    ]
    return pairs, singles


def _g_statistic(pair: npt.NDArray[np.bool_], won: npt.NDArray[np.bool_]) -> float:
    """Likelihood-ratio statistic of a 2 x 2 table; 0 where a margin is too thin to tell."""
    table = np.array(
        [[np.sum(pair & won), np.sum(pair & ~won)], [np.sum(~pair & won), np.sum(~pair & ~won)]], float
    )
    if table.sum(axis=1).min(initial=np.inf) < FEWEST_ROWS or table.sum(axis=0).min() < 1:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    return float(2 * xlogy(table, table / expected).sum())
