"""The replay instant by instant, and the pictures and weights of a training."""

import io

import numpy as np
import pandas as pd
import pytest

from lead_readiness.snapshots import NEGATIVE, POSITIVE
from lead_readiness.timelines import DAY, NEVER
from training.judgement.compare import Scoring
from training.judgement.contest import Contest
from training.judgement.replay import AtRisk, Leads
from training.judgement.weekly import course
from training.tracking import plots
from training.tracking.weights import weights

WEEK = 7 * DAY


def contest(leads: int = 4, weeks: int = 3, capacity: int = 1, seed: int = 0) -> Contest:
    """Leads that are all at risk in every week; of each two the first wins, ten days after the last week."""
    lead = np.tile(np.arange(leads), weeks).astype(np.int32)
    instant = np.repeat(np.arange(weeks) * WEEK, leads)
    wins = np.arange(leads) % 2 == 0
    label = np.where(wins[lead], POSITIVE, NEGATIVE).astype(np.int8)
    won_at = np.where(wins, (weeks - 1) * WEEK, NEVER)
    rng = np.random.default_rng(seed)
    rows = AtRisk(lead, instant, label, np.ones(len(lead)))
    facts = Leads(np.arange(leads), won_at, np.full(leads, np.nan), np.full(leads, 365 * DAY))
    probability = np.clip(0.5 * wins[lead] + 0.4 * rng.random(len(lead)), 0.01, 0.99)
    model = Scoring(probability, probability)
    rules = Scoring(rng.random(len(lead)), np.full(len(lead), 0.5))
    scorings = {"model": model, "rules": rules, "14-day count": Scoring(rng.random(len(lead)))}
    return Contest(rows, facts, scorings, capacity, "a week", seed)


def test_a_course_counts_each_instant_and_adds_up_what_was_reached() -> None:
    met = contest()
    handed = np.array([0, 5, 10])  # lead 0 in week 0, lead 1 in week 1, lead 2 in the week it wins: too late
    expected = pd.DataFrame(
        {
            "handed_off": [1.0, 1.0, 1.0],
            "won_in_time": [1.0, 0.0, 1.0],
            "winners_reached": [0.5, 0.5, 0.5],
            "days_gained": [7.0, 7.0, 7.0],
            "precision": [1.0, 0.5, 2 / 3],
        },
        index=[0, WEEK, 2 * WEEK],
    )
    pd.testing.assert_frame_equal(course(met, handed), expected)


def test_a_course_ends_at_the_figures_of_the_comparison() -> None:
    met = contest(leads=120, weeks=6, capacity=5)
    compared = met.compare(draws=20)
    for policy in compared.policies:
        last = course(met, compared.handoffs[policy]).iloc[-1]
        for measure in ("winners_reached", "days_gained", "precision"):
            assert last[measure] == pytest.approx(compared.value(measure, policy)[0]), (policy, measure)


def test_without_a_hand_off_nothing_is_reached_and_no_precision_known() -> None:
    found = course(contest(), np.zeros(0, np.int64))
    assert found["handed_off"].tolist() == [0.0, 0.0, 0.0]
    assert found["winners_reached"].tolist() == [0.0, 0.0, 0.0]
    assert found["precision"].isna().all()


@pytest.mark.parametrize(("leads", "weeks"), [(120, 6), (2, 1)], ids=["many", "hardly any"])
def test_the_pictures_of_a_judgement_can_be_drawn(leads: int, weeks: int) -> None:
    met = contest(leads=leads, weeks=weeks, capacity=2)
    drawn = plots.judged(met, met.compare(draws=20).handoffs)
    assert sorted(drawn) == ["calibration", "days_gained", "gain", "weeks"]
    for figure in drawn.values():
        figure.savefig(picture := io.BytesIO())
        assert picture.getvalue().startswith(b"\x89PNG")
        assert all(axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes)


def test_the_days_of_the_distribution_begin_with_all_that_are_reached() -> None:
    met = contest(leads=120, weeks=6, capacity=5)
    compared = met.compare(draws=20)
    days, share = plots._ahead(met, compared.handoffs["model"])
    assert (days[0], share[0]) == (0.0, pytest.approx(compared.value("winners_reached", "model")[0]))
    assert share[-1] == 0.0 and (np.diff(share) <= 0).all() and (np.diff(days) >= 0).all()


def test_weights_come_with_intervals_the_heaviest_first(company) -> None:
    lines = company.data.timelines
    lead = np.arange(200, dtype=np.int32)
    assessed = company.scorer.assess(lines, lead, np.full(200, lines.cut))
    found = weights(assessed, seed=0)
    assert set(found["behaviour"]) == set(company.scorer.behaviours)
    assert found["mean_absolute"].is_monotonic_decreasing
    assert found["mean_absolute"].tolist() == pytest.approx(
        (found["mean_for"] - found["mean_against"]).tolist()
    )
    assert (found["low"] <= found["mean_absolute"]).all() and (found["mean_absolute"] <= found["high"]).all()
    size = np.abs(assessed.by_behaviour * company.scorer.unit).mean(axis=0)
    assert found.set_index("behaviour")["mean_absolute"].to_dict() == pytest.approx(
        dict(zip(company.scorer.behaviours, size))
    )
    plots.behaviours(found, len(assessed)).savefig(io.BytesIO())


@pytest.mark.parametrize("leads", [0, 3])
def test_few_leads_have_weights_without_intervals(leads: int, company) -> None:
    lines = company.data.timelines
    assessed = company.scorer.assess(lines, np.arange(leads, dtype=np.int32), np.full(leads, lines.cut))
    found = weights(assessed, seed=0)
    assert found[["low", "high"]].isna().all(axis=None)
    plots.behaviours(found, leads).savefig(io.BytesIO())
