"""`POST /score`: leads with their histories, or known by id, scored at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving.endpoint import asking, telling
from serving.endpoint.means import Means

KEYS = ("leads", "as_of", "top")
SMALL = 64_000
"""Bytes of a body up to which a request is answered where it arrived, without a thread."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was read; without ``as_of`` its leads are scored at the present."""

    leads: asking.Leads
    as_of: int | None
    top: int | None


def waits(means: Means, body: object) -> bool:
    """Whether answering may take long or ask the database, so that others should not wait for it."""
    leads = body.get("leads") if isinstance(body, dict) else None
    return (
        means.visit.size > SMALL
        or (isinstance(leads, list) and any(map(asking.is_by_id, leads)))
        or (means.kept.evaluated is not None and isinstance(body, dict) and "as_of" in body)
    )


def score(means: Means, body: object) -> dict[str, Any]:
    """The answers in the request's order, with what was not asked for: unknown kinds counted, notes.

    Raises LeadReadinessError for what cannot be answered.
    """
    asked = read(means, body)
    at = means.now if asked.as_of is None else asked.as_of
    told = telling.score(means, asked.leads.timelines, asked.leads.lead, at, asked.top)
    return answer(means, asked, at, told.leads, told.notes)


def read(means: Means, body: object) -> Asked:
    """What is asked for. Raises LeadReadinessError for a body that cannot be used."""
    envelope = asking.Envelope(means.champion.project, body, KEYS)
    as_of, top = envelope.moment("as_of"), envelope.reasons()
    items = envelope.items("leads", means.settings.most_leads)
    envelope.check()
    asked = Asked(asking.read(means, items), as_of, top)
    means.visit.mark("read")
    return asked


def answer(
    means: Means, asked: Asked, at: int, leads: list[dict[str, Any]], notes: Sequence[str]
) -> dict[str, Any]:
    """The body of the answer, with the leads as they are told."""
    return {
        **telling.heading(means, at),
        "leads": leads,
        "unknown_kinds": asked.leads.unknown_kinds,
        "notes": [*asked.leads.notes, *notes],
    }
