"""Whether reasons can be believed, measured where the right answer is known."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import Company
from histories import Event, Lead, day
from trained import dataset_of, everyone

from lead_readiness import snapshots
from lead_readiness.reasons import visible
from lead_readiness.snapshots import Snapshots
from lead_readiness.timelines import Timelines
from training.bootstrap import Figure
from training.dataset import Dataset
from training.fit import fit
from training.judgement import faithfulness
from training.judgement.faithfulness import (
    JITTER,
    Faithfulness,
    additivity,
    agreement,
    jittered,
    measure,
)


def by_rules(n: int) -> Dataset:
    """Leads of whom the rule book, with too few wins to learn anything, says 10 for prices and 1 for a visit."""
    events = [Event(day(at), kind) for at in (1, 2, 3) for kind in ("pricing", "visit")]
    return dataset_of([Lead(f"lead {i:02}", day(0), (*events, Event(day(30), "blog"))) for i in range(n)])


def of(data: Dataset, at: float) -> Snapshots:
    return snapshots.on_grid(data.timelines, data.project, np.array([day(at)]), data.horizon)


@pytest.fixture(scope="module")
def found(company: Company) -> Faithfulness:
    return measure(company.data, company.scorer, faithfulness.worth_a_look(company.data, company.scorer))


def test_what_can_be_told_of_rules_alone_is_exact() -> None:
    data = by_rules(24)
    scorer = fit(data, data.timelines.cut, everyone(data), seed=0)
    found = measure(data, scorer, of(data, 4))
    with_age = sum(2 ** (-(4 - at) / 30) for at in (1, 2, 3))
    assert (found.leads, found.cited, found.additivity) == (24, 24, 0)
    assert found.deletion == Figure(1, 1, 1)
    assert found.deletion_fall.value == pytest.approx(10 * with_age)
    assert found.deletion_points.value == pytest.approx(9 * with_age)
    assert (found.jitter, found.refit) == (Figure(1, 1, 1), Figure(1, 1, 1))
    assert (found.decoys.value, found.decoys_told.value) == (0, 0)
    assert "The rules speak alone" in list(found.lines())[-1]


def test_the_behaviour_that_wins_is_the_one_whose_events_matter(found: Faithfulness) -> None:
    assert found.deletion.low > 0.8
    assert found.deletion_points.low > 5


def test_parts_add_up_and_reasons_stand_minutes_of_difference(found: Faithfulness) -> None:
    assert found.additivity < 1e-9
    assert found.jitter.low > 0.9
    assert 0 < found.jitter_points.value < 3


def test_what_means_nothing_gets_less_than_an_even_share(found: Faithfulness) -> None:
    assert 0 < found.decoys.high < found.decoys_even


def test_the_findings_are_told_in_words(found: Faithfulness) -> None:
    said = "\n".join(found.lines())
    assert f"in {found.leads} leads" in said
    assert f"Learned again with another seed, they overlap by {100 * found.refit.value:.0f} % (" in said


def test_of_each_account_one_lead_is_looked_at(company: Company, found: Faithfulness) -> None:
    rows = faithfulness.worth_a_look(company.data, company.scorer)
    accounts = company.data.timelines.account[rows.lead]
    assert found.leads == len(np.unique(accounts)) < len(rows)


def test_the_best_and_as_many_others_are_worth_a_look(company: Company) -> None:
    every = of_all(company)
    score = dict(zip(every.lead.tolist(), scored(company, every)))
    rows = faithfulness.worth_a_look(company.data, company.scorer, top=10)
    assert len(set(rows.lead.tolist())) == 20
    assert [score[i] for i in rows.lead[:10].tolist()] == sorted(score.values(), reverse=True)[:10]


def test_where_few_are_at_risk_each_lead_is_seen_as_it_last_was(company: Company) -> None:
    at_cut, rows = of_all(company), faithfulness.worth_a_look(company.data, company.scorer)
    assert len(at_cut) < 2 * faithfulness.TOP == len(np.unique(rows.lead)) == len(rows)
    assert (rows.as_of < company.data.timelines.decided[rows.lead]).all()
    still = np.isin(rows.lead, at_cut.lead)
    assert still.any()
    assert (rows.as_of[still] == company.data.timelines.cut).all()


def of_all(company: Company) -> Snapshots:
    data = company.data
    return snapshots.on_grid(data.timelines, data.project, np.array([data.timelines.cut]), data.horizon)


def scored(company: Company, rows: Snapshots) -> list[float]:
    score: list[float] = company.scorer.assess(company.data.timelines, rows.lead, rows.as_of).score.tolist()
    return score


def test_a_scorer_learned_again_with_its_own_seed_tells_the_same(company: Company) -> None:
    data, rows = company.data, of_all(company)
    again = fit(data, data.timelines.cut, everyone(data), seed=0)
    one, other = (s.assess(data.timelines, rows.lead, rows.as_of) for s in (company.scorer, again))
    assert agreement(one, other).tolist() == [1] * len(rows)


def test_a_part_that_is_missing_from_the_sum_is_seen(company: Company) -> None:
    rows = of_all(company)
    assessed = company.scorer.assess(company.data.timelines, rows.lead, rows.as_of)
    altered = assessed.by_behaviour.copy()
    altered[3, 0] += 1e-3
    assert additivity(assessed) < 1e-9
    assert additivity(replace(assessed, by_behaviour=altered)) == pytest.approx(1e-3)
    assert additivity(replace(assessed, by_part=assessed.by_part + 1e-3)) > 1e-4


def test_without_rows_nothing_is_told() -> None:
    data = by_rules(5)
    scorer = fit(data, data.timelines.cut, everyone(data), seed=0)
    found = measure(data, scorer, of(data, 4)[np.zeros(0, np.int64)])
    assert (found.leads, found.cited) == (0, 0)
    assert np.isnan([found.deletion.value, found.refit.low, found.decoys.value]).all()
    assert list(found.lines()) == ["No lead is at risk: the explanations cannot be looked at."]


def test_leads_without_events_are_told_by_what_is_known_of_them() -> None:
    leads = [Lead(f"lead {i}", day(0), attributes={"sector": "bank"}) for i in range(3)]
    data = dataset_of([*leads, Lead("later", day(50), (Event(day(60), "call"),))])
    scorer = fit(data, data.timelines.cut, everyone(data), seed=0)
    found = measure(data, scorer, of(data, 0.5))
    assert (found.leads, found.cited, found.refit.value) == (3, 0, 1)
    assert not any("Without the events" in line for line in found.lines())


@pytest.mark.parametrize("seed", range(3))
def test_jitter_moves_what_a_row_sees_by_an_hour_at_most_and_nothing_else(
    company: Company, seed: int
) -> None:
    known, rows = company.data.timelines, of_all(company)
    rows = rows[np.sort(np.unique(known.account[rows.lead], return_index=True)[1])]
    moved = jittered(known, rows, seed)
    before, after = by_id(known), by_id(moved)
    assert before.keys() == after.keys()
    shifts = np.array([after[e] - before[e] for e in before])
    assert 0 < np.abs(shifts).max() <= JITTER
    for lead, as_of in zip(rows.lead.tolist(), rows.as_of.tolist()):
        assert len(visible(known, lead, as_of)) == len(visible(moved, lead, as_of))
    others = ~np.isin(known.account[known.owner], known.account[rows.lead])
    assert all(after[known.event_id(int(e))] == known.time[e] for e in np.flatnonzero(others))


def test_jitter_leaves_the_future_and_the_lead_s_creation_where_they_are() -> None:
    events = (Event(day(0), "visit"), Event(day(2) - 1, "visit"), Event(day(2), "visit"))
    late = Event(day(1), "pricing", late=day(5) - day(1))
    data = dataset_of([Lead("a", day(0), (*events, late))])
    rows = of(data, 2)
    for seed in range(20):
        moved = jittered(data.timelines, rows, seed)
        assert moved.time[0] >= moved.created[0]
        assert len(visible(moved, 0, day(2))) == 2
        assert (moved.time[moved.kind == 1].item(), moved.recorded[moved.kind == 1].item()) == (
            day(1),
            day(5),
        )
        assert moved.time[-1] == day(2)


def by_id(known: Timelines) -> dict[str | None, int]:
    return {known.event_id(e): int(known.time[e]) for e in range(len(known.time))}


def test_a_figure_without_evidence_has_no_interval() -> None:
    data = by_rules(5)
    scorer = fit(data, data.timelines.cut, everyone(data), seed=0)
    found = measure(data, scorer, of(data, 4))
    assert found.deletion.value == 1
    assert np.isnan(found.deletion.low)
