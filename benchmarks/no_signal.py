"""A company in which nothing foretells anything: how often is the model promoted all the same?

People, accounts and events are a simulated company's. Outcomes are drawn anew for every lead: from its creation on it
is won at one constant rate and lost at another, whatever it did, wherever it came from and however old it is. To deal
the true outcomes out to other leads would not do: how long winners wait would still say something about a lead of a
given age, and a model may rightly learn that. There are no hand-offs, and one horizon for all, since of two leads with
the same chance a day the one with the longer horizon has the better chance to be won within it.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.chances import ZERO_INSIDE, mean, share
from benchmarks.measure import Measure
from benchmarks.project_file import TIME, end, replaced
from lead_readiness import simulate
from training import audit, dataset, job
from training.judgement.judge import MODEL
from training.judgement.verdict import PROMOTE, WINNERS_NEEDED, verdict

MONTHS = 18
HORIZON_DAYS = 60
WON, LOST = 0.0034, 0.003
"""Chance a day of being won, and of being lost: many winners in few leads, so that no time goes into more."""
SETTLES_DAYS = 3.0
EXPLAINED = ("reasons add up", "reasons stable")
"""The gates that need a scorer of all leads."""
BY_CHANCE = 0.025
"""How often a 95 % interval lies above 0 where there is nothing."""


def run(seed: int, leads: int, fresh: Path | None) -> dict[str, Any]:
    """The verdict of a training on such a company, and its gates.

    What takes longest, the scorer of all leads and its explanations, is left out while other gates are not passed: it
    can no longer lead to a promotion.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write(folder, leads, seed)
        data = dataset.load(folder / "readiness.toml")
        audited = audit.audit(data, seed)
        judged = job.judge(audit.without_flagged(data, audited), seed)
        said = verdict(judged.comparison, judged.by_slice, judged.drifts, None, audited, judged.even, {})
        if all(gate.passed for gate in said.gates if gate.name not in EXPLAINED):
            said = job.learn(data, folder / "studies.db", seed).verdict
    return {
        "verdict": said.verdict,
        "winners": said.winners,
        "learned": judged.trial.wins_learned,
        "gates": {gate.name: gate.passed for gate in said.gates},
        "difference": judged.comparison.difference("winners_reached", MODEL),
        "days": judged.comparison.difference("days_gained", MODEL),
    }


def write(folder: Path, leads: int, seed: int) -> None:
    """The company's files, without signal."""
    simulate.write(folder, leads, seed, MONTHS, truth=False)
    path = folder / "readiness.toml"
    text = path.read_text(encoding="utf-8")
    text = replaced(text, "{ short = 30, long = 90 }", str(HORIZON_DAYS))
    text = replaced(replaced(text, 'cycle = "cycle"\n', ""), 'handoffs = "handoffs.csv"\n', "")
    path.write_text(text, encoding="utf-8")
    people = pd.read_csv(folder / "leads.csv", parse_dates=["created_at"])
    outcomes(people, end(text), seed).to_csv(folder / "outcomes.csv", index=False, date_format=TIME)


def outcomes(people: pd.DataFrame, cut: pd.Timestamp, seed: int) -> pd.DataFrame:
    """What becomes of each lead by ``cut``, at constant rates: a table as the data contract has it."""
    rng = np.random.default_rng([seed, 7])
    n = len(people)
    waits = rng.exponential(1 / (WON + LOST), n)
    won = rng.random(n) < WON / (WON + LOST)
    moment = people["created_at"] + pd.to_timedelta(waits, unit="D")
    settles = pd.to_timedelta(np.where(won, rng.exponential(SETTLES_DAYS, n), 0.0), unit="D")
    table = pd.DataFrame(
        {
            "lead_id": people["lead_id"],
            "outcome": np.where(won, "won", "lost"),
            "decided_at": moment + settles,
            "opportunity_at": moment.where(won),
            "amount": np.where(won, 1000, np.nan),
        }
    )
    return table[table["decided_at"] < cut]


def measures(found: list[dict[str, Any]]) -> list[Measure]:
    """How often it was promoted, and how often the gate of the winners alone was passed."""
    gaps = np.array([each["difference"] for each in found])
    above = [bool(low > 0) for low in gaps[:, 1]]
    gate = [each["gates"].get("winners reached", False) for each in found]
    promoted = [each["verdict"] == PROMOTE for each in found]
    enough = [each["winners"] >= WINNERS_NEEDED for each in found]
    full = len(found) >= 50
    lucky = share("interval of the difference above 0, by chance", above, goal="2.5 % inside the interval")
    return [
        share("promoted", promoted, "0 of 50" if full else "", not any(promoted) if full else None),
        share(f"with {WINNERS_NEEDED} winners in the test or more", enough),
        mean("winners in the test", [each["winners"] for each in found], "winners"),
        mean("model less rules, winners reached", list(100 * gaps[:, 0]), "points", ZERO_INSIDE),
        replace(lucky, reached=bool(lucky.low <= BY_CHANCE <= lucky.high)),
        share("gate of the winners passed, either way", gate),
        *(
            share(f"gate passed: {name}", [each["gates"].get(name, False) for each in found])
            for name in found[0]["gates"]
            if name not in ("winners reached", *EXPLAINED)
        ),
    ]
