"""Contributions become reasons: a behaviour, its points, and a sentence of what was seen, with the event ids."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from lead_readiness.moments import written
from lead_readiness.project import Project
from lead_readiness.timelines import DAY, NEVER, RETURN_REASONS, Timelines, kernel

POINTS_PER_LOGIT = 20 / math.log(2)
"""20 points double the odds (METHOD 6)."""
EVEN_ODDS = 100.0
"""The score of a lead as likely to be won as not."""

MOST_FOR, MOST_AGAINST = 4, 2
LEAST_POINTS = 3.0
"""Points from which a behaviour is worth telling: scorers taught with meaningless behaviours give them 1 to 2."""
LEAST_RULE_POINTS = 0.5
"""The same where the score is rule points, which are exact."""
RECENT = 90 * DAY
MOST_IDS = 10
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Evidence:
    """The events behind a reason: how many, the first and the last (microseconds UTC), the latest ids."""

    count: int = 0
    first: int | None = None
    last: int | None = None
    event_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reason:
    """Why a lead scores as it does: ``points`` of the score come from ``behaviour``."""

    behaviour: str
    points: float
    sentence: str
    evidence: Evidence

    def __str__(self) -> str:
        """The sentence with its points.

        >>> str(Reason("pricing", 14.2, "3 pricing views since 4 May, the last 2 h ago", Evidence(3)))
        '3 pricing views since 4 May, the last 2 h ago (+14)'
        """
        return f"{self.sentence} ({self.points:+.0f})"

    def as_json(self) -> dict[str, Any]:
        """The reason as JSON holds it, times as ISO 8601 text in UTC."""
        seen = self.evidence
        first, last = (None if moment is None else written(moment) for moment in (seen.first, seen.last))
        evidence = {"count": seen.count, "first": first, "last": last, "event_ids": list(seen.event_ids)}
        return {
            "behaviour": self.behaviour,
            "points": self.points,
            "sentence": self.sentence,
            "evidence": evidence,
        }


def strongest(
    points: Mapping[str, float],
    most_for: int = MOST_FOR,
    most_against: int = MOST_AGAINST,
    least: float = LEAST_POINTS,
) -> list[str]:
    """The behaviours worth telling: at most ``most_for`` that raise the score, then those that lower it.

    >>> strongest({"pricing": 14.0, "email": 2.1, "rhythm": -9.0, "form": 20.0}, most_for=1)
    ['form', 'rhythm']
    """
    ranked = sorted((-abs(p), b, p) for b, p in points.items() if p >= least or p <= -least)
    told = [b for _, b, p in ranked if p >= least][:most_for]
    return told + [b for _, b, p in ranked if p <= -least][:most_against]


class Teller:
    """Tells what a lead did, in the project's own phrases and time zone."""

    def __init__(self, project: Project, activity: Sequence[str]) -> None:
        self.project = project
        self.zone: tzinfo = ZoneInfo(project.timezone) if project.timezone else UTC
        self.kinds = list(project.vocabulary.values())
        told = [k.behaviour if k.actor in ("buyer", "marketing") else "" for k in self.kinds]
        self.members = {b: np.array([t == b for t in told]) for b in dict.fromkeys(told) if b}
        self.activity = np.array([k in activity for k in project.kinds])
        self.attributes: dict[str, list[str]] = {}
        for name, attribute in project.attributes.items():
            self.attributes.setdefault(attribute.behaviour, []).append(name)

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
        parts: list[str] = []
        evidence = Evidence()
        if behaviour == "rhythm":
            part, evidence = self._rhythm(timelines, lead, as_of)
            parts.append(part)
        elif behaviour == "account":
            part, evidence = self._account(timelines, lead, as_of)
            parts.append(part)
        elif behaviour == "history":
            parts.append(self.history(timelines, lead, as_of))
        elif behaviour in self.members:
            part, evidence = self._events(behaviour, timelines, lead, as_of)
            parts.append(part)
        if behaviour in self.attributes:
            parts += self._attributes(behaviour, points, timelines, lead, by_attribute)
        return Reason(behaviour, points, "; ".join(parts) or "limits and bounds of the rule book", evidence)

    def _events(self, behaviour: str, timelines: Timelines, lead: int, as_of: int) -> tuple[str, Evidence]:
        events = visible(timelines, lead, as_of, self.members[behaviour])
        if len(events) == 0:
            return self._none(f"{behaviour} activity", timelines, lead, as_of), Evidence()
        recent = _since(timelines, events, as_of - RECENT)
        evidence = as_evidence(timelines, recent if len(recent) else events)
        last = ago(as_of - int(evidence.last or 0))
        counts = self.counts(timelines.kind[recent if len(recent) else events])
        if len(recent) == 0:
            return f"no {behaviour} activity in the last 90 days ({counts} before, the last {last})", evidence
        if evidence.count == 1:
            return f"{counts} on {self.date(int(evidence.first or 0), as_of)}, {last}", evidence
        return f"{counts} since {self.date(int(evidence.first or 0), as_of)}, the last {last}", evidence

    def counts(self, codes: npt.NDArray[np.int16]) -> str:
        """`2 pricing views, 1 quote request and 3 others`: the two most frequent kinds by name."""
        counts = np.bincount(codes).tolist()
        by = sorted((-n, k) for k, n in enumerate(counts) if n)
        told = [self.kinds[k].count_phrase(-n) for n, k in by[:2]]
        if len(by) > 2:
            rest = -sum(n for n, _ in by[2:])
            told.append(f"{rest} other{'s' if rest != 1 else ''}")
        return listed(told)

    def _rhythm(self, timelines: Timelines, lead: int, as_of: int) -> tuple[str, Evidence]:
        events = visible(timelines, lead, as_of, self.activity)
        if len(events) == 0:
            return self._none("activity", timelines, lead, as_of), Evidence()
        recent = _since(timelines, events, as_of - 30 * DAY)
        if len(recent) == 0:
            evidence = as_evidence(timelines, events)
            return f"silent for {(as_of - int(evidence.last or 0)) // DAY} days", evidence
        evidence = as_evidence(timelines, recent)
        dates = timelines.time[recent] // DAY
        days = min(1 + np.count_nonzero(dates[1:] != dates[:-1]), 30)  # 30 days touch 31 dates
        n = evidence.count
        return (
            f"active on {days} day{'s' if days != 1 else ''} of the last 30 ({n:,} event{'s' if n != 1 else ''}), "
            f"the last {ago(as_of - int(evidence.last or 0))}",
            evidence,
        )

    def _account(self, timelines: Timelines, lead: int, as_of: int) -> tuple[str, Evidence]:
        known, people, events = of_others(timelines, lead, as_of, self.activity, as_of - 30 * DAY)
        if known == 0:
            return "no other person of the account is known", Evidence()
        if people == 0:
            who = f"{known} other people" if known > 1 else "one other person"
            return f"no activity by the account's {who} in the last 30 days", Evidence()
        evidence = as_evidence(timelines, events)
        noun = "person" if people == 1 else "people"
        n = evidence.count
        return (
            f"{people} other {noun} of the account active in the last 30 days ({n:,} event{'s' if n != 1 else ''}), "
            f"the last {ago(as_of - int(evidence.last or 0))}",
            evidence,
        )

    def history(self, timelines: Timelines, lead: int, as_of: int) -> str:
        """What sales did with the lead before ``as_of``: the last hand-off, or the last return with its reason."""
        span = slice(timelines.handoff_start[lead], timelines.handoff_start[lead + 1])
        back = np.flatnonzero(timelines.returned[span] < as_of)
        given = timelines.handed_off[span][timelines.handed_off[span] < as_of]
        if len(given) == 0:
            return "not handed to sales before"
        if len(back) == 0:
            return f"handed to sales {ago(as_of - int(given.max()))}"
        at = back[np.argmax(timelines.returned[span][back])]
        code = timelines.return_reason[span][at]
        why = f" as “{RETURN_REASONS[code]}”" if code >= 0 else ""
        times = "" if len(back) == 1 else f", {len(back)} times in all"
        return f"returned by sales {ago(as_of - int(timelines.returned[span][at]))}{why}{times}"

    def _attributes(
        self,
        behaviour: str,
        points: float,
        timelines: Timelines,
        lead: int,
        by_attribute: Mapping[str, float],
    ) -> Iterable[str]:
        """The lead's own values of the attributes that pull the same way, the two strongest first."""
        names = [n for n in self.attributes[behaviour] if by_attribute.get(n, 0.0) * points > 0]
        names.sort(key=lambda n: (-abs(by_attribute[n]), n))
        scored = [n for n in self.attributes[behaviour] if self.project.attributes[n].scored]
        for name in names[:2] or scored[:2]:
            found = timelines.attributes[name][lead]
            phrase = self.project.attributes[name].phrase
            missing = found is None or (isinstance(found, float) and math.isnan(found))
            yield (
                f"{phrase} is not known"
                if missing
                else f"{phrase} is {found:,.10g}"
                if isinstance(found, float)
                else f"{phrase} is {found}"
            )

    def _none(self, what: str, timelines: Timelines, lead: int, as_of: int) -> str:
        return f"no {what} since the lead was created on {self.date(int(timelines.created[lead]), as_of)}"

    def date(self, micros: int, as_of: int) -> str:
        """The day of a moment in the project's time zone, with its year where it is not that of ``as_of``."""
        when = datetime.fromtimestamp(micros / 1e6, self.zone)
        year = "" if when.year == _year(as_of, self.zone) else f" {when.year}"
        return f"{when.day} {MONTHS[when.month]}{year}"


