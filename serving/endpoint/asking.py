"""What a request's body asks for: its own keys, and leads by their history or by their id in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lead_readiness import wire
from lead_readiness.errors import nearest
from lead_readiness.project import Project
from lead_readiness.timelines import NEVER, Timelines
from lead_readiness.wire import BadValuesError, Mistake, Parsed
from lead_readiness.wire.meaning import meaning
from lead_readiness.wire.mistakes import Mistakes, Place, Said, pointer, shown
from lead_readiness.wire.values import Object, Values
from serving.endpoint.means import Means
from serving.http.problems import ProblemError

MOST_MISTAKES = 100
MOST_REASONS = 20


class Envelope:
    """The keys of a body itself; mistakes are collected until `check`."""

    def __init__(self, project: Project, body: object, keys: Sequence[str]) -> None:
        self.mistakes = Mistakes(MOST_MISTAKES)
        self.values = Values(meaning(project), self.mistakes)
        if not isinstance(body, dict):
            self.mistakes.stop((), body, "an object", f"write {{...}} with some of {', '.join(keys)}")
        self.held: Object = body
        for key in body.keys() - set(keys):
            hint = nearest(key, keys).removeprefix("; ") or "leave it out"
            self.mistakes.add((key,), Said("a key that is not read"), f"some of {', '.join(keys)}", hint)

    def moment(self, key: str) -> int | None:
        """A moment in microseconds UTC, None where it is left out."""
        found = self.values.instant(self.held, key, ())
        return None if found == NEVER else found

    def reasons(self) -> int | None:
        """How many reasons for are asked for at most."""
        top = self.held.get("top")
        if top is not None and (type(top) is not int or not 0 <= top <= MOST_REASONS):
            do = "leave it out for the usual number"
            self.mistakes.add(("top",), top, f"a whole number from 0 to {MOST_REASONS}", do)
        return top if type(top) is int else None

    def items(self, key: str, most: int) -> list[Any]:
        """A list that must be there, of at most so many."""
        found = self.held.get(key)
        if type(found) is not list:
            self.mistakes.stop((key,), found, f"a list of {key}", f"write `{key}` as a list")
        if len(found) > most:
            many = Said(f"{len(found):,} {key}")
            self.mistakes.stop((key,), many, f"at most {most:,} in one call", "split them into several calls")
        return found

    def check(self) -> None:
        """Raise BadValuesError if there is any mistake."""
        self.mistakes.check()


@dataclass(frozen=True)
class Leads:
    """Leads that were read; ``lead`` are their places in the timelines, in the request's order."""

    timelines: Timelines
    lead: npt.NDArray[np.int32]
    unknown_kinds: dict[str, int]
    notes: tuple[str, ...]


def is_by_id(item: object) -> bool:
    """Whether a lead is asked for by its id alone."""
    return isinstance(item, dict) and item.keys() <= {"lead_id"}


def read(means: Means, items: Sequence[Any], at: Place = ("leads",)) -> Leads:
    """The timelines of what `parse` finds."""
    parsed = parse(means, items, at)
    timelines, places = wire.assembled(means.champion.project, [parsed])
    lead = np.array(places[0][: len(items)], np.int32)
    return Leads(timelines, lead, parsed.unknown_kinds, (*map(str, parsed.notes),))


def parse(means: Means, items: Sequence[Any], at: Place = ("leads",)) -> Parsed:
    """The leads as parsed; those asked for by id come from the store, with the people of their accounts, who come last.

    Raises BadValuesError, and ProblemError for leads that the store does not know or cannot give as a history.
    """
    told, most = list(items), means.settings.most_events
    by_id = [n for n, item in enumerate(items) if is_by_id(item)]
    if by_id:
        told = _from_store(means, told, by_id, at)
    try:
        parsed = wire.parse(
            means.champion.project,
            told,
            at=at,
            most_leads=max(len(told), means.settings.most_leads),
            most_events=most,
        )
    except BadValuesError as error:
        _refuse_stored(error, {*by_id, *range(len(items), len(told))}, at)
        raise
    visit = means.visit
    visit.leads, visit.events, visit.unknown_kinds = len(items), sum(parsed.owned), parsed.unknown_kinds
    return parsed


def _from_store(means: Means, told: list[Any], by_id: Sequence[int], at: Place) -> list[Any]:
    """The leads, those asked for by id with all that is stored of them, and after them the people of their accounts."""
    mistakes = Mistakes(MOST_MISTAKES)
    values = Values(meaning(means.champion.project), mistakes)
    asked = {n: values.id(told[n], "lead_id", (*at, n), required=True) or "" for n in by_id}
    mistakes.check()
    history = means.kept.store.history(list(asked.values()), means.settings.most_events)
    rows = {lead["lead_id"]: lead for lead in history.as_leads(means.champion.project)}
    expected, do = "a lead that the store knows", "send it with its history, or its events to /events first"
    unknown = [
        Mistake(pointer((*at, n, "lead_id")), shown(one), expected, do)
        for n, one in asked.items()
        if one not in history.lead_of
    ]
    if unknown:
        raise ProblemError("unknown-lead", f"the store does not know {len(unknown):,} of the leads", unknown)
    for n, one in asked.items():
        told[n] = rows[history.lead_of[one]]
    given = {item.get("lead_id") for item in told if isinstance(item, dict)}
    return told + [lead for name, lead in rows.items() if name not in given]


def _refuse_stored(error: BadValuesError, stored: set[int], at: Place) -> None:
    """Raise ProblemError when it is not the request that is wrong but what is stored; its values are not shown."""
    wrong = {f"{pointer(at)}/{n}/" for n in stored}
    found = [
        Mistake(
            mistake.where, "a stored value that cannot be used", mistake.expected, "correct it in the store"
        )
        for mistake in error.mistakes
        if mistake.where.startswith(tuple(wrong)) and not mistake.where.endswith("/lead_id")
    ]
    if found:
        raise ProblemError(
            "conflict", "what the store holds of the leads does not fit together", found
        ) from None


def moved(error: BadValuesError, prefix: str, to: str) -> BadValuesError:
    """The same mistakes with another beginning of where they are.

    >>> error = BadValuesError((Mistake("/lead/0/created_at", "nothing", "a time", "give it"),), False)
    >>> moved(error, "/lead/0", "/lead").mistakes[0].where
    '/lead/created_at'
    """
    mistakes = tuple(
        replace(m, where=to + m.where.removeprefix(prefix)) if m.where.startswith(prefix) else m
        for m in error.mistakes
    )
    return BadValuesError(mistakes, error.cut)
