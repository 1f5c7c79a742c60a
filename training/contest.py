"""Model and rule book as policies on the same rows: what a trial found, in the terms of the comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lead_readiness import snapshots
from training.compare import DRAWS, Scoring, compare
from training.comparison import Comparison
from training.dataset import Dataset
from training.judge import Trial
from training.replay import AtRisk, Leads, at_risk

MODEL, RULES = "model", "rules"


@dataclass(frozen=True)
class Contest:
    """Who was at risk when, what became of them, how each policy ranked them, and how many sales take how often."""

    rows: AtRisk
    leads: Leads
    scorings: dict[str, Scoring]
    capacity: int
    every: str
    seed: int

    def compare(self, draws: int = DRAWS) -> Comparison:
        """Every measure of model and rules, and their difference, with intervals."""
        return compare(self.scorings, self.rows, self.leads, self.capacity, draws=draws, seed=self.seed)


def contest(data: Dataset, trial: Trial, seed: int) -> Contest:
    """The trial's rows as a contest at sales' weekly capacity, spread over the project's cadence.

    Without enough wins for a model, the model's ranking is the rules' own.
    """
    lines, label = data.timelines, data.project.label
    known = trial.rows[trial.rows.label >= 0]
    drawn = snapshots.draw(known, lines, label.snapshots_per_episode, seed)
    modelled = np.isfinite(trial.model).all()
    scorings = {
        MODEL: Scoring(trial.model if modelled else trial.points, trial.model if modelled else None),
        RULES: Scoring(
            trial.points, trial.rules if np.isfinite(trial.rules).all() else None, data.book.threshold
        ),
    }
    leads = Leads(lines.account, lines.opened, lines.amount, data.horizon)
    return Contest(
        at_risk(trial.rows, drawn), leads, scorings, capacity(data), every(label.cadence_days), seed
    )


def capacity(data: Dataset) -> int:
    """How many leads sales can take at each instant of the grid."""
    per_week = data.project.handoff.capacity_per_week
    return max(1, round(per_week * data.project.label.cadence_days / 7))


def every(days: int) -> str:
    """How often the grid looks, in words.

    >>> every(7), every(14)
    ('a week', 'every 14 days')
    """
    return {1: "a day", 7: "a week"}.get(days, f"every {days} days")
