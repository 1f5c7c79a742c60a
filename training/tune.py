"""The product tunes itself: other settings for the voices, used only where they are shown to beat the default.

Everything happens in the past of one cut. Inner folds (`fit.inner_folds`) judge each setting on later snapshots
of accounts that its voices did not see. Of these accounts one half *chooses* the best of many settings and the
other half *confirms* it: the best of many is partly luck, and judged by the rows that chose it, it would beat
the default even where all are equal (the winner's curse).
"""

from __future__ import annotations

import hashlib
import math
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import optuna
import pandas as pd
from optuna.exceptions import StorageInternalError
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from lead_readiness import blend, features, rules
from lead_readiness.errors import LeadReadinessError
from lead_readiness.snapshots import Snapshots
from lead_readiness.trees import Params
from training.bootstrap import ACCOUNTS_NEEDED, DRAWS, Accounts, Figure, totals
from training.dataset import Dataset, Say
from training.fit import DEFAULTS, Lesson, Settings, inner_folds, lesson, won

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CUTS = (0.5, 0.65, 0.8)
"""Shares of the training wins before each inner cut."""
STUDIES = Path("studies.db")
"""Where the studies are kept, from the folder that holds the local store."""
OBJECTIVE = 1
"""Raised when losses mean something new, so that no study mixes two meanings."""


class Dial(NamedTuple):
    """One setting that may be turned, whole numbers where the bounds are; ``log`` searches in equal ratios."""

    name: str
    low: float
    high: float
    log: bool = False


LINEAR_DIALS = (Dial("strength", 0.001, 1.0, log=True),)
TREE_DIALS = (
    Dial("trees", 50, 600),
    Dial("rate", 0.01, 0.2, log=True),
    Dial("leaves", 4, 15),  # with more leaves, or deeper, the trees could not be explained by tables
    Dial("depth", 2, 6),
    Dial("rows_per_leaf", 20, 1000, log=True),
    Dial("wins_per_leaf", 0.5, 20.0, log=True),
    Dial("l2", 0.1, 100.0, log=True),
    Dial("features_per_tree", 0.2, 1.0),
    Dial("rows_per_tree", 0.5, 1.0),
)


class Trial(NamedTuple):
    """One setting and its log-loss on the accounts that choose; number 0 is the default."""

    number: int
    settings: Settings
    loss: float


@dataclass(frozen=True)
class Tuned:
    """The settings to train with, and why, in a sentence.

    ``default_loss`` and ``best_loss`` are log-losses per row on the accounts that chose, ``improvement`` is on
    those that confirm and None where nothing beat the default. Of a history that allows no tuning there are no
    trials, the losses are NaN and the study has no name.
    """

    settings: Settings
    words: str
    trials: tuple[Trial, ...] = ()
    default_loss: float = math.nan
    best_loss: float = math.nan
    improvement: Figure | None = None
    study_name: str = ""

    @property
    def adopted(self) -> bool:
        """Whether other settings than the default's are used."""
        return self.settings != DEFAULTS

    def frame(self) -> pd.DataFrame:
        """One row a trial: number, each setting by name, loss."""
        rows = [{"number": t.number, **named(t.settings), "loss": t.loss} for t in self.trials]
        return pd.DataFrame(rows, columns=["number", *named(DEFAULTS), "loss"])


def named(settings: Settings) -> dict[str, float]:
    """All settings by the names of their dials.

    >>> named(DEFAULTS)["strength"], named(DEFAULTS)["leaves"]
    (0.003, 15)
    """
    return {"strength": settings.strength, **asdict(settings.trees)}


def tune(
    data: Dataset,
    cut: int,
    accounts: Bools | None = None,
    seed: int = 0,
    trials: int = 40,
    minutes: float | None = None,
    storage: Path | str = STUDIES,
    say: Say = lambda _: None,
) -> Tuned:
    """The settings that the past of ``cut`` is shown to prefer to the default, or the default.

    ``cut`` is to be the first judged instant: nothing known later is used, so that a judgement from then on stays
    honest. ``trials`` counts the default, and those that the study in the SQLite file ``storage`` already has; the
    same data, cut and seed find their study again, and a stopped search goes on where it was, with the same
    settings to come. After ``minutes`` no trial is begun (the default always is). The settings of least log-loss on
    the choosing half of the accounts are used when, on the confirming half, the 95 % interval of the gain (paired
    bootstrap over accounts) lies above 0. With too few wins for that, nothing is tuned.

    Raises LeadReadinessError when the file cannot be used.
    """
    until = math.inf if minutes is None else time.monotonic() + 60 * minutes
    everyone = np.ones(len(data.timelines.account_start) - 1, bool)
    exam, lacking = Exam.of(data, cut, everyone if accounts is None else accounts, seed, say)
    if exam is None:
        return Tuned(DEFAULTS, f"nothing was tuned: {lacking}")
    with _opened(Path(storage), exam.name) as study:
        _search(study, exam, trials, until, say)
        found = _done(study)
    return _decide(exam, found, say)


