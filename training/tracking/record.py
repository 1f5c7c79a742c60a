"""What a training leaves in MLflow: names and numbers by which two trainings can be compared."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lead_readiness import moments, sources
from lead_readiness.errors import masked
from lead_readiness.project import ProjectFile
from lead_readiness.scorer import Scorer
from training import tune
from training.dataset import Dataset
from training.fit import DEFAULTS
from training.judgement import judge, weekly
from training.judgement.baselines import BAYES, BUSY, ENGAGED, RECENT
from training.judgement.comparison import Comparison
from training.judgement.judge import LINEAR, MODEL, RULES, TREES, Trial
from training.tracking import inputs, note, plots
from training.tracking.registry import Policy, Training
from training.tracking.weights import weights
from training.wording import estimand, won_within

if TYPE_CHECKING:
    from training.job import Findings, Judged

KIND = "kind"
KINDS = {MODEL: "model", RULES: "rules", LINEAR: "voice", TREES: "voice"}
"""What the runs of the policies are; the others are baselines."""
ABOUT = {
    MODEL: "The model: the blend of its voices and the rules.",
    RULES: "The rule book, as it stands: the champion until it is beaten.",
    LINEAR: "The linear voice of the model by itself.",
    TREES: "The tree voice of the model by itself.",
    RECENT: "The leads whose last activity is the most recent first.",
    BUSY: "The leads with the most activity in the last 14 days first.",
    BAYES: "Naive Bayes on attributes alone, as CRMs' predictive scoring works.",
    ENGAGED: "Naive Bayes on attributes, engagement counts and recency.",
}


def training(path: Path, found: Findings) -> Training:
    """Everything of a training that its run keeps; without a judgement, only what needs none."""
    data, judged = found.data, found.judged
    named = sources.source_names(data.project)
    frames = inputs.frames(data.timelines)
    weighed = weights(found.leads, found.seed)
    figures = {"behaviours": plots.behaviours(weighed, len(found.leads))}
    if judged is not None:
        figures |= plots.judged(judged.contest, judged.comparison.handoffs)
    return Training(
        scorer=found.scorer,
        name=f"{found.verdict.verdict}, {found.scorer.version[:6]}, {moments.written(data.timelines.cut)[:10]}",
        about=note.version(found),
        marks=_marks(found),
        params={
            **_params(data, found.scorer, found.seed),
            **(_period(judged.trial) if judged else {}),
            **_settings(found),
        },
        tags=_tags(found),
        metrics={**(_measured(judged.comparison) if judged else {}), **_counts(data, found.scorer)},
        course=_beside(judged) if judged else pd.DataFrame(),
        inputs={name: (frames[name], source) for name, source in named.items()},
        texts={"inputs/readiness.toml": without_secrets(path), "inputs/rules.yaml": _rule_book(data.project)},
        documents=_documents(found),
        tables={"behaviours": weighed, **_tables(found)},
        figures=figures,
        policies=[_policy(found, judged, name) for name in judged.comparison.policies] if judged else (),
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
        "wins": scorer.card.wins,
        "features": len(scorer.catalogue.features),
        **{f"horizon_days.{cycle}": days for cycle, days in scorer.card.horizon_days.items()},
    }


def _settings(found: Findings) -> dict[str, Any]:
    """How the voices were learned, and whether by the default or tuned."""
    named = tune.named(found.tuned.settings if found.tuned else DEFAULTS)
    return {
        **{f"settings.{name}": value for name, value in named.items()},
        "tuning": found.tuned.words if found.tuned else "none",
    }


def _period(trial: Trial) -> dict[str, Any]:
    return {
        "test.begin": moments.written(trial.begin),
        "test.end": moments.written(trial.end),
        "test.origins": ", ".join(moments.written(cut)[:10] for cut in trial.cuts),
        "test.folds": judge.FOLDS,
    }


def _tags(found: Findings) -> dict[str, str]:
    book, scorer, judged = found.data.book, found.scorer, found.judged
    said = judged.comparison.summary() if judged else f"not compared: {found.refused}"
    return {
        **_verdict(found),
        KIND: "training",
        "verdict.words": found.verdict.words(),
        "scorer": scorer.version,
        "leak_audit": ", ".join(flag.column for flag in found.audit.flags) or "nothing flagged",
        "rule_book": book.name,
        "rule_book.version": str(book.version),
        "rule_book.fingerprint": book.fingerprint,
        "left_out": "; ".join(note.left_out(found)) or "nothing",
        "estimand": f"{estimand(scorer)}; an association",
        "summary": said,
        "mlflow.note.content": note.run(found),
    }


def _verdict(found: Findings) -> dict[str, str]:
    return {
        "verdict": found.verdict.verdict,
        "gates.failed": ", ".join(gate.name for gate in found.verdict.failed) or "none",
    }


def _marks(found: Findings) -> dict[str, str]:
    """What the tags of the model's version say: enough to list the versions, and to decide on a promotion."""
    book, card, judged = found.data.book, found.scorer.card, found.judged
    marks = {
        **_verdict(found),
        "verdict.words": found.verdict.words(),
        "cut": moments.written(card.cut),
        "wins": str(card.wins),
        "rule_book": f"{book.name} {book.version}",
    }
    if judged is not None:
        cell, gap = judged.comparison.cell, judged.comparison.gap
        marks |= {f"winners_reached.{name}": cell("winners_reached", name) for name in (MODEL, RULES)}
        marks["winners_reached.difference"] = gap("winners_reached", MODEL)
    return marks


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


