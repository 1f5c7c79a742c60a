"""A training as one MLflow run, its scorer as a registered model, and the way back from a model to its scorer."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sqlalchemy.exc import SQLAlchemyError

from lead_readiness.errors import LeadReadinessError, ModelError, masked
from lead_readiness.scorer import Scorer
from training.tracking.packing import FOLDER, log_model
from training.tracking.store import Store, load_mlflow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALIAS = "challenger"
LONGEST_TAG = 8000
BATCH = 1000
"""Metrics that MLflow takes in one call."""


@dataclass(frozen=True)
class Policy:
    """One way to rank as a run below the training's, named alike in every training.

    ``course`` is how it went instant by instant: indexed by the instant (microseconds UTC, in order), one column a
    metric, written with its steps from 0.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    course: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Training:
    """What a run keeps beside the scorer.

    ``name`` is the run's, ``about`` describes its version of the model and ``marks`` are that version's tags.
    ``inputs`` are frames with the name of their source (they are described and fingerprinted, not stored);
    ``texts`` are written by file name, ``documents`` as JSON, ``tables`` as CSV, ``figures`` as PNG. ``policies``
    become runs below this one; ``course`` is as theirs.
    """

    scorer: Scorer
    name: str = ""
    about: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    course: pd.DataFrame = field(default_factory=pd.DataFrame)
    inputs: Mapping[str, tuple[pd.DataFrame, str]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    policies: Sequence[Policy] = ()


@dataclass(frozen=True)
class Kept:
    """Where a training went: its run and, unless it was not to be registered, its model's version and address."""

    experiment_id: str
    run_id: str
    model: str
    version: str | None
    uri: str


def keep(training: Training, store: Store, register: bool = True) -> Kept:
    """Write a training as one run of the experiment named after the project, and register its scorer.

    Registering is the last step. Interrupted before its end, run, runs below it, model and version are deleted, and
    the challenger is who it was. A store that fails only then keeps the run, and the message says how to use it.
    Raises LeadReadinessError when the store refuses.
    """
    mlflow = load_mlflow()
    mlflow.set_tracking_uri(store.uri)
    mlflow.set_registry_uri(store.uri)
    project = training.scorer.project
    with refusals(store, "the training", "mend the store and train again"):
        experiment = store.experiment(project.name)
        with mlflow.start_run(experiment_id=experiment, run_name=training.name or None) as run:
            run_id = run.info.run_id
            kept = Kept(experiment, run_id, project.model_name, None, f"runs:/{run_id}/model")
            try:
                _log(training, run_id)
                for policy in reversed(training.policies):  # the last one made is shown first
                    _log_policy(store, experiment, run_id, policy)
                model = log_model(training.scorer)
                return _registered(training, store, kept, model) if register else kept
            except LeadReadinessError:
                raise  # the store failed at the very last step: the run, marked as failed, can be used
            except BaseException:
                mlflow.end_run("KILLED")
                _forget(store, experiment, run_id)
                raise


@contextmanager
def refusals(store: Store, what: str, remedy: str) -> Iterator[None]:
    """What a store's errors become: one message of our family, without passwords."""
    exceptions = load_mlflow().exceptions
    try:
        yield
    except (exceptions.MlflowException, SQLAlchemyError, OSError) as error:
        said = masked(str(error))
        raise LeadReadinessError(
            f"the MLflow tracking store {store.shown} refused {what}: {said}; {remedy}"
        ) from error


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


def _log(training: Training, run_id: str) -> None:
    mlflow = load_mlflow()
    mlflow.log_params(dict(training.params))
    mlflow.set_tags(_clipped(training.tags))
    _log_metrics(mlflow.MlflowClient(), run_id, training.metrics, training.course)
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


def _log_policy(store: Store, experiment: str, parent: str, policy: Policy) -> None:
    client = store.client
    tags = {"mlflow.parentRunId": parent, **_clipped(policy.tags)}
    run = client.create_run(experiment, tags=tags, run_name=policy.name)
    params = [load_mlflow().entities.Param(name, str(value)) for name, value in policy.params.items()]
    client.log_batch(run.info.run_id, params=params)
    _log_metrics(client, run.info.run_id, policy.metrics, policy.course)
    client.set_terminated(run.info.run_id)


def _log_metrics(client: Any, run_id: str, metrics: Mapping[str, float], course: pd.DataFrame) -> None:
    """Figures, and a course as steps from 0 at its instants' times; what is not a number is left out."""
    from mlflow.entities import Metric

    instants = course.index.to_numpy(np.int64) // 1000 if len(course) else np.zeros(1, np.int64)
    last = int(instants[-1])
    points = [Metric(name, float(value), last, 0) for name, value in metrics.items()]
    for name in course.columns:
        values = course[name].to_numpy(float)
        points += [
            Metric(str(name), float(values[step]), int(instants[step]), step)
            for step in np.flatnonzero(np.isfinite(values)).tolist()
        ]
    for begin in range(0, len(points), BATCH):
        client.log_batch(run_id, metrics=points[begin : begin + BATCH])


def _clipped(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags no longer than MLflow takes."""
    return {
        name: text if len(text) <= LONGEST_TAG else f"{text[: LONGEST_TAG - 1]}…"
        for name, text in tags.items()
    }


def _described(name: str, frame: pd.DataFrame, source: str) -> Any:
    """A table as MLflow's data set: columns, rows, fingerprint and the name of its source, none of its content."""
    from mlflow.data.code_dataset_source import CodeDatasetSource

    where = CodeDatasetSource({"mlflow.source.name": source, "mlflow.source.type": "LOCAL"})
    return load_mlflow().data.from_pandas(frame, source=where, name=name, digest=fingerprint(frame))


def _forget(store: Store, experiment: str, run_id: str) -> None:
    """Mark a run, those below it, and a model that it has begun to write, as deleted."""
    client = store.client
    for model in client.search_logged_models([experiment], f"source_run_id = '{run_id}'"):
        client.delete_logged_model(model.model_id)
    for run in client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'"):
        client.delete_run(run.info.run_id)
    client.delete_run(run_id)


def _registered(training: Training, store: Store, kept: Kept, model: Any) -> Kept:
    """The same with its version, which from then on is the challenger; undone whole where that fails."""
    remedy = (
        f"the run is kept, but its scorer is no version of {kept.model}: use it as {kept.uri}, or mend the store and "
        "train again"
    )
    with refusals(store, "to register the model", remedy):
        made = _make_model(store, kept.model, training.scorer.project.name)
        challenger = aliases(store, kept.model).get(ALIAS)
        try:
            version = _make_version(training, store, kept, model)
        except BaseException:
            _undo(store, kept, made, challenger)
            raise
    return replace(kept, version=version, uri=f"models:/{kept.model}@{ALIAS}")


def aliases(store: Store, name: str) -> dict[str, str]:
    """The version of each alias of a registered model."""
    return {alias: str(v) for alias, v in store.client.get_registered_model(name).aliases.items()}


def _make_model(store: Store, name: str, company: str) -> bool:
    """Whether the registered model had to be made."""
    about = (
        f"How ready a lead of {company} is for sales. Each training adds a version, with its verdict in words; the "
        f"newest is `{ALIAS}`. The rule book is the champion until a person promotes a version, which then has the "
        "alias `champion`."
    )
    try:
        store.client.create_registered_model(name, description=about)
    except load_mlflow().exceptions.MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return False
    return True


def _make_version(training: Training, store: Store, kept: Kept, model: Any) -> str:
    client, tags = store.client, {"scorer": training.scorer.version, **training.marks}
    made = client.create_model_version(
        kept.model,
        model.model_uri,
        kept.run_id,
        tags=_clipped(tags),
        description=training.about or None,
        model_id=model.model_id,
    )
    client.set_registered_model_alias(kept.model, ALIAS, made.version)
    return str(made.version)


def _undo(store: Store, kept: Kept, made: bool, challenger: str | None) -> None:
    """Delete what was registered of a run, and give the alias back."""
    client = store.client
    with refusals(
        store,
        "to register the model, and to undo what was begun",
        f"look at {kept.model} in MLflow: a version of run {kept.run_id} may be there without being the challenger",
    ):
        for version in client.search_model_versions(f"run_id = '{kept.run_id}'"):
            client.delete_model_version(kept.model, version.version)
        if challenger is not None:
            client.set_registered_model_alias(kept.model, ALIAS, challenger)
        if made:
            client.delete_registered_model(kept.model)
