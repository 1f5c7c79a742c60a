"""Measures against scikit-learn's, on ties, on weights as repeated rows, and where nothing can be said."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from training import metrics
from training.metrics import Floats

ALL = (
    metrics.roc_auc,
    metrics.average_precision,
    metrics.brier_skill,
    metrics.observed_expected,
    metrics.calibration_error,
    metrics.calibration,
)
each = pytest.mark.parametrize("measure", ALL, ids=lambda m: m.__name__)
Measure = Callable[[Floats, Floats, Floats], Floats]


def sample(seed: int, rows: int = 400, draws: int = 3) -> tuple[Floats, Floats, Floats]:
    """Outcomes of over-confident probabilities on a grid, so that some are tied, and weights with zeros."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1, 1.5, rows).round(1)
    y = (rng.random(rows) < 1 / (1 + np.exp(-0.6 * logit))).astype(float)
    return y, 1 / (1 + np.exp(-logit)), rng.integers(0, 4, (draws, rows)) * rng.choice([0.25, 1.0], rows)


@pytest.mark.parametrize("seed", range(5))
def test_ranking_is_that_of_scikit_learn(seed: int) -> None:
    y, p, weights = sample(seed)
    auc = [roc_auc_score(y, p, sample_weight=w) for w in weights]
    precision = [average_precision_score(y, p, sample_weight=w) for w in weights]
    assert metrics.roc_auc(y, p, weights) == pytest.approx(auc, abs=1e-12)
    assert metrics.average_precision(y, p, weights) == pytest.approx(precision, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_brier_skill_is_that_of_scikit_learn_against_the_weighted_base_rate(seed: int) -> None:
    y, p, weights = sample(seed)
    expected = []
    for w in weights:
        base = np.full(len(y), np.average(y, weights=w))
        expected.append(
            1 - brier_score_loss(y, p, sample_weight=w) / brier_score_loss(y, base, sample_weight=w)
        )
    assert metrics.brier_skill(y, p, weights) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_calibration_is_the_unpenalised_regression_on_the_logit(seed: int) -> None:
    y, p, weights = sample(seed)
    logit = np.log(p / (1 - p))[:, None]
    for w, (slope, intercept) in zip(weights, metrics.calibration(y, p, weights)):
        fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit, y, sample_weight=w)
        assert (slope, intercept) == pytest.approx((fit.coef_[0, 0], fit.intercept_[0]), abs=1e-4)


def test_rounding_logits_for_the_calibration_changes_nothing_a_reader_sees() -> None:
    rng = np.random.default_rng(1)
    logit = rng.normal(-3, 1, 2000)
    y, p = (rng.random(2000) < 1 / (1 + np.exp(-logit))).astype(float), 1 / (1 + np.exp(-logit))
    fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit[:, None], y)
    assert metrics.calibration(y, p, np.ones(2000))[0] == pytest.approx(
        (fit.coef_[0, 0], fit.intercept_[0]), abs=1e-4
    )


@pytest.mark.parametrize(
    ("probability", "expected"),
    [([0.5, 0.5, 0.5, 0.5], 1.0), ([0.25, 0.25, 0.25, 0.25], 2.0), ([1.0, 1.0, 1.0, 1.0], 0.5)],
)
def test_observed_over_expected(probability: list[float], expected: float) -> None:
    assert metrics.observed_expected([0, 1, 1, 0], probability, np.ones(4)) == pytest.approx(expected)


def test_calibration_error_by_hand() -> None:
    # ten bins of two rows each: |0 - .1|, |1 - .1|, ... /2 rows; only the first two bins are off
    p = np.repeat(np.arange(10) / 10 + 0.05, 2)
    y = np.array([0, 1] + [0, 0] + [0, 0] * 4 + [1, 1] * 4)
    gaps = [1 - 0.1, 0.3] + [2 * p[2 * k] for k in range(2, 6)] + [2 - 2 * p[2 * k] for k in range(6, 10)]
    assert metrics.calibration_error(y, p, np.ones(20)) == pytest.approx(sum(gaps) / 20)


@each
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 9), st.integers(0, 3)),
        min_size=1,
        max_size=25,
    )
)
def test_a_weight_is_so_many_equal_rows_in_any_order(
    measure: Measure, rows: list[tuple[bool, int, int]]
) -> None:
    y = np.array([r[0] for r in rows], float)
    p = np.array([r[1] for r in rows]) / 10
    times = np.array([r[2] for r in rows])
    shuffled = np.random.default_rng(len(rows)).permutation(times.sum())
    many_y, many_p = np.repeat(y, times)[shuffled], np.repeat(p, times)[shuffled]
    repeated = measure(many_y, many_p, np.ones(len(many_y)))
    assert measure(y, p, times) == pytest.approx(repeated, abs=1e-6, nan_ok=True)


@each
def test_a_draw_is_the_same_alone_and_among_others(measure: Measure) -> None:
    y, p, weights = sample(3, draws=6)
    together = measure(y, p, weights)
    assert together == pytest.approx(np.concatenate([measure(y, p, w) for w in weights]), abs=1e-9)


@each
@pytest.mark.parametrize(
    ("y", "weights"),
    [([], []), ([0, 1], [0, 0])],
    ids=["no rows", "no weight"],
)
def test_nothing_to_measure_is_nan(measure: Measure, y: list[int], weights: list[int]) -> None:
    assert np.isnan(
        measure(np.array(y, float), np.linspace(0.2, 0.8, len(y)), np.array(weights, float))
    ).all()


@pytest.mark.parametrize("measure", [metrics.roc_auc, metrics.brier_skill, metrics.calibration])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_one_class_is_nan(measure: Measure, y: float) -> None:
    assert np.isnan(measure(np.full(4, y), np.array([0.1, 0.2, 0.3, 0.4]), np.ones(4))).all()


@pytest.mark.parametrize(
    ("y", "p"),
    [([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]), ([0, 0, 1, 1], [0.1, 0.2, 0.2, 0.4]), ([0, 1, 0, 1], [0.2] * 4)],
    ids=["separated", "nearly separated", "one probability"],
)
def test_calibration_without_a_finite_answer_is_nan(y: list[int], p: list[float]) -> None:
    assert np.isnan(metrics.calibration(y, p, np.ones(4))).all()


def test_probabilities_of_0_and_1_are_taken() -> None:
    slope, intercept = metrics.calibration([0, 1, 0, 1], [0.0, 0.0, 1.0, 1.0], np.ones(4))[0]
    assert (slope, intercept) == pytest.approx((0, 0), abs=1e-9)


def test_a_missing_score_is_below_every_other() -> None:
    y, score = [1, 0, 1, 0], np.array([np.nan, 2.0, 3.0, np.nan])
    assert metrics.roc_auc(y, score, np.ones(4)) == metrics.roc_auc(y, [0, 2, 3, 0], np.ones(4))
