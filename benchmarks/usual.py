"""The scoring service that one would otherwise build: FastAPI, features in pandas, LightGBM, a cached TreeExplainer.

`uvicorn benchmarks.usual:app`; the scorer's folder is in USUAL_SCORER. The trees are those of our own scorer, the
features fewer (counts and recency of each kind), the reasons the four features with the largest contributions.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import shap
from fastapi import FastAPI

from lead_readiness.scorer import Scorer

WINDOWS = (7, 30, 90)
SCORER = Scorer.load(Path(os.environ["USUAL_SCORER"]))
KINDS = list(SCORER.project.kinds)
COLUMNS = [f"{kind}_{days}d" for kind in KINDS for days in WINDOWS] + [f"{kind}_recency" for kind in KINDS]


def _booster() -> lgb.Booster:
    """As many trees, of the size of ours, over the columns that pandas makes here."""
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.poisson(0.5, (4_000, len(COLUMNS))).astype(float), columns=COLUMNS)
    y = (x.iloc[:, :6].sum(axis=1) + rng.normal(0, 1, len(x)) > 4).astype(int)
    settings = {"objective": "binary", "num_leaves": 15, "max_depth": 6, "verbose": -1, "num_threads": 1}
    return lgb.train(settings, lgb.Dataset(x, y), num_boost_round=300)


MODEL = _booster()
EXPLAINER = shap.TreeExplainer(MODEL)
app = FastAPI()


@app.post("/score")
def score(body: dict[str, Any]) -> dict[str, Any]:
    """Every lead's probability, with the features that move it most."""
    as_of = pd.Timestamp(body["as_of"])
    x = pd.DataFrame([features(lead, as_of) for lead in body["leads"]], columns=COLUMNS)
    probability, moved = MODEL.predict(x), EXPLAINER.shap_values(x)
    moved = moved[-1] if isinstance(moved, list) else moved
    best = np.argsort(-np.abs(moved), axis=1)[:, :4]
    reasons = [[(COLUMNS[k], float(row[k])) for k in top] for row, top in zip(moved, best)]
    leads = [
        {"lead_id": lead["lead_id"], "probability": float(p), "reasons": r}
        for lead, p, r in zip(body["leads"], probability, reasons)
    ]
    return {"leads": leads}


def features(lead: dict[str, Any], as_of: pd.Timestamp) -> dict[str, float]:
    """Counts of each kind in windows of days, and days since the last, as pandas makes them."""
    events = pd.DataFrame(lead["events"], columns=["occurred_at", "kind"])
    events["occurred_at"] = pd.to_datetime(events["occurred_at"], utc=True, format="ISO8601")
    events = events[events["occurred_at"] < as_of]
    age = (as_of - events["occurred_at"]).dt.total_seconds() / 86_400
    row: dict[str, float] = {}
    for days in WINDOWS:
        counted = events.loc[age < days].groupby("kind").size().reindex(KINDS, fill_value=0)
        row |= {f"{kind}_{days}d": float(n) for kind, n in counted.items()}
    last = age.groupby(events["kind"]).min().reindex(KINDS)
    return row | {f"{kind}_recency": float(days) for kind, days in last.items()}
