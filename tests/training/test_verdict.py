"""The gates of a promotion: what passes, what does not, and what is said of it."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lead_readiness.project import Waiver
from training.audit import Audit, Flag
from training.bootstrap import Figure
from training.judgement.comparison import Comparison
from training.judgement.drift import Drift
from training.judgement.faithfulness import Faithfulness
from training.judgement.slices import Evenness
from training.judgement.verdict import INSUFFICIENT, KEEP, PROMOTE, Verdict, undecided, verdict

NAN = math.nan
GOOD = {
    "winners_reached": (0.09, 0.02, 0.15),
    "days_gained": (1.6, 0.1, 3.0),
    "calibration_slope": (1.0, 0.9, 1.1),
    "observed_expected": (1.0, 0.9, 1.1),
    "brier_skill": (0.02, 0.01, 0.03),
}
LEAK = Flag("reason", "attribute", "filled", "filled for losers only", kept=False)
EVEN = Evenness("country", 0.9, 0.7, 1.0, "Norway", "Spain")
UNEVEN = replace(EVEN, ratio=0.5)
WAIVER = Waiver(signed="Head of sales", on=date(2026, 1, 15), reason="new market")


def comparison(winners: int = 161, **figures: tuple[float, float, float]) -> Comparison:
    found = {**GOOD, **figures}
    values = [(m, "model", *f) for m, f in found.items()]
    return Comparison(
        values=pd.DataFrame(values, columns=["measure", "policy", "value", "low", "high"]),
        differences=pd.DataFrame(values, columns=["measure", "policy", "difference", "low", "high"]),
        notes=(),
        policies=("model", "rules"),
        against="rules",
        capacity=25,
        every_days=7.0,
        winners=winners,
        volume_at_threshold=NAN,
        visible={},
        handoffs={},
    )


def months(*lifts: float) -> pd.DataFrame:
    rows = [("month", f"2026-{n:02}", "lift", "model", lift, NAN, NAN) for n, lift in enumerate(lifts, 1)]
    rows += [
        ("source", "fair", "lift", "model", 0.1, NAN, NAN),
        ("month", "2026-01", "lift", "rules", 0.1, NAN, NAN),
    ]
    return pd.DataFrame(rows, columns=["slice", "level", "measure", "policy", "value", "low", "high"])


def faithful(additivity: float = 1e-12, refit: float = 0.8) -> Faithfulness:
    figures: dict[str, Any] = {
        f.name: Figure(0.9, 0.8, 1.0) for f in fields(Faithfulness) if f.type == "Figure"
    }
    figures |= {"additivity": additivity, "refit": Figure(refit, refit - 0.1, refit + 0.1)}
    return Faithfulness(leads=200, cited=150, decoys_even=0.1, **figures)


def judged(compared: Comparison | None = None, **changed: Any) -> Verdict:
    parts = {
        "by_slice": months(3.0, 2.0),
        "drifts": [Drift(0, 0.02, 0.01, 0.03)],
        "faithfulness": faithful(),
        "audit": Audit(),
        "even": [],
        "waivers": {},
    }
    return verdict(compared or comparison(), **{**parts, **changed})


def test_all_gates_passed_promote() -> None:
    found = judged()
    assert found.verdict == PROMOTE and found.failed == [] and len(found.gates) == 9
    assert found.words() == (
        "Promote the challenger: all 9 gates are passed. The rules stay champion until a person promotes it."
    )


@pytest.mark.parametrize(
    ("changed", "gate", "said"),
    [
        ({"compared": comparison(winners_reached=(0.04, -0.04, 0.11))}, "winners reached", "+4 points (-4 to +11)"),
        ({"compared": comparison(winners_reached=(0.0, -0.015, 0.01), days_gained=(0.1, -0.1, 0.2))},
         "winners reached", "0 points (-2 to +1), days gained at least -0.1"),
        ({"compared": comparison(winners_reached=(0.1, NAN, NAN))}, "winners reached", "+10 points (? to ?)"),
        ({"compared": comparison(calibration_slope=(0.78, 0.70, 0.86))}, "calibration slope", "0.78 (0.70 to 0.86)"),
        ({"compared": comparison(calibration_slope=(1.3, 1.2, 1.4))}, "calibration slope", "1.30 (1.20 to 1.40)"),
        ({"compared": comparison(calibration_slope=(NAN, NAN, NAN))}, "calibration slope", "not known"),
        ({"compared": comparison(observed_expected=(0.84, NAN, NAN))}, "observed / expected", "0.84"),
        ({"compared": comparison(brier_skill=(-0.001, -0.04, 0.03))}, "Brier skill", "-0.001 (-0.040 to 0.030)"),
        ({"by_slice": months(3.0, 0.9, NAN)}, "lift month by month", "lowest in 2026-02: 0.90"),
        ({"by_slice": months(NAN)}, "lift month by month", "no month with a lift"),
        ({"drifts": [Drift(0, 0.1, 0.0, 0.2), Drift(1, 0.25, 0.2, 0.3)]}, "score drift", "0.25 (0.20 to 0.30)"),
        ({"drifts": []}, "score drift", "no time before the test to compare with"),
        ({"faithfulness": faithful(additivity=2e-6)}, "reasons add up", "largest error 2e-06"),
        ({"faithfulness": faithful(refit=0.65)}, "reasons stable", "0.65 (0.55 to 0.75)"),
        ({"audit": Audit((replace(LEAK, kept=True),))}, "no leak", "reason kept though flagged"),
        ({"audit": Audit((LEAK,), ("rule 'Lost' reads reason",))}, "no leak", "rule 'Lost' reads reason"),
        ({"even": [UNEVEN]}, "even hand-off by country", "Norway over Spain: 0.50 (0.70 to 1.00)"),
    ],
)  # fmt: skip
def test_one_gate_not_passed_keeps_the_rules_and_is_named(
    changed: dict[str, Any], gate: str, said: str
) -> None:
    found = judged(**changed)
    assert found.verdict == KEEP
    assert [(failed.name, failed.found) for failed in found.failed] == [(gate, said)]
    gates = len(found.gates)
    first = f"{gate[0].upper()}{gate[1:]}: {said} (needed: {found.failed[0].needed})."
    assert found.words() == f"Keep the champion, the rules: 1 of {gates} gates is not passed. {first}"


@pytest.mark.parametrize(
    "changed",
    [
        {"compared": comparison(winners_reached=(0.0, -0.015, 0.01))},  # no worse, and days gained for sure
        {"audit": Audit((LEAK,))},  # flagged and left out
        {"even": [EVEN]},
        {"even": [UNEVEN], "waivers": {"country": WAIVER}},
        {"by_slice": months(1.01, NAN)},
    ],
)
def test_what_passes_all_the_same(changed: dict[str, Any]) -> None:
    assert judged(**changed).verdict == PROMOTE


def test_a_waiver_is_told_with_who_signed_it() -> None:
    (gate,) = [g for g in judged(even=[UNEVEN], waivers={"country": WAIVER}).gates if "country" in g.name]
    assert gate.found.endswith("; waived by Head of sales on 2026-01-15: new market")


@pytest.mark.parametrize("faithfulness", [None, faithful(refit=NAN)])
def test_reasons_that_were_not_looked_at_do_not_pass(faithfulness: Faithfulness | None) -> None:
    assert "reasons stable" in {gate.name for gate in judged(faithfulness=faithfulness).failed}


def test_few_winners_are_insufficient_whatever_the_gates_say() -> None:
    found = judged(comparison(winners=99))
    assert found.verdict == INSUFFICIENT and found.failed == []
    assert found.words().startswith("Insufficient evidence: 99 winners in the test, 100 needed.")
    assert judged(comparison(winners=100)).verdict == PROMOTE
    assert undecided().verdict == INSUFFICIENT


def test_a_verdict_is_plain_data() -> None:
    found = json.loads(json.dumps(judged(by_slice=months(NAN)).as_dict(), allow_nan=False))
    assert list(found) == ["verdict", "words", "winners", "winners_needed", "gates"]
    assert found["gates"][0] == {
        "name": "winners reached",
        "passed": True,
        "found": "+9 points (+2 to +15)",
        "needed": "a lower bound above 0, or above -2 points with days gained for sure",
        "value": 0.09,
        "low": 0.02,
        "high": 0.15,
    }
    lift = next(gate for gate in found["gates"] if gate["name"] == "lift month by month")
    assert (lift["passed"], lift["value"]) == (False, None)
    assert np.isfinite(found["winners"])
