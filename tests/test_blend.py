"""The blend: non-negative, calibrated, additive, and only of voices there is evidence for."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lead_readiness import blend
from lead_readiness.errors import DataError, ModelError


def leads(
    n: int, weights: list[float], intercept: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of 0 to 100 and two correlated logits; the truth blends them by ``weights``."""
    rng = np.random.default_rng(seed)
    intent = rng.normal(size=n)
    points = np.clip(np.round(30 + 15 * intent + rng.normal(size=n) * 15), 0, 100)
    logits = np.column_stack([points, intent + rng.normal(size=n), intent + rng.normal(size=n)])
    p = 1 / (1 + np.exp(-(logits @ weights + intercept)))
    y = (rng.random(n) < p).astype(float)
    y[:2] = 0, 1
    return logits, y, rng.choice([0.125, 0.5, 1.0], n)


@pytest.mark.parametrize(
    ("wins", "voices", "probability", "left_out"),
    [
        (0, "rules", False, ["probability", "linear", "trees"]),
        (1, "rules", False, ["probability", "linear", "trees"]),
        (19, "rules", False, ["probability", "linear", "trees"]),
        (20, "rules", True, ["linear", "trees"]),
        (39, "rules", True, ["linear", "trees"]),
        (40, "rules linear", True, ["trees"]),
        (119, "rules linear", True, ["trees"]),
        (120, "rules linear trees", True, []),
        (12_345, "rules linear trees", True, []),
    ],
)
def test_the_evidence_ladder(wins: int, voices: str, probability: bool, left_out: list[str]) -> None:
    ladder = blend.rungs(wins)
    assert ladder.voices == tuple(voices.split())
    assert ladder.probability is probability
    assert list(ladder.left_out) == left_out


@pytest.mark.parametrize(
    ("wins", "name", "reason"),
    [
        (31, "linear", "31 wins; 40 needed for the linear voice"),
        (31, "trees", "31 wins; 120 needed for the trees"),
        (1, "probability", "1 win; 20 needed for a probability"),
        (0, "probability", "0 wins; 20 needed for a probability"),
    ],
)
def test_why_a_voice_was_left_out(wins: int, name: str, reason: str) -> None:
    assert blend.rungs(wins).left_out[name] == reason


@pytest.mark.parametrize("weights", [[0.05, 0.5, 0.8], [0.0, 1.2, 0.3], [0.1, 0.0, 0.0]])
def test_known_weights_are_found(weights: list[float]) -> None:
    found = blend.fit(*leads(60_000, weights, -3.0, 1))
    np.testing.assert_allclose(found.weights, weights, atol=0.06)
    assert found.intercept == pytest.approx(-3.0, abs=0.15)


@given(
    weights=st.lists(st.floats(-1, 1), min_size=3, max_size=3),
    n=st.integers(2, 300),
    seed=st.integers(0, 999),
)
def test_no_weight_is_ever_negative(weights: list[float], n: int, seed: int) -> None:
    found = blend.fit(*leads(n, [weights[0] / 20, *weights[1:]], -1.0, seed))
    assert min(found.weights) >= 0


@given(seed=st.integers(0, 999), wins=st.integers(20, 300))
def test_it_foretells_as_many_wins_as_it_saw(seed: int, wins: int) -> None:
    logits, y, weight = leads(10 * wins, [0.05, 0.5, 0.5], -4.0, seed)
    found = blend.fit(logits, y, weight)
    assert np.average(found.probability(logits), weights=weight) == pytest.approx(
        np.average(y, weights=weight)
    )


@pytest.mark.parametrize("weights", [[0.05, 0.5, 0.5], [0.0, 1.5, 0.0], [0.02, 0.1, 0.2]])
def test_with_many_wins_it_is_calibrated_on_its_own_rows(weights: list[float]) -> None:
    logits, y, weight = leads(60_000, weights, -3.0, 7)
    found = blend.fit(logits, y, weight)
    again = LogisticRegression(C=1e9, tol=1e-10).fit(
        found.logit(logits)[:, np.newaxis], y, sample_weight=weight
    )
    assert again.coef_[0, 0] == pytest.approx(1.0, abs=0.03)


