"""The commands of training: `train`, `explain` and `demo`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.decorators import FC

from lead_readiness import moments
from lead_readiness.console import out, steps
from lead_readiness.errors import LeadReadinessError
from training.store import beside_python
from training.wording import masked

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample" / "readiness.toml"
PROJECT = Path("readiness.toml")
TOP = 10

Decorator = Callable[[FC], FC]


def _project(**settings: Any) -> Decorator[Any]:
    return click.option(
        "--project", "path", type=click.Path(path_type=Path), default=PROJECT, show_default=True, **settings
    )


tracking_uri = click.option(
    "--tracking-uri",
    metavar="URI",
    help="MLflow's store; else MLFLOW_TRACKING_URI, else .readiness beside the project.",
)
quarantine = click.option("--quarantine", is_flag=True, help="Set bad rows aside, counted, and go on.")


@click.command()
@_project(help="The project file.")
@quarantine
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same scorer."
)
@click.option(
    "--top", type=click.IntRange(min=0), default=TOP, show_default=True, help="How many open leads to show."
)
@tracking_uri
@click.option(
    "--register/--no-register", default=True, show_default=True, help="Make the scorer the challenger."
)
def train(
    path: Path, quarantine: bool, seed: int, top: int, tracking_uri: str | None, register: bool
) -> None:
    """Learn a scorer, compare it with the rule book, keep both in MLflow, and show who is ready now.

    Everything is printed with its 95 % interval, and it is said when the rules do better or the evidence is thin.
    """
    named = [] if path == PROJECT else ["--project", str(path)]
    _train(
        path,
        path.absolute().parent,
        named,
        top,
        tracking_uri=tracking_uri,
        register=register,
        quarantine=quarantine,
        seed=seed,
    )


@click.command()
@click.argument("lead_id")
@click.option("--as-of", metavar="TIME", help="ISO 8601; the end of the data unless given.")
@_project(help="The project file.")
@click.option(
    "--model",
    metavar="URI",
    help="models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID/model or a scorer's folder.",
)
@click.option("--json", "for_program", is_flag=True, help="Print JSON with stable keys.")
@click.option("--demo", "of_demo", is_flag=True, help="The sample company, as `demo` trained it.")
@quarantine
@tracking_uri
def explain(
    lead_id: str,
    as_of: str | None,
    path: Path,
    model: str | None,
    for_program: bool,
    of_demo: bool,
    quarantine: bool,
    tracking_uri: str | None,
) -> None:
    """Explain one lead's score: what it adds up from, the evidence, and the points of every rule."""
    from training import dataset, registry
    from training import explain as one
    from training.store import opened

    path, home = (SAMPLE, ROOT) if of_demo else (path, path.absolute().parent)
    with steps() as step:
        data = dataset.load(path, quarantine, step)
        step("loading the scorer")
        address = model or f"models:/{registry.slug(data.project.name)}@{registry.ALIAS}"
        stored = registry.is_stored(address)
        scorer = registry.load_scorer(address, opened(home, tracking_uri, make=False) if stored else None)
        step("scoring")
        moment = moments.read(as_of, data.project.timezone) if as_of is not None else data.timelines.cut
        told = one.explain(scorer, data.timelines, lead_id, moment)
    if for_program:
        click.echo(json.dumps(one.as_json(told), indent=2, ensure_ascii=False))
    else:
        one.show(told, out())


@click.command()
@click.option(
    "--top", type=click.IntRange(min=0), default=TOP, show_default=True, help="How many open leads to show."
)
def demo(top: int) -> None:
    """Train on the sample company of the checkout, compare with its rules, show the top leads with their reasons."""
    if not SAMPLE.exists():
        raise LeadReadinessError(f"{SAMPLE}: the sample company is not there; `demo` runs from the checkout")
    _train(SAMPLE, ROOT, ["--demo"], top)


def _train(path: Path, home: Path, named: list[str], top: int, **settings: Any) -> None:
    """Train, print, and end with where to look; ``named`` is how `explain` finds the same project."""
    from training import job, report

    with steps() as step:
        result = job.train(path, home=home, say=step, **settings)
    hints = [
        (
            "runs, figures and models",
            result.store.where_to_look(result.kept.experiment_id, result.kept.run_id),
        )
    ]
    if result.kept.version is not None:
        hints.append(("the model", f"{result.kept.uri} (version {result.kept.version})"))
    if len(result.leads):
        first = str(result.leads.timelines.lead_ids[result.leads.lead[0]])
        unregistered = [] if result.kept.version else ["--model", result.kept.uri]
        given = settings.get("tracking_uri")
        store = ["--tracking-uri", masked(given)] if given else []
        command = [beside_python("lead-readiness"), "explain", first, *named, *unregistered, *store]
        hints.append((f"why {first} scores so", shlex.join(command)))
    report.show(result, out(), top, hints)
