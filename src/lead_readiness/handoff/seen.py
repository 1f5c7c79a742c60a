"""What a decision looks at: the open leads at one moment, with their scores and what happened to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from lead_readiness.errors import DataError, nearest
from lead_readiness.handoff.kernel import NOT_HELD, Bools, Codes, Floats, Places, last_seen
from lead_readiness.project import Hold, Project
from lead_readiness.remembered import remembered
from lead_readiness.timelines import DAY, NEVER, Ints, Timelines

Words = npt.NDArray[np.object_]
Pair = tuple[str, str]
"""A sales cycle and a queue, which name a line."""

HOLDS: tuple[Hold, ...] = get_args(Hold)
USUAL: dict[str, npt.NDArray[Any]] = {
    "probability": np.array([np.nan]),
    "triggered": np.array([False]),
    "cycle": np.array([""], object),
    "queue": np.array([""], object),
    "hold": np.array([NOT_HELD], np.int8),
    "held_since": np.array([NEVER]),
    "closed": np.array([False]),
    "handed_off": np.array([NEVER]),
    "returned": np.array([NEVER]),
    "reason": np.array([-1], np.int16),
    "last_buyer_event": np.array([NEVER]),
}
"""What the columns beside id and score hold where nothing is known."""


@dataclass(eq=False)
class Seen:
    """One row a lead, in any order; times are microseconds UTC, ``NEVER`` where there is none.

    ``score`` is NaN where there is no evidence for one, ``probability`` where the score is rule points.
    ``triggered`` is the rule book's hard trigger. ``cycle`` and ``queue`` are the values of those attributes, "" where
    there are none. ``hold`` is a place in `HOLDS` or -1, ``held_since`` its event. ``closed`` leads are won, lost or
    disqualified. ``handed_off``, ``returned`` and ``reason`` (a place in `RETURN_REASONS`, -1 for none given) are of
    the last hand-off, ``last_buyer_event`` is when the buyer last did anything.
    """

    lead_id: Words
    score: Floats
    probability: Floats
    triggered: Bools
    cycle: Words
    queue: Words
    hold: npt.NDArray[np.int8]
    held_since: Ints
    closed: Bools
    handed_off: Ints
    returned: Ints
    reason: npt.NDArray[np.int16]
    last_buyer_event: Ints

    def __len__(self) -> int:
        return len(self.lead_id)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> Seen:
        return Seen(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def of(cls, lead_id: npt.ArrayLike, score: npt.ArrayLike, **columns: npt.ArrayLike) -> Seen:
        """The leads with these columns; one left out says that there is nothing: no trigger, no hold, no event.

        Raises DataError when a column has another length than ``lead_id`` or a lead has two rows.

        >>> Seen.of(["a", "b"], [104.0, 96.0], triggered=[False, True]).hold.tolist()
        [-1, -1]
        """
        n = np.size(lead_id)
        for name in columns.keys() - USUAL.keys():
            raise DataError(
                f"`{name}` is no column of the leads to decide on{nearest(name, ['lead_id', 'score', *USUAL])}; "
                f"expected some of {', '.join(USUAL)}"
            )
        given: dict[str, Any] = {
            "lead_id": np.asarray(lead_id, object),
            "score": np.asarray(score, np.float64),
        }
        for name, none in USUAL.items():
            given[name] = np.asarray(columns[name], none.dtype) if name in columns else none.repeat(n)
        for name, column in given.items():
            if column.shape != (n,):
                raise DataError(
                    f"`{name}` has the shape {column.shape}; expected one value for each of {n} leads"
                )
        made = cls(**given)
        refuse_twins(made.lead_id, "the leads to decide on")
        return made

    @classmethod
    def from_timelines(
        cls,
        project: Project,
        timelines: Timelines,
        lead: npt.NDArray[np.int32],
        as_of: int,
        score: Floats,
        probability: Floats,
        triggered: Bools,
    ) -> Seen:
        """What the timelines show of these leads at ``as_of``, through the gate that scores look through.

        ``lead`` are places in the timelines; the other columns are those of the leads' assessment.
        An event that holds a lead back, or points down, is none that arms it again.
        """
        lead, told, n = np.ascontiguousarray(lead, np.int32), _told(project), len(lead)
        moments, hold = np.empty((4, n), np.int64), np.empty(n, np.int8)
        reason, closed = np.empty(n, np.int16), np.empty(n, bool)
        last_seen(
            lead,
            as_of,
            timelines.start,
            timelines.time,
            timelines.recorded,
            timelines.kind,
            timelines.decided,
            timelines.handoff_start,
            timelines.handed_off,
            timelines.returned,
            timelines.return_reason,
            told.sort,
            told.span,
            moments,
            hold,
            reason,
            closed,
        )
        held_since, handed_off, returned, last_buyer_event = moments
        return cls(
            timelines.lead_ids[lead],
            score,
            probability,
            triggered,
            _words(timelines, told.cycle, lead),
            _words(timelines, told.queue, lead),
            hold,
            held_since,
            closed,
            handed_off,
            returned,
            reason,
            last_buyer_event,
        )

    def lines(self) -> tuple[tuple[Pair, ...], Places]:
        """The pairs of cycle and queue that there are, and the place of each lead's among them."""
        place: dict[Pair, int] = {}
        on = [place.setdefault(pair, len(place)) for pair in zip(self.cycle.tolist(), self.queue.tolist())]
        return tuple(place), np.array(on, np.int32)


def refuse_twins(names: Iterable[object], where: str, what: str = "lead") -> None:
    """Raise DataError when a name stands twice."""
    names = list(names)
    if len(set(names)) < len(names):
        name, n = Counter(names).most_common(1)[0]
        raise DataError(f"{where}: {what} {name!r} has {n} rows; expected one a {what}; leave the others out")


class _Told(NamedTuple):
    """What events and attributes say in a project.

    ``sort`` is per kind the place of its hold in `HOLDS`, one past them for what the buyer did, -1 for neither;
    ``span`` is how long (microseconds) each hold lasts. ``cycle`` and ``queue`` are names of attributes.
    """

    sort: Codes
    span: Ints
    cycle: str | None
    queue: str | None


@remembered
def _told(project: Project) -> _Told:
    days: dict[Any, int] = {**project.handoff.hold_days}
    sort = [
        HOLDS.index(k.hold) if k.hold else len(HOLDS) if k.actor == "buyer" and k.direction != "down" else -1
        for k in project.vocabulary.values()
    ]
    span = [days.get(name, NEVER // DAY) * DAY for name in HOLDS]
    return _Told(np.array(sort, np.int8), np.array(span), project.label.cycle, project.handoff.queue)


def _words(timelines: Timelines, attribute: str | None, lead: Places) -> Words:
    if attribute is None:
        return USUAL["queue"].repeat(len(lead))
    found = timelines.attributes[attribute][lead].tolist()
    return np.array(["" if word is None else word for word in found], object)
