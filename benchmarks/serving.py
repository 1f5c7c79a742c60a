"""What a score over HTTP costs, beside an echo of the same service and beside what one would otherwise build.

`benchmarks/serving.py [--quick] [--json FILE] [--only PART]`. The sample company's scorer, one lead with 20 events.
Servers run on two processors and their clients on the others, where there are that many; each on loopback, started
and stopped here. Three parts: `inside` (one call after the other, by stage), `http` (beside echo and peers) and
`parity` (the same leads from the library, the endpoint and the batch job).
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from benchmarks import parity, servers
from benchmarks.load import Load, Plan, send
from benchmarks.measure import Measure, show, write
from lead_readiness import wire
from lead_readiness.answer import answers
from lead_readiness.handoff import Seen, States, alone
from lead_readiness.scorer import Scorer

CLIENTS = 64
DAYS_BEFORE = (21, 7, 0)
CALLS, CALLS_QUICK = 5_000, 500
SECONDS, SECONDS_QUICK = 8.0, 1.0
ROUNDS, ROUNDS_QUICK = 5, 1
LEADS, LEADS_QUICK = 10_000, 300

console = Console(stderr=True)


@click.command()
@click.option("--quick", is_flag=True, help="Less of everything: the same code in under 50 seconds.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), help="Write the measures to this file, too."
)
@click.option("--only", type=click.Choice(["inside", "http", "parity"]), help="One part alone.")
def main(quick: bool, target: Path | None, only: str | None) -> None:
    """Measure what a score costs inside and over HTTP, and whether it is the same everywhere."""
    parts: dict[str, Callable[[Path, bool], list[Measure]]] = {
        "inside": inside,
        "http": over_http,
        "parity": same_everywhere,
    }
    found: list[Measure] = []
    with tempfile.TemporaryDirectory() as scratch:
        servers.scorer(Path(scratch), quick)
        for name, part in parts.items():
            if only in (None, name):
                console.print(f"[dim]{name} ...")
                found += part(Path(scratch), quick)
    show(f"Serving: one lead with 20 events, {os.cpu_count()} processors", found)
    write(found, target)


def inside(scratch: Path, quick: bool) -> list[Measure]:
    """One call after the other in this process: milliseconds by stage."""
    scorer, body, at = Scorer.load(servers.scorer(scratch)), servers.body(), servers.cut()
    project = scorer.project.model_copy(update={"cut": None})
    marks: list[list[float]] = []
    for _ in range(CALLS_QUICK if quick else CALLS):
        clock = [time.perf_counter()]
        read = wire.read(project, json.loads(body)["leads"])
        clock.append(time.perf_counter())
        scored = scorer.assess(read.timelines, read.lead, np.array([at]))
        clock.append(time.perf_counter())
        columns = scored.score, scored.probability, scored.replay.triggered
        seen = Seen.from_timelines(project, read.timelines, read.lead, at, *columns)
        decided = alone(project.handoff, States.empty(), seen, at)
        clock.append(time.perf_counter())
        told = answers(scored, decided)
        clock.append(time.perf_counter())
        json.dumps(told[0].as_json())
        clock.append(time.perf_counter())
        marks.append(np.diff(clock).tolist())
    taken = np.array(marks[100:]) * 1e3
    stages = dict(zip(("reading", "score", "decision", "reasons", "writing"), taken.T))
    compute = stages["score"] + stages["reasons"]
    median, p99 = np.percentile(compute, (50, 99))
    return [
        Measure("score and reasons, median", float(median), "ms", goal="<= 0.5", reached=bool(median <= 0.5)),
        Measure("score and reasons, 99 %", float(p99), "ms", goal="<= 2", reached=bool(p99 <= 2)),
        *(Measure(f"{name}, median", float(np.median(each)), "ms") for name, each in stages.items()),
    ]


def over_http(scratch: Path, quick: bool) -> list[Measure]:
    """The service, its echo, and the peers, in turn, so that what slows the machine slows all of them."""
    seconds, rounds = (SECONDS_QUICK, ROUNDS_QUICK) if quick else (SECONDS, ROUNDS)
    model = servers.scorer(scratch)
    with (
        servers.ours(scratch, model, "benchmarks.echoing:Echoing") as port,
        servers.usual(scratch, model) as usual,
    ):
        ways = {
            "ours": Plan(port, "/score", [servers.body()]),
            "echo": Plan(port, "/echo", [servers.body()]),
            "FastAPI, pandas, TreeExplainer": Plan(usual, "/score", [servers.body()]),
        }
        one = _in_turn(ways, 1, seconds / 2, rounds)
        many = _in_turn(ways, CLIENTS, seconds, rounds)
    if not quick:
        with servers.mlflow(scratch, model) as port:
            plan = {"mlflow models serve": Plan(port, "/invocations", [servers.frame()])}
            one |= _in_turn(plan, 1, seconds / 2, rounds)
            many |= _in_turn(plan, CLIENTS, seconds, rounds)
    wrong = sum(
        n for loads in (one, many) for load in loads["ours"] for s, n in load.statuses.items() if s != "200"
    )
    return [
        *(
            _spread(f"{name}: one client, median", [x.median for x in loads], "ms")
            for name, loads in one.items()
        ),
        *(_spread(f"{name}: one client, 99 %", [x.p99 for x in loads], "ms") for name, loads in one.items()),
        *(
            _spread(f"{name}: {CLIENTS} clients", [x.rate for x in loads], "requests/s")
            for name, loads in many.items()
        ),
        _ratio("median, ours / echo", one, "median", ("ours", "echo"), "<= 1.5"),
        _ratio("99 %, ours / echo", one, "p99", ("ours", "echo"), "<= 2"),
        _ratio(f"requests/s of {CLIENTS} clients, ours / echo", many, "rate", ("ours", "echo"), ">= 0.6"),
        *(
            measure
            for peer in one
            if peer not in ("ours", "echo")
            for measure in (
                _ratio(
                    f"requests/s of {CLIENTS} clients, ours / {peer}", many, "rate", ("ours", peer), ">= 60"
                ),
                _ratio(f"median, {peer} / ours", one, "median", (peer, "ours"), ">= 40"),
            )
        ),
        Measure("answers of ours other than 200", wrong, "", goal="<= 0", reached=wrong == 0),
    ]


def same_everywhere(scratch: Path, quick: bool) -> list[Measure]:
    """Leads at three moments from the library, the endpoint and the batch job: how many answers differ."""
    compared, differing = parity.compare(scratch, *((LEADS_QUICK, (0,)) if quick else (LEADS, DAYS_BEFORE)))
    return [
        Measure("answers compared: library, endpoint, batch", compared, ""),
        Measure("answers that differ", differing, "", goal="<= 0", reached=differing == 0),
    ]


def _in_turn(ways: dict[str, Plan], clients: int, seconds: float, rounds: int) -> dict[str, list[Load]]:
    found: dict[str, list[Load]] = {name: [] for name in ways}
    for plan in ways.values():  # whatever is made at the first call is made here
        send(_plan(plan, clients, min(1.0, seconds)), servers.CLIENTS_ON)
    for _ in range(rounds):
        for name, plan in ways.items():
            found[name].append(send(_plan(plan, clients, seconds), servers.CLIENTS_ON))
    return found


def _plan(plan: Plan, clients: int, seconds: float) -> Plan:
    return Plan(plan.port, plan.path, plan.bodies, clients, seconds, headers=plan.headers)


def _spread(name: str, values: list[float], unit: str) -> Measure:
    return Measure(name, float(np.median(values)), unit, min(values), max(values))


def _ratio(name: str, loads: dict[str, list[Load]], what: str, of: tuple[str, str], goal: str) -> Measure:
    """The median over the rounds of the ratio within each."""
    both: list[list[Any]] = [[getattr(load, what) for load in loads[one]] for one in of]
    ratios = [float(a / b) for a, b in zip(*both)]
    value, (sign, bound) = float(np.median(ratios)), goal.split()
    reached = value >= float(bound) if sign == ">=" else value <= float(bound)
    return Measure(name, value, "x", min(ratios), max(ratios), goal, reached)


if __name__ == "__main__":
    main()
