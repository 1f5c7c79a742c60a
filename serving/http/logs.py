"""The server's own log: one JSON object a line, with nothing of any lead."""

from __future__ import annotations

import sys
import traceback
from datetime import UTC, datetime
from typing import IO, Any

from pydantic_core import to_json

from serving.http.visit import Visit

QUIET = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
"""Routes that are asked every few seconds: logged only when they fail."""


class Log:
    """Writes to a stream, by default to the standard error that is there when a line is written."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream

    def write(self, event: str, **facts: Any) -> None:
        """One line."""
        stream = sys.stderr if self._stream is None else self._stream
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        stream.write(to_json({"time": time, "event": event, **facts}).decode() + "\n")
        stream.flush()

    def request(self, visit: Visit, status: int, seconds: float) -> None:
        """What one request was, and how it ended."""
        if visit.route in QUIET and status < 400:
            return
        facts: dict[str, Any] = {
            "request_id": visit.request_id,
            "method": visit.method,
            "route": visit.route,
            "status": status,
            "ms": round(seconds * 1e3, 3),
        }
        if visit.model is not None:
            facts |= {"leads": visit.leads, "events": visit.events, "model": visit.model}
        if visit.problem is not None:
            facts["problem"] = visit.problem
        self.write("request", **facts)

    def unexpected(self, visit: Visit, error: BaseException) -> None:
        """Where an error came from, but not what it says: that may quote a lead."""
        frames = traceback.extract_tb(error.__traceback__)[-12:]
        where = [f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames]
        self.write(
            "unexpected error",
            request_id=visit.request_id,
            route=visit.route,
            error=type(error).__name__,
            at=where,
        )
