"""What is read of leads' attributes: one row for each question, one column for each lead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from histories import Lead, build
from leaky_company import PROJECT

from lead_readiness.timelines import Timelines
from lead_readiness.timelines.held import Held, Read

SIZES = [3.0, np.nan, 7.5]
LEVELS = ["small", None, "large"]
SIZE = Read("size")
IS_SMALL = Read("level", {"small": 1.0})
WORTH = Read("level", {"large": 2.0, None: 5.0}, -1.0)


def known() -> Timelines:
    leads = [Lead(name, day) for day, name in enumerate("abc")]
    held = {"size": np.array(SIZES), "level": np.array(LEVELS, object)}
    return replace(build(leads, PROJECT), attributes=held)


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        ([0, 1, 2], [[1, 0, 0], [-1, 5, 2], SIZES]),
        ([2, 2, 1, 0], [[0, 0, 0, 1], [2, 2, 5, -1], [7.5, 7.5, np.nan, 3]]),
        ([2], [[0], [2], [7.5]]),
        ([], [[], [], []]),
    ],
)
def test_categories_come_first_and_nothing_is_read_twice(
    lead: list[int], expected: list[list[float]]
) -> None:
    held = Held([SIZE, IS_SMALL, WORTH, IS_SMALL, SIZE])
    assert held.reads == [IS_SMALL, WORTH, SIZE]
    table, column = held.of(known(), np.array(lead, np.int32))
    np.testing.assert_array_equal(table[:, column], expected)


def test_few_places_are_looked_up_alone() -> None:
    table, column = Held([SIZE]).of(known(), np.array([2, 2], np.int32))
    assert (table.tolist(), column.tolist()) == ([[7.5, 7.5]], [0, 1])


def test_nothing_is_read_where_nothing_is_asked() -> None:
    table, _ = Held([]).of(known(), np.array([0], np.int32))
    assert table.shape == (0, 0)
