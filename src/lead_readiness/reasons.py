"""Contributions become reasons: which behaviours are worth telling, and the events that each rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lead_readiness.moments import written
from lead_readiness.timelines import DAY, NEVER, Timelines, kernel

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


def strongest(
    points: Mapping[str, float],
    most_for: int = MOST_FOR,
    most_against: int = MOST_AGAINST,
    least: float = LEAST_POINTS,
) -> dict[str, float]:
    """The behaviours worth telling: at most ``most_for`` that raise the score, then those that lower it.

    >>> strongest({"pricing": 14.0, "email": 2.1, "rhythm": -9.0, "form": 20.0}, most_for=1)
    {'form': 20.0, 'rhythm': -9.0}
    """
    raising = sorted([(-p, b) for b, p in points.items() if p >= least])
    lowering = sorted([(p, b) for b, p in points.items() if p <= -least])
    return {b: points[b] for _, b in raising[:most_for] + lowering[:most_against]}


Found = tuple[list[int], Evidence]
"""Some of a lead's events: what `kernel.seen` counts, and the events as evidence."""
UNSEEN: Found = ([], NOTHING)


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


def found_of(
    timelines: Timelines,
    asked: Sequence[tuple[int, int, int]],
    wanted: npt.NDArray[np.bool_],
    span: npt.NDArray[np.int64],
) -> Iterator[Found]:
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
