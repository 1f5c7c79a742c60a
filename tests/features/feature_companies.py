"""Arbitrary companies for the promises that features keep: any vocabulary, any history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from histories import Event, Handoff, Lead, Outcome, build, day
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from lead_readiness.features import Catalogue, compute
from lead_readiness.features import families as fam
from lead_readiness.features.attributes import Attributes
from lead_readiness.features.catalogue import event_features, groups
from lead_readiness.project import Kind, Project
from lead_readiness.timelines import DAY, RETURN_REASONS

NOW = day(800) + 49_020_123_456  # in the middle of a day
EARLIER = NOW - 45 * DAY
MINUTE = 60_000_000
KINDS = ("visit", "email", "trial", "call", "send")
# Ages of events at NOW: around every boundary, at and after NOW, and long ago.
EDGES = [
    side
    for edge in (0, 10 * MINUTE, 30 * MINUTE, *(d * DAY for d in (1, 3, 7, 14, 30, 45, 60, 90, 180, 730)))
    for side in (edge - 1, edge, edge + 1)
] + [-5 * DAY, 780 * DAY, 3_000 * DAY]

ages = st.sampled_from(EDGES) | st.integers(0, 800 * DAY)
lateness = st.sampled_from([0, 0, 0, 1, DAY, 60 * DAY])
amounts = st.sampled_from([None, None, 0.1, 1.5, -2.0, 1e6])
pages = st.sampled_from([None, "pricing", "docs", "kötü 🙂"])
events = st.builds(
    lambda age, kind, late, value, asset: Event(NOW - age, kind, late, value, asset),
    ages, st.sampled_from(KINDS), lateness, amounts, pages,
)  # fmt: skip
bursts = st.builds(
    lambda age, kind, n, step: tuple(Event(NOW - age - i * step, kind) for i in range(n)),
    ages, st.sampled_from(KINDS), st.integers(2, 40), st.sampled_from([0, 1, 1_000_000, 30 * MINUTE, 31 * MINUTE]),
)  # fmt: skip
ties = st.builds(
    lambda age, kinds: tuple(Event(NOW - age, kind) for kind in kinds),
    ages, st.lists(st.sampled_from(KINDS), min_size=2, max_size=4),
)  # fmt: skip
histories = st.builds(
    lambda some, more: (*some, *more),
    st.lists(events, max_size=6),
    st.just(()) | st.just(()) | ties | ties | bursts,
)


def _handoffs(marks: list[int], reason: str | None, still_out: bool) -> tuple[Handoff, ...]:
    """Hand-offs one after the other: given, returned, given, returned."""
    moments = [NOW - age for age in sorted(set(marks), reverse=True)]
    made = [Handoff(a, b, reason) for a, b in zip(moments[::2], moments[1::2])]
    return (*made[:-1], Handoff(made[-1].at)) if made and still_out else tuple(made)


handoffs = st.builds(
    _handoffs, st.lists(ages, max_size=4), st.sampled_from([None, *RETURN_REASONS]), st.booleans()
)
outcomes = st.none() | st.builds(
    lambda what, decided, before: Outcome(what, NOW - decided, NOW - decided - before if before else None),
    st.sampled_from(["won", "lost"]), ages, st.sampled_from([0, 1, 20 * DAY]),
)  # fmt: skip


@st.composite
def companies(draw: st.DrawFn) -> list[Lead]:
    """Up to four leads, often colleagues."""
    return [
        Lead(
            f"lead-{number}",
            created=NOW - draw(ages),
            events=draw(histories),
            account=draw(st.sampled_from([None, "A", "A", "A", "lead-0"])),
            handoffs=draw(handoffs),
            outcome=draw(outcomes),
        )
        for number in range(draw(st.integers(1, 4)))
    ]


meanings = st.builds(
    Kind,
    behaviour=st.sampled_from(["web", "email", "activity"]),  # two of them named like a kind or a group
    actor=st.sampled_from(["buyer", "buyer", "marketing", "sales", "system"]),
    direction=st.sampled_from(["up", "up", "down", "none"]),
)
projects: SearchStrategy[Project] = st.builds(
    lambda first, rest: Project(name="Any", vocabulary=dict(zip(KINDS, [first, *rest]))),
    st.builds(Kind, behaviour=st.just("web"), direction=st.sampled_from(["up", "none"])),
    st.lists(meanings, min_size=len(KINDS) - 1, max_size=len(KINDS) - 1),
)


def catalogue(project: Project, accounts: bool = True) -> Catalogue:
    """Every event feature that the vocabulary can give, each ordered pair of buyer kinds included."""
    told = [k for k, v in project.vocabulary.items() if v.actor in ("buyer", "marketing")]
    counts = dict.fromkeys(project.kinds, 1)
    pairs = tuple(
        fam.pair(a, b, within, project.vocabulary)
        for a in told for b in told if a != b for within in (10 / 1440, 7.0)
    )  # fmt: skip
    made = event_features(project, counts, with_values=project.kinds, accounts=accounts)
    return Catalogue(made + pairs, Attributes(), project.kinds, groups(project, counts)[0].kinds)


def by_lead(
    project: Project, leads: Sequence[Lead], as_of: Sequence[int] = (NOW, EARLIER), shuffle: int | None = None
) -> dict[tuple[str, int], npt.NDArray[np.float32]]:
    """Each lead's feature row at each moment."""
    known = build(leads, project, shuffle)
    moments = np.repeat(np.array(as_of), len(known))
    rows = np.tile(np.arange(len(known), dtype=np.int32), len(as_of))
    x = compute(catalogue(project), known, rows, moments)
    return {(known.lead_ids[i], int(t)): row for i, t, row in zip(rows, moments, x)}
