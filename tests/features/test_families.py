"""The kernel against the slow oracle: every family, any vocabulary, any history."""

import feature_oracle
import numpy as np
import pytest
from feature_companies import EARLIER, NOW, by_lead, catalogue, companies, projects
from feature_oracle import ORACLE
from histories import Lead, kinds
from hypothesis import given, settings

from lead_readiness.features.kernel import FAMILIES
from lead_readiness.project import Project

WIDE = Project(name="Wide", vocabulary=kinds(visit="up", email="up", trial="up"))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_an_oracle_and_is_in_the_catalogue(family: str) -> None:
    assert family in ORACLE
    assert family in {f.family for f in catalogue(WIDE).features}


@settings(max_examples=150)
@given(projects, companies())
def test_the_kernel_computes_what_the_families_say(project: Project, leads: list[Lead]) -> None:
    features = catalogue(project).features
    computed = by_lead(project, leads)
    for lead in leads:
        for as_of in (NOW, EARLIER):
            expected = [feature_oracle.value_of(f, lead, leads, as_of) for f in features]
            assert_same(computed[lead.id, as_of], expected, features)


def assert_same(row: np.ndarray, expected: list[float], features: tuple) -> None:
    """Equal as float32; sums of fractions may differ in the last digits."""
    close = np.isclose(row, np.float32(expected), rtol=1e-6, atol=0)
    exact = np.array([f.family not in ("intensity", "value") for f in features])
    wrong = np.flatnonzero(np.where(exact, row != np.float32(expected), ~close))
    assert {features[c].name: (float(row[c]), expected[c]) for c in wrong} == {}
