"""How many rows teach: all that the project asks for, or fewer of those that nothing came of."""

from __future__ import annotations

import numpy as np
import pytest
from leaky_company import company
from trained import dataset_of, everyone

from lead_readiness import snapshots
from lead_readiness.snapshots import POSITIVE
from training.dataset import MOST_ROWS, drawn

DATA = dataset_of(company(300))
KNOWN = DATA.timelines
ROWS = snapshots.on_grid(KNOWN, DATA.project, DATA.instants, DATA.horizon)
ROWS = ROWS[ROWS.label >= 0]
WON = np.isin(ROWS.lead, ROWS.lead[ROWS.label == POSITIVE])


def columns(rows: snapshots.Snapshots) -> list[list[float]]:
    return [rows.lead.tolist(), rows.as_of.tolist(), rows.weight.tolist()]


def test_below_the_bound_a_training_draws_as_asked() -> None:
    asked = snapshots.draw(ROWS, KNOWN, 8, seed=1)
    assert columns(drawn(ROWS, KNOWN, 8, seed=1, most=len(asked))) == columns(asked)
    found, _ = DATA.rows(KNOWN.cut, everyone(DATA), seed=1)
    assert 0 < len(found) < MOST_ROWS


@pytest.mark.parametrize("share", [0.9, 0.6, 0.4])
def test_above_it_leads_never_won_give_fewer_rows_that_weigh_more(share: float) -> None:
    asked = snapshots.draw(ROWS, KNOWN, 8, seed=1)
    most = int(share * len(asked))
    found = drawn(ROWS, KNOWN, 8, seed=1, most=most)
    winners = snapshots.draw(ROWS[WON], KNOWN, 8, seed=1)
    mine = np.isin(found.lead, winners.lead)
    assert columns(found[mine]) == columns(winners)
    assert len(found) <= most
    weight = np.bincount(found.lead, found.weight, len(KNOWN))
    assert weight == pytest.approx(np.bincount(ROWS.lead, minlength=len(KNOWN)))
    assert (np.diff(found.lead) >= 0).all() and found.wins == asked.wins


def test_every_episode_keeps_a_row() -> None:
    found = drawn(ROWS, KNOWN, 8, seed=1, most=1)
    episodes = {*zip(ROWS.lead.tolist(), ROWS.episode.tolist())}
    assert {*zip(found.lead.tolist(), found.episode.tolist())} == episodes
