"""The honesty benchmark: a company truly without signal, verdicts on made-up findings, and a run that goes on."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks import beside_truth, canaries, chances, honesty, no_signal
from benchmarks.measure import Measure
from lead_readiness import simulate
from training import dataset
from training.judgement import judge

BEGIN = pd.Timestamp("2025-01-01T00:00Z")
DAY = pd.Timedelta(1, "D")
Found = list[dict[str, Any]]


def people(n: int) -> pd.DataFrame:
    created = BEGIN + pd.to_timedelta(np.random.default_rng(1).uniform(0, 400, n), unit="D")
    return pd.DataFrame({"lead_id": [f"L{i:05d}" for i in range(n)], "created_at": created})


def reached(measures: list[Measure]) -> dict[str, bool | None]:
    told = json.loads(json.dumps([[m.measure.split(": ", 1)[-1], m.reached] for m in measures]))
    return dict(told)


def test_without_signal_a_lead_of_any_age_is_won_at_the_same_rate() -> None:
    leads = people(40_000)
    table = no_signal.outcomes(leads, BEGIN + 3_000 * DAY, seed=1).merge(leads, on="lead_id")
    assert len(table) > 0.99 * len(leads)
    moment = table["opportunity_at"].fillna(table["decided_at"])
    age = ((moment - table["created_at"]) / DAY).to_numpy()
    won = (table["outcome"] == "won").to_numpy()
    rates = []
    for begin, end in pairwise([0, 30, 60, 120, 240, 480]):
        exposed = np.clip(age, begin, end).sum() - begin * len(age)
        rates.append((won & (age >= begin) & (age < end)).sum() / exposed)
    np.testing.assert_allclose(rates, no_signal.WON, rtol=0.1)


def test_what_is_decided_after_the_cut_is_not_known() -> None:
    cut = BEGIN + 450 * DAY
    table = no_signal.outcomes(people(2_000), cut, seed=1)
    assert table["decided_at"].max() < cut
    assert (table["opportunity_at"].notna() == (table["outcome"] == "won")).all()


def test_the_company_without_signal_has_one_horizon_and_no_handoffs(tmp_path: Path) -> None:
    no_signal.write(tmp_path, leads=150, seed=1)
    data = dataset.load(tmp_path / "readiness.toml")
    assert data.horizon_days == {"all": no_signal.HORIZON_DAYS}
    assert len(data.timelines.handed_off) == 0


@pytest.mark.parametrize(
    ("hits", "low", "high"), [(0, 0.0, 0.0711), (1, 0.0005, 0.1065), (50, 0.9289, 1.0), (25, 0.3553, 0.6447)]
)
def test_a_share_has_its_exact_interval(hits: int, low: float, high: float) -> None:
    found = chances.share("hits", [True] * hits + [False] * (50 - hits))
    assert (found.value, found.unit) == (hits / 50, "of 50")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_an_error_that_all_seeds_share_widens_the_interval_of_a_mean() -> None:
    alone, shared = (chances.mean("bias", [1.0, 2.0, 3.0, 4.0], "points", common=c) for c in (0.0, 3.0))
    assert alone.value == shared.value == 2.5
    assert shared.high - shared.low > 4 * (alone.high - alone.low)


def untaught(promoted: int, lucky: int) -> Found:
    """Fifty trainings without signal."""
    gap = np.random.default_rng(2).normal(0, 0.04, 50)
    return [
        {
            "verdict": "promote challenger" if n < promoted else "keep champion",
            "winners": 130,
            "gates": {"winners reached": n < lucky, "Brier skill": False},
            "difference": [float(gap[n]), 0.01 if n < lucky else -0.1, 0.1],
        }
        for n in range(50)
    ]


@pytest.mark.parametrize(("promoted", "is_reached"), [(0, True), (1, False)])
def test_one_promotion_without_signal_is_one_too_many(promoted: int, is_reached: bool) -> None:
    assert reached(no_signal.measures(untaught(promoted, 1)))["promoted"] is is_reached


@pytest.mark.parametrize(("lucky", "is_reached"), [(0, True), (1, True), (4, True), (9, False)])
def test_one_in_forty_is_lucky(lucky: int, is_reached: bool) -> None:
    found = reached(no_signal.measures(untaught(0, lucky)))
    assert found["interval of the difference above 0, by chance"] is is_reached


def estimated(bias: float = 0.0, spread: float = 5.0, stated: float = 5.0, seeds: int = 50) -> Found:
    """Estimates that miss the truth by so much on average, and scatter, and state an error."""
    rng = np.random.default_rng(3)
    found: Found = []
    for n in range(seeds):
        truth = rng.normal(8, 1)
        values = {name: truth + bias + rng.normal(0, spread) for name in ("model", "rules", "difference")}
        found.append(
            {
                "leads": 1000,
                "fresh": f"9000-{n % 4}",
                "winners": 100,
                "passed": True,
                "error": stated,
                "truth_error": 0.5,
                "estimate": {k: [v, v - 1.96 * stated, v + 1.96 * stated] for k, v in values.items()},
                "truth": {name: [truth, truth - 1, truth + 1] for name in values},
            }
        )
    return found


BIAS, COVERED, POWER = "bias, model", "truth covered, model", "stated error over the spread of the seeds"


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (estimated(), set()),
        (estimated(bias=-3.5), {BIAS}),
        (estimated(stated=2.0), {COVERED, POWER}),
        (estimated(stated=12.0), {POWER}),
    ],
)
def test_bias_coverage_and_power_are_judged_apart(found: Found, missed: set[str]) -> None:
    told = reached(beside_truth.measures(found))
    assert {name for name in (BIAS, COVERED, POWER) if not told[name]} == missed


def test_a_few_seeds_reach_and_miss_no_goal() -> None:
    assert set(reached(beside_truth.measures(estimated(seeds=3))).values()) == {None}


@pytest.mark.parametrize(
    ("clean", "planted", "missed"),
    [
        ((), canaries.CANARIES, set()),
        ((), canaries.CANARIES[1:], {"canaries flagged"}),
        ((), (*canaries.CANARIES, "budget"), {"twins flagged"}),
        ((), (*canaries.CANARIES, "seniority"), {"companies with an own column flagged beside canaries"}),
        (("pricing_view",), canaries.CANARIES, {"clean companies with anything flagged"}),
    ],
)
def test_every_canary_and_no_honest_column(
    clean: tuple[str, ...], planted: tuple[str, ...], missed: set[str]
) -> None:
    found = {"clean": dict.fromkeys(clean, "check"), "planted": dict.fromkeys(planted, "check")}
    told = reached(canaries.measures([found]))
    assert {name for name, is_reached in told.items() if is_reached is False} == missed


def test_every_part_is_as_far_as_the_others_whenever_a_run_is_stopped() -> None:
    jobs = honesty.FULL.jobs(None)
    half = jobs[: len(jobs) // 2]
    for part, sizes in honesty.FULL.sizes.items():
        for leads, seeds in sizes:
            done = sum(job[:1] + job[2:3] == (part, leads) for job in half)
            assert done == pytest.approx(seeds / 2, abs=1)


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """With every company done there is nothing to wait for."""
    made = {
        "no signal": untaught(0, 1),
        "replay": estimated(),
        "canaries": [{"clean": {}, "planted": {}}] * 50,
    }
    lines = [
        json.dumps(
            made[part][seed] | {"part": part, "seed": seed, "leads": leads, "fresh": fresh}
        )
        for part, seed, leads, fresh in honesty.QUICK.jobs(None)
    ]  # fmt: skip
    kept, target = tmp_path / "found.jsonl", tmp_path / "measures.json"
    kept.write_text("\n".join([*lines, lines[0].replace('"seed": 0', '"seed": 77')]), encoding="utf-8")
    told = CliRunner().invoke(honesty.main, ["--quick", "--resume", str(kept), "--json", str(target)])
    assert told.exit_code == 0, told.output
    units = {m["measure"]: m["unit"] for m in json.loads(target.read_text(encoding="utf-8"))}
    assert units["promoted"] == "of 2"
    assert "companies)" in told.output


@pytest.mark.slow
def test_scorers_rank_as_those_of_the_judgement(tmp_path: Path) -> None:
    simulate.write(tmp_path, leads=2_600, seed=1, truth=False)
    data = dataset.load(tmp_path / "readiness.toml")
    tried = judge.trial(data, seed=5)
    instants = judge.period(data)
    scorers = dict(beside_truth.learned(data, instants, seed=5))
    rows, model, rules = beside_truth.ranked(data, scorers, instants)
    np.testing.assert_array_equal(rows.as_of, tried.rows.as_of)
    np.testing.assert_array_equal(model, tried.score[judge.MODEL])
    np.testing.assert_array_equal(rules, tried.score[judge.RULES])


@pytest.mark.slow
def test_the_audit_tells_canaries_from_twins() -> None:
    found = canaries.run(seed=3, leads=2_000, fresh=None)
    assert not found["clean"]
    assert set(found["planted"]) == set(canaries.CANARIES)
