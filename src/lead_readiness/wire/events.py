"""Events as they arrive: our own schema, or Segment-style `track` calls mapped onto it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import lt
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lead_readiness.project import Project
from lead_readiness.timelines import NEVER
from lead_readiness.wire.meaning import Meaning, meaning
from lead_readiness.wire.mistakes import BadValuesError, Mistakes, Place, Said
from lead_readiness.wire.values import Items, Object, Values, sound

MOST_EVENTS, MOST_MISTAKES = 100_000, 100
_WORDS = re.compile(r"[^a-z0-9]+")
PARTS = 32


class Event(NamedTuple):
    """One event: times in microseconds UTC, ``recorded`` None where not given, ``kind`` one of the vocabulary's."""

    lead_id: str | None
    occurred: int
    kind: str
    value: float | None
    asset: str | None
    recorded: int | None
    event_id: str | None


class Events(NamedTuple):
    """Events as columns: ``place`` is an event's in its list, ``kind`` its code, ``recorded`` NEVER where not given."""

    place: Sequence[int]
    lead_id: Sequence[str | None]
    occurred: Sequence[int]
    kind: Sequence[int]
    value: Sequence[float | None]
    asset: Sequence[str | None]
    recorded: Sequence[int]
    event_id: Sequence[str | None]

    @property
    def known(self) -> Sequence[int]:
        """When each became known: when it occurred, unless it was recorded later."""
        if self.recorded.count(NEVER) == len(self.recorded):
            return self.occurred
        return [
            occurred if recorded == NEVER else recorded
            for occurred, recorded in zip(self.occurred, self.recorded)
        ]

    @staticmethod
    def laid(parts: Sequence[Events]) -> Events:
        """All events, part by part."""
        if len(parts) == 1:
            return parts[0]
        return Events(*(list(chain.from_iterable(column)) for column in zip(*parts)))


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
    mistakes, means = Mistakes(most_mistakes), meaning(project)
    reader = Reader(means, Values(means, mistakes))
    found = reader.events(few(items, most_events, "event", at, mistakes), at, owner=None)
    mistakes.check()
    events = [
        Event(
            lead_id,
            occurred,
            means.kinds[kind],
            value,
            asset,
            None if recorded == NEVER else recorded,
            event_id,
        )
        for _, lead_id, occurred, kind, value, asset, recorded, event_id in zip(*found)
    ]
    return Arrived(tuple(events), reader.unknown)


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

    def __init__(self, means: Meaning, values: Values) -> None:
        self.means, self.values = means, values
        self.unknown: dict[str, int] = {}

    def events(self, items: list[Any], at: Place, owner: str | None, begin: int = 0) -> Events:
        """The events of a list column by column; those of unknown kinds and those that cannot be used are left out.

        ``owner`` is whose list it is, if it is one lead's. Where there are mistakes it is read again in ever smaller
        parts, so that they are told event by event.
        """
        mistakes = self.values.mistakes
        before = len(mistakes.found)
        try:
            found = self._columns(items, range(begin, begin + len(items)), at, owner)
        except BadValuesError:
            if len(items) == 1:
                raise
        else:
            if len(mistakes.found) == before or len(items) == 1:
                return found
        del mistakes.found[before:]
        size = -(-len(items) // PARTS)
        return Events.laid(
            [self.events(items[n : n + size], at, owner, begin + n) for n in range(0, len(items), size)]
        )

    def _columns(self, items: list[Any], places: Sequence[int], at: Place, owner: str | None) -> Events:
        if {*map(type, items)} <= {dict}:
            keys = set().union(*items)
            if "type" not in keys or "track" not in [item.get("type") for item in items]:
                return self._ours(Items(items, places, at, keys), owner)
        ours: dict[int, Object] = {}
        calls: dict[int, Object] = {}
        for n, item in zip(places, items):
            if type(item) is dict:
                (calls if item.get("type") == "track" else ours)[n] = item
            else:
                self.values.object(item, (*at, n))
        held = [*ours.values()]
        rows = [*zip(*self._ours(Items(held, [*ours], at, set().union(*held)), owner))]
        rows += filter(None, [self._tracked(call, n, at, owner) for n, call in calls.items()])
        return Events(*zip(*sorted(rows))) if rows else Events(*([[]] * 8))

    def _ours(self, items: Items, owner: str | None) -> Events:
        kind, values = self._kinds(items), self.values
        if None in kind:
            used = [row for row, code in enumerate(kind) if code is not None]
            kind = [kind[row] for row in used]
            items = items.only(used)
        whose = values.ids(items, "lead_id", required=owner is None)
        if owner and not {*whose} <= {owner, None}:
            for n, named in zip(items.places, whose):
                self._check_owner(named, owner, (*items.at, n, "lead_id"))
        occurred = values.instants(items, "occurred_at", required=True)
        recorded = values.instants(items, "recorded_at")
        if "recorded_at" in items.keys and any(map(lt, recorded, occurred)):
            for n, item, after, before in zip(items.places, items.held, recorded, occurred):
                if after < before < NEVER:
                    expected, do = "a recording after the event", "leave it out where it is not known"
                    values.mistakes.add((*items.at, n, "recorded_at"), item["recorded_at"], expected, do)
        return Events(
            items.places,
            whose,
            occurred,
            kind,
            values.numbers(items, "value"),
            values.texts(items, "asset"),
            recorded,
            values.ids(items, "event_id"),
        )

    def _kinds(self, items: Items) -> list[Any]:
        """The kinds' codes, None where one is unknown or cannot be used."""
        named, types = items.column("kind")
        if types <= {str}:
            found = [*map(self.means.codes.get, named)]
            if None not in found:
                return found
        return [self._kind(name, (*items.at, n, "kind")) for n, name in zip(items.places, named)]

    def _kind(self, named: Any, at: Place, by_slug: bool = False) -> int | None:
        """The code of a kind by its name, or else by its slug; one that the vocabulary lacks is counted."""
        code = self.means.codes.get(named) if type(named) is str else None
        if code is not None:
            return code
        if type(named) is not str or not named or not sound(named):
            self.values.mistakes.add(at, named, "the name of an event kind as text", "give it")
            return None
        code = _slugs(self.means.kinds).get(slug(named)) if by_slug else None
        if code is None:
            self.unknown[named] = self.unknown.get(named, 0) + 1
        return code

    def _tracked(self, call: Object, n: int, at: Place, owner: str | None) -> tuple[Any, ...] | None:
        """A `track` call; one received before it happened, by a clock that runs ahead, was known at once."""
        values, at = self.values, (*at, n)
        within = (*at, "properties")
        kind = self._kind(call.get("event"), (*at, "event"), by_slug=True)
        if kind is None:
            return None
        given = call.get("properties")
        properties = {} if given is None else values.object(given, within)
        whose = values.id(call, "userId", at, required=owner is None)
        self._check_owner(whose, owner, (*at, "userId"))
        when = "timestamp" if "timestamp" in call else "originalTimestamp"
        occurred = values.instant(call, when if when in call else "timestamp", at, required=True)
        recorded = values.instant(call, "receivedAt" if "receivedAt" in call else "sentAt", at)
        return (
            n,
            whose,
            occurred,
            kind,
            values.number(properties, "value", within),
            values.text(properties, "path", within) or _path(values.text(properties, "url", within)),
            recorded if recorded == NEVER else max(occurred, recorded),
            values.id(call, "messageId", at),
        )

    def _check_owner(self, named: str | None, owner: str | None, at: Place) -> None:
        """An event that names its lead must stand in that lead's list."""
        if named is not None and owner and named != owner:
            expected = "the id of the lead that the event is listed under"
            self.values.mistakes.add(at, named, expected, "give it in the list of its own lead")


def slug(name: str) -> str:
    """A name as kinds are usually written.

    >>> slug("Pricing Page Viewed")
    'pricing_page_viewed'
    """
    return _WORDS.sub("_", name.lower()).strip("_")


@lru_cache(maxsize=16)
def _slugs(kinds: tuple[str, ...]) -> dict[str, int]:
    """The code of the kind that each slug stands for: the first, where several are written alike."""
    return {slug(kind): code for code, kind in reversed([*enumerate(kinds)])}


def _path(url: str | None) -> str | None:
    """The path of a URL, by which rules know a page; the text itself where it has none."""
    try:
        return urlsplit(url).path or url if url else None
    except ValueError:
        return url