def _measured(comparison: Comparison) -> dict[str, float]:
    """Each measure of model and rules and of their difference, then the ends of all intervals."""
    found = {
        **_figures(comparison.values, MODEL, f"{MODEL}_"),
        **_figures(comparison.values, RULES, f"{RULES}_"),
        **_figures(comparison.differences, MODEL, "difference_"),
    }
    return dict(sorted(found.items(), key=lambda item: item[0].endswith(("_low", "_high"))))


def _figures(table: pd.DataFrame, policy: str, prefix: str) -> dict[str, float]:
    """A policy's measures by name, then the ends of their intervals; what could not be told is left out."""
    rows = table[table["policy"] == policy]
    return {
        f"{prefix}{measure}{suffix}": float(value)
        for suffix, column in (("", 2), ("_low", 3), ("_high", 4))
        for measure, value in zip(rows["measure"], rows.iloc[:, column])
        if np.isfinite(value)
    }


def _policy(found: Findings, judged: Judged, name: str) -> Policy:
    """A way to rank as a run of its own: names without prefix, so that all of them, of any training, line up."""
    comparison = judged.comparison
    course = weekly.course(judged.contest, comparison.handoffs[name])
    return Policy(
        name=name,
        params={
            "policy": name,
            "scorer": found.scorer.version,
            "seed": found.seed,
            "cut": moments.written(found.data.timelines.cut),
        },
        tags={"policy": name, KIND: KINDS.get(name, "baseline"), "mlflow.note.content": ABOUT[name]},
        metrics={
            **_figures(comparison.values, name, ""),
            **_figures(comparison.differences, name, "vs_rules/"),
        },
        course=course.rename(
            columns=lambda column: f"{'so_far' if column in weekly.SO_FAR else 'replay'}/{column}"
        ),
    )


def _beside(judged: Judged) -> pd.DataFrame:
    """Winners reached and days gained so far by the model, by the rules, and what the model gains, by instant."""
    handoffs = judged.comparison.handoffs
    model, rules = (weekly.course(judged.contest, handoffs[name]) for name in (MODEL, RULES))
    sides = {MODEL: model, RULES: rules, "gain": model - rules}
    shown = {"winners_so_far": "winners_reached", "days_so_far": "days_gained"}
    return pd.DataFrame(
        {f"{title}/{side}": found[column] for title, column in shown.items() for side, found in sides.items()}
    )


def _documents(found: Findings) -> dict[str, Any]:
    """The JSON files of a run: the verdict, the comparison, the audit, the reasons' faithfulness."""
    documents = {
        "verdict": found.verdict.as_dict(),
        "leak_audit": asdict(found.audit),
        "faithfulness": {**asdict(found.faithfulness), "words": list(found.faithfulness.lines())},
    }
    if found.judged is not None:
        documents["comparison"] = _document(found.judged.comparison)
    return {name: _plain(document) for name, document in documents.items()}


def _document(comparison: Comparison) -> dict[str, Any]:
    return {
        "summary": comparison.summary(),
        "capacity": comparison.capacity,
        "every_days": comparison.every_days,
        "winners": comparison.winners,
        "notes": list(comparison.notes),
        "values": comparison.values.to_dict("records"),
        "differences": comparison.differences.to_dict("records"),
    }


def _plain(value: Any) -> Any:
    """The same as JSON can hold it: null where there is no number."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _tables(found: Findings) -> dict[str, pd.DataFrame]:
    judged = found.judged
    tables: dict[str, pd.DataFrame] = {}
    if judged is not None:
        comparison = judged.comparison
        tables |= {
            "comparison": comparison.values,
            "differences": comparison.differences,
            "slices": judged.by_slice,
        }
    if found.tuned is not None:
        tables["tuning"] = found.tuned.frame()
    return tables
