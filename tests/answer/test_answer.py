"""What is told of a scored lead: complete, adding up, and the same in every form."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from blended import KNOWN, RULES_ONLY, blended
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness import handoff
from lead_readiness.answer import ROW, Answer, answers, breakdown, changed, from_rows, rows
from lead_readiness.change import between
from lead_readiness.handoff import Decisions, Seen, States
from lead_readiness.scorer import Assessment, Scorer
from lead_readiness.timelines import DAY

LEADS = np.flatnonzero(KNOWN.created < KNOWN.cut - 30 * DAY).astype(np.int32)[:60]
AT = KNOWN.cut - 20 * DAY


def assessed(scorer: Scorer, lead: np.ndarray = LEADS, at: int = AT) -> Assessment:
    return scorer.assess(KNOWN, lead, np.full(len(lead), at))


def told_of(scorer: Scorer, **settings: int) -> list[Answer]:
    return answers(assessed(scorer), **settings)


def standing(scored: Assessment) -> Decisions:
    project = scored.scorer.project
    columns = scored.score, scored.probability, scored.replay.triggered
    seen = Seen.from_timelines(project, KNOWN, scored.lead, AT, *columns)
    return handoff.decide(project.handoff, States.empty(), seen, AT)


def with_open_scores(scorer: Scorer, scores: list[float], steps: int = 200) -> Scorer:
    return replace(scorer, card=scorer.card.with_open_scores(np.array(scores), steps))


@pytest.mark.parametrize("scorer", [blended(), RULES_ONLY], ids=["probability", "rule points"])
def test_rows_carry_every_answer_there_and_back(scorer: Scorer) -> None:
    scorer = with_open_scores(scorer, assessed(scorer).score.tolist())
    scored = assessed(scorer)
    told = answers(scored, standing(scored))
    assert any(a.reasons_against for a in told) or scorer.blend is None
    assert {a.decision.clause for a in told if a.decision} > {"closed"}
    assert rows(told).schema == ROW
    assert from_rows(rows(told)) == told
    assert from_rows(rows(told).append_column("more", pa.array(range(len(told))))) == told


def test_json_holds_no_number_that_json_lacks_and_decisions_as_they_were_made() -> None:
    scored = assessed(RULES_ONLY)
    made = standing(scored)
    frame = made.frame()
    for row, told in enumerate(answers(scored, made)):
        sent = json.loads(json.dumps(told.as_json(), allow_nan=False))
        assert sent["probability"] is None and sent["score"] == sent["rules"]["points"]
        assert sent["decision"]["sentence"] == frame["sentence"][row]
        assert sent["decision"]["decision"] == frame["decision"][row]
        assert sent["decision"]["track"] == (None if frame["track"].isna()[row] else frame["track"][row])


def test_an_answer_is_the_same_alone_and_among_others() -> None:
    together = told_of(blended())
    assert [answers(assessed(blended(), LEADS[row : row + 1]))[0] for row in range(len(LEADS))] == together
    assert answers(assessed(blended(), LEADS[:0])) == []


def test_fired_rules_add_up_to_the_rule_points_and_say_how_often() -> None:
    for told in told_of(blended()):
        assert sum(f.points for f in told.rules.fired) == pytest.approx(told.rules.points, abs=1e-9)
        assert all(f.times and f.times > 0 for f in told.rules.fired)
        assert told.rules.threshold == 15


def test_as_many_reasons_as_asked_for() -> None:
    def most(**settings: int) -> tuple[int, int]:
        told = told_of(blended(), **settings)
        return max(len(a.reasons_for) for a in told), max(len(a.reasons_against) for a in told)

    assert most(top=0) == (0, 0)
    assert most(top=1) == (1, 1)
    usual = most()
    assert usual[0] <= 4 and usual[1] <= 2


@pytest.mark.parametrize(
    ("score", "percentile", "band"),
    [
        (-5.0, 0.0, "lower half"),
        (10.0, 18.8, "lower half"),
        (35.0, 56.2, "upper half"),
        (75.0, 87.5, "top 20 %"),
        (100.0, 100.0, "top 5 %"),
        (900.0, 100.0, "top 5 %"),
    ],
)
def test_percentile_and_band_among_the_leads_open_at_training(
    score: float, percentile: float, band: str
) -> None:
    """Half of those that scored alike count as below."""
    known = with_open_scores(RULES_ONLY, [0.0, 10.0, 10.0, 20.0, 30.0, 40.0, 50.0, 75.0, 100.0], steps=8)
    scored = replace(assessed(known, LEADS[:1]), score=np.array([score]))
    told = answers(scored)[0]
    assert (told.percentile, told.band) == (percentile, band)


@given(
    known=st.lists(
        st.sampled_from([-2.5, 0.0, 0.1, 7.0, 7.25, 90.0]) | st.floats(-200, 200), min_size=1, max_size=9
    ),
    score=st.sampled_from([0.1, 7.0]) | st.floats(-300, 300),
)
def test_the_percentile_is_halfway_between_what_is_below_and_what_is_not_above(
    known: list[float], score: float
) -> None:
    card = RULES_ONLY.card.with_open_scores(np.array(known), steps=20)
    scores, share = np.array(card.open_scores), np.linspace(0, 100, 21)
    below, above = np.interp(score, scores, share), np.interp(-score, -scores[::-1], share)
    assert card.percentiles(np.array([score])) == [np.round((100 + below - above) / 2, 1)]


def test_without_open_leads_at_training_there_is_no_percentile() -> None:
    assert {(a.percentile, a.band) for a in told_of(with_open_scores(RULES_ONLY, []))} == {(None, None)}


@pytest.mark.parametrize("scorer", [blended(), RULES_ONLY], ids=["probability", "rule points"])
def test_breakdown_adds_up_from_features_and_rules_to_behaviours_to_the_score(scorer: Scorer) -> None:
    scored = assessed(scorer)
    for row in range(len(scored)):
        told = breakdown(scored, row)
        json.dumps(told, allow_nan=False)
        for part in told["behaviours"]:
            summed = sum(f["points"] for f in part["features"]) + sum(r["points"] for r in part["rules"])
            assert summed == pytest.approx(part["points"], abs=1e-9)
        total = told["base"] + sum(part["points"] for part in told["behaviours"])
        assert total == pytest.approx(told["score"], abs=1e-9)
        named = [f["feature"] for part in told["behaviours"] for f in part["features"]]
        assert len(named) == (len(scorer.catalogue.features) if scorer.blend else 0)


def test_what_changed_adds_up_and_says_why() -> None:
    change = between(blended(), blended(), KNOWN, LEADS, AT - 10 * DAY, AT)
    for row in range(len(change)):
        told = changed(change, row)
        json.dumps(told, allow_nan=False)
        assert sum(told["points"].values()) == pytest.approx(told["difference"], abs=1e-9)
        assert told["score_before"] + told["difference"] == pytest.approx(assessed(blended()).score[row])
    assert any(changed(change, row)["reasons"]["news"] for row in range(len(change)))
