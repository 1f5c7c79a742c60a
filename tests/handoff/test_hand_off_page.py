"""docs/hand-off.md says what the code does: its policy loads, its example comes out, its clauses are all there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hand_off_weeks import back, run, seen, week

from lead_readiness.handoff import CLAUSES
from lead_readiness.project import Handoff
from lead_readiness.timelines import DAY

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "hand-off.md").read_text(encoding="utf-8")
HAPPENED: dict[tuple[str, str], dict[str, Any]] = {
    ("19 Jan", "dora"): {"triggered": True, "last_buyer_event": week(1) + DAY},
    ("26 Jan", "anna"): back(week(2) + DAY, "not now", given=week(1)),
}


def table(first_column: str) -> list[list[str]]:
    """The rows of the page's table whose first column is called this."""
    lines = PAGE[PAGE.index(f"| {first_column} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_its_policy_loads() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    policy = Handoff.model_validate(tomllib.loads(block)["handoff"])
    assert (policy.queues, policy.entry("short").cost_ratio, policy.returns["price"].days) == (
        {"CH": 6, "AT": 4}, 0.1, 45,
    )  # fmt: skip


def test_every_key_clause_and_track_is_told() -> None:
    assert {row[0].strip("`") for row in table("key")} == set(Handoff.model_fields)
    assert [(row[0].strip("`"), row[1]) for row in table("clause")] == [*CLAUSES.items()], "in their order"
    tracks = {reason: [after.track, str(after.days)] for reason, after in Handoff().returns.items()}
    assert {row[0].split(",")[0]: row[1:] for row in table("returned because")} == tracks


@pytest.mark.parametrize("day", ["5 Jan", "12 Jan", "19 Jan", "26 Jan"])
def test_its_example_comes_out(day: str) -> None:
    rows = table("evaluation")
    days = list(dict.fromkeys(row[0] for row in rows))
    leads = [seen(*((lead, float(score), HAPPENED.get((d, lead), {})) for at, lead, score, *_ in rows if at == d))
             for d in days]  # fmt: skip
    made = run(Handoff(capacity_per_week=1, floor=20), leads)[days.index(day)].frame()
    assert made[["decision", "sentence"]].values.tolist() == [row[3:] for row in rows if row[0] == day]
