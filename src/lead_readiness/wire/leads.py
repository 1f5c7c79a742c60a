"""Leads with their histories, as decoded JSON: parsed, and read into timelines."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from lead_readiness.errors import nearest
from lead_readiness.project import Project
from lead_readiness.tables import Note
from lead_readiness.tables.checks import MOST_PEOPLE
from lead_readiness.timelines import NEVER, NONE, OUTCOMES, Timelines
from lead_readiness.timelines.build import reason_code
from lead_readiness.wire.assembled import UNDECIDED, Decision, Lead, Parsed, Stay, assembled
from lead_readiness.wire.events import MOST_EVENTS, MOST_MISTAKES, Events, Reader, few
from lead_readiness.wire.meaning import Meaning, meaning
from lead_readiness.wire.mistakes import Mistakes, Place, Said
from lead_readiness.wire.values import Object, Values

MOST_LEADS = 1_000
NAMED = 8
CODES = {name: code for code, name in enumerate(OUTCOMES) if code != NONE}


@dataclass(frozen=True)
class Read:
    """What was read: ``lead`` is the place in ``timelines`` of each lead of the request, in the request's order.

    ``unknown_kinds`` counts the events left out because the vocabulary lacks their kind, ``notes`` say what else was
    done that was not asked for.
    """

    timelines: Timelines
    lead: npt.NDArray[np.int32]
    unknown_kinds: dict[str, int] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


def read(
    project: Project,
    leads: object,
    *,
    at: Place = ("leads",),
    most_leads: int = MOST_LEADS,
    most_events: int = MOST_EVENTS,
    most_mistakes: int = MOST_MISTAKES,
) -> Read:
    """The timelines of leads given as decoded JSON: what `timelines.build` makes of the same rows in tables.

    A lead is ``{"lead_id", "created_at", "account_id"?, "attributes"?, "events"?, "outcome"?, "handoffs"?}``; the keys
    inside are the columns of the data contract, and so are the rules: events repeated are dropped by ``event_id`` or
    full equality, events of unknown kinds left out, both counted. Keys that the contract does not name are not read.
    Raises BadValuesError with all mistakes (at most ``most_mistakes``), whatever the JSON is; ``at`` is where in the
    request the leads stand.

    >>> project = Project.model_validate({"name": "Acme", "vocabulary": {"visit": {"behaviour": "web"}}})
    >>> visits = [{"occurred_at": "2026-05-04T09:30:00Z", "kind": kind} for kind in ("visit", "visit", "yawn")]
    >>> lead = {"lead_id": "a", "created_at": "2026-05-01T00:00:00Z", "events": visits}
    >>> found = read(project, [lead])
    >>> found.timelines.time.tolist(), found.unknown_kinds, str(found.notes[0])
    ([1777887000000000], {'yawn': 1}, 'events: repeated: 1 row dropped')
    >>> read(project, [{**lead, "created_at": "in May"}])
    Traceback (most recent call last):
        ...
    lead_readiness.wire.mistakes.BadValuesError: 1 value that cannot be used
    /leads/0/created_at: found 'in May'; expected an ISO 8601 date and time such as ...; write the time so
    """
    parsed = parse(
        project, leads, at=at, most_leads=most_leads, most_events=most_events, most_mistakes=most_mistakes
    )
    timelines, places = assembled(project, [parsed])
    return Read(timelines, np.array(places[0], np.int32), parsed.unknown_kinds, parsed.notes)


def parse(
    project: Project,
    leads: object,
    *,
    at: Place = ("leads",),
    most_leads: int = MOST_LEADS,
    most_events: int = MOST_EVENTS,
    most_mistakes: int = MOST_MISTAKES,
) -> Parsed:
    """Leads as `read` takes them, checked, to be `assembled`: by themselves or together with those of other requests.

    Raises BadValuesError as `read` does.
    """
    mistakes = Mistakes(most_mistakes)
    given = few(leads, most_leads, "lead", at, mistakes)
    if not given:
        mistakes.stop(at, Said("no lead"), "at least one lead", "leave the call out, or give one")
    reading = _Reading(meaning(project), mistakes, at)
    left = most_events
    for n, item in enumerate(given):
        left -= len(item["events"]) if isinstance(item, dict) and isinstance(item.get("events"), list) else 0
        if left < 0:
            found, do = Said("more events"), "split the leads into several calls"
            mistakes.stop((*at, n, "events"), found, f"at most {most_events:,} events in one call", do)
        reading.lead(item, (*at, n))
    return reading.done()


class _Reading:
    """One request while it is read: its leads and the events of each, in its order."""

    def __init__(self, means: Meaning, mistakes: Mistakes, at: Place) -> None:
        self.means, self.mistakes, self.at = means, mistakes, at
        self.values = Values(means, mistakes)
        self.reader = Reader(means, self.values)
        self.leads: list[Lead] = []
        self.events: list[Events] = []
        self.notes: list[Note] = []
        self.other_names: set[str] = set()

    def lead(self, item: Any, at: Place) -> None:
        """One lead with all that belongs to it."""
        values, is_object = self.values, isinstance(item, dict)
        held = values.object(item, at)
        lead_id = values.id(held, "lead_id", at, required=is_object) or ""
        created = values.instant(held, "created_at", at, required=is_object)
        account_id, attributes = values.id(held, "account_id", at), self._attributes(held, at)
        self.events.append(self.reader.events(values.list(held, "events", at), (*at, "events"), lead_id))
        decision, stays = self._decision(held, at, created), self._stays(held, at, created)
        self.leads.append(Lead(lead_id, created, account_id, attributes, decision, stays))

    def _attributes(self, held: Object, at: Place) -> list[Any]:
        """The project's attributes; others are not read, but counted, since a misspelt one would seem unknown."""
        given, within = held.get("attributes"), (*at, "attributes")
        values, known = self.values, self.means.attributes
        found = {} if given is None else values.object(given, within)
        if not found.keys() <= known.keys():
            self.other_names.update(name for name in found if name not in known)
        return [
            values.number(found, name, within) if is_number else values.level(found, name, within)
            for name, is_number in known.items()
        ]

    def _decision(self, lead: Object, at: Place, created: int) -> Decision:
        """The outcome; one without a word and a date is not decided yet."""
        given, within, values = lead.get("outcome"), (*at, "outcome"), self.values
        held = {} if given is None else values.object(given, within)
        said = held.get("outcome")
        if said == "" or (said is None and held.get("decided_at") in (None, "")):
            return UNDECIDED
        word = values.text(held, "outcome", within, required=True)
        if word is not None and word not in CODES:
            hint = nearest(word.lower(), CODES).partition("did you mean ")[2].rstrip("?")
            do = f"write {hint}" if hint else "leave `outcome` out while nothing is decided"
            self.mistakes.add((*within, "outcome"), word, " | ".join(CODES), do)
        decided = values.instant(held, "decided_at", within, required=True)
        opened = values.instant(held, "opportunity_at", within)
        self._after(held, "decided_at", within, decided, created, "the lead was created")
        self._after(held, "opportunity_at", within, opened, created, "the lead was created")
        if decided < opened < NEVER:
            expected, do = "an opening before the decision", "mend whichever is wrong"
            self.mistakes.add((*within, "opportunity_at"), held["opportunity_at"], expected, do)
        values.text(held, "reason", within)
        return Decision(CODES.get(word or "", NONE), decided, opened, values.number(held, "amount", within))

    def _stays(self, lead: Object, at: Place, created: int) -> list[Stay]:
        """The hand-offs, one at a time."""
        values, found = self.values, []
        for n, item in enumerate(values.list(lead, "handoffs", at)):
            within = (*at, "handoffs", n)
            held = values.object(item, within)
            handed = values.instant(held, "handed_off_at", within, required=isinstance(item, dict))
            returned = values.instant(held, "returned_at", within)
            self._after(held, "handed_off_at", within, handed, created, "the lead was created")
            self._after(held, "returned_at", within, returned, handed, "it began")
            reason = values.text(held, "reason", within)
            found.append((handed, returned, n, -1 if reason is None else reason_code(reason)))
        found.sort()
        for (_, until, _, _), (since, _, n, _) in pairwise(found):
            if since < until and since < NEVER:
                expected = "a hand-off that starts after the lead's earlier one was returned"
                place = (*at, "handoffs", n, "handed_off_at")
                held = lead["handoffs"][n]
                self.mistakes.add(
                    place, held["handed_off_at"], expected, "give the earlier one's returned_at"
                )
        return [Stay(handed, returned, reason) for handed, returned, _, reason in found]

    def _after(self, held: Object, key: str, at: Place, moment: int, earlier: int, what: str) -> None:
        if moment < earlier < NEVER:
            self.mistakes.add((*at, key), held[key], f"a time after {what}", "mend whichever is wrong")

    def done(self) -> Parsed:
        """All that was read, once it is checked that leads and events are there once."""
        self._check_ids()
        events, owned = self._distinct()
        self.mistakes.check()
        self._note_early(events, owned)
        accounts = self._accounts()
        self._remark()
        whose = [(name or lead.lead_id, name is None) for name, lead in zip(accounts, self.leads)]
        by = sorted(range(len(whose)), key=lambda n: (whose[n], self.leads[n].lead_id))
        return Parsed(
            leads=[self.leads[n] for n in by],
            begins=[True, *(whose[n] != whose[before] for before, n in pairwise(by))],
            place=sorted(by, key=by.__getitem__),  # the inverse
            owned=owned,
            events=events,
            accounts_known=any(accounts),
            unknown_kinds=self.reader.unknown,
            notes=tuple(self.notes),
        )

    def _check_ids(self) -> None:
        """One object for each lead."""
        seen: set[str] = set()
        for n, lead in enumerate(self.leads):
            if lead.lead_id in seen and lead.lead_id:
                place = (*self.at, n, "lead_id")
                self.mistakes.add(place, lead.lead_id, "one object for each lead", "put its events together")
            seen.add(lead.lead_id)

    def _distinct(self) -> tuple[Events, list[int]]:
        """The events without those repeated, and how many are of each lead.

        By event_id where there is one, of which the earliest recording is kept; else by full equality.
        """
        events, owned = Events.laid(self.events), [len(events.place) for events in self.events]
        keys: Sequence[object] = events.event_id
        if None in keys:
            contents = zip(_owners(owned), *events[2:6], events.known)
            keys = [content if name is None else name for name, content in zip(keys, contents)]
        return (events, owned) if len({*keys}) == len(keys) else self._once(events, owned, keys)

    def _once(self, events: Events, owned: Sequence[int], keys: Sequence[object]) -> tuple[Events, list[int]]:
        """The events of which each key is that of one; all but one of those with one key are counted."""
        kept: dict[object, int] = {}
        owners, known = _owners(owned), events.known
        contents = [*zip(owners, *events[2:6])]
        for row, key in enumerate(keys):
            before = kept.setdefault(key, row)
            if before == row:
                continue
            if contents[before] != contents[row]:
                place = (*self.at, owners[row], "events", events.place[row], "event_id")
                expected = "one content (lead, time, kind, value, asset) under one event_id"
                self.mistakes.add(place, events.event_id[row], expected, "give each event its own")
            elif known[row] < known[before]:
                kept[key] = row
        self._note("events", "duplicates", len(keys) - len(kept), "repeated: {row} dropped", True)
        rows = sorted(kept.values())
        once = Events(*([column[row] for row in rows] for column in cast(Sequence[Any], events)))
        left = Counter([owners[row] for row in rows])
        return once, [left[n] for n in range(len(owned))]

    def _accounts(self) -> list[str | None]:
        """Each lead's account; one with more leads than people decide together is taken as none, and noted."""
        found = [lead.account_id for lead in self.leads]
        if len(found) <= MOST_PEOPLE:
            return found
        counts = Counter(found)
        crowded = {name: n for name, n in counts.items() if name is not None and n > MOST_PEOPLE}
        many = sum(crowded.values())
        text = f"{many:,} leads of accounts with more than {MOST_PEOPLE} leads each stand alone"
        self._note("leads", "crowded_account", many, text)
        return [None if name in crowded else name for name in found]

    def _note_early(self, events: Events, owned: Sequence[int]) -> None:
        """A note on events of before their lead's creation."""
        early, occurred = 0, iter(events.occurred)
        for lead, many in zip(self.leads, owned):
            early += bisect_left(sorted(islice(occurred, many)), lead.created)
        text = "{row} before the lead's creation kept: anonymous history"
        self._note("events", "before_creation", early, text)

    def _remark(self) -> None:
        """Notes on clock changes and names that are not the project's."""
        if unclear := self.values.unclear:
            text = f"{unclear:,} local times in an hour that a clock change in {self.means.zone} repeats or skips"
            self._note("request", "clock_change", unclear, text)
        if self.other_names:
            named = ", ".join(sorted(map(ascii, self.other_names))[:NAMED])
            text = f"attributes that the project lacks not read: {named}"
            self._note("leads", "unknown_attributes", len(self.other_names), text)

    def _note(self, table: str, code: str, rows: int, text: str, aside: bool = False) -> None:
        if rows:
            words = text.replace("{row}", f"{rows:,} row{'' if rows == 1 else 's'}")
            self.notes.append(Note(table, code, rows, words, aside))


def _owners(owned: Sequence[int]) -> list[int]:
    """The lead of each event."""
    return [n for n, many in enumerate(owned) for _ in range(many)]
