"""Reading the model text, and the Shapley terms against their definition."""

import itertools
import math

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness.errors import ModelError
from lead_readiness.treeshap.model import ZERO, at_most, parse
from lead_readiness.treeshap.tables import MOST_PATTERNS, build, shapley_terms


def by_orderings(value: float, share: list[float], satisfied: list[bool]) -> list[float]:
    """Each feature's mean marginal contribution over all orderings: Shapley's definition."""

    def game(coalition: set[int]) -> float:
        return value * math.prod(satisfied[i] if i in coalition else share[i] for i in range(len(share)))

    terms = [0.0] * len(share)
    for ordering in itertools.permutations(range(len(share))):
        for place, feature in enumerate(ordering):
            before = set(ordering[:place])
            terms[feature] += game(before | {feature}) - game(before)
    return [term / math.factorial(len(share)) for term in terms]


@given(
    value=st.floats(-5, 5),
    leaf=st.lists(st.tuples(st.floats(0.001, 1), st.booleans()), min_size=1, max_size=6),
)
def test_terms_are_the_mean_over_orderings(value: float, leaf: list[tuple[float, bool]]) -> None:
    share, satisfied = [share for share, _ in leaf], [met for _, met in leaf]
    found = shapley_terms(np.array([value]), np.array([share]), np.array([[satisfied]]))
    np.testing.assert_allclose(found[0], by_orderings(value, share, satisfied), rtol=0, atol=1e-13)


def test_a_feature_that_the_leaf_does_not_ask_about_gets_nothing() -> None:
    asked = shapley_terms(np.array([2.0]), np.array([[0.3, 0.6]]), np.array([[[True, False]]]))
    beside = shapley_terms(np.array([2.0]), np.array([[0.3, 1.0, 0.6]]), np.array([[[True, True, False]]]))
    np.testing.assert_allclose(beside, [[asked[0, 0], 0, asked[0, 1]]], rtol=0, atol=1e-15)


@given(
    threshold=st.floats(allow_nan=False) | st.floats(-1e-34, 1e-34) | st.sampled_from([-ZERO, ZERO]),
    x=st.floats(allow_nan=False, width=32) | st.sampled_from([-ZERO, ZERO]),
)
def test_a_float32_threshold_splits_float32_as_lightgbm_splits_doubles(threshold: float, x: float) -> None:
    with np.errstate(over="ignore"):
        above = np.nextafter(at_most(threshold), np.float32(np.inf))
    for value in (np.float32(x), at_most(threshold), above):
        seen = 0.0 if abs(float(value)) <= ZERO else float(value)
        assert (value <= at_most(threshold)) == (seen <= threshold)


def model_text(rounds: int = 3, **settings: object) -> str:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 5))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + X[:, 3] > rng.normal(size=800)).astype(float)
    usual = {
        "objective": "binary",
        "verbosity": -1,
        "num_threads": 1,
        "min_data_in_leaf": 2,
        "num_leaves": 15,
    }
    return lightgbm.train(usual | settings, lightgbm.Dataset(X, y), rounds).model_to_string()


def test_tables_stay_small_enough_for_the_cache() -> None:
    _, tables = build(parse(model_text(30, num_leaves=100, max_depth=8)))
    sizes = np.diff(np.append(tables.table_start, len(tables.terms))) / np.diff(tables.term_start)
    assert sizes.max() <= MOST_PATTERNS


def test_deep_trees_are_refused() -> None:
    with pytest.raises(
        ModelError, match="more than 8 conditions above a leaf; train it with a `depth` of at most 8"
    ):
        parse(model_text(num_leaves=200, max_depth=20))


def replaced(old: str, new: str) -> str:
    text = model_text()
    assert old in text
    return text.replace(old, new, 1)


def field(name: str, words: str) -> str:
    """The model with one field of its first tree overwritten."""
    text = model_text()
    begin = text.index(f"\n{name}=") + 1
    return text[:begin] + f"{name}={words}" + text[text.index("\n", begin) :]


def first(name: str, word: str) -> str:
    """The model with the first number of one field of its first tree overwritten."""
    text = model_text()
    begin = text.index(f"\n{name}=") + 1
    return field(name, " ".join([word, *text[begin : text.index("\n", begin)].split("=")[1].split()[1:]]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"version None, 0 trees of 0\) is damaged or cut short"),
        ("garbage", "damaged or cut short"),
        (model_text()[:2500], "damaged or cut short"),
        (replaced("version=v4", "version=v9"), r"version v9, 3 trees of 3\) is damaged"),
        (replaced("Tree=1\n", ""), "2 trees of 3"),
        (replaced("binary sigmoid:1", "regression"), "has objective 'regression'"),
        (replaced("num_class", "average_output\nnum_class"), "averages its trees"),
        (replaced("num_cat=0", "num_cat=1"), "splits on categories"),
        (replaced("is_linear=0", "is_linear=1"), "has linear leaves"),
        (first("decision_type", "1"), "decision type 1; expected `<=`"),
        (first("decision_type", "6"), "decision type 6; expected `<=` without zero as missing"),
        (first("split_feature", "5"), "a split on a feature that is not one of 5"),
        (first("split_feature", "-1"), "a split on a feature that is not one of 5"),
        (first("leaf_value", "nan"), "leaf_value has 15 values, expected 15 finite ones"),
        (first("leaf_count", "0"), "a node that no training row reached"),
        (first("left_child", "99"), "IndexError"),
        (first("left_child", "0"), "more than 8 conditions"),
        (first("left_child", "-1"), "leaves below the root, 15 announced"),
        (field("threshold", "1 2"), "threshold has 2 values, expected 14 finite ones"),
        (field("threshold", "one"), "could not convert string to float: 'one'"),
        (replaced("leaf_value=", "leaf="), "KeyError"),
        (replaced("max_feature_idx=4", "max_feature_idx="), "damaged"),
    ],
)
def test_a_damaged_or_foreign_model_is_refused(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse(text)
