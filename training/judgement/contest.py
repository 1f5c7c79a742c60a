"""Model, rule book and other ways to rank as policies on the same rows: a trial as a comparison takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lead_readiness import snapshots
from training.bootstrap import DRAWS
from training.dataset import Dataset
from training.judgement.compare import Scoring, compare
from training.judgement.comparison import Comparison
from training.judgement.judge import MODEL, RULES, Trial
from training.judgement.replay import AtRisk, Leads, at_risk


@dataclass(frozen=True)
class Contest:
    """Who was at risk when, what became of them, how each policy ranked them, and how many sales take how often.

    The first of ``scorings`` is the model, the second the rules; ``left_out`` says which policies could not take part.
    """

    rows: AtRisk
    leads: Leads
    scorings: dict[str, Scoring]
    capacity: int
    every: str
    seed: int
    left_out: tuple[str, ...] = ()

    def compare(self, draws: int = DRAWS) -> Comparison:
        """Every measure of every policy, and its difference to the rules, with intervals."""
        return compare(self.scorings, self.rows, self.leads, self.capacity, draws=draws, seed=self.seed)


def contest(data: Dataset, trial: Trial, seed: int) -> Contest:
    """The trial's rows as a contest at sales' weekly capacity, spread over the project's cadence.

    Without enough wins for a model, the model's ranking is the rules' own. A voice that could not be learned before
    every window does not take part by itself.
    """
    lines, label = data.timelines, data.project.label
    known = trial.rows[trial.rows.label >= 0]
    drawn = snapshots.draw(known, lines, label.snapshots_per_episode, seed)
    scores = dict(trial.score)
    if not np.isfinite(trial.probability[MODEL]).all():
        scores[MODEL] = scores[RULES]
    complete = [name for name, score in scores.items() if np.isfinite(score).all()]
    probability = {name: p for name, p in trial.probability.items() if np.isfinite(p).all()}
    scorings = {
        name: Scoring(scores[name], probability.get(name), data.book.threshold if name == RULES else None)
        for name in complete
    }
    left_out = tuple(f"{name}: not learned before every window" for name in scores if name not in complete)
    leads = Leads(lines.account, lines.opened, lines.amount, data.horizon)
    rows = at_risk(trial.rows, drawn)
    return Contest(rows, leads, scorings, capacity(data), every(label.cadence_days), seed, left_out)


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
