"""Two hours of requests in minutes, a fifth of them wrong: what fails, what is answered wrongly, what leaks.

`benchmarks/hammering.py [--quick] [--seconds N] [--json FILE]`. The service, with keys and a store, and clients on
loopback that send a random mix: leads with their histories, whose answers are known from the library beforehand;
events, new and again; what the store holds; and requests that must be refused. Afterwards schemathesis asks whatever
the OpenAPI document allows, and what it does not.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from scipy.stats import theilslopes

from benchmarks import servers
from benchmarks.malformed import KEYS, MOST_BYTES, MOST_LEADS
from benchmarks.measure import Measure, show, write
from benchmarks.traffic import Sent, Traffic
from lead_readiness.scorer import Scorer

REQUESTS, REQUESTS_QUICK = 150_000, 500
"""Two hours of 20 requests a second: caches fill in the first quarter, what still grows after them is a leak."""
SECONDS, SECONDS_QUICK = 1_500.0, 6.0
KNOWN, KNOWN_QUICK = 200, 40
EXAMPLES, EXAMPLES_QUICK = 60, 3
CLIENTS = 16
HUNG = 30.0
WARM = 0.25
"""Share of the requests before memory is looked at."""
BLOCK, DRAWS = 20, 300
LEAK = 1.0

console = Console(stderr=True)


@dataclass
class Found:
    """What was seen: requests by sort, statuses, and what went wrong, by the sort of the request."""

    sorts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    admitted: Counter[str] = field(default_factory=Counter)
    hung: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[int, float]] = field(default_factory=list)

    def judge(self, sent: Sent, status: int, head: bytes, body: bytes) -> None:
        """Count an answer as what it is."""
        self.statuses[status] += 1
        if status >= 500:
            self.failed[f"{sent.sort}: {status}"] += 1
        elif not sent.is_right(status, head, body):
            (self.admitted if sent.is_wrong else self.wrong)[f"{sent.sort}: {status}"] += 1


@click.command()
@click.option("--quick", is_flag=True, help="Fewer requests: the same code in under 50 seconds.")
@click.option("--seconds", type=float, help="Send for at most so long.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), help="Write the measures to this file, too."
)
def main(quick: bool, seconds: float | None, target: Path | None) -> None:
    """Hammer the service and count what should not be."""
    requests, most = (REQUESTS_QUICK, SECONDS_QUICK) if quick else (REQUESTS, SECONDS)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        model = servers.scorer(scratch)
        console.print("[dim]what the library answers ...")
        traffic = Traffic(Scorer.load(model), KNOWN_QUICK if quick else KNOWN)
        settings = {
            "KEYS": ",".join(f"{scope}:{key}" for scope, key in KEYS.items()),
            "NO_KEYS": "",
            "STORE": f"sqlite:///{scratch}/store.db",
            "MOST_LEADS": str(MOST_LEADS),
            "MOST_BYTES": str(MOST_BYTES),
        }
        with servers.ours(scratch, model, "serving.service:LeadReadiness", **settings) as port:
            console.print(f"[dim]{requests:,} requests by {CLIENTS} clients ...")
            began = time.perf_counter()
            found = asyncio.run(hammer(port, traffic, requests, seconds or most))
            took = time.perf_counter() - began
            console.print("[dim]schemathesis ...")
            asked = by_the_document(f"http://127.0.0.1:{port}", EXAMPLES_QUICK if quick else EXAMPLES)
    measures = [*counted(found, took, requests), *leaked(found.memory, not quick), *documented(asked)]
    show(f"{sum(found.sorts.values()):,} requests by {CLIENTS} clients", measures)
    for what in (found.failed, found.wrong, found.admitted, found.hung, asked.breaches):
        for name, times in what.most_common(20):
            console.print(f"[red]{times} x {name}", markup=True, highlight=False)
    write(measures, target)


async def hammer(port: int, traffic: Traffic, requests: int, seconds: float) -> Found:
    """Send the requests, or as many as there is time for; then ask for all that was stored."""
    found, turn, until = Found(), count(), time.perf_counter() + seconds

    async def client() -> None:
        line = Line(port)
        while next(turn) < requests and time.perf_counter() < until:
            await ask(line, traffic.next(), found)
        line.close()

    watching = asyncio.create_task(watch(found))
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    watching.cancel()
    line = Line(port)
    for sent in traffic.stored():
        await ask(line, sent, found)
    line.close()
    return found


async def ask(line: Line, sent: Sent, found: Found) -> None:
    """Send one request and judge its answer."""
    found.sorts[sent.sort] += 1
    try:
        async with asyncio.timeout(HUNG):
            if sent.leaves:
                await line.leave(sent.message)
                return
            status, head, body = await line.answer(sent.message)
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
        found.hung[f"{sent.sort}: {type(error).__name__}"] += 1
        line.close()
        return
    found.judge(sent, status, head, body)
    if sent.ends or b"connection: close" in head.lower():
        line.close()


class Line:
    """A client's connection, opened when it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def answer(self, message: bytes) -> tuple[int, bytes, bytes]:
        """Status, head and body of the answer."""
        reader, writer = await self._opened()
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(
            int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        return int(head[9:12]), head, await reader.readexactly(size)

    async def leave(self, message: bytes) -> None:
        """Say it and go without listening."""
        _, writer = await self._opened()
        writer.write(message)
        await writer.drain()
        self.close()

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._open is None:
            self._open = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        return self._open

    def close(self) -> None:
        """Hang up."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


async def watch(found: Found) -> None:
    """The server's memory, each second."""
    while True:
        found.memory.append((sum(found.sorts.values()), resident(os.getpid())))
        await asyncio.sleep(1)


def resident(process: int) -> float:
    """MB that all processes below this one hold, each by itself (RSS)."""
    held = 0.0
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:  # it has just ended
        return 0.0
    for child in children:
        try:
            pages = int(Path(f"/proc/{child}/statm").read_text().split()[1])
        except OSError:
            continue
        held += pages * os.sysconf("SC_PAGE_SIZE") / 1e6 + resident(int(child))
    return held


def counted(found: Found, took: float, wanted: int) -> list[Measure]:
    """How much was asked, and how often it went wrong."""
    sent = sum(found.sorts.values())
    wrong = sum(n for sort, n in found.sorts.items() if sort.startswith("wrong"))
    return [
        Measure("requests", sent, "", goal=f">= {wanted}", reached=sent >= wanted),
        Measure("requests a second", sent / took, "1/s"),
        Measure("known answers compared", found.sorts["score"] + found.sorts["explain"], ""),
        Measure("batches of events", found.sorts["events"] + found.sorts["events again"], ""),
        Measure("to be refused", wrong / sent * 100, "%"),
        Measure("clients that hung up", found.sorts["hanging up"], ""),
        none("answers of 5xx", found.failed.total()),
        none("wrong answers", found.wrong.total()),
        none("wrong requests not refused", found.admitted.total()),
        none("requests that hung", found.hung.total()),
    ]


def none(name: str, times: int) -> Measure:
    """What should never be."""
    return Measure(name, times, "", goal="<= 0", reached=times == 0)


def leaked(memory: list[tuple[int, float]], is_long: bool) -> list[Measure]:
    """The trend of the server's memory after the warm-up, its interval by a bootstrap of blocks of its residuals."""
    seen = np.array(memory)
    seen = seen[seen[:, 0] >= WARM * seen[-1, 0]]
    asked, held = seen[:, 0] / 10_000, seen[:, 1]
    slope, at, *_ = theilslopes(held, asked)
    rest = held - at - slope * asked
    rng = np.random.default_rng(0)
    length = min(BLOCK, len(rest) // 4 or 1)
    begins = rng.integers(0, len(rest) - length + 1, (DRAWS, -(-len(rest) // length)))
    drawn = (begins[:, :, None] + np.arange(length)).reshape(DRAWS, -1)[:, : len(rest)]
    draws = [theilslopes(at + slope * asked + rest[rows], asked)[0] for rows in drawn]
    low, high = map(float, np.percentile(draws, (2.5, 97.5)))
    goal = f"<= {LEAK:g} or none" if is_long else ""
    quarter = len(held) // 4 or 1
    first, last = float(np.median(held[:quarter])), float(np.median(held[-quarter:]))
    is_flat = bool(low <= 0 or slope <= LEAK)
    return [
        Measure("memory trend", float(slope), "MB/10,000", low, high, goal, is_flat if is_long else None),
        Measure("memory, first quarter", first, "MB"),
        Measure("memory, last quarter", last, "MB"),
    ]


@dataclass
class Asked:
    """What schemathesis saw: answers by status, and breaches of the document by what they are."""

    statuses: Counter[int] = field(default_factory=Counter)
    breaches: Counter[str] = field(default_factory=Counter)


def by_the_document(url: str, examples: int) -> Asked:
    """Every operation asked as the OpenAPI document allows, and as it does not."""
    import schemathesis
    from hypothesis.errors import Unsatisfiable
    from schemathesis import GenerationMode

    headers, asked = {"X-API-Key": KEYS["admin"]}, Asked()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # schemathesis uses newer jsonschema its own way
        document = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=headers)
        for found in document.get_all_operations():
            for mode in GenerationMode:
                try:
                    _ask(found.ok().as_strategy(mode), examples, headers, asked)
                except Unsatisfiable:  # there is no wrong way to ask for some
                    continue
    return asked


def _ask(cases: object, examples: int, headers: dict[str, str], asked: Asked) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

    checks = [not_a_server_error, status_code_conformance, content_type_conformance]

    @settings(
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
    )
    @given(cases)
    def asking(case: object) -> None:
        case.headers = {**(case.headers or {}), **headers}
        response = case.call(timeout=HUNG)
        asked.statuses[response.status_code] += 1
        try:
            case.validate_response(response, checks=checks)
        except AssertionError as failure:
            asked.breaches[f"{case.method} {case.path}: {str(failure)[:200]}"] += 1

    asking()


def documented(asked: Asked) -> list[Measure]:
    """What schemathesis found."""
    failed = sum(times for status, times in asked.statuses.items() if status >= 500)
    return [
        Measure("schemathesis: requests", asked.statuses.total(), ""),
        none("schemathesis: answers of 5xx", failed),
        none("schemathesis: breaches of the document", asked.breaches.total()),
    ]


if __name__ == "__main__":
    main()
