"""`POST /score`: leads with their histories, or known by id, scored at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from lead_readiness import wire
from serving.endpoint import asking, telling
from serving.endpoint.means import Means

KEYS = ("leads", "as_of", "top")
SMALL = 64_000
"""Bytes of a body up to which a request is answered where it arrived, without a thread."""


class Asked(NamedTuple):
    """A request as it was parsed: how many of its leads are asked for, the first; without ``as_of`` at the present."""

    means: Means
    parsed: wire.Parsed
    leads: int
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
    return answers([read(means, body)])[0]


def read(means: Means, body: object) -> Asked:
    """What is asked for. Raises LeadReadinessError for a body that cannot be used."""
    envelope = asking.Envelope(means.champion.project, body, KEYS)
    as_of, top = envelope.moment("as_of"), envelope.reasons()
    items = envelope.items("leads", means.settings.most_leads)
    envelope.check()
    asked = Asked(means, asking.parse(means, items), len(items), as_of, top)
    means.visit.mark("read")
    return asked


def answers(group: Sequence[Asked]) -> list[dict[str, Any]]:
    """The answers to requests, at least one, that ask one model about one moment: scored in one go.

    The time that this takes is every request's.
    """
    means, _, _, as_of, top = group[0]
    visit, at = means.visit, means.now if as_of is None else as_of
    visit.begin()
    timelines, places = wire.assembled(means.champion.project, [one.parsed for one in group])
    lead = np.array([*chain.from_iterable(of[: one.leads] for of, one in zip(places, group))], np.int32)
    visit.mark("read")
    told = telling.score(means, timelines, lead, at, top)
    heading, found, begin = telling.heading(means, at), [], 0
    for one in group:
        own = slice(begin, begin := begin + one.leads)
        one.means.visit.share(visit, told.answers[own])
        found.append(
            {
                **heading,
                "leads": told.leads[own],
                "unknown_kinds": one.parsed.unknown_kinds,
                "notes": [*map(str, one.parsed.notes), *told.notes],
            }
        )
    return found
