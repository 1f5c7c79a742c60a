"""Which ordered pairs get a column: those whose order and nearness tell more than both having happened."""

import numpy as np
import pytest
from histories import Event, Lead, build, day, kinds

from lead_readiness.features import pairs
from lead_readiness.features.pairs import MOST_PAIRS
from lead_readiness.project import Kind, Project

VOCABULARY = {**kinds(blog="up", newsletter="up", visit="up"), "call": Kind(behaviour="call", actor="sales")}
PROJECT = Project(name="Acme", vocabulary=VOCABULARY)


def chosen(tells: str, n: int = 400) -> list[str]:
    """Pairs chosen where winning follows order ("order"), mere presence ("presence") or neither ("nothing")."""
    rng = np.random.Generator(np.random.PCG64(5))
    leads, won = [], np.zeros(n, bool)
    for i in range(n):
        near, both = rng.random() < 0.5, rng.random() < 0.5
        won[i] = (
            rng.random()
            < {"order": 0.7 if near and both else 0.1, "presence": 0.7 if both else 0.1, "nothing": 0.3}[
                tells
            ]
        )
        second = [Event(day(12 if near else 40), "newsletter")] if both else []
        leads.append(Lead(f"{i:04}", events=(Event(day(10), "blog"), *second, Event(day(11), "call"))))
    known, rows = build(leads, PROJECT), np.arange(n, dtype=np.int32)
    counts = dict.fromkeys(PROJECT.kinds, n)
    return [f.name for f in pairs.select(PROJECT, counts, known, rows, np.full(n, day(60)), won)]


def test_a_pair_whose_nearness_tells_is_chosen() -> None:
    assert chosen("order") == ["pair(blog>newsletter_7d)"]


@pytest.mark.parametrize("tells", ["presence", "nothing"])
def test_a_pair_that_stands_for_its_second_kind_is_not(tells: str) -> None:
    assert chosen(tells) == []


def test_nothing_to_choose_from() -> None:
    known, none = build([Lead("x")], PROJECT), np.zeros(0, np.int32)
    assert pairs.select(PROJECT, {}, known, none, none.astype(np.int64), none.astype(bool)) == ()
    assert (
        pairs.select(PROJECT, {"blog": 3, "visit": 3}, known, none, none.astype(np.int64), none.astype(bool))
        == ()
    )


def test_at_most_a_few_pairs_and_one_window_each() -> None:
    names = [f"k{n:02}" for n in range(7)]
    project = Project(name="Acme", vocabulary=kinds(**dict.fromkeys(names, "up")))
    won = np.arange(300) % 2 == 0
    # Winners do everything within minutes in a fixed order, the others over months in the other one.
    leads = [
        Lead(
            f"{i:04}",
            events=tuple(Event(day(j / 2_000 if won[i] else 90 - 15 * j), k) for j, k in enumerate(names)),
        )
        for i in range(300)
    ]
    made = pairs.select(
        project,
        dict.fromkeys(names, 300),
        build(leads, project),
        np.arange(300, dtype=np.int32),
        np.full(300, day(99)),
        won,
    )
    assert len(made) == MOST_PAIRS
    assert len({(f.kinds, f.then) for f in made}) == MOST_PAIRS
    assert all(f.direction == 1 for f in made)