@dataclass(frozen=True)
class Exam:
    """What every setting is asked: the inner folds, computed once, and the rows that judge them, one after another.

    Each fold is a lesson and the features of its judged rows; ``points``, ``y``, ``weight``, ``account`` and
    ``choosing`` have one value per judged row of all folds. ``note`` says what is special about the folds.
    """

    folds: tuple[tuple[Lesson, npt.NDArray[np.float32]], ...]
    points: Floats
    y: Floats
    weight: Floats
    account: npt.NDArray[np.int64]
    choosing: Bools
    voices: tuple[str, ...]
    seed: int
    note: str

    @classmethod
    def of(
        cls, data: Dataset, cut: int, accounts: Bools, seed: int, say: Say = lambda _: None
    ) -> tuple[Exam | None, str]:
        """The exam that can be held at the cut, or None and what is lacking for one."""
        rows, known = data.rows(cut, accounts, seed)
        rung = blend.rungs(rows.wins)
        if len(rung.voices) == 1:
            return None, rung.left_out["linear"]
        folds, note = inner_folds(data, rows, known, accounts, seed, CUTS)
        judged = Snapshots.join([fold.judged for fold in folds])
        account = known.account[judged.lead].astype(np.int64)
        y, choosing = won(judged), (data.account_folds(20) < 10)[account]
        for what, half in (("choose", choosing), ("confirm", ~choosing)):
            winning = len(np.unique(account[half & (y > 0)]))
            if winning < ACCOUNTS_NEEDED:
                return None, f"{winning} accounts with a win to {what} by; {ACCOUNTS_NEEDED} needed"
        prepared = []
        for number, fold in enumerate(folds, 1):
            say(f"tuning: features of fold {number} of {len(folds)}")
            taught = lesson(data, fold.then, fold.rows, seed)
            x = features.compute(taught.catalogue, known, fold.judged.lead, fold.judged.as_of)
            prepared.append((taught, x))
        points = rules.replay(data.book, known, judged.lead, judged.as_of).points
        said = "; ".join(filter(None, (note.replace("blend fitted", "tuned"), *rung.left_out.values())))
        return cls(tuple(prepared), points, y, judged.weight, account, choosing, rung.voices, seed, said), ""

    @property
    def dials(self) -> tuple[Dial, ...]:
        """What can be turned: the trees' settings only where there are trees."""
        return LINEAR_DIALS + (TREE_DIALS if "trees" in self.voices else ())

    @cached_property
    def name(self) -> str:
        """A fingerprint of everything that decides a setting's loss, and which settings are tried."""
        rules_of_the_search = (OBJECTIVE, version("lightgbm"), self.dials, DEFAULTS, self.voices, self.seed)
        digest = hashlib.sha256(repr(rules_of_the_search).encode())
        for taught, x in self.folds:
            digest.update(taught.catalogue.fingerprint.encode())
            for array in (taught.x, taught.y, taught.weight, x):
                digest.update(np.ascontiguousarray(array).data)
        for column in (self.points, self.y, self.weight, self.choosing):
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()[:16]

    def losses(self, settings: Settings) -> Floats:
        """Each row's log-loss by voices so learned, blended with weights fitted on the choosing rows."""
        foretold = [taught.learned(self.voices, self.seed, settings).logits(x) for taught, x in self.folds]
        logits = np.column_stack([self.points, np.concatenate(foretold)])
        mine = self.choosing
        mixed = blend.fit(logits[mine], self.y[mine], self.weight[mine], self.voices, self.account[mine])
        logit = mixed.logit(logits)
        found: Floats = np.logaddexp(0, logit) - self.y * logit
        return found

    def loss(self, settings: Settings) -> float:
        """The weighted mean log-loss of the choosing rows."""
        return float(np.average(self.losses(settings)[self.choosing], weights=self.weight[self.choosing]))

    def gain(self, settings: Settings) -> Figure:
        """By how much these settings lower the default's log-loss on the accounts that confirm."""
        rest = ~self.choosing
        less = (self.losses(DEFAULTS) - self.losses(settings))[rest]
        weight = self.weight[rest]
        sums = Accounts.numbered(self.account[rest]).sums([less * weight, weight])
        drawn = totals(sums, DRAWS, self.seed, block=100)
        return Figure.of(drawn[:, 0] / drawn[:, 1])


