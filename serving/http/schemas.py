"""What requests and answers look like, for the OpenAPI document and for typed clients.

Requests are not validated by these models but by `lead_readiness.wire`, which tells all mistakes at once and costs a
tenth; what a model describes is what the wire takes.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

import bentoml
from pydantic import BaseModel, ConfigDict, Field

from serving.http.visit import current

Id = Annotated[str, Field(min_length=1, max_length=500)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="ISO 8601 with an offset")]
Attributes = dict[str, str | float | bool | None]

EVENT: dict[str, Any] = {
    "event_id": "e-17",
    "occurred_at": "2026-05-04T09:30:00Z",
    "kind": "pricing_view",
    "value": None,
    "asset": "/pricing",
}
TRACK: dict[str, Any] = {
    "type": "track",
    "userId": "ann",
    "event": "Pricing View",
    "messageId": "m-18",
    "timestamp": "2026-05-04T10:00:00Z",
    "properties": {"path": "/pricing"},
}
LEAD: dict[str, Any] = {
    "lead_id": "ann",
    "created_at": "2026-05-01T08:00:00Z",
    "account_id": "acme",
    "attributes": {"industry": "software", "employees": 250},
    "events": [EVENT],
}


class Event(BaseModel):
    """An event of the data contract; in a lead's own list ``lead_id`` may be left out."""

    lead_id: Id | None = None
    occurred_at: Time
    kind: Id
    event_id: Id | None = None
    recorded_at: Time | None = None
    value: float | None = None
    asset: str | None = None


class Track(BaseModel):
    """A `track` call as Segment sends it: ``event`` names the kind, or its slug does."""

    type: Literal["track"]
    userId: Id | None = None
    event: Id
    timestamp: Time | None = None
    originalTimestamp: Time | None = None
    receivedAt: Time | None = None
    sentAt: Time | None = None
    messageId: Id | None = None
    properties: dict[str, Any] | None = None


class Outcome(BaseModel):
    """How the lead ended, once it did."""

    outcome: Literal["won", "lost", "disqualified"] | None = None
    decided_at: Time | None = None
    opportunity_at: Time | None = None
    amount: float | None = None
    reason: str | None = None


class HandOff(BaseModel):
    """One time that the lead was in sales' hands."""

    handed_off_at: Time
    returned_at: Time | None = None
    reason: str | None = None


class Lead(BaseModel):
    """A lead with its history; ``lead_id`` alone asks for what the store holds of it."""

    lead_id: Id
    created_at: Time | None = None
    account_id: Id | None = None
    attributes: Attributes | None = None
    events: list[Event | Track] | None = None
    outcome: Outcome | None = None
    handoffs: list[HandOff] | None = None


class Record(BaseModel):
    """What is known of a lead itself; of several records the one that comes last stands, whole."""

    lead_id: Id
    created_at: Time | None = None
    account_id: Id | None = None
    attributes: Attributes | None = None


class Request(bentoml.IODescriptor):  # type: ignore[misc]
    """A body, handed on as the doorway decoded it."""

    model_config = ConfigDict(extra="forbid")
    __root_input__: ClassVar[bool] = True  # the whole body is the one argument

    @classmethod
    async def from_http_request(cls, request: Any, serde: Any) -> Self:
        """The decoded body."""
        body: Self = current.get().body
        return body


class ScoreRequest(Request):
    """Leads to score at one moment, by default now."""

    model_config = ConfigDict(json_schema_extra={"example": {"leads": [LEAD], "top": 3}})
    leads: list[Lead] = Field(min_length=1)
    as_of: Time | None = None
    top: int | None = Field(default=None, ge=0, le=20, description="reasons for; half as many against")


class ExplainRequest(Request):
    """One lead to explain; ``since`` asks what changed since then."""

    model_config = ConfigDict(json_schema_extra={"example": {"lead": LEAD, "since": "2026-05-03T00:00:00Z"}})
    lead: Lead
    as_of: Time | None = None
    since: Time | None = None
    top: int | None = Field(default=None, ge=0, le=20)


class EventsRequest(Request):
    """Events of any leads, and records of leads; or one bare `track` call."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"events": [{**EVENT, "lead_id": "ann"}, TRACK], "source": "website"}}
    )
    events: list[Event | Track] | None = None
    leads: list[Record] | None = None
    source: str | None = Field(default=None, description="whose ids the event_ids are")


class Told(BaseModel):
    """A scored lead: the score, how sure, the rules beside it, why, and what becomes of the lead."""

    model_config = ConfigDict(extra="allow")
    lead_id: str
    as_of: Time
    score: float
    probability: float | None
    horizon_days: int | None
    percentile: float | None
    band: str | None
    rules: dict[str, Any]
    reasons: dict[str, list[dict[str, Any]]]
    decision: dict[str, Any] | None
    model: str
    rule_book: str


class Heading(bentoml.IODescriptor):  # type: ignore[misc]
    """What every answer says: the moment, the model and the rule book."""

    as_of: Time
    model: str
    rule_book: str
    unknown_kinds: dict[str, int]
    notes: list[str]


class ScoreAnswer(Heading):
    """The leads in the request's order."""

    leads: list[Told]


class ExplainAnswer(Heading):
    """The lead with what its score adds up from, what changed, and the line."""

    lead: Told
    breakdown: dict[str, Any]
    changed: dict[str, Any] | None
    over_the_line: dict[str, Any] | None
    falls_below: Time | None
    line_note: str


class EventsAnswer(Heading):
    """What became of the events, and their leads with new score and `changed`."""

    events: dict[str, Any]
    leads: list[Told]


class ProblemDetails(BaseModel):
    """RFC 9457; ``errors`` say where (a JSON pointer), what was found, what was expected, what to do."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[dict[str, str]]
