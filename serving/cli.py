"""The commands of serving: `rescore`."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any

import click

from lead_readiness import moments, project
from lead_readiness.console import say, steps
from lead_readiness.errors import ConfigError, LeadReadinessError

if TYPE_CHECKING:
    from lead_readiness.project import ProjectFile
    from lead_readiness.scorer import Scorer
    from serving.rescore.job import Job, Outcome

UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
SUITORS = ("champion", "challenger")
ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample" / "readiness.toml"


class Memory(click.ParamType[int]):
    """Bytes, as people write them."""

    name = "memory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of bytes."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]B)?", str(value).strip().upper())
        if found is None:
            self.fail(f"{value!r} is no amount of memory; expected such as 2GB or 500MB", param, ctx)
        return int(float(found[1]) * UNITS[found[2] or ""])


@click.command()
@click.option(
    "--project",
    "path",
    type=click.Path(path_type=Path),
    default="readiness.toml",
    show_default=True,
    help="The project file.",
)
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with leads, events, outcomes and handoffs as Parquet, instead of the project's tables.",
)
@click.option("--out", required=True, metavar="OUT", help="x.parquet, x.csv or DATABASE_URL#table.")
@click.option(
    "--model",
    metavar="URI",
    help="models:/NAME@ALIAS, models:/NAME/VERSION or a scorer's folder; the champion unless given.",
)
@click.option(
    "--tracking-uri",
    metavar="URI",
    help="MLflow's store; else MLFLOW_TRACKING_URI, else .readiness beside the project.",
)
@click.option(
    "--as-of",
    metavar="TIME",
    help="ISO 8601 or `now`; the project's cut or the end of the data unless given.",
)
@click.option(
    "--previous",
    type=click.Path(path_type=Path),
    help="An earlier output (Parquet) to tell changes from; --out unless given.",
)
@click.option(
    "--changed",
    "changed_only",
    is_flag=True,
    help="Write only leads whose score can have changed, or whose decision did.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Points that ageing may move a score untold.",
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    help="The most reasons for, half as many against; 4 and 2 unless given.",
)
@click.option(
    "--states",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the hand-off's states: read, and written with the output.",
)
@click.option(
    "--store", metavar="URL", help="The service's store: states are read and kept there, and scores."
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one a processor unless given.")
@click.option(
    "--memory",
    type=Memory(),
    default="2GB",
    show_default=True,
    help="About so much, all processes together.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    show_default=True,
    help="Where buckets are worked on.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Of a Dask cluster that sees the work folder; else one is begun here.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="The work folder; OUT.rescore unless given.",
)
@click.option("--demo", "of_demo", is_flag=True, help="The sample company, as `demo` trained it.")
@click.option("--quarantine", is_flag=True, help="Set bad rows aside, counted, and go on.")
def rescore(path: Path, of_demo: bool, **options: Any) -> None:
    """Score every open lead again, with reasons, changes and decisions.

    Interrupted or killed, the same command goes on where it was. The output appears whole or not at all.
    """
    from serving.rescore.job import FailedError

    job = _job(SAMPLE, ROOT, **options) if of_demo else _job(path, path.absolute().parent, **options)
    try:
        outcome = job.run()
    except KeyboardInterrupt:
        kept = f"what is done is kept in {job.folder}; the same command goes on from there"
        click.echo(f"lead-readiness: {kept}", err=True)
        raise
    except FailedError as error:
        click.echo(f"lead-readiness: {error}", err=True)
        raise SystemExit(1) from None
    _show(outcome, job)


def _job(
    path: Path,
    home: Path,
    folder: Path | None,
    out: str,
    model: str | None,
    tracking_uri: str | None,
    **o: Any,
) -> Job:
    from serving.rescore.job import Job
    from serving.rescore.sinks import sink

    if o["scheduler"] and o["engine"] != "dask":
        raise click.UsageError("--scheduler is of a Dask cluster; add --engine dask")
    place = sink(out)
    read = project.load(path)
    if folder is not None:
        read = _from_folder(read, folder)
    with steps() as step:
        step("loading the scorer")
        scorer = _scorer(model, read, tracking_uri, home)
    return Job(
        project=read,
        scorer=scorer,
        sink=place,
        engine=_engine(o["engine"], o["scheduler"]),
        workers=o["workers"] or os.cpu_count() or 1,
        memory=o["memory"],
        as_of=_moment(o["as_of"], read),
        as_asked=o["as_of"],
        earlier=o["previous"],
        changed_only=o["changed_only"],
        tolerance=o["tolerance"],
        top=o["top"],
        states=o["states"],
        store=o["store"],
        quarantine=o["quarantine"],
        work=o["work"],
        say=partial(click.echo, err=True),
        clock=_clock,
    )


def _engine(name: str, scheduler: str | None) -> Any:
    if name == "local":
        from serving.engines import local

        return local.run
    try:
        from serving.engines import dask
    except ModuleNotFoundError as error:
        raise LeadReadinessError(
            f"--engine dask needs {error.name}, which is not installed: pip install -e '.[serve,dask]'"
        ) from None
    return partial(dask.run, scheduler=scheduler)


def _from_folder(read: ProjectFile, folder: Path) -> ProjectFile:
    """The project with the contract's tables in a folder in place of its own."""
    from lead_readiness.project import Table, Tables

    found = {}
    for name in ("leads", "events", "outcomes", "handoffs"):
        places = [place for place in (folder / f"{name}.parquet", folder / name) if place.exists()]
        if places:
            found[name] = Table(path=str(places[0].absolute()))
        elif name != "handoffs":
            raise ConfigError(
                f"--from {folder}: no {name}.parquet there; expected leads, events, outcomes and, if there are any, "
                "handoffs as Parquet files or folders of them, in the data contract's names"
            )
    return read.model_copy(update={"tables": Tables(**found)})


def _scorer(model: str | None, read: ProjectFile, tracking: str | None, home: Path) -> Scorer:
    """The scorer that is asked for; else the champion, or while there is none the challenger."""
    from serving.origins import REGISTRY, UnreachableError, origin

    store = (
        tracking or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / '.readiness' / 'mlflow.db'}"
    )
    for suitor in SUITORS:
        found = origin(model or f"{REGISTRY}{read.model_name}@{suitor}", store)
        assert found is not None
        try:
            return found.load(found.newest())
        except UnreachableError as error:
            if model is not None or suitor == SUITORS[-1]:
                raise
            say_so = f"{str(error).split(':')[0]}: there is no champion yet; taking the challenger"
        click.echo(say_so, err=True)
    raise AssertionError


def _moment(asked: str | None, read: ProjectFile) -> int | None:
    """The moment in microseconds UTC, None for the end of the data."""
    if asked == "now":
        return _clock()
    if asked is not None:
        return moments.read(asked, read.timezone)
    return None if read.cut is None else moments.read(read.cut.isoformat(), None)


def _clock() -> int:
    """Now, in microseconds UTC."""
    return time_ns() // 1_000


def _show(outcome: Outcome, job: Job) -> None:
    for note in outcome.notes:
        say(str(note))
    accounts, people = outcome.crowded
    if accounts:
        who = f"{accounts:,} account{'' if accounts == 1 else 's'} of very many leads"
        say(f"leads: {who} taken as none: {people:,} leads stand alone")
    when = moments.written(outcome.as_of)
    say(f"{outcome.rows:,} of {outcome.leads:,} open leads as of {when} written to {job.sink.shown}")
    say(", ".join(f"{name} {count:,}" for name, count in outcome.decisions.items()))
