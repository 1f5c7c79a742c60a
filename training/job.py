"""The whole of a training: data, audit, tuning, judgement, scorer, open leads, verdict, and its place in MLflow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lead_readiness import snapshots
from lead_readiness.errors import DataError
from lead_readiness.scorer import Assessment, Scorer
from training import audit, dataset, tune
from training.audit import Audit
from training.dataset import Dataset, Say
from training.fit import DEFAULTS, Settings, fit
from training.judgement import faithfulness
from training.judgement.comparison import Comparison
from training.judgement.contest import Contest, contest
from training.judgement.drift import Drift, drift
from training.judgement.faithfulness import Faithfulness, worth_a_look
from training.judgement.judge import Trial, period, trial
from training.judgement.slices import Evenness, evenness, slices
from training.judgement.verdict import Verdict, undecided, verdict
from training.tracking import record
from training.tracking.registry import Kept, keep
from training.tracking.store import FOLDER, Store, opened
from training.tune import STUDIES, Tuned


@dataclass(frozen=True)
class Judged:
    """What the judgement of model, rules and the others on later leads of unseen accounts found."""

    trial: Trial
    contest: Contest
    comparison: Comparison
    by_slice: pd.DataFrame
    even: list[Evenness]
    drifts: list[Drift]


@dataclass(frozen=True)
class Findings:
    """All that a training found; ``leads`` are those at risk at the cut, best first.

    ``judged`` is None where the history is too short for a judgement, and ``refused`` says why.
    """

    data: Dataset
    audit: Audit
    tuned: Tuned | None
    judged: Judged | None
    refused: str
    scorer: Scorer
    leads: Assessment
    faithfulness: Faithfulness
    verdict: Verdict
    seed: int


@dataclass(frozen=True)
class Result:
    """A finished training and where it is kept."""

    found: Findings
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
    trials: int = 0,
    minutes: float | None = None,
    say: Say = lambda _: None,
) -> Result:
    """Train on what a project file names and keep everything in MLflow.

    The store is opened first, so that nobody trains for minutes only to learn that it cannot be reached, and
    written last. ``home`` is the folder that holds `.readiness` (the project file's own unless given).
    Raises LeadReadinessError when the input, or the store, cannot be used.
    """
    data = dataset.load(path, quarantine, say)
    say("opening the MLflow store")
    home = home or path.absolute().parent
    store = opened(home, tracking_uri)
    found = learn(data, home / FOLDER / STUDIES, seed, trials, minutes, say)
    say("keeping the training in MLflow")
    return Result(found, store, keep(record.training(path, found), store, register))


def learn(
    data: Dataset,
    studies: Path,
    seed: int = 0,
    trials: int = 0,
    minutes: float | None = None,
    say: Say = lambda _: None,
) -> Findings:
    """Everything of a training but its place in MLflow: audit, tuning, judgement, the scorer and its verdict.

    With ``trials`` above 0 the voices' settings are first tuned on what was known before the judged period, the study
    being kept in the file ``studies``; a history too short for a judgement is not tuned.
    """
    say("auditing for leaks")
    audited = audit.audit(data, seed)
    data = audit.without_flagged(data, audited)
    tuned, settings = None, DEFAULTS
    judged, refused = None, ""
    try:
        if trials:
            first = int(period(data)[0])
            tuned = tune.tune(data, first, None, seed, trials, minutes, studies, say)
            settings = tuned.settings
        judged = judge(data, seed, say, settings)
    except DataError as error:
        refused = str(error)
    say("learning the scorer from everything known")
    everyone = np.ones(len(data.timelines.account_start) - 1, bool)
    scorer = fit(data, data.timelines.cut, everyone, seed, say, settings)
    say("scoring the open leads")
    leads = open_leads(data, scorer)
    scorer = replace(scorer, card=scorer.card.with_open_scores(leads.score))
    leads = replace(leads, scorer=scorer)
    say("looking at the reasons")
    looked_at = worth_a_look(data, scorer, seed)
    faithful = faithfulness.measure(data, scorer, looked_at, seed=seed, say=say, settings=settings)
    decided = (
        undecided()
        if judged is None
        else verdict(
            judged.comparison,
            judged.by_slice,
            judged.drifts,
            faithful,
            audited,
            judged.even,
            data.project.judgement.waivers,
        )
    )
    return Findings(data, audited, tuned, judged, refused, scorer, leads, faithful, decided, seed)


def judge(data: Dataset, seed: int, say: Say = lambda _: None, settings: Settings = DEFAULTS) -> Judged:
    """Model, rules and the others on the judged period; DataError when the history allows no judgement."""
    tried = trial(data, seed, say, settings)
    met = contest(data, tried, seed)
    say("comparing model and rules: replay week by week, bootstrap over accounts")
    compared = met.compare()
    by_slice = slices(data, met, compared)
    return Judged(
        tried, met, compared, by_slice, evenness(data, met, compared), drift(data, tried, seed=seed)
    )


def open_leads(data: Dataset, scorer: Scorer) -> Assessment:
    """The leads at risk at the cut, scored as of then; best first, equal scores in the order of their ids."""
    lines = data.timelines
    now = snapshots.on_grid(lines, data.project, np.array([lines.cut], np.int64), data.horizon)
    score = scorer.assess(lines, now.lead, now.as_of).score
    best = np.lexsort((lines.lead_ids[now.lead].astype(str), -score))
    return scorer.assess(lines, now.lead[best], now.as_of[best])
