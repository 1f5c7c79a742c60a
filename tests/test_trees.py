"""The trees' contributions are LightGBM's own, to the last bit the same in any batch, and keep their directions."""

import builtins
import itertools
import subprocess
import sys
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_readiness import trees
from lead_readiness.errors import DataError, LeadReadinessError, ModelError
from lead_readiness.treeshap.model import parse

UP = np.array([1, -1, 0, 0, 0, 0], np.int8)
NAMES = [f"feature {place}" for place in range(6)]


def leads(n: int, seed: int, distinct: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Six features (the last constant), of which four matter; ``distinct`` rounds them to few values."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    X[:, 5] = 1.0
    if distinct:
        X = np.round(X * distinct) / distinct
    logit = X[:, 0] - X[:, 1] + X[:, 2] * (X[:, 3] > 0) - 1
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    y[:2] = 0, 1
    return X.astype(np.float32), y, rng.choice([0.125, 0.5, 1.0], n)


def grown(X: np.ndarray, y: np.ndarray, rounds: int = 8, **settings: Any) -> lightgbm.Booster:
    usual = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "max_depth": 6}
    return lightgbm.train(usual | settings, lightgbm.Dataset(X, y, free_raw_data=False), rounds)


def at_thresholds(booster: lightgbm.Booster, X: np.ndarray) -> np.ndarray:
    """Rows moved onto, just below and just above each threshold of the model."""
    rows = [X[0]]
    for leaf in itertools.chain(*parse(booster.model_to_string()).trees):
        for feature, threshold, _, _ in leaf.path:
            nearest = np.float32(threshold)
            for value in (
                np.nextafter(nearest, np.float32(-9)),
                nearest,
                np.nextafter(nearest, np.float32(9)),
            ):
                rows.append(X[len(rows) % len(X)].copy())
                rows[-1][feature] = value
    return np.unique(rows, axis=0)


