"""A company of some hundred leads whose future can be rewritten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from histories import Event, Handoff, Lead, Outcome, build, day, kinds

from lead_readiness import snapshots
from lead_readiness.project import Kind, Project
from lead_readiness.snapshots import Snapshots
from lead_readiness.timelines import DAY, RETURN_REASONS, Timelines

PROJECT = Project.model_validate(
    {
        "name": "Leaky",
        "vocabulary": {
            **kinds(visit="up", pricing="up", blog="up", complaint="down"),
            "send": Kind(behaviour="email", actor="marketing"),
            "call": Kind(behaviour="call", actor="sales"),
            "unsubscribe": Kind(behaviour="email", direction="down", hold="opt_out"),
        },
        "attributes": {"sector": "category", "city": "category", "people": "number"},
        "label": {"horizon_days": 20},
    }
)
DAYS, CUT = 240, day(150)
INSTANTS = snapshots.grid(day(0), day(DAYS), 7)
Generator = np.random.Generator


def generator(seed: int) -> Generator:
    return np.random.Generator(np.random.PCG64(seed))


def history(rng: Generator, begin: float, end: float, n: int) -> tuple[Event, ...]:
    """Events of every kind between two days, some with values, some recorded late."""
    weights = [0.4, 0.15, 0.2, 0.05, 0.1, 0.099, 0.001]
    return tuple(
        Event(
            day(at),
            str(kind),
            late=int(rng.choice([0, 0, 0, 40 * DAY])),
            value=float(rng.integers(1, 50)) if kind == "pricing" else None,
            asset=str(rng.choice(["/a", "/b", "/c"])),
        )
        for at, kind in zip(rng.uniform(begin, end, n), rng.choice(PROJECT.kinds, n, p=weights))
    )


def attributes(rng: Generator) -> dict[str, str | float | None]:
    return {
        "sector": str(rng.choice(["bank", "law", "shop"])),
        "city": f"city {rng.integers(0, 14)}",
        "people": float(rng.integers(1, 900)) if rng.random() < 0.8 else None,
    }


def lead(rng: Generator, name: str, account: str) -> Lead:
    created = float(rng.uniform(0, 200))
    known = attributes(rng)
    handoffs, outcome = (), None
    if rng.random() < 0.4:
        given = rng.uniform(created + 1, DAYS)
        back = given + rng.uniform(1, 30) if rng.random() < 0.7 else None
        handoffs = (Handoff(day(given), back and day(back), str(rng.choice(RETURN_REASONS))),)
    keen = 0.6 if known["sector"] == "bank" else 0.3
    if rng.random() < 0.7:
        decided = rng.uniform(created + 1, DAYS)
        outcome = Outcome("won" if rng.random() < keen else "lost", day(decided))
    events = history(rng, created - 5, DAYS, int(rng.integers(0, 40)))
    if outcome:  # winners ask for prices soon after the blog, losers long after it
        apart = 1 if outcome.what == "won" else 12
        events += (
            Event(outcome.decided - (14 + apart) * DAY, "blog"),
            Event(outcome.decided - 14 * DAY, "pricing"),
        )
    return Lead(name, day(created), events, account, handoffs, outcome, known)


def company(n: int = 450) -> list[Lead]:
    rng = generator(11)
    return [lead(rng, f"lead {i:03}", f"account {i // 3:03}") for i in range(n)]


def forgotten(leads: list[Lead], at: int) -> list[Lead]:
    """As if nothing had happened, been recorded or been decided at or after ``at``."""

    def past(x: Lead) -> Lead:
        handoffs = [h if (h.returned or at) < at else Handoff(h.at) for h in x.handoffs if h.at < at]
        return replace(
            x,
            events=tuple(e for e in x.events if e.at < at and e.at + e.late <= at),
            handoffs=tuple(handoffs),
            outcome=x.outcome if x.outcome and x.outcome.decided < at else None,
        )

    return [past(x) for x in leads]


def another_future(leads: list[Lead], at: int) -> list[Lead]:
    """The same past with other events, hand-offs and outcomes from ``at`` on, and more leads created then."""
    rng = generator(12)
    begin = (at - day(0)) / DAY

    def changed(x: Lead) -> Lead:
        more = history(rng, begin, DAYS + 30, int(rng.integers(0, 30)))
        late = tuple(
            replace(e, late=at + 1 - e.at) for e in history(rng, begin - 60, begin, int(rng.integers(0, 9)))
        )
        open_ = not x.handoffs or x.handoffs[-1].returned is not None
        free = max([at, *(h.returned or 0 for h in x.handoffs)])
        handoffs = (*x.handoffs, Handoff(free + DAY, free + 2 * DAY, "price")) if open_ else x.handoffs
        outcome = x.outcome or Outcome(str(rng.choice(["won", "lost"])), at + int(rng.integers(0, 30)) * DAY)
        return replace(x, events=(*x.events, *more, *late), handoffs=handoffs, outcome=outcome)

    strangers = [replace(lead(rng, f"later {i}", f"account {i:03}"), created=at + i) for i in range(40)]
    later = [replace(x, events=history(rng, begin, DAYS, 5), handoffs=(), outcome=None) for x in strangers]
    return [changed(x) for x in forgotten(leads, at)] + later


def shuffled_future(leads: list[Lead], at: int) -> list[Lead]:
    """What happens from ``at`` on happens to another lead."""
    order = generator(13).permutation(len(leads))
    past = forgotten(leads, at)

    def given(x: Lead, whole: Lead, other: Lead) -> Lead:
        future = tuple(e for e in other.events if e.at >= at)
        own = tuple(e for e in whole.events if e.at < at < e.at + e.late)
        outcome = x.outcome or (other.outcome if other.outcome and other.outcome.decided >= at else None)
        return replace(x, events=(*x.events, *own, *future), outcome=outcome)

    return [given(x, whole, leads[i]) for x, whole, i in zip(past, leads, order)]


FUTURES: dict[str, Callable[[list[Lead], int], list[Lead]]] = {
    "forgotten": forgotten,
    "another future": another_future,
    "shuffled future": shuffled_future,
}


def training_rows(leads: list[Lead], accounts: set[str]) -> tuple[Timelines, Snapshots]:
    """The rows that a training at the cut learns from, and the timelines as then known."""
    known = build(leads, PROJECT).as_known_at(CUT)
    span = np.full(len(known), 20 * DAY)
    rows = snapshots.on_grid(known, PROJECT, INSTANTS[INSTANTS <= CUT], span)
    of = {x.id: x.account in accounts for x in leads}
    inside = np.array([of[i] for i in known.lead_ids])
    return known, snapshots.draw(
        rows[snapshots.matured(rows, span, CUT) & inside[rows.lead]], known, 8, seed=1
    )


def named(known: Timelines, rows: Snapshots) -> Iterator[tuple[object, ...]]:
    """Rows by lead id, which other leads do not move."""
    return zip(known.lead_ids[rows.lead], rows.as_of, rows.episode, rows.label, rows.weight)
