"""Decisions as people read them: a policy, some weeks, and what is said of each lead."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hand_off_weeks import LONG_AGO, START, back, clauses, run, seen, told, week

from lead_readiness.errors import DataError
from lead_readiness.handoff import CLAUSES, HOLDS, Seen, States, alone, decide, kernel, stand
from lead_readiness.project import Handoff
from lead_readiness.timelines import DAY

FIXED = Handoff(line=100.0, capacity_per_week=2)


def one(*scores: float, policy: Handoff = FIXED, **last: Any) -> str:
    """What is said of a lead with these scores week by week; ``last`` is known at the last of them."""
    leads = [seen(("a", s, last if n == len(scores) - 1 else {})) for n, s in enumerate(scores)]
    return told(run(policy, leads)[-1])["a"]


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ([99.4], "below the line (99 < 100)"),
        ([99.96], "below the line (99.96 < 100.00)"),
        ([112], "waits: above the line for the first time (112 >= 100)"),
        ([100, 100], "above the line on two evaluations (100 >= 100): place 1 of 2"),
        ([99, 112], "waits: above the line for the first time (112 >= 100)"),
        ([112, 99], "below the line (99 < 100)"),
        ([112, 99, 112], "waits: above the line for the first time (112 >= 100)"),
        ([112, 112, 112], "with sales since 12 Jan"),
        ([-3], "under the floor (-3 < 0)"),
        ([np.nan], "no score"),
    ],
)
def test_two_evaluations_above_the_line_hand_a_lead_off(scores: list[float], sentence: str) -> None:
    assert one(*scores) == sentence


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({"last_buyer_event": week(3)}, "no buyer event yet"),
        ({"closed": True}, "closed: won, lost or disqualified"),
        ({"closed": True, "handed_off": START - DAY}, "closed: won, lost or disqualified"),
        ({"hold": HOLDS.index("complaint"), "held_since": LONG_AGO}, "held: complaint on 27 Sep 2025"),
        ({"hold": HOLDS.index("opt_out"), "held_since": START + DAY}, "held: opt-out on 6 Jan"),
        ({"hold": HOLDS.index("bounce"), "held_since": START, "triggered": True}, "held: bounce on 5 Jan"),
        ({"handed_off": START - DAY, "triggered": True}, "with sales since 4 Jan"),
        ({"handed_off": week(1)}, "above the line on two evaluations (112 >= 100): place 1 of 2"),
        (back(START, "not now"), "cool-down until 6 Mar after “not now”"),
        (back(START, "not now", event=START + DAY), "cool-down until 6 Mar after “not now”"),
        ({**back(START, "price"), "reason": -1}, "cool-down until 6 Mar after a return without a reason"),
        (back(START - 61 * DAY, "not now", event=START - 62 * DAY),
         "not armed again: no buyer event since the return on 5 Nov 2025 after “not now”"),
        (back(START - 61 * DAY, "not now", event=START),
         "above the line on two evaluations (112 >= 100): place 1 of 2"),
        ({"triggered": True, **back(START, "not now")}, "cool-down until 6 Mar after “not now”"),
        ({"triggered": True, **back(START, "not now", event=START + 1)},
         "hard trigger of the rule book: place 1 of 2"),
    ],
)  # fmt: skip
def test_what_happened_to_a_lead_comes_before_its_score(known: dict[str, Any], sentence: str) -> None:
    assert one(112, 112, **known) == sentence


def test_a_hard_trigger_hands_off_at_once_whatever_the_score() -> None:
    assert one(-20, triggered=True) == "hard trigger of the rule book: place 1 of 2"
    assert one(np.nan, triggered=True) == "hard trigger of the rule book: place 1 of 2"


@pytest.mark.parametrize(
    ("then", "clause"),
    [
        ([99.0], ["line"]),
        ([90.0], ["line"]),
        ([89.9], ["left"]),
        ([89.9, 99.0], ["left", "below_line"]),
        ([89.9, 101.0, 99.0], ["left", "first_time", "below_line"]),
        ([89.9, 101.0, 102.0], ["left", "first_time", "line"]),
    ],
)
def test_who_is_ready_stays_so_until_a_band_below_the_line(then: list[float], clause: list[str]) -> None:
    asking = [(f"asks {i}", 0.0, {"triggered": True}) for i in range(2)]
    _, full, *later = run(
        FIXED, [seen(("a", 112.0)), seen(("a", 112.0), *asking), *(seen(("a", s)) for s in then)]
    )
    assert told(full)["a"] == "no room: 2 of 2 places taken, 3rd in line (112 >= 100)"
    assert [clauses(made)["a"] for made in later] == clause
    if then == [99.0]:
        assert told(later[0])["a"] == "ready before and still near the line (99 < 100): place 1 of 2"


def test_places_go_to_triggers_first_and_then_by_score() -> None:
    leads = [("low", 101.0), ("high", 120.0), ("mid", 110.0)]
    first, second = run(FIXED, [seen(*leads), seen(*leads, ("asks", 20.0, {"triggered": True}))])
    assert {*clauses(first).values()} == {"first_time"}
    assert told(second) == {
        "low": "no room: 2 of 2 places taken, 4th in line (101 >= 100)",
        "high": "above the line on two evaluations (120 >= 100): place 2 of 2",
        "mid": "no room: 2 of 2 places taken, 3rd in line (110 >= 100)",
        "asks": "hard trigger of the rule book: place 1 of 2",
    }


def test_places_are_those_of_a_calendar_week() -> None:
    leads = seen(*((f"lead {i}", 120.0 + i) for i in range(5)))
    states, handed = States.empty(), []
    for day in (0, 1, 2, 6.99, 7, 8):
        made = decide(FIXED, states, leads, START + round(day * DAY))
        states = made.states
        handed.append(len(made.handed_off))
    assert handed == [0, 2, 0, 0, 2, 0]


def test_each_queue_and_each_cycle_has_its_own_places() -> None:
    policy = Handoff(
        line=100.0, capacity_per_week=4, queue="region", queues={"north": 1},
        cycles={"short": {"capacity_per_week": 1}},
    )  # fmt: skip
    leads = [
        ("n1", 140.0, {"queue": "north", "cycle": "long"}),
        ("n2", 135.0, {"queue": "north", "cycle": "long"}),
        ("s1", 130.0, {"queue": "south", "cycle": "short"}),
        ("s2", 125.0, {"queue": "", "cycle": "short"}),
        ("s3", 120.0, {"queue": "east", "cycle": ""}),
    ]
    second = run(policy, [seen(*leads), seen(*leads)])[1]
    assert told(second) == {
        "n1": "above the line on two evaluations (140 >= 100): place 1 of 1",
        "n2": "no room: 1 of 1 places of north taken, 2nd in line (135 >= 100)",
        "s1": "above the line on two evaluations (130 >= 100): place 1 of 3",
        "s2": "no room: 1 of 1 places of short taken, 2nd in line (125 >= 100)",
        "s3": "above the line on two evaluations (120 >= 100): place 2 of 3",
    }


@pytest.mark.parametrize(
    ("policy", "line", "floor"),
    [
        ({"line": 90.0}, 90, 0),
        ({"cost_ratio": 1.0}, 100, 0),
        ({"cost_ratio": 0.25}, 60, 0),
        ({"cost_ratio": 0.001}, 0, 0),
        ({"line": 90.0, "least_probability": 0.2}, 90, 60),
        ({"least_probability": 0.5, "cost_ratio": 0.25}, 100, 100),
        ({"line": 90.0, "cycles": {"short": {"line": 80.0, "floor": 50.0}}}, 80, 50),
        ({"line": 90.0, "cycles": {"short": {"cost_ratio": 0.25}}}, 60, 0),
        ({"line": 90.0, "cycles": {"long": {"line": 80.0}}}, 90, 0),
    ],
)
def test_where_line_and_floor_are(policy: dict[str, Any], line: float, floor: float) -> None:
    leads = seen(("a", 95.0, {"cycle": "short", "probability": 0.4}))
    stood = stand(Handoff.model_validate(policy), States.empty(), leads, START)
    assert (round(stood.line[0], 9), round(stood.floor[0], 9)) == (line, floor)
    assert stood.low[0] == pytest.approx(max(line - 10, floor))


@pytest.mark.parametrize("policy", [{"cost_ratio": 0.2}, {"least_probability": 0.1}])
def test_rule_points_are_no_probability(policy: dict[str, Any]) -> None:
    assert one(150, 150, policy=Handoff(**policy)) == "no probability, and the policy asks for one"
    assert one(150, 150, policy=Handoff(**policy), probability=0.5).startswith("above the line")


@pytest.mark.parametrize(
    ("scores", "more", "lines"),
    [
        ([130, 120, 105, 80, 70, 5], {}, [110, 110, 80, 0]),
        ([130, 120, 105, 80, 70, 5], {"band": 0}, [120, 120, 80, 0]),
        ([130, 120, 105, 80, 70, 5], {"floor": 60}, [110, 110, 80, 60]),
        ([130, 120, 105, 80, 70, 5], {"capacity_per_week": 6}, [0, 0]),
        ([130, 120, 105, 80, 70, 5], {"line": 100}, [110, 110, 80]),
        ([], {}, []),
    ],
    ids=[
        "band",
        "no band",
        "floor",
        "room for all",
        "kept up to date beside a line of the policy's",
        "nobody",
    ],
)
def test_the_line_follows_what_the_last_place_asks_for(
    scores: list[float], more: dict[str, Any], lines: list[float]
) -> None:
    policy = Handoff.model_validate({"capacity_per_week": 2, **more})
    leads = seen(*((f"lead {i}", float(s)) for i, s in enumerate(scores)))
    made = run(policy, [leads] * len(lines))
    assert [float(m.states.line.line[0]) for m in made] == lines


def test_the_line_stands_still_while_scores_wander_within_the_band() -> None:
    best = [108, 108, 112, 112, 104, 104, 111, 111, 102, 102, 116, 116]
    nobody_goes = Handoff(capacity_per_week=1, line=1000)
    made = run(nobody_goes, [seen(("best", float(score)), ("other", 1.0)) for score in best])
    assert [float(m.states.line.line[0]) for m in made][1::2] == [98.0, 102.0, 102.0, 102.0, 102.0, 106.0]


def test_with_room_for_all_still_nobody_under_the_floor_is_handed_off() -> None:
    leads = seen(("a", 41.0), ("b", 39.0))
    made = run(Handoff(capacity_per_week=50, floor=40), [leads] * 4)
    assert [clauses(m) for m in made] == [
        {"a": "first_time", "b": "under_floor"},
        {"a": "line", "b": "under_floor"},
        {"a": "with_sales", "b": "under_floor"},
        {"a": "with_sales", "b": "under_floor"},
    ]


def test_a_return_ends_what_a_decision_began() -> None:
    made = run(FIXED, [seen(("a", 120.0))] * 3)
    assert clauses(made[2]) == {"a": "with_sales"}
    returned = seen(("a", 120.0, back(week(2.5), "no response", event=week(2.7), given=week(1) + DAY)))
    states = decide(FIXED, made[2].states, returned, week(3)).states
    later = week(2.5) + 30 * DAY
    assert clauses(decide(FIXED, states, returned, later - 1)) == {"a": "cool_down"}
    assert clauses(decide(FIXED, states, returned, later)) == {"a": "line"}, "it was evaluated all the while"


def test_the_reason_picks_track_and_re_entry() -> None:
    policy = Handoff.model_validate({"returns": {"price": {"track": "offers", "days": 14}}})
    leads = seen(
        ("a", 120.0, back(START - DAY, "price")),
        ("b", 120.0, back(START - 40 * DAY, "no response")),
        ("c", 120.0),
    )
    frame = decide(policy, States.empty(), leads, START).frame()
    assert frame["decision"].tolist() == ["recycle", "recycle", "stay"]
    assert frame["track"].tolist()[:2] == ["offers", "wake up"] and frame["track"].isna()[2]
    assert frame["re_entry"].tolist() == [
        pd.Timestamp("2026-01-18", tz="UTC"), pd.Timestamp("2025-12-26", tz="UTC"), pd.NaT,
    ]  # fmt: skip


def test_leads_are_drawn_with_the_chance_that_is_recorded() -> None:
    policy = Handoff(capacity_per_week=2000, explore=0.05, line=100)
    leads = seen(*((f"lead {i}", 50.0) for i in range(5000)), ("out", -5.0), ("ready", 120.0))
    made = run(policy, [leads, leads], seed=3)
    assert [len(m.handed_off) for m in made] == pytest.approx([100, 100], abs=40)
    chance = pd.Series(made[0].propensity, index=leads.lead_id)
    assert chance["lead 7"] == 100 / 5001 and chance["ready"] == 100 / 5001
    assert np.isnan(chance["out"])
    assert np.isnan(made[1].propensity[-1]), "who is ready is not drawn"
    assert told(made[0])[leads.lead_id[made[0].handed_off[0]]].startswith(
        "drawn at random (chance 0.02): place "
    )
    assert (run(policy, [leads], seed=4)[0].handed_off != made[0].handed_off[:1]).any()
    assert len(decide(policy, made[1].states, leads, week(1) + DAY).handed_off) == 0, "drawn once a week"


def test_a_lead_alone_stands_where_the_evaluation_put_it() -> None:
    leads = seen(("a", 130.0), ("b", 120.0), ("c", 105.0), ("d", 80.0))
    policy = Handoff(capacity_per_week=3)
    first = run(policy, [leads])[0]
    for states, at in ((first.states, week(0)), (first.states, week(1))):
        codes = [stand(policy, states, leads[[row]], at).clause[0] for row in range(4)]
        assert [list(CLAUSES)[c] for c in codes] == list(clauses(decide(policy, states, leads, at)).values())
    assert list(CLAUSES)[stand(policy, States.empty(), leads, START).clause[0]] == "no_line"


def test_a_lead_alone_leaves_the_states_as_they_are() -> None:
    policy, leads = Handoff(capacity_per_week=1), seen(("a", 130.0), ("b", 120.0))
    states = run(policy, [leads])[0].states
    for asked in (leads[[1]], seen(("new", 125.0, {"cycle": "long", "queue": "north"}))):
        made = alone(policy, states, asked, week(1))
        assert made.states is states and len(states.lines()) == 1
        assert (made.given.rank[0], made.given.place[0], np.isnan(made.propensity[0])) == (0, 0, True)
    assert clauses(made) == {"new": "no_line"}


def test_each_policy_has_its_own_numbers() -> None:
    leads = seen(("a", 95.0))
    for line in (90.0, 100.0, 90.0):
        assert stand(Handoff(line=line), States.empty(), leads, START).line[0] == line


def test_the_kernel_counts_the_clauses_in_their_order() -> None:
    assert [getattr(kernel, name.upper()) for name in CLAUSES] == [*range(len(CLAUSES))]


def test_dates_are_those_of_the_time_zone() -> None:
    made = decide(FIXED, States.empty(), seen(("a", 1.0, {"handed_off": START - 1})), START)
    assert made.sentence(0) == "with sales since 4 Jan"
    assert made.sentence(0, ZoneInfo("Asia/Tokyo")) == "with sales since 5 Jan"


def test_the_frame_tells_all_of_a_decision() -> None:
    frame = run(FIXED, [seen(("a", 120.0), ("b", 3.0))] * 2)[1].frame()
    assert frame.columns.tolist() == [
        "lead_id", "as_of", "decision", "clause", "sentence", "score", "line", "low", "rank", "place",
        "propensity", "track", "re_entry",
    ]  # fmt: skip
    assert frame.iloc[0].to_dict() | dict.fromkeys(("propensity", "track", "re_entry")) == {
        "lead_id": "a", "as_of": pd.Timestamp("2026-01-12", tz="UTC"), "decision": "hand off", "clause": "line",
        "sentence": "above the line on two evaluations (120 >= 100): place 1 of 2", "score": 120.0, "line": 100.0,
        "low": 90.0, "rank": 1, "place": 1, "propensity": None, "track": None, "re_entry": None,
    }  # fmt: skip
    assert frame[["rank", "place"]].iloc[1].isna().all()


def test_no_leads_give_no_decisions() -> None:
    made = decide(FIXED, States.empty(), Seen.of([], []), START)
    assert (len(made), len(made.frame()), len(made.states)) == (0, 0, 0)


def test_an_evaluation_cannot_go_back_in_time() -> None:
    states = run(FIXED, [seen(("a", 1.0))] * 2)[-1].states
    with pytest.raises(DataError) as refused:
        decide(FIXED, states, seen(("a", 1.0)), START)
    assert str(refused.value) == (
        "the hand-off states are of 2026-01-12T00:00:00Z, the decision was asked for as of 2026-01-05T00:00:00Z; "
        "expected the same moment or a later one: give the states kept before it, or start from empty ones"
    )
