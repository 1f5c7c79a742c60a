"""Contributions become reasons: a behaviour, its points, and a sentence of what was seen, with the event ids."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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
"""How far back a behaviour is told, unless there is only what is older."""
ACTIVE = 30 * DAY
"""The same of activity as a whole, the lead's and that of the account's other people."""
MOST_IDS = 10
MANY_IDS = 500
"""Ids from which on Arrow is asked for all at once: it lays the whole column together first."""
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Evidence(NamedTuple):
    """The events behind a reason: how many, the first and the last (microseconds UTC), the latest ids."""

    count: int = 0  # type: ignore[assignment]  # tuples have a method of this name
    first: int | None = None
    last: int | None = None
    event_ids: tuple[str, ...] = ()


NOTHING = Evidence()


class Reason(NamedTuple):
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
        behaviour, points, sentence, (count, first, last, event_ids) = self
        return {
            "behaviour": behaviour,
            "points": points,
            "sentence": sentence,
            "evidence": {
                "count": count,
                "first": None if first is None else written(first),
                "last": None if last is None else written(last),
                "event_ids": list(event_ids),
            },
        }


class Ask(NamedTuple):
    """Which behaviours of a lead, a place in the timelines, are to be told at a moment, and the points of each.

    ``by_attribute`` is what each of the lead's attributes adds to the score, in any unit.
    """

    lead: int
    as_of: int
    points: Mapping[str, float]
    by_attribute: Mapping[str, float]


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
    raising = sorted([(-p, b) for b, p in points.items() if p >= least])[:most_for]
    lowering = sorted([(p, b) for b, p in points.items() if p <= -least])[:most_against]
    return [b for _, b in raising + lowering]


Seen = tuple[list[int], Evidence]
"""Some of a lead's events: what `kernel.seen` counts, and the events as evidence."""
UNSEEN: Seen = ([], NOTHING)
Said = tuple[str, Evidence]


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
        known = _seen(timelines, asked, self._wanted, self._span)
        return [
            [self._reason(b, ask, timelines, next(known) if b in rows else UNSEEN) for b in ask.points]
            for ask in asks
        ]

    def _reason(self, behaviour: str, ask: Ask, timelines: Timelines, seen: Seen) -> Reason:
        tell, sentence, evidence = self._tell.get(behaviour), "", NOTHING
        if tell is not None:
            sentence, evidence = tell(behaviour, ask, timelines, seen)
        if behaviour in self.attributes:
            told = self._attributes(behaviour, ask, timelines)
            sentence = "; ".join([sentence, *told] if sentence else told)
        sentence = sentence or "limits and bounds of the rule book"
        return Reason(behaviour, ask.points[behaviour], sentence, evidence)

    def _events(self, behaviour: str, ask: Ask, timelines: Timelines, seen: Seen) -> Said:
        found, evidence = seen
        count, first, last, _ = evidence
        if first is None or last is None:
            return self._none(f"{behaviour} activity", ask, timelines), evidence
        since, of_kind = ago(ask.as_of - last), found[kernel.FACTS :]
        counts = self._counted([(-of_kind[k], k) for k in self._codes[behaviour] if of_kind[k]])
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

    def _rhythm(self, behaviour: str, ask: Ask, timelines: Timelines, seen: Seen) -> Said:
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

    def _account(self, behaviour: str, ask: Ask, timelines: Timelines, seen: Seen) -> Said:
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

    def _history(self, behaviour: str, ask: Ask, timelines: Timelines, seen: Seen) -> Said:
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

    def _attributes(self, behaviour: str, ask: Ask, timelines: Timelines) -> list[str]:
        """The lead's own values of the attributes that pull the same way, the two strongest first."""
        points, by_attribute = ask.points[behaviour], ask.by_attribute
        names = [n for n in self.attributes[behaviour] if by_attribute.get(n, 0.0) * points > 0]
        names.sort(key=lambda n: (-abs(by_attribute[n]), n))
        if not names:
            names = [n for n in self.attributes[behaviour] if self.project.attributes[n].scored]
        return [
            _value(self.project.attributes[name].phrase, timelines.attributes[name].item(ask.lead))
            for name in names[:2]
        ]

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


def _seen(
    timelines: Timelines,
    asked: Sequence[tuple[int, int, int]],
    wanted: npt.NDArray[np.bool_],
    span: npt.NDArray[np.int64],
) -> Iterator[Seen]:
    """What `kernel.seen` finds for each of those asked, one after the other, and the evidence of it."""
    t, rows = timelines, np.array(asked, np.int64).reshape(-1, 3)
    found, cited = kernel.seen(rows, wanted, span, MOST_IDS, t.start, t.time, t.recorded, t.kind, t.order)
    names, begin = _ids(timelines, cited[:, 1]), 0
    for counts in found.tolist():
        _, count, first, last, _, end, tied = counts[: kernel.FACTS]
        ids = names[begin:end]
        cite = _latest_first(cited[begin:end, 0], ids) if tied else tuple(filter(None, ids))
        begin = end
        yield counts, Evidence(count, first, last, cite) if count else NOTHING


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
    names = _ids(timelines, timelines.order[cited])
    return Evidence(len(events), first, last, _latest_first(-timelines.time[cited], names))


def _ids(timelines: Timelines, rows: npt.NDArray[np.int64]) -> list[str]:
    """The ids in these rows of the source's table, empty where there is none."""
    known, places = timelines.event_ids, rows.tolist()
    if known is None:
        return [""] * len(places)
    if isinstance(known, tuple):
        return [known[row] or "" if row >= 0 else "" for row in places]
    if len(places) > MANY_IDS:
        return [name or "" for name in known.take(pa.array(rows, mask=rows < 0)).to_pylist()]
    return [known[row].as_py() or "" if row >= 0 else "" for row in places]


def _latest_first(backwards: npt.NDArray[np.int64], names: list[str]) -> tuple[str, ...]:
    """The ids of events, given their moments turned negative, as evidence cites them."""
    return tuple([name for _, name in sorted(zip(backwards.tolist(), names))[:MOST_IDS] if name])
