"""A small company whose leads win when they look at prices, as files."""

from pathlib import Path

import numpy as np
import pandas as pd

PROJECT = """
name = "Small company"
rules = "rules.yaml"
timezone = "Europe/Berlin"
[tables]
leads = "leads.csv"
events = "events.csv"
outcomes = "outcomes.csv"
[attributes]
size = "number"
source = "category"
[label]
horizon_days = 30
[handoff]
capacity_per_week = 5
[vocabulary]
visit = { behaviour = "web", direction = "up" }
pricing = { behaviour = "pricing", direction = "up", phrase = "pricing view" }
call = { behaviour = "sales", actor = "sales" }
"""
RULES = """
name: Small rules
version: 2
threshold: 15
decay: {half_life_days: 30}
rules:
  - {name: Pricing page, points: 10, when: {kind: pricing}}
  - {name: Visit, points: 1, when: {kind: visit}}
  - {name: Large, points: 5, when: {attribute: {size: {min: 50}}}}
grades: {fit: {A: 5}, engagement: {1: 20, 2: 5}}
"""
DAYS = 360
START = pd.Timestamp("2025-01-01", tz="UTC")


def write_company(folder: Path, leads: int, share: float = 0.5, seed: int = 3) -> Path:
    """The files of a company; of the leads that look at prices every second one wins. The project file's path."""
    rng = np.random.default_rng(seed)
    ids = [f"lead-{n:04d}" for n in range(leads)]
    created = START + pd.to_timedelta(np.sort(rng.uniform(0, DAYS, leads)), unit="D")
    interested = rng.random(leads) < share
    count = rng.integers(1, 9, leads)
    owner = np.repeat(np.arange(leads), count)
    kind = np.where(interested[owner] & (rng.random(len(owner)) < 0.6), "pricing", "visit")
    occurred = created[owner] + pd.to_timedelta(rng.uniform(0, 40, len(owner)), unit="D")
    won = interested & (rng.random(leads) < 0.6)
    decided = created + pd.to_timedelta(rng.uniform(15, 45, leads), unit="D")
    end = START + pd.Timedelta(days=DAYS)
    attributes = {"size": rng.integers(1, 200, leads), "source": rng.choice(["search", "fair"], leads)}
    account = [f"account-{n // 2}" for n in range(leads)]
    tables = {
        "leads": pd.DataFrame({"lead_id": ids, "created_at": created, "account_id": account, **attributes}),
        "events": pd.DataFrame({"lead_id": np.take(ids, owner), "occurred_at": occurred, "kind": kind}),
        "outcomes": pd.DataFrame(
            {"lead_id": ids, "outcome": np.where(won, "won", "lost"), "decided_at": decided}
        )[decided < end],
    }
    tables["events"]["event_id"] = [f"e{n}" for n in range(len(owner))]
    tables["events"] = tables["events"][occurred < end]
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    (folder / "readiness.toml").write_text(PROJECT, encoding="utf-8")
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    return folder / "readiness.toml"
