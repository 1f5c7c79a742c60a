"""What tests of the endpoint share: requests as plain data, means without a server, and a server of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from blended import RULES_ONLY
from histories import day
from postgres import free_port

from lead_readiness.moments import written
from lead_readiness.scorer import Scorer
from serving.endpoint.means import Means
from serving.http.visit import Visit
from serving.kept import Kept
from serving.models import Champion
from serving.settings import Settings

NOW = day(150)
KEYS = {scope: f"{scope}-key-0123456789" for scope in ("score", "ingest", "admin")}


def event(n: int, kind: str = "visit", **more: Any) -> dict[str, Any]:
    """The n-th event, one a day."""
    return {"event_id": f"e{n}", "occurred_at": written(day(100 + n)), "kind": kind, **more}


def lead(name: str = "ann", events: int = 20, **more: Any) -> dict[str, Any]:
    kinds = ("visit", "pricing", "blog", "send")
    return {
        "lead_id": name,
        "created_at": written(day(90)),
        "account_id": f"of {name}",
        "attributes": {"sector": "bank", "people": 20},
        "events": [event(n, kinds[n % 4], event_id=f"{name}-{n}") for n in range(events)],
        **more,
    }


def champion(scorer: Scorer = RULES_ONLY, earlier: Scorer | None = None, since: int = day(140)) -> Champion:
    return Champion(scorer, scorer.project.model_copy(update={"cut": None}), "a test", since, earlier)


def means(
    url: str | None = None,
    *,
    at: int = NOW,
    serving: Champion | None = None,
    kept: Kept | None = None,
    **limits: int,
) -> Means:
    """What a request is answered with, away from any server."""
    visit = Visit.arriving("POST", "/score", {})
    return Means(serving or champion(), kept or Kept(url), Settings(**limits), at, visit)


class Server:
    """A running server; requests are sent with a key of the scope."""

    def __init__(self, url: str, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.url, self.log, self.process = url, log, process

    def ask(self, method: str, path: str, scope: str | None = "admin", **more: Any) -> httpx.Response:
        headers = {**({"X-API-Key": KEYS[scope]} if scope else {}), **more.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **more)

    def post(self, path: str, body: Any, scope: str | None = "admin") -> httpx.Response:
        return self.ask("POST", path, scope, json=body)

    def wait(self, path: str = "/readyz", status: int = 200, seconds: float = 120) -> None:
        """Until the path answers with the status."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if self.ask("GET", path, None).status_code == status:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"{path} did not answer {status} in time:\n{self.log.read_text()}")


@contextmanager
def running(
    folder: Path,
    *,
    service: str = "serving.service:LeadReadiness",
    ready: int = 200,
    python: str | Path = sys.executable,
    **settings: str,
) -> Iterator[Server]:
    """`bentoml serve` in a folder, on a free port, with these settings; ended with the block."""
    port, log = free_port(), folder / "log"
    own = {name: value for name, value in os.environ.items() if not name.startswith("LEAD_READINESS_")}
    usual = {
        "KEYS": ",".join(f"{scope}:{key}" for scope, key in KEYS.items()),
        "STORE": f"sqlite:///{folder}/store.db",
    }
    environment: Mapping[str, str] = {
        **own,
        **{f"LEAD_READINESS_{name}": value for name, value in {**usual, **settings}.items()},
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(folder / "bentoml"),
        "OMP_NUM_THREADS": "1",
    }
    command = [str(python), "-m", "bentoml", "serve", service, "--host", "127.0.0.1", "--port", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
    server = Server(f"http://127.0.0.1:{port}", log, process)
    try:
        server.wait(status=ready)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
