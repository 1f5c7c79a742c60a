"""The catalogue of a training: only what its rows showed gets a column."""

import numpy as np
import pytest
from histories import Event, Lead, build, day

from lead_readiness import features
from lead_readiness.project import Kind, Project
from lead_readiness.snapshots import NEGATIVE, POSITIVE, Snapshots
from lead_readiness.timelines import DAY

PROJECT = Project.model_validate(
    {
        "name": "Acme",
        "vocabulary": {k: Kind(behaviour="web", direction="up") for k in ("visit", "trial")},
        "attributes": {"age": "number"},
    }
)
LAST = 40  # the day of the last training row


def names(trial: Event | None, of: str = "a") -> list[str]:
    """Feature names of a training on lead a (and not b), one of which tried the product."""
    visit = Event(day(1), "visit")
    leads = [
        Lead(x, events=(visit, trial) if trial and x == of else (visit,), attributes={"age": 3.0})
        for x in "ab"
    ]
    known = build(leads, PROJECT)
    rows = Snapshots(
        np.zeros(2, np.int32),
        np.array([day(30), day(LAST)]),
        np.zeros(2, np.int16),
        np.array([POSITIVE, NEGATIVE], np.int8),
        np.ones(2),
    )
    made, matrix = features.build(PROJECT, known, rows, seed=1)
    assert matrix.shape == (2, len(made.attributes.features))
    return [f.name for f in made.features]


@pytest.mark.parametrize(
    ("trial", "of", "seen"),
    [
        (Event(day(2), "trial", value=1.0), "a", True),
        (Event(day(LAST) - 1, "trial", value=1.0), "a", True),
        (Event(day(LAST), "trial", value=1.0), "a", False),
        (Event(day(2), "trial", late=(LAST - 2) * DAY, value=1.0), "a", True),
        (Event(day(2), "trial", late=(LAST - 2) * DAY + 1, value=1.0), "a", False),
        (Event(day(2), "trial", value=1.0), "b", False),
        (None, "a", False),
    ],
)
def test_what_no_training_row_saw_gets_no_column(trial: Event | None, of: str, seen: bool) -> None:
    found = names(trial, of)
    assert ("count(trial)" in found) is seen
    assert ("value(web)" in found) is seen


def test_attributes_and_events_never_share_a_name() -> None:
    found = names(None)
    assert len(set(found)) == len(found)
    assert {"age", "age of age"} <= set(found)