@lru_cache
def _year(micros: int, zone: tzinfo) -> int:
    """The year of a moment that many dates are told beside."""
    return datetime.fromtimestamp(micros / 1e6, zone).year


def visible(
    timelines: Timelines, lead: int, as_of: int, wanted: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.int64]:
    """Places of the lead's events that were known at ``as_of``, oldest first; only of ``wanted`` kinds, if given."""
    t = timelines
    asked = np.ones(len(t.kinds), bool) if wanted is None else wanted
    return kernel.visible(t.start[lead], t.start[lead + 1], t.time, t.recorded, t.kind, asked, as_of)


def of_others(
    timelines: Timelines,
    lead: int,
    as_of: int,
    wanted: npt.NDArray[np.bool_],
    since: int = -NEVER,
    known_at: int | None = None,
) -> tuple[int, int, npt.NDArray[np.int64]]:
    """The other people of the lead's account: how many are known, how many are active, the places of what they did.

    Known are those created before ``known_at`` (by default ``as_of``); told are events of ``wanted`` kinds that were
    known at ``as_of`` and happened at ``since`` or later, person by person.
    """
    t, account = timelines, timelines.account[lead]
    begin, end = t.account_start[account], t.account_start[account + 1]
    columns = (t.created, t.start, t.time, t.recorded, t.kind)
    return kernel.of_others(
        begin, end, lead, *columns, wanted, since, as_of, as_of if known_at is None else known_at
    )


