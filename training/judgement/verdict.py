"""May the model replace the rules? The gates of a promotion as data, each with what was found and what it needs.

The rule book is champion until it is beaten, and a person promotes: a verdict only says whether the evidence is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from lead_readiness.project import Waiver
from training.audit import Audit
from training.bootstrap import Figure
from training.judgement.comparison import Comparison
from training.judgement.drift import Drift
from training.judgement.faithfulness import Faithfulness
from training.judgement.judge import MODEL
from training.judgement.slices import MONTH, Evenness

WINNERS_NEEDED = 100
"""Winners in the test below which it shows too little to replace the rules, whatever it shows."""
NO_WORSE = -0.02
"""The difference in winners reached that days gained may make up for."""
SLOPE, OBSERVED, DRIFT, ADDITIVITY, STABLE, EVEN = (0.8, 1.25), (0.85, 1.15), 0.2, 1e-6, 0.7, 0.8
Name = Literal["insufficient evidence", "keep champion", "promote challenger"]
INSUFFICIENT: Name = "insufficient evidence"
KEEP: Name = "keep champion"
PROMOTE: Name = "promote challenger"


@dataclass(frozen=True)
class Gate:
    """One condition: ``found`` and ``needed`` say in words what the numbers say; what was not measured has not passed.

    ``value``, ``low`` and ``high`` are None where there is no such number.
    """

    name: str
    passed: bool
    found: str
    needed: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Verdict:
    """`INSUFFICIENT`, `KEEP` or `PROMOTE`, with the gates that lead to it."""

    verdict: Name
    gates: tuple[Gate, ...]
    winners: int

    @property
    def failed(self) -> list[Gate]:
        """The gates that were not passed."""
        return [gate for gate in self.gates if not gate.passed]

    def words(self) -> str:
        """The verdict in a sentence or two, for people.

        >>> Verdict(INSUFFICIENT, (), 61).words()
        'Insufficient evidence: 61 winners in the test, 100 needed. The rules stay champion; let the model run ...'
        """
        if self.verdict == INSUFFICIENT:
            return (
                f"Insufficient evidence: {self.winners:,} winner{'s' * (self.winners != 1)} in the test, "
                f"{WINNERS_NEEDED} needed. The rules stay champion; let the model run beside them."
            )
        if self.verdict == PROMOTE:
            return (
                f"Promote the challenger: all {len(self.gates)} gates are passed. The rules stay champion until a "
                "person promotes it."
            )
        failed = "; ".join(f"{gate.name}: {gate.found} (needed: {gate.needed})" for gate in self.failed)
        count = f"{len(self.failed)} of {len(self.gates)} gates {'is' if len(self.failed) == 1 else 'are'} not passed"
        return f"Keep the champion, the rules: {count}. {_first(failed)}."

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON can hold it; the keys are a promise."""
        return {
            "verdict": self.verdict,
            "words": self.words(),
            "winners": self.winners,
            "winners_needed": WINNERS_NEEDED,
            "gates": [asdict(gate) for gate in self.gates],
        }


def verdict(
    comparison: Comparison,
    by_slice: pd.DataFrame,
    drifts: Sequence[Drift],
    faithfulness: Faithfulness | None,
    audit: Audit,
    even: Sequence[Evenness],
    waivers: dict[str, Waiver],
) -> Verdict:
    """All gates of a promotion (METHOD 4) on what a training measured."""
    gates = (
        _winners(comparison),
        *_calibration(comparison),
        _months(by_slice),
        _drift(drifts),
        *_explanations(faithfulness),
        _leaks(audit),
        *(_even(each, waivers.get(each.group)) for each in even),
    )
    name = PROMOTE if all(gate.passed for gate in gates) else KEEP
    return Verdict(INSUFFICIENT if comparison.winners < WINNERS_NEEDED else name, gates, comparison.winners)


def undecided() -> Verdict:
    """The verdict of a training that could not be judged."""
    return Verdict(INSUFFICIENT, (), 0)


