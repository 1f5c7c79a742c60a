"""What each family of features means, once more, in the plainest Python: slow, and apart from the kernel.

A history is a list of `Event`; everything is looked up again for every feature. `ORACLE` has one function a
family: (feature, the lead's visible events, a `View` of the rest) -> number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from histories import Event, Lead

from lead_readiness.features import Feature
from lead_readiness.timelines import DAY

LONGEST = 730.0
HALF_HOUR = 30 * 60 * 1_000_000
FOREVER = 70_000.0  # days; no window of a test is longer without meaning "ever"


@dataclass(frozen=True)
class View:
    """One lead at one moment, and the other people of its account."""

    lead: Lead
    others: Sequence[Lead]
    as_of: int


Family = Callable[[Feature, list[Event], View], float]


def value_of(feature: Feature, lead: Lead, leads: Sequence[Lead], as_of: int) -> float:
    """What the feature should be for a lead of a company at a moment."""
    others = [x for x in leads if x is not lead and lead.account is not None and x.account == lead.account]
    return ORACLE[feature.family](feature, visible(lead, as_of), View(lead, others, as_of))


def visible(lead: Lead, as_of: int) -> list[Event]:
    return [e for e in sorted(lead.events, key=lambda e: e.at) if e.at < as_of and e.at + e.late <= as_of]


def matching(feature: Feature, events: list[Event]) -> list[Event]:
    return [e for e in events if e.kind in feature.kinds]


def within(days: float, events: list[Event], as_of: int) -> list[Event]:
    return [e for e in events if days > FOREVER or as_of - e.at <= days * DAY]


def in_window(feature: Feature, events: list[Event], view: View) -> list[Event]:
    return within(feature.days, matching(feature, events), view.as_of)


def days_since(moments: Sequence[int], as_of: int) -> float:
    return min((as_of - max(moments)) / DAY, LONGEST) if moments else LONGEST


def visits(events: list[Event]) -> list[list[Event]]:
    made: list[list[Event]] = []
    for event in events:
        if made and event.at - made[-1][-1].at <= HALF_HOUR:
            made[-1].append(event)
        else:
            made.append([event])
    return made


def count(f: Feature, events: list[Event], view: View) -> float:
    return len(in_window(f, events, view))


def recency(f: Feature, events: list[Event], view: View) -> float:
    return days_since([e.at for e in matching(f, events)], view.as_of)


def intensity(f: Feature, events: list[Event], view: View) -> float:
    return sum(0.5 ** ((view.as_of - e.at) / (f.days * DAY)) for e in matching(f, events))


def trend(f: Feature, events: list[Event], view: View) -> float:
    recent = in_window(f, events, view)
    both = within(2 * f.days, matching(f, events), view.as_of)
    return len(recent) - (len(both) - len(recent))


def value(f: Feature, events: list[Event], view: View) -> float:
    return sum(float(np.float32(e.value)) for e in in_window(f, events, view) if e.value is not None)


def pair(f: Feature, events: list[Event], view: View) -> float:
    firsts = [e.at for e in events if e.kind in f.kinds]
    thens = [e.at for e in events if e.kind == f.then]
    return sum(any(0 < then - first <= f.days * DAY for first in firsts) for then in thens)


def active_days(f: Feature, events: list[Event], view: View) -> float:
    return len({e.at // DAY for e in in_window(f, events, view)})


def burst(f: Feature, events: list[Event], view: View) -> float:
    return max((len(in_window(f, visit, view)) for visit in visits(matching(f, events))), default=0)


def longest_gap(f: Feature, events: list[Event], view: View) -> float:
    seen = [e.at for e in in_window(f, events, view)]
    marks = [view.as_of - round(f.days * DAY), *seen, view.as_of]
    return max(b - a for a, b in pairwise(marks)) / DAY


def first(f: Feature, events: list[Event], view: View) -> float:
    seen = [e.at for e in matching(f, events)]
    return min((view.as_of - min(seen)) / DAY, LONGEST) if seen else 0.0


def age(f: Feature, events: list[Event], view: View) -> float:
    return min(max(view.as_of - view.lead.created, 0) / DAY, LONGEST)


def returned_before(view: View) -> list[tuple[int, str | None]]:
    past = [(h.returned, h.reason) for h in view.lead.handoffs if h.returned is not None]
    return sorted(((at, why) for at, why in past if at < view.as_of), key=lambda r: r[0])


def returns(f: Feature, events: list[Event], view: View) -> float:
    return len(returned_before(view))


def since_return(f: Feature, events: list[Event], view: View) -> float:
    return days_since([at for at, _ in returned_before(view)], view.as_of)


def count_since_return(f: Feature, events: list[Event], view: View) -> float:
    past = returned_before(view)
    return sum(e.at > past[-1][0] for e in matching(f, events)) if past else 0


def returned(f: Feature, events: list[Event], view: View) -> float:
    past = returned_before(view)
    return float(bool(past) and past[-1][1] == f.level)


def account_count(f: Feature, events: list[Event], view: View) -> float:
    return sum(len(in_window(f, visible(x, view.as_of), view)) for x in view.others)


def account_active(f: Feature, events: list[Event], view: View) -> float:
    return sum(bool(in_window(f, visible(x, view.as_of), view)) for x in view.others)


def account_recency(f: Feature, events: list[Event], view: View) -> float:
    seen = [e.at for x in view.others for e in matching(f, visible(x, view.as_of))]
    return days_since(seen, view.as_of)


def account_people(f: Feature, events: list[Event], view: View) -> float:
    return sum(x.created < view.as_of for x in view.others)


def account_won(f: Feature, events: list[Event], view: View) -> float:
    return sum(
        bool(x.outcome and x.outcome.what == "won" and x.outcome.decided < view.as_of) for x in view.others
    )


ORACLE: dict[str, Family] = {
    family.__name__: family
    for family in (
        count, recency, intensity, trend, value, pair, active_days, burst, longest_gap,
        first, age, returns, since_return, count_since_return, returned, account_count, account_active,
        account_recency, account_people, account_won,
    )
}  # fmt: skip
