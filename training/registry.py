"""A training as one MLflow run, its scorer as a registered model, and the way back from a model to its scorer."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy.exc import SQLAlchemyError

import lead_readiness
from lead_readiness import moments
from lead_readiness.errors import LeadReadinessError, ModelError
from lead_readiness.project import Project
from lead_readiness.scorer import Scorer
from lead_readiness.tables.contract import columns_of
from lead_readiness.timelines import DAY
from training.store import Store, load_mlflow
from training.wording import masked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODEL_CODE = Path(__file__).with_name("model_code.py")
ALIAS = "challenger"
FOLDER = "scorer"
NEEDED = ("numpy", "numba", "pandas", "pyarrow", "scipy", "scikit-learn", "pydantic", "pyyaml")
"""What the library needs to score; what it needs to read files and to learn stays at home."""
PROMISES = ("score", "probability", "rule_points")


@dataclass(frozen=True)
class Training:
    """What a run keeps beside the scorer.

    ``inputs`` are frames with the name of their source (they are described and fingerprinted, not stored);
    ``texts`` are written by file name, ``documents`` as JSON, ``tables`` as CSV, ``figures`` as PNG.
    """

    scorer: Scorer
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    inputs: Mapping[str, tuple[pd.DataFrame, str]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """Where a training went: its run and, unless it was not to be registered, its model's version and address."""

    experiment_id: str
    run_id: str
    model: str
    version: str | None
    uri: str


def slug(name: str) -> str:
    """A company's name as the name of its registered model.

    >>> slug("Simulated company"), slug("Müller & Söhne / EMEA")
    ('simulated-company-readiness', 'müller-söhne-emea-readiness')
    """
    return "-".join([*re.findall(r"\w+", name.lower()), "readiness"])


def keep(training: Training, store: Store, register: bool = True) -> Kept:
    """Write a training as one run of the experiment named after the project, and register its scorer.

    Registering is the last step: a run that is interrupted or fails before it is marked and deleted, and no
    model points to it. Raises LeadReadinessError when the store refuses.
    """
    mlflow = load_mlflow()
    mlflow.set_tracking_uri(store.uri)
    mlflow.set_registry_uri(store.uri)
    project = training.scorer.project
    try:
        experiment = store.experiment(project.name)
        with mlflow.start_run(experiment_id=experiment, run_name=_run_name(training.scorer)) as run:
            try:
                _log(training)
                model = _log_model(training)
            except BaseException:
                mlflow.end_run("KILLED")
                _forget(store, experiment, run.info.run_id)
                raise
        name = slug(project.name)
        number = _register(store, name, model, run.info.run_id, training.scorer) if register else None
    except (mlflow.exceptions.MlflowException, SQLAlchemyError, OSError) as error:
        raise LeadReadinessError(
            f"the MLflow tracking store {store.shown} refused the training: {masked(str(error))}; mend the store and "
            "train again"
        ) from error
    uri = f"models:/{name}@{ALIAS}" if register else f"runs:/{run.info.run_id}/model"
    return Kept(experiment, run.info.run_id, name, number, uri)


def is_stored(uri: str) -> bool:
    """Whether an address names something that MLflow keeps, rather than a folder.

    >>> is_stored("models:/acme-readiness@challenger"), is_stored("models/mine")
    (True, False)
    """
    return re.match(r"(models|runs):/", uri) is not None


def load_scorer(uri: str, store: Store | None = None) -> Scorer:
    """The scorer in a folder, or of a model that MLflow keeps.

    Such a model is named ``models:/NAME@ALIAS``, ``models:/NAME/VERSION`` or ``runs:/ID/model``. Raises
    ModelError when there is none.
    """
    if not is_stored(uri):
        return Scorer.load(Path(uri))
    mlflow = load_mlflow()
    if store is not None:
        mlflow.set_tracking_uri(store.uri)
        mlflow.set_registry_uri(store.uri)
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = mlflow.artifacts.download_artifacts(f"{uri}/artifacts/{FOLDER}", dst_path=folder)
        except (mlflow.exceptions.MlflowException, OSError) as error:
            raise ModelError(
                f"no scorer at {uri} in {masked(mlflow.get_tracking_uri())} ({str(error).splitlines()[0]}); train "
                "first, or name another model with --model: models:/NAME@ALIAS, models:/NAME/VERSION or a scorer's "
                "folder"
            ) from None
        return Scorer.load(Path(found))


def fingerprint(frame: pd.DataFrame) -> str:
    """The first 16 hex digits of the SHA-256 of a table's columns and rows.

    >>> fingerprint(pd.DataFrame({"a": ["x", None]}))
    '...'
    """
    digest = hashlib.sha256(json.dumps([str(c) for c in frame.columns]).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def signature(project: Project) -> Any:
    """The model's columns in and out, and its parameter ``as_of``.

    Columns in are of any type, because the contract, which checks them, accepts what files and databases hold:
    ids as text or whole numbers, dates as text or instants.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

    from training.model_code import optional

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


def _run_name(scorer: Scorer) -> str:
    return f"{moments.written(scorer.card.cut)[:10]} {scorer.version}"


def _log(training: Training) -> None:
    mlflow = load_mlflow()
    mlflow.log_params(dict(training.params))
    mlflow.set_tags(dict(training.tags))
    mlflow.log_metrics(dict(training.metrics))
    for name, (frame, source) in training.inputs.items():
        mlflow.log_input(_described(name, frame, source), context="training")
    for name, text in training.texts.items():
        mlflow.log_text(text, name)
    for name, document in training.documents.items():
        mlflow.log_text(json.dumps(document, indent=1, ensure_ascii=False, default=str), f"{name}.json")
    for name, table in training.tables.items():
        mlflow.log_text(table.to_csv(index=False), f"{name}.csv")
    for name, figure in training.figures.items():
        mlflow.log_figure(figure, f"plots/{name}.png")


def _described(name: str, frame: pd.DataFrame, source: str) -> Any:
    """A table as MLflow's data set: columns, rows, fingerprint and the name of its source, none of its content."""
    from mlflow.data.code_dataset_source import CodeDatasetSource

    where = CodeDatasetSource({"mlflow.source.name": source, "mlflow.source.type": "LOCAL"})
    return load_mlflow().data.from_pandas(frame, source=where, name=name, digest=fingerprint(frame))


def _forget(store: Store, experiment: str, run_id: str) -> None:
    """Mark a run, and a model that it has begun to write, as deleted."""
    begun = store.client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    for model in begun:
        store.client.delete_logged_model(model.model_id)
    store.client.delete_run(run_id)


def _log_model(training: Training) -> Any:
    scorer = training.scorer
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


def _register(store: Store, name: str, model: Any, run_id: str, scorer: Scorer) -> str:
    """The number of the new version, which from then on is the challenger."""
    client = store.client
    exceptions = load_mlflow().exceptions
    try:
        client.create_registered_model(
            name, description=f"How ready a lead of {scorer.project.name} is for sales."
        )
    except exceptions.MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(
        name, model.model_uri, run_id, tags={"scorer": scorer.version}, model_id=model.model_id
    )
    client.set_registered_model_alias(name, ALIAS, made.version)
    return str(made.version)
