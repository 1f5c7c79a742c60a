"""Benchmarks with one moment a lead, on made-up files of the same layout: who teaches, who judges, what is seen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from benchmarks import one_moment
from benchmarks.cdnow import protocol as cdnow
from benchmarks.measure import Measure
from benchmarks.olist_funnel import protocol as olist
from benchmarks.ranking import LIFT, PR, ROC, Aims, figures, lift
from benchmarks.uci_bank import protocol as uci
from lead_readiness.scorer import Scorer
from lead_readiness.snapshots import POSITIVE
from lead_readiness.timelines import DAY, Ints
from training.dataset import Dataset

Frames = dict[str, pd.DataFrame]


def quiet(_: str) -> None:
    pass


def value(measures: list[Measure], name: str, unit: str = ROC) -> float:
    return next(m.value for m in measures if (m.measure, m.unit) == (name, unit))


def moment(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


class TestUciBank:
    FIT, TUNE, ROWS = 400, 500, 600

    @pytest.fixture
    def calls(self) -> pd.DataFrame:
        rng, n = np.random.default_rng(1), self.ROWS
        before = rng.random(n) < 0.3
        won = rng.random(n) < np.where(before, 0.6, 0.15)
        named = {
            name: "unknown" for name in ("marital", "education", "default", "housing", "loan", "contact")
        }
        return pd.DataFrame(
            {
                "age": rng.integers(18, 80, n),
                "job": rng.choice(["student", "services"], n),
                **named,
                "month": np.repeat(["nov", "dec", "mar", "apr"], n // 4),
                "day_of_week": "mon",
                "duration": np.where(won, 900, 10),
                "campaign": 1,
                "pdays": np.where(before, 5, uci.NOT_BEFORE),
                "previous": before.astype(int),
                "poutcome": np.where(before, "success", "nonexistent"),
                "emp.var.rate": 1.1,
                "cons.price.idx": 93.9,
                "cons.conf.idx": -36.4,
                "euribor3m": 4.8,
                "nr.employed": 5191.0,
                "y": np.where(won, "yes", "no"),
            }
        )

    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uci, "QUICK", 1)
        monkeypatch.setattr(uci, "FIT", self.FIT)
        monkeypatch.setattr(uci, "TUNE", self.TUNE)

    def write(self, folder: Path, calls: pd.DataFrame) -> Path:
        calls.to_csv(folder / uci.FILE, sep=";", index=False)
        return folder

    def test_rows_teach_blend_and_judge_by_their_place_in_the_file(
        self, tmp_path: Path, calls: pd.DataFrame
    ) -> None:
        data = uci.read(self.write(tmp_path, calls))
        parts = uci.split(data)
        names = [data.timelines.lead_ids[part.lead].astype(int).tolist() for part in parts]
        assert names == [[*range(400)], [*range(400, 500)], [*range(500, 600)]]
        assert (np.diff(np.concatenate([part.as_of for part in parts])) > 0).all()
        assert [part.wins for part in parts] == [
            (calls["y"][a:b] == "yes").sum() for a, b in ((0, 400), (400, 500), (500, 600))
        ]

    def test_a_quick_look_keeps_the_ranges(self, tmp_path: Path, calls: pd.DataFrame) -> None:
        data = uci.read(self.write(tmp_path, calls), every=6)
        assert [len(part) for part in uci.split(data)] == [67, 17, 16]

    def test_duration_changes_nothing(self, tmp_path: Path, calls: pd.DataFrame) -> None:
        first = uci.measure(self.write(tmp_path, calls), True, quiet)
        assert "duration" not in uci.read(tmp_path).project.attributes
        again = uci.measure(self.write(tmp_path, calls.assign(duration=0)), True, quiet)
        assert again == first
        assert 0.6 < value(first, "uci_bank") < 0.9

    def test_what_judges_teaches_nothing(self, tmp_path: Path, calls: pd.DataFrame) -> None:
        def said() -> npt.NDArray[np.float64]:
            data = uci.read(tmp_path)
            learned, mixed, asked = uci.split(data)
            return one_moment.learned_then_blended(data, learned, mixed, asked)["ours"]

        self.write(tmp_path, calls)
        first = said()
        flipped = calls.assign(y=calls["y"].where(calls.index < self.TUNE, "yes"))
        self.write(tmp_path, flipped)
        assert said().tolist() == first.tolist()

    def test_months_that_come_again_are_of_the_next_year(self) -> None:
        found = uci.moments(pd.Series(["nov", "nov", "dec", "mar", "apr", "mar"]))
        assert found.dt.strftime("%Y-%m").tolist() == [
            "2008-11", "2008-11", "2008-12", "2009-03", "2009-04", "2010-03"
        ]  # fmt: skip
        assert found.is_monotonic_increasing


class TestOlistFunnel:
    @pytest.fixture
    def files(self) -> Frames:
        rng, n = np.random.default_rng(2), 900
        day = pd.to_datetime("2017-12-01") + pd.to_timedelta(np.arange(n) * 180 // n, unit="D")
        page = rng.choice(["p1", "p2", "p3"], n)
        won = rng.random(n) < np.where(page == "p1", 0.5, 0.1)
        leads = pd.DataFrame(
            {
                "mql_id": [f"m{i:03}" for i in range(n)],
                "first_contact_date": day.strftime("%d-%m-%Y"),
                "landing_page_id": page,
                "origin": rng.choice(["social", "email"], n),
            }
        )
        signed = (day + pd.Timedelta(20, "D")).strftime("%d-%m-%Y %H:%M")
        deals = pd.DataFrame(
            {
                "mql_id": leads["mql_id"],
                "won_date": signed,
                "business_segment": "pet",
                "lead_type": "industry",
            }
        )
        return {olist.LEADS: leads, olist.DEALS: deals[won]}

    def write(self, folder: Path, files: Frames) -> Path:
        for name, frame in files.items():
            frame.to_csv(folder / name, index=False)
        return folder

    def test_january_to_april_teach_and_may_judges(
        self, tmp_path: Path, files: Frames, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[tuple[Ints, bool]] = []
        learn = olist.fit

        def watched(data: Dataset, cut: int, accounts: npt.NDArray[np.bool_], seed: int) -> Scorer:
            rows, _ = data.rows(cut, accounts, seed)
            horizon = int(data.horizon.min())
            seen.append((rows.as_of, bool((data.horizon == horizon).all()) and horizon == 30 * DAY))
            return learn(data, cut, accounts, seed)

        monkeypatch.setattr(olist, "fit", watched)
        found = olist.measure(self.write(tmp_path, files), True, quiet)
        (published, _), (honest, thirty_days) = seen
        assert moment("2018-01-01") < published.min() and published.max() < moment("2018-05-01")
        assert published.max() > moment("2018-04-29")
        assert thirty_days and honest.max() < moment("2018-04-01")
        assert value(found, "olist_funnel published") > 0.6

    def test_labels_known_after_the_cut_teach_nothing_by_the_honest_protocol(
        self, tmp_path: Path, files: Frames
    ) -> None:
        data = olist.read(self.write(tmp_path, files))
        then = replace(data, horizon=np.full(len(data.timelines), olist.HONEST_DAYS * DAY))
        cut = moment("2018-05-01")
        rows, known = then.rows(cut, np.ones(len(data.timelines), bool), 0)
        won = rows.label == POSITIVE
        assert won.any() and (known.opened[rows.lead[won]] <= cut).all()

    def test_other_columns_of_closed_deals_change_nothing(self, tmp_path: Path, files: Frames) -> None:
        first = olist.measure(self.write(tmp_path, files), True, quiet)
        bare = {**files, olist.DEALS: files[olist.DEALS][["mql_id", "won_date"]]}
        assert olist.measure(self.write(tmp_path, bare), True, quiet) == first
        assert sorted(olist.read(tmp_path).project.attributes) == ["landing_page", "origin"]


class TestCdnow:
    @pytest.fixture
    def purchases(self) -> pd.DataFrame:
        rng, n = np.random.default_rng(3), 400
        often = rng.random(n) < 0.4
        rows = []
        for customer in range(n):
            days = {
                int(rng.integers(0, 80)),
                *rng.integers(80, 540, rng.poisson(6 if often[customer] else 0.5)),
            }
            for day in sorted(days):
                date = pd.Timestamp("1997-01-01") + pd.Timedelta(int(day), "D")
                rows.append((f"{customer:05}", date.strftime("%Y%m%d"), 1, 10.0))
        return pd.DataFrame(rows, columns=["customer_id", "date", "number_of_cds", "dollar_value"])

    def write(self, folder: Path, purchases: pd.DataFrame) -> Path:
        purchases.to_csv(folder / cdnow.FILE, sep=" ", index=False)
        return folder

    def test_later_purchases_are_outcomes_and_nothing_else(
        self, tmp_path: Path, purchases: pd.DataFrame
    ) -> None:
        data = cdnow.prepared(cdnow.read(self.write(tmp_path, purchases)))
        known = data.timelines
        assert known.time.max() < moment("1997-10-01") == data.instants[0]
        again = purchases[purchases["date"] > "19970930"].groupby("customer_id")["date"].min()
        won = set(known.lead_ids[known.decided < known.cut])
        assert won == set(again.index)

    def test_no_customer_is_scored_by_a_scorer_that_saw_them(
        self, tmp_path: Path, purchases: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = cdnow.prepared(cdnow.read(self.write(tmp_path, purchases)))
        taught: list[npt.NDArray[np.bool_]] = []
        asked: list[set[int]] = []
        learn, say_of = cdnow.fit, cdnow.said_by_all

        def watched_fit(data: Dataset, cut: int, accounts: npt.NDArray[np.bool_], seed: int) -> Scorer:
            taught.append(accounts)
            return learn(data, cut, accounts, seed)

        def watched_say(scorer: Scorer, known, rows):  # type: ignore[no-untyped-def]
            asked.append(set(known.account[rows.lead].tolist()))
            return say_of(scorer, known, rows)

        monkeypatch.setattr(cdnow, "fit", watched_fit)
        monkeypatch.setattr(cdnow, "said_by_all", watched_say)
        won, scores = cdnow.scored(data, quiet)
        assert len(taught) == cdnow.FOLDS and sum(map(len, asked)) == len(won) == len(data.timelines)
        for accounts, judged in zip(taught, asked):
            assert not accounts[list(judged)].any() and accounts.sum() + len(judged) == len(won)
        assert {"ours", "rules", "linear"} <= set(scores)

    def test_peers_see_no_later_purchase(self, tmp_path: Path, purchases: pd.DataFrame) -> None:
        customers = np.array(sorted(purchases["customer_id"].unique()), object)
        every = cdnow.read(self.write(tmp_path, purchases))
        before = every[every["occurred_at"] < cdnow.end_of_history()]
        found, alone = cdnow.peers(every, customers, quiet), cdnow.peers(before, customers, quiet)
        assert {name: score.tolist() for name, score in found.items()} == {
            name: score.tolist() for name, score in alone.items()
        }
        one = purchases[(purchases["customer_id"] == customers[0]) & (purchases["date"] <= "19970930")][
            "date"
        ]
        assert found["frequency"][0] == one.nunique() - 1
        assert found["recency"][0] == -(pd.Timestamp("1997-09-30") - pd.Timestamp(one.max())).days


def test_figures_have_intervals_and_goals_beside_what_others_published() -> None:
    won = np.arange(200) % 4 == 0
    aims = Aims({ROC: 0.9, LIFT: 9}, {"peer": {ROC: 0.5}})
    found = {m.unit: m for m in figures("set", won, won + np.arange(200) % 2 * 0.5, aims)}
    assert [found[ROC].goal, found[PR].goal, found[LIFT].goal] == [">= 0.9 (peer 0.5)", "", ">= 9"]
    assert [found[ROC].reached, found[PR].reached, found[LIFT].reached] == [True, None, False]
    assert found[ROC].value == 1.0 and found[LIFT].low is not None and found[LIFT].low < 4 < found[LIFT].high
    assert all(m.reached is None for m in figures("set", won, won * 1.0, Aims({ROC: 0.9}, {}, quick=True)))


@pytest.mark.parametrize(
    ("score", "share", "expected"),
    [
        ([4, 3, 2, 1], 0.5, 2.0),
        ([1, 2, 3, 4], 0.5, 0.0),
        ([1, 1, 1, 1], 0.5, 1.0),
        ([2, 1, 1, 1], 0.5, 4 / 3),  # one winner surely, a third of a place for the other
    ],
)
def test_lift_of_the_best_share(score: list[float], share: float, expected: float) -> None:
    won = np.array([True, True, False, False])
    found = lift(won, np.array(score, float), np.ones((1, 4)), share)
    assert found.tolist() == pytest.approx([expected])
