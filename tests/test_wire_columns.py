"""Events read column by column: what comes of them, and what is told of mistakes, is the same as value by value."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_wire import ANYTHING, BERLIN, KEYS, LEAD, PROJECT, SCRAPS, contents

from lead_readiness import wire
from lead_readiness.moments import written
from lead_readiness.project import Project
from lead_readiness.wire import BadValuesError, read, read_events
from lead_readiness.wire.values import Items

OFFSETS = st.integers(-1439, 1439).map(lambda n: timezone(timedelta(minutes=n)))
TIMES = st.datetimes(timezones=OFFSETS).map(datetime.isoformat) | st.integers(0, 7 * 10**15).map(written)
ODD_TIMES = st.sampled_from(
    ["2026-05-04T09:30:00Z", "2026-05-04 09:30Z", "2026-05-04T09:30:00z", "2026-05-04 09:30:00 UTC",
     "2026-05-04", "2026-03-29T02:30:00", "2026-05-04T09:30:00.1234567Z", "2026-05-04T09:30:00,5Z",
     "2026-05-04T24:00:00Z", "2026-05-04T09:30:60Z", "2026-02-29T09:30Z", "2026-05-04T09:30:00+02:00Z",
     "2026-05-04T09:30+02Z", "2026-05-04T09:30: 5Z", "2026-05-04T09:30Z\n2026-05-04T09:30Z", "2026-05-04x09:30Z",
     "1970-01-01T00:00+00:01", "2199-12-31T23:59:59-01:00", "2026-05-04T09:30+24:00", "٢٠٢٦-05-04T09:30Z"]
)  # fmt: skip
MANGLED = st.tuples(TIMES, st.integers(0, 26), st.characters(max_codepoint=300)).map(
    lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + 1 :]
)


def mostly(plain: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(plain, plain, plain, odd)


@st.composite
def columns(draw: st.DrawFn) -> list[Any]:
    """Events of which each key is plain in all, odd in some, or there in none."""
    kinds = {
        "occurred_at": (TIMES, ODD_TIMES | MANGLED | SCRAPS),
        "kind": (st.sampled_from(["visit", "demo"]), st.sampled_from(["yawn", "Demo", "visit", ""]) | SCRAPS),
        "lead_id": (st.just("a"), SCRAPS),
        "recorded_at": (st.just("2199-01-01T00:00:00Z"), TIMES | SCRAPS),
        "value": (st.integers(-9, 9) | st.floats(-1e30, 1e30), SCRAPS | st.just(1e31)),
        "asset": (st.sampled_from(["/", "/é"]), SCRAPS | st.just("")),
        "event_id": (
            st.integers(0, 9).map("e{}".format),
            SCRAPS | st.sampled_from(["a ", "\u2003", "x" * 501]),
        ),
    }
    given = {key: draw(st.sampled_from([plain, mostly(plain, odd)])) for key, (plain, odd) in kinds.items()}
    optional = draw(st.sets(st.sampled_from(list(given)[2:])))
    ours = st.fixed_dictionaries({key: given[key] for key in [*list(given)[:2], *sorted(optional)]})
    calls = st.fixed_dictionaries(
        {"type": st.just("track"), "event": given["kind"], "timestamp": given["occurred_at"]},
        optional={
            "userId": given["lead_id"],
            "receivedAt": TIMES,
            "properties": st.dictionaries(KEYS, SCRAPS),
        },
    )
    return draw(st.lists(draw(st.sampled_from([ours, calls, mostly(ours, calls), ours | ANYTHING]))))


def told(events: list[Any], means: Project, most: int) -> object:
    """What comes of events, of any leads and of one lead."""
    found: list[object] = []
    for reader, items in ((read_events, events), (read, [{**LEAD, "events": events}])):
        try:
            came = reader(means, items, most_mistakes=most)
            found.append(
                repr(came) if isinstance(came, wire.Arrived) else (contents(came.timelines), came.notes)
            )
        except BadValuesError as refused:
            found.append((refused.mistakes, refused.cut))
    return found


@given(columns(), st.sampled_from([PROJECT, BERLIN]), st.sampled_from([100, 1, 3]))
def test_columns_read_at_once_are_read_as_value_by_value(
    events: list[Any], means: Project, most: int
) -> None:
    at_once = told(events, means, most)

    def nothing_is_plain(items: Items, key: str) -> tuple[list[Any], set[type]]:
        return [item.get(key) for item in items.held], {object}

    with pytest.MonkeyPatch.context() as careful:
        careful.setattr(Items, "column", nothing_is_plain)
        assert told(events, means, most) == at_once


@given(st.lists(columns(), min_size=1, max_size=3).map(lambda lists: [e for some in lists for e in some]))
def test_mistakes_are_told_event_by_event(events: list[Any]) -> None:
    alone = []
    for n, event in enumerate(events):
        try:
            read_events(BERLIN, [event])
        except BadValuesError as refused:
            alone += [
                (m.where.replace("/events/0", f"/events/{n}"), m.found, m.expected) for m in refused.mistakes
            ]
    together = []
    try:
        read_events(BERLIN, events, most_mistakes=1000)
    except BadValuesError as refused:
        together = [(m.where, m.found, m.expected) for m in refused.mistakes]
    assert together == alone
