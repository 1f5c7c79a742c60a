"""What a training leaves in MLflow: names and numbers by which two trainings can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lead_readiness import moments, sources, trees
from lead_readiness.project import ProjectFile
from lead_readiness.scorer import Assessment, Scorer
from training import inputs, judge, plots
from training.comparison import Comparison
from training.contest import Contest
from training.dataset import Dataset
from training.judge import Trial
from training.registry import Training
from training.wording import estimand, masked, won_within


def training(
    path: Path,
    data: Dataset,
    trial: Trial | None,
    contest: Contest | None,
    comparison: Comparison | None,
    scorer: Scorer,
    leads: Assessment,
    seed: int,
) -> Training:
    """Everything of a training that its run keeps; without a trial, only what needs none."""
    named = sources.source_names(data.project)
    frames = inputs.frames(data.timelines)
    figures = {"behaviours": plots.behaviours(leads)}
    if contest is not None:
        figures |= {"gain": plots.gain(contest), "calibration": plots.calibration(contest)}
    return Training(
        scorer=scorer,
        params={**_params(data, scorer, seed), **(_period(trial) if trial else {})},
        tags=_tags(data, trial, comparison, scorer),
        metrics={**_counts(data, scorer), **(dict(_measured(comparison)) if comparison else {})},
        inputs={name: (frames[name], source) for name, source in named.items()},
        texts={"inputs/readiness.toml": without_secrets(path), "inputs/rules.yaml": _rule_book(data.project)},
        documents={"comparison": _document(comparison)} if comparison else {},
        tables=_tables(comparison, leads),
        figures=figures,
    )


def without_secrets(path: Path) -> str:
    """A project file's text, with `***` for passwords written into its URLs."""
    return masked(path.read_text(encoding="utf-8"))


def _rule_book(project: ProjectFile) -> str:
    return (project.root / project.rules).read_text(encoding="utf-8")


def _params(data: Dataset, scorer: Scorer, seed: int) -> dict[str, Any]:
    label, blend = data.project.label, scorer.blend
    return {
        "label": won_within(scorer.card.horizon_days),
        "gap_days": label.gap_days,
        "cadence_days": label.cadence_days,
        "snapshots_per_episode": label.snapshots_per_episode,
        "capacity_per_week": data.project.handoff.capacity_per_week,
        "cut": moments.written(data.timelines.cut),
        "seed": seed,
        "voices": " + ".join(blend.voices) if blend else "rules",
        "features": len(scorer.catalogue.features),
        **{f"horizon_days.{cycle}": days for cycle, days in scorer.card.horizon_days.items()},
        **(
            {f"trees.{name}": value for name, value in asdict(trees.Params()).items()} if scorer.trees else {}
        ),
    }


def _period(trial: Trial) -> dict[str, Any]:
    return {
        "test.begin": moments.written(trial.begin),
        "test.end": moments.written(trial.end),
        "test.folds": judge.FOLDS,
    }


def _tags(
    data: Dataset, trial: Trial | None, comparison: Comparison | None, scorer: Scorer
) -> dict[str, str]:
    book = data.book
    said = comparison.summary() if comparison else "not compared: the history is too short"
    left_out = [*scorer.card.notes, *(trial.notes if trial else ())]
    return {
        "scorer": scorer.version,
        "rule_book": book.name,
        "rule_book.version": str(book.version),
        "rule_book.fingerprint": book.fingerprint,
        "left_out": "; ".join(dict.fromkeys(left_out)) or "nothing",
        "estimand": f"{estimand(scorer)}; an association",
        "summary": said,
        "mlflow.note.content": f"{said}\n\n{estimand(scorer)}; an association.",
    }


def _counts(data: Dataset, scorer: Scorer) -> dict[str, float]:
    card, lines = scorer.card, data.timelines
    weights = zip(scorer.blend.voices, scorer.blend.weights) if scorer.blend else ()
    return {
        "data_leads": len(lines),
        "data_events": len(lines.time),
        "learned_leads": card.leads,
        "learned_snapshots": card.rows,
        "learned_wins": card.wins,
        **{f"blend_{voice}": weight for voice, weight in weights},
    }


def _measured(comparison: Comparison) -> Iterator[tuple[str, float]]:
    """Each measure of each policy and of the difference, with its interval; what could not be told is left out."""
    gaps = comparison.differences.assign(policy="difference").rename(columns={"difference": "value"})
    both = pd.concat([comparison.values, gaps])
    names = (both["policy"] + "_" + both["measure"]).tolist()
    for column, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
        for name, value in zip(names, both[column].to_numpy(float).tolist()):
            if np.isfinite(value):
                yield name + suffix, value


def _document(comparison: Comparison) -> dict[str, Any]:
    return {
        "summary": comparison.summary(),
        "capacity": comparison.capacity,
        "every_days": comparison.every_days,
        "winners": comparison.winners,
        "notes": list(comparison.notes),
        "values": _rows(comparison.values),
        "differences": _rows(comparison.differences),
    }


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: no number where there is none."""
    return [
        {str(k): None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
        for row in frame.to_dict("records")
    ]


def _tables(comparison: Comparison | None, leads: Assessment) -> dict[str, pd.DataFrame]:
    points = leads.by_behaviour * leads.scorer.unit
    weights = pd.DataFrame(
        {
            "behaviour": leads.scorer.behaviours,
            "mean_for": np.clip(points, 0, None).sum(axis=0) / max(len(points), 1),
            "mean_against": np.clip(points, None, 0).sum(axis=0) / max(len(points), 1),
        }
    )
    found = {"behaviours": weights}
    if comparison is not None:
        found |= {"comparison": comparison.values, "differences": comparison.differences}
    return found
