"""Where models come from: a scorer's folder, or MLflow's registry."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, Protocol

from lead_readiness.errors import ConfigError, LeadReadinessError, ModelError, masked
from lead_readiness.scorer import MANIFEST, Scorer

LOGGED = "artifacts/scorer"
"""Where in a model that `lead-readiness train` logged the scorer's files are."""
REGISTRY = "models:/"
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
"""MLflow's own switches, set unless the environment says otherwise: nothing of what is served is told elsewhere."""


class UnreachableError(LeadReadinessError):
    """A place of models that does not answer now; what serves goes on serving."""


class Origin(Protocol):
    """A place of models."""

    @property
    def shown(self) -> str:
        """The place, as it may be shown."""

    def newest(self) -> str:
        """What tells the model that should serve from all others; raises UnreachableError."""

    def named(self, token: str) -> str:
        """The model that `newest` told of, by its name."""

    def load(self, token: str) -> Scorer:
        """That model; raises ModelError when it is broken, UnreachableError when it cannot be fetched now."""


class Folder:
    """A scorer's folder, or that of an MLflow model with a scorer inside; looked at for changes of its manifest."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def shown(self) -> str:
        """The folder."""
        return str(self._path)

    def newest(self) -> str:
        """The manifest's fingerprint."""
        try:
            content = (self._scorer() / MANIFEST).read_bytes()
        except OSError as error:
            raise UnreachableError(
                f"{self._path}: no scorer there ({error.strerror}); expected the folder of one; name another, or wait"
            ) from None
        return hashlib.sha256(content).hexdigest()

    def named(self, token: str) -> str:
        """The folder."""
        return self.shown

    def load(self, token: str) -> Scorer:
        """The scorer in the folder."""
        return loaded(self._scorer())

    def _scorer(self) -> Path:
        within = self._path / LOGGED
        return within if within.is_dir() else self._path


class Registry:
    """``models:/NAME@ALIAS`` or ``models:/NAME/VERSION`` in MLflow's registry."""

    def __init__(self, uri: str, tracking: str | None) -> None:
        self._uri, self._tracking = uri, tracking
        self._name, _, self._alias = uri.removeprefix(REGISTRY).partition("@")
        self._name, _, self._version = self._name.partition("/")
        if not self._name or bool(self._alias) == bool(self._version):
            raise ConfigError(
                f"the model {uri!r} names no registered model; expected models:/NAME@ALIAS or models:/NAME/VERSION"
            )

    @property
    def shown(self) -> str:
        """The model's address."""
        return self._uri

    def newest(self) -> str:
        """The version that the alias is on."""
        if self._version:
            return self._version
        mlflow = self._mlflow()
        try:
            return str(mlflow.MlflowClient().get_model_version_by_alias(self._name, self._alias).version)
        except Exception as error:  # MLflow raises its own, the database's and the network's
            raise UnreachableError(
                f"{self._uri}: not found in {masked(mlflow.get_tracking_uri())} ({_first_line(error)}); expected a "
                "registered model with this alias; promote one, or correct the address"
            ) from None

    def named(self, token: str) -> str:
        """The version's address."""
        return f"{REGISTRY}{self._name}/{token}"

    def load(self, token: str) -> Scorer:
        """The version's scorer, fetched into a folder that goes again."""
        mlflow = self._mlflow()
        with tempfile.TemporaryDirectory(prefix="lead-readiness-model-") as folder:
            try:
                found = mlflow.artifacts.download_artifacts(f"{self.named(token)}/{LOGGED}", dst_path=folder)
            except Exception as error:  # as above
                raise UnreachableError(
                    f"{self.named(token)}: its files cannot be fetched ({_first_line(error)}); expected a scorer that "
                    "`lead-readiness train` logged; is tried again"
                ) from None
            return loaded(Path(found))

    def _mlflow(self) -> Any:
        """MLflow with its stores set; imported when it is needed, since that takes seconds."""
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        try:
            import mlflow
        except ModuleNotFoundError as error:
            raise UnreachableError(
                f"{self._uri}: MLflow is not installed ({error.name}); pip install mlflow, or name a scorer's folder"
            ) from None
        if self._tracking is not None:
            mlflow.set_tracking_uri(self._tracking)
            mlflow.set_registry_uri(self._tracking)
        return mlflow


def origin(model: str | None, tracking: str | None) -> Origin | None:
    """Where this model comes from; None where none is named.

    >>> origin("models:/acme-readiness@champion", None).shown
    'models:/acme-readiness@champion'
    """
    if model is None:
        return None
    return Registry(model, tracking) if model.startswith(REGISTRY) else Folder(Path(model))


def loaded(folder: Path) -> Scorer:
    """The scorer in a folder; whatever is wrong with its files is a ModelError."""
    try:
        return Scorer.load(folder)
    except LeadReadinessError:
        raise
    except Exception as error:
        raise ModelError(
            f"{folder}: the scorer cannot be read ({type(error).__name__}); expected what `lead-readiness train` "
            "wrote; train again"
        ) from error


def _first_line(error: Exception) -> str:
    return masked(next(iter(str(error).splitlines()), type(error).__name__))
