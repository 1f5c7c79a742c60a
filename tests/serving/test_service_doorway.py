"""What passes the door, and how refusals are told."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from served import KEYS
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from serving.http.doorway import Doorway
from serving.http.logs import Log
from serving.http.problems import SORTS
from serving.http.visit import current
from serving.keys import Keys
from serving.settings import Settings

JSON = {"content-type": "application/json"}
SETTINGS = Settings(
    keys=Keys.parse(",".join(f"{scope}:{key}" for scope, key in KEYS.items())),
    open=frozenset({"metrics"}),
    most_bytes=50,
)


async def echo(_: Request) -> Response:
    return Response(json.dumps({"body": current.get().body}), media_type="application/json")


async def broken(_: Request) -> Response:
    raise ValueError("ann@acme.example")


async def other_words(_: Request) -> Response:
    return PlainTextResponse("ann@acme.example", status_code=418)


INSIDE = Starlette(
    routes=[
        Route("/score", echo, methods=["POST"]),
        Route("/events", echo, methods=["POST"]),
        Route("/leads/{lead_id}", echo, methods=["GET", "DELETE"]),
        Route("/metrics", echo),
        Route("/livez", echo),
        Route("/model", broken),
        Route("/schema.json", other_words),
    ]
)


class Asked:
    def __init__(self, response: httpx.Response, log: str) -> None:
        self.status, self.headers, self.log = response.status_code, response.headers, log
        self.body: Any = response.json()


def ask(
    method: str, path: str, key: str | None = "admin", settings: Settings = SETTINGS, **more: Any
) -> Asked:
    stream = io.StringIO()
    door: Any = Doorway(INSIDE, settings, Log(stream))
    headers = {**({"x-api-key": KEYS.get(key, key)} if key else {}), **more.pop("headers", {})}

    async def asking() -> httpx.Response:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            return await client.request(method, path, headers=headers, **more)

    return Asked(asyncio.run(asking()), stream.getvalue())


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("POST", "/score", None, 401),
        ("POST", "/score", "0123456789abcdefg", 401),
        ("POST", "/score", "ingest", 403),
        ("POST", "/score", "score", 200),
        ("POST", "/events", "score", 403),
        ("POST", "/events", "ingest", 200),
        ("GET", "/leads/ann", "ingest", 403),
        ("GET", "/leads/ann", "score", 200),
        ("DELETE", "/leads/ann", "score", 403),
        ("DELETE", "/leads/ann", "admin", 200),
        ("GET", "/livez", None, 200),
        ("GET", "/metrics", None, 200),
        ("GET", "/openapi.json", None, 401),
        ("GET", "/nowhere", None, 401),
        ("GET", "/nowhere", "score", 404),
        ("GET", "/score", "score", 405),
    ],
)
def test_a_key_opens_what_its_scope_names(method: str, path: str, key: str | None, status: int) -> None:
    more = {"content": b"{}", "headers": JSON} if method == "POST" else {}
    assert ask(method, path, key, **more).status == status


def test_a_key_may_come_as_a_bearer_and_without_keys_everybody_may_ask() -> None:
    bearer = {**JSON, "authorization": f"Bearer {KEYS['score']}"}
    assert ask("POST", "/score", None, headers=bearer, content=b"{}").status == 200
    assert ask("DELETE", "/leads/ann", None, Settings(no_keys=True)).status == 200


@pytest.mark.parametrize(
    ("more", "sort", "detail"),
    [
        ({"content": b"{}"}, "not-json", "found the content type none; expected application/json"),
        (
            {"content": b"a=1", "headers": {"content-type": "text/csv"}},
            "not-json",
            "found the content type `text/csv`",
        ),
        (
            {"content": b"{}", "headers": {**JSON, "content-encoding": "gzip"}},
            "not-json",
            "found a content encoding",
        ),
        ({"content": b"", "headers": JSON}, "bad-json", "found an empty body; expected JSON"),
        ({"content": b'{"a": 1,}', "headers": JSON}, "bad-json", "found trailing comma at line 1 column 9"),
        ({"content": b'{"a": NaN}', "headers": JSON}, "bad-json", "at line 1 column"),
        (
            {"content": b'{"a": "\xff"}', "headers": JSON},
            "bad-json",
            "invalid unicode code point at line 1 column",
        ),
        ({"content": b"[" * 50, "headers": JSON}, "bad-json", "at line 1 column"),
        ({"content": b" " * 51, "headers": JSON}, "too-large", "expected at most 50 bytes"),
    ],
)
def test_a_body_that_is_no_json_is_refused_with_its_place(
    more: dict[str, Any], sort: str, detail: str
) -> None:
    asked = ask("POST", "/score", **more)
    assert asked.status == SORTS[sort].status
    assert asked.headers["content-type"] == "application/problem+json"
    assert asked.body["type"] == f"urn:lead-readiness:problem:{sort}"
    assert detail in asked.body["detail"]


def test_a_body_without_a_length_is_counted_while_it_comes() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 10

    assert ask("POST", "/score", content=pieces(), headers=JSON).body["status"] == 413


@pytest.mark.parametrize(("path", "status"), [("/model", 500), ("/schema.json", 418)])
def test_what_is_said_inside_in_other_words_is_told_as_a_problem(path: str, status: int) -> None:
    asked = ask("GET", path)
    assert asked.headers["content-type"] == "application/problem+json"
    assert "ann@acme.example" not in json.dumps(asked.body) + asked.log
    assert json.loads(asked.log.splitlines()[-1])["status"] == asked.status
    assert asked.status == (500 if status == 500 else 400)


def test_a_problem_names_the_request_and_the_methods_that_there_are() -> None:
    asked = ask("GET", "/score", headers={"x-request-id": "a-7"})
    assert asked.body["request_id"] == asked.headers["x-request-id"] == "a-7"
    assert asked.body["instance"] == "urn:request:a-7"
    assert asked.headers["allow"] == "POST"


@pytest.mark.parametrize("brought", ["a b", "x" * 129, "<script>", ""])
def test_an_id_that_cannot_be_logged_is_replaced(brought: str) -> None:
    asked = ask("GET", "/livez", headers={"x-request-id": brought})
    assert asked.headers["x-request-id"] not in ("", brought)


def test_the_log_says_what_was_asked_and_nothing_of_the_lead() -> None:
    asked = ask("GET", "/leads/ann@acme.example")
    (line,) = asked.log.splitlines()
    facts = json.loads(line)
    assert (facts["route"], facts["status"], facts["method"]) == ("/leads/{lead_id}", 200, "GET")
    assert "acme" not in line
    assert ask("GET", "/livez").log == ""


def test_a_request_that_is_ended_for_taking_too_long_is_logged() -> None:
    stream = io.StringIO()

    async def sleeping(*_: Any) -> None:
        await asyncio.sleep(60)

    async def asking() -> None:
        door: Any = Doorway(sleeping, Settings(no_keys=True), Log(stream))
        scope = {"type": "http", "method": "GET", "path": "/model", "headers": []}
        await asyncio.wait_for(door(scope, None, None), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(asking())
    assert json.loads(stream.getvalue())["status"] == 504
