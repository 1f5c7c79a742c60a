"""The comparison's promises: paired, by account, the same for a seed, silent about what it cannot know."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from lead_readiness.errors import DataError
from lead_readiness.timelines import DAY, NEVER
from training import metrics
from training.bootstrap import redrawn
from training.judgement.compare import Scoring, compare
from training.judgement.comparison import Comparison
from training.judgement.replay import AtRisk, Leads
from training.metrics import Floats

WEEK = 7 * DAY


def company(leads: int = 900, weeks: int = 8, seed: int = 0) -> tuple[AtRisk, Leads, Floats]:
    """A small company in which accounts of three share their luck, and the truth about each lead."""
    rng = np.random.default_rng(seed)
    account = np.arange(leads) // 3
    truth = rng.normal(size=leads // 3 + 1)[account] + rng.normal(size=leads)
    end = rng.integers(1, weeks + 1, leads)
    wins = rng.random(leads) < 1 / (1 + np.exp(2 - truth))
    won_at = np.where(wins, end * WEEK - DAY, NEVER)
    lead = np.repeat(np.arange(leads), end).astype(np.int32)
    instant = (np.arange(len(lead)) - np.repeat(np.cumsum(end) - end, end)) * WEEK
    label = (won_at[lead] - instant <= 4 * WEEK).astype(np.int8)
    amount = rng.lognormal(8, 1, leads)
    return (
        AtRisk(lead, instant, label, 1 / end[lead]),
        Leads(account, won_at, amount, np.full(leads, 4 * WEEK)),
        truth,
    )


def scored(rows: AtRisk, truth: Floats, noise: float, seed: int, threshold: float | None = None) -> Scoring:
    """The truth with noise, as points and as a probability."""
    score = truth[rows.lead] + np.random.default_rng(seed).normal(0, noise, len(rows))
    return Scoring(score, 1 / (1 + np.exp(2 - score)), threshold)


def two(**options: int) -> Comparison:
    rows, leads, truth = company()
    policies = {"model": scored(rows, truth, 0.3, 1), "rules": scored(rows, truth, 4.0, 2, threshold=7.0)}
    return compare(policies, rows, leads, 20, **{"draws": 200, **options})  # type: ignore[arg-type]


def look_up(table: pd.DataFrame, measure: str, policy: str = "model") -> dict[str, float]:
    (row,) = table[(table["measure"] == measure) & (table["policy"] == policy)].to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_tables_are_tidy_and_every_value_lies_in_its_interval() -> None:
    found = two()
    assert list(found.values) == ["measure", "policy", "value", "low", "high"]
    assert list(found.differences) == ["measure", "policy", "difference", "low", "high"]
    assert set(found.differences["policy"]) == {"model"}
    assert found.values["measure"].nunique() == 6 + 6 + 1 + 2 + 5
    for gap in found.differences.itertuples():
        model, rules = (look_up(found.values, str(gap.measure), name)["value"] for name in ("model", "rules"))
        assert model - rules == pytest.approx(gap.difference)
    sound = found.values[found.values["measure"] != "calibration_error"]  # which resampling pushes upwards
    assert (sound["low"] <= sound["value"]).all()
    assert (sound["value"] <= sound["high"]).all()


def test_a_better_score_is_seen_to_be_better() -> None:
    found = two()
    for measure in ("winners_reached", "days_gained", "precision", "lift", "roc_auc", "brier_skill"):
        assert look_up(found.differences, measure)["low"] > 0, measure


def test_ranking_measures_are_those_of_the_weighted_rows() -> None:
    rows, leads, truth = company()
    model = scored(rows, truth, 0.3, 1)
    found = compare({"rules": model}, rows, leads, 20, draws=2)
    assert look_up(found.values, "roc_auc", "rules")["value"] == pytest.approx(
        metrics.roc_auc(rows.label, model.score, rows.weight)[0]
    )
    slope = metrics.calibration(rows.label, model.probability, rows.weight)[0, 0]  # type: ignore[arg-type]
    assert look_up(found.values, "calibration_slope", "rules")["value"] == pytest.approx(slope)


def test_equal_policies_differ_by_exactly_nothing() -> None:
    rows, leads, truth = company()
    same = scored(rows, truth, 1.0, 1, threshold=3.0)
    found = compare({"model": same, "rules": same}, rows, leads, 20, draws=100)
    at_capacity = found.differences[~found.differences["measure"].str.endswith("_at_threshold")]
    assert (at_capacity[["difference", "low", "high"]] == 0).all(axis=None)
    assert "no difference" in found.summary()
    assert found.summary().endswith("shows no difference at all: both reach the same winners.")


def test_the_same_for_a_seed_and_other_draws_for_another() -> None:
    pd.testing.assert_frame_equal(two(seed=3).differences, two(seed=3).differences)
    assert not two(seed=3).differences["low"].equals(two(seed=4).differences["low"])


def test_row_order_changes_nothing() -> None:
    rows, leads, truth = company(300)
    model, rules = scored(rows, truth, 0.3, 1), scored(rows, truth, 2.0, 2, threshold=4.0)
    order = np.random.default_rng(1).permutation(len(rows))

    def turned(s: Scoring) -> Scoring:
        assert s.probability is not None
        return replace(s, score=s.score[order], probability=s.probability[order])

    mixed = AtRisk(rows.lead[order], rows.instant[order], rows.label[order], rows.weight[order])
    one = compare({"model": model, "rules": rules}, rows, leads, 10, draws=50)
    other = compare({"model": turned(model), "rules": turned(rules)}, mixed, leads, 10, draws=50)
    pd.testing.assert_frame_equal(one.values, other.values)


def test_pairing_makes_the_difference_of_like_policies_sharp() -> None:
    rows, leads, truth = company()
    rules = scored(rows, truth, 1.0, 1)
    model = replace(rules, score=rules.score + np.random.default_rng(2).normal(0, 0.05, len(rows)))
    found = compare({"model": model, "rules": rules}, rows, leads, 20, draws=200)
    alone, paired = look_up(found.values, "roc_auc"), look_up(found.differences, "roc_auc")
    assert paired["high"] - paired["low"] < (alone["high"] - alone["low"]) / 5


def test_at_the_threshold_every_policy_has_the_rules_volume() -> None:
    found = two()
    handed = {name: len(rows) for name, rows in found.handoffs.items()}
    assert handed["model_at_threshold"] == handed["rules_at_threshold"] < handed["rules"]
    assert found.volume_at_threshold == pytest.approx(handed["rules_at_threshold"] / 8)


def test_without_a_threshold_there_is_one_replay() -> None:
    rows, leads, truth = company(300)
    found = compare(
        {"model": scored(rows, truth, 1, 1), "rules": scored(rows, truth, 1, 2)}, rows, leads, 9, draws=10
    )
    assert set(found.handoffs) == {"model", "rules"}
    assert math.isnan(found.volume_at_threshold)
    assert "threshold" not in found.summary() + "".join(found.lines())


def test_any_number_of_policies_with_and_without_probabilities() -> None:
    rows, leads, truth = company(300)
    recent = Scoring(rows.instant.astype(float))
    found = compare(
        {"rules": scored(rows, truth, 1, 2), "model": scored(rows, truth, 1, 1), "most recent": recent},
        rows,
        leads,
        9,
        draws=10,
    )
    assert found.challenger == "model"
    assert set(found.differences["policy"]) == {"model", "most recent"}
    assert not (found.values["measure"] == "brier_skill")[found.values["policy"] == "most recent"].any()
    (line,) = [line for line in found.lines("most recent") if "Brier" in line]
    assert line.split()[:3] == ["Brier", "skill", "-"]


def changed(**columns: object) -> Comparison:
    """The comparison of a company of 300 leads after its outcomes were changed."""
    rows, leads, truth = company(300)
    model, rules = scored(rows, truth, 0.3, 1), scored(rows, truth, 2.0, 2, threshold=4.0)
    rows = replace(rows, **{k: v for k, v in columns.items() if k in {"label", "weight"}})  # type: ignore[arg-type]
    leads = replace(leads, **{k: v for k, v in columns.items() if k in {"won_at", "amount", "account"}})  # type: ignore[arg-type]
    return compare({"model": model, "rules": rules}, rows, leads, 10, draws=50)


def test_no_winners_is_said() -> None:
    n = len(company(300)[0])
    found = changed(won_at=np.full(300, NEVER), label=np.zeros(n, np.int8))
    assert (
        found.values.loc[found.values["measure"].isin(["winners_reached", "roc_auc"]), "value"].isna().all()
    )
    assert found.summary() == (
        "At 10 leads a week nothing can be said: no lead at risk in this test has won. "
        f"At the rules' own threshold ({found.volume_at_threshold:.1f} leads a week) nothing can be said: no lead at "
        "risk in this test has won. With 0 winners this test cannot tell policies apart."
    )
    assert f"All {n:,} judged rows are not won: ranking and calibration cannot be told." in found.notes


def test_winners_only_is_said() -> None:
    n = len(company(300)[0])
    found = changed(label=np.ones(n, np.int8))
    assert np.isnan(look_up(found.values, "roc_auc")["value"])
    assert f"All {n:,} judged rows are won: ranking and calibration cannot be told." in found.notes


def test_few_accounts_with_wins_have_figures_without_intervals() -> None:
    found = changed(account=np.arange(300) // 20)
    assert found.values[["low", "high"]].isna().all(axis=None)
    assert found.values["value"].notna().all()
    assert "15 accounts with a winner in this test; 20 are needed for an interval" in found.notes[0]
    assert "with too few winners for an interval, so this proves nothing." in found.summary()
    assert found.summary().endswith("this test cannot tell policies apart.")


def test_no_rows_at_all() -> None:
    none = AtRisk(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0))
    found = compare(
        {"model": Scoring(np.zeros(0)), "rules": Scoring(np.zeros(0))}, none, company(9)[1], 5, draws=20
    )
    assert found.values["value"].isna().all()
    assert found.lines()


def test_what_was_left_out_is_counted() -> None:
    rows, *_ = company(300)
    label = np.where(rows.instant == 0, -1, rows.label).astype(np.int8)
    amount = np.full(300, np.nan)
    found = changed(label=label, amount=amount)
    assert any(
        note.startswith("Some hand-offs have no label yet") and "10 of the 80 of the model" in note
        for note in found.notes
    )
    assert any(
        "winners have no known amount; revenue reached leaves them out" in note for note in found.notes
    )
    assert not any("revenue" in line for line in found.lines() if line.startswith("  "))


def test_rows_without_a_probability_are_left_out_of_calibration() -> None:
    rows, leads, truth = company(300)
    whole = scored(rows, truth, 1, 1)
    assert whole.probability is not None
    part = replace(whole, probability=np.where(rows.lead < 100, np.nan, whole.probability))
    found = compare({"rules": part}, rows, leads, 9, draws=10)
    known = rows.lead >= 100
    expected = metrics.brier_skill(rows.label[known], whole.probability[known], rows.weight[known])[0]
    assert look_up(found.values, "brier_skill", "rules")["value"] == pytest.approx(expected)
    assert any(
        f"{(~known).sum():,} drawn rows have no probability from the rules" in note for note in found.notes
    )


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        (
            {"model": Scoring(np.zeros(3))},
            "the policies are model; 'rules', to compare with, is not one of them",
        ),
        ({"rules": Scoring(np.zeros(2))}, "policy 'rules': 2 values of score for 3 rows; give one per row"),
        ({"rules": Scoring(np.zeros(3), np.array([0, 1, 1.5]))}, "probability 1.5 found; expected 0 to 1"),
    ],
)
def test_policies_that_do_not_fit_are_refused(policies: dict[str, Scoring], message: str) -> None:
    rows = AtRisk(np.arange(3, dtype=np.int32), np.zeros(3, np.int64), np.zeros(3, np.int8), np.ones(3))
    with pytest.raises(DataError, match=message):
        compare(policies, rows, company(9)[1], 1)


def said(
    mine: float, theirs: float, low: float, high: float, *, winners: int = 61, visible: float = 0.1159
) -> Comparison:
    """A comparison with nothing but winners reached, to see how it is put."""
    gap = mine - theirs
    return Comparison(
        values=pd.DataFrame(
            [
                ("winners_reached", "model", mine, mine - 0.1, mine + 0.1),
                ("winners_reached", "rules", theirs, 0.4, 0.6),
            ],
            columns=["measure", "policy", "value", "low", "high"],
        ),
        differences=pd.DataFrame(
            [("winners_reached", "model", gap, low, high)],
            columns=["measure", "policy", "difference", "low", "high"],
        ),
        notes=("A note.",),
        policies=("model", "rules"),
        against="rules",
        capacity=25,
        every_days=7.0,
        winners=winners,
        volume_at_threshold=math.nan,
        visible={"model": visible},
        handoffs={},
    )


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        (
            (0.62, 0.51, 0.04, 0.18),
            "62 % of winners, the rules 51 %: 11 points more (95 % interval 4 to 18).",
        ),
        (
            (0.55, 0.51, -0.03, 0.11),
            "55 % of winners, the rules 51 %: 4 points more (95 % interval -3 to 11); "
            "this test cannot tell them apart.",
        ),
        (
            (0.51, 0.62, -0.18, -0.04),
            "51 % of winners, the rules 62 %: 11 points fewer (95 % interval -18 to -4); the rules are better here.",
        ),
        (
            (0.514, 0.511, -0.02, 0.03),
            "51 % of winners, the rules 51 %: no difference (95 % interval -2 to 3); this test cannot tell them apart.",
        ),
        (
            (0.52, 0.51, math.nan, math.nan),
            "52 % of winners, the rules 51 %: 1 point more, with too few winners for an interval, "
            "so this proves nothing.",
        ),
    ],
    ids=["better", "open", "worse", "the same", "too few"],
)
def test_the_sentence(figures: tuple[float, float, float, float], sentence: str) -> None:
    assert said(*figures).summary().startswith(f"At 25 leads a week the model reaches {sentence}")


@pytest.mark.parametrize(
    ("winners", "visible", "sentence"),
    [
        (61, 0.1159, "With 61 winners this test can see a difference of 12 points or more."),
        (2000, 0.002, "With 2,000 winners this test can see a difference of 1 point or more."),
        (1, math.nan, "With 1 winner this test cannot tell policies apart."),
    ],
)
def test_what_the_test_could_have_seen(winners: int, visible: float, sentence: str) -> None:
    assert said(0.6, 0.5, 0.0, 0.2, winners=winners, visible=visible).power() == sentence


def test_the_power_is_that_of_the_bootstrap_error() -> None:
    rows, leads, truth = company()
    policies = {"model": scored(rows, truth, 0.3, 1), "rules": scored(rows, truth, 2.0, 2)}
    found = compare(policies, rows, leads, 20, draws=500)
    gap = look_up(found.differences, "winners_reached")
    assert found.visible["model"] == pytest.approx(2.8 * (gap["high"] - gap["low"]) / 3.92, rel=0.15)


def test_the_table() -> None:
    assert said(0.62, 0.51, 0.04, 0.18).lines() == [
        "                   model            rules            difference",
        "at 25 leads a week",
        "  winners reached  62 % (52 to 72)  51 % (40 to 60)  +11 points (4 to 18)",
        "",
        "95 % intervals from a bootstrap over accounts.",
        "A note.",
    ]


def test_draws_do_not_hang_on_the_block() -> None:
    whole = np.concatenate(list(redrawn(7, 10, seed=1, block=10)))
    assert (np.concatenate(list(redrawn(7, 10, seed=1, block=3))) == whole).all()
    assert (whole.sum(axis=1) == 7).all()


@pytest.mark.slow
def test_intervals_over_accounts_cover_and_those_over_rows_do_not() -> None:
    def sample(rng: np.random.Generator, accounts: int) -> tuple[npt.NDArray[np.int8], Floats]:
        """Ten leads an account, whose luck and score are mostly the account's."""
        luck, fame = np.repeat(rng.normal(0, 1.5, (2, accounts)), 10, axis=1)
        y = rng.random(10 * accounts) < 1 / (1 + np.exp(1 - luck))
        return y.astype(np.int8), 0.7 * luck + fame + rng.normal(0, 0.3, len(y))

    rng = np.random.default_rng(0)
    y, score = sample(rng, 100_000)
    truth = metrics.roc_auc(y, score, np.ones(len(y)))[0]
    covered, widths = {"account": 0, "row": 0}, {"account": 0.0, "row": 0.0}
    for _ in range(200):
        y, score = sample(rng, 60)
        rows = AtRisk(np.arange(600, dtype=np.int32), np.zeros(600, np.int64), y, np.ones(600))
        for unit, of in (("account", np.arange(600) // 10), ("row", np.arange(600))):
            leads = Leads(of, np.full(600, NEVER), np.full(600, np.nan), np.full(600, WEEK))
            auc = look_up(
                compare({"rules": Scoring(score)}, rows, leads, 10, draws=300).values, "roc_auc", "rules"
            )
            covered[unit] += auc["low"] <= truth <= auc["high"]
            widths[unit] += auc["high"] - auc["low"]
    assert covered["account"] >= 180  # 190 of 200 expected
    assert covered["row"] < 150
    assert widths["account"] > 1.5 * widths["row"]
