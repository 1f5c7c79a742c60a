"""What a training may look at: the past of the chosen accounts, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from histories import Handoff, Lead, Outcome, day
from leaky_company import CUT, FUTURES, attributes, company, generator, history
from trained import BOOK, dataset_of, everyone, with_wins

from lead_readiness import rules, snapshots
from lead_readiness.errors import ConfigError, DataError
from lead_readiness.snapshots import POSITIVE
from lead_readiness.timelines import DAY, NEVER
from lead_readiness.trees import Params
from training import dataset
from training.dataset import Dataset
from training.fit import DEFAULTS, Settings, fit

LEADS = company(600)
DATA = dataset_of(LEADS)
LATER = day(200)
"""A cut with wins enough for the linear voice."""
LATER_ROWS = r"blending: voices learned from \d+ earlier wins"


def chosen(data: Dataset, inside: Callable[[str], bool]) -> np.ndarray:
    """The accounts of the leads whose account is inside, by place in the data set's timelines."""
    account_of = {x.id: x.account or "" for x in LEADS}
    first = data.timelines.lead_ids[data.timelines.account_start[:-1]]
    return np.array([inside(account_of[i]) for i in first])


def inside(account: str) -> bool:
    return account < "account 140"


def version(data: Dataset, cut: int = LATER, accounts: np.ndarray | None = None, seed: int = 0) -> str:
    return fit(data, cut, everyone(data) if accounts is None else accounts, seed).version


@cache
def unchanged(cut: int = LATER) -> str:
    return version(DATA, cut)


# Time


@pytest.mark.parametrize("future", FUTURES)
@pytest.mark.parametrize("cut", [CUT, LATER], ids=["rules alone", "with the linear voice"])
def test_what_comes_after_the_cut_changes_nothing(future: str, cut: int) -> None:
    changed = FUTURES[future](LEADS, cut + 1)
    assert version(dataset_of(changed), cut) == unchanged(cut)


def test_outcomes_decided_after_the_cut_change_nothing() -> None:
    def turned(x: Lead) -> Lead:
        if x.outcome is None or x.outcome.decided <= LATER:
            return x
        other = "lost" if x.outcome.what == "won" else "won"
        return replace(x, outcome=replace(x.outcome, what=other, opportunity=x.outcome.decided - 30 * DAY))

    assert version(dataset_of([turned(x) for x in LEADS])) == unchanged()


def test_the_past_does_change_the_scorer() -> None:
    rng = generator(21)
    changed = [replace(x, events=(*x.events, *history(rng, 50, 150, 3))) for x in LEADS]
    assert version(dataset_of(changed)) != unchanged()
    assert version(DATA, CUT) != unchanged()


# Accounts


def another_life(x: Lead) -> Lead:
    rng = generator(int(x.id[-3:]))
    decided = day(rng.uniform(100, 200))
    return replace(
        x,
        events=history(rng, 0, 240, 30),
        attributes=attributes(rng),
        handoffs=(Handoff(day(60), day(70), "price"),),
        outcome=Outcome("won", decided, opportunity=decided - 40 * DAY),
    )


@cache
def of_some() -> str:
    return version(DATA, accounts=chosen(DATA, inside))


def test_accounts_outside_training_are_not_used() -> None:
    changed = dataset_of([x if inside(x.account or "") else another_life(x) for x in LEADS])
    assert snapshots.settling(changed.timelines) > snapshots.settling(DATA.timelines)
    assert version(changed, accounts=chosen(changed, inside)) == of_some() != unchanged()


def test_accounts_outside_training_need_not_be_there() -> None:
    assert version(dataset_of([x for x in LEADS if inside(x.account or "")])) == of_some()


# The same again


def test_a_seed_gives_one_scorer() -> None:
    assert version(dataset_of(LEADS[::-1])) == unchanged()
    assert version(DATA, seed=1) != unchanged()


THREADS = """
from leaky_company import company
from trained import dataset_of, everyone
from training.fit import DEFAULTS, Settings, fit
data = dataset_of(company(600))
print(fit(data, data.timelines.cut, everyone(data), 0).version)
"""


@pytest.mark.slow
def test_the_number_of_threads_does_not_matter() -> None:
    tests = Path(__file__).parents[1]

    def made(threads: int) -> str:
        several = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "OPENBLAS", "NUMBA")}
        environment = {**os.environ, **several, "PYTHONPATH": str(tests)}
        command = [sys.executable, "-c", THREADS]
        ran = subprocess.run(
            command, env=environment, cwd=tests.parent, capture_output=True, text=True, check=True
        )
        return ran.stdout.strip()

    assert made(1) == made(3) == version(DATA, DATA.timelines.cut)


# Settings


def test_the_default_settings_are_those_of_the_voices() -> None:
    assert Settings(0.003, Params()) == DEFAULTS
    assert fit(DATA, LATER, everyone(DATA), 0, settings=Settings()).version == unchanged()


def test_a_weaker_ridge_leaves_larger_coefficients() -> None:
    firm, loose = (
        fit(DATA, LATER, everyone(DATA), 0, settings=Settings(strength=strength)).linear
        for strength in (0.001, 0.1)
    )
    assert firm is not None and loose is not None
    assert np.abs(loose.beta).sum() > 2 * np.abs(firm.beta).sum()


def test_the_trees_are_grown_as_set() -> None:
    made = fit(
        DATA, DATA.timelines.cut, everyone(DATA), 0, settings=Settings(trees=Params(trees=7, leaves=4))
    )
    assert made.trees is not None
    assert made.trees.text.count("\nTree=") == 7
    assert {line for line in made.trees.text.splitlines() if line.startswith("num_leaves=")} == {
        "num_leaves=4"
    }


