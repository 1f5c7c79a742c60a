"""One request on its way through the server: who it is, what it brought, what is logged of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from lead_readiness.answer import Answer

SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OURS = ("/score", "/explain", "/events")
"""The paths that take a JSON body."""
KNOWN = frozenset(
    {
        *OURS,
        "/model",
        "/openapi.json",
        "/livez",
        "/readyz",
        "/healthz",
        "/metrics",
        "/",
        "/docs.json",
        "/schema.json",
    }
)


@dataclass(slots=True)
class Visit:
    """A request's facts, for the log and the metrics.

    Nothing of a lead is in what is logged: ``route`` is a template, not the path. ``told`` are the answers given,
    ``became`` says what became of events that were to be stored.
    """

    request_id: str
    method: str
    path: str
    route: str
    began: float = field(default_factory=perf_counter)
    body: Any = None
    size: int = 0
    leads: int = 0
    events: int = 0
    model: str | None = None
    problem: str | None = None
    stages: dict[str, float] = field(default_factory=dict)
    told: Sequence[Answer] = ()
    unknown_kinds: Mapping[str, int] = field(default_factory=dict)
    became: Mapping[str, int] = field(default_factory=dict)
    _marked: float = 0.0

    @classmethod
    def arriving(cls, method: str, path: str, headers: Mapping[bytes, bytes]) -> Visit:
        """The request as it comes in; its id is the one it brought, if that is one that can be shown and logged.

        >>> Visit.arriving("GET", "/leads/ann", {b"x-request-id": b"a-7"}).route
        '/leads/{lead_id}'
        """
        method = method if method in METHODS else "other"
        brought = headers.get(b"x-request-id", b"").decode("latin-1")
        made = brought if SANE.fullmatch(brought) else secrets.token_hex(16)
        return cls(made, method, path, route_of(path))

    def begin(self) -> None:
        """Begin to time the stages."""
        self._marked = perf_counter()

    def mark(self, stage: str) -> None:
        """A stage ends here, and the next one begins."""
        now = perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self._marked
        self._marked = now

    def share(self, first: Visit, told: Sequence[Answer]) -> None:
        """Take over what was done for both requests at once; ``told`` are this one's own answers.

        The time that it took stays the first one's, so that it is counted once.
        """
        self.model, self.told, self._marked = first.model, told, first._marked


def route_of(path: str) -> str:
    """The template of a path.

    >>> route_of("/score"), route_of("/etc/passwd")
    ('/score', 'other')
    """
    if path in KNOWN:
        return path
    return "/leads/{lead_id}" if path.startswith("/leads/") else "other"


current: ContextVar[Visit] = ContextVar("visit")
"""The request that is being answered."""
