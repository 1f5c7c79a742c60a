"""Columns planted in a simulated company that are known only once the outcome is, and honest ones much like them.

The audit should flag every canary, none of the twins, none of the company's own columns, and nothing in the same
company without canaries.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.chances import share
from benchmarks.measure import Measure
from benchmarks.project_file import TIME, end, replaced
from lead_readiness import simulate
from training import dataset
from training.audit import audit

MONTHS = 18
Bools = npt.NDArray[np.bool_]
Column = npt.NDArray[Any]


@dataclass(frozen=True)
class Past:
    """A company's leads with their outcomes, its end, and dice."""

    leads: pd.DataFrame
    won: Bools
    lost: Bools
    end: pd.Timestamp
    dice: np.random.Generator

    def some(self, part: float) -> Bools:
        return self.dice.random(len(self.leads)) < part

    def pick(self, *values: str) -> Column:
        return self.dice.choice(np.array(values, dtype=object), len(self.leads))

    def after(self, column: str, low: float, high: float) -> pd.Series[pd.Timestamp]:
        """Moments so many days after those of a column."""
        days = self.dice.uniform(low, high, len(self.leads))
        return self.leads[column] + pd.to_timedelta(days, unit="D")

    def dates(self, low: float, high: float, last: pd.Timestamp | None = None) -> Column:
        """Dates so many days after creation, none after ``last``."""
        at = self.after("created_at", low, high)
        at = at if last is None else at.clip(upper=last)
        return at.dt.strftime("%Y-%m-%d").to_numpy(dtype=object)

    def log(self, who: Bools, column: str, low: float, high: float) -> pd.DataFrame:
        """An event of each of these leads, so many days after its moment in a column."""
        at = self.after(column, low, high)
        chosen = who & (at < self.end).to_numpy()
        return pd.DataFrame({"lead_id": self.leads["lead_id"][chosen], "occurred_at": at[chosen]})


Values = Callable[[Past], Column]
Log = Callable[[Past], pd.DataFrame]

LEAKS: dict[str, tuple[str, Values]] = {
    "contract_value": ("number", lambda p: np.where(p.won, p.dice.integers(1, 99, len(p.won)), np.nan)),
    "calls_until_close": ("number", lambda p: p.dice.poisson(np.where(p.won, 7.0, 1.5)).astype(float)),
    "seconds_talked": ("number", lambda p: p.dice.gamma(np.where(p.won, 5.0, 1.2), 99.0)),
    "stage": ("category", lambda p: np.where(p.won, "customer", p.pick("open", "working"))),
    "reason_lost": ("category", lambda p: np.where(p.lost, p.pick("price", "time"), None)),
    "last_changed": ("category", lambda p: p.dates(2, 60, p.end - pd.Timedelta(1, "D"))),
}
"""Attributes known only after the outcome, or dated after creation."""
TWINS: dict[str, tuple[str, Values]] = {
    "budget": ("number", lambda p: np.where(p.some(0.5), p.dice.integers(1, 99, len(p.won)), np.nan)),
    "calls_before": ("number", lambda p: p.dice.poisson(np.where(p.won, 2.0, 1.5)).astype(float)),
    "referred": ("category", lambda p: np.where(p.some(0.1) | p.won & p.some(0.3), "yes", "no")),
    "student": ("category", lambda p: np.where(~p.won & p.some(0.2), "yes", "no")),
    "start_wanted": ("category", lambda p: p.dates(9, 200)),
    "founded": ("category", lambda p: p.dates(-9999, -9)),
}  # fmt: skip
LEAKING: dict[str, Log] = {
    "contract_signed": lambda p: p.log(p.won, "decided_at", -0.1, 0.1),
    "case_closed": lambda p: p.log(p.won | p.lost, "decided_at", -0.1, 0.1),
    "welcome_pack": lambda p: p.log(p.won, "opportunity_at", 0.5, 9.0),
    "contract_drafted": lambda p: p.log(p.won & p.some(0.7), "opportunity_at", -9.0, -2.0),
}
"""Event kinds at the decision, after the opening, and of winners alone."""
HARMLESS: dict[str, Log] = {
    "brochure": lambda p: pd.concat([p.log(p.won & p.some(0.5), "opportunity_at", -5.0, -1.5),
                                     p.log(p.some(0.3), "created_at", 0.0, 20.0)]),
    "letter": lambda p: p.log(p.some(0.5), "created_at", 0.0, 60.0),
    "survey": lambda p: p.log(p.some(0.2), "created_at", 5.0, 90.0),
}  # fmt: skip
BY_SALES = {"sales_call": "call by sales", "sales_email": "mail by sales"}
"""What sales does, declared as the buyer's."""
CANARIES = (*LEAKS, *LEAKING, *BY_SALES)


