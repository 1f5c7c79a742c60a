"""Timelines laid one after the other: each lead as it was by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from blended import KNOWN, blended
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_readiness.answer import answers
from lead_readiness.timelines import DAY, Timelines, frozen, joined

SCORER = blended()
AT = KNOWN.cut - 20 * DAY
ACCOUNTS = len(KNOWN.account_start) - 1


def accounts(places: list[int]) -> Timelines:
    some = frozen(KNOWN, np.array(places, np.int32), np.full(len(places), AT))
    used = sorted({KNOWN.assets[code] for code in some.asset if code >= 0})
    recode = np.array([*(used.index(a) if a in used else -1 for a in KNOWN.assets), -1], np.int32)
    return replace(
        some, assets=tuple(used), asset=recode[some.asset], created=np.minimum(some.created, AT - 1)
    )


def told(known: Timelines) -> list[object]:
    lead = np.arange(len(known), dtype=np.int32)
    return list(answers(SCORER.assess(known, lead, np.full(len(lead), AT))))


@settings(deadline=None, max_examples=15)
@given(st.lists(st.lists(st.integers(0, ACCOUNTS - 1), min_size=1, max_size=4), min_size=1, max_size=5))
def test_every_lead_is_told_as_by_itself(places: list[list[int]]) -> None:
    """The same account may be in several parts, or several times in one."""
    parts = [accounts(some) for some in places]
    both, begins = joined(parts)
    assert begins == [sum(len(p) for p in parts[:n]) for n in range(len(parts))]
    assert told(both) == [answer for part in parts for answer in told(part)]


def test_event_ids_stay_with_their_events() -> None:
    parts = [accounts([n]) for n in (3, 7, 3)]
    own = [
        replace(p, event_ids=tuple(f"{n}-{k}" for k in range(p.order.max() + 1))) for n, p in enumerate(parts)
    ]
    with_none = [own[0], replace(own[1], event_ids=None), own[2]]
    both, begins = joined(with_none)
    for n, (part, begin) in enumerate(zip(with_none, begins)):
        for lead in range(len(part)):
            found = [both.event_id(e) for e in range(both.start[begin + lead], both.start[begin + lead + 1])]
            expected = [part.event_id(e) for e in range(part.start[lead], part.start[lead + 1])]
            assert found == expected
            assert n == 1 or all(found)


def test_one_part_is_itself_and_none_is_refused() -> None:
    assert joined([KNOWN])[0] is KNOWN
    with pytest.raises(IndexError):
        joined([])
