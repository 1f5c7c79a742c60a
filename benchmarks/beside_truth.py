"""The replay's winners reached beside the truth: the same scorers replayed on a far larger company of the same kind.

Scorers are learned for every origin and account fold, as a training's judgement learns them. What the replay of their
own company's leads says is an estimate; the truth is what the same scorers, each for the fold and time it was made for,
reach among the many leads of another company with the same parameters and calendar, at a capacity in proportion. The
large companies are few and shared, so that their own error is stated and counted in.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.chances import deviation, mean, share
from benchmarks.measure import Measure
from lead_readiness import simulate, snapshots
from lead_readiness.scorer import Scorer
from lead_readiness.snapshots import Snapshots
from lead_readiness.timelines import Ints
from training import dataset
from training.audit import Audit
from training.bootstrap import DRAWS
from training.dataset import Dataset
from training.fit import fit
from training.judgement import contest, judge
from training.judgement.compare import POWER, Scoring, compare
from training.judgement.comparison import Comparison
from training.judgement.judge import FOLDS, MODEL, RULES
from training.judgement.replay import AtRisk, Leads
from training.judgement.verdict import Gate, verdict
from training.metrics import Floats

MONTHS = 18
DIFFERENCE = "difference"
TRUTH_DRAWS = 200
ENOUGH = 10
"""Seeds from which a goal is a goal."""
COVERED = 0.9
BIAS = "within 2"
HONEST = (0.8, 1.25)
"""Stated standard error over the true one."""

Scorers = dict[tuple[int, int], Scorer]


def run(seed: int, leads: int, fresh: Path | None) -> dict[str, Any]:
    """Estimate, interval and truth of the winners reached, in points, of model, rules and their difference."""
    assert fresh is not None
    with tempfile.TemporaryDirectory() as scratch:
        simulate.write(Path(scratch), leads, seed, MONTHS, truth=False)
        data = dataset.load(Path(scratch) / "readiness.toml")
    instants = judge.period(data)
    scorers = dict(learned(data, instants, seed))
    capacity = contest.capacity(data)
    large = loaded(fresh)
    own = replayed(data, scorers, instants, capacity, seed)
    scale = len(large.timelines) / len(data.timelines)
    truth = replayed(large, scorers, instants, round(capacity * scale), seed, TRUTH_DRAWS)
    return {
        "winners": own.winners,
        "passed": gate(own).passed,
        "error": 100 * own.visible[MODEL] / POWER,
        "truth_error": 100 * truth.visible[MODEL] / POWER,
        "estimate": {name: figures(own, name) for name in (MODEL, RULES, DIFFERENCE)},
        "truth": {name: figures(truth, name) for name in (MODEL, RULES, DIFFERENCE)},
        "voices": [len(s.blend.voices) if s.blend else 0 for s in scorers.values()],
    }


def learned(data: Dataset, instants: Ints, seed: int) -> Iterator[tuple[tuple[int, int], Scorer]]:
    """The scorers of a judgement (`judge.trial`), by (first instant of the window, fold that it judges)."""
    folds = data.account_folds(FOLDS)
    for window in judge.windows(instants):
        for k in range(FOLDS):
            yield (int(window[0]), k), fit(data, int(window[0]), folds != k, seed)


@lru_cache(maxsize=4)
def loaded(folder: Path) -> Dataset:
    """A company's data, kept for the next seed."""
    return dataset.load(folder / "readiness.toml")


def replayed(
    data: Dataset, scorers: Scorers, instants: Ints, capacity: int, seed: int, draws: int = DRAWS
) -> Comparison:
    """Model and rules replayed on a company's leads.

    Ranking and calibration, which other benchmarks judge, are left out: no row has a weight.
    """
    lines = data.timelines
    rows, model, rules = ranked(data, scorers, instants)
    if any(scorer.blend is None for scorer in scorers.values()):
        model = rules  # as `contest` has it: without wins enough the model ranks as the rules do
    at_risk = AtRisk(rows.lead, rows.as_of, rows.label, np.zeros(len(rows)))
    leads = Leads(lines.account, lines.opened, lines.amount, data.horizon)
    scorings = {MODEL: Scoring(model), RULES: Scoring(rules)}
    return compare(scorings, at_risk, leads, capacity, until=int(instants[-1]), draws=draws, seed=seed)


