"""The leaky company with a scorer in which each of three voices has a say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from histories import Lead, day
from leaky_company import PROJECT, company, forgotten
from trained import BOOK, dataset_of, everyone

from lead_readiness.blend import Blend
from lead_readiness.card import Card
from lead_readiness.features import Catalogue
from lead_readiness.features.attributes import Attributes
from lead_readiness.scorer import Scorer
from training.fit import fit

LEADS = company(450)
DATA = dataset_of(LEADS)
KNOWN = DATA.timelines
CARD = Card(horizon_days={"all": 20}, cut=KNOWN.cut, leads=len(LEADS), rows=len(LEADS), wins=0, seed=0)
NOTHING_LEARNED = Catalogue((), Attributes(), PROJECT.kinds, ("visit", "pricing", "blog"))
RULES_ONLY = Scorer(PROJECT, BOOK, NOTHING_LEARNED, None, None, None, CARD)


@cache
def blended(trees: float = 0.6, intercept: float = -0.5) -> Scorer:
    """A scorer that was learned from the company; other weights are another version of it."""
    learned = fit(DATA, KNOWN.cut, everyone(DATA), seed=0) if (trees, intercept) == (0.6, -0.5) else blended()
    return replace(learned, blend=Blend(("rules", "linear", "trees"), (0.03, 0.5, trees), intercept))


def as_known_at(at: int, leads: list[Lead] = LEADS) -> list[Lead]:
    """What the company's tables held at a moment; whoever was not created before is created long after any test."""
    return [x if x.created < at else replace(x, created=day(9999)) for x in forgotten(leads, at)]
