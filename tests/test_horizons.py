"""How far ahead a label looks, and when it is old enough to be learned from."""

from dataclasses import replace

import numpy as np
import pytest
from histories import Lead, Outcome, build, day, kinds

from lead_readiness import snapshots
from lead_readiness.project import Label, Project
from lead_readiness.snapshots import CENSORED, IN_GAP, NEGATIVE, POSITIVE, Snapshots
from lead_readiness.timelines import DAY, NEVER

VOCABULARY = kinds(visit="up")
PROJECT = Project(name="Acme", vocabulary=VOCABULARY, label=Label(horizon_days=14))


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        (30, {"short": 30, "long": 30, "None": 30}),
        ({"short": 14, "long": 90}, {"short": 14, "long": 90, "None": 90}),
        ("eventual", {"short": None, "long": None, "None": None}),
        ("auto", {"short": 14, "long": 60, "None": 45}),
    ],
)
def test_horizons_per_sales_cycle(asked: object, days: dict[str, int | None]) -> None:
    project = Project.model_validate(
        {
            "name": "Acme",
            "vocabulary": VOCABULARY,
            "attributes": {"cycle": "category"},
            "label": {"horizon_days": asked, "cycle": "cycle"},
        }
    )
    # Winners after 12 days in the short cycle and 58 in the long; without a cycle all winners count.
    leads = [Lead(f"{n}", attributes={"cycle": "short"}, outcome=Outcome("won", day(12))) for n in range(7)]
    leads += [
        Lead(f"{n}", attributes={"cycle": "long"}, outcome=Outcome("won", day(90), opportunity=day(58)))
        for n in range(7, 9)
    ]
    leads += [Lead("late", attributes={"cycle": "short"}, outcome=Outcome("lost", day(300))), Lead("z")]
    known = build(leads, project)
    span, found = snapshots.horizons(known, project)
    if asked == "auto":
        days["None"] = snapshots.horizons(
            replace(known, attributes={"cycle": np.full(len(known), None)}), project
        )[1]["None"]
    assert found == days
    of = {x.id: str(x.attributes.get("cycle")) for x in leads}
    assert span.tolist() == [NEVER if (d := days[of[i]]) is None else d * DAY for i in known.lead_ids]


@pytest.mark.parametrize(
    ("taken", "days"),
    [
        ([], 90),
        ([3.0], 7),
        ([10.0], 7),
        ([11.0], 14),
        ([10.5], 7),
        ([20, 20, 20, 20, 100], 30),
        ([2_000], 365),
    ],
)
def test_the_automatic_horizon_is_the_round_number_nearest_the_80th_percentile(
    taken: list[float], days: int
) -> None:
    project = PROJECT.model_copy(update={"label": Label()})
    leads = [Lead(f"{n}", outcome=Outcome("won", day(t))) for n, t in enumerate(taken)] or [Lead("x")]
    assert snapshots.horizons(build(leads, project), project)[1] == {"all": days}


def test_the_automatic_horizon_knows_no_later_win() -> None:
    project = PROJECT.model_copy(update={"label": Label()})
    known = build(
        [Lead("a", outcome=Outcome("won", day(7))), Lead("b", outcome=Outcome("won", day(300)))], project
    )
    assert snapshots.horizons(known.as_known_at(day(100)), project)[1] == {"all": 7}


@pytest.mark.parametrize(
    ("as_of", "days", "label", "settle", "ready"),
    [
        (10, 14, POSITIVE, 0, True),
        (45, 14, NEGATIVE, 0, True),
        (45, 14, NEGATIVE, 1, False),
        (46, 14, NEGATIVE, 0, False),
        (46, 14, POSITIVE, 0, False),  # early wins may not come without the losses of the same weeks
        (10, 14, CENSORED, 0, False),
        (10, 14, IN_GAP, 0, False),
        (58, None, POSITIVE, 0, True),
        (58, None, NEGATIVE, 30 * DAY, True),
        (59, None, NEGATIVE, 0, False),
        (10, None, CENSORED, 0, False),
    ],
)
def test_matured(as_of: float, days: int | None, label: int, settle: int, ready: bool) -> None:
    nothing = np.zeros(1, np.int16)
    row = Snapshots(
        nothing.astype(np.int32), np.array([day(as_of)]), nothing, np.array([label], np.int8), np.ones(1)
    )
    span = np.array([NEVER if days is None else days * DAY])
    assert snapshots.matured(row, span, day(59), settle).tolist() == [ready]


def test_settling_is_how_long_wins_take_to_be_known() -> None:
    took = [1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 9]
    leads = [
        Lead(f"{n}", outcome=Outcome("won", day(20 + t), opportunity=day(20))) for n, t in enumerate(took)
    ]
    assert snapshots.settling(build(leads, PROJECT)) == 5 * DAY
    assert snapshots.settling(build([Lead("x", outcome=Outcome("lost", day(9)))], PROJECT)) == 0
