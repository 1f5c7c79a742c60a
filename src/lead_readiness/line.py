"""Over the line: what more a lead would have to do to reach it, and when it falls below if nothing more happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from lead_readiness.evidence import Floats
from lead_readiness.project import Project
from lead_readiness.reasons import listed
from lead_readiness.scorer import Scorer
from lead_readiness.timelines import DAY, NEVER, Columns, Ints, Timelines, frozen, with_events

HOUR = DAY // 24
MOST_WAYS = 4
MOST_KINDS = 8
"""Sets of several events are made of this many kinds, those with the highest scores by themselves."""
ASSOCIATION = "an association: so leads with such a history score; not what these events would cause"


@dataclass(frozen=True)
class Way:
    """Further events, the kind of each and when it would happen, and the score as soon as the last is seen."""

    kinds: tuple[str, ...]
    at: tuple[int, ...]
    score: float
    phrase: str

    @property
    def seen(self) -> int:
        """The first moment at which all the events are visible: that of the score."""
        return self.at[-1] + 1

    def __str__(self) -> str:
        """The events and the score.

        >>> str(Way(("pricing", "pricing"), (0, DAY), 112.4, "2 pricing views, one a day"))
        '2 pricing views, one a day (112)'
        """
        return f"{self.phrase} ({self.score:.0f})"


@dataclass(frozen=True)
class Ways:
    """How a lead that scores ``score`` at ``as_of`` (microseconds UTC) would reach ``line``.

    Each of ``ways`` reaches it, and would not with fewer of its events; the shortest come first. There are none where
    the lead is over the line already, or where no set that was tried reaches it. What they tell is an `ASSOCIATION`.
    """

    lead_id: str
    as_of: int
    line: float
    score: float
    ways: tuple[Way, ...]

    @property
    def is_over(self) -> bool:
        """Whether the lead is over the line without any further event."""
        return self.score >= self.line


def over(scorer: Scorer, timelines: Timelines, lead: int, as_of: int, line: float, most: int = 3) -> Ways:
    """At most `MOST_WAYS` sets of up to ``most`` further buyer events with which the lead reaches ``line``.

    ``lead`` is a place in the timelines, ``as_of`` microseconds UTC, ``line`` a score. The events are of the buyer's
    kinds that point up and hold nobody back, without asset or value; the first happens at ``as_of``, then one a day, in
    the vocabulary's order. Each set is appended to the lead's history as it is known at ``as_of`` and scored as any
    history is, as soon as its last event is seen. Single events are tried first; of those that do not reach the line,
    the `MOST_KINDS` strongest are tried in pairs and triples, but in none that holds a way already found. Of equally
    short ways, those with kinds that no other has come first, then those that go the least beyond the line: what says
    most is rarest.

    Raises ModelError when the timelines are not of the scorer's project.

    >>> import pandas as pd
    >>> from lead_readiness import rules, tables
    >>> from lead_readiness.features import Catalogue
    >>> from lead_readiness.features.attributes import Attributes
    >>> from lead_readiness.card import Card

    >>> from lead_readiness.timelines import build
    >>> words = {k: {"behaviour": k, "direction": "up"} for k in ("visit", "demo")}
    >>> project = Project.model_validate({"name": "Acme", "vocabulary": words})
    >>> points = [{"name": k, "points": p, "when": {"kind": k}} for k, p in (("visit", 8), ("demo", 20))]
    >>> book = rules.parse({"name": "B", "version": 1, "threshold": 9, "rules": points}, project)
    >>> catalogue = Catalogue((), Attributes(), project.kinds, project.kinds)
    >>> scorer = Scorer(project, book, catalogue, None, None, None, Card({}, 0, 1, 1, 0, 0))
    >>> leads = pd.DataFrame({"lead_id": ["a"], "created_at": ["2026-01-01T00:00Z"]})
    >>> visits = pd.DataFrame({"lead_id": ["a"], "occurred_at": ["2026-01-02T00:00Z"], "kind": ["visit"]})
    >>> known = build(tables.validate(project, leads, visits), project)
    >>> found = over(scorer, known, 0, known.cut + DAY, line=20.0)
    >>> found.score, [str(way) for way in found.ways]
    (8.0, ['1 demo (28)', '2 visits, one a day (24)'])
    """
    now = float(scorer.assess(timelines, np.array([lead], np.int32), np.array([as_of])).score[0])
    alone, place = _alone(timelines, lead, as_of)
    reached: list[Way] = []
    kinds = _kinds(scorer.project) if now < line else ()
    for size in range(1, most + 1):
        held = [Counter(way.kinds) for way in reached]
        sets = [
            s for s in combinations_with_replacement(kinds, size) if not any(h <= Counter(s) for h in held)
        ]
        if not sets or len(reached) >= MOST_WAYS:
            break
        scores = _scores(scorer, alone, place, as_of, sets)
        reached += [_way(scorer.project, s, as_of, x) for s, x in zip(sets, scores.tolist()) if x >= line]
        if size == 1:
            short = [n for n in np.argsort(-scores, kind="stable").tolist() if scores[n] < line]
            kinds = tuple(kinds[n] for n in sorted(short[:MOST_KINDS]))
    return Ways(str(timelines.lead_ids[lead]), as_of, line, now, _different(reached))


def falls(
    scorer: Scorer, timelines: Timelines, lead: int, as_of: int, line: float, until_days: int = 180
) -> int | None:
    """The hour (microseconds UTC) at which the lead is below ``line`` for the first time if nothing more happens.

    ``as_of`` itself if it is below then; None if it is not below on any day until ``until_days`` later. What becomes
    visible after ``as_of`` plays no part. A score need not fall steadily (what spoke against a lead fades, too), so it
    is looked at each day from ``as_of`` on, and each hour of the day that ends with the first one below: it is below
    at the moment given and was not on the days before; a dip between two days, or two hours, goes unseen.

    Raises ModelError when the timelines are not of the scorer's project.
    """
    alone, place = _alone(timelines, lead, as_of)

    def first_below(moments: Ints) -> int | None:
        below = scorer.assess(alone, np.full(len(moments), place, np.int32), moments).score < line
        return int(moments[np.argmax(below)]) if below.any() else None

    day = first_below(as_of + DAY * np.arange(until_days + 1))
    if day is None or day == as_of:
        return day
    return first_below(day - DAY + HOUR * np.arange(1, 25))


def _alone(timelines: Timelines, lead: int, as_of: int) -> tuple[Timelines, int]:
    """The lead's account as it stood at the moment, and the lead's place in it."""
    account = int(timelines.account[lead])
    stood = frozen(timelines, np.array([account], np.int32), np.array([as_of]))
    place = lead - int(timelines.account_start[account])
    stood.created[place] = timelines.created[
        lead
    ]  # known, though not before the moment where it is scored at once
    return stood, place


def _kinds(project: Project) -> tuple[str, ...]:
    """What a buyer may do next, for the better."""
    return tuple(
        name
        for name, kind in project.vocabulary.items()
        if kind.actor == "buyer" and kind.scored and kind.direction == "up" and kind.hold is None
    )


def _scores(
    scorer: Scorer, alone: Timelines, place: int, as_of: int, sets: Sequence[tuple[str, ...]]
) -> Floats:
    """The scores with these sets of equally many events, in one batch: each set in its own copy of the account."""
    n, size = len(sets), len(sets[0])
    copies = frozen(alone, np.zeros(n, np.int32), np.full(n, NEVER))
    leads = (copies.account_start[:-1] + place).astype(np.int32)
    time = np.tile(as_of + DAY * np.arange(size), n)
    code = {kind: n for n, kind in enumerate(scorer.project.kinds)}
    further = Columns(
        time=time,
        kind=np.array([code[kind] for kinds in sets for kind in kinds], np.int16),
        asset=np.full(n * size, -1, np.int32),
        value=np.full(n * size, np.nan, np.float32),
        recorded=time,
    )
    own = copies.events(np.ones(len(copies.time), bool))
    appended = with_events(
        copies,
        np.concatenate([copies.owner, np.repeat(leads, size)]),
        Columns(*(np.concatenate([getattr(c, name) for c in (own, further)]) for name in Columns._fields)),
        np.concatenate([copies.order, np.full(n * size, -1)]),
    )
    return scorer.assess(appended, leads, np.full(n, time[-1] + 1)).score


def _way(project: Project, kinds: tuple[str, ...], as_of: int, score: float) -> Way:
    told = [project.vocabulary[kind].count_phrase(n) for kind, n in Counter(kinds).items()]
    daily = ", one a day" if len(kinds) > 1 else ""
    return Way(kinds, tuple(as_of + DAY * n for n in range(len(kinds))), score, listed(told) + daily)


def _different(ways: Sequence[Way]) -> tuple[Way, ...]:
    """The shortest ways, each time the one that shares the fewest kinds with those before."""
    left, chosen = list(ways), list[Way]()
    while left and len(chosen) < MOST_WAYS:
        used = Counter(kind for way in chosen for kind in set(way.kinds))
        best = min(left, key=lambda w: (len(w.kinds), sum(used[k] for k in set(w.kinds)), w.score, w.kinds))
        left.remove(best)
        chosen.append(best)
    return tuple(chosen)
