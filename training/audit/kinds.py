"""Event kinds that record a decision, or what sales did, rather than what a buyer did."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lead_readiness.timelines import DAY, NEVER, Ints, Timelines
from training.audit.attributes import LOSERS, WINNERS, Found
from training.audit.outcomes import FEWEST, goes_with, outcomes
from training.dataset import Dataset
from training.wording import percent

AT_DECISION = 0.8
"""The share of a kind's leads whose first such event comes with the decision: that is what the kind records."""
NEAR_DAYS, LOSING_DAYS = 1.0, 7.0
"""How long before the decision still comes with it: for any kind, and for one that only losers have."""
IN_HANDS = 0.95
"""The share of a kind's events that falls while sales has the lead: that is what sales does."""
USUAL_PART = 0.5
"""At most so large a part of these shares may be what the other kinds show: a quick process is no leak."""


def decisions(data: Dataset, names: list[str]) -> Found:
    """Kinds whose first event comes a day before the opening of the opportunity or the decision, or later."""
    for kind, (leads, ours, others) in _with_decision(data, names, NEAR_DAYS).items():
        yield (
            kind,
            f"for {percent(ours)} of the {leads:,} leads that have one the first falls within a day of the opening or "
            f"the decision, or after it; for the other kinds {percent(others)}",
        )


def one_outcome(data: Dataset, names: list[str]) -> Found:
    """Kinds that only winners have; or only losers, right before they are given up."""
    known, first = outcomes(data), _first(data.timelines)
    given_up = _with_decision(data, names, LOSING_DAYS)
    for kind in names:
        has = first[:, data.timelines.kinds.index(kind)] != NEVER
        for outcome, share in (("won", WINNERS), ("lost", LOSERS)):
            table = goes_with(has, known.of(outcome), known.judged, share)
            if table and (outcome == "won" or kind in given_up):
                yield kind, f"{table.leads:,} leads have one, {table.says(outcome)}"


def by_sales(data: Dataset, names: list[str]) -> Found:
    """Kinds that occur while sales has the lead, and hardly ever before it is handed off."""
    t = data.timelines
    early = t.time < t.decided[t.owner]
    held = _held(t)
    events = np.bincount(t.kind[early], minlength=len(t.kinds))
    hands = np.bincount(t.kind[early & held], minlength=len(t.kinds))
    codes = np.array([t.kinds.index(kind) for kind in names], np.int64)
    for kind, code in zip(names, codes):
        rest = codes[codes != code]
        others = hands[rest].sum() / max(events[rest].sum(), 1)
        if events[code] >= FEWEST and hands[code] >= IN_HANDS * events[code] and others <= USUAL_PART:
            share = percent(hands[code] / events[code])
            yield (
                kind,
                f"{share} of {events[code]:,} events fall while sales has the lead; of the other kinds' "
                f"{percent(float(others))}",
            )


def _with_decision(data: Dataset, names: list[str], days: float) -> dict[str, tuple[int, float, float]]:
    """The kinds that come so shortly before the decision, or later, and far more so than the other kinds together.

    Each with its leads, the share of them whose first event does, and the others' share. Leads that were never
    decided count against.
    """
    t, moment = data.timelines, outcomes(data).moment
    first = _first(t)[:, [t.kinds.index(kind) for kind in names]]
    has = first != NEVER
    since = np.where(moment == NEVER, NEVER, moment - int(days * DAY))[:, np.newaxis]
    leads, near = has.sum(axis=0), (has & (first >= since)).sum(axis=0)
    ours = near / np.maximum(leads, 1)
    others = (near.sum() - near) / np.maximum(leads.sum() - leads, 1)
    found = (leads >= FEWEST) & (ours >= AT_DECISION) & (others <= USUAL_PART * ours)
    return {names[k]: (int(leads[k]), float(ours[k]), float(others[k])) for k in np.flatnonzero(found)}


def _first(t: Timelines) -> Ints:
    """When each lead (row) had its first event of each kind (column), ``NEVER`` where it had none."""
    first = np.full((len(t), len(t.kinds)), NEVER)
    np.minimum.at(first, (t.owner, t.kind), t.time)
    return first


def _held(t: Timelines) -> npt.NDArray[np.bool_]:
    """Per event whether sales had the lead: handed off before it, and not returned by then."""
    lead = np.repeat(np.arange(len(t)), np.diff(t.handoff_start))
    place = np.concatenate([t.owner, lead, lead])
    time = np.concatenate([t.time, t.handed_off, t.returned])
    change = np.concatenate([np.zeros(len(t.time)), np.ones(len(lead)), -np.ones(len(lead))])
    order = np.lexsort((-change, time, place))
    held = np.empty(len(order), bool)
    held[order] = np.cumsum(change[order]) > 0
    return held[: len(t.time)]
