"""The simulated company's files keep the contract, hold every mess that real ones do, and come out the same."""

import gzip
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lead_readiness import project, rules, simulate, sources, tables, timelines
from lead_readiness.simulate import Company, write
from lead_readiness.tables import Tables

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
SAMPLE_SEED = 7


@cache
def acme() -> Company:
    return simulate.simulate(800, seed=3, months=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("company")
    write(out, leads=150, seed=5, months=6)
    return out


def checked(folder: Path) -> Tables:
    settings = project.load(folder / "readiness.toml")
    return tables.validate(settings, **sources.read(settings))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_files_are_a_project_ready_to_use(folder: Path) -> None:
    settings = project.load(folder / "readiness.toml")
    book = rules.load(folder / settings.rules, settings)
    assert len(checked(folder).leads) == 150
    assert len(book.rules) >= 18
    assert set(contents(folder)) == {
        "leads.csv", "events.csv.gz", "outcomes.csv", "handoffs.csv", "readiness.toml", "rules.yaml", "truth.parquet",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "again", leads=150, seed=5, months=6)
    write(tmp_path / "other", leads=150, seed=6, months=6)
    assert contents(tmp_path / "again") == contents(folder)
    assert contents(tmp_path / "other")["leads.csv"] != contents(folder)["leads.csv"]


def test_the_truth_may_be_left_out(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, leads=150, seed=5, months=6, truth=False)
    assert contents(tmp_path) == {k: v for k, v in contents(folder).items() if k != "truth.parquet"}


@pytest.mark.parametrize(("leads", "months"), [(1, 1), (1, 3), (7, 1), (40, 3)])
def test_small_companies(leads: int, months: int, tmp_path: Path) -> None:
    write(tmp_path, leads, seed=1, months=months)
    assert len(checked(tmp_path).leads) == leads


def only(kind: str) -> pd.DataFrame:
    return acme().events[acme().events["kind"] == kind]


MESS: dict[str, Callable[[], bool]] = {
    "recorded days later": lambda: (
        acme().events["recorded_at"] > acme().events["occurred_at"] + pd.Timedelta(days=2)
    ).any(),
    "seen before it had a name": lambda: (
        acme().events.merge(acme().leads, on="lead_id").eval("occurred_at < created_at").any()
    ),
    "delivered twice": lambda: acme().events.duplicated().any(),
    "opened by a machine": lambda: (opened_after() < pd.Timedelta(seconds=25)).any(),
    "opened by a person": lambda: (opened_after() > pd.Timedelta(minutes=3)).any(),
    "read by a crawler": lambda: only("page_view").groupby("lead_id").size().max() > 100,
    "opted out": lambda: len(only("unsubscribe")) > 0,
    "complained": lambda: len(only("complaint")) > 0,
    "bounced": lambda: len(only("email_bounce")) > 0,
    "nothing ever happened": lambda: not set(acme().leads["lead_id"]) <= set(acme().events["lead_id"]),
    "still open at the cut": lambda: len(set(acme().leads["lead_id"]) - set(acme().outcomes["lead_id"])) > 80,
    "returned with a reason": lambda: acme().handoffs["reason"].nunique() >= 4,
    "handed off again": lambda: acme().handoffs["lead_id"].duplicated().any(),
    "a deal under way at the cut": lambda: (
        acme().hidden.closings.how == 1
    ).sum() > (acme().outcomes["outcome"] == "won").sum(),
    "several people of an account": lambda: acme().leads["account_id"].value_counts().between(3, 6).any(),
    "no head count": lambda: acme().leads["employees"].isna().any(),
}  # fmt: skip


def opened_after() -> pd.Series:
    mails = only("email_open").merge(only("email_sent"), on=["lead_id", "asset"], suffixes=("", "_sent"))
    waited = mails["occurred_at"] - mails["occurred_at_sent"]
    return waited[waited >= pd.Timedelta(0)]


@pytest.mark.parametrize("name", MESS)
def test_some_lead_was(name: str) -> None:
    assert MESS[name]()


def test_nothing_is_dated_after_the_cut() -> None:
    made = acme()
    moments = [
        made.leads["created_at"],
        made.events["occurred_at"],
        made.events["recorded_at"],
        made.outcomes["decided_at"],
        made.handoffs["handed_off_at"],
        made.handoffs["returned_at"],
    ]
    assert max(column.max() for column in moments) < pd.Timestamp(made.cut)
    assert str(made.cut) == "2026-01-01 00:00:00+00:00"


def test_sales_touches_only_leads_in_its_hands() -> None:
    touches = acme().events[acme().events["kind"].isin(["sales_call", "sales_email"])]
    spans = touches.merge(acme().handoffs, on="lead_id")
    inside = (spans["occurred_at"] > spans["handed_off_at"]) & ~(spans["occurred_at"] >= spans["returned_at"])
    assert inside.groupby([spans["lead_id"], spans["occurred_at"]]).any().all()


def test_sales_follows_the_rule_book_within_its_capacity(tmp_path: Path) -> None:
    made = acme()
    (tmp_path / "readiness.toml").write_text(made.project_file)
    (tmp_path / "rules.yaml").write_text(made.rule_book)
    settings = project.load(tmp_path / "readiness.toml")
    book = rules.load(tmp_path / "rules.yaml", settings)
    known = timelines.build(
        tables.validate(settings, made.leads, made.events, made.outcomes, made.handoffs), settings
    )
    taken = made.handoffs[made.handoffs["handed_off_at"].dt.strftime("%a %H:%M") == "Mon 08:00"]
    assert len(taken) > 50
    assert taken.groupby("handed_off_at").size().max() == settings.handoff.capacity_per_week
    lead = np.array([known.find(i) for i in taken["lead_id"]], dtype=np.int32)
    as_of = timelines.micros(taken["handed_off_at"].dt.normalize())
    said = rules.replay(book, known, lead, as_of)
    assert not said.excluded.any()
    assert (said.triggered | (said.points >= book.threshold)).all()


def test_who_wins_opened_an_opportunity_first() -> None:
    won = acme().outcomes.query("outcome == 'won'").merge(acme().leads, on="lead_id")
    assert (won["created_at"] < won["opportunity_at"]).all()
    assert (won["opportunity_at"] < won["decided_at"]).all()
    assert (won["amount"] > 0).all()
    assert acme().outcomes.query("outcome != 'won'")["opportunity_at"].isna().all()


def test_the_sample_is_small_and_keeps_the_contract() -> None:
    made = checked(SAMPLE)
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 3_000_000
    assert len(made.leads) == 6_000
    assert 0.07 <= (made.outcomes["outcome"] == "won").sum() / len(made.leads) <= 0.09
    assert [note.code for note in made.notes if note.set_aside] == ["duplicates"]


@pytest.mark.slow
def test_the_sample_is_what_its_seed_gives(tmp_path: Path) -> None:
    write(tmp_path, leads=6_000, seed=SAMPLE_SEED, truth=False)
    for path in sorted(tmp_path.iterdir()):
        made, kept = path.read_bytes(), (SAMPLE / path.name).read_bytes()
        if path.suffix == ".gz":
            made, kept = gzip.decompress(made), gzip.decompress(kept)
        assert made == kept, path.name
