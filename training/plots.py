"""The pictures of a training: winners reached at any capacity, calibration, and what the behaviours weigh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from lead_readiness.scorer import Assessment
from lead_readiness.snapshots import POSITIVE
from training.compare import interval, redrawn
from training.contest import MODEL, RULES, Contest
from training.metrics import Floats, ratio
from training.replay import MEASURES, from_sums, replay, sums

INK, QUIET, GRID = "#1f2933", "#7b8794", "#e4e7eb"
COLOUR = {MODEL: "#0b6e99", RULES: "#d9822b"}
FOR, AGAINST = "#2f855a", "#c0504d"
DRAWS = 400
BINS = 10
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Capacities to look at, as multiples of the project's."""


def gain(contest: Contest) -> Figure:
    """Winners reached and precision of model and rules over the weekly capacity, with 95 % bands by account."""
    figure, (left, right) = _figure("Model and rules at any capacity", 2)
    room = sorted({max(1, round(contest.capacity * share)) for share in SHARES})
    for policy in contest.scorings:
        drawn = np.stack([_replayed(contest, policy, k) for k in room], axis=1)
        for axes, measure in ((left, "winners_reached"), (right, "precision")):
            _band(axes, room, drawn[:, :, MEASURES.index(measure)], policy)
    for axes, title in (
        (left, "winners reached before their decision"),
        (right, "precision of the hand-offs"),
    ):
        axes.axvline(contest.capacity, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_title(title, loc="left", fontsize=11, color=INK)
        axes.set_xlabel(f"leads handed off {contest.every} (dashed: sales' capacity)")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, room[-1])
    left.set_ylim(0, 1)
    left.legend(frameon=False, loc="lower right")
    return figure


def calibration(contest: Contest) -> Figure:
    """Foretold against observed shares won, in bins of equal weight, with 95 % intervals by account.

    Log scales, because most leads are rarely won and the few that matter are not.
    """
    figure, (axes,) = _figure("Do the probabilities hold?", 1)
    figure.set_size_inches(5.6, 5.6)
    lowest, highest = 1.0, 0.0
    for policy, scoring in contest.scorings.items():
        if scoring.probability is not None:
            foretold, observed, low, high = _binned(contest, scoring.probability)
            shown = observed > 0
            bars = np.abs(np.stack([low, high])[:, shown] - observed[shown])
            colour = COLOUR[policy]
            axes.errorbar(
                foretold[shown],
                observed[shown],
                bars,
                fmt="o-",
                color=colour,
                capsize=2,
                markersize=5,
                label=policy,
            )
            lowest = min(lowest, *foretold[shown], *np.maximum(low[shown], 5e-4))
            highest = max(highest, *foretold[shown], *high[shown])
    span = (lowest / 1.5, min(highest * 1.5, 1.0)) if highest > 0 else (0.001, 1.0)
    axes.plot(span, span, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label="as foretold")
    axes.set(xscale="log", yscale="log", xlim=span, ylim=span, aspect="equal")
    axes.set_xlabel("probability foretold, mean of the bin")
    axes.set_ylabel("share won within the horizon")
    for scale in (axes.xaxis, axes.yaxis):
        scale.set_major_formatter(PercentFormatter(1))
    axes.legend(frameon=False, loc="upper left")
    return figure


def behaviours(assessed: Assessment) -> Figure:
    """What each behaviour adds to and takes from the scores of the leads assessed, on average, in points."""
    figure, (axes,) = _figure("What moves the scores of the open leads", 1)
    points = assessed.by_behaviour * assessed.scorer.unit
    count = max(len(points), 1)
    up, down = np.clip(points, 0, None).sum(axis=0) / count, np.clip(points, None, 0).sum(axis=0) / count
    order = np.argsort(up - down)
    place = np.arange(len(order))
    axes.barh(place, up[order], color=FOR, height=0.62, label="for")
    axes.barh(place, down[order], color=AGAINST, height=0.62, label="against")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(place, [assessed.scorer.behaviours[b] for b in order])
    axes.set_xlabel(f"mean points a lead ({len(points):,} open leads; 20 points double the odds)")
    axes.grid(False, axis="y")
    axes.legend(frameon=False, loc="lower right")
    return figure


def _figure(title: str, panels: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(5.2 * panels + 1.2, 4.6), dpi=130, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=14, fontweight="bold", color=INK)
    axes = [figure.add_subplot(1, panels, panel + 1) for panel in range(panels)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.spines[["left", "bottom"]].set_color(QUIET)
        each.grid(color=GRID, linewidth=0.8)
        each.set_axisbelow(True)
        each.tick_params(colors=INK, labelsize=9)
    return figure, axes


def _band(axes: Axes, room: list[int], drawn: Floats, policy: str) -> None:
    low, high = _span(drawn[1:])
    axes.fill_between(room, low, high, color=COLOUR[policy], alpha=0.15, linewidth=0)
    axes.plot(room, drawn[0], "o-", color=COLOUR[policy], linewidth=1.8, markersize=3.5, label=policy)


def _replayed(contest: Contest, policy: str, room: int) -> Floats:
    """The replay's measures at a capacity: of the test itself, then of draws of its accounts."""
    rows, scoring = contest.rows, contest.scorings[policy]
    handed = replay(rows.lead, rows.instant, scoring.score, room, seed=contest.seed)
    per_lead = sums(rows, contest.leads, handed, int(rows.instant.max(initial=0)))
    present, account = _accounts(contest)
    columns = [np.bincount(account, column) for column in per_lead[present].T]
    per_account = np.column_stack(columns)
    return np.concatenate(
        [from_sums(times @ per_account) for times in _draws(len(per_account), contest.seed)]
    )


def _binned(contest: Contest, probability: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Per bin of equal weight the mean foretold, the share won, and the latter's 95 % interval."""
    judged = np.flatnonzero(contest.rows.weight > 0)
    judged = judged[np.argsort(probability[judged], kind="stable")]
    weight, won = contest.rows.weight[judged], contest.rows.label[judged] == POSITIVE
    middle = (np.cumsum(weight) - weight / 2) / weight.sum()
    place = np.minimum((middle * BINS).astype(np.int64), BINS - 1)
    foretold = np.bincount(place, weight * probability[judged]) / np.bincount(place, weight)
    present, account = _accounts(contest)
    of_lead = np.full(len(contest.leads.won_at), -1)
    of_lead[present] = account
    cell = of_lead[contest.rows.lead[judged]] * BINS + place
    size = (account.max() + 1) * BINS
    mass, wins = (np.bincount(cell, v, size).reshape(-1, BINS) for v in (weight, weight * won))
    shares = np.concatenate([ratio(times @ wins, times @ mass) for times in _draws(len(mass), contest.seed)])
    low, high = _span(shares[1:])
    return foretold, shares[0], low, high


def _span(drawn: Floats) -> tuple[Floats, Floats]:
    """Per column the 95 % interval of the draws; NaN where a measure is not defined on most of them."""
    ends = np.array([interval(column) for column in drawn.T]).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


def _accounts(contest: Contest) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The leads in the test, and the number of each one's account among those in the test."""
    present = np.unique(contest.rows.lead).astype(np.int64)
    return present, np.unique(contest.leads.account[present], return_inverse=True)[1]


def _draws(accounts: int, seed: int) -> list[Floats]:
    return list(redrawn(accounts, DRAWS, seed, block=DRAWS))