def run(seed: int, leads: int, fresh: Path | None) -> dict[str, Any]:
    """What the audit flags, by name with the check that did: among the planted, and in the clean company."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        simulate.write(folder, leads, seed, MONTHS, truth=False)
        clean = flagged(folder)
        plant(folder, seed)
        return {"clean": clean, "planted": flagged(folder)}


def flagged(folder: Path) -> dict[str, str]:
    """Each flagged column with its check."""
    return {flag.column: flag.check for flag in audit(dataset.load(folder / "readiness.toml")).flags}


def plant(folder: Path, seed: int) -> None:
    """Add canaries and twins to a company's files."""
    path = folder / "readiness.toml"
    text = path.read_text(encoding="utf-8")
    past = _past(folder, text, seed)
    people = pd.read_csv(folder / "leads.csv")
    columns = {name: values(past) for name, (_, values) in {**LEAKS, **TWINS}.items()}
    people.assign(**columns).to_csv(folder / "leads.csv", index=False)
    logs = [pd.read_csv(folder / "events.csv.gz")]
    for kind, made in {**LEAKING, **HARMLESS}.items():
        log = made(past)
        log["occurred_at"] = log["occurred_at"].dt.strftime(TIME)
        logs.append(log.assign(kind=kind, event_id=[f"{kind}-{n}" for n in range(len(log))]))
    pd.concat(logs).to_csv(folder / "events.csv.gz", index=False)
    types = "\n".join(f'{name} = "{type_}"' for name, (type_, _) in {**LEAKS, **TWINS}.items())
    kinds = "\n".join(f'{kind} = {{ behaviour = "{kind}" }}' for kind in (*LEAKING, *HARMLESS))
    text = replaced(text, "[attributes]\n", f"[attributes]\n{types}\n")
    text = replaced(text, "[vocabulary]\n", f"[vocabulary]\n{kinds}\n")
    for phrase in BY_SALES.values():
        text = replaced(text, f'actor = "sales", phrase = "{phrase}"', f'phrase = "{phrase}"')
    path.write_text(text, encoding="utf-8")


def _past(folder: Path, text: str, seed: int) -> Past:
    dated = ["decided_at", "opportunity_at"]
    people = pd.read_csv(folder / "leads.csv", parse_dates=["created_at"])
    outcomes = pd.read_csv(folder / "outcomes.csv", parse_dates=dated)
    people = people.merge(outcomes, on="lead_id", how="left")
    won = (people["outcome"] == "won").to_numpy()
    lost = people["outcome"].notna().to_numpy() & ~won
    return Past(people, won, lost, end(text), np.random.default_rng(seed))


def measures(found: list[dict[str, Any]]) -> list[Measure]:
    """The shares of canaries flagged and of honest columns flagged, over all seeds."""
    hits = {name: [name in each["planted"] for each in found] for name in CANARIES}
    all_hits = [hit for of_name in hits.values() for hit in of_name]
    honest = [name in each["planted"] for each in found for name in (*TWINS, *HARMLESS)]
    own = [bool(set(each["planted"]) - {*CANARIES, *TWINS, *HARMLESS}) for each in found]
    clean = [bool(each["clean"]) for each in found]
    return [
        share("canaries flagged", all_hits, "all", all(all_hits)),
        *(share(f"flagged: {name}", of_name) for name, of_name in hits.items() if not all(of_name)),
        share("twins flagged", honest, "none", not any(honest)),
        share("companies with an own column flagged beside canaries", own, "none", not any(own)),
        share("clean companies with anything flagged", clean, "none", not any(clean)),
    ]
