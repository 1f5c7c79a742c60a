"""Decoys: as frequent as what is real, and unrelated to it."""

import numpy as np
from conftest import Company
from histories import Event, Lead, day
from trained import dataset_of, everyone

from lead_readiness import rules
from lead_readiness.timelines import with_events
from training.fit import fit
from training.judgement.decoys import ATTRIBUTES, EVENTS, with_decoys


def test_decoys_come_as_often_as_a_frequent_and_a_rare_kind(company: Company) -> None:
    data, names = with_decoys(company.data, seed=0)
    counts = np.bincount(data.timelines.kind, minlength=5)
    assert names == (EVENTS, ATTRIBUTES)
    assert data.project.kinds == data.timelines.kinds
    assert data.timelines.kinds[3:] == (f"{EVENTS} 0", f"{EVENTS} 1")
    assert sorted(counts[3:]) == sorted(counts[:2])
    assert data.timelines.attributes.keys() - company.data.timelines.attributes.keys() == {
        f"{ATTRIBUTES} category",
        f"{ATTRIBUTES} number",
    }


def test_what_is_real_stays_as_it_is(company: Company) -> None:
    real, mixed = company.data.timelines, with_decoys(company.data, seed=0)[0].timelines
    keep = mixed.kind < len(real.kinds)
    back = with_events(mixed, mixed.owner[keep], mixed.events(keep), mixed.order[keep])
    for name in ("start", "time", "recorded", "kind", "value", "asset", "order"):
        np.testing.assert_array_equal(getattr(back, name), getattr(real, name))
    assert {mixed.event_id(e) for e in np.flatnonzero(~keep)} == {None}
    leads, as_of = np.arange(len(real), dtype=np.int32), np.full(len(real), real.cut)
    before, after = (rules.replay(company.data.book, known, leads, as_of) for known in (real, mixed))
    np.testing.assert_array_equal(before.points, after.points)


def test_a_decoy_copies_a_history_from_creation_on_but_never_the_lead_s_own() -> None:
    leads = [Lead(f"lead {i:03}", day(i), (Event(day(i + i / 1000), "visit"),)) for i in range(120)]
    data, _ = with_decoys(dataset_of(leads), seed=1)
    known = data.timelines
    decoy = known.kind == len(known.kinds) - 1
    offset = known.time - known.created[known.owner]
    assert len(np.unique(known.owner[decoy])) == 120
    np.testing.assert_array_equal(np.sort(offset[decoy]), np.sort(offset[known.kind == 0]))
    assert not (offset[decoy] == offset[known.kind == 0][known.owner[decoy]]).any()


def test_decoys_take_names_that_are_free(company: Company) -> None:
    first, _ = with_decoys(company.data, seed=0)
    second, names = with_decoys(first, seed=0)
    assert names == (f"more {EVENTS}", f"more {ATTRIBUTES}")
    assert len(second.project.kinds) == 7


def test_the_draw_depends_on_the_seed_alone(company: Company) -> None:
    one, same, other = (with_decoys(company.data, seed)[0].timelines for seed in (3, 3, 4))
    assert one.owner.tolist() == same.owner.tolist() != other.owner.tolist()


def test_a_scorer_learns_with_decoys(company: Company) -> None:
    data, names = with_decoys(company.data, seed=0)
    scorer = fit(data, data.timelines.cut, everyone(data), seed=0)
    assert set(names) <= set(scorer.behaviours)
