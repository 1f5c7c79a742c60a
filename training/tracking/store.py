"""Where trainings are kept: MLflow's tracking store, by default a database file beside the project file."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import shutil
import sqlite3
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from lead_readiness.errors import LeadReadinessError, masked

FOLDER = ".readiness"
DATABASE = "mlflow.db"
PATIENCE = 10.0  # seconds for a server to answer at all
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # nothing about a company's training leaves its machines
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
"""MLflow's own switches, set unless the environment says otherwise: the steps are told by the command."""

MODELS = {"mlflow.experimentKind": "custom_model_development"}
"""Opens an experiment on MLflow's pages for trained models instead of those for language models."""


@dataclass(frozen=True)
class Store:
    """An MLflow tracking store by its URI; ``artifacts`` is where files go when no server decides that."""

    uri: str
    artifacts: Path | None = None

    @property
    def shown(self) -> str:
        """The URI as it may be shown: without a password."""
        return masked(self.uri)

    @property
    def client(self) -> Any:
        """An MLflow client of this store."""
        return load_mlflow().MlflowClient(self.uri, self.uri)

    def experiment(self, name: str) -> str:
        """The id of the experiment of that name, made when there is none."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = self.artifacts.absolute().as_uri() if self.artifacts else None
        return str(self.client.create_experiment(name, artifact_location=location, tags=MODELS))

    def where_to_look(self, experiment_id: str, run_id: str) -> str:
        """The run's address on a server, or the command that opens the store in a browser."""
        if self.uri.startswith(("http://", "https://")):
            return f"{self.shown.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
        return f"{beside_python('mlflow')} ui --backend-store-uri {shlex.quote(self._shortest_uri())}"

    def _shortest_uri(self) -> str:
        """The URI with a path relative to the current directory where the database is inside it."""
        path = Path(self.uri.removeprefix("sqlite:///"))
        if self.uri.startswith("sqlite:///") and path.is_relative_to(Path.cwd()):
            return f"sqlite:///{path.relative_to(Path.cwd()).as_posix()}"
        return self.shown


def opened(root: Path, uri: str | None = None, make: bool = True) -> Store:
    """The store to use: ``uri``, else MLFLOW_TRACKING_URI, else the database in ``root``/.readiness.

    Raises LeadReadinessError when it cannot be reached or written to, or, unless ``make``, when a database file is
    not there: looking for a training makes none.
    """
    given = uri or os.environ.get("MLFLOW_TRACKING_URI")
    home = root.absolute() / FOLDER
    address = given or f"sqlite:///{home / DATABASE}"
    if (
        not make
        and address.startswith("sqlite:///")
        and not Path(address.removeprefix("sqlite:///")).exists()
    ):
        raise LeadReadinessError(
            f"{address.removeprefix('sqlite:///')}: no training is kept there; run `lead-readiness train` first, or "
            "name another store with --tracking-uri"
        )
    store = Store(
        address, None if address.startswith(("http", "databricks", "file:")) else home / "artifacts"
    )
    try:
        if not given:
            _make(home)
        _reach(address)
        store.client.search_experiments(max_results=1)
        if make and store.artifacts is not None:
            _writable(store.artifacts)
    except Exception as error:
        raise LeadReadinessError(
            f"the MLflow tracking store {store.shown} cannot be used ({masked(_first_line(error))}); "
            f"{'start it or mend' if given else 'move that away, or name another store with'} --tracking-uri or "
            "MLFLOW_TRACKING_URI"
        ) from None
    return store


def load_mlflow() -> ModuleType:
    """MLflow, imported when first needed (it takes seconds) and told to be quiet."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import mlflow

    logging.getLogger("alembic").setLevel(logging.ERROR)
    return mlflow  # type: ignore[no-any-return]


def beside_python(command: str) -> str:
    """How to call a command of this Python environment from the current directory."""
    path = Path(sys.executable).parent / command
    if not path.exists() or shutil.which(command) == str(path):
        return command
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _make(home: Path) -> None:
    """Create the database unless it is there: elsewhere first, so that an interruption leaves none half-made."""
    if (home / DATABASE).exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as folder:
        draft = Path(folder) / DATABASE
        Store(f"sqlite:///{draft}").client.search_experiments(max_results=1)
        draft.replace(home / DATABASE)


def _reach(uri: str) -> None:
    """Fail at once where MLflow would try again for minutes: no server there, no folder or no database."""
    if uri.startswith(("http://", "https://")):
        with contextlib.suppress(urllib.error.HTTPError):  # an answer, whatever it says
            urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=PATIENCE).close()
    if not uri.startswith("sqlite:///"):
        return
    path = Path(uri.removeprefix("sqlite:///")).absolute()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent}")
    if path.exists():
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("select count(*) from sqlite_master")


def _writable(folder: Path) -> None:
    """Fail now, not after a whole training, where no file can be written to the folder or to where it will be made."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    tempfile.TemporaryFile(dir=there).close()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
