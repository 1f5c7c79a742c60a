"""The pictures of a training: the model beside the rules at any capacity and week by week, calibration, behaviours.

Blue and vermilion can be told apart by the colour-blind; bands and whiskers are 95 % intervals by account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lead_readiness.snapshots import POSITIVE
from lead_readiness.timelines import DAY
from training.bootstrap import interval, redrawn, totals
from training.judgement.contest import Contest
from training.judgement.judge import LINEAR, MODEL, RULES, TREES
from training.judgement.replay import MEASURES, Ints, accounts, from_sums, replay, sums
from training.judgement.weekly import course
from training.metrics import Floats, ratio

INK, QUIET, GRID = "#1f2933", "#616e7c", "#e4e7eb"
COLOUR = {MODEL: "#0072b2", RULES: "#d55e00"}
FOR, AGAINST = COLOUR[MODEL], COLOUR[RULES]
VOICES = (LINEAR, TREES)
DRAWS, BLOCK = 400, 50
BINS = 10
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Capacities to look at, as multiples of the project's."""


def judged(contest: Contest, handoffs: Mapping[str, Ints]) -> dict[str, Figure]:
    """The pictures of a judgement; ``handoffs`` are the rows that each policy handed off at sales' capacity."""
    room = sorted({max(1, round(contest.capacity * share)) for share in SHARES})
    drawn = _at_capacities(contest, room)
    return {
        "gain": gain(contest, room, drawn),
        "days_gained": days_gained(contest, room, drawn, handoffs),
        "weeks": weeks(contest, handoffs),
        "calibration": calibration(contest),
    }


def gain(contest: Contest, room: list[int], drawn: Mapping[str, Floats]) -> Figure:
    """Winners reached and precision of model and rules over the capacity."""
    figure, (left, right) = _figure("Model and rules at any capacity", 2)
    _over_capacity(left, contest, room, drawn, "winners_reached", "winners reached before their decision")
    _over_capacity(right, contest, room, drawn, "precision", "precision of the hand-offs")
    for axes in (left, right):
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.set_ylim(0, 1)
    left.legend(frameon=False, loc="lower right")
    return figure


def days_gained(
    contest: Contest, room: list[int], drawn: Mapping[str, Floats], handoffs: Mapping[str, Ints]
) -> Figure:
    """Days gained per winner over the capacity, and how many winners are reached how early at sales' capacity."""
    figure, (left, right) = _figure("How much earlier are winners with sales?", 2)
    _over_capacity(left, contest, room, drawn, "days_gained", "days gained, mean over all winners")
    left.legend(frameon=False, loc="lower right")
    furthest = 1.0
    for policy in COLOUR:
        days, share = _ahead(contest, handoffs[policy])
        right.step(days, share, where="post", color=COLOUR[policy], linewidth=1.8, label=policy)
        furthest = max(furthest, days[-1])
    right.set_title("winners handed off at least so early", loc="left", fontsize=11, color=INK)
    right.set_xlabel(f"days before the decision, at {contest.capacity:,} leads {contest.every}")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.set_ylim(bottom=0)
    right.set_xlim(0, furthest)
    return figure


