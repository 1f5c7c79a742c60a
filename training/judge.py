"""Model and rule book on the same later leads: scorers that saw neither the time nor the account they judge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lead_readiness import blend, rules, snapshots
from lead_readiness.errors import DataError
from lead_readiness.snapshots import POSITIVE, Snapshots
from lead_readiness.timelines import Ints
from training.dataset import Dataset, Say
from training.fit import fit

TEST_SHARE = 0.3
"""The share of the grid, its latest part, that judges."""
FOLDS = 5
"""Account folds: each is judged by a scorer learned from the other accounts."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """All at-risk rows of the later period with what each side said of them.

    ``model`` and ``rules`` are probabilities (NaN where a voice could not give one), ``points`` the rule points
    that rank the rules; ``fold`` is each row's account fold. ``begin`` is the training cut of every scorer.
    """

    rows: Snapshots
    fold: npt.NDArray[np.int64]
    model: Floats
    rules: Floats
    points: Floats
    begin: int
    end: int
    wins_learned: tuple[int, ...]
    notes: tuple[str, ...]


def period(data: Dataset) -> Ints:
    """The instants that judge: the latest `TEST_SHARE` of those whose labels are known by now.

    Raises DataError when the history holds no instant with a known label.
    """
    last = data.timelines.cut - data.embargo()
    testable = data.instants[data.instants <= last]
    if len(testable) < 2:
        raise DataError(
            f"the history has {len(testable)} instants whose outcome is known; expected at least 2; "
            "bring a longer history or set a shorter label.horizon_days"
        )
    return testable[int((1 - TEST_SHARE) * len(testable)) :]


def trial(data: Dataset, seed: int, say: Say = lambda _: None) -> Trial:
    """Train on the past of some accounts and score the later snapshots of the others, fold by fold.

    Training rows end a whole embargo before the first judged instant (their labels were known by then), and no
    account is judged by a scorer that saw it: every lead at risk takes part, at sales' full capacity.
    """
    instants = period(data)
    begin = int(instants[0])
    rows = snapshots.on_grid(data.timelines, data.project, instants, data.horizon)
    folds = data.account_folds(FOLDS)
    fold = folds[data.timelines.account[rows.lead]]
    model, by_rules, points = (np.full(len(rows), np.nan) for _ in range(3))
    wins, notes = [], []
    for k in range(FOLDS):
        say(f"judging: fold {k + 1} of {FOLDS}, learning from the other accounts' past")
        scorer = fit(data, begin, folds != k, seed, say)
        own = np.flatnonzero(fold == k)
        assessed = scorer.assess(data.timelines, rows.lead[own], rows.as_of[own])
        model[own], points[own] = assessed.probability, assessed.replay.points
        by_rules[own] = _rules_probability(data, begin, folds != k, seed, points[own])
        wins.append(scorer.card.wins)
        notes += [note for note in scorer.card.notes if note not in notes]
    return Trial(rows, fold, model, by_rules, points, begin, int(instants[-1]), tuple(wins), tuple(notes))


def _rules_probability(
    data: Dataset, cut: int, accounts: npt.NDArray[np.bool_], seed: int, points: Floats
) -> Floats:
    """The rule points as a probability: the rules' own blend, fitted on the same training rows."""
    rows, known = data.rows(cut, accounts, seed)
    if not blend.rungs(rows.wins).probability:
        return np.full(len(points), np.nan)
    seen = rules.replay(data.book, known, rows.lead, rows.as_of).points
    alone = blend.fit(seen[:, None], (rows.label == POSITIVE).astype(float), rows.weight, ("rules",))
    return alone.probability(points[:, None])
