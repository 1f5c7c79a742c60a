"""A bucket's leads assessed: the same rows whatever else is in the bucket, and what a decision needs beside them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from small_company import write_company

from lead_readiness import project as projects
from lead_readiness import rules, sources, tables, timelines
from lead_readiness.bucket import ASSESSED, Asked, assess_bucket, seen_of
from lead_readiness.card import Card
from lead_readiness.errors import DataError
from lead_readiness.features import Catalogue
from lead_readiness.features.attributes import Attributes
from lead_readiness.handoff import Seen
from lead_readiness.moments import read
from lead_readiness.scorer import Scorer

NOW = read("2025-07-01T00:00Z", None)
Raw = dict[str, pa.Table]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scorer, Raw]:
    project = projects.load(write_company(tmp_path_factory.mktemp("company"), 300))
    book = rules.load(Path(project.root) / project.rules, project)
    catalogue = Catalogue((), Attributes(), project.kinds, project.kinds)
    card = Card({}, 0, 1, 1, 0, 0)
    return Scorer(project.meaning(), book, catalogue, None, None, None, card), sources.read(project)


def assess(scorer: Scorer, raw: Raw, asked: Asked | None = None) -> pa.Table:
    return assess_bucket(scorer, raw["leads"], raw["events"], raw["outcomes"], None, NOW, asked)


def of_accounts(raw: Raw, accounts: list[str]) -> Raw:
    leads = raw["leads"].filter(pc.is_in(raw["leads"]["account_id"], value_set=pa.array(accounts)))
    own = {
        n: t.filter(pc.is_in(t["lead_id"], value_set=leads["lead_id"].combine_chunks()))
        for n, t in raw.items()
    }
    return {**own, "leads": leads}


def test_rows_are_sorted_open_leads_with_the_columns_promised(company: tuple[Scorer, Raw]) -> None:
    scorer, raw = company
    found = assess(scorer, raw)
    assert found.schema.equals(ASSESSED)
    ids = found["lead_id"].to_pylist()
    known = timelines.build(tables.validate(scorer.project, **raw), scorer.project)
    assert ids == sorted(known.lead_ids[(known.created < NOW) & (known.decided > NOW)])
    assert found["decision"].null_count == len(found) and all(found["told"].to_pylist())


def test_a_bucket_gives_the_rows_that_everybody_together_gives(company: tuple[Scorer, Raw]) -> None:
    scorer, raw = company
    every = raw["leads"]["account_id"].unique().to_pylist()
    whole = assess(scorer, raw)
    parts = [assess(scorer, of_accounts(raw, every[n::3])) for n in range(3)]
    assert pa.concat_tables(parts).sort_by("lead_id").equals(whole.combine_chunks())


def test_seen_of_gives_what_the_timelines_give(company: tuple[Scorer, Raw]) -> None:
    scorer, raw = company
    known = timelines.build(tables.validate(scorer.project, **raw), scorer.project)
    lead = np.flatnonzero((known.created < NOW) & (known.decided > NOW)).astype(np.int32)
    lead = lead[np.argsort(known.lead_ids[lead])]
    scored = scorer.assess(known, lead, np.full(len(lead), NOW))
    expected = Seen.from_timelines(
        scorer.project, known, lead, NOW, scored.score, scored.probability, scored.replay.triggered
    )
    found = seen_of(assess(scorer, raw))
    for name, column in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), column, strict=True, err_msg=name)


def test_only_the_leads_asked_for(company: tuple[Scorer, Raw]) -> None:
    scorer, raw = company
    two = assess(scorer, raw)["lead_id"].slice(3, 2)
    found = assess(scorer, raw, Asked(only=two.combine_chunks()))
    assert found["lead_id"].to_pylist() == two.to_pylist() and found["why"].to_pylist() == ["decision"] * 2


def test_what_cannot_have_changed_is_not_told(company: tuple[Scorer, Raw]) -> None:
    scorer, raw = company
    before = assess(scorer, raw)
    again = assess(scorer, raw, Asked(previous=before, changed_only=True))
    assert not any(again["told"].to_pylist()) and again["reasons_for"].null_count == len(again)
    for name in ("lead_id", "score", "triggered"):
        assert again[name].equals(before[name])


def test_bad_rows_are_refused(company: tuple[Scorer, Raw]) -> None:
    scorer, raw = company
    strays = raw["events"].set_column(0, "lead_id", pa.array(["nobody"] * len(raw["events"])))
    with pytest.raises(DataError, match="is no lead of the leads table"):
        assess(scorer, {**raw, "events": strays})
