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
from training.dataset import Dataset
from training.fit import fit
from training.judgement import judge
from training.judgement.baselines import BAYES, BUSY, ENGAGED, RECENT

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
    policies = [judge.MODEL, judge.RULES, judge.LINEAR, judge.TREES, RECENT, BUSY, BAYES, ENGAGED]
    assert list(trial.score) == policies and list(trial.probability) == policies[:4]
    assert {len(said) for said in [*trial.score.values(), *trial.probability.values()]} == {len(trial.rows)}


def test_origins_roll_through_the_judged_period(trial: judge.Trial) -> None:
    instants = judge.period(DATA)
    parts = judge.windows(instants)
    assert [len(part) for part in parts] == [len(instants) // 3 + (n < len(instants) % 3) for n in range(3)]
    assert trial.cuts == tuple(int(part[0]) for part in parts) and len(trial.cuts) == judge.ORIGINS
    for o, part in enumerate(parts):
        assert set(trial.rows.as_of[trial.origin == o].tolist()) <= set(part.tolist())
        before = trial.before.as_of[trial.before_origin == o]
        assert len(before) and before.max() < part[0]
        assert before.min() >= part[0] - len(part) * 7 * DAY


def test_an_origin_and_a_fold_are_judged_by_what_the_other_accounts_past_taught(trial: judge.Trial) -> None:
    folds = DATA.account_folds(judge.FOLDS)
    assert trial.fold.tolist() == folds[DATA.timelines.account[trial.rows.lead]].tolist()
    for o, k in ((0, 0), (1, 3), (2, 4)):
        own = (trial.origin == o) & (trial.fold == k)
        scorer = fit(DATA, trial.cuts[o], folds != k, seed=0)
        made = scorer.assess(DATA.timelines, trial.rows.lead[own], trial.rows.as_of[own])
        assert np.array_equal(trial.probability[judge.MODEL][own], made.probability, equal_nan=True)
        assert np.array_equal(trial.score[judge.MODEL][own], made.score)
        assert trial.wins_learned[o * judge.FOLDS + k] == scorer.card.wins
        assert set(scorer.card.notes) <= set(trial.notes)
        then = (trial.before_origin == o) & (folds[DATA.timelines.account[trial.before.lead]] == k)
        earlier = scorer.assess(DATA.timelines, trial.before.lead[then], trial.before.as_of[then])
        assert np.array_equal(trial.before_score[then], earlier.score)


def test_no_judged_account_and_no_judged_time_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, np.ndarray]] = []
    rows_of = Dataset.rows

    def watched(data: Dataset, cut: int, accounts: np.ndarray, seed: int) -> object:
        rows, known = rows_of(data, cut, accounts, seed)
        last = int((rows.as_of + data.horizon[rows.lead]).max(initial=0))
        asked.append((cut, last, np.unique(known.account[rows.lead])))
        return rows, known

    monkeypatch.setattr(Dataset, "rows", watched)
    made = judge.trial(DATA, seed=0)
    folds = DATA.account_folds(judge.FOLDS)
    assert all(last <= cut for cut, last, _ in asked)
    taught = [(cut, frozenset(folds[accounts].tolist())) for cut, _, accounts in asked]
    for cut in made.cuts:
        for k in range(judge.FOLDS):
            of = [seen for at, seen in taught if at == cut and seen == set(range(judge.FOLDS)) - {k}]
            assert len(of) >= 2  # model and rules are taught alike
    assert max(cut for cut, _ in taught) == made.cuts[-1]  # the inner cuts of blends lie before
    assert all(len(seen) < judge.FOLDS for _, seen in taught)


def test_the_rules_are_ranked_by_their_own_points(trial: judge.Trial) -> None:
    points = rules.replay(DATA.book, DATA.timelines, trial.rows.lead, trial.rows.as_of).points
    assert trial.score[judge.RULES].tolist() == points.tolist()


def turned(x: Lead, after: int) -> Lead:
    """The lead with the other outcome, if it was decided later."""
    if x.outcome is None or x.outcome.decided <= after:
        return x
    return replace(x, outcome=replace(x.outcome, what="lost" if x.outcome.what == "won" else "won"))


def test_judged_outcomes_do_not_reach_those_who_judge(trial: judge.Trial) -> None:
    changed = judge.trial(dataset_of([turned(x, trial.begin) for x in LEADS]), seed=0)
    assert changed.rows.lead.tolist() == trial.rows.lead.tolist()
    assert changed.rows.label.tolist() != trial.rows.label.tolist()
    first = trial.origin == 0  # later origins may learn from what was decided meanwhile
    for said in ("score", "probability"):
        now, then = getattr(changed, said), getattr(trial, said)
        assert all(np.array_equal(now[name][first], then[name][first], equal_nan=True) for name in then)
    assert changed.wins_learned[: judge.FOLDS] == trial.wins_learned[: judge.FOLDS]


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
    assert all(np.isnan(p).all() for p in made.probability.values())
    assert made.score[judge.MODEL].tolist() == made.score[judge.RULES].tolist()
    assert np.isfinite(made.score[judge.RULES]).all() and np.isnan(made.score[judge.LINEAR]).all()
    assert any("needed for a probability" in note for note in made.notes)


def test_each_scorer_is_told_and_a_stop_is_a_stop() -> None:
    told: list[str] = []
    judge.trial(DATA, seed=0, say=told.append)
    judging = [line for line in told if line.startswith("judging")]
    assert len(judging) == judge.ORIGINS * judge.FOLDS
    assert judging[6] == "judging: scorer 7 of 15 (origin 2, accounts of fold 2)"

    def stop(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge.trial(DATA, seed=0, say=stop)


@pytest.mark.slow
def test_learned_voices_judge_alike_whatever_becomes_of_the_judged() -> None:
    leads = company(900)
    first = judge.trial(dataset_of(leads), seed=0)
    again = judge.trial(dataset_of([turned(x, first.begin) for x in leads]), seed=0)
    wins = first.wins_learned[: judge.FOLDS]  # later origins may learn from what was decided meanwhile
    assert min(wins) >= 40 and wins == again.wins_learned[: judge.FOLDS]
    assert first.rows.label.tolist() != again.rows.label.tolist()
    early = first.rows.as_of == first.begin  # later on, wins of the lead's account are known and may speak
    mine, theirs = first.probability[judge.MODEL], again.probability[judge.MODEL]
    assert np.array_equal(mine[early], theirs[early])
    assert np.isfinite(mine).all() and not np.array_equal(mine, first.probability[judge.RULES])
