"""What changed since an earlier output: exact, told in sentences, and which leads are told at all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from rescored import company, job

from lead_readiness.errors import ConfigError, DataError
from lead_readiness.moments import read
from lead_readiness.project import ProjectFile
from lead_readiness.scorer import Scorer

BEFORE, NOW = (read(f"2025-07-{day}T00:00Z", None) for day in ("01", "08"))
Row = dict[str, Any]


@pytest.fixture(scope="module")
def earlier(project: ProjectFile, scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("earlier") / "earlier.parquet"
    job(project, scorer, out, as_of=BEFORE).run()
    return out


def rows_of(path: Path) -> dict[str, Row]:
    return {row["lead_id"]: row for row in pq.read_table(path).to_pylist()}


def adds_up(row: Row) -> bool:
    parts = row["changed"]
    total = parts["ageing"] + parts["news"] + parts["model"]
    return abs(total - (row["score"] - row["previous_score"])) < 1e-9


def other_model(scorer: Scorer) -> Scorer:
    dearer = tuple(rule.model_copy(update={"points": 2 * rule.points}) for rule in scorer.book.rules)
    return replace(scorer, book=scorer.book.model_copy(update={"version": 3, "rules": dearer}))


def test_ageing_news_and_model_add_up_to_the_difference(
    project: ProjectFile, scorer: Scorer, earlier: Path, tmp_path: Path
) -> None:
    job(project, scorer, tmp_path / "out.parquet", as_of=NOW, earlier=earlier).run()
    before, now = rows_of(earlier), rows_of(tmp_path / "out.parquet")
    both = now.keys() & before.keys()
    assert len(both) > 20 and now.keys() - before.keys()
    for lead in now:
        row = now[lead]
        if lead not in both:
            assert row["changed"] is row["previous_score"] is None and row["why"] == "new"
            continue
        assert (
            row["previous_score"] == before[lead]["score"] and row["previous_as_of"] == before[lead]["as_of"]
        )
        assert adds_up(row) and row["changed"]["model"] == 0
        assert row["why"] == "news" or row["changed"]["news"] == 0
    told = [
        reason["sentence"]
        for row in now.values()
        for reason in (row["changed"] or {"reasons": []})["reasons"]
    ]
    assert any("new" in sentence for sentence in told) and any("older" in sentence for sentence in told)


def test_an_output_that_is_there_is_the_earlier_one(
    project: ProjectFile, scorer: Scorer, earlier: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    out.write_bytes(earlier.read_bytes())
    job(project, scorer, out, as_of=NOW).run()
    job(project, scorer, tmp_path / "named.parquet", as_of=NOW, earlier=earlier).run()
    assert out.read_bytes() == (tmp_path / "named.parquet").read_bytes()


def test_of_another_model_what_is_left_over_is_the_model_s(
    project: ProjectFile, scorer: Scorer, earlier: Path, tmp_path: Path
) -> None:
    job(project, other_model(scorer), tmp_path / "out.parquet", as_of=NOW, earlier=earlier).run()
    rows = [row for row in rows_of(tmp_path / "out.parquet").values() if row["previous_score"] is not None]
    assert all(adds_up(row) and row["why"] == "model" for row in rows)
    moved = [row for row in rows if abs(row["changed"]["model"]) >= 1]
    assert moved
    for row in moved:
        last = row["changed"]["reasons"][-1]
        assert (last["part"], last["sentence"]) == ("model", "new model version")
        assert last["points"] == row["changed"]["model"]


def test_records_that_were_altered_are_news_and_say_so(scorer: Scorer, tmp_path: Path) -> None:
    mine = company(tmp_path / "company")
    job(mine, scorer, tmp_path / "a.parquet", as_of=BEFORE).run()
    leads = pd.read_csv(mine.root / "leads.csv")
    lead = min(rows_of(tmp_path / "a.parquet"))
    of_lead = leads["lead_id"] == lead
    was_large = bool((leads.loc[of_lead, "size"] >= 50).all())
    leads.loc[of_lead, "size"] = 3 if was_large else 150
    leads.to_csv(mine.root / "leads.csv", index=False)
    job(mine, scorer, tmp_path / "b.parquet", as_of=BEFORE, earlier=tmp_path / "a.parquet").run()
    row = rows_of(tmp_path / "b.parquet")[lead]
    assert row["changed"]["news"] == (-5 if was_large else 5) and adds_up(row)
    assert row["changed"]["reasons"][-1]["sentence"] == "what the tables say of the time before was altered"


def test_only_leads_whose_score_can_have_changed_are_told(
    project: ProjectFile, scorer: Scorer, earlier: Path, tmp_path: Path
) -> None:
    asked = {"as_of": NOW, "earlier": earlier, "tolerance": 2.0}
    job(project, scorer, tmp_path / "all.parquet", **asked).run()
    outcome = job(project, scorer, tmp_path / "some.parquet", changed_only=True, **asked).run()
    everybody, some = rows_of(tmp_path / "all.parquet"), rows_of(tmp_path / "some.parquet")
    before = rows_of(earlier)
    expected = {
        lead
        for lead, row in everybody.items()
        if lead not in before
        or row["why"] in ("news", "model")
        or abs(row["score"] - before[lead]["score"]) > 2
        or row["decision"] != before[lead]["decision"]
    }
    assert set(some) == expected and 0 < len(expected) < len(everybody) == outcome.leads
    assert list(some) == sorted(some)
    for lead, row in some.items():
        assert {**row, "why": None} == {**everybody[lead], "why": None}


def test_a_decision_that_changed_is_told_even_if_the_score_did_not(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    first, states = tmp_path / "first.parquet", tmp_path / "states"
    job(project, scorer, first, as_of=BEFORE, states=states).run()
    later = BEFORE + 60_000_000
    job(
        project,
        scorer,
        tmp_path / "some.parquet",
        as_of=later,
        earlier=first,
        states=states,
        changed_only=True,
        tolerance=5.0,
    ).run()
    before, some = rows_of(first), rows_of(tmp_path / "some.parquet")
    assert some and all(row["decision"] != before[lead]["decision"] for lead, row in some.items())
    assert {row["why"] for row in some.values()} == {"decision"}
    assert all(row["reasons_for"] for row in some.values())


def test_what_cannot_be_compared_is_refused(
    project: ProjectFile, scorer: Scorer, earlier: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    with pytest.raises(ConfigError, match="--changed needs --previous with another file than --out"):
        job(project, scorer, out, changed_only=True).run()
    with pytest.raises(DataError, match="it is as of 2025-07-01T00:00:00Z, later than 2025-06-30T00:00:00Z"):
        job(project, scorer, out, earlier=earlier, as_of=BEFORE - 86_400_000_000).run()
    with pytest.raises(DataError, match="the earlier output cannot be read"):
        job(project, scorer, out, earlier=tmp_path / "none.parquet").run()
    pd.DataFrame({"lead_id": ["a"]}).to_parquet(tmp_path / "odd.parquet")
    with pytest.raises(DataError, match="no column `as_of`"):
        job(project, scorer, out, earlier=tmp_path / "odd.parquet").run()
