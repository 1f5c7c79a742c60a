"""The door that every request passes: id, key, size, JSON; and the one form in which anything is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from pydantic_core import from_json

from serving.http.logs import Log
from serving.http.metrics import metrics
from serving.http.problems import MEDIA_TYPE, ProblemError, of_status
from serving.http.visit import OURS, Visit, current
from serving.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

PROBES = frozenset({"/livez", "/readyz", "/healthz"})
DOCS = frozenset({"/", "/openapi.json", "/docs.json", "/schema.json"})
DOC_FILES = ("/static_content/", "/assets/")
NEEDED = {"/score": "score", "/explain": "score", "/events": "ingest", "/leads/{lead_id}": "score"}
"""The scope that a route asks for; any key opens those not named. To erase a lead takes ``admin``."""
ASK_FOR_KEY = {"www-authenticate": 'Bearer realm="lead-readiness"'}


TIMED_OUT = 504
"""What BentoML answers when it ends a request that took too long."""


class GoneError(Exception):
    """The client went away before it had said everything."""


class Doorway:
    """ASGI middleware around the whole service."""

    def __init__(self, app: App, settings: Settings, log: Log) -> None:
        self._app, self._settings, self._log = app, settings, log

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it; whatever is answered from inside in other words is told as a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        visit = Visit.arriving(scope["method"], scope["path"], headers)
        current.set(visit)
        out = Outgoing(send, visit)
        try:
            self._check_key(visit, headers)
            if visit.method == "POST" and visit.path in OURS:
                visit.body = await self._read(visit, headers, receive)
            await self._app(scope, receive, out)
        except ProblemError as problem:
            await out.refuse(problem)
        except GoneError:
            out.status = 499
        except Exception as error:
            self._log.unexpected(visit, error)
            await out.refuse(of_status(500))
        finally:
            seconds, status = perf_counter() - visit.began, out.status or TIMED_OUT
            metrics().done(visit, status, seconds)
            self._log.request(visit, status, seconds)

    def _check_key(self, visit: Visit, headers: dict[bytes, bytes]) -> None:
        if self._settings.no_keys or visit.path in PROBES or self._is_open(visit.path):
            return
        given = _key(headers)
        scopes = self._settings.keys.scopes(given) if given else None
        if scopes is None:
            found = "a key that is not known" if given else "no key"
            detail = f"found {found}; expected `Authorization: Bearer KEY` or `X-API-Key: KEY`; send one"
            raise ProblemError("no-key", detail, headers=ASK_FOR_KEY)
        needed = "admin" if visit.method == "DELETE" else NEEDED.get(visit.route)
        if needed is not None and needed not in scopes:
            detail = f"found a key for {', '.join(sorted(scopes))}; expected the scope {needed}; use a key that has it"
            raise ProblemError("wrong-scope", detail)

    def _is_open(self, path: str) -> bool:
        shown = self._settings.open
        return ("metrics" in shown and path == "/metrics") or (
            "docs" in shown and (path in DOCS or path.startswith(DOC_FILES))
        )

    async def _read(self, visit: Visit, headers: dict[bytes, bytes], receive: Receive) -> Any:
        """The body, decoded; refused before it is read where its header says that it is none of ours."""
        _check_type(headers)
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._settings.most_bytes:
            raise self._too_large()
        chunks: list[bytes] = []
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise GoneError
            chunks.append(message.get("body", b""))
            visit.size += len(chunks[-1])
            if visit.size > self._settings.most_bytes:
                raise self._too_large()
            more = message.get("more_body", False)
        visit.begin()
        return _decoded(b"".join(chunks))

    def _too_large(self) -> ProblemError:
        most = self._settings.most_bytes
        return ProblemError(
            "too-large", f"expected at most {most:,} bytes; send the leads in several requests"
        )


class Outgoing:
    """Sends the answer on, with its id; an error that is told in other words than ours becomes a problem."""

    def __init__(self, send: Send, visit: Visit) -> None:
        self._send, self._visit = send, visit
        self.status = 0
        self._begun, self._instead = False, False

    async def __call__(self, message: Message) -> None:
        """One message of the application."""
        if message["type"] == "http.response.start":
            await self._start(message)
        elif not self._instead:
            await self._send(message)

    async def _start(self, message: Message) -> None:
        status = int(message["status"])
        headers = {name.lower(): value for name, value in message["headers"]}
        if status >= 400 and headers.get(b"content-type", b"") != MEDIA_TYPE.encode():
            self._instead = True
            await self.refuse(of_status(status, headers.get(b"allow", b"").decode("latin-1")))
            return
        self.status, self._begun = status, True
        message["headers"] = [*message["headers"], (b"x-request-id", self._visit.request_id.encode())]
        await self._send(message)

    async def refuse(self, problem: ProblemError) -> None:
        """Answer with a problem, unless an answer has begun."""
        if self._begun:
            return
        self.status, self._begun, self._visit.problem = problem.status, True, problem.sort
        body = problem.body(self._visit.request_id)
        headers = {
            "content-type": MEDIA_TYPE,
            "content-length": str(len(body)),
            "x-request-id": self._visit.request_id,
            **problem.headers,
        }
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": problem.status, "headers": raw})
        await self._send(
            {"type": "http.response.body", "body": b"" if self._visit.method == "HEAD" else body}
        )


def _key(headers: dict[bytes, bytes]) -> str:
    given = headers.get(b"authorization", b"")
    key = given[7:].strip() if given[:7].lower() == b"bearer " else headers.get(b"x-api-key", b"")
    return key.decode("latin-1")


def _check_type(headers: dict[bytes, bytes]) -> None:
    kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        found = f"`{kind[:60]}`" if kind.isprintable() and kind else "none"
        raise ProblemError(
            "not-json", f"found the content type {found}; expected application/json; send JSON as such"
        )
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise ProblemError("not-json", "found a content encoding; expected none; send the JSON as it is")


def _decoded(body: bytes) -> Any:
    """The JSON; what is wrong with it is told with line and column, and nothing of it."""
    try:
        return from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        detail = f"found {error if body.strip() else 'an empty body'}; expected JSON in UTF-8 (RFC 8259); correct it"
        raise ProblemError("bad-json", detail) from None