def _since(timelines: Timelines, events: npt.NDArray[np.int64], begin: int) -> npt.NDArray[np.int64]:
    """Those of one lead's events, oldest first, that happened at ``begin`` or later."""
    return events[timelines.time[events].searchsorted(begin) :]


def ago(micros: int) -> str:
    """A span of time before now, in words.

    >>> ago(7_300_000_000), ago(50 * 3_600_000_000)
    ('2 h ago', '2 days ago')
    """
    if micros < 3_600_000_000:
        return f"{max(micros // 60_000_000, 1)} min ago"
    if micros < 2 * DAY:
        return f"{micros // 3_600_000_000} h ago"
    return f"{micros // DAY} days ago"


def listed(words: Sequence[str]) -> str:
    """The words as a sentence lists them.

    >>> listed(["1 visit"]), listed(["2 visits", "1 demo", "3 others"])
    ('1 visit', '2 visits, 1 demo and 3 others')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def as_evidence(timelines: Timelines, events: npt.NDArray[np.intp]) -> Evidence:
    """The events as evidence, their ids latest first; the ids of one moment in their own order."""
    first, last, cited = kernel.latest(timelines.time, events, MOST_IDS)
    if timelines.event_ids is None:
        return Evidence(len(events), first, last)
    backwards = (-timelines.time[cited]).tolist()
    named = sorted([(back, timelines.event_id(e) or "") for back, e in zip(backwards, cited.tolist())])
    return Evidence(len(events), first, last, tuple([name for _, name in named[:MOST_IDS] if name]))
