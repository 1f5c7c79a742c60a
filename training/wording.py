"""How numbers are said, on the screen and in MLflow alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lead_readiness.scorer import Assessment, Scorer


def estimand(scorer: Scorer) -> str:
    """What the probability is of, in a sentence."""
    return f"P({won_within(scorer.card.horizon_days)} | history), under the hand-off policy of the past"


def won_within(horizon_days: dict[str, int | None]) -> str:
    """The label in words.

    >>> won_within({"all": 30}), won_within({"long": 90, "short": 30}), won_within({"all": None})
    ('won within 30 days', 'won within 30 days (short) or 90 days (long)', 'won in the end')
    """
    if None in horizon_days.values():
        return "won in the end"
    days = sorted((days, cycle) for cycle, days in horizon_days.items() if days is not None)
    if len({d for d, _ in days}) == 1:
        return f"won within {days[0][0]} days"
    return "won within " + " or ".join(f"{d} days ({cycle})" for d, cycle in days)


def percent(probability: float) -> str:
    """A probability for a table.

    >>> percent(0.4142), percent(0.0312), percent(float("nan"))
    ('41 %', '3.1 %', '-')
    """
    if math.isnan(probability):
        return "-"
    return f"{100 * probability:.0f} %" if probability >= 0.0995 else f"{100 * probability:.1f} %"


def rule_points(leads: Assessment, row: int) -> str:
    """Points and grade as sales know them."""
    replay = leads.replay
    return "excluded" if replay.excluded[row] else f"{replay.points[row]:.0f} {replay.grade[row]}".strip()
