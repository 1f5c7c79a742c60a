"""What features promise whatever the company: hypothesis looks for a history that breaks it."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from feature_companies import (
    EARLIER,
    KINDS,
    NOW,
    by_lead,
    catalogue,
    companies,
    histories,
    lateness,
    projects,
)
from histories import Event, Lead, build, day, kinds
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness.features import compute
from lead_readiness.project import Project
from lead_readiness.timelines import DAY

Rows = dict[tuple[str, int], np.ndarray]


def assert_same_bits(one: Rows, other: Rows) -> None:
    for row in one.keys() & other.keys():
        assert one[row].tobytes() == other[row].tobytes(), row


def with_events(leads: list[Lead], more: list[tuple[Event, ...]]) -> list[Lead]:
    return [replace(x, events=(*x.events, *extra)) for x, extra in zip(leads, more)]


@given(projects, companies(), st.lists(histories, min_size=4, max_size=4), lateness)
def test_events_at_or_after_as_of_change_nothing(
    project: Project, leads: list[Lead], more: list[tuple[Event, ...]], late: int
) -> None:
    later = [tuple(replace(e, at=NOW + abs(NOW - e.at), late=late) for e in extra) for extra in more]
    assert_same_bits(by_lead(project, leads), by_lead(project, with_events(leads, later)))


@given(projects, companies(), st.lists(histories, min_size=4, max_size=4))
def test_events_recorded_later_change_nothing(
    project: Project, leads: list[Lead], more: list[tuple[Event, ...]]
) -> None:
    later = [tuple(replace(e, late=max(NOW + 1 - e.at, 0)) for e in extra) for extra in more]
    assert_same_bits(by_lead(project, leads), by_lead(project, with_events(leads, later)))


@given(projects, companies(), st.lists(histories, min_size=4, max_size=4))
def test_what_sales_and_systems_do_changes_nothing(
    project: Project, leads: list[Lead], more: list[tuple[Event, ...]]
) -> None:
    unseen = {kind for kind, meaning in project.vocabulary.items() if meaning.actor in ("sales", "system")}
    theirs = [tuple(e for e in extra if e.kind in unseen) for extra in more]
    assert_same_bits(by_lead(project, leads), by_lead(project, with_events(leads, theirs)))


@given(projects, companies())
def test_outcomes_and_returns_at_or_after_as_of_change_nothing(project: Project, leads: list[Lead]) -> None:
    def erased(lead: Lead) -> Lead:
        known = lead.outcome if lead.outcome and lead.outcome.decided < NOW else None
        past = [
            h if (h.returned or NOW) < NOW else replace(h, returned=None, reason=None) for h in lead.handoffs
        ]
        return replace(lead, outcome=known, handoffs=tuple(h for h in past if h.at < NOW))

    assert_same_bits(by_lead(project, leads), by_lead(project, [erased(x) for x in leads]))


@given(projects, companies(), st.integers(0, 99))
def test_the_order_of_rows_in_tables_changes_nothing(project: Project, leads: list[Lead], seed: int) -> None:
    assert_same_bits(by_lead(project, leads), by_lead(project, leads, shuffle=seed))


@given(projects, companies(), companies())
def test_other_accounts_change_nothing(project: Project, leads: list[Lead], others: list[Lead]) -> None:
    strangers = [replace(x, id=f"a stranger {x.id}", account=None) for x in others]
    assert_same_bits(by_lead(project, leads), by_lead(project, leads + strangers))


@given(projects, companies())
def test_the_names_of_colleagues_change_nothing(project: Project, leads: list[Lead]) -> None:
    renamed = [leads[0], *(replace(x, id=f"zoë {9 - n}") for n, x in enumerate(leads[1:]))]
    assert_same_bits(by_lead(project, leads), by_lead(project, renamed))


@given(projects, companies(), st.sampled_from(KINDS), st.integers(0, 3))
def test_one_more_event_never_moves_a_feature_the_wrong_way(
    project: Project, leads: list[Lead], kind: str, who: int
) -> None:
    sign = {"up": 1, "down": -1, "none": 0}[project.vocabulary[kind].direction]
    before = [replace(x, account="A") for x in leads]
    after, who = list(before), who % len(leads)  # 0: the lead itself; else a colleague
    after[who] = replace(after[who], events=(*after[who].events, Event(NOW - 1, kind, late=1, asset="new")))
    watched = leads[0].id, NOW
    moved = by_lead(project, after)[watched] - by_lead(project, before)[watched]
    features = catalogue(project).features
    assert {f.name: float(m) for f, m in zip(features, moved) if m * f.direction * sign < 0} == {}


@given(projects)
def test_a_lead_without_events_has_what_features_say_is_empty(project: Project) -> None:
    row = by_lead(project, [Lead("new", created=NOW), Lead("other", account="A")])["new", NOW]
    features = catalogue(project).features
    assert {f.name: float(x) for f, x in zip(features, row) if x != np.float32(f.empty)} == {}


def test_alone_in_a_batch_in_chunks_and_shuffled_are_the_same_bits() -> None:
    project = Project(name="Batch", vocabulary=kinds(visit="up", email="down", trial="none"))
    rng = np.random.Generator(np.random.PCG64(7))
    leads = [
        Lead(
            f"{n}",
            account=f"{n // 3}",
            events=tuple(
                Event(day(t), str(k), value=float(t), asset=str(k))
                for t, k in zip(rng.uniform(0, 800, n % 23), rng.choice(project.kinds, n % 23))
            ),
        )
        for n in range(300)
    ]
    known, features = build(leads, project), catalogue(project)
    lead = rng.integers(0, len(known), 9_000).astype(np.int32)  # more than two chunks of the kernel
    as_of = rng.integers(day(0), day(800), len(lead))
    x = compute(features, known, lead, as_of)
    for rows in (rng.permutation(len(lead)), np.arange(len(lead))[::-1], rng.integers(0, len(lead), 5_000)):
        assert np.array_equal(x[rows], compute(features, known, lead[rows], as_of[rows]))
    cuts = [0, 1, 4_095, 4_097, 8_999, 9_000]
    parts = [compute(features, known, lead[a:b], as_of[a:b]) for a, b in pairwise(cuts)]
    assert np.array_equal(x, np.concatenate(parts))
    for row in range(0, len(lead), 450):
        assert np.array_equal(x[row], compute(features, known, lead[[row]], as_of[[row]])[0])


def test_no_rows_give_an_empty_matrix() -> None:
    project = Project(name="None", vocabulary=kinds(visit="up"))
    features = catalogue(project)
    x = compute(features, build([Lead("a")], project), np.zeros(0, np.int32), np.zeros(0, np.int64))
    assert x.shape == (0, len(features.features))
    assert x.dtype == np.float32


@given(companies(), st.sampled_from([NOW, EARLIER, day(0), NOW + 300 * 365 * DAY]))
def test_features_are_finite_numbers_at_any_time(leads: list[Lead], as_of: int) -> None:
    project = Project(name="Any", vocabulary=kinds(**dict.fromkeys(KINDS, "up")))
    assert all(np.isfinite(row).all() for row in by_lead(project, leads, as_of=[as_of]).values())
