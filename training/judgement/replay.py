"""The past replayed week by week under another policy: whom it would have handed off, and what came of them.

Each instant a policy hands off its top ``capacity`` among the leads at risk that it has not handed off before.
What a replay gives is linear in the leads, so a bootstrap reweights its sums instead of replaying again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness.errors import DataError
from lead_readiness.handoff import tie_break
from lead_readiness.snapshots import POSITIVE, Snapshots
from lead_readiness.timelines import DAY
from training.bootstrap import Accounts
from training.metrics import Floats, ratio

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
MONTH = 365.25 / 12 * DAY
MEASURES = ("winners_reached", "days_gained", "revenue_reached", "precision", "recall", "lift")


@dataclass(frozen=True)
class AtRisk:
    """Every (lead, grid instant) at which a policy may hand the lead off; all arrays have one value per row.

    ``lead`` is a place in `Leads`, ``instant`` microseconds UTC, ``label`` as in `snapshots` (below 0: not known),
    ``weight`` how many rows each of those drawn for ranking and calibration stands for, and 0 on the rows not drawn.
    """

    lead: npt.NDArray[np.int32]
    instant: Ints
    label: npt.NDArray[np.int8]
    weight: Floats

    def __post_init__(self) -> None:
        if len({len(self.lead), len(self.instant), len(self.label), len(self.weight)}) > 1:
            raise DataError(
                f"rows at risk: {len(self.lead)} leads, {len(self.instant)} instants, {len(self.label)} labels and "
                f"{len(self.weight)} weights; expected one of each per row"
            )

    def __len__(self) -> int:
        return len(self.lead)


def at_risk(weekly: Snapshots, drawn: Snapshots) -> AtRisk:
    """The rows of ``weekly``, weighted as in ``drawn`` (some of them) where the label is known, 0 elsewhere."""
    drawn = drawn[drawn.label >= 0]
    places = pd.MultiIndex.from_arrays([weekly.lead, weekly.as_of])
    weight = np.zeros(len(weekly))
    weight[places.get_indexer(pd.MultiIndex.from_arrays([drawn.lead, drawn.as_of]))] = drawn.weight
    return AtRisk(weekly.lead, weekly.as_of, weekly.label, weight)


@dataclass(frozen=True)
class Leads:
    """What became of each lead; all arrays have one value per lead.

    ``account`` numbers the account, ``won_at`` is the winning moment (the largest int64 if never), ``amount`` of
    the win (NaN unknown), ``horizon`` the lead's H in microseconds (the largest int64: eventual outcome).
    """

    account: npt.NDArray[np.integer]
    won_at: Ints
    amount: Floats
    horizon: Ints


def replay(
    lead: npt.NDArray[np.integer],
    instant: Ints,
    score: Floats,
    capacity: int | Ints,
    *,
    eligible: Bools | None = None,
    threshold: float | None = None,
    tie: npt.NDArray[np.uint64] | None = None,
    seed: int = 0,
) -> Ints:
    """The rows handed off, by instant, then score from the highest, then ``tie``; at most one row per lead.

    ``capacity`` is per instant, or one number for each distinct instant in time order. Higher scores are readier;
    a row is passed over while its score is NaN or below ``threshold`` or ``eligible`` is false. Without ``tie``
    (per row, the lowest first) equal scores are ordered by `tie_break` of the lead and ``seed``.

    Raises DataError when a lead has two rows at one instant or ``capacity`` does not fit the instants.

    >>> replay(np.array([0, 1, 2, 0, 2]), np.array([1, 1, 1, 2, 2]), np.array([0.9, 0.5, 0.1, 0.8, 0.2]), 1)
    array([0, 4])
    """
    instants, at = np.unique(instant, return_inverse=True)
    _, who = np.unique(lead, return_inverse=True)
    room = _room(capacity, len(instants))
    tie = tie_break(lead, instant, seed) if tie is None else tie
    may = ~np.isnan(score) if threshold is None else score >= threshold
    rows = np.flatnonzero(may if eligible is None else may & eligible)
    _refuse_twins(who, at)
    rows = rows[np.argsort(at[rows], kind="stable")]
    edges = np.searchsorted(at[rows], np.arange(len(instants) + 1))
    gone = np.zeros(who.max(initial=-1) + 1, dtype=bool)
    chosen = [np.zeros(0, np.int64)]
    for i in range(len(instants)):
        here = rows[edges[i] : edges[i + 1]]
        top = _top(here[~gone[who[here]]], score, tie, int(room[i]))
        gone[who[top]] = True
        chosen.append(top)
    return np.concatenate(chosen)


def _room(capacity: int | Ints, instants: int) -> Ints:
    room = np.broadcast_to(np.asarray(capacity), instants) if np.ndim(capacity) == 0 else np.asarray(capacity)
    if len(room) != instants or (room < 0).any():
        raise DataError(
            f"capacity has {len(room)} values, the lowest {room.min(initial=0)}, for {instants} instants; "
            "give one number of leads, 0 or more, or one for each instant"
        )
    return room.astype(np.int64)


def _refuse_twins(who: Ints, at: Ints) -> None:
    pair = np.sort(at * (who.max(initial=0) + 1) + who)
    if (twins := int((pair[1:] == pair[:-1]).sum())) > 0:
        raise DataError(f"{twins} rows repeat a lead at the same instant; a lead is at risk once per instant")


def _top(rows: Ints, score: Floats, tie: npt.NDArray[np.uint64], room: int) -> Ints:
    """The ``room`` best of ``rows``, best first; only those that can be among them are sorted."""
    if room == 0:
        return rows[:0]
    if len(rows) > room:
        last = np.partition(score[rows], len(rows) - room)[len(rows) - room]
        rows = rows[score[rows] >= last]
    return rows[np.lexsort((tie[rows], -score[rows]))][:room]


def volumes(at_risk: AtRisk, handed: Ints) -> Ints:
    """How many of the ``handed`` rows fall on each distinct instant, in time order."""
    instants = np.unique(at_risk.instant)
    return np.bincount(np.searchsorted(instants, at_risk.instant[handed]), minlength=len(instants))


def present(at_risk: AtRisk, leads: Leads) -> Bools:
    """Per lead whether it was ever at risk in the test."""
    return np.bincount(at_risk.lead, minlength=len(leads.won_at)) > 0


def accounts(at_risk: AtRisk, leads: Leads) -> Accounts:
    """The accounts of the leads ever at risk in the test, per lead."""
    return Accounts.numbered(leads.account, present(at_risk, leads))


def winners(at_risk: AtRisk, leads: Leads, until: int) -> Bools:
    """Per lead whether it was at risk in the test and had its winning moment by ``until``, the window's end."""
    return present(at_risk, leads) & (leads.won_at <= until)


