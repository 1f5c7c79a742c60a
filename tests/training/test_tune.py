"""Tuning: which settings are tried, what may decide between them, and what a stopped search loses."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import fields, replace
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from histories import day
from leaky_company import CUT, FUTURES, company
from trained import dataset_of, everyone, with_wins

from lead_readiness.errors import LeadReadinessError
from lead_readiness.trees import Params
from training.bootstrap import Figure
from training.fit import DEFAULTS, Settings
from training.tune import LINEAR_DIALS, TREE_DIALS, Exam, Tuned, named, tune

LEADS = company(600)
DATA = dataset_of(LEADS)
LATER = day(200)
"""A cut with wins enough for the linear voice."""


def tuned(folder: Path, trials: int = 4, data=DATA, cut: int = LATER, **options) -> Tuned:
    return tune(data, cut, trials=trials, storage=folder / "studies.db", **options)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """Four trials of the linear voice alone, never interrupted."""
    return tuned(tmp_path_factory.mktemp("first"))


def middling(_: Exam, settings: Settings) -> float:
    """A loss that costs nothing, least in the middle of every dial."""
    turned = named(settings)
    return sum((turned[dial.name] / (dial.low + dial.high) - 0.5) ** 2 for dial in LINEAR_DIALS + TREE_DIALS)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exam, "loss", middling)
    monkeypatch.setattr(Exam, "gain", lambda *_: Figure(0.002, 0.001, 0.003))


@pytest.fixture
def whole(cheap: None, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """Cheap trials enough for the sampler to have learned from the first ten, never interrupted."""
    return tuned(tmp_path_factory.mktemp("whole"), 12)


@cache
def exam() -> Exam:
    made, lacking = Exam.of(DATA, LATER, everyone(DATA), 0)
    assert made is not None and lacking == ""
    return made


# What is tried


def test_the_first_trial_is_the_default(first: Tuned) -> None:
    assert first.trials[0].settings == DEFAULTS
    assert first.default_loss == first.trials[0].loss == exam().loss(DEFAULTS)
    assert first.best_loss == min(trial.loss for trial in first.trials)


def test_without_trees_the_linear_voice_alone_is_tuned(first: Tuned) -> None:
    assert {trial.settings.trees for trial in first.trials} == {Params()}
    assert len({trial.settings.strength for trial in first.trials}) == 4
    assert first.words.endswith("; 71 wins; 120 needed for the trees")


def test_every_setting_has_a_dial_around_its_default() -> None:
    dials = {dial.name: dial for dial in LINEAR_DIALS + TREE_DIALS}
    assert set(dials) == {"strength", *(field.name for field in fields(Params))}
    assert all(dials[name].low <= value <= dials[name].high for name, value in named(DEFAULTS).items())
    assert (dials["leaves"].high, dials["depth"].high) == (15, 6)


def test_with_trees_all_is_tuned(tmp_path: Path, cheap: None) -> None:
    found = tuned(tmp_path, 3, cut=DATA.timelines.cut)
    assert all(len({named(trial.settings)[dial.name] for trial in found.trials}) > 1 for dial in TREE_DIALS)
    assert found.trials[0].settings == DEFAULTS and found.settings != DEFAULTS


@pytest.mark.slow
def test_the_trees_are_grown_as_each_trial_says(tmp_path: Path) -> None:
    found = tuned(tmp_path, 3, cut=DATA.timelines.cut)
    made, _ = Exam.of(DATA, DATA.timelines.cut, everyone(DATA), 0)
    assert made is not None
    assert [made.loss(trial.settings) for trial in found.trials] == [trial.loss for trial in found.trials]
    assert len({trial.loss for trial in found.trials}) == 3


def test_the_trials_are_a_table(first: Tuned) -> None:
    table = first.frame()
    assert table.columns.tolist() == ["number", *named(DEFAULTS), "loss"]
    assert table["number"].tolist() == [0, 1, 2, 3]
    assert table["loss"].tolist() == [trial.loss for trial in first.trials]


def test_each_trial_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    found = tuned(tmp_path, 1, say=told.append)
    loss = f"{found.default_loss:.5f}"
    assert told == [
        *(f"tuning: features of fold {fold} of 4" for fold in (1, 2, 3, 4)),
        f"tuning: trial 1 of 1, best log-loss {loss} (default {loss})",
    ]
    assert found.words.startswith("the default settings stay: no others were tried; ")


# What may decide


@pytest.mark.parametrize("future", FUTURES)
def test_what_comes_after_the_cut_changes_nothing(future: str) -> None:
    changed = dataset_of(FUTURES[future](LEADS, LATER + 1))
    made, _ = Exam.of(changed, LATER, everyone(changed), 0)
    assert made is not None and made.name == exam().name


def test_the_accounts_that_confirm_do_not_choose() -> None:
    turned = replace(exam(), y=np.where(exam().choosing, exam().y, 1 - exam().y))
    assert turned.loss(DEFAULTS) == exam().loss(DEFAULTS)
    other = Settings(strength=0.3)
    assert turned.gain(other) != exam().gain(other)
    halves = [set(exam().account[half]) for half in (exam().choosing, ~exam().choosing)]
    assert not halves[0] & halves[1] and min(map(len, halves)) > 50


def test_the_default_gains_nothing_on_itself() -> None:
    assert exam().gain(DEFAULTS) == Figure(0, 0, 0)


@pytest.mark.parametrize(
    ("low", "adopted", "words"),
    [
        (0.0001, True, r"tuned settings are used \(strength 0\.\d+\): the best of 3 others has a log-loss of "),
        (-0.0001, False, r"the default settings stay: the best of 3 others has .* not shown to be more than chance"),
        (float("nan"), False, "the default settings stay: "),
    ],
)  # fmt: skip
def test_only_a_confirmed_gain_is_used(
    low: float, adopted: bool, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Exam, "gain", lambda *_: Figure(0.002, low, 0.004))
    monkeypatch.setattr(Exam, "loss", lambda _, settings: abs(settings.strength - 0.5))
    found = tuned(tmp_path)
    best = min(found.trials, key=lambda trial: trial.loss)
    assert best.number > 0 and found.settings == (best.settings if adopted else DEFAULTS)
    assert found.adopted is adopted and found.improvement is not None
    assert re.match(words, found.words)


def test_a_default_that_nothing_beats_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exam, "loss", lambda _, settings: 0.5 + (settings != DEFAULTS))
    found = tuned(tmp_path)
    assert (found.settings, found.improvement) == (DEFAULTS, None)
    assert found.words.startswith(
        "the default settings stay: the best of 3 others has no lower log-loss than 0.50000"
    )


@pytest.mark.parametrize(
    ("data", "cut", "words"),
    [
        (DATA, day(3), "0 wins; 40 needed for the linear voice"),
        (DATA, CUT, "30 wins; 40 needed for the linear voice"),
        (with_wins(DATA, 40), DATA.timelines.cut, "17 accounts with a win to choose by; 20 needed"),
    ],
)  # fmt: skip
def test_with_few_wins_nothing_is_tuned(data, cut: int, words: str, tmp_path: Path) -> None:
    found = tuned(tmp_path, data=data, cut=cut)
    assert found.words == f"nothing was tuned: {words}"
    assert (found.settings, found.trials, found.study_name) == (DEFAULTS, (), "")
    assert len(found.frame()) == 0 and not list(tmp_path.iterdir())


# A stopped search


def test_the_same_again_costs_no_trial(first: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tuned(tmp_path) == first
    monkeypatch.setattr(Exam, "loss", lambda *_: pytest.fail("no trial was missing"))
    assert tuned(tmp_path) == first


@pytest.mark.parametrize("at", [0, 10])
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(
    at: int, whole: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[Settings]()

    def interrupted(self: Exam, settings: Settings) -> float:
        asked.append(settings)
        if len(asked) == at + 1:
            raise KeyboardInterrupt
        return middling(self, settings)

    monkeypatch.setattr(Exam, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path, 12)
    assert tuned(tmp_path, 12) == whole
    assert len(asked) == 13 and asked[at] == asked[at + 1]


KILLED = """
import os, signal, sys
from pathlib import Path
from histories import day
from leaky_company import company
from trained import dataset_of
from training.tune import Exam, tune
real, asked = Exam.loss, []
def killed(self, settings):
    asked.append(settings)
    if len(asked) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, settings)
