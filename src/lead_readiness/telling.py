"""Reasons in words: what a lead did, in the project's own phrases and time zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from lead_readiness.project import Project
from lead_readiness.reasons import (
    ACTIVE,
    NOTHING,
    RECENT,
    UNSEEN,
    Evidence,
    Found,
    Reason,
    ago,
    as_evidence,
    found_of,
    listed,
    of_others,
)
from lead_readiness.timelines import DAY, RETURN_REASONS, Timelines, kernel

MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Said = tuple[str, Evidence]


class Ask(NamedTuple):
    """Which behaviours of a lead, a place in the timelines, are to be told at a moment, and the points of each.

    ``by_attribute`` is what each of the lead's attributes adds to the score, in any unit.
    """

    lead: int
    as_of: int
    points: Mapping[str, float]
    by_attribute: Mapping[str, float]


class Teller:
    """Tells what a lead did, in the project's own phrases and time zone."""

    def __init__(self, project: Project, activity: Sequence[str]) -> None:
        self.project = project
        self.zone: tzinfo = ZoneInfo(project.timezone) if project.timezone else UTC
        kinds = project.vocabulary.values()
        # What follows a count: of one, of many.
        self._phrases = [(k.count_phrase(1)[2:], k.count_phrase(2)[2:]) for k in kinds]
        told = [k.behaviour if k.actor in ("buyer", "marketing") else "" for k in kinds]
        self.members = {b: np.array([t == b for t in told], bool) for b in dict.fromkeys(told) if b}
        self.activity = np.array([k in activity for k in project.kinds], bool)
        own = {"rhythm": self._rhythm, "account": self._account, "history": self._history}
        self._tell = dict.fromkeys(self.members, self._events) | own
        by_kind = [b for b in self.members if b not in own]
        self._codes = {b: self.members[b].nonzero()[0].tolist() for b in by_kind}
        self._rows = {b: row for row, b in enumerate(["rhythm", *by_kind])}
        self._wanted = np.array([self.activity, *[self.members[b] for b in by_kind]])
        self._span = np.array([ACTIVE, *[RECENT] * len(by_kind)])
        self.attributes: dict[str, list[str]] = {}
        for name, attribute in project.attributes.items():
            self.attributes.setdefault(attribute.behaviour, []).append(name)
        self._called = {name: attribute.phrase for name, attribute in project.attributes.items()}
        self._scored = {name for name, attribute in project.attributes.items() if attribute.scored}

    def reason(
        self,
        behaviour: str,
        points: float,
        timelines: Timelines,
        lead: int,
        as_of: int,
        by_attribute: Mapping[str, float],
    ) -> Reason:
        """The behaviour's points with what was seen before ``as_of``; nothing unseen is told as seen."""
        ((reason,),) = self.reasons(timelines, [Ask(lead, as_of, {behaviour: points}, by_attribute)])
        return reason

    def reasons(self, timelines: Timelines, asks: Sequence[Ask]) -> list[list[Reason]]:
        """Of each ask the reasons, as `reason` gives one, in the order of its points; no asks give none."""
        rows = self._rows
        asked = [(a.lead, a.as_of, rows[b]) for a in asks for b in a.points if b in rows]
        known = found_of(timelines, asked, self._wanted, self._span)
        return [
            [
                self._reason(b, points, ask, timelines, next(known) if b in rows else UNSEEN)
                for b, points in ask.points.items()
            ]
            for ask in asks
        ]

    def _reason(self, behaviour: str, points: float, ask: Ask, timelines: Timelines, seen: Found) -> Reason:
        tell, sentence, evidence = self._tell.get(behaviour), "", NOTHING
        if tell is not None:
            sentence, evidence = tell(behaviour, ask, timelines, seen)
        if behaviour in self.attributes:
            told = self._attributes(behaviour, points, ask, timelines)
            sentence = "; ".join([sentence, *told] if sentence else told)
        sentence = sentence or "limits and bounds of the rule book"
        return Reason(behaviour, points, sentence, evidence)

    def _events(self, behaviour: str, ask: Ask, timelines: Timelines, seen: Found) -> Said:
        found, evidence = seen
        count, first, last, _ = evidence
        if first is None or last is None:
            return self._none(f"{behaviour} activity", ask, timelines), evidence
        since, of_kind = ago(ask.as_of - last), found[kernel.FACTS :]
        counts = self._counted([(-n, k) for k in self._codes[behaviour] if (n := of_kind[k])])
        if not found[kernel.RECENT]:
            told = f"no {behaviour} activity in the last 90 days ({counts} before, the last {since})"
        elif count == 1:
            told = f"{counts} on {self.date(first, ask.as_of)}, {since}"
        else:
            told = f"{counts} since {self.date(first, ask.as_of)}, the last {since}"
        return told, evidence

    def counts(self, codes: npt.NDArray[np.int16]) -> str:
        """`2 pricing views, 1 quote request and 3 others`: the two most frequent kinds by name."""
        return self._counted([(-n, k) for k, n in enumerate(np.bincount(codes).tolist()) if n])

    def _counted(self, by: list[tuple[int, int]]) -> str:
        by.sort()
        told = [f"{-n:,} {self._phrases[k][n != -1]}" for n, k in by[:2]]
        if len(by) > 2:
            rest = -sum([n for n, _ in by[2:]])
            told.append(f"{rest} other{'s' if rest != 1 else ''}")
        return listed(told)

    def _rhythm(self, behaviour: str, ask: Ask, timelines: Timelines, seen: Found) -> Said:
        found, evidence = seen
        n, last = evidence.count, evidence.last
        if last is None:
            return self._none("activity", ask, timelines), evidence
        if not found[kernel.RECENT]:
            return f"silent for {(ask.as_of - last) // DAY} days", evidence
        days = min(found[kernel.DAYS], 30)  # 30 days touch 31 dates
        return (
            f"active on {days} day{'s' if days != 1 else ''} of the last 30 ({n:,} event{'s' if n != 1 else ''}), "
            f"the last {ago(ask.as_of - last)}",
            evidence,
        )

    def _account(self, behaviour: str, ask: Ask, timelines: Timelines, seen: Found) -> Said:
        lead, as_of, *_ = ask
        known, people, events = of_others(timelines, lead, as_of, self.activity, as_of - ACTIVE)
        if known == 0:
            return "no other person of the account is known", NOTHING
        if people == 0:
            who = f"{known} other people" if known > 1 else "one other person"
            return f"no activity by the account's {who} in the last 30 days", NOTHING
        evidence = as_evidence(timelines, events)
        noun = "person" if people == 1 else "people"
        n = evidence.count
        return (
            f"{people} other {noun} of the account active in the last 30 days ({n:,} event{'s' if n != 1 else ''}), "
            f"the last {ago(as_of - int(evidence.last or 0))}",
            evidence,
        )

    def _history(self, behaviour: str, ask: Ask, timelines: Timelines, seen: Found) -> Said:
        return self.history(timelines, ask.lead, ask.as_of), NOTHING

    def history(self, timelines: Timelines, lead: int, as_of: int) -> str:
        """What sales did with the lead before ``as_of``: the last hand-off, or the last return with its reason."""
        begin, end = timelines.handoff_start[lead : lead + 2].tolist()
        given = [moment for moment in timelines.handed_off[begin:end].tolist() if moment < as_of]
        if not given:
            return "not handed to sales before"
        returned = timelines.returned[begin:end].tolist()
        back = [n for n, moment in enumerate(returned) if moment < as_of]
        if not back:
            return f"handed to sales {ago(as_of - max(given))}"
        at = max(back, key=returned.__getitem__)
        code = timelines.return_reason.item(begin + at)
        why = f" as “{RETURN_REASONS[code]}”" if code >= 0 else ""
        times = "" if len(back) == 1 else f", {len(back)} times in all"
        return f"returned by sales {ago(as_of - returned[at])}{why}{times}"

    def _attributes(self, behaviour: str, points: float, ask: Ask, timelines: Timelines) -> list[str]:
        """The lead's own values of the attributes that pull the same way, the two strongest first."""
        own, adds = self.attributes[behaviour], ask.by_attribute
        pulling = sorted(
            [(-abs(adds[name]), name) for name in own if name in adds and adds[name] * points > 0]
        )
        names = [name for _, name in pulling] or [name for name in own if name in self._scored]
        return [_value(self._called[name], timelines.attributes[name].item(ask.lead)) for name in names[:2]]

    def _none(self, what: str, ask: Ask, timelines: Timelines) -> str:
        created = timelines.created.item(ask.lead)
        return f"no {what} since the lead was created on {self.date(created, ask.as_of)}"

    def date(self, micros: int, as_of: int) -> str:
        """The day of a moment in the project's time zone, with its year where it is not that of ``as_of``."""
        when = datetime.fromtimestamp(micros / 1e6, self.zone)
        year = "" if when.year == _year(as_of, self.zone) else f" {when.year}"
        return f"{when.day} {MONTHS[when.month]}{year}"


@lru_cache
def _year(micros: int, zone: tzinfo) -> int:
    """The year of a moment that many dates are told beside."""
    return datetime.fromtimestamp(micros / 1e6, zone).year


def _value(phrase: str, found: object) -> str:
    """An attribute's value in words."""
    if found is None or found != found:
        return f"{phrase} is not known"
    return f"{phrase} is {found:,.10g}" if isinstance(found, float) else f"{phrase} is {found}"
