"""Refusals as problem details (RFC 9457): where, what was found, what was expected, what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

from lead_readiness.errors import LeadReadinessError
from lead_readiness.wire import BadValuesError, Mistake
from serving.store import BadRow, StoreError

MEDIA_TYPE = "application/problem+json"
SCHEME = "urn:lead-readiness:problem:"


class Sort(NamedTuple):
    """One sort of problem: its status and what it is called."""

    status: int
    title: str


SORTS = {
    "bad-json": Sort(400, "The body is no JSON"),
    "bad-request": Sort(400, "The request cannot be read"),
    "no-key": Sort(401, "No valid API key"),
    "wrong-scope": Sort(403, "The API key may not do this"),
    "unknown-path": Sort(404, "There is nothing at this path"),
    "unknown-lead": Sort(404, "The store does not know the lead"),
    "no-store": Sort(404, "This server keeps no leads"),
    "wrong-method": Sort(405, "The path does not take this method"),
    "conflict": Sort(409, "What is stored of the lead cannot be scored"),
    "too-large": Sort(413, "The body is too large"),
    "not-json": Sort(415, "The body is not sent as JSON"),
    "bad-values": Sort(422, "Values that cannot be used"),
    "unexpected": Sort(500, "An unexpected error"),
    "not-ready": Sort(503, "Nothing to answer with yet"),
    "store-unavailable": Sort(503, "The store cannot be used now"),
    "timed-out": Sort(504, "The answer took too long"),
}
"""Every sort of problem that a client may meet."""
OF_STATUS = {
    400: "bad-request",
    404: "unknown-path",
    405: "wrong-method",
    415: "not-json",
    503: "not-ready",
    504: "timed-out",
}


class ProblemError(LeadReadinessError):
    """A request that is refused; ``sort`` is a key of `SORTS`, ``errors`` say what is wrong where."""

    def __init__(
        self,
        sort: str,
        detail: str,
        errors: Sequence[Mistake] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.sort, self.detail, self.errors = sort, detail, tuple(errors)
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return SORTS[self.sort].status

    def body(self, request_id: str) -> bytes:
        """The problem details as JSON.

        >>> ProblemError("no-key", "send a key").body("7")[:67]
        b'{"type": "urn:lead-readiness:problem:no-key", "title": "No valid AP'
        """
        return json.dumps(
            {
                "type": SCHEME + self.sort,
                "title": SORTS[self.sort].title,
                "status": self.status,
                "detail": self.detail,
                "instance": f"urn:request:{request_id}",
                "request_id": request_id,
                "errors": [asdict(error) for error in self.errors],
            }
        ).encode()


def of_status(status: int, allow: str = "") -> ProblemError:
    """What the server's own refusals are told as.

    >>> of_status(405, allow="POST").detail
    'expected one of the methods POST; use it, see /openapi.json'
    """
    details = {
        404: "nothing is at this path; the paths are listed in /openapi.json",
        405: f"expected one of the methods {allow or 'that the path takes'}; use it, see /openapi.json",
        503: "no model is loaded, or the store cannot be reached; GET /model says why; ask again later",
        504: "expected less work in one request; send fewer leads or events in one, or give the server more seconds",
    }
    known = status in OF_STATUS or status < 500
    sort = OF_STATUS.get(status, "bad-request" if known else "unexpected")
    detail = details.get(status) or (
        "the request cannot be read; see /openapi.json"
        if known
        else "the server failed; its log has the request id; the request may be made again"
    )
    headers = {"retry-after": "5"} if status == 503 else {"allow": allow} if status == 405 and allow else {}
    return ProblemError(sort, detail, headers=headers)


def of_error(error: LeadReadinessError) -> ProblemError:
    """The problem that one of our own errors is."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, BadValuesError):
        return bad_values(error.mistakes, error.cut)
    if isinstance(error, StoreError):
        return ProblemError("store-unavailable", "try again later", headers={"retry-after": "5"})
    if isinstance(error, BadRow):
        place = Mistake(f"/{error.table}/{error.row}/{error.column}", *_told(error))
        return bad_values([place])
    return ProblemError("bad-values", str(error))


def bad_values(mistakes: Sequence[Mistake], cut: bool = False) -> ProblemError:
    """Values that cannot be used, with where they are.

    >>> bad_values([Mistake("/top", "-1", "a whole number", "correct it")]).detail
    '1 value cannot be used'
    """
    more = " or more" if cut else ""
    noun = "value" if len(mistakes) == 1 and not cut else "values"
    return ProblemError("bad-values", f"{len(mistakes)}{more} {noun} cannot be used", mistakes)


def _told(error: BadRow) -> tuple[str, str, str]:
    said, _, expected = str(error).partition("; expected ")
    return said.partition(" ")[2], expected, "correct it"
