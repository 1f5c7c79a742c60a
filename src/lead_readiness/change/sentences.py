"""Parts of a change in words, with the events that they rest on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lead_readiness.reasons import (
    RECENT,
    Evidence,
    Reason,
    ago,
    as_evidence,
    of_others,
    strongest,
    visible,
)
from lead_readiness.telling import Teller
from lead_readiness.timelines import WON, Ints, Timelines

PARTS = ("ageing", "news", "model")
"""What a change is made of, in the order in which the steps are taken."""

SEEN = 0.5
"""Points from which a sum is told: less would read as 0."""

Places = npt.NDArray[np.intp]
Said = tuple[str, Evidence] | None


@dataclass(frozen=True)
class Moments:
    """One lead between two moments: what was seen at the first, and what is new at the second."""

    timelines: Timelines
    lead: int
    begin: int
    end: int

    @cached_property
    def old(self) -> Places:
        """The lead's events that were visible at the first moment."""
        return visible(self.timelines, self.lead, self.begin)

    @cached_property
    def new(self) -> Places:
        """The lead's events that became visible after it."""
        return self.newly(visible(self.timelines, self.lead, self.end))

    def newly(self, events: Places) -> Places:
        """Those of the events visible at the second moment that were not at the first."""
        t, begin = self.timelines, self.begin
        fresh: Places = events[(t.time[events] >= begin) | (t.recorded[events] > begin)]
        return fresh

    @property
    def others(self) -> Places:
        """The other people of the lead's account who are known at the second moment."""
        start, account = self.timelines.account_start, self.timelines.account[self.lead]
        people = np.arange(start[account], start[account + 1])
        known: Places = people[(people != self.lead) & (self.timelines.created[people] < self.end)]
        return known

    @property
    def longer(self) -> str:
        """How far the moments are apart, in words."""
        return ago(self.end - self.begin).removesuffix(" ago")


def told(
    teller: Teller, moments: Moments, points: Mapping[str, Mapping[str, float]], model: float, least: float
) -> dict[str, list[Reason]]:
    """Per part its reasons: of ``points`` by part and behaviour, and of the model's in one sum."""
    parts = {"news": _News(teller, moments), "ageing": _Ageing(teller, moments)}
    reasons = {part: parts[part].reasons(by_behaviour, least) for part, by_behaviour in points.items()}
    version = [Reason("model", model, "new model version", Evidence())] if abs(model) >= SEEN else []
    return {**reasons, "model": version}


class _Part(ABC):
    """What a part of the change says of each behaviour."""

    def __init__(self, teller: Teller, moments: Moments) -> None:
        self.teller, self.at, self.known = teller, moments, moments.timelines

    @property
    @abstractmethod
    def what(self) -> str:
        """What all of the part is, after "all" or "all else"."""

    @abstractmethod
    def _events(self, members: npt.NDArray[np.bool_]) -> Said: ...

    @abstractmethod
    def _rhythm(self) -> Said: ...

    @abstractmethod
    def _account(self) -> Said: ...

    @abstractmethod
    def _history(self) -> Said: ...

    def reasons(self, points: Mapping[str, float], least: float) -> list[Reason]:
        """The behaviours that moved the score by ``least``, and what all the others did together."""
        named = strongest(points, least=least)
        reasons = [Reason(b, points[b], *self._sentence(b)) for b in named]
        rest = sum(points[b] for b in points if b not in named)
        if abs(rest) >= SEEN:
            every = "all else" if named else "all"
            reasons.append(Reason("other", rest, f"{every} that is {self.what}", Evidence()))
        return reasons

    def _sentence(self, behaviour: str) -> tuple[str, Evidence]:
        """What is to be said of the behaviour; where there is nothing of it, beside what it stands."""
        own = {"rhythm": self._rhythm, "account": self._account, "history": self._history}
        said: Said = None
        if behaviour in own:
            said = own[behaviour]()
        elif behaviour in self.teller.members:
            said = self._events(self.teller.members[behaviour])
        return said or (f"{behaviour} weighs differently beside what is {self.what}", Evidence())

    def _activity(self, events: Places) -> Places:
        active: Places = events[self.teller.activity[self.known.kind[events]]]
        return active

    def _returned(self) -> Ints:
        """When sales returned the lead, each time."""
        span = slice(self.known.handoff_start[self.at.lead], self.known.handoff_start[self.at.lead + 1])
        return self.known.returned[span]


