"""The same leads at three moments from the library, the batch job and the endpoint: every answer, key by key."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks import company, servers
from lead_readiness import sources
from lead_readiness.answer import answers, from_rows
from lead_readiness.handoff import Seen, States, decide
from lead_readiness.moments import written
from lead_readiness.scorer import Scorer
from lead_readiness.tables import validate
from lead_readiness.timelines import DAY, Ints, Timelines, build
from serving.store import Lead, Store

EVENTS_A_LEAD = 20
AT_ONCE = 300
Told = dict[str, dict[str, Any]]


def compare(scratch: Path, leads: int, days_before: tuple[int, ...]) -> tuple[int, int]:
    """How many answers were compared, and how many differ from the library's in anything, the decision included."""
    home = company.make(scratch / f"company-{leads}", leads, leads * EVENTS_A_LEAD)
    project = company.open_project(home)
    lines = build(validate(project, **sources.read(project)), project)
    model, store = servers.scorer(scratch), f"sqlite:///{home}/store.db"
    with Store.open(store) as kept:
        known = zip(lines.lead_ids.tolist(), lines.created.tolist())
        kept.ingest([Lead(*one) for one in known], [], now_us=lines.cut)
    compared = differing = 0
    moments, states = [lines.cut - days * DAY for days in days_before], States.empty()
    for at in moments:
        expected, states = by_library(Scorer.load(model), lines, at, states)
        for found in (by_batch(home, model, store, at), over_http(scratch, model, store, lines, at)):
            compared += len(expected)
            differing += sum(found.get(name) != told for name, told in expected.items())
            differing += len(found.keys() - expected.keys())
    return compared, differing


def by_library(scorer: Scorer, lines: Timelines, at: int, states: States) -> tuple[Told, States]:
    """All open leads, scored and decided on in this process."""
    lead = _open(lines, at).astype(np.int32)
    scored = scorer.assess(lines, lead, np.full(len(lead), at))
    columns = scored.score, scored.probability, scored.replay.triggered
    policy = scorer.project.handoff
    made = decide(policy, states, Seen.from_timelines(scorer.project, lines, lead, at, *columns), at)
    return {told.lead_id: told.as_json() for told in answers(scored, made)}, made.states


def by_batch(home: Path, model: Path, store: str, at: int) -> Told:
    """The same from the batch job, which keeps its decisions in the store."""
    out = home / "scores.parquet"
    out.unlink(missing_ok=True)
    command = ["rescore", "--project", str(home / "readiness.toml"), "--model", str(model), "--out", str(out)]
    command += ["--as-of", written(at), "--store", store]
    run = "from lead_readiness.cli import main; main()"
    subprocess.run([sys.executable, "-c", run, *command], check=True, capture_output=True, text=True)
    return {told.lead_id: told.as_json() for told in from_rows(pq.read_table(out))}


def over_http(scratch: Path, model: Path, store: str, lines: Timelines, at: int) -> Told:
    """The same from the endpoint, whole accounts with their histories at a time."""
    told: Told = {}
    wanted = set(lines.lead_ids[_open(lines, at)].tolist())
    with servers.ours(scratch, model, "serving.service:LeadReadiness", STORE=store) as port:
        for some in _accounts(lines):
            body = {"leads": [servers.as_json(lines, lead) for lead in some], "as_of": written(at)}
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/score",
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                told |= {one["lead_id"]: one for one in json.load(answer)["leads"]}
    return {name: one for name, one in told.items() if name in wanted}


def _open(lines: Timelines, at: int) -> Ints:
    return np.flatnonzero((lines.created < at) & (lines.decided > at))


def _accounts(lines: Timelines) -> Iterator[list[int]]:
    """Leads in requests of a size, no account torn apart."""
    some: list[int] = []
    for begin, end in zip(lines.account_start[:-1].tolist(), lines.account_start[1:].tolist()):
        if some and len(some) + end - begin > AT_ONCE:
            yield some
            some = []
        some += range(begin, end)
    yield some
