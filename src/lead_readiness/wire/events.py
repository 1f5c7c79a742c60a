"""Events as they arrive: our own schema, or Segment-style `track` calls mapped onto it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lead_readiness.project import Project
from lead_readiness.timelines import NEVER
from lead_readiness.wire.mistakes import Mistakes, Place, Said
from lead_readiness.wire.values import Object, Values, sound

MOST_EVENTS, MOST_MISTAKES = 100_000, 100
_WORDS = re.compile(r"[^a-z0-9]+")


class Event(NamedTuple):
    """One event: times in microseconds UTC, ``recorded`` None where not given, ``kind`` one of the vocabulary's."""

    lead_id: str | None
    occurred: int
    kind: str
    value: float | None
    asset: str | None
    recorded: int | None
    event_id: str | None

    @property
    def known(self) -> int:
        """When it became known: when it occurred, unless it was recorded later."""
        return self.occurred if self.recorded is None else self.recorded


@dataclass(frozen=True)
class Arrived:
    """Events that can be used, in their order, and how many came of each kind that the vocabulary lacks."""

    events: tuple[Event, ...]
    unknown_kinds: dict[str, int]


def read_events(
    project: Project,
    items: object,
    *,
    at: Place = ("events",),
    most_events: int = MOST_EVENTS,
    most_mistakes: int = MOST_MISTAKES,
) -> Arrived:
    """Events of any leads, each with its ``lead_id``; `track` calls say it as ``userId``.

    A call's ``event`` is a kind of the vocabulary, or its slug is: "Pricing Page Viewed" is pricing_page_viewed.
    Nothing is dropped but events of unknown kinds. Raises BadValuesError with all mistakes.

    >>> project = Project.model_validate({"name": "Acme", "vocabulary": {"demo_request": {"behaviour": "meeting"}}})
    >>> call = {"type": "track", "userId": "a", "event": "Demo Request", "timestamp": "2026-05-04T09:30:00Z"}
    >>> arrived = read_events(project, [call, {**call, "event": "Yawned"}])
    >>> arrived.events[0].kind, arrived.unknown_kinds
    ('demo_request', {'Yawned': 1})
    """
    mistakes = Mistakes(most_mistakes)
    reader = Reader(project, Values(project, mistakes))
    found = [
        reader.event(item, (*at, n), owner=None)
        for n, item in enumerate(few(items, most_events, "event", at, mistakes))
    ]
    mistakes.check()
    return Arrived(tuple(event for event in found if event), dict(reader.unknown))


def few(items: object, most: int, noun: str, at: Place, mistakes: Mistakes) -> list[Any]:
    """The list itself; BadValuesError when it is none, or longer than ``most``."""
    if type(items) is not list:
        mistakes.stop(at, items, f"a list of {noun}s", "write [...] there")
    if len(items) > most:
        found = Said(f"{len(items):,} {noun}s")
        mistakes.stop(at, found, f"at most {most:,} in one call", "split them into several calls")
    return items


class Reader:
    """Reads events of one vocabulary and counts those of kinds that it lacks."""

    def __init__(self, project: Project, values: Values) -> None:
        self.values = values
        self.kinds, self.slugs = project.vocabulary, _slugs(project.kinds)
        self.unknown = Counter[str]()

    def event(self, item: Any, at: Place, owner: str | None) -> Event | None:
        """One event, or None when its kind is unknown or it cannot be used; ``owner`` is whose list it stands in."""
        values = self.values
        if type(item) is not dict:
            values.object(item, at)
            return None
        tracked = item.get("type") == "track"
        named = item.get("event" if tracked else "kind")
        kind = named if type(named) is str and named in self.kinds else self._other(named, at, tracked)
        if kind is None:
            return None
        return self._tracked(item, kind, at, owner) if tracked else self._ours(item, kind, at, owner)

    def _other(self, named: Any, at: Place, tracked: bool) -> str | None:
        """The kind that a name stands for although the vocabulary has it not; without one it is counted."""
        if type(named) is not str or not named or not sound(named):
            expected = "the name of an event kind as text"
            self.values.mistakes.add((*at, "event" if tracked else "kind"), named, expected, "give it")
            return None
        kind = self.slugs.get(slug(named)) if tracked else None
        if kind is None:
            self.unknown[named] += 1
        return kind

    def _ours(self, item: Object, kind: str, at: Place, owner: str | None) -> Event:
        values = self.values
        whose = (
            owner if owner is not None and "lead_id" not in item else self._whose(item, "lead_id", at, owner)
        )
        occurred = values.instant(item, "occurred_at", at, required=True)
        recorded = values.instant(item, "recorded_at", at) if "recorded_at" in item else NEVER
        if recorded < occurred < NEVER:
            expected, do = "a recording after the event", "leave it out where it is not known"
            values.mistakes.add((*at, "recorded_at"), item["recorded_at"], expected, do)
        return Event(
            whose,
            occurred,
            kind,
            values.number(item, "value", at) if "value" in item else None,
            values.text(item, "asset", at) if "asset" in item else None,
            None if recorded == NEVER else recorded,
            values.id(item, "event_id", at) if "event_id" in item else None,
        )

    def _tracked(self, call: Object, kind: str, at: Place, owner: str | None) -> Event:
        """A `track` call; one received before it happened, by a clock that runs ahead, was known at once."""
        values, within = self.values, (*at, "properties")
        given = call.get("properties")
        properties = {} if given is None else values.object(given, within)
        whose = (
            owner if owner is not None and "userId" not in call else self._whose(call, "userId", at, owner)
        )
        when = "timestamp" if "timestamp" in call else "originalTimestamp"
        occurred = values.instant(call, when if when in call else "timestamp", at, required=True)
        recorded = values.instant(call, "receivedAt" if "receivedAt" in call else "sentAt", at)
        return Event(
            whose,
            occurred,
            kind,
            values.number(properties, "value", within),
            values.text(properties, "path", within) or _path(values.text(properties, "url", within)),
            None if recorded == NEVER else max(occurred, recorded),
            values.id(call, "messageId", at),
        )

    def _whose(self, held: Object, key: str, at: Place, owner: str | None) -> str | None:
        """The lead that an event names; it must be the one in whose list the event stands."""
        named = self.values.id(held, key, at, required=owner is None)
        if named is not None and owner and named != owner:
            do = "give it in the list of its own lead"
            self.values.mistakes.add(
                (*at, key), named, "the id of the lead that the event is listed under", do
            )
        return named


def slug(name: str) -> str:
    """A name as kinds are usually written.

    >>> slug("Pricing Page Viewed")
    'pricing_page_viewed'
    """
    return _WORDS.sub("_", name.lower()).strip("_")


@lru_cache(maxsize=16)
def _slugs(kinds: tuple[str, ...]) -> dict[str, str]:
    """The kind that each slug stands for: the first, where several are written alike."""
    return {slug(kind): kind for kind in reversed(kinds)}


def _path(url: str | None) -> str | None:
    """The path of a URL, by which rules know a page; the text itself where it has none."""
    try:
        return urlsplit(url).path or url if url else None
    except ValueError:
        return url
