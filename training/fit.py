"""From rows to a scorer: the voices that the evidence allows, and the blend that calibrates them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lead_readiness import blend, features, linear, rules, trees
from lead_readiness.card import Card
from lead_readiness.errors import DataError
from lead_readiness.features import Catalogue
from lead_readiness.linear import Linear
from lead_readiness.scorer import Scorer
from lead_readiness.snapshots import POSITIVE, Snapshots
from lead_readiness.timelines import Timelines
from lead_readiness.trees import Params, Trees
from training.dataset import Dataset, Say


@dataclass(frozen=True)
class Settings:
    """How the voices are learned: the linear voice's ridge (``strength`` as `linear.fit` has it), and the trees."""

    strength: float = 0.003
    trees: Params = field(default_factory=Params)


DEFAULTS = Settings()
"""One configuration for every company, which `tune` must be shown to beat."""
CUTS = (0.5, 0.75)
"""Shares of the training wins before each of the blend's inner cuts."""
FOLDS, FOLDS_OF_FEW = 2, 4
"""Account folds of the blend's inner cuts; of a few wins a half would teach voices unlike those that are blended."""
FEW = 200
"""Wins in training below which `FOLDS_OF_FEW` folds are made."""
LATER_WINS = 100
"""Wins among the later snapshots that tell the blend how many to expect to within some 10 % (1 / sqrt(100))."""


@dataclass(frozen=True)
class Learned:
    """The catalogue and the voices learned from one set of rows."""

    catalogue: Catalogue
    linear: Linear | None = None
    trees: Trees | None = None

    def logits(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """One column a learned voice, in the blend's order, for rows of the catalogue's features."""
        columns = [np.zeros((len(x), 0))]
        for voice in (self.linear, self.trees):
            if voice is not None:
                base, moved = voice.contributions(x)
                columns.append((base + moved.sum(axis=1))[:, np.newaxis])
        found: npt.NDArray[np.float64] = np.hstack(columns)
        return found


class Lesson(NamedTuple):
    """Training rows as the voices are taught them: everything fitted, vocabulary and encoders too, saw these alone."""

    catalogue: Catalogue
    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]

    def learned(self, voices: tuple[str, ...], seed: int, settings: Settings = DEFAULTS) -> Learned:
        """The named voices; with the rules alone there is nothing to learn."""
        if len(voices) == 1:
            return Learned(self.catalogue)
        names = [f.name for f in self.catalogue.features]
        given = (self.x, self.y, self.weight, self.catalogue.directions, names)
        return Learned(
            self.catalogue,
            linear.fit(*given, strength=settings.strength),
            trees.fit(*given, seed=seed, params=settings.trees) if "trees" in voices else None,
        )


def lesson(data: Dataset, timelines: Timelines, rows: Snapshots, seed: int) -> Lesson:
    """What training rows, with the timelines as known then, teach."""
    catalogue, attributes = features.build(data.project, timelines, rows, seed)
    x = features.compute(catalogue, timelines, rows.lead, rows.as_of, attributes)
    return Lesson(catalogue, x, won(rows), rows.weight / rows.weight.mean())


def won(rows: Snapshots) -> npt.NDArray[np.float64]:
    """1 for each row that was won within its horizon, else 0."""
    found: npt.NDArray[np.float64] = (rows.label == POSITIVE).astype(np.float64)
    return found


def fit(
    data: Dataset,
    cut: int,
    accounts: npt.NDArray[np.bool_],
    seed: int,
    say: Say = lambda _: None,
    settings: Settings = DEFAULTS,
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
    learned = lesson(data, known, rows, seed).learned(rung.voices, seed, settings)
    mixed = None
    if rung.probability:
        judged, logits = rows, np.zeros((len(rows), 0))
        if len(rung.voices) > 1:
            folds, note = inner_folds(data, rows, known, accounts, seed, CUTS)
            notes += [note] if note else []
            judged = Snapshots.join([fold.judged for fold in folds])
            logits = np.concatenate(
                [_foretold(data, fold, known, rung.voices, seed, settings, say) for fold in folds]
            )
        points = rules.replay(data.book, known, judged.lead, judged.as_of).points
        voices = np.column_stack([points, logits])
        mixed = blend.fit(voices, won(judged), judged.weight, rung.voices, judged.lead)
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


class Fold(NamedTuple):
    """Rows to learn from, the timelines as known then, and rows of other accounts to judge by what was learned."""

    rows: Snapshots
    then: Timelines
    judged: Snapshots
    later: bool


def inner_folds(
    data: Dataset,
    rows: Snapshots,
    known: Timelines,
    accounts: npt.NDArray[np.bool_],
    seed: int,
    cuts: tuple[float, ...],
) -> tuple[list[Fold], str]:
    """The training rows cut so that none is judged by voices that saw its account or anything from its time on.

    ``cuts`` are shares of the wins before each inner cut; its voices judge the snapshots up to the next. Where
    these hold fewer than `LATER_WINS`, the account folds alone are kept apart, and the note returned says so.
    """
    folds = FOLDS_OF_FEW if rows.wins < FEW else FOLDS
    fold = data.account_folds(folds * 5) // 5
    begins = [int(c) for c in np.quantile(rows.as_of[rows.label == POSITIVE], cuts)]
    own = [fold[known.account[rows.lead]] == k for k in range(folds)]
    made = []
    for begin, end in zip(begins, [*begins[1:], int(rows.as_of.max()) + 1]):
        for k in range(folds):
            inner, then = data.rows(begin, accounts & (fold != k), seed)
            judged = rows[(rows.as_of >= begin) & (rows.as_of < end) & own[k]]
            if inner.wins >= blend.NEEDED["linear"] and len(judged):
                made.append(Fold(inner, then, judged, True))
    if sum(f.judged.wins for f in made) >= LATER_WINS:
        return made, ""
    note = "blend fitted on other accounts of the same time: the history is too short for later snapshots"
    return [Fold(rows[~mine], known, rows[mine], False) for mine in own], note


def _foretold(
    data: Dataset,
    fold: Fold,
    known: Timelines,
    voices: tuple[str, ...],
    seed: int,
    settings: Settings,
    say: Say,
) -> npt.NDArray[np.float64]:
    """The logits of a fold's judged rows, one column a learned voice."""
    whose = f"{fold.rows.wins:,} earlier wins" if fold.later else "other accounts"
    say(f"blending: voices learned from {whose}")
    learned = lesson(data, fold.then, fold.rows, seed).learned(voices, seed, settings)
    return learned.logits(features.compute(learned.catalogue, known, fold.judged.lead, fold.judged.as_of))