# What the card says, and what is refused


def test_the_card_counts_what_was_learned_from() -> None:
    rows, _ = DATA.rows(CUT, everyone(DATA), seed=0)
    card = fit(DATA, CUT, everyone(DATA), seed=0).card
    assert (card.rows, card.leads, card.wins) == (len(rows), len(np.unique(rows.lead)), rows.wins)
    assert (card.cut, card.seed, card.horizon_days) == (CUT, 0, {"all": 20})


def test_a_short_history_is_said_to_make_the_blend_less_sure() -> None:
    data, told = with_wins(DATA, 40), list[str]()
    made = fit(data, data.timelines.cut, everyone(data), 0, told.append)
    note = "blend fitted on other accounts of the same time: the history is too short for later snapshots"
    assert made.card.notes == ("40 wins; 120 needed for the trees", note)
    assert told[0].startswith("learning from 40 wins of 583 leads (")
    assert told[1:] == ["blending: voices learned from other accounts"] * 4


@pytest.mark.slow
def test_a_long_history_blends_on_later_snapshots() -> None:
    data, told = dataset_of(company(1200)), list[str]()
    made = fit(data, data.timelines.cut, everyone(data), 0, told.append)
    assert made.card.notes == () and made.card.wins >= 240
    assert len(told) >= 3 and all(re.fullmatch(LATER_ROWS, line) for line in told[1:])


@pytest.mark.parametrize("cut", [day(-5), day(3), day(19)])
def test_a_history_shorter_than_the_horizon_is_refused(cut: int) -> None:
    with pytest.raises(DataError) as refused:
        fit(DATA, cut, everyone(DATA), 0)
    assert str(refused.value) == (
        "no snapshot is old enough to know its outcome: the history is shorter than the horizon of 20 days and the "
        "time that wins take to be recorded; bring a longer history or set a shorter label.horizon_days"
    )


def test_no_accounts_are_refused() -> None:
    with pytest.raises(DataError, match="no snapshot is old enough to know its outcome"):
        fit(DATA, LATER, ~everyone(DATA), 0)


# The rows


@pytest.mark.parametrize("cut", [CUT, LATER])
def test_rows_are_of_the_chosen_accounts_and_known_by_the_cut(cut: int) -> None:
    accounts = chosen(DATA, inside)
    rows, known = DATA.rows(cut, accounts, seed=0)
    assert accounts[known.account[rows.lead]].all()
    assert (rows.as_of + 20 * DAY <= cut).all() and np.isin(rows.as_of, DATA.instants).all()
    won = known.opened[rows.lead[rows.label == POSITIVE]]
    assert (won <= cut).all() and (known.decided[known.decided != NEVER] <= cut).all()
    assert set(np.unique(rows.label)) == {snapshots.NEGATIVE, POSITIVE}
    episodes = np.stack([rows.lead, rows.episode])
    assert np.unique(episodes, axis=1, return_counts=True)[1].max() == 8


def test_wins_that_take_long_to_be_known_delay_their_rows() -> None:
    slow = [
        replace(x, outcome=replace(x.outcome, opportunity=x.outcome.decided - 10 * DAY)) if x.outcome else x
        for x in LEADS
    ]
    data = dataset_of(slow)
    assert snapshots.settling(data.timelines) == 10 * DAY
    assert data.embargo() == 30 * DAY and DATA.embargo() == 20 * DAY
    assert data.rows(LATER, everyone(data), 0)[0].as_of.max() + 30 * DAY <= LATER


def test_an_account_s_fold_is_its_own() -> None:
    def folds(leads: list[Lead]) -> dict[str, int]:
        known = dataset_of(leads)
        found = known.account_folds(5)
        assert len(found) == len(known.timelines.account_start) - 1
        return dict(zip(known.timelines.lead_ids, found[known.timelines.account].tolist()))

    all_folds = folds(LEADS)
    assert set(all_folds.values()) == set(range(5))
    assert all(len({all_folds[x.id] for x in LEADS[n : n + 3]}) == 1 for n in range(0, 600, 3))
    newcomers = [Lead(f"a newcomer {n}", day(230), account=f"account {n:03}") for n in range(200)]
    assert {i: fold for i, fold in folds(LEADS + newcomers).items() if i in all_folds} == all_folds
    assert folds(LEADS[:30]).items() <= all_folds.items()


def test_a_company_is_loaded_from_its_files(company, tmp_path: Path) -> None:
    told: list[str] = []
    data = dataset.load(company.path, say=told.append)
    assert told[:2] == ["reading tables", "checking tables"]
    assert told[2].startswith("sorting ") and told[2].endswith(" events of 500 leads")
    assert (data.horizon_days, len(data.horizon)) == ({"all": 30}, 500)
    assert data.instants[0] >= data.timelines.created.min() and data.instants[-1] <= data.timelines.cut
    (tmp_path / "readiness.toml").write_text(company.path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ConfigError, match="no rule book there; name a YAML file as `rules`"):
        dataset.load(tmp_path / "readiness.toml")


def test_rows_see_the_rule_book_of_their_time() -> None:
    rows, known = DATA.rows(CUT, everyone(DATA), seed=0)
    then = rules.replay(BOOK, known, rows.lead, rows.as_of).points
    assert then.tolist() == rules.replay(BOOK, DATA.timelines, rows.lead, rows.as_of).points.tolist()
