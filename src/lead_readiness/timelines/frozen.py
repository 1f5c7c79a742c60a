"""Accounts as they stood at a moment: what was not visible then is not there, however late one looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lead_readiness.timelines.history import NEVER, NONE, Ints, Timelines


def frozen(timelines: Timelines, account: npt.NDArray[np.int32], at: Ints) -> Timelines:
    """Copies of n accounts, one after the other, each without what became visible after its own moment.

    ``account`` (n,) are places of accounts, each as often as it is wanted, and ``at`` (n,) microseconds UTC. Of each
    the events with ``time < at`` and ``recorded <= at`` stay, and decisions, hand-offs and returns before ``at``;
    whoever was not created before it is ``NEVER`` created. So a score at ``at`` is the same as before, to the bit, and
    a later one is that of the same history at a later clock. Copy r begins at the lead ``account_start[r]`` and keeps
    the order of leads and events. No accounts give timelines of no leads.

    >>> import pandas as pd
    >>> from lead_readiness import tables
    >>> from lead_readiness.project import Project
    >>> from lead_readiness.timelines import DAY, build
    >>> project = Project.model_validate({"name": "Acme", "vocabulary": {"visit": {"behaviour": "web"}}})
    >>> days = ["2026-01-02T00:00Z", "2026-01-05T00:00Z"]
    >>> leads = pd.DataFrame({"lead_id": ["a"], "created_at": ["2026-01-01T00:00Z"]})
    >>> visits = pd.DataFrame({"lead_id": ["a", "a"], "occurred_at": days, "kind": ["visit"] * 2})
    >>> known = build(tables.validate(project, leads, visits), project)
    >>> twice = frozen(known, np.array([0, 0], np.int32), known.created[0] + np.array([2, 9]) * DAY)
    >>> twice.lead_ids.tolist(), np.diff(twice.start).tolist()
    (['a', 'a'], [1, 2])
    """
    account, at = np.asarray(account, np.int32), np.asarray(at, np.int64)
    account_start, lead = _slices(timelines.account_start, account)
    at_lead = np.repeat(at, np.diff(account_start))
    start, event = _slices(timelines.start, lead)
    at_event = np.repeat(at_lead, np.diff(start))
    seen = (timelines.time[event] < at_event) & (timelines.recorded[event] <= at_event)
    handoff_start, handoff = _slices(timelines.handoff_start, lead)
    at_handoff = np.repeat(at_lead, np.diff(handoff_start))
    handed, returned = timelines.handed_off[handoff], timelines.returned[handoff]
    back, past = returned < at_handoff, np.minimum(handed, returned) < at_handoff
    decided, created = timelines.decided[lead] < at_lead, timelines.created[lead]
    return replace(
        timelines,
        lead_ids=timelines.lead_ids[lead],
        created=np.where(created < at_lead, created, NEVER),
        account=np.repeat(np.arange(len(account), dtype=np.int32), np.diff(account_start)),
        account_start=account_start,
        attributes={name: column[lead] for name, column in timelines.attributes.items()},
        start=_kept(start, seen),
        **timelines.events(event[seen])._asdict(),
        order=timelines.order[event[seen]],
        outcome=np.where(decided, timelines.outcome[lead], NONE).astype(np.int8),
        decided=np.where(decided, timelines.decided[lead], NEVER),
        opportunity=np.where(decided, timelines.opportunity[lead], NEVER),
        opened=np.where(decided, timelines.opened[lead], NEVER),
        amount=np.where(decided, timelines.amount[lead], np.nan),
        handoff_start=_kept(handoff_start, past),
        handed_off=handed[past],
        returned=np.where(back, returned, NEVER)[past],
        return_reason=np.where(back, timelines.return_reason[handoff], -1).astype(np.int16)[past],
    )


def _slices(start: Ints, which: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
    """The chosen slices laid one after the other: where each begins now, and the places that they held."""
    size = start[which + 1] - start[which]
    begin = np.zeros(len(which) + 1, np.int64)
    np.cumsum(size, out=begin[1:])
    return begin, np.arange(begin[-1]) + np.repeat(start[which] - begin[:-1], size)


def _kept(start: Ints, keep: npt.NDArray[np.bool_]) -> Ints:
    """Where the slices begin when only what is kept stays."""
    before = np.zeros(len(keep) + 1, np.int64)
    np.cumsum(keep, out=before[1:])
    return before[start]