Exam.loss = killed
tune(dataset_of(company(600)), day(200), trials=4, storage=Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_killed_search_goes_on_too(first: Tuned, tmp_path: Path) -> None:
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-c", KILLED, str(tmp_path / "studies.db")]
    environment = {**os.environ, "PYTHONPATH": str(tests)}
    ran = subprocess.run(command, env=environment, cwd=tests.parent, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (-signal.SIGKILL, "", "")
    assert tuned(tmp_path) == first


def test_more_trials_go_on_where_fewer_ended(whole: Tuned, tmp_path: Path) -> None:
    assert tuned(tmp_path, 11).trials == whole.trials[:11]
    assert tuned(tmp_path, 12) == whole


@pytest.mark.parametrize(("minutes", "trials"), [(0, 1), (2.5, 3), (None, 6)])
def test_no_trial_is_begun_after_the_time(
    minutes: float | None, trials: int, tmp_path: Path, cheap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    minute = count(step=60)
    monkeypatch.setattr("training.tune.time.monotonic", lambda: next(minute))
    assert len(tuned(tmp_path, 6, minutes=minutes).trials) == trials


def test_another_seed_is_another_study_in_the_same_file(tmp_path: Path, cheap: None) -> None:
    found, other = tuned(tmp_path), tuned(tmp_path, seed=1)
    assert found.study_name != other.study_name and found.trials[1:] != other.trials[1:]
    assert tuned(tmp_path) == found


def test_any_folder_will_do(tmp_path: Path, cheap: None) -> None:
    folder = tmp_path / "made" / "50 % {of} it? #1"
    assert len(tuned(folder, 1).trials) == 1
    assert [path.name for path in folder.iterdir()] == ["studies.db"]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "studies.db").write_text(
        "no database at all, but a long enough text\n" * 200, encoding="utf-8"
    )
    with pytest.raises(LeadReadinessError) as refused:
        tuned(tmp_path)
    found = str(refused.value)
    assert found.startswith(f"the tuning's studies cannot be kept in {tmp_path / 'studies.db'} (")
    assert found.endswith("move the file away, name another or tune without trials")
