"""The linear voice: scikit-learn's minimum where nothing binds, the vocabulary's directions where they do."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lead_readiness import linear
from lead_readiness.errors import DataError, ModelError

FREE = np.zeros(5, np.int8)
NAMES = ["views", "days since", "flag", "opt-outs", "always 3"]


def leads(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A count that helps, a recency and a flag that matter, opt-outs that harm, a constant."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [
            rng.poisson(rng.gamma(0.5, 4, n)),
            rng.exponential(30, n),
            rng.random(n) < 0.3,
            rng.poisson(0.3, n),
            np.full(n, 3.0),
        ]
    )
    logit = -1 + np.log1p(X[:, 0]) - 0.4 * np.log1p(X[:, 1]) + X[:, 2] - X[:, 3]
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    return X.astype(np.float32), y, rng.choice([0.125, 0.5, 1.0], n)


def logit(voice: linear.Linear, X: np.ndarray) -> np.ndarray:
    base, phi = voice.contributions(X)
    return base + phi.sum(axis=1)


@pytest.fixture(scope="module")
def voice() -> linear.Linear:
    return linear.fit(*leads(3000, 1), FREE, NAMES)


@pytest.mark.parametrize("strength", [0.01, 0.1, 10.0])
def test_without_directions_it_is_scikit_learns_minimum(strength: float) -> None:
    X, y, weight = leads(2000, 2)
    voice = linear.fit(X, y, weight, FREE, NAMES, strength)
    Z = np.clip(X.astype(float), voice.low, voice.high)
    Z[:, voice.logarithm] = np.log1p(Z[:, voice.logarithm])
    Z = (Z - np.average(Z, 0, weight))[:, :4]
    Z /= np.sqrt(np.average(Z**2, 0, weight))
    theirs = LogisticRegression(C=strength, tol=1e-10, max_iter=1000).fit(Z, y, sample_weight=weight)
    np.testing.assert_allclose(logit(voice, X), theirs.decision_function(Z), rtol=0, atol=1e-5)
    assert float(voice.intercept) == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_heavy_tails_are_taken_as_logarithms_and_flags_as_they_are(voice: linear.Linear) -> None:
    assert voice.logarithm.tolist() == [True, True, False, True, True]
    assert (voice.low[2], voice.high[2]) == (0, 1)


def test_beyond_the_training_range_nothing_changes(voice: linear.Linear) -> None:
    X = np.array([[voice.high[0], 1, 0, 0, 3], [1e9, 1, 0, 0, 3], [np.inf, 1, 0, 0, 3]], np.float32)
    assert len(set(logit(voice, X))) == 1


def test_an_event_in_one_lead_of_a_thousand_is_still_heard() -> None:
    X, y, weight = leads(4000, 3)
    X[:4, 3], X[4:, 3], y[:4] = [1, 2, 1, 1], 0, 1
    voice = linear.fit(X, y, weight, FREE, NAMES)
    assert (voice.low[3], voice.high[3]) == (0, 2)
    assert voice.beta[3] > 0


def test_a_column_that_never_varies_says_nothing(voice: linear.Linear) -> None:
    X, _, _ = leads(50, 4)
    X[:, 4] = np.linspace(0, 9, 50)
    assert not voice.contributions(X)[1][:, 4].any()


@pytest.mark.parametrize(
    ("directions", "at_zero"),
    [([1, -1, 1, -1, 0], [4]), ([-1, 1, -1, 1, 1], [0, 1, 2, 3, 4]), ([-1, 0, 0, 0, 0], [0, 4])],
    ids=["as the data", "against the data", "one against the data"],
)
def test_a_coefficient_keeps_to_its_direction(directions: list[int], at_zero: list[int]) -> None:
    way = np.array(directions, np.int8)
    voice = linear.fit(*leads(3000, 5), way, NAMES)
    assert (voice.beta * way >= 0).all()
    assert np.flatnonzero(voice.beta == 0).tolist() == at_zero


@given(row=st.lists(st.floats(-50, 500, width=32), min_size=5, max_size=5), more=st.floats(0, 1e6, width=32))
def test_more_of_a_feature_never_moves_the_logit_against_its_direction(row: list[float], more: float) -> None:
    for feature, direction in ((0, 1), (1, -1), (3, -1)):
        X = np.array([row, row], np.float32)
        X[1, feature] += np.float32(more)
        before, after = DIRECTED.contributions(X)[1][:, feature]
        assert (after - before) * direction >= 0


DIRECTED = linear.fit(*leads(2000, 6), np.array([1, -1, 0, -1, 0], np.int8), NAMES)


def test_a_row_is_the_same_alone_in_any_batch_in_any_order(voice: linear.Linear) -> None:
    X, _, _ = leads(1003, 7)
    _, phi = voice.contributions(X)
    order = np.random.default_rng(8).permutation(len(X))
    assert (voice.contributions(X[order])[1] == phi[order]).all()
    assert (voice.contributions(np.asfortranarray(X))[1] == phi).all()
    assert all((voice.contributions(X[row : row + 1])[1] == phi[row]).all() for row in range(100))
    assert all((voice.contributions(X[row : row + 7])[1] == phi[row : row + 7]).all() for row in range(100))


def test_contributions_average_to_nothing_over_the_training_rows() -> None:
    X, y, weight = leads(1000, 9)
    _, phi = linear.fit(X, y, weight, FREE, NAMES).contributions(X)
    np.testing.assert_allclose(np.average(phi, 0, weight), 0, atol=1e-12)


def test_a_saved_voice_says_the_same(voice: linear.Linear) -> None:
    X, _, _ = leads(100, 10)
    file = io.BytesIO()
    np.savez(file, **voice.arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        again = linear.Linear.from_arrays(arrays)
    assert (logit(again, X) == logit(voice, X)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": None}, "has no 'mean'"),
        (
            {"mean": np.zeros(4)},
            r"'mean' has shape \(4,\) or holds NaN; expected finite numbers of shape \(5,\)",
        ),
        ({"beta": np.full(5, np.nan)}, "'beta' has shape"),
        ({"intercept": np.zeros(1)}, r"'intercept' has shape \(1,\).*of shape \(\)"),
    ],
)
def test_a_broken_file_is_refused(
    voice: linear.Linear, change: dict[str, np.ndarray | None], message: str
) -> None:
    arrays = {name: array for name, array in (voice.arrays() | change).items() if array is not None}
    with pytest.raises(ModelError, match=message):
        linear.Linear.from_arrays(arrays)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((2, 4), np.float32), r"shape \(2, 4\), NaN: False; expected shape \(rows, 5\)"),
        (np.full((2, 5), np.nan, np.float32), "NaN: True"),
    ],
)
def test_other_features_are_refused(voice: linear.Linear, X: np.ndarray, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        voice.contributions(X)


def test_the_strength_is_the_best_on_held_out_accounts() -> None:
    X, y, weight = leads(400, 11)
    accounts = np.arange(400) // 3
    noise = np.random.default_rng(0).normal(size=(400, 60)).astype(np.float32)
    wide, names = np.hstack([noise, X[:, 4:]]), [*(f"noise {n}" for n in range(60)), "always 3"]
    none = np.zeros(61, np.int8)
    assert linear.choose_strength(wide, y, weight, none, names, accounts) == min(linear.STRENGTHS)
    assert linear.choose_strength(X, y, weight, FREE, NAMES, accounts) > min(linear.STRENGTHS)


def test_too_few_accounts_for_a_strength_are_refused() -> None:
    X, y, weight = leads(30, 13)
    with pytest.raises(DataError, match=r"found 1 groups of rows.*give `strength` instead"):
        linear.choose_strength(X, y, weight, FREE, NAMES, np.zeros(30))


def changed(place: int, value: object) -> tuple[np.ndarray, ...]:
    rows = [*leads(20, 14), FREE]
    rows[1][:2] = 0, 1
    rows[place] = value(rows[place]) if callable(value) else value
    return tuple(rows)


def spoilt(array: np.ndarray, value: float) -> np.ndarray:
    array.flat[7] = value
    return array


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            changed(0, lambda X: spoilt(X, np.nan)),
            "feature 'flag', row 1: found nan; expected a finite number",
        ),
        (changed(0, lambda X: spoilt(X, np.inf)), "feature 'flag', row 1: found inf"),
        (changed(1, np.ones(20)), "found 20 rows, 20 of them won; expected some won and some not"),
        (changed(1, lambda y: spoilt(y, 0.5)), "labels other than 0 and 1; leave censored snapshots out"),
        (changed(1, lambda y: spoilt(y, np.nan)), "labels other than 0 and 1"),
        (changed(1, np.zeros(0)), r"labels \(0,\)"),
        (changed(2, lambda w: spoilt(w, 0.0)), "a weight that is not a positive number; expected 1/m"),
        (
            changed(3, np.zeros(4, np.int8)),
            r"directions \(4,\); expected .* one direction for each of 5 names",
        ),
    ],
)
def test_rows_that_teach_nothing_are_refused(rows: tuple[np.ndarray, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        linear.fit(*rows, NAMES)