def sums(at_risk: AtRisk, leads: Leads, handed: Ints, until: int) -> Floats:
    """Per lead what `from_sums` divides, ``(leads, 10)``; add up over the leads in any weighting you like.

    Columns: winner, winner reached, days gained, amount won, amount reached, handed off on a labelled row, on a
    positive row, labelled rows, positive rows, had a positive row. A winner is reached when its hand-off came
    before its winning moment; the days between count up to its horizon. Unknown amounts count nothing.
    """
    n = len(leads.won_at)
    known, positive = at_risk.label >= 0, at_risk.label == POSITIVE
    won = winners(at_risk, leads, until)
    taken = at_risk.lead[handed]
    moment = np.full(n, np.iinfo(np.int64).max)
    moment[taken] = at_risk.instant[handed]
    reached = won & (moment < leads.won_at)
    gained = np.zeros(n)
    gained[reached] = np.minimum(leads.won_at - moment, leads.horizon)[reached] / DAY
    amount = np.where(won & ~np.isnan(leads.amount), leads.amount, 0.0)
    rows_known, rows_positive = _count(at_risk.lead[known], n), _count(at_risk.lead[positive], n)
    hit = [_count(taken[flag[handed]], n) for flag in (known, positive)]
    columns = [
        won,
        reached,
        gained,
        amount,
        amount * reached,
        *hit,
        rows_known,
        rows_positive,
        rows_positive > 0,
    ]
    return np.column_stack(columns).astype(np.float64)


def _count(lead: npt.NDArray[np.int32], n: int) -> Ints:
    return np.bincount(lead, minlength=n)


def from_sums(total: Floats) -> Floats:
    """The `MEASURES` of each weighting, ``(draws, 6)``, from the added-up `sums`, ``(draws, 10)``.

    Winners reached: share of the winners handed off before their winning moment. Days gained: mean over all
    winners, 0 where missed. Revenue reached: share of the winners' known amounts. Precision: share of the
    hand-offs with a known label that won within the horizon. Recall: share of the leads ever at risk within the
    horizon of their win that were handed off there. Lift: precision over the mean label of the rows at risk,
    which is what picks at random would get. NaN where nothing is divided.
    """
    won, reached, days, amount, amount_reached, hits_known, hits, rows, rows_won, ever = total.T
    precision = ratio(hits, hits_known)
    lift = ratio(precision, ratio(rows_won, rows, empty=0.0))
    return np.column_stack(
        [
            ratio(reached, won),
            ratio(days, won),
            ratio(amount_reached, amount),
            precision,
            ratio(hits, ever),
            lift,
        ]
    )


def usual_line(rows: AtRisk, handed: Ints, score: Floats) -> float:
    """The line that a policy's hand-offs keep to: the median over the instants of the lowest score handed off.

    NaN when nothing is handed off.
    """
    lowest = pd.Series(score[handed]).groupby(rows.instant[handed]).min()
    return float(lowest.median()) if len(lowest) else np.nan


def crossings(rows: AtRisk, score: Floats, line: float, cadence: float) -> Floats:
    """Per row how often its lead's score has just crossed ``line``, and the months since its last row: ``(rows, 2)``.

    A lead's rows count from one to the next while it stays at risk: two rows further apart than ``cadence`` (in
    microseconds) have no crossing between them. A missing score is below every line.

    >>> twice = AtRisk(*(np.array(a) for a in ([0, 0, 0], [0, 7 * DAY, 14 * DAY], [0, 0, 0], [1.0, 1.0, 1.0])))
    >>> crossings(twice, np.array([1.0, 3.0, 1.0]), 2.0, 7 * DAY).round(2).tolist()
    [[0.0, 0.0], [1.0, 0.23], [1.0, 0.23]]
    """
    by = np.lexsort((rows.instant, rows.lead))
    above = (score >= line)[by]
    gap = np.diff(rows.instant[by])
    next_to = (np.diff(rows.lead[by]) == 0) & (gap <= cadence)
    out = np.zeros((len(rows), 2))
    out[by[1:]] = np.column_stack([next_to & (above[1:] != above[:-1]), next_to * gap / MONTH])
    return out
