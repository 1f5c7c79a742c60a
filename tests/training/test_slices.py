"""Slices: the parts of a replay add up to the whole, and say only what they have evidence for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from leaky_company import company
from trained import dataset_of

from lead_readiness.project import Judgement
from training.judgement import contest as contests
from training.judgement import judge
from training.judgement.comparison import Comparison
from training.judgement.contest import Contest
from training.judgement.slices import LEADS_NEEDED, MOST_LEVELS, SHOWN, evenness, slices

DATA = dataset_of(company(300))
ASKED = Judgement(slices=("sector",), groups=("city",))
DATA = replace(DATA, project=DATA.project.model_copy(update={"judgement": ASKED}))


@pytest.fixture(scope="module")
def found() -> tuple[Contest, Comparison, pd.DataFrame]:
    met = contests.contest(DATA, judge.trial(DATA, seed=0), seed=0)
    compared = met.compare(draws=50)
    return met, compared, slices(DATA, met, compared, draws=50)


def column(table: pd.DataFrame, name: str, measure: str, policy: str = "model") -> pd.DataFrame:
    own = (table["slice"] == name) & (table["measure"] == measure) & (table["policy"] == policy)
    return table[own]


def test_each_slice_has_every_measure_of_both_sides_and_their_difference(found) -> None:
    _, _, table = found
    assert list(table) == ["slice", "level", "leads", "winners", "measure", "policy", "value", "low", "high"]
    assert list(dict.fromkeys(table["slice"])) == ["month", "sector", "city"]
    for _, part in table.groupby(["slice", "level"]):
        assert part["measure"].tolist() == list(SHOWN) * 3
        wide = part.pivot_table(index="measure", columns="policy", values="value")
        assert np.allclose(wide["model"] - wide["rules"], wide["difference"], equal_nan=True)
    known = table.dropna(subset=["value", "low"])
    assert (known["low"] <= known["high"]).all()


@pytest.mark.parametrize("name", ["month", "sector", "city"])
def test_the_winners_of_the_parts_are_those_of_the_whole(name: str, found) -> None:
    met, compared, table = found
    part = column(table, name, "winners_reached")
    assert part["winners"].sum() == compared.winners
    reached = (part["value"].fillna(0) * part["winners"]).sum()
    assert reached == pytest.approx(compared.value("winners_reached", "model")[0] * compared.winners)
    if name != "month":  # a lead may be at risk in many months
        assert part["leads"].sum() == len(np.unique(met.rows.lead))


def test_hand_offs_of_a_slice_are_those_of_the_whole_replay(found) -> None:
    met, compared, table = found
    rate = column(table, "sector", "selection_rate").set_index("level")
    lead = met.rows.lead[compared.handoffs["model"]]
    sector = DATA.timelines.attributes["sector"]
    for level, row in rate.iterrows():
        assert row["value"] * row["leads"] == pytest.approx((sector[lead] == level).sum())


def test_months_are_those_of_the_instants_and_of_the_winning_moments(found) -> None:
    met, _, table = found
    months = [str(m) for m in np.unique(met.rows.instant.astype("datetime64[us]").astype("datetime64[M]"))]
    assert column(table, "month", "lift")["level"].tolist() == months
    last = column(table, "month", "winners_reached").iloc[-1]
    begin = np.datetime64(months[-1]).astype("datetime64[us]").astype(np.int64)
    until = met.rows.instant.max()
    present = np.unique(met.rows.lead)
    won = met.leads.won_at[present]
    assert last["winners"] == ((won >= begin) & (won <= until)).sum()


def test_few_winners_have_no_interval(found) -> None:
    _, _, table = found
    few = table[(table["winners"] < 20) & (table["measure"] != "selection_rate")]
    assert len(few) and few[["low", "high"]].isna().all(axis=None)


def test_rare_levels_are_put_together(found) -> None:
    _, _, table = found
    levels = column(table, "city", "lift")["level"].tolist()
    assert len(levels) == MOST_LEVELS + 1 and levels[-1] == "(other)"


def test_the_sales_cycle_is_a_slice_without_being_asked_for(found) -> None:
    met, compared, _ = found
    label = DATA.project.label.model_copy(update={"cycle": "sector"})
    plain = DATA.project.model_copy(update={"label": label, "judgement": Judgement()})
    table = slices(replace(DATA, project=plain), met, compared, draws=2)
    assert list(dict.fromkeys(table["slice"])) == ["month", "sector"]


def test_evenness_is_the_lowest_selection_rate_over_the_highest(found) -> None:
    met, compared, table = found
    by_sector = DATA.project.model_copy(update={"judgement": Judgement(groups=("sector",))})
    (even,) = evenness(replace(DATA, project=by_sector), met, compared, draws=50)
    rates = column(table, "sector", "selection_rate").set_index("level")["value"]
    assert even.ratio == pytest.approx(rates.min() / rates.max())
    assert (even.least, even.most) == (rates.idxmin(), rates.idxmax())
    assert even.low <= even.ratio and not math.isnan(even.high)


def test_levels_with_few_leads_are_not_compared(found) -> None:
    met, compared, table = found
    assert (column(table, "city", "selection_rate")["leads"].iloc[:-1] < LEADS_NEEDED).all()
    assert evenness(DATA, met, compared, draws=2) == []