def assert_as_lightgbm(booster: lightgbm.Booster, X: np.ndarray) -> None:
    base, phi = trees.Trees.from_text(booster.model_to_string()).contributions(X)
    theirs = booster.predict(X, pred_contrib=True)
    np.testing.assert_allclose(phi, theirs[:, :-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(base, theirs[0, -1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(base + phi.sum(axis=1), booster.predict(X, raw_score=True), rtol=0, atol=1e-12)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    leaves=st.integers(2, 40),
    depth=st.integers(1, 8),
    features=st.integers(1, 6),
    distinct=st.sampled_from([0, 1, 3]),
    method=st.sampled_from([None, "basic", "intermediate", "advanced"]),
)
def test_contributions_are_lightgbms(
    seed: int, leaves: int, depth: int, features: int, distinct: int, method: str | None
) -> None:
    X, y, _ = leads(400, seed, distinct)
    X = X[:, :features]
    monotone = {"monotone_constraints": UP[:features].tolist(), "monotone_constraints_method": method}
    booster = grown(X, y, num_leaves=leaves, max_depth=depth, **(monotone if method else {}))
    assert_as_lightgbm(booster, X)
    assert_as_lightgbm(booster, at_thresholds(booster, X))


def test_one_feature_asked_again_and_again_counts_once() -> None:
    X, y, _ = leads(3000, 1)
    assert_as_lightgbm(grown(X[:, :1], y, num_leaves=31, max_depth=8, rounds=30), X[:, :1])


@pytest.mark.parametrize(
    "settings",
    [{"min_data_in_leaf": 10_000}, {"min_gain_to_split": 1e9}],
    ids=["no leaf large enough", "no gain large enough"],
)
def test_trees_that_never_split_say_the_same_of_everyone(settings: dict[str, float]) -> None:
    X, y, _ = leads(300, 2)
    booster = grown(X, y, 3, **settings)
    base, phi = trees.Trees.from_text(booster.model_to_string()).contributions(X)
    assert not phi.any()
    np.testing.assert_allclose(base, booster.predict(X, raw_score=True), rtol=0, atol=1e-12)


@pytest.fixture(scope="module")
def voice() -> trees.Trees:
    X, y, weight = leads(4000, 3)
    return trees.fit(X, y, weight, UP, NAMES, seed=7, params=trees.Params(trees=60, rows_per_leaf=40))


def test_a_row_is_the_same_alone_in_any_batch_in_any_order_on_any_threads(voice: trees.Trees) -> None:
    X, _, _ = leads(3 * trees.CHUNK + 77, 4)
    _, phi = voice.contributions(X)
    order = np.random.default_rng(5).permutation(len(X))
    assert (voice.contributions(X[order])[1] == phi[order]).all()
    for threads in (1, 2, 5):
        assert (voice.contributions(X, threads)[1] == phi).all()
    for size in (1, 2, trees.FEW, trees.FEW + 1, 300):
        assert (voice.contributions(X[:size])[1] == phi[:size]).all()
    assert (voice.contributions(np.asfortranarray(X))[1] == phi).all()


def test_no_rows_give_no_contributions(voice: trees.Trees) -> None:
    assert voice.contributions(np.empty((0, 6), np.float32))[1].shape == (0, 6)


def test_the_text_gives_the_voice_back_and_lightgbm_reads_it_too(voice: trees.Trees) -> None:
    X, _, _ = leads(500, 6)
    base, phi = voice.contributions(X)
    again = trees.Trees.from_text(voice.text)
    assert again.contributions(X)[0] == base
    assert (again.contributions(X)[1] == phi).all()
    theirs = lightgbm.Booster(model_str=voice.text).predict(X, raw_score=True)
    np.testing.assert_allclose(base + phi.sum(axis=1), theirs, rtol=0, atol=1e-12)


def test_the_same_seed_gives_the_same_text_on_any_number_of_threads() -> None:
    X, y, weight = leads(1000, 8)
    few = trees.Params(trees=4)
    texts = {trees.fit(X, y, weight, UP, NAMES, 3, few, threads).text for threads in (1, 2)}
    assert len(texts) == 1
    assert trees.fit(X, y, weight, UP, NAMES, 4, few).text not in texts


@given(row=st.lists(st.floats(-3, 3, width=32), min_size=6, max_size=6), more=st.floats(0, 4, width=32))
def test_more_of_a_feature_never_moves_the_logit_against_its_direction(
    voice: trees.Trees, row: list[float], more: float
) -> None:
    for feature, direction in ((0, 1), (1, -1)):
        X = np.array([row, row], np.float32)
        X[1, feature] += np.float32(more)
        before, after = voice.contributions(X)[1].sum(axis=1)
        assert (after - before) * direction >= -1e-12


def test_a_lead_with_eight_snapshots_counts_once() -> None:
    """The mean logit follows the weights: 1/8 for each of eight rows is one row."""
    X, y, _ = leads(1000, 9)
    won = y == 1
    stump = trees.Params(trees=1, leaves=2, rows_per_leaf=10_000, rows_per_tree=1.0)
    repeated = np.concatenate([X, *[X[won]] * 7]), np.concatenate([y, *[y[won]] * 7])
    weight = np.where(repeated[1] == 1, 1 / 8, 1.0)
    once = trees.fit(X, y, np.ones(len(y)), UP, NAMES, params=stump)
    eightfold = trees.fit(*repeated, weight, UP, NAMES, params=stump)
    assert eightfold.base == pytest.approx(once.base, abs=0.02)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            np.zeros((2, 5), np.float32),
            r"of shape \(2, 5\), NaN: False; expected float32 of shape \(rows, 6\)",
        ),
        (np.zeros(6, np.float32), r"of shape \(6,\)"),
        (np.zeros((2, 6)), "given float64 features"),
        (np.full((2, 6), np.nan, np.float32), "NaN: True"),
    ],
)
def test_other_features_are_refused(voice: trees.Trees, X: np.ndarray, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        voice.contributions(X)


def without_lightgbm(name: str, *rest: Any) -> Any:
    if name == "lightgbm":
        raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")
    return IMPORT(name, *rest)


IMPORT = builtins.__import__


def test_a_missing_openmp_runtime_is_one_line(voice: trees.Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "__import__", without_lightgbm)
    with pytest.raises(
        LeadReadinessError, match=r"libgomp\.so\.1.*install the system package libgomp1"
    ) as caught:
        trees.fit(*leads(100, 10), UP, NAMES)
    assert "\n" not in str(caught.value)
    assert trees.Trees.from_text(voice.text).base == voice.base


@pytest.mark.parametrize("module", ["lightgbm", "sklearn", "scipy.optimize"])
def test_scoring_needs_nothing_that_learns(module: str) -> None:
    code = f"import sys, lead_readiness.scorer; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_class_is_refused() -> None:
    X, y, weight = leads(100, 11)
    with pytest.raises(DataError, match="found 100 rows, 0 of them won; expected some won and some not"):
        trees.fit(X, np.zeros_like(y), weight, UP, NAMES)
