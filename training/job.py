"""The whole of a training: data, trial, comparison, scorer, open leads, and its place in MLflow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lead_readiness import snapshots
from lead_readiness.errors import DataError
from lead_readiness.scorer import Assessment, Scorer
from training import dataset, record
from training.comparison import Comparison
from training.contest import Contest, contest
from training.dataset import Dataset, Say
from training.fit import fit
from training.judge import Trial, trial
from training.registry import Kept, keep
from training.store import Store, opened


@dataclass(frozen=True)
class Judged:
    """What the trial found; of a history too short for one, only ``refused`` says why."""

    trial: Trial | None = None
    contest: Contest | None = None
    comparison: Comparison | None = None
    refused: str = ""


@dataclass(frozen=True)
class Result:
    """A finished training; ``leads`` are those at risk at the cut, best first."""

    data: Dataset
    judged: Judged
    scorer: Scorer
    leads: Assessment
    store: Store
    kept: Kept


def train(
    path: Path,
    *,
    home: Path | None = None,
    tracking_uri: str | None = None,
    register: bool = True,
    quarantine: bool = False,
    seed: int = 0,
    say: Say = lambda _: None,
) -> Result:
    """Train on what a project file names and keep everything in MLflow.

    The store is opened first, so that nobody trains for minutes only to learn that it cannot be reached, and
    written last. ``home`` is the folder that holds `.readiness` (the project file's own unless given).
    Raises LeadReadinessError when the input, or the store, cannot be used.
    """
    data = dataset.load(path, quarantine, say)
    say("opening the MLflow store")
    store = opened(home or path.absolute().parent, tracking_uri)
    judged = judge(data, seed, say)
    say("learning the scorer from everything known")
    everyone = np.ones(len(data.timelines.account_start) - 1, bool)
    scorer = fit(data, data.timelines.cut, everyone, seed, say)
    say("scoring the open leads")
    leads = open_leads(data, scorer)
    say("keeping the training in MLflow")
    training = record.training(
        path, data, judged.trial, judged.contest, judged.comparison, scorer, leads, seed
    )
    return Result(data, judged, scorer, leads, store, keep(training, store, register))


def judge(data: Dataset, seed: int, say: Say) -> Judged:
    """The trial and its comparison, or why this history allows none."""
    try:
        tried = trial(data, seed, say)
        met = contest(data, tried, seed)
        say("comparing model and rules: replay week by week, bootstrap over accounts")
        return Judged(tried, met, met.compare())
    except DataError as error:
        return Judged(refused=str(error))


def open_leads(data: Dataset, scorer: Scorer) -> Assessment:
    """The leads at risk at the cut, scored as of then; best first, equal scores in the order of their ids."""
    lines = data.timelines
    now = snapshots.on_grid(lines, data.project, np.array([lines.cut], np.int64), data.horizon)
    score = scorer.assess(lines, now.lead, now.as_of).score
    best = np.lexsort((lines.lead_ids[now.lead].astype(str), -score))
    return scorer.assess(lines, now.lead[best], now.as_of[best])