@contextmanager
def _opened(file: Path, name: str) -> Iterator[optuna.Study]:
    """The study of that name, made with its file where there is none."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # the steps are told by ``say``
    reached = {"creator": lambda: sqlite3.connect(file, timeout=60)}  # not by the URL, which bears few paths
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        storage = RDBStorage("sqlite:///studies.db", engine_kwargs=reached)
        try:
            yield optuna.create_study(study_name=name, storage=storage, load_if_exists=True)
        finally:
            storage.remove_session()
            storage.engine.dispose()
    except (OSError, SQLAlchemyError, StorageInternalError) as error:
        raise LeadReadinessError(
            f"the tuning's studies cannot be kept in {file} ({error}); expected an SQLite file made by Optuna, or "
            "none yet in a folder that can be written: move the file away, name another or tune without trials"
        ) from None


def _search(study: optuna.Study, exam: Exam, trials: int, until: float, say: Say) -> None:
    """Complete the study's trials up to their number or the time, the default first.

    Complete trials alone are counted and seen by the sampler, which is seeded by their number: a search that was
    stopped goes on as if it had not been, whatever trial a killed process left under way.
    """
    for number in range(len(_done(study)), trials):
        if number and time.monotonic() >= until:
            break
        if not number and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            study.enqueue_trial({dial.name: named(DEFAULTS)[dial.name] for dial in exam.dials})
        entropy = np.random.SeedSequence([exam.seed, number]).generate_state(1)
        study.sampler = TPESampler(seed=int(entropy[0]), constant_liar=False)
        trial = study.ask()
        turned = {dial.name: _turned(trial, dial) for dial in exam.dials}
        study.tell(trial, exam.loss(_settings(turned)))
        losses = [done.loss for done in _done(study)]
        best, default = f"{min(losses):.5f}", f"{losses[0]:.5f}"
        say(f"tuning: trial {number + 1} of {trials}, best log-loss {best} (default {default})")


def _turned(trial: optuna.Trial, dial: Dial) -> float:
    if isinstance(dial.low, int) and isinstance(dial.high, int):
        return trial.suggest_int(dial.name, dial.low, dial.high, log=dial.log)
    return trial.suggest_float(dial.name, dial.low, dial.high, log=dial.log)


def _done(study: optuna.Study) -> tuple[Trial, ...]:
    """The complete trials in order, numbered without those that failed."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return tuple(
        Trial(n, _settings(t.params), t.value) for n, t in enumerate(complete) if t.value is not None
    )


def _settings(turned: Mapping[str, Any]) -> Settings:
    """The settings with these dials turned, the others as by default."""
    all_of_them = {**named(DEFAULTS), **turned}
    return Settings(all_of_them.pop("strength"), Params(**all_of_them))


def _decide(exam: Exam, found: tuple[Trial, ...], say: Say) -> Tuned:
    """The best trial's settings where the confirming accounts bear them out, else the default."""
    default, best = found[0], min(found, key=lambda trial: trial.loss)
    chosen, gain = DEFAULTS, None
    stay, tried = "the default settings stay", f"the best of {len(found) - 1} others"
    if len(found) == 1:
        words = f"{stay}: no others were tried"
    elif best.settings == DEFAULTS:
        words = f"{stay}: {tried} has no lower log-loss than {default.loss:.5f}"
    else:
        say("tuning: confirming the best settings on the other accounts")
        gain = exam.gain(best.settings)
        figures = (
            f"{tried} has a log-loss of {best.loss:.5f} against {default.loss:.5f} on the accounts that chose, and "
            f"gains {gain.value:.5f} on the others (95 % interval {gain.low:.5f} to {gain.high:.5f})"
        )
        words = f"{stay}: {figures}, which is not shown to be more than chance"
        if gain.low > 0:
            chosen, words = best.settings, f"tuned settings are used ({_listed(exam, best)}): {figures}"
    words += f"; {exam.note}" if exam.note else ""
    return Tuned(chosen, words, found, default.loss, best.loss, gain, exam.name)


def _listed(exam: Exam, trial: Trial) -> str:
    values = named(trial.settings)
    return ", ".join(f"{dial.name.replace('_', ' ')} {values[dial.name]:.3g}" for dial in exam.dials)
