"""Requests to one address on loopback from many clients at once: `python -m benchmarks.load` with a plan on stdin.

A process of its own, so that the clients' work is not the server's. Each client keeps its connection and sends the
next request when it has its answer, until the time or the requests are spent.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Plan:
    """What is sent: ``bodies`` in turn, by ``clients`` at once, for ``seconds`` or ``most`` requests."""

    port: int
    path: str
    bodies: list[str]
    clients: int = 1
    seconds: float = 5.0
    most: int = 1_000_000
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Load:
    """What came back: requests answered a second, milliseconds at the median and at 99 %, answers by status."""

    rate: float
    median: float
    p99: float
    statuses: dict[str, int]


def send(plan: Plan, processors: str | None = None) -> Load:
    """Carry the plan out in a process of its own, on these processors."""
    pinned = ["taskset", "-c", processors] if processors else []
    command = [*pinned, sys.executable, "-m", "benchmarks.load"]
    done = subprocess.run(
        command, input=json.dumps(asdict(plan)), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return Load(**json.loads(done.stdout))


async def carry_out(plan: Plan) -> Load:
    """The same in this process."""
    took: list[float] = []
    statuses: Counter[str] = Counter()
    turn, begun = count(), time.perf_counter()
    requests = [_request(plan, body) for body in plan.bodies]

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", plan.port)
        try:
            while (n := next(turn)) < plan.most and time.perf_counter() - begun < plan.seconds:
                sent = time.perf_counter()
                writer.write(requests[n % len(requests)])
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(head))
                took.append(time.perf_counter() - sent)
                statuses[head[9:12].decode()] += 1
        finally:
            writer.close()

    await asyncio.gather(*(client() for _ in range(plan.clients)))
    seconds = time.perf_counter() - begun
    median, p99 = np.percentile(took, (50, 99)) * 1e3
    return Load(len(took) / seconds, float(median), float(p99), dict(statuses))


def _request(plan: Plan, body: str) -> bytes:
    content = body.encode()
    headers = {"Host": "127.0.0.1", "Content-Type": "application/json", **plan.headers}
    lines = [f"POST {plan.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError(f"an answer of unknown length: {head[:200]!r}")


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(carry_out(Plan(**json.load(sys.stdin)))))))
