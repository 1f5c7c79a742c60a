"""The replay's winners reached beside the truth: the same scorers replayed on a far larger company of the same kind.

Scorers are learned for every origin and account fold, as a training's judgement learns them. What the replay of their
own company's leads says is an estimate; the truth is what the same scorers, each for the fold and time it was made for,
reach among the many leads of another company with the same parameters and calendar, at a capacity in proportion. The
large companies are few and shared, so that their own error is stated and counted in.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
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
from lead_readiness.timelines import Ints
from training import contest, dataset, judge
from training.audit import Audit
from training.compare import POWER, Scoring, compare
from training.comparison import Comparison
from training.dataset import Dataset
from training.judge import FOLDS, MODEL, RULES
from training.replay import AtRisk, Leads
from training.verdict import Gate, verdict
from training.fit import fit

MONTHS = 18
DIFFERENCE = "difference"
TRUTH_DRAWS = 200
ENOUGH = 10
"""Seeds from which a goal is a goal."""
COVERED = 0.9
HONEST_POWER = (0.8, 1.25)

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
    data: Dataset, scorers: Scorers, instants: Ints, capacity: int, seed: int, draws: int = 2000
) -> Comparison:
    """Model and rules on a company's leads at risk, each row scored by the scorer of its window and fold.

    Ranking and calibration, which other measures judge, are left out: no row has a weight.
    """
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
    if any(scorer.blend is None for scorer in scorers.values()):
        model = rules  # as `contest` has it: without wins enough the model ranks as the rules do
    at_risk = AtRisk(rows.lead, rows.as_of, rows.label, np.zeros(len(rows)))
    leads = Leads(lines.account, lines.opened, lines.amount, data.horizon)
    scorings = {MODEL: Scoring(model), RULES: Scoring(rules)}
    return compare(scorings, at_risk, leads, capacity, until=int(instants[-1]), draws=draws, seed=seed)


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
    enough, n = len(found) >= ENOUGH, len(found)
    fresh = len({each["fresh"] for each in found})
    winners = [each["winners"] for each in found]
    at = f"{np.mean(winners):,.0f} winners: "
    made = [mean(at + "winners in the test", winners, "winners")]
    for name in (MODEL, RULES, DIFFERENCE):
        value, low, high = np.array([each["estimate"][name] for each in found]).T
        truth, t_low, t_high = np.array([each["truth"][name] for each in found]).T
        common = float(np.sqrt(np.mean(((t_high - t_low) / 3.92) ** 2) / fresh))
        goal = "within 2" if enough else ""
        made.append(mean(f"{at}bias, {name}", value - truth, "points", goal, common))
        inside = list((low <= truth) & (truth <= high))
        covered = share(f"{at}truth covered, {name}", inside)
        reached = covered.value >= COVERED if enough else None
        goal = f">= {COVERED}" if enough else ""
        made.append(Measure(**{**vars(covered), "goal": goal, "reached": reached}))
    stated = np.array([each["error"] for each in found])
    missed = np.array([each["estimate"][DIFFERENCE][0] - each["truth"][DIFFERENCE][0] for each in found])
    truth = np.array([each["truth"][DIFFERENCE][0] for each in found])
    own = float(np.mean([each["truth_error"] ** 2 for each in found]))
    clean = np.sqrt(max(0.0, 1 - own / missed.var(ddof=1))) if n > 1 else np.nan
    spread, least, most = (figure * clean for figure in deviation(missed))
    usual = float(np.sqrt(np.mean(stated**2)))
    ratio = usual / spread
    low, high = HONEST_POWER
    return [
        *made,
        mean(f"{at}true difference", truth, "points"),
        share(f"{at}gate of the winners passed", [each["passed"] for each in found]),
        mean(
            f"{at}foretold by truth and stated error", stats.norm.cdf(truth / stated - 1.96), f"of {n}"
        ),
        mean(f"{at}difference said to be visible", POWER * stated, "points"),
        Measure(
            f"{at}difference visible by the spread of the seeds", POWER * spread, "points",
            POWER * least, POWER * most,
        ),
        Measure(
            f"{at}stated error over the spread of the seeds", ratio, "times", usual / most, usual / least,
            f"{low} to {high}" if enough else "", bool(low <= ratio <= high) if enough else None,
        ),
        Measure(f"{at}standard error of one truth", float(np.sqrt(own)), "points"),
    ]  # fmt: skip
