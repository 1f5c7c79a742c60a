"""The kernel on histories longer than any person reads."""

import time

import feature_oracle
import numpy as np
import pytest
from feature_companies import EARLIER, NOW, catalogue
from histories import Event, Lead, build, kinds

from lead_readiness.features import compute
from lead_readiness.project import Project
from lead_readiness.timelines import DAY

PROJECT = Project(name="Long", vocabulary=kinds(visit="up", email="up", leave="down", load="none"))


def bot(events: int, span: int, seed: int = 4) -> Lead:
    """A lead with so many events in the ``span`` microseconds before NOW (0: all at once)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    at = NOW - 1 - rng.integers(0, span + 1, events)
    kind = rng.choice(PROJECT.kinds, events)
    late = rng.choice([0, 0, 0, 5 * DAY], events)
    page = rng.integers(0, 50, events)
    return Lead(
        f"bot-{seed}",
        account="A",
        events=tuple(
            Event(int(t), str(k), int(w), value=float(p % 7), asset=f"p{p}")
            for t, k, w, p in zip(at, kind, late, page)
        ),
    )


@pytest.mark.parametrize("span", [0, 1_000, 3 * 3_600_000_000, 20 * DAY, 900 * DAY])
def test_long_histories_are_right(span: int) -> None:
    leads = [bot(600, span), bot(300, span, seed=5), Lead("quiet", account="A")]
    known, features = build(leads, PROJECT), catalogue(PROJECT)
    found = compute(features, known, np.repeat(np.arange(3, dtype=np.int32), 2), np.tile([NOW, EARLIER], 3))
    for lead in leads:
        place = known.find(lead.id)
        for row, as_of in ((2 * place, NOW), (2 * place + 1, EARLIER)):
            expected = [feature_oracle.value_of(f, lead, leads, as_of) for f in features.features]
            np.testing.assert_allclose(found[row], np.float32(expected), rtol=1e-6)


@pytest.mark.parametrize("span", [0, 900 * DAY], ids=["all at once", "over years"])
def test_the_time_a_row_takes_grows_with_its_events(span: int) -> None:
    took = {}
    for events in (10_000, 100_000):
        known, features = build([bot(events, span)], PROJECT), catalogue(PROJECT)
        compute(features, known, np.zeros(1, np.int32), np.array([NOW]))
        spent = []
        for _ in range(5):
            begin = time.thread_time()
            compute(features, known, np.zeros(1, np.int32), np.array([NOW]))
            spent.append(time.thread_time() - begin)
        took[events] = min(spent)
    assert took[100_000] < 0.2  # seconds; about 0.01 where nothing else runs
    assert took[100_000] < 30 * took[10_000]
