"""Whatever the OpenAPI document allows, and what it does not, is never answered with an error of the server."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from blended import RULES_ONLY
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from served import KEYS, Server, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # schemathesis uses newer jsonschema its own way
]
ROUNDS = 30
ADMIN = {"Authorization": f"Bearer {KEYS['admin']}"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    RULES_ONLY.save(folder / "scorer")
    with running(folder, MODEL=str(folder / "scorer")) as up:
        yield up


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_makes_the_server_fail(server: Server, mode: GenerationMode) -> None:
    document = schemathesis.openapi.from_url(f"{server.url}/openapi.json", headers=ADMIN)
    asked = Counter[int]()
    for found in document.get_all_operations():
        with contextlib.suppress(Unsatisfiable):  # there is no wrong way to ask for some
            ask(found.ok(), mode, asked)
    assert sum(asked.values()) > ROUNDS
    assert max(asked) < 500


def ask(operation: Any, mode: GenerationMode, asked: Counter[int]) -> None:
    """Ask in many ways, and count how it was answered."""

    @settings(max_examples=ROUNDS, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(operation.as_strategy(mode))
    def asking(case: schemathesis.Case) -> None:
        case.headers = {**(case.headers or {}), **ADMIN}
        response = case.call(timeout=60)
        asked[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    asking()
