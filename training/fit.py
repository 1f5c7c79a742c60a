"""From rows to a scorer: the voices that the evidence allows, and the blend that calibrates them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lead_readiness import blend, features, linear, rules, trees
from lead_readiness.errors import DataError
from lead_readiness.features import Catalogue
from lead_readiness.linear import Linear
from lead_readiness.scorer import Card, Scorer
from lead_readiness.snapshots import POSITIVE, Snapshots
from lead_readiness.timelines import Timelines
from lead_readiness.trees import Trees
from training.dataset import Dataset, Say

CUTS = (0.5, 0.75)
"""Shares of the training wins before each of the blend's inner cuts."""
FOLDS = 2
"""Account folds of the blend's inner cuts."""


@dataclass(frozen=True)
class Learned:
    """The catalogue and the voices learned from one set of rows."""

    catalogue: Catalogue
    linear: Linear | None
    trees: Trees | None

    def logits(self, timelines: Timelines, rows: Snapshots) -> npt.NDArray[np.float64]:
        """One column a learned voice, in the blend's order."""
        x = features.compute(self.catalogue, timelines, rows.lead, rows.as_of)
        columns = []
        for voice in (self.linear, self.trees):
            if voice is not None:
                base, moved = voice.contributions(x)
                columns.append(base + moved.sum(axis=1))
        return np.stack(columns, axis=1)


def learn(
    data: Dataset, timelines: Timelines, rows: Snapshots, voices: tuple[str, ...], seed: int
) -> Learned:
    """Fit the named voices on training rows; everything fitted, vocabulary and encoders too, sees these alone."""
    catalogue, attributes = features.build(data.project, timelines, rows, seed)
    if len(voices) == 1:
        return Learned(catalogue, None, None)
    x = features.compute(catalogue, timelines, rows.lead, rows.as_of, attributes)
    y = (rows.label == POSITIVE).astype(np.float64)
    names = [f.name for f in catalogue.features]
    given = (x, y, rows.weight / rows.weight.mean(), catalogue.directions, names)
    return Learned(catalogue, linear.fit(*given), trees.fit(*given, seed=seed) if "trees" in voices else None)


def fit(
    data: Dataset, cut: int, accounts: npt.NDArray[np.bool_], seed: int, say: Say = lambda _: None
) -> Scorer:
    """The scorer that could have been trained at ``cut`` on the chosen accounts.

    The evidence ladder (METHOD 2) decides from the number of wins which voices are learned; the blend is fitted
    on predictions for later snapshots of other accounts, made by voices learned before them. Raises DataError
    where there is nothing to learn from.
    """
    rows, known = data.rows(cut, accounts, seed)
    if len(rows) == 0:
        raise DataError(
            "no snapshot is old enough to know its outcome: the history is shorter than the horizon of "
            f"{max((d or 0 for d in data.horizon_days.values()), default=0)} days and the time that wins take to be "
            "recorded; bring a longer history or set a shorter label.horizon_days"
        )
    rung = blend.rungs(rows.wins)
    notes = list(rung.left_out.values())
    say(f"learning from {rows.wins:,} wins of {len(np.unique(rows.lead)):,} leads ({len(rows):,} snapshots)")
    learned = learn(data, known, rows, rung.voices, seed)
    mixed = None
    if rung.probability:
        judged, logits = rows, np.zeros((len(rows), 0))
        if len(rung.voices) > 1:
            judged, logits, note = _out_of_fold(data, rows, known, rung.voices, accounts, seed, say)
            notes += [note] if note else []
        points = rules.replay(data.book, known, judged.lead, judged.as_of).points
        y = (judged.label == POSITIVE).astype(np.float64)
        mixed = blend.fit(np.column_stack([points, logits]), y, judged.weight, rung.voices)
    card = Card(
        horizon_days=data.horizon_days,
        cut=cut,
        leads=len(np.unique(rows.lead)),
        rows=len(rows),
        wins=rows.wins,
        seed=seed,
        notes=tuple(notes),
    )
    return Scorer(
        data.project.meaning(), data.book, learned.catalogue, learned.linear, learned.trees, mixed, card
    )


def _out_of_fold(
    data: Dataset,
    rows: Snapshots,
    known: Timelines,
    voices: tuple[str, ...],
    accounts: npt.NDArray[np.bool_],
    seed: int,
    say: Say,
) -> tuple[Snapshots, npt.NDArray[np.float64], str]:
    """Rows with logits from voices that saw neither their account nor anything from their time on.

    Each inner cut's voices predict the snapshots up to the next cut. Where the history is too short for that,
    the account folds alone are kept apart, and the returned note says so.
    """
    fold = data.account_folds(FOLDS * 5) // 5
    cuts = [int(c) for c in np.quantile(rows.as_of[rows.label == POSITIVE], CUTS)]
    parts: list[tuple[Snapshots, npt.NDArray[np.float64]]] = []
    for begin, end in zip(cuts, [*cuts[1:], int(rows.as_of.max()) + 1]):
        for k in range(FOLDS):
            inner, then = data.rows(begin, accounts & (fold != k), seed)
            judged = rows[(rows.as_of >= begin) & (rows.as_of < end) & (fold[known.account[rows.lead]] == k)]
            if inner.wins >= blend.NEEDED["linear"] and len(judged):
                say(f"blending: voices learned from {inner.wins:,} earlier wins")
                parts.append((judged, learn(data, then, inner, voices, seed).logits(known, judged)))
    note = ""
    if sum(part.wins for part, _ in parts) < blend.NEEDED["linear"] / 2:
        note = "blend fitted on other accounts of the same time: the history is too short for later snapshots"
        parts = []
        for k in range(FOLDS):
            own = fold[known.account[rows.lead]] == k
            say("blending: voices learned from other accounts")
            parts.append((rows[own], learn(data, known, rows[~own], voices, seed).logits(known, rows[own])))
    return Snapshots.join([part for part, _ in parts]), np.concatenate([logits for _, logits in parts]), note
