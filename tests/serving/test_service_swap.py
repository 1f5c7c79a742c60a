"""Champions come and go in MLflow's registry while the server answers."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from blended import blended
from served import KEYS, NOW, Server, lead, running

from lead_readiness.moments import written
from lead_readiness.scorer import Scorer
from training.tracking.registry import Training, keep
from training.tracking.store import Store

pytestmark = pytest.mark.slow
NAME = "leaky-readiness"


class Registry:
    """An MLflow registry in a folder."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(f"sqlite:///{folder}/mlflow.db", folder / "artifacts")
        self.folder = folder

    def promote(self, scorer: Scorer) -> None:
        """Register the scorer and make it the champion."""
        version = keep(Training(scorer), self.store).version
        self.store.client.set_registered_model_alias(NAME, "champion", version)

    def damage(self, scorer: Scorer) -> None:
        """Register a scorer, alter one of its files, and make it the champion."""
        before = {*self.folder.rglob("scorer.json")}
        version = keep(Training(scorer), self.store).version
        (state,) = {*self.folder.rglob("scorer.json")} - before
        held = json.loads(state.read_text())
        held["card"]["leads"] += 1
        state.write_text(json.dumps(held))
        self.store.client.set_registered_model_alias(NAME, "champion", version)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def server(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    registry.promote(blended())
    address = {"MODEL": f"models:/{NAME}@champion", "MLFLOW": registry.store.uri}
    with running(tmp_path_factory.mktemp("served"), **address, POLL_SECONDS="0.5") as up:
        yield up


class Load:
    """Clients that ask without a pause; how each was answered, and by which model."""

    def __init__(self, server: Server, clients: int = 4) -> None:
        self.answers = Counter[tuple[int, str]]()
        self._over = Event()
        self._threads = [Thread(target=self._ask, args=(server.url,)) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, url: str) -> None:
        body = {"leads": [lead()], "as_of": written(NOW)}
        with httpx.Client(base_url=url, headers={"X-API-Key": KEYS["score"]}, timeout=60) as client:
            while not self._over.is_set():
                told = client.post("/score", json=body)
                told_model: Any = told.json().get("model", "none")
                self.answers[told.status_code, told_model] += 1


def wait_for(server: Server, found: Any) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        models = server.ask("GET", "/model").json()["models"]
        if value := found(models):
            return value
        time.sleep(0.1)
    raise AssertionError(models)


def test_a_new_champion_is_taken_without_a_dropped_request(server: Server, registry: Registry) -> None:
    new = blended(intercept=-0.1)
    with Load(server) as load:
        registry.promote(new)
        wait_for(server, lambda models: models["serving"]["model"] == new.version)
        time.sleep(0.5)
    assert {status for status, _ in load.answers} == {200}
    assert {model for _, model in load.answers} == {blended().version, new.version}


def test_a_broken_champion_is_refused_and_the_old_one_goes_on(server: Server, registry: Registry) -> None:
    serving = server.ask("GET", "/model").json()["models"]["serving"]["model"]
    with Load(server) as load:
        registry.damage(blended(intercept=-0.2))
        (refused,) = wait_for(server, lambda models: models["refused"])
    assert "altered since it was saved" in refused["why"]
    assert load.answers.keys() == {(200, serving)}
    assert server.ask("GET", "/readyz", None).status_code == 200
    assert "lead_readiness_models_refused_total 1.0" in server.ask("GET", "/metrics").text


def test_a_champion_of_another_project_is_refused(server: Server, registry: Registry) -> None:
    other = blended(intercept=-0.3)
    fewer = {kind: k for kind, k in other.project.vocabulary.items() if kind != "call"}
    registry.promote(replace(other, project=other.project.model_copy(update={"vocabulary": fewer})))
    refused = wait_for(server, lambda models: [r for r in models["refused"] if "call" in r["why"]])
    assert "start the server again" in refused[0]["why"]