class _News(_Part):
    """What became visible."""

    what = "new"

    def _events(self, members: npt.NDArray[np.bool_]) -> Said:
        events = self.at.new[members[self.known.kind[self.at.new]]]
        if len(events) == 0:
            return None
        evidence = as_evidence(self.known, events)
        count, kinds = self.teller.counts(self.known.kind[events]).split(" ", 1)
        late = int((self.known.time[events] < self.at.begin).sum())
        of_them = "" if late == len(events) else f"{late:,} of them "
        says = f", {of_them}recorded late" if late else ""
        return f"{count} new {kinds}, {self._last(evidence)}{says}", evidence

    def _rhythm(self) -> Said:
        events = self._activity(self.at.new)
        if len(events) == 0:
            return None
        evidence = as_evidence(self.known, events)
        return f"{_new_events(len(events))}, {self._last(evidence)}", evidence

    def _account(self) -> Said:
        known, at, parts, evidence = self.known, self.at, [], Evidence()
        _, _, events = of_others(known, at.lead, at.end, self.teller.activity)
        events, others = at.newly(events), at.others
        if len(events):
            evidence = as_evidence(known, events)
            active = len(np.unique(known.start.searchsorted(events, "right")))
            parts.append(f"{_new_events(evidence.count)} by {_people(active, 'other')}")
        if joined := int((known.created[others] >= at.begin).sum()):
            parts.append(f"{_people(joined, 'more')} now known")
        decided = known.decided[others]
        if ((known.outcome[others] == WON) & (at.begin <= decided) & (decided < at.end)).any():
            parts.append("another lead of the account won")
        return ("; ".join(parts), evidence) if parts else None

    def _history(self) -> Said:
        returned = self._returned()
        if ((self.at.begin <= returned) & (returned < self.at.end)).any():
            return self.teller.history(self.known, self.at.lead, self.at.end), Evidence()
        before = returned[returned < self.at.begin]
        events = self._activity(self.at.new)
        events = events[self.known.time[events] > before.max(initial=0)]
        if len(before) == 0 or len(events) == 0:
            return None
        return f"{_new_events(len(events))} since sales returned the lead", as_evidence(self.known, events)

    def _last(self, evidence: Evidence) -> str:
        last = ago(self.at.end - int(evidence.last or 0))
        return last if evidence.count == 1 else f"the last {last}"


class _Ageing(_Part):
    """What was visible before, at a later clock."""

    @property
    def what(self) -> str:
        return f"{self.at.longer} older"

    def _events(self, members: npt.NDArray[np.bool_]) -> Said:
        events = self.at.old[members[self.known.kind[self.at.old]]]
        if len(events) == 0:
            return None
        recent = events[self.known.time[events] >= self.at.begin - RECENT]
        events = recent if len(recent) else events
        evidence, verb = as_evidence(self.known, events), "is" if len(events) == 1 else "are"
        counts = self.teller.counts(self.known.kind[events])
        until = self.teller.date(int(evidence.last or 0), self.at.end)
        return f"{counts} until {until} {verb} {self.what}", evidence

    def _rhythm(self) -> Said:
        old, new = self._activity(self.at.old), self._activity(self.at.new)
        evidence = as_evidence(self.known, old) if len(old) else Evidence()
        if (self.known.time[new] < self.at.begin).all():
            return f"silent for {self.at.longer} longer", evidence
        return (f"what the lead did before is {self.what}", evidence) if len(old) else None

    def _account(self) -> Said:
        known, at = self.known, self.at
        _, _, events = of_others(known, at.lead, at.begin, self.teller.activity, known_at=at.end)
        if len(events) == 0:
            return None
        return f"what other people of the account did is {self.what}", as_evidence(known, events)

    def _history(self) -> Said:
        if not (self._returned() < self.at.begin).any():
            return None
        return f"the return by sales is {self.at.longer} further back", Evidence()


def _new_events(count: int) -> str:
    return f"{count:,} new event{'s' if count != 1 else ''}"


def _people(count: int, more: str) -> str:
    return f"{count:,} {more} {'person' if count == 1 else 'people'} of the account"
