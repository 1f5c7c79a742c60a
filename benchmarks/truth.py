"""How near the score comes to the truth of a simulated company: its ranking, its calibration and its reasons.

`benchmarks/truth.py [--quick] [--json FILE]`. Every lead is judged later than anything its scorer learned from, by
a scorer that never saw its account; intervals are a bootstrap over accounts. What the truth is, `simulate` says.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from scipy.stats import rankdata

from benchmarks.measure import Measure, show, write
from lead_readiness import simulate, snapshots
from lead_readiness.snapshots import POSITIVE
from training import dataset, metrics
from training.dataset import Dataset
from training.fit import fit
from training.judgement import judge

Floats = npt.NDArray[np.float64]
DRAWS = 500

console = Console(stderr=True)


@dataclass(frozen=True)
class Joined:
    """Judged rows with what the score and the truth say; behaviours (columns) that both know."""

    won: Floats
    weight: Floats
    account: npt.NDArray[np.int32]
    points: Floats
    said: Floats
    true: Floats
    behaviours: list[str]
    said_by: Floats
    true_by: Floats


@click.command()
@click.option("--leads", default=30_000, show_default=True, help="Leads of the company.")
@click.option("--months", default=30, show_default=True, help="Months of its history.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another company.")
@click.option("--quick", is_flag=True, help="A small company: the same code in under 50 seconds.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), help="Write the measures to this file, too."
)
def main(leads: int, months: int, seed: int, quick: bool, target: Path | None) -> None:
    """Measure the score against the truth of a simulated company, and say which goals are reached."""
    if quick:
        leads, months = 2_500, 18
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        step(f"a company of {leads:,} leads over {months} months")
        simulate.write(folder, leads, seed, months)
        joined = judged(
            dataset.load(folder / "readiness.toml"), pd.read_parquet(folder / "truth.parquet"), seed
        )
    measures = measure(joined, seed)
    wins = int((joined.won > 0).sum())
    show(f"Truth: {leads:,} leads, {len(joined.won):,} judged snapshots, {wins:,} of them won", measures)
    write(measures, target)


def step(what: str) -> None:
    """Show what is being measured."""
    console.print(f"[dim]{what} ...")


def judged(data: Dataset, truth: pd.DataFrame, seed: int) -> Joined:
    """Snapshots of the later period, each scored by the scorer of the other accounts' past."""
    instants, folds = judge.period(data), data.account_folds(judge.FOLDS)
    rows = snapshots.on_grid(data.timelines, data.project, instants, data.horizon)
    rows = snapshots.draw(
        rows[rows.label >= 0], data.timelines, data.project.label.snapshots_per_episode, seed
    )
    account = data.timelines.account[rows.lead]
    said, points = np.empty(len(rows)), np.empty(len(rows))
    by_behaviour = pd.DataFrame(index=range(len(rows)))
    for k in range(judge.FOLDS):
        step(f"scorer {k + 1} of {judge.FOLDS}")
        scorer = fit(data, int(instants[0]), folds != k, seed)
        own = np.flatnonzero(folds[account] == k)
        assessed = scorer.assess(data.timelines, rows.lead[own], rows.as_of[own])
        said[own], points[own] = assessed.probability, assessed.replay.points
        for n, name in enumerate(scorer.behaviours):
            by_behaviour.loc[own, name] = assessed.by_behaviour[:, n]
    at = pd.DataFrame(
        {
            "lead_id": data.timelines.lead_ids[rows.lead].astype(str),
            "as_of": pd.to_datetime(rows.as_of, unit="us", utc=True),
        }
    )
    found = at.merge(truth, on=["lead_id", "as_of"], how="left", validate="one_to_one")
    both = [name for name in by_behaviour if name in truth]
    won = (rows.label == POSITIVE).astype(float)
    true_by, said_by = found[both].to_numpy(), by_behaviour[both].to_numpy()
    return Joined(
        won, rows.weight, account, points, said, found["probability"].to_numpy(), both, said_by, true_by
    )


def measure(j: Joined, seed: int) -> list[Measure]:
    """All measures; the first of the draws weighs every account once and gives the value."""
    step("bootstrap over accounts")
    known, account = np.unique(j.account, return_inverse=True)
    rng = np.random.default_rng(seed)
    times = np.ones((DRAWS + 1, len(known)))
    times[1:] = rng.multinomial(len(known), np.full(len(known), 1 / len(known)), DRAWS)
    true, said, rules, slope, ratio, agreement = (np.empty(DRAWS + 1) for _ in range(6))
    for d, drawn in enumerate(times):
        w = drawn[account] * j.weight
        true[d], said[d], rules[d] = (metrics.roc_auc(j.won, s, w)[0] for s in (j.true, j.said, j.points))
        slope[d] = metrics.calibration(j.won, j.said, w)[0, 0]
        ratio[d] = metrics.observed_expected(j.won, j.said, w)[0]
        agreement[d] = _rank_agreement(w @ np.abs(j.said_by), w @ np.abs(j.true_by))
    return [
        _row("ROC AUC of the true probability", true),
        _row("ROC AUC of the score", said),
        _row("ROC AUC of the rule points", rules),
        _row("ROC AUC: truth less score", true - said, "<= 0.03", true[0] - said[0] <= 0.03),
        _row("calibration slope", slope, "0.9 to 1.1", 0.9 <= slope[0] <= 1.1),
        _row("observed / expected", ratio),
        _row(
            f"Spearman of {len(j.behaviours)} behaviours' effects", agreement, ">= 0.8", agreement[0] >= 0.8
        ),
    ]


def _rank_agreement(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _row(name: str, values: Floats, goal: str = "", reached: bool | None = None) -> Measure:
    low, high = np.quantile(values[1:], (0.025, 0.975))
    return Measure(
        name, float(values[0]), "", float(low), float(high), goal, None if reached is None else bool(reached)
    )


if __name__ == "__main__":
    main()