def ranked(data: Dataset, scorers: Scorers, instants: Ints) -> tuple[Snapshots, Floats, Floats]:
    """The rows at risk, with score and rule points of each by the scorer of its window and fold."""
    lines = data.timelines
    rows = snapshots.on_grid(lines, data.project, instants, data.horizon)
    cuts = np.unique([cut for cut, _ in scorers])
    cut = cuts[np.searchsorted(cuts, rows.as_of, side="right") - 1]
    fold = data.account_folds(FOLDS)[lines.account[rows.lead]]
    model, rules = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for (begin, k), scorer in scorers.items():
        own = np.flatnonzero((cut == begin) & (fold == k))
        said = scorer.assess(lines, rows.lead[own], rows.as_of[own])
        model[own], rules[own] = said.score, said.replay.points
    return rows, model, rules


def figures(found: Comparison, name: str) -> list[float]:
    """Winners reached, in points, with the ends of the interval."""
    taken = (
        found.difference("winners_reached", MODEL)
        if name == DIFFERENCE
        else found.value("winners_reached", name)
    )
    return [100 * figure for figure in taken]


def gate(found: Comparison) -> Gate:
    """The verdict's gate of the winners reached, whatever the others would say."""
    months = pd.DataFrame(columns=["slice", "policy", "measure", "value"])
    said = verdict(found, months, [], None, Audit(), [], {})
    return next(each for each in said.gates if each.name == "winners reached")


def measures(found: list[dict[str, Any]]) -> list[Measure]:
    """Bias and coverage, then what the power sentence says beside what the seeds show; by size of the company."""
    made: list[Measure] = []
    for leads in sorted({each["leads"] for each in found}):
        made += _of_size([each for each in found if each["leads"] == leads])
    return made


def _of_size(found: list[dict[str, Any]]) -> list[Measure]:
    winners = [each["winners"] for each in found]
    at = f"{np.mean(winners):,.0f} winners: "
    made = [mean(at + "winners in the test", winners, "winners")]
    for name in (MODEL, RULES, DIFFERENCE):
        made += _estimated(found, name, at)
    return made + _power(found, at)


def _estimated(found: list[dict[str, Any]], name: str, at: str) -> list[Measure]:
    """Bias and coverage of one figure."""
    enough, large = len(found) >= ENOUGH, len({each["fresh"] for each in found})
    value, low, high = np.array([each["estimate"][name] for each in found]).T
    truth, least, most = np.array([each["truth"][name] for each in found]).T
    shared = float(np.sqrt(np.mean(((most - least) / (2 * 1.96)) ** 2) / large))
    covered = list((low <= truth) & (truth <= high))
    reached = bool(np.mean(covered) >= COVERED) if enough else None
    return [
        mean(f"{at}bias, {name}", value - truth, "points", BIAS if enough else "", shared),
        share(f"{at}truth covered, {name}", covered, f">= {COVERED}" if enough else "", reached),
    ]


def _power(found: list[dict[str, Any]], at: str) -> list[Measure]:
    """The error that the judgement states, and the power that follows, beside the spread of its misses."""
    stated = np.array([each["error"] for each in found])
    truth = np.array([each["truth"][DIFFERENCE][0] for each in found])
    of_truth = float(np.mean([each["truth_error"] ** 2 for each in found]))
    made = [
        mean("true difference", truth, "points"),
        share("gate of the winners passed", [each["passed"] for each in found]),
        mean("passed by true difference and stated error", stats.norm.cdf(truth / stated - 1.96), "share"),
        mean("difference said to be visible", POWER * stated, "points"),
        *_spread(found, float(np.sqrt(np.mean(stated**2))), of_truth),
        Measure("standard error of a truth", float(np.sqrt(of_truth)), "points"),
    ]
    return [replace(each, measure=at + each.measure) for each in made]


def _spread(found: list[dict[str, Any]], stated: float, of_truth: float) -> list[Measure]:
    """How far the estimates of the difference scatter about the truth, less what the truth's own error adds."""
    missed = [each["estimate"][DIFFERENCE][0] - each["truth"][DIFFERENCE][0] for each in found]
    square = float(np.var(missed, ddof=1)) if len(found) > 2 else 0.0
    if square <= of_truth:
        return []
    spread, least, most = (sd * float(np.sqrt(1 - of_truth / square)) for sd in deviation(missed))
    ratio, (low, high) = stated / spread, HONEST
    goal, reached = (f"{low} to {high}", bool(low <= ratio <= high)) if len(found) >= ENOUGH else ("", None)
    name = "stated error over the spread of the seeds"
    return [
        Measure("difference visible by that spread", POWER * spread, "points", POWER * least, POWER * most),
        Measure(name, ratio, "times", stated / most, stated / least, goal, reached),
    ]
