"""The command `serve`: settings from options and environment, then BentoML's own server in this process's place."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from lead_readiness import project
from lead_readiness.errors import LeadReadinessError
from serving.settings import OPENABLE, PREFIX, Settings

SERVICE = "serving.service:LeadReadiness"
ROOT = Path(__file__).resolve().parents[1]
OWN_STORE = Path(".readiness") / "mlflow.db"
"""Where `lead-readiness train` keeps models unless told otherwise."""


@click.command()
@click.option(
    "--model", metavar="URI", help="models:/NAME@champion, models:/NAME/VERSION or a scorer's folder."
)
@click.option(
    "--tracking-uri", metavar="URI", help="MLflow's store; else MLFLOW_TRACKING_URI, else .readiness here."
)
@click.option("--store", metavar="URL", help="sqlite:///FILE or postgresql://...; `none` keeps nothing.")
@click.option("--host", default="127.0.0.1", show_default=True, help="An IP address; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one unless given.")
@click.option("--no-keys", is_flag=True, help="Anybody may ask for everything, and erase.")
@click.option(
    "--demo", "of_demo", is_flag=True, help="The sample company's newest model, as `demo` trained it."
)
@click.option("--open", "shown", type=click.Choice(OPENABLE), multiple=True, help="Show this without a key.")
def serve(host: str, port: int, tracking_uri: str | None, of_demo: bool, **options: object) -> None:
    """Answer over HTTP: scores with reasons, explanations, and events as they happen.

    API keys come from LEAD_READINESS_KEYS, such as 'score:KEY,ingest+score:KEY2', with the scopes score, ingest and
    admin. Every option can be given as LEAD_READINESS_MODEL, LEAD_READINESS_STORE and so on.
    """
    home = ROOT if of_demo else Path()
    if of_demo:
        name = project.load(ROOT / "data" / "sample" / "readiness.toml").model_name
        options["model"] = options["model"] or f"models:/{name}@challenger"
    environment = with_options(os.environ, {**options, "mlflow": tracking_uri or _tracking(home)})
    settings = Settings.from_environment(environment)
    settings.check()
    if settings.model is None:
        raise LeadReadinessError(
            "no model is named; expected --model or LEAD_READINESS_MODEL: models:/NAME@champion, or a scorer's folder; "
            "`lead-readiness review` lists what was trained"
        )
    environment.setdefault("BENTOML_DO_NOT_TRACK", "True")
    environment.setdefault("MALLOC_ARENA_MAX", "2")  # else each thread's own heap keeps what it once needed
    command = [sys.executable, "-m", "bentoml", "serve", SERVICE, "--host", host, "--port", str(port)]
    os.execve(sys.executable, command, environment)


def with_options(environment: Mapping[str, str], options: Mapping[str, object]) -> dict[str, str]:
    """The environment with the options that were given; they go before variables.

    >>> with_options({"LEAD_READINESS_WORKERS": "1"}, {"workers": 2, "no_keys": False, "shown": ("docs",)})
    {'LEAD_READINESS_WORKERS': '2', 'LEAD_READINESS_OPEN': 'docs'}
    """
    out = dict(environment)
    for name, value in options.items():
        variable = PREFIX + {"shown": "OPEN"}.get(name, name.upper())
        if isinstance(value, tuple):
            value = ",".join(value)
        if value:
            out[variable] = "1" if value is True else str(value)
    return out


def _tracking(home: Path) -> str | None:
    """MLflow's store in a folder, where no other is set."""
    own = home / OWN_STORE
    if f"{PREFIX}MLFLOW" in os.environ or "MLFLOW_TRACKING_URI" in os.environ or not own.is_file():
        return None
    return f"sqlite:///{own.absolute()}"
