"""The sample company's scorer, a lead of it as JSON, and the servers that are asked about it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.company import SAMPLE
from lead_readiness.moments import written
from lead_readiness.scorer import Scorer
from lead_readiness.timelines import NEVER, NONE, OUTCOMES, RETURN_REASONS, Timelines
from training import dataset
from training.dataset import Dataset
from training.fit import DEFAULTS, fit
from training.job import open_leads
from training.tracking.packing import log_model

ROOT = Path(__file__).resolve().parents[1]
EVENTS = 20
CPUS = sorted(os.sched_getaffinity(0))
SERVERS_ON, CLIENTS_ON = (
    (",".join(map(str, CPUS[:2])), ",".join(map(str, CPUS[2:]))) if len(CPUS) >= 4 else (None, None)
)
"""Processors of the servers and of their clients, where there are enough for both."""
PATIENCE = 180


@cache
def company() -> Dataset:
    """The sample company."""
    return dataset.load(SAMPLE / "readiness.toml")


def scorer(scratch: Path, quick: bool = False) -> Path:
    """The folder of a scorer learned from all of the sample company, with fewer trees where it has to be quick."""
    folder = scratch / "scorer"
    if not folder.is_dir():
        data = company()
        everyone = np.ones(len(data.timelines.account_start) - 1, bool)
        settings = replace(DEFAULTS, trees=replace(DEFAULTS.trees, trees=40)) if quick else DEFAULTS
        learned = fit(data, data.timelines.cut, everyone, seed=0, settings=settings)
        scores = open_leads(data, learned).score
        replace(learned, card=learned.card.with_open_scores(scores)).save(folder)
    return folder


def cut() -> int:
    """The moment at which the leads are scored."""
    return company().timelines.cut


def body() -> str:
    """A request to score one open lead with 20 events."""
    lines = company().timelines
    sizes = np.diff(lines.start)
    lead = int(np.flatnonzero((sizes == EVENTS) & (lines.decided > cut()))[0])
    return json.dumps({"leads": [as_json(lines, lead)], "as_of": written(cut())})


def as_json(lines: Timelines, lead: int) -> dict[str, Any]:
    """A lead with its history as a request has it."""
    account = lines.account[lead]
    crowd = lines.account_start[account + 1] - lines.account_start[account]
    attributes = {name: _plain(column[lead]) for name, column in lines.attributes.items()}
    return {
        "lead_id": str(lines.lead_ids[lead]),
        "created_at": written(int(lines.created[lead])),
        **({"account_id": f"account {account}"} if crowd > 1 else {}),
        "attributes": {name: value for name, value in attributes.items() if value is not None},
        "events": [_event(lines, e) for e in range(lines.start[lead], lines.start[lead + 1])],
        "handoffs": [
            _stay(lines, h) for h in range(lines.handoff_start[lead], lines.handoff_start[lead + 1])
        ],
        **({"outcome": _outcome(lines, lead)} if lines.outcome[lead] != NONE else {}),
    }


def _event(lines: Timelines, e: int) -> dict[str, Any]:
    known = {"event_id": lines.event_id(e), "value": _plain(float(lines.value[e]))}
    if lines.asset[e] >= 0:
        known["asset"] = lines.assets[lines.asset[e]]
    if lines.recorded[e] != lines.time[e]:
        known["recorded_at"] = written(int(lines.recorded[e]))
    told = {name: value for name, value in known.items() if value is not None}
    return {"occurred_at": written(int(lines.time[e])), "kind": lines.kinds[lines.kind[e]], **told}


def _outcome(lines: Timelines, lead: int) -> dict[str, Any]:
    told = {"outcome": OUTCOMES[lines.outcome[lead]], "decided_at": written(int(lines.decided[lead]))}
    if lines.opportunity[lead] < NEVER:
        told["opportunity_at"] = written(int(lines.opportunity[lead]))
    return told


def _stay(lines: Timelines, h: int) -> dict[str, Any]:
    told = {"handed_off_at": written(int(lines.handed_off[h]))}
    if lines.returned[h] < NEVER:
        told["returned_at"] = written(int(lines.returned[h]))
    if lines.return_reason[h] >= 0:
        told["reason"] = RETURN_REASONS[lines.return_reason[h]]
    return told


def _plain(value: Any) -> str | float | None:
    """A value as JSON holds it, None where it is missing."""
    return value if isinstance(value, str) else None if value is None or value != value else float(value)


def frame() -> str:
    """The same lead as `mlflow models serve` takes it: one row an event, with its lead's columns repeated."""
    (lead,) = json.loads(body())["leads"]
    whole = {"lead_id": lead["lead_id"], "created_at": lead["created_at"], **lead["attributes"]}
    columns = list(dict.fromkeys([*whole, *company().project.attributes, "occurred_at", "kind", "event_id"]))
    rows = [[{**whole, **event}.get(name) for name in columns] for event in lead["events"]]
    return json.dumps(
        {"dataframe_split": {"columns": columns, "data": rows}, "params": {"as_of": written(cut())}}
    )


@contextmanager
def ours(scratch: Path, model: Path, service: str, **settings: str) -> Iterator[int]:
    """The port of our service, on SERVERS_ON."""
    port = free_port()
    given = {"MODEL": str(model), "NO_KEYS": "1", "STORE": "none", **settings}
    own = {f"LEAD_READINESS_{name}": value for name, value in given.items()}
    own |= {"MALLOC_ARENA_MAX": "2"}  # as `lead-readiness serve` sets it
    own |= {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(scratch / "bentoml")}
    command = ["-m", "bentoml", "serve", service, "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, own, f"http://127.0.0.1:{port}/readyz", scratch / "ours.log"):
        yield port


@contextmanager
def usual(scratch: Path, model: Path) -> Iterator[int]:
    """The port of the service that one would otherwise build."""
    port = free_port()
    command = ["-m", "uvicorn", "benchmarks.usual:app", "--port", str(port), "--no-access-log"]
    with _running(
        command, {"USUAL_SCORER": str(model)}, f"http://127.0.0.1:{port}/docs", scratch / "usual.log"
    ):
        yield port


@contextmanager
def mlflow(scratch: Path, model: Path) -> Iterator[int]:
    """The port of MLflow's own server of the same scorer."""
    import mlflow as library

    library.set_tracking_uri(f"sqlite:///{scratch}/mlflow.db")
    experiment = library.create_experiment("serving", artifact_location=(scratch / "runs").as_uri())
    with library.start_run(experiment_id=experiment):
        uri = log_model(Scorer.load(model)).model_uri
    port = free_port()
    command = [
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        uri,
        "--env-manager",
        "local",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    own = {"MLFLOW_TRACKING_URI": f"sqlite:///{scratch}/mlflow.db", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with _running(command, own, f"http://127.0.0.1:{port}/ping", scratch / "mlflow.log"):
        yield port


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _running(command: list[str], own: Mapping[str, str], probe: str, log: Path) -> Iterator[None]:
    """A server in a process of its own, from the moment it answers; ended, with all that it started, at the end."""
    pinned = ["taskset", "-c", SERVERS_ON] if SERVERS_ON else []
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # MLflow starts uvicorn by name
    environment = {**os.environ, **own, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PATH": path}
    with log.open("w") as out:
        process = subprocess.Popen(
            [*pinned, sys.executable, *command],
            cwd=log.parent,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        _wait(probe, process, log)
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(probe: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(probe, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"the server did not begin:\n{log.read_text()[-2000:]}")