def nearly_the_same(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points that say nothing, and two voices that differ by little, of equal worth."""
    rng = np.random.default_rng(seed)
    intent = rng.normal(size=n)
    logits = np.column_stack([rng.integers(0, 100, n), *(intent - 3 + rng.normal(size=(2, n)) / 5)])
    y = (rng.random(n) < 1 / (1 + np.exp(3 - intent))).astype(float)
    return logits, y, np.ones(n)


@pytest.mark.parametrize("seed", range(8))
def test_few_wins_do_not_part_voices_that_say_the_same(seed: int) -> None:
    logits, y, weight = nearly_the_same(800, seed)
    rules, one, other = blend.fit(logits, y, weight).weights
    assert abs(one - other) < 0.2 and 0.7 < one + other < 1.3 and rules < 0.01


@pytest.mark.parametrize(("voices", "expected"), [(3, (0.0, 0.5, 0.5)), (2, (0.0, 1.0))])
def test_without_wins_to_speak_of_the_learned_voices_mean_is_the_answer(voices: int, expected: tuple) -> None:
    logits, y, weight = nearly_the_same(60, 3)
    y[:] = np.arange(60) == 30
    found = blend.fit(logits[:, :voices], y, weight, blend.VOICES[:voices])
    np.testing.assert_allclose(found.weights, expected, atol=0.05)


def test_all_the_rows_of_a_lead_are_one_win() -> None:
    logits, y, weight = leads(300, [0.05, 0.5, 0.5], -2.0, 8)
    eight = [np.repeat(rows, 8, axis=0) for rows in (logits, y, weight)]
    once, again = blend.fit(logits, y, weight), blend.fit(*eight, lead=np.repeat(np.arange(300), 8))
    np.testing.assert_allclose(again.weights, once.weights, atol=1e-6)
    assert blend.fit(*eight).weights != pytest.approx(once.weights, abs=1e-3)


def test_a_voice_against_the_truth_is_silenced() -> None:
    logits, y, weight = leads(5000, [0.05, 0.5, 0.0], -2.0, 2)
    logits[:, 2] *= -1
    assert blend.fit(logits, y, weight).weights[2] == 0


def test_rules_alone_that_say_nothing_give_everyone_the_base_rate() -> None:
    y = np.array([1.0, 0, 0, 0])
    found = blend.fit(np.full((4, 1), 35.0), y, np.ones(4), ["rules"])
    assert found.weights == (0.0,)
    np.testing.assert_allclose(found.probability(np.array([[0.0], [100.0]])), 0.25, atol=1e-6)


def test_voices_that_separate_the_rows_still_give_finite_weights() -> None:
    points = np.arange(40.0)[:, np.newaxis]
    found = blend.fit(points, (points[:, 0] >= 20).astype(float), np.ones(40), ["rules"])
    assert 0.1 < found.weights[0] < 10


def test_contributions_add_up_to_the_logit() -> None:
    rng = np.random.default_rng(3)
    found = blend.Blend(("rules", "linear", "trees"), (0.05, 0.4, 0.7), -2.5)
    points, starts, moved = rng.normal(size=(50, 3)), (-2.0, -1.5), rng.normal(size=(2, 50, 4))
    base = found.intercept + 0.4 * starts[0] + 0.7 * starts[1]
    of_part = np.array([2, 0, 2, 0, 0, 1, 1], np.uint32)
    by_part, by_behaviour, scores = np.empty((50, 7)), np.empty((50, 3)), np.empty((4, 50))
    for begin, end in ((0, 30), (30, 50)):
        some, of_voices = moved[:, begin:end].copy(), (np.array([base, *starts]), np.array(found.weights))
        blend.add_up(begin, some, points, *of_voices, of_part, 100.0, 3.0, by_part, by_behaviour, scores)
    score, logit, *own = scores
    logits = np.column_stack([points.sum(axis=1), *(s + phi.sum(axis=1) for s, phi in zip(starts, moved))])
    close = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(np.transpose(own), logits[:, 1:], **close)
    np.testing.assert_allclose(logit, found.logit(logits), **close)
    np.testing.assert_allclose(base + by_behaviour.sum(axis=1), logit, **close)
    np.testing.assert_array_equal(score, 100.0 + 3.0 * logit)
    np.testing.assert_array_equal(by_part, np.hstack([0.4 * moved[0] + 0.7 * moved[1], 0.05 * points]))
    np.testing.assert_array_equal(by_behaviour[:, 2], by_part[:, 0] + by_part[:, 2])


def test_a_row_is_the_same_alone_in_any_batch_in_any_order() -> None:
    logits, y, weight = leads(1003, [0.05, 0.5, 0.5], -2.0, 4)
    found = blend.fit(logits, y, weight)
    order = np.random.default_rng(5).permutation(len(logits))
    p = found.probability(logits)
    assert (found.probability(logits[order]) == p[order]).all()
    assert all(found.probability(logits[row : row + 1])[0] == p[row] for row in range(200))


def test_a_record_survives_json() -> None:
    found = blend.fit(*leads(500, [0.05, 0.5, 0.5], -2.0, 6))
    assert blend.Blend.from_record(json.loads(json.dumps(found.record()))) == found


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, r"record is broken \(KeyError\('weights'\)\)"),
        ({"weights": 3, "intercept": 0}, "record is broken"),
        ({"weights": {"rules": "x"}, "intercept": 0}, "could not convert string to float"),
        ({"weights": {"rules": -1.0}, "intercept": 0}, "expected one finite weight of at least 0 per voice"),
        ({"weights": {"rules": 1.0}, "intercept": float("nan")}, "intercept nan"),
    ],
)
def test_a_broken_record_is_refused(record: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        blend.Blend.from_record(record)


@pytest.mark.parametrize(
    ("logits", "y", "message"),
    [
        (
            np.zeros((4, 2)),
            [0, 0, 1, 1],
            r"logits of shape \(4, 2\), finite: True, for 4 labels and the voices rules;",
        ),
        (np.full((4, 1), np.nan), [0, 0, 1, 1], "finite: False"),
        (np.zeros((4, 1)), [0, 0, 0, 0], "found 4 rows, 0 of them won"),
        (np.zeros((4, 1)), [0, 1, 2, 1], "labels other than 0 and 1"),
    ],
)
def test_rows_that_teach_nothing_are_refused(logits: np.ndarray, y: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        blend.fit(logits, np.array(y, float), np.ones(4), ["rules"])


def test_other_voices_are_refused() -> None:
    found = blend.Blend(("rules", "linear"), (0.05, 1.0), -2.0)
    with pytest.raises(
        ModelError, match=r"was given logits of shape \(3, 1\); expected one column per voice"
    ):
        found.logit(np.zeros((3, 1)))
