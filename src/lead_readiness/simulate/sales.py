"""What sales does: takes leads as the rule book says, calls them, returns them with a reason, closes records.

None of it moves anybody's intent; it changes what is recorded, and when a lead is in sales' hands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lead_readiness.simulate import company
from lead_readiness.simulate.company import Bools, Floats
from lead_readiness.simulate.events import HANDOFF, HOUR, REVIEWS_AT, SECOND, Log
from lead_readiness.simulate.history import NO_DAY, Days, History, pick_rows
from lead_readiness.timelines import DAY

COOL_DOWN_DAYS = 42
MONDAY = 5
"""The first Monday, as a day of the simulation."""
CLEAN_UP_HOUR = 17
TOUCH_DAYS = 56
CLOSED = ("open", "won", "lost", "disqualified")


@dataclass
class Handoffs:
    """Growing rows: person, moments of hand-off and return (NO_DAY * DAY: not returned), reason (-1: none)."""

    person: list[int]
    handed_off: list[int]
    returned: list[int]
    reason: list[int]

    def columns(self) -> tuple[Days, Days, Days, Days]:
        """The rows as arrays."""
        return tuple(
            np.array(c, np.int64) for c in (self.person, self.handed_off, self.returned, self.reason)
        )  # type: ignore[return-value]


@dataclass(frozen=True)
class Closings:
    """Per person the moment its record closed (NO_DAY * DAY: open), how (a place in CLOSED), and why."""

    at: Days
    how: Days
    why: npt.NDArray[np.object_]


Standing = tuple[Floats, Bools]
"""Per person: rule points (-inf where excluded) and whether a trigger fired."""
Score = Callable[[int, Handoffs], Standing]


def work(
    history: History, held: Days, capacity: int, score: Score, log: Log, rng: np.random.Generator
) -> tuple[Handoffs, Closings]:
    """All hand-offs and closings; what sales' reviews show is added to the log.

    ``held`` is per person the day from which it may not be handed off (opt-out, complaint, bounce).
    """
    desk = _Desk(history, held, capacity, rng)
    for day in range(history.days):
        desk.open(day)
        desk.clean_up(day)
        if day % 7 == MONDAY:
            desk.review(day, log)
            desk.take(day, *score(day, desk.handoffs))
    return desk.handoffs, Closings(desk.closed_at, desk.how, desk.why)


class _Desk:
    """Who is in sales' hands, day by day."""

    def __init__(self, history: History, held: Days, capacity: int, rng: np.random.Generator) -> None:
        people = len(history.account)
        self.history, self.held, self.capacity, self.rng = history, held, capacity, rng
        self.handoffs = Handoffs([], [], [], [])
        self.row = np.full(people, -1)
        self.since = np.full(people, NO_DAY)
        self.free_from = np.zeros(people, np.int64)
        self.closed_at = np.full(people, NO_DAY * DAY)
        self.how = np.zeros(people, np.int64)
        self.why = np.full(people, None, dtype=object)

    def open(self, day: int) -> None:
        """Opportunities of the day: their leads are in sales' hands from then on, if they were not before."""
        for person in np.flatnonzero((self.history.opened == day) & (self.how == 0)):
            self.closed_at[person], self.how[person] = self.history.opened_at[person], CLOSED.index("won")
            if self.row[person] < 0:
                self._hand_off(int(person), int(self.history.opened_at[person]), day)

    def clean_up(self, day: int) -> None:
        """Records that marketing closes."""
        for account in np.flatnonzero(self.history.clean_up == day):
            never = self.history.path[account, day] == company.NEVER
            reason = "not a lead" if never else ("no response", "competitor")[int(self.rng.random() < 0.4)]
            people = np.arange(self.history.people[account], self.history.people[account + 1])
            people = people[(self.how[people] == 0) & (self.history.created[people] < day)]
            self._close(people, day * DAY + CLEAN_UP_HOUR * HOUR, "disqualified" if never else "lost", reason)

    def review(self, day: int, log: Log) -> None:
        """Sales' answer on each lead it has held for a multiple of REVIEW_DAYS."""
        due = np.flatnonzero((self.row >= 0) & (self.how == 0) & (day > self.since))
        due = due[(day - self.since[due]) % company.REVIEW_DAYS == 0]
        answer = pick_rows(
            self.rng, company.REVIEW_OUTCOME[self.history.path[self.history.account[due], day]]
        )
        log.see(due, np.full(len(due), day), np.full(len(due), day + 1), HANDOFF, REVIEWS_AT + answer)
        for person, a in zip(due, answer):
            at = day * DAY + 15 * HOUR + int(self.rng.integers(0, 7200)) * SECOND
            name = company.REVIEW[a]
            if name in CLOSED:
                self._close(person, at, name, "competitor" if name == "lost" else "not a lead")
            elif a >= len(company.REVIEW) - len(company.REASONS):
                self._return(int(person), at, day, a - (len(company.REVIEW) - len(company.REASONS)))

    def take(self, day: int, points: Floats, triggered: Bools) -> None:
        """Take the leads that the rule book says are ready, the triggered ones first, as many as there is room for."""
        free = (self.row < 0) & (self.history.created < day) & (self.how == 0)
        free &= (self.held > day) & (self.free_from <= day) & np.isfinite(points)
        ready = np.flatnonzero(free & (triggered | (points >= 0)))
        first = ready[np.lexsort((-points[ready], ~triggered[ready]))][: self.capacity]
        for person in first:
            self._hand_off(int(person), day * DAY + 8 * HOUR, day)

    def _hand_off(self, person: int, at: int, day: int) -> None:
        self.row[person], self.since[person] = len(self.handoffs.person), day
        self.handoffs.person.append(person)
        self.handoffs.handed_off.append(at)
        self.handoffs.returned.append(NO_DAY * DAY)
        self.handoffs.reason.append(-1)

    def _return(self, person: int, at: int, day: int, reason: int) -> None:
        row = self.row[person]
        self.handoffs.returned[row], self.handoffs.reason[row] = at, reason
        self.row[person], self.free_from[person] = -1, day + COOL_DOWN_DAYS

    def _close(self, people: Days, at: int, how: str, reason: str) -> None:
        self.closed_at[people], self.how[people], self.why[people] = at, CLOSED.index(how), reason


def touches(
    history: History, handoffs: Handoffs, closings: Closings, log: Log, rng: np.random.Generator
) -> None:
    """Sales' calls and mails to the leads in its hands, on weekdays, for eight weeks at most."""
    person, begin, returned, _ = handoffs.columns()
    end = np.minimum(np.minimum(returned, closings.at[person]), history.days * DAY)
    for kind, rate in (("sales_call", 0.10), ("sales_email", 0.12)):
        row = np.repeat(np.arange(len(person)), TOUCH_DAYS)
        day = begin[row] // DAY + np.tile(np.arange(TOUCH_DAYS), len(person))
        hit = ((day + 2) % 7 < 5) & (rng.random(len(row)) < rate)
        row, day = row[hit], day[hit]
        at = day * DAY + 9 * HOUR + rng.integers(0, 7 * 3600, len(day)) * SECOND
        during = (at > begin[row]) & (at < end[row])
        log.add(person[row[during]], at[during], kind)
