"""Who judges whom: later leads, by scorers that saw neither that time nor their account."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from histories import Lead, day
from leaky_company import FUTURES, PROJECT, company
from trained import dataset_of, everyone

from lead_readiness import rules, snapshots
from lead_readiness.errors import DataError
from lead_readiness.snapshots import POSITIVE
from lead_readiness.timelines import DAY
from training import judge
from training.dataset import Dataset
from training.fit import fit

LEADS = company(300)
DATA = dataset_of(LEADS)


@pytest.fixture(scope="module")
def trial() -> judge.Trial:
    return judge.trial(DATA, seed=0)


def test_the_latest_part_of_the_grid_whose_outcomes_are_known_judges() -> None:
    instants = judge.period(DATA)
    known = DATA.instants[DATA.instants + 20 * DAY <= DATA.timelines.cut]
    assert instants.tolist() == known[-len(instants) :].tolist()
    assert len(instants) / len(known) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize(("days", "known"), [(10, 0), (20, 1), (26, 1)])
def test_a_history_without_known_outcomes_is_refused(days: int, known: int) -> None:
    short = dataset_of([Lead("a", day(-1)), Lead("b", day(days))])
    with pytest.raises(DataError) as refused:
        judge.trial(short, seed=0)
    assert str(refused.value) == (
        f"the history has {known} instants whose outcome is known; expected at least 2; "
        "bring a longer history or set a shorter label.horizon_days"
    )


def test_a_history_with_nothing_to_learn_from_is_refused() -> None:
    short = dataset_of([Lead("a", day(-1)), Lead("b", day(27))])
    assert len(judge.period(short)) == 1
    with pytest.raises(
        DataError, match="no snapshot is old enough to know its outcome: the history is shorter"
    ):
        judge.trial(short, seed=0)


def test_every_lead_at_risk_is_judged_once_an_instant(trial: judge.Trial) -> None:
    at_risk = snapshots.on_grid(DATA.timelines, PROJECT, judge.period(DATA), DATA.horizon)
    assert trial.rows.lead.tolist() == at_risk.lead.tolist()
    assert trial.rows.as_of.tolist() == at_risk.as_of.tolist()
    assert (trial.begin, trial.end) == (at_risk.as_of.min(), at_risk.as_of.max())
    assert (trial.rows.label >= snapshots.IN_GAP).all() and (trial.rows.label == POSITIVE).any()
    for said in (trial.model, trial.rules, trial.points):
        assert len(said) == len(trial.rows)


def test_a_fold_is_judged_by_what_the_other_accounts_past_taught(trial: judge.Trial) -> None:
    folds = DATA.account_folds(judge.FOLDS)
    assert trial.fold.tolist() == folds[DATA.timelines.account[trial.rows.lead]].tolist()
    for k in range(judge.FOLDS):
        own = trial.fold == k
        scorer = fit(DATA, trial.begin, folds != k, seed=0)
        made = scorer.assess(DATA.timelines, trial.rows.lead[own], trial.rows.as_of[own])
        assert np.array_equal(trial.model[own], made.probability, equal_nan=True)
        assert trial.wins_learned[k] == scorer.card.wins
        assert set(scorer.card.notes) <= set(trial.notes)


def test_no_judged_account_and_no_judged_time_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, np.ndarray]] = []
    rows_of = Dataset.rows

    def watched(data: Dataset, cut: int, accounts: np.ndarray, seed: int) -> object:
        rows, known = rows_of(data, cut, accounts, seed)
        asked.append((int((rows.as_of + data.horizon[rows.lead]).max()), np.unique(known.account[rows.lead])))
        return rows, known

    monkeypatch.setattr(Dataset, "rows", watched)
    made = judge.trial(DATA, seed=0)
    folds = DATA.account_folds(judge.FOLDS)
    assert all(last <= made.begin for last, _ in asked)
    taught = [set(folds[accounts].tolist()) for _, accounts in asked]
    assert len(taught) >= 2 * judge.FOLDS
    assert [sorted(t) for t in taught[::2]] == [[f for f in range(5) if f != k] for k in range(5)]
    assert taught[::2] == taught[1::2]  # model and rules are taught alike


def test_the_rules_are_ranked_by_their_own_points(trial: judge.Trial) -> None:
    points = rules.replay(DATA.book, DATA.timelines, trial.rows.lead, trial.rows.as_of).points
    assert trial.points.tolist() == points.tolist()


def turned(x: Lead, after: int) -> Lead:
    """The lead with the other outcome, if it was decided later."""
    if x.outcome is None or x.outcome.decided <= after:
        return x
    return replace(x, outcome=replace(x.outcome, what="lost" if x.outcome.what == "won" else "won"))


def test_judged_outcomes_do_not_reach_those_who_judge(trial: judge.Trial) -> None:
    changed = judge.trial(dataset_of([turned(x, trial.begin) for x in LEADS]), seed=0)
    assert changed.rows.lead.tolist() == trial.rows.lead.tolist()
    assert changed.rows.label.tolist() != trial.rows.label.tolist()
    assert np.array_equal(changed.model, trial.model, equal_nan=True)
    assert np.array_equal(changed.rules, trial.rules, equal_nan=True)
    assert changed.wins_learned == trial.wins_learned


@pytest.mark.parametrize("future", ["another future", "shuffled future"])
def test_later_events_do_not_reach_earlier_judgements(future: str, trial: judge.Trial) -> None:
    later = trial.begin + 7 * DAY
    data = dataset_of(FUTURES[future](LEADS, later + 1))
    accounts = everyone(data)
    for k in (0, 3):
        before = fit(DATA, trial.begin, DATA.account_folds(5) != k, seed=0)
        after = fit(data, trial.begin, (data.account_folds(5) != k) & accounts, seed=0)
        assert after.version == before.version


def test_too_few_wins_for_a_probability_leave_points() -> None:
    few = dataset_of([replace(x, outcome=x.outcome if n % 6 == 0 else None) for n, x in enumerate(LEADS)])
    made = judge.trial(few, seed=0)
    assert max(made.wins_learned) < 20
    assert np.isnan(made.model).all() and np.isnan(made.rules).all() and np.isfinite(made.points).all()
    assert any("needed for a probability" in note for note in made.notes)


def test_each_fold_is_told() -> None:
    told: list[str] = []
    judge.trial(DATA, seed=0, say=told.append)
    judging = [line for line in told if line.startswith("judging")]
    assert judging == [f"judging: fold {k} of 5, learning from the other accounts' past" for k in range(1, 6)]


@pytest.mark.slow
def test_learned_voices_judge_alike_whatever_becomes_of_the_judged() -> None:
    leads = company(900)
    first = judge.trial(dataset_of(leads), seed=0)
    again = judge.trial(dataset_of([turned(x, first.begin) for x in leads]), seed=0)
    assert min(first.wins_learned) >= 40 and first.notes == again.notes
    assert first.rows.label.tolist() != again.rows.label.tolist()
    early = first.rows.as_of == first.begin  # later on, wins of the lead's account are known and may speak
    assert np.array_equal(first.model[early], again.model[early])
    assert np.isfinite(first.model).all() and not np.array_equal(first.model, first.rules)
