"""A scorer as a model that MLflow can load anywhere: its files, the library's code, its columns, an example."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

import lead_readiness
from lead_readiness import moments
from lead_readiness.project import Project
from lead_readiness.scorer import Scorer
from lead_readiness.tables.contract import columns_of
from lead_readiness.timelines import DAY
from training.tracking.store import load_mlflow

MODEL_CODE = Path(__file__).with_name("model_code.py")
FOLDER = "scorer"
NEEDED = ("numpy", "numba", "pandas", "pyarrow", "scipy", "scikit-learn", "pydantic", "pyyaml")
"""What the library needs to score; what it needs to read files and to learn stays at home."""
PROMISES = ("score", "probability", "rule_points")


def log_model(scorer: Scorer) -> Any:
    """What MLflow says of the model that it has made of a scorer, as `model` of the active run."""
    with tempfile.TemporaryDirectory() as folder:
        scorer.save(Path(folder) / FOLDER)
        return load_mlflow().pyfunc.log_model(
            name="model",
            python_model=str(MODEL_CODE),
            artifacts={FOLDER: str(Path(folder) / FOLDER)},
            code_paths=[str(Path(lead_readiness.__file__).parent)],
            pip_requirements=[f"{name}=={version(name)}" for name in NEEDED],
            signature=signature(scorer.project),
            input_example=(
                example(scorer.project, scorer.card.cut),
                {"as_of": moments.written(scorer.card.cut)},
            ),
            metadata={"scorer": scorer.version, "rule_book": f"{scorer.book.name} {scorer.book.version}"},
        )


def signature(project: Project) -> Any:
    """The model's columns in and out, and its parameter ``as_of``.

    Columns in are of any type, because the contract, which checks them, accepts what files and databases hold:
    ids as text or whole numbers, dates as text or instants.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

    from training.tracking.model_code import optional

    leads = [
        ColSpec(AnyType(), c.name, required=c.name != "account_id") for c in columns_of("leads", project)
    ]
    events = [ColSpec(AnyType(), c.name, required=c.required) for c in columns_of("events", project)[1:]]
    more = [ColSpec(AnyType(), c, required=False) for columns in optional(project).values() for c in columns]
    text = {name: ColSpec(DataType.string, name) for name in ("lead_id", "grade", "version")}
    numbers = [ColSpec(DataType.double, name) for name in PROMISES]
    reasons = ColSpec(Array(DataType.string), "reasons")
    out = [
        text["lead_id"],
        ColSpec(DataType.datetime, "as_of"),
        *numbers,
        text["grade"],
        reasons,
        text["version"],
    ]
    return ModelSignature(
        Schema(leads + events + more), Schema(out), ParamSchema([ParamSpec("as_of", DataType.string, None)])
    )


def example(project: Project, cut: int) -> pd.DataFrame:
    """Rows as the registered model takes them: a made-up lead with two events, and one without any.

    Nothing of a real lead is in it, since an example is stored with the model and shown to whoever opens it.
    """
    buyer = [kind for kind, meaning in project.vocabulary.items() if meaning.actor == "buyer"]
    whole = {c.name: [None] * 3 for c in columns_of("leads", project)}
    week = [moments.written(cut - days * DAY) for days in (7, 3, 1)]
    own = {"lead_id": ["made-up-1", "made-up-1", "made-up-2"], "created_at": [week[0], week[0], week[1]]}
    events = {"occurred_at": [week[1], week[2], None], "kind": [buyer[0], buyer[-1], None]}
    return pd.DataFrame({**whole, **own, **events}).drop(columns="account_id")