def weeks(contest: Contest, handoffs: Mapping[str, Ints]) -> Figure:
    """The share of the test's winners reached by each instant: model and rules with their bands, the others thin."""
    figure, (axes,) = _figure(f"Winners reached, {_times(contest.every)}", 1)
    figure.set_size_inches(8.6, 5.0)
    highest = 0.0
    so_far = {name: course(contest, handoffs[name])["winners_reached"] for name in contest.scorings}
    when = pd.to_datetime(so_far[RULES].index, unit="us").to_numpy()
    for name in (name for name in so_far if name not in COLOUR):
        style = (0, (5, 2)) if name in VOICES else "-"
        axes.plot(when, so_far[name], color=QUIET, linewidth=0.9, linestyle=style)
    for name, colour in COLOUR.items():
        low, high = _span(_reached(contest, handoffs[name])[1:])
        axes.fill_between(when, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(when, so_far[name], color=colour, linewidth=2)
        highest = max(highest, np.nanmax([0.0, *high]))
    ends = {name: float(values.iloc[-1]) for name, values in so_far.items()}
    top = min(1.0, 1.05 * max(highest, 0.05, *np.nan_to_num(list(ends.values()))))
    _labelled(axes, ends, top)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylim(0, top)
    if len(when) > 1:
        axes.set_xlim(when[0], when[-1])
    axes.set_ylabel("share of all the test's winners")
    axes.tick_params(axis="x", rotation=20)
    axes.set_title(
        f"at {contest.capacity:,} leads {contest.every}; dashed: voices by themselves",
        loc="left",
        fontsize=10,
        color=QUIET,
    )
    return figure


def calibration(contest: Contest) -> Figure:
    """Foretold against observed shares won, in bins of equal weight, with 95 % intervals by account.

    Log scales, because most leads are rarely won and the few that matter are not.
    """
    figure, (axes,) = _figure("Do the probabilities hold?", 1)
    figure.set_size_inches(5.6, 5.6)
    lowest, highest = 1.0, 0.0
    for policy, colour in COLOUR.items():
        probability = contest.scorings[policy].probability
        if probability is not None:
            foretold, observed, low, high = _binned(contest, probability)
            shown = observed > 0
            bars = np.abs(np.stack([low, high])[:, shown] - observed[shown])
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


def behaviours(weighed: pd.DataFrame, leads: int) -> Figure:
    """What each behaviour weighs in the scores of the open leads, and which way it moves them (see `weights`)."""
    figure, (left, right) = _figure("What moves the scores of the open leads", 2)
    shown = weighed.iloc[::-1]
    figure.set_size_inches(11.6, max(3.2, 1.6 + 0.34 * len(shown)))
    place, size = np.arange(len(shown)), shown["mean_absolute"].to_numpy()
    whiskers = np.abs(np.stack([shown["low"].to_numpy(), shown["high"].to_numpy()]) - size)
    left.errorbar(size, place, xerr=whiskers, fmt="o", color=INK, ecolor=QUIET, capsize=2.5, markersize=5)
    left.set_xlim(left=0)
    left.set_title("weight: mean absolute points a lead", loc="left", fontsize=11, color=INK)
    right.barh(place, shown["mean_for"], color=FOR, height=0.62, label="for")
    right.barh(place, shown["mean_against"], color=AGAINST, height=0.62, label="against")
    right.axvline(0, color=INK, linewidth=0.8)
    right.set_title("direction: mean points for and against", loc="left", fontsize=11, color=INK)
    right.legend(frameon=False, loc="lower right")
    left.set_yticks(place, shown["behaviour"].tolist())
    right.set_yticks(place, [""] * len(shown))
    for axes in (left, right):
        axes.set_ylim(-0.6, len(shown) - 0.4)
        axes.grid(False, axis="y")
        axes.set_xlabel(f"points ({leads:,} open leads; 20 points double the odds)")
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


def _over_capacity(
    axes: Axes, contest: Contest, room: list[int], drawn: Mapping[str, Floats], measure: str, title: str
) -> None:
    column = MEASURES.index(measure)
    for policy, colour in COLOUR.items():
        values = drawn[policy][:, :, column]
        low, high = _span(values[1:])
        axes.fill_between(room, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(room, values[0], "o-", color=colour, linewidth=1.8, markersize=3.5, label=policy)
    axes.axvline(contest.capacity, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(f"leads handed off {contest.every} (dashed: sales' capacity)")
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, room[-1])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _labelled(axes: Axes, ends: Mapping[str, float], top: float) -> None:
    """Each line's name at the right edge, beside its end, moved up where names would lie on each other."""
    place = -top
    for name, end in sorted(ends.items(), key=lambda item: item[1]):
        place = max(end, place + 0.045 * top)
        axes.text(
            1.015,
            place,
            f"{name}  {100 * end:.0f} %",
            transform=axes.get_yaxis_transform(),
            color=COLOUR.get(name, QUIET),
            fontsize=9,
            fontweight="bold" if name in COLOUR else "normal",
            va="center",
        )


def _at_capacities(contest: Contest, room: list[int]) -> dict[str, Floats]:
    """For model and rules the replay's measures: the test's, then its draws', ``(1 + draws, capacities, measures)``."""
    rows, until = contest.rows, int(contest.rows.instant.max(initial=0))
    by = accounts(rows, contest.leads)
    per_account = []
    for policy in COLOUR:
        for k in room:
            handed = replay(rows.lead, rows.instant, contest.scorings[policy].score, k, seed=contest.seed)
            per_account.append(by.sums(sums(rows, contest.leads, handed, until).T))
    total = totals(np.hstack(per_account), DRAWS, contest.seed, BLOCK)
    measured = from_sums(total.reshape(-1, per_account[0].shape[1]))
    shaped = measured.reshape(len(total), len(COLOUR), len(room), len(MEASURES))
    return {policy: shaped[:, i] for i, policy in enumerate(COLOUR)}


def _reached(contest: Contest, handed: Ints) -> Floats:
    """The share of winners reached by each instant: of the test itself, then of draws of its accounts."""
    rows = contest.rows
    instants = np.unique(rows.instant)
    per_lead = sums(rows, contest.leads, handed, int(instants[-1]))
    step = np.full(len(per_lead), -1)
    step[rows.lead[handed]] = np.searchsorted(instants, rows.instant[handed])
    reached = [(per_lead[:, 1] > 0) & (step <= last) for last in range(len(instants))]
    per_account = accounts(rows, contest.leads).sums([per_lead[:, 0], *reached])
    total = totals(per_account, DRAWS, contest.seed, BLOCK)
    return ratio(total[:, 1:], np.broadcast_to(total[:, :1], total[:, 1:].shape))


def _ahead(contest: Contest, handed: Ints) -> tuple[Floats, Floats]:
    """Days before the decision, from 0, and the share of winners handed off at least so early."""
    per_lead = sums(contest.rows, contest.leads, handed, int(contest.rows.instant.max(initial=0)))
    lead, moment = contest.rows.lead[handed], contest.rows.instant[handed]
    early = (contest.leads.won_at[lead] - moment)[per_lead[lead, 1] > 0] / DAY
    days = np.concatenate([[0.0], np.sort(early)])
    left = len(early) - np.arange(len(days))
    return days, np.maximum(left, 0) / max(per_lead[:, 0].sum(), 1.0)


def _times(every: str) -> str:
    return {"a week": "week by week", "a day": "day by day"}.get(every, f"instant by instant ({every})")


def _binned(contest: Contest, probability: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Per bin of equal weight the mean foretold, the share won, and the latter's 95 % interval."""
    judged = np.flatnonzero(contest.rows.weight > 0)
    judged = judged[np.argsort(probability[judged], kind="stable")]
    weight, won = contest.rows.weight[judged], contest.rows.label[judged] == POSITIVE
    middle = (np.cumsum(weight) - weight / 2) / weight.sum()
    place = np.minimum((middle * BINS).astype(np.int64), BINS - 1)
    total, held = (np.bincount(place, v, BINS).astype(float) for v in (weight * probability[judged], weight))
    foretold = ratio(total, held)
    by = accounts(contest.rows, contest.leads)
    mass, wins = (by[contest.rows.lead[judged]].binned(place, v, BINS) for v in (weight, weight * won))
    draws = redrawn(by.count, DRAWS, contest.seed, BLOCK)
    shares = np.concatenate([ratio(times @ wins, times @ mass) for times in draws])
    low, high = _span(shares[1:])
    return foretold, shares[0], low, high


def _span(drawn: Floats) -> tuple[Floats, Floats]:
    """Per column the 95 % interval of the draws; NaN where a measure is not defined on most of them."""
    ends = np.array([interval(column) for column in drawn.T]).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]
