"""What was trained, told from the store: the versions of the model, who is champion, and the gates of one of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lead_readiness.errors import ModelError
from training.judgement.judge import MODEL
from training.judgement.judge import RULES as RULE_BOOK
from training.judgement.verdict import PROMOTE, Gate, Verdict
from training.report.judgement import decided
from training.tracking.promotion import REMEDY, RULES, Standing, named, standing, version_of
from training.tracking.registry import refusals
from training.tracking.store import Store, load_mlflow

Lines = Iterable[RenderableType]


@dataclass(frozen=True)
class Entry:
    """One version: its number, when it was made, its aliases, and the tags that its training gave it."""

    number: str
    made: str
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


def entries(store: Store, now: Standing) -> list[Entry]:
    """All versions of a registered model, the newest first."""
    with refusals(store, f"the versions of {now.model}", REMEDY):
        found = store.client.search_model_versions(f"name='{now.model}'", max_results=1000)
    return [
        Entry(
            str(version.version),
            pd.Timestamp(version.creation_timestamp, unit="ms").strftime("%Y-%m-%d"),
            version.run_id,
            tuple(sorted(alias for alias, of in now.aliases.items() if of == str(version.version))),
            version.tags,
        )
        for version in sorted(found, key=lambda version: -int(version.version))
    ]


def overview(store: Store, model: str) -> Lines:
    """Who is champion, and every version with its verdict and what it reaches beside the rules."""
    now = standing(store, model)
    yield Text(model, "bold")
    found = entries(store, now)
    yield _champion(now, found)
    if not found:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in (
        "version",
        "alias",
        "trained\nup to",
        "wins",
        "winners\nreached",
        "verdict\ngates not passed",
    ):
        table.add_column(
            name, justify="right" if name in ("version", "wins") else "left", no_wrap="\ng" not in name
        )
    for entry in found:
        table.add_row(*_cells(entry))
        table.add_row()
    yield table


def one(store: Store, model: str, number: str) -> Lines:
    """The verdict of one version, gate by gate, and what became of it."""
    now = standing(store, model)
    version = version_of(store, now, number)
    yield Text(f"{model} version {number}", "bold")
    yield from _verdict(store, version.run_id)
    if at := version.tags.get("promoted.at"):
        verdict, reason = (version.tags.get(f"promoted.{name}") for name in ("verdict", "reason"))
        yield f"Promoted {at} on the verdict {verdict!r}: {reason}"
    if at := version.tags.get("rolled_back.at"):
        reason = version.tags.get("rolled_back.reason")
        yield f"Taken back {at}{f': {reason}' if reason else ''}"
    yield f"Run: {version.run_id}"


def of_run(store: Store, run_id: str) -> Lines:
    """The verdict of a training's run, gate by gate, registered or not."""
    yield Text(f"run {run_id}", "bold")
    yield from _verdict(store, run_id)


def _verdict(store: Store, run_id: str) -> Lines:
    return decided(_read(store, run_id))


def _read(store: Store, run_id: str) -> Verdict:
    """The verdict that a run keeps; ModelError where there is no such run, or none in it."""
    mlflow = load_mlflow()
    mlflow.set_tracking_uri(store.uri)
    uri = f"runs:/{run_id}/verdict.json"
    try:
        kept = json.loads(mlflow.artifacts.load_text(uri))
        return Verdict(kept["verdict"], tuple(Gate(**gate) for gate in kept["gates"]), kept["winners"])
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise ModelError(
            f"no verdict at {uri} in {store.shown} ({str(error).splitlines()[0]}); name the run of a training, or a "
            "version that one has registered"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the verdict at {uri} cannot be read ({type(error).__name__}: {error}); expected the one that a training "
            "writes; train again"
        ) from None


def _champion(now: Standing, found: Iterable[Entry]) -> Text:
    if now.champion == RULES:
        return Text("Champion: the rules; no version has the alias `champion`.")
    tags = next((entry.tags for entry in found if entry.number == now.champion), {})
    why = (
        f"; promoted {tags['promoted.at']}: {tags.get('promoted.reason', '')}"
        if "promoted.at" in tags
        else ""
    )
    before = f" Before it: {named(now.before[-1])}." if now.before else ""
    return Text(f"Champion: version {now.champion}{why}.{before}")


def _cells(entry: Entry) -> list[RenderableType]:
    """A version's row: two lines, or as many as it has aliases."""
    tags = entry.tags
    verdict = tags.get("verdict", "no verdict")
    reached = [f"{who} {tags.get(f'winners_reached.{who}', '-')}" for who in (MODEL, RULE_BOOK)]
    decided = Text(verdict, "green" if verdict == PROMOTE else "yellow")
    return [
        entry.number,
        Text("\n".join(entry.aliases), "cyan"),
        f"{entry.made}\n{tags.get('cut', '-')[:10]}",
        tags.get("wins", "-"),
        "\n".join(reached),
        decided.append(f"\n{tags.get('gates.failed', '-')}", "default"),
    ]
