"""Requests to the service as the bytes that are sent, and the many wrong ones that it must refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

KEYS = {scope: f"{scope}-key-of-the-benchmark" for scope in ("score", "ingest", "admin")}
MOST_LEADS, MOST_BYTES = 50, 1_000_000
JSON = "application/json"
Body = dict[str, Any]


@dataclass(frozen=True)
class Wrong:
    """A request that is to be refused with one of these statuses; ``ends`` where the connection ends with it."""

    name: str
    message: bytes
    statuses: tuple[int, ...]
    ends: bool = False


def message(
    method: str,
    path: str,
    body: object = b"",
    scope: str | None = "admin",
    kind: str | None = JSON,
    *more: str,
) -> bytes:
    """A request with the key of a scope; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(content)}", *more]
    head += [f"X-API-Key: {KEYS.get(scope, scope)}"] if scope else []
    head += [f"Content-Type: {kind}"] if kind else []
    return "\r\n".join([*head, "", ""]).encode() + content


def wrong(rng: Random, body: Body) -> Wrong:
    """One of all wrong requests, made of a good one's ``body``."""
    kind = rng.choice((_not_json, _of_http, _too_much, _values, _values, _of_a_lead, _of_a_lead))
    return rng.choice(list(kind(rng, body)))


def _not_json(rng: Random, body: Body) -> Iterator[Wrong]:
    """Bodies that are no JSON, or none of RFC 8259."""
    good = json.dumps(body).encode()
    place = rng.randrange(1, len(good) - 1)
    bodies = {
        "cut off": good[:place],
        "followed by more": good + b"}",
        "empty": b"",
        "noise": rng.randbytes(200),
        "not UTF-8": good.replace(b'"leads"', b'"le\xffads"', 1),
        "NaN": good.replace(b'"leads"', b'"top": NaN, "leads"', 1),
        "infinite": good.replace(b'"leads"', b'"top": -Infinity, "leads"', 1),
        "deep lists": b'{"leads": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "deep objects": b'{"leads": ' + b'{"a": ' * 50_000 + b"1" + b"}" * 50_001,
        "half a surrogate": good.replace(b'"lead_id": "', b'"lead_id": "\\ud800', 1),
    }
    for name, content in bodies.items():
        yield Wrong(name, message("POST", rng.choice(("/score", "/explain")), content), (400, 422))


def _of_http(rng: Random, body: Body) -> Iterator[Wrong]:
    """Wrong keys, paths, methods and content types."""
    for name, scope, status in (("no key", None, 401), ("unknown key", "x" * 30, 401)):
        yield Wrong(name, message("POST", "/score", body, scope), (status,))
    for path, scope in (("/score", "ingest"), ("/explain", "ingest"), ("/events", "score")):
        yield Wrong(f"wrong scope for {path}", message("POST", path, body, scope), (403,))
    yield Wrong("wrong scope to erase", message("DELETE", "/leads/crowd-1", scope="score"), (403,))
    for kind in (None, "text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "é;" * 50):
        yield Wrong("content type", message("POST", "/score", body, "score", kind), (415,))
    packed = message("POST", "/score", body, "score", JSON, "Content-Encoding: gzip")
    yield Wrong("content encoding", packed, (415,))
    for path in ("/nowhere", "/score/more", "//score", "/score%00", "/lead", "/../etc/passwd"):
        yield Wrong("wrong path", message(rng.choice(("GET", "POST")), path, body), (404, 405))
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        yield Wrong("wrong method", message(method, "/score"), (405,))
    yield Wrong("wrong method", message("POST", "/leads/crowd-1", body), (405,))
    yield Wrong("unknown lead", message("GET", f"/leads/nobody-{rng.random()}"), (404,))
    yield Wrong("no lead id", message("GET", "/leads/" + "x" * 600), (422,))


def _too_much(rng: Random, body: Body) -> Iterator[Wrong]:
    """More leads or bytes than allowed, announced or not."""
    many = [{"lead_id": f"l{n}"} for n in range(MOST_LEADS + 1)]
    yield Wrong("too many leads", message("POST", "/score", {"leads": many}), (422,))
    yield Wrong("too many records", message("POST", "/events", {"leads": many}), (422,))
    head = (
        f"POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {KEYS['score']}\r\nContent-Type: {JSON}\r\n"
    )
    announced = f"{head}Content-Length: {MOST_BYTES + 1}\r\n\r\n".encode()
    yield Wrong("too many bytes announced", announced, (413,), ends=True)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    streamed = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * (MOST_BYTES // 0x10000 + 1)
    yield Wrong("too many bytes as they come", streamed, (413,), ends=True)


def _values(rng: Random, body: Body) -> Iterator[Wrong]:
    """Bodies whose own keys are wrong, on all three paths."""
    lead, leads = body["leads"][0], body["leads"]
    named = {"lead_id": "crowd-1", "kind": "page_view", "occurred_at": "2026-02-01T00:00:00Z"}
    scores = [
        {}, [], None, 7, "leads", [body], {"leads": None}, {"leads": {}}, {"leads": []}, {"leads": [7]},
        {**body, "lead": lead}, {**body, "": 1}, {**body, "as_of": "yesterday"}, {**body, "as_of": 17},
        {**body, "as_of": "9" * 5_000}, {**body, "as_of": []},
        {**body, "top": -1}, {**body, "top": 1.5}, {**body, "top": 10**30}, {**body, "top": "3"},
        {**body, "top": True}, {"leads": [*leads[:49], leads[0]]},
    ]  # fmt: skip
    explains = [
        {}, body, {"lead": None}, {"lead": leads},
        {"lead": lead, "since": "2026-07-02T00:00:00Z", "as_of": "2026-07-01T00:00:00Z"},
        {"lead": lead, "since": 1e300}, {"lead": lead, "leads": leads}, {"lead": {}},
    ]  # fmt: skip
    events = [
        [], "events", {"events": {}}, {"events": [None]}, {"events": [{}]}, {"events": [{**named, "lead_id": None}]},
        {"events": [{**named, "lead_id": []}]}, {"events": [{**named, "lead_id": "x" * 600}]},
        {"events": [{**named, "occurred_at": "soon"}]},
        {"events": [{**named, "value": "much"}]}, {"events": [{**named, "kind": ""}]},
        {"events": [named], "more": 1}, {"leads": [{"lead_id": "crowd-1", "attributes": {"colour": "red"}}]},
        {"leads": [{"lead_id": "crowd-1", "attributes": {"employees": "many"}}]}, {"leads": [{}]},
        {"type": "track", "userId": "crowd-1"}, {"type": "track", "event": "Page View"},
        {"type": "identify", "userId": "x"}, {"events": [named], "source": 7},
    ]  # fmt: skip
    for path, bodies in (("/score", scores), ("/explain", explains), ("/events", events)):
        for each in bodies:
            yield Wrong(f"values of {path}: {json.dumps(each)[:60]}", message("POST", path, each), (422,))


def _of_a_lead(rng: Random, body: Body) -> Iterator[Wrong]:
    """One of the leads, or one of its events, is wrong; the others are not answered either."""
    huge, event = 10**400, {"kind": "page_view", "occurred_at": "2026-01-01T00:00:00Z"}
    changes: list[Callable[[Body], Body]] = [
        *(
            lambda lead, name=name, value=value: {**lead, name: value}
            for name, values in {
                "lead_id": (None, True, "", " x", "x" * 600, [], 1.5),
                "created_at": (17, "0", "99999-01-01T00:00:00Z", huge, {}, "2026-13-01T00:00:00Z"),
                "attributes": ([], 3, "none", {"employees": "x"}, {"employees": huge}, {"industry": {}}),
                "events": ("none", {}, [7], [None], [[]], 0),
                "handoffs": ("none", [{}], [{"handed_off_at": 1}], [{"returned_at": "2026-01-01T00:00:00Z"}]),
                "outcome": ("won", [], {"outcome": "perhaps"}, {"decided_at": "then"}),
            }.items()
            for value in values
        ),
        *(
            lambda lead, more=more: {**lead, "events": [*lead["events"], {**event, **more}]}
            for more in (
                {"kind": None}, {"kind": 7}, {"occurred_at": None}, {"occurred_at": "2026-02-30T00:00:00Z"},
                {"value": "1e5"}, {"value": huge}, {"value": []}, {"event_id": []}, {"asset": {}},
                {"lead_id": "of another"}, {"recorded_at": "later"},
            )
        ),
        lambda lead: {name: value for name, value in lead.items() if name != "created_at"} | {"events": [event]},
        lambda lead: {name: value for name, value in lead.items() if name != "lead_id"},
    ]  # fmt: skip
    place = rng.randrange(len(body["leads"]))
    for n, change in enumerate(changes):
        leads = [change(lead) if k == place else lead for k, lead in enumerate(body["leads"])]
        yield Wrong(f"of a lead: {n}", message("POST", "/score", {**body, "leads": leads}), (400, 422))
