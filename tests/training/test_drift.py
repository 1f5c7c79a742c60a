"""The stability index: nothing moves where nothing does, and a moved population is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from leaky_company import company
from trained import dataset_of

from training.judgement import judge
from training.judgement.drift import drift, psi

DATA = dataset_of(company(300))


@pytest.fixture(scope="module")
def trial() -> judge.Trial:
    return judge.trial(DATA, seed=0)


@pytest.mark.parametrize(
    ("expected", "actual", "index"),
    [([1, 1], [1, 1], 0.0), ([1, 3], [10, 30], 0.0), ([1, 1], [3, 1], 0.25 * np.log(1.5) + 0.25 * np.log(2)),
     ([1, 1], [1, 0], 0.5 * np.log(2) + (0.5 - 1e-4) * np.log(0.5 / 1e-4))],
)  # fmt: skip
def test_the_index_by_hand(expected: list[float], actual: list[float], index: float) -> None:
    assert psi(np.array(expected, float), np.array(actual, float)) == pytest.approx(index)


def test_an_empty_side_has_no_index() -> None:
    found = psi(np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 1.0]]))
    assert found[0] == 0 and np.isnan(found[1])


def test_every_window_is_compared_with_the_time_before_it(trial: judge.Trial) -> None:
    found = drift(DATA, trial, draws=100)
    assert [each.cut for each in found] == list(trial.cuts)
    assert all(0 <= each.low <= each.high and each.value < 0.3 for each in found)


def test_moved_scores_are_seen_in_their_window_alone(trial: judge.Trial) -> None:
    score = trial.score["model"] + np.where(trial.origin == 1, np.ptp(trial.score["model"]), 0.0)
    moved = drift(DATA, replace(trial, score={**trial.score, "model": score}), draws=20)
    still = drift(DATA, trial, draws=20)
    assert moved[1].value > 1 and (moved[0], moved[2]) == (still[0], still[2])


def test_a_window_with_nothing_before_it_is_left_out(trial: judge.Trial) -> None:
    later = trial.before_origin > 0
    cut_off = replace(
        trial,
        before=trial.before[later],
        before_origin=trial.before_origin[later],
        before_score=trial.before_score[later],
    )
    assert [each.cut for each in drift(DATA, cut_off, draws=2)] == list(trial.cuts[1:])
