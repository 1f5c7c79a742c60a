"""What a decision looks at: the open leads at one moment, with their scores and what happened to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from lead_readiness.errors import DataError, nearest
from lead_readiness.handoff.kernel import BOUNCE, BUYER, COMPLAINT, OPT_OUT, last_events, last_handoffs
from lead_readiness.project import Hold, Project
from lead_readiness.timelines import DAY, NEVER, Ints, Timelines

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.object_]

HOLDS: tuple[Hold, ...] = get_args(Hold)
NOT_HELD = -1
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


@dataclass(frozen=True)
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
        lead = np.ascontiguousarray(lead, np.int32)
        events = np.full((len(lead), 1 + len(HOLDS)), NEVER)
        columns = timelines.time, timelines.recorded, timelines.kind
        last_events(lead, as_of, timelines.start, *columns, _sorts(project), events)
        hold, held_since = _held(project, events, as_of)
        return cls(
            lead_id=timelines.lead_ids[lead],
            score=score,
            probability=probability,
            triggered=triggered,
            cycle=_words(timelines, project.label.cycle, lead),
            queue=_words(timelines, project.handoff.queue, lead),
            hold=hold,
            held_since=held_since,
            closed=timelines.decided[lead] <= as_of,
            last_buyer_event=events[:, BUYER],
            **_last_handoff(timelines, lead, as_of),
        )


def refuse_twins(names: Iterable[object], where: str, what: str = "lead") -> None:
    """Raise DataError when a name stands twice."""
    names = list(names)
    if len(set(names)) < len(names):
        name, n = Counter(names).most_common(1)[0]
        raise DataError(f"{where}: {what} {name!r} has {n} rows; expected one a {what}; leave the others out")


def _sorts(project: Project) -> npt.NDArray[np.int8]:
    """Per event kind what it means here: a hold, something that the buyer did, or nothing (-1)."""
    holds = dict(zip(HOLDS, (OPT_OUT, COMPLAINT, BOUNCE)))
    return np.array(
        [
            holds[k.hold] if k.hold else BUYER if k.actor == "buyer" and k.direction != "down" else -1
            for k in project.vocabulary.values()
        ],
        np.int8,
    )


def _held(project: Project, events: Ints, as_of: int) -> tuple[npt.NDArray[np.int8], Ints]:
    """The first of `HOLDS` that still holds, and since when."""
    days: dict[Any, int] = {**project.handoff.hold_days}
    last = events[:, 1:]
    holds = (last < NEVER) & (as_of - last < np.array([days.get(name, NEVER // DAY) * DAY for name in HOLDS]))
    held, first = holds.any(axis=1), holds.argmax(axis=1)
    since = np.where(held, last[np.arange(len(last)), first], NEVER)
    return np.where(held, first, NOT_HELD).astype(np.int8), since


def _last_handoff(timelines: Timelines, lead: npt.NDArray[np.int32], as_of: int) -> dict[str, Any]:
    last = np.full(len(lead), -1)
    last_handoffs(lead, as_of, timelines.handoff_start, timelines.handed_off, last)
    handed, returned, reason = (
        np.full(len(lead), NEVER),
        np.full(len(lead), NEVER),
        np.full(len(lead), -1, np.int16),
    )
    been = np.flatnonzero(last >= 0)
    handed[been] = timelines.handed_off[last[been]]
    back = been[timelines.returned[last[been]] < as_of]
    returned[back], reason[back] = timelines.returned[last[back]], timelines.return_reason[last[back]]
    return {"handed_off": handed, "returned": returned, "reason": reason}


def _words(timelines: Timelines, attribute: str | None, lead: npt.NDArray[np.int32]) -> Words:
    if attribute is None:
        return np.full(len(lead), "", object)
    found = timelines.attributes[attribute][lead]
    return np.where(found == None, "", found).astype(object)  # noqa: E711  (element by element)
