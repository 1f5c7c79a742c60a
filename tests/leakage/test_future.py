"""Nothing that happens later, or to those outside training, reaches a feature, a label or what is fitted."""

from dataclasses import replace

import numpy as np
import pytest
from histories import Lead, build, day
from leaky_company import CUT, FUTURES, PROJECT, attributes, company, generator, history, named, training_rows

from lead_readiness import features
from lead_readiness.features import Catalogue
from lead_readiness.timelines import DAY

LEADS = company()
IDS = {x.id for x in LEADS}
TRAINING = {f"account {n:03}" for n in range(100)}  # two thirds of the accounts


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return features.build(PROJECT, *training_rows(LEADS, TRAINING), seed=2)[0]


def rows_at(catalogue: Catalogue, leads: list[Lead], as_of: int) -> dict[str, bytes]:
    known = build(leads, PROJECT)
    x = features.compute(catalogue, known, np.arange(len(known), dtype=np.int32), np.full(len(known), as_of))
    return {i: row.tobytes() for i, row in zip(known.lead_ids, x) if i in IDS}


def test_the_company_gives_every_room_something_to_leak(catalogue: Catalogue) -> None:
    families = {f.family for f in catalogue.features}
    assert families >= {
        "pair",
        "value",
        "account_count",
        "account_won",
        "returned",
        "number",
        "missing",
        "level",
        "rate",
    }
    known, rows = training_rows(LEADS, TRAINING)
    assert rows.wins >= 10 and rows.episode.max() > 0
    assert (known.recorded > CUT).any() and (known.handed_off > CUT).any()


@pytest.mark.parametrize("future", FUTURES)
@pytest.mark.parametrize("as_of", [day(60), day(133.7), CUT, day(200)])
def test_the_future_reaches_no_feature(catalogue: Catalogue, future: str, as_of: int) -> None:
    changed = FUTURES[future](LEADS, as_of)
    assert rows_at(catalogue, changed, as_of) == rows_at(catalogue, LEADS, as_of)
    assert rows_at(catalogue, changed, as_of + 30 * DAY) != rows_at(catalogue, LEADS, as_of + 30 * DAY)


@pytest.mark.parametrize("future", FUTURES)
def test_what_comes_after_the_cut_reaches_no_training_row(future: str) -> None:
    changed = FUTURES[future](LEADS, CUT + 1)
    assert list(named(*training_rows(changed, TRAINING))) == list(named(*training_rows(LEADS, TRAINING)))


def fitted(leads: list[Lead], rows_of: list[Lead]) -> tuple[str, dict[str, bytes]]:
    """What `features.build` fits on the training rows of one company, shown the timelines of another."""
    _, rows = known, chosen = training_rows(rows_of, TRAINING)
    shown = build(leads, PROJECT).as_known_at(CUT)
    place = {i: n for n, i in enumerate(shown.lead_ids)}
    moved = np.array([place[i] for i in known.lead_ids[rows.lead]], np.int32)
    made, matrix = features.build(PROJECT, shown, replace(chosen, lead=moved), seed=2)
    of_training = np.unique(moved)
    return made.fingerprint, {shown.lead_ids[i]: matrix[i].tobytes() for i in of_training}


@pytest.mark.parametrize("future", FUTURES)
def test_nothing_is_fitted_on_what_comes_after_the_last_row(future: str) -> None:
    last = int(training_rows(LEADS, TRAINING)[1].as_of.max())
    assert fitted(FUTURES[future](LEADS, last + 1), LEADS) == fitted(LEADS, LEADS)


def outsiders(leads: list[Lead], erase: bool) -> list[Lead]:
    """The company with every lead outside training left out, or with another life and other attributes."""
    rng = generator(14)
    if erase:
        return [x for x in leads if x.account in TRAINING]
    return [
        x
        if x.account in TRAINING
        else replace(x, events=history(rng, 0, 240, 60), attributes=attributes(rng), outcome=None)
        for x in leads
    ]


@pytest.mark.parametrize("erase", [True, False], ids=["left out", "changed"])
def test_nothing_is_fitted_on_leads_outside_training(erase: bool) -> None:
    assert fitted(outsiders(LEADS, erase), LEADS) == fitted(LEADS, LEADS)


def test_what_is_fitted_does_depend_on_training_leads() -> None:
    rng = generator(15)
    changed = [replace(x, attributes=attributes(rng)) for x in LEADS]
    assert fitted(changed, LEADS)[0] != fitted(LEADS, LEADS)[0]