def _winners(comparison: Comparison) -> Gate:
    """The lower bound above 0, or not worse by more than 2 points with days gained for sure."""
    gap, low, high = comparison.difference("winners_reached", MODEL)
    _, days, _ = comparison.difference("days_gained", MODEL)
    found = f"{_points(gap)} points ({_points(low)} to {_points(high)})"
    if not low > 0 and low > NO_WORSE:
        found += f", days gained at least {days:.1f}"
    needed = "a lower bound above 0, or above -2 points with days gained for sure"
    passed = low > 0 or (low > NO_WORSE and days > 0)
    return Gate("winners reached", passed, found, needed, *_numbers(Figure(gap, low, high)))


def _calibration(comparison: Comparison) -> Iterator[Gate]:
    slope, seen, skill = (
        Figure(*comparison.value(measure, MODEL))
        for measure in ("calibration_slope", "observed_expected", "brier_skill")
    )
    yield _within("calibration slope", slope, SLOPE)
    yield _within("observed / expected", seen, OBSERVED)
    yield Gate("Brier skill", skill.value > 0, skill.told(3), "above 0", *_numbers(skill))


def _within(name: str, found: Figure, span: tuple[float, float]) -> Gate:
    needed = f"{span[0]:.2f} to {span[1]:.2f}"
    return Gate(name, span[0] <= found.value <= span[1], found.told(2), needed, *_numbers(found))


def _months(by_slice: pd.DataFrame) -> Gate:
    """Months in which nothing at risk was won have no lift, and say nothing."""
    rows = by_slice[(by_slice["slice"] == MONTH) & (by_slice["policy"] == MODEL)]
    lift = rows[(rows["measure"] == "lift") & rows["value"].notna()].sort_values("value", kind="stable")
    needed = "lift above 1 in every month"
    if lift.empty:
        return Gate("lift month by month", False, "no month with a lift", needed)
    worst = lift.iloc[0]
    figure = Figure(*(float(worst[c]) for c in ("value", "low", "high")))
    found = f"lowest in {worst['level']}: {figure.told(2)}"
    return Gate("lift month by month", figure.value > 1, found, needed, *_numbers(figure))


def _drift(drifts: Sequence[Drift]) -> Gate:
    needed = f"a stability index below {DRIFT}"
    if not drifts:
        return Gate("score drift", False, "no time before the test to compare with", needed)
    worst = max(drifts, key=lambda drift: drift.value)
    figure = Figure(worst.value, worst.low, worst.high)
    return Gate("score drift", worst.value < DRIFT, figure.told(2), needed, *_numbers(figure))


def _explanations(found: Faithfulness | None) -> Iterator[Gate]:
    if found is None:
        yield Gate("reasons add up", False, "not measured", f"error at most {ADDITIVITY:g}")
        yield Gate("reasons stable", False, "not measured", f"Jaccard of the top 4 at least {STABLE}")
        return
    error, refit = found.additivity, found.refit
    yield Gate(
        "reasons add up",
        error <= ADDITIVITY,
        f"largest error {error:.1g}",
        f"at most {ADDITIVITY:g}",
        *_numbers(Figure(error)),
    )
    needed = f"Jaccard of the top 4 at least {STABLE}"
    yield Gate("reasons stable", refit.value >= STABLE, refit.told(2), needed, *_numbers(refit))


def _leaks(audit: Audit) -> Gate:
    if audit.clean:
        count = len(audit.flags)
        return Gate(
            "no leak",
            True,
            f"{count} flagged and left out" if count else "nothing flagged",
            "nothing flagged feeds the score",
        )
    kept = [f"{flag.column} kept though flagged" for flag in audit.flags if flag.kept]
    found = "; ".join([*kept, *audit.rules])
    return Gate("no leak", False, found, "nothing flagged feeds the score")


def _even(even: Evenness, waiver: Waiver | None) -> Gate:
    figure = Figure(even.ratio, even.low, even.high)
    found = f"{even.least} over {even.most}: {figure.told(2)}"
    if waiver is not None:
        found += f"; waived by {waiver.signed} on {waiver.on}: {waiver.reason}"
    needed = f"selection-rate ratio at least {EVEN}, or a signed waiver"
    passed = even.ratio >= EVEN or waiver is not None
    return Gate(f"even hand-off by {even.group}", passed, found, needed, *_numbers(figure))


def _points(share: float) -> str:
    return "?" if math.isnan(share) else f"{round(100 * share) + 0:+d}".replace("+0", "0")


def _numbers(figure: Figure) -> Iterable[float | None]:
    return [float(number) if np.isfinite(number) else None for number in astuple(figure)]


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]
