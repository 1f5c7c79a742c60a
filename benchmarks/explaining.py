"""How fast a score is explained: tree contributions beside LightGBM's and shap's, and one lead with its reasons."""

from __future__ import annotations

import os
from pathlib import Path

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shap

from benchmarks.company import CUT, open_project
from benchmarks.measure import Measure, against, per_call, ratios, side_by_side
from lead_readiness import blend, features, linear, rules, sources, timelines, trees
from lead_readiness.card import Card
from lead_readiness.scorer import Scorer
from lead_readiness.snapshots import POSITIVE, Snapshots
from lead_readiness.tables import validate
from lead_readiness.timelines import WON, Timelines

EXACT = 1e-6
TREES = 300


def measure(folder: Path, rows: int, repeat: int) -> list[Measure]:
    """The measures of explaining, so many rows at once and one by itself, by a scorer trained on the company."""
    project = open_project(folder)
    raw = sources.read(project)
    known = timelines.build(validate(project, **raw), project)
    scorer, x = _scorer(folder, known, _rows(known))
    lead_id = _typical(known)
    own = {name: table.filter(pc.equal(table["lead_id"], lead_id)) for name, table in raw.items()}
    event_ids = pa.array([f"event {n}" for n in range(len(own["events"]))])
    own["events"] = own["events"].append_column("event_id", event_ids)
    alone = timelines.build(validate(project, **own), project)
    return _contributions(scorer.trees, x[:rows], repeat) + _one_lead(scorer, alone)


def _rows(known: Timelines) -> Snapshots:
    """A snapshot of each lead, a month after its creation, won or not."""
    lead = np.arange(len(known), dtype=np.int32)
    as_of = np.minimum(known.created[lead] + 30 * timelines.DAY, CUT)
    label = np.where(known.outcome[lead] == WON, POSITIVE, 0).astype(np.int8)
    return Snapshots(lead, as_of, np.zeros(len(lead), np.int16), label, np.ones(len(lead)))


def _typical(known: Timelines) -> str:
    """A lead of twenty events, the last ones recent."""
    candidates = np.flatnonzero(np.diff(known.start) == 20)
    latest = known.time[known.start[candidates + 1] - 1]
    return str(known.lead_ids[candidates[np.argmax(latest)]])


def _scorer(folder: Path, known: Timelines, rows: Snapshots) -> tuple[Scorer, npt.NDArray[np.float32]]:
    """All three voices and their blend, each as large as a training makes it."""
    project = open_project(folder)
    book = rules.load(folder / project.rules, project)
    catalogue, attributes = features.build(project, known, rows, seed=0)
    x = features.compute(catalogue, known, rows.lead, rows.as_of, attributes)
    y = (rows.label == POSITIVE).astype(np.float64)
    given = (x, y, np.ones(len(y)), catalogue.directions, [f.name for f in catalogue.features])
    voices = linear.fit(*given), trees.fit(*given, params=trees.Params(trees=TREES))
    points = rules.replay(book, known, rows.lead, rows.as_of).points
    logits = [base + moved.sum(axis=1) for base, moved in (voice.contributions(x) for voice in voices)]
    mixed = blend.fit(np.column_stack([points, *logits]), y, np.ones(len(y)))
    card = Card({"all": None}, CUT, len(known), len(rows), rows.wins, seed=0)
    return Scorer(project.meaning(), book, catalogue, *voices, mixed, card), x


def _contributions(voice: trees.Trees, x: npt.NDArray[np.float32], repeat: int) -> list[Measure]:
    threads = os.cpu_count() or 1
    booster = lightgbm.Booster(model_str=voice.text)
    explainer = shap.TreeExplainer(booster)
    base, phi = voice.contributions(x, threads)
    theirs = booster.predict(x, pred_contrib=True, num_threads=threads)
    apart = float(np.abs(np.column_stack([phi, np.full(len(x), base)]) - theirs).max())
    seconds = side_by_side(
        {
            "ours": lambda: voice.contributions(x, threads),
            "LightGBM pred_contrib": lambda: booster.predict(x, pred_contrib=True, num_threads=threads),
            "shap.TreeExplainer": lambda: explainer.shap_values(x),
            "predict": lambda: booster.predict(x, num_threads=threads),
        },
        repeat,
    )
    what = f"tree contributions, {TREES} trees, {x.shape[1]} features"
    made = [against(f"{what}: rows a second", [len(x) / s for s in seconds["ours"]], "rows/s")]
    for name in ("LightGBM pred_contrib", "shap.TreeExplainer"):
        times = ratios(seconds[name], seconds["ours"])
        made.append(against(f"{what}: times as fast as {name}", times, "x", ">= 15"))
    as_long = ratios(seconds["ours"], seconds["predict"])
    made.append(against(f"{what}: times as long as predict", as_long, "x", "<= 2"))
    return [
        *made,
        against(f"{what}: greatest difference from pred_contrib", [apart], "log-odds", f"<= {EXACT:g}"),
    ]


def _one_lead(scorer: Scorer, known: Timelines) -> list[Measure]:
    lead, as_of = np.zeros(1, np.int32), np.full(1, CUT)

    def assess() -> None:
        scorer.assess(known, lead, as_of).reasons(0)

    assess()
    seconds = per_call(assess, 200)
    what = f"one lead of {len(known.time)} events"
    return [against(f"{what}: assessed with reasons", [s * 1e3 for s in seconds], "ms", "<= 0.5")]
