"""Model, rules and other ways to rank on the same later leads, scored by those who saw neither time nor account."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from threadpoolctl import threadpool_limits

from lead_readiness import blend, rules, snapshots
from lead_readiness.errors import DataError
from lead_readiness.snapshots import POSITIVE, Snapshots
from lead_readiness.timelines import Ints
from training.dataset import Dataset, Say
from training.fit import DEFAULTS, Settings, fit
from training.judgement import baselines

TEST_SHARE = 0.3
"""The share of the grid, its latest part, that judges."""
ORIGINS = 3
"""Windows that the judged part is cut into; scorers are learned anew before each."""
FOLDS = 5
"""Account folds: each is judged by a scorer learned from the other accounts."""
WORKERS = 4
"""Scorers learned side by side at most: each holds its own training rows."""

MODEL, RULES, LINEAR, TREES = "model", "rules", "linear voice", "tree voice"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """All at-risk rows of the judged period with what each policy said of them, in the order of the rows.

    ``score`` ranks and ``probability`` is of winning within the horizon, for the policies that give one; both are
    NaN where a policy could not say (the score of a model without a blend is the rules' points). ``fold`` is each
    row's account fold and ``origin`` its window; ``cuts`` are the windows' first instants, the training cuts of their
    scorers. ``before`` are rows at risk in as long a window before each cut, one a lead, of accounts that the scorer
    did not see either: what its scores looked like then.
    """

    rows: Snapshots
    fold: npt.NDArray[np.int64]
    origin: npt.NDArray[np.int64]
    score: dict[str, Floats]
    probability: dict[str, Floats]
    before: Snapshots
    before_origin: npt.NDArray[np.int64]
    before_score: Floats
    cuts: tuple[int, ...]
    end: int
    wins_learned: tuple[int, ...]
    notes: tuple[str, ...]

    @property
    def begin(self) -> int:
        """The first instant that judges."""
        return self.cuts[0]


@dataclass(frozen=True)
class Heard:
    """What the scorer of one origin and fold, and those beside it, said of its rows."""

    score: dict[str, Floats]
    probability: dict[str, Floats]
    before: Floats
    wins: int
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


def windows(instants: Ints) -> list[Ints]:
    """The judged instants in at most `ORIGINS` windows of equal length; before each, everything is learned anew.

    >>> [window.tolist() for window in windows(np.arange(7))]
    [[0, 1, 2], [3, 4], [5, 6]]
    """
    return [window for window in np.array_split(instants, ORIGINS) if len(window)]


def trial(data: Dataset, seed: int, say: Say = lambda _: None, settings: Settings = DEFAULTS) -> Trial:
    """Train on the past of some accounts and score the next window's snapshots of the others: origins x folds.

    Training rows end a whole embargo before their window (their labels were known by then), and no account is
    judged by a scorer that saw it: every lead at risk takes part, at sales' full capacity.
    """
    instants = period(data)
    parts = windows(instants)
    cuts = np.array([part[0] for part in parts])
    rows = snapshots.on_grid(data.timelines, data.project, instants, data.horizon)
    origin = np.searchsorted(cuts, rows.as_of, side="right") - 1
    earlier = [_before(data, part, seed) for part in parts]
    before, before_origin = Snapshots.join(earlier), np.repeat(np.arange(len(parts)), list(map(len, earlier)))
    folds = data.account_folds(FOLDS)
    fold, before_fold = (folds[data.timelines.account[found.lead]] for found in (rows, before))
    jobs = [(o, k) for o in range(len(parts)) for k in range(FOLDS)]
    own = [np.flatnonzero((origin == o) & (fold == k)) for o, k in jobs]
    own_before = [np.flatnonzero((before_origin == o) & (before_fold == k)) for o, k in jobs]

    def hear(job: int) -> Heard:
        o, k = jobs[job]
        return _hear(data, int(cuts[o]), folds != k, rows[own[job]], before[own_before[job]], seed, settings)

    heard = []
    workers = min(WORKERS, os.cpu_count() or 1)
    with (
        threadpool_limits(1),
        ThreadPoolExecutor(workers) as pool,
    ):  # each worker's own threads would only wait
        asked = [pool.submit(hear, job) for job in range(len(jobs))]
        try:
            for n, (answer, (o, k)) in enumerate(zip(asked, jobs), start=1):
                say(f"judging: scorer {n} of {len(jobs)} (origin {o + 1}, accounts of fold {k + 1})")
                heard.append(answer.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Trial(
        rows=rows,
        fold=fold,
        origin=origin,
        score={name: _spread([h.score[name] for h in heard], own) for name in heard[0].score},
        probability={
            name: _spread([h.probability[name] for h in heard], own) for name in heard[0].probability
        },
        before=before,
        before_origin=before_origin,
        before_score=_spread([h.before for h in heard], own_before),
        cuts=tuple(cuts.tolist()),
        end=int(instants[-1]),
        wins_learned=tuple(h.wins for h in heard),
        notes=tuple(dict.fromkeys(note for h in heard for note in h.notes)),
    )


def _before(data: Dataset, window: Ints, seed: int) -> Snapshots:
    """One row, drawn at random, of each episode at risk in the instants before a window, as many as the window's."""
    past = data.instants[data.instants < window[0]][-len(window) :]
    return snapshots.draw(
        snapshots.on_grid(data.timelines, data.project, past, data.horizon), data.timelines, 1, seed
    )


def _hear(
    data: Dataset,
    cut: int,
    accounts: npt.NDArray[np.bool_],
    rows: Snapshots,
    before: Snapshots,
    seed: int,
    settings: Settings,
) -> Heard:
    """All policies, learned at ``cut`` from some accounts, on rows of the others."""
    scorer = fit(data, cut, accounts, seed, settings=settings)
    said = scorer.assess(data.timelines, rows.lead, rows.as_of)
    nothing = np.full(len(rows), np.nan)
    voices = {LINEAR: said.voices.get("linear", nothing), TREES: said.voices.get("trees", nothing)}
    others = baselines.fit(data, cut, accounts).scores(data.timelines, rows.lead, rows.as_of)
    return Heard(
        score={
            MODEL: said.score,
            RULES: said.replay.points,
            **voices,
            **others,
        },
        probability={
            MODEL: said.probability,
            RULES: _rules_probability(data, cut, accounts, seed, said.replay.points),
            **{name: expit(logit) for name, logit in voices.items()},
        },
        before=scorer.assess(data.timelines, before.lead, before.as_of).score,
        wins=scorer.card.wins,
        notes=scorer.card.notes,
    )


def _spread(parts: list[Floats], places: list[npt.NDArray[np.intp]]) -> Floats:
    """The parts' values at their places among all rows."""
    out = np.full(sum(map(len, places)), np.nan)
    for part, place in zip(parts, places):
        out[place] = part
    return out


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
