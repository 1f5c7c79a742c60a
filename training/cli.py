"""The commands of training: `train`, `explain`, `review`, `promote` and `demo`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from click.decorators import FC

from lead_readiness import moments, project
from lead_readiness.console import out, say, steps
from lead_readiness.errors import LeadReadinessError, masked
from training.tracking.store import Store, beside_python

if TYPE_CHECKING:
    from training.job import Result

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
of_demo = click.option("--demo", "of_demo", is_flag=True, help="The sample company, as `demo` trained it.")
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
@click.option(
    "--trials",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Other settings of the voices to try.",
)
@click.option("--minutes", type=click.FloatRange(min=0), help="Begin no further trial after so long.")
@tracking_uri
@click.option(
    "--register/--no-register", default=True, show_default=True, help="Make the scorer the challenger."
)
@click.option("--promote", "promoted", is_flag=True, help="Make it champion, if its verdict allows that.")
@click.option("--reason", metavar="TEXT", help="Promote it whatever its verdict, for this reason.")
def train(
    path: Path,
    quarantine: bool,
    seed: int,
    top: int,
    trials: int,
    minutes: float | None,
    tracking_uri: str | None,
    register: bool,
    promoted: bool,
    reason: str | None,
) -> None:
    """Learn a scorer, compare it with the rule book, keep both in MLflow, and show who is ready now.

    Everything is printed with its 95 % interval, and it is said when the rules do better or the evidence is thin.
    """
    said = _said(reason)
    if reason is not None and not promoted:
        raise click.UsageError("--reason is given for a promotion; add --promote")
    if promoted and not register:
        raise click.UsageError("--promote needs a version to promote; leave out --no-register")
    named = [] if path == PROJECT else ["--project", str(path)]
    result = _train(
        path,
        path.absolute().parent,
        named,
        top,
        tracking_uri=tracking_uri,
        register=register,
        quarantine=quarantine,
        seed=seed,
        trials=trials,
        minutes=minutes,
    )
    if promoted:
        from training.tracking import promotion

        kept = result.kept
        say(f"\n{promotion.promote(result.store, kept.model, _clock(), kept.version, said)}")


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
@of_demo
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
    from training import dataset
    from training import explain as one
    from training.tracking import registry
    from training.tracking.store import opened

    path, home = _place(path, of_demo)
    with steps() as step:
        data = dataset.load(path, quarantine, step)
        step("loading the scorer")
        address = model or f"models:/{data.project.model_name}@{registry.ALIAS}"
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
@_project(help="The project file.")
@click.option("--version", "number", metavar="N", help="The gates of this version.")
@click.option("--run", "run_id", metavar="ID", help="The gates of this run, registered or not.")
@of_demo
@tracking_uri
def review(
    path: Path, number: str | None, run_id: str | None, of_demo: bool, tracking_uri: str | None
) -> None:
    """List the versions of the model with their verdicts, and say who is champion; or show one's gates."""
    if number and run_id:
        raise click.UsageError("give --version or --run, not both")
    from training.tracking import review as told

    store, model = _model(path, of_demo, tracking_uri)
    if run_id:
        lines = told.of_run(store, run_id)
    else:
        lines = told.one(store, model, number) if number else told.overview(store, model)
    for line in list(lines):  # all of it or, where the store refuses, nothing
        out().print(line)


@click.command()
@_project(help="The project file.")
@click.option("--version", "number", metavar="N", help="The version; else the challenger.")
@click.option("--reason", metavar="TEXT", help="Why, where the verdict does not say so.")
@click.option("--back", "backwards", is_flag=True, help="Give the championship back to who held it before.")
@of_demo
@tracking_uri
def promote(
    path: Path,
    number: str | None,
    reason: str | None,
    backwards: bool,
    of_demo: bool,
    tracking_uri: str | None,
) -> None:
    """Make a version of the model the champion, if its verdict says so or you give a reason; or take that back.

    Until then, and after the last step back, the champion is the rule book.
    """
    if backwards and number:
        raise click.UsageError("--back goes to the champion before; leave out --version")
    from training.tracking import promotion

    said = _said(reason)
    store, model = _model(path, of_demo, tracking_uri)
    if backwards:
        say(promotion.back(store, model, _clock(), said))
    else:
        say(promotion.promote(store, model, _clock(), number, said))


@click.command()
@click.option(
    "--top", type=click.IntRange(min=0), default=TOP, show_default=True, help="How many open leads to show."
)
def demo(top: int) -> None:
    """Train on the sample company of the checkout, compare with its rules, show the top leads with their reasons."""
    if not SAMPLE.exists():
        raise LeadReadinessError(f"{SAMPLE}: the sample company is not there; `demo` runs from the checkout")
    _train(SAMPLE, ROOT, ["--demo"], top)


def _place(path: Path, of_demo: bool) -> tuple[Path, Path]:
    """The project file, and the folder that holds its store."""
    return (SAMPLE, ROOT) if of_demo else (path, path.absolute().parent)


def _model(path: Path, of_demo: bool, tracking_uri: str | None) -> tuple[Store, str]:
    """The store of a project and its model's name there."""
    from training.tracking.store import opened

    path, home = _place(path, of_demo)
    return opened(home, tracking_uri, make=False), project.load(path).model_name


def _said(reason: str | None) -> str:
    """A reason in words; an empty one is none at all."""
    if reason is not None and not reason.strip():
        raise click.UsageError("--reason is empty; say why in words")
    return (reason or "").strip()


def _clock() -> str:
    """The time of day: of a person's decision, never of a score."""
    return pd.Timestamp.now("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def _train(path: Path, home: Path, named: list[str], top: int, **settings: Any) -> Result:
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
    leads = result.found.leads
    given = settings.get("tracking_uri")
    store = ["--tracking-uri", masked(given)] if given else []

    def command(*words: str) -> str:
        return shlex.join([beside_python("lead-readiness"), *words, *store])

    if len(leads):
        first = str(leads.timelines.lead_ids[leads.lead[0]])
        unregistered = [] if result.kept.version else ["--model", result.kept.uri]
        hints.append((f"why {first} scores so", command("explain", first, *named, *unregistered)))
    if result.kept.version is not None:
        hints.append(("all open leads, as a file", command("rescore", *named, "--out", "scores.parquet")))
        elsewhere = [] if store or home == Path.cwd() else ["--tracking-uri", result.store.shown]
        served = ["--demo"] if "--demo" in named else ["--model", result.kept.uri, *elsewhere]
        hints.append(("scores over HTTP", command("serve", *served, "--no-keys")))
    report.show(result, out(), top, hints)
    return result
