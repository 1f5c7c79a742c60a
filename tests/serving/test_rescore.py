"""Everybody scored again: the same rows as in memory, whatever the buckets, and whole or not at all."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from rescored import company, in_memory, in_processes, job

from lead_readiness.answer import ROW, from_rows
from lead_readiness.errors import ConfigError, DataError, LeadReadinessError, ModelError
from lead_readiness.moments import read
from lead_readiness.project import ProjectFile
from lead_readiness.scorer import Scorer
from serving.rescore import plan
from serving.rescore.gather import OUTPUT


def test_it_says_what_scoring_and_deciding_in_memory_say(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    outcome = job(project, scorer, out).run()
    found = pq.read_table(out)
    expected = in_memory(project, scorer)
    assert found.schema.equals(OUTPUT) and found.num_rows == outcome.rows == len(expected)
    assert found.select(ROW.names).equals(expected)
    assert [a.as_json() for a in from_rows(found)] == [a.as_json() for a in from_rows(expected)]
    assert list(tmp_path.iterdir()) == [out], "the work folder is gone"


@pytest.mark.parametrize("buckets", [1, 2, 17])
def test_the_number_of_buckets_changes_no_byte(
    project: ProjectFile, scorer: Scorer, tmp_path: Path, buckets: int
) -> None:
    for name, n in (("a", 5), ("b", buckets)):
        job(project, scorer, tmp_path / f"{name}.parquet", buckets=n).run()
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_neither_processes_nor_the_order_of_rows_change_a_byte(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    job(project, scorer, tmp_path / "a.parquet").run()
    shuffled = company(tmp_path / "shuffled")
    for name in ("leads", "events", "outcomes"):
        path = shuffled.root / f"{name}.csv"
        pd.read_csv(path, dtype=str).sample(frac=1, random_state=1).to_csv(path, index=False)
    job(shuffled, scorer, tmp_path / "b.parquet", **in_processes(2)).run()
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_an_asked_for_moment_is_looked_at(project: ProjectFile, scorer: Scorer, tmp_path: Path) -> None:
    when = read("2025-06-01T00:00Z", None)
    job(project, scorer, tmp_path / "out.parquet", as_of=when).run()
    assert pq.read_table(tmp_path / "out.parquet").select(ROW.names).equals(in_memory(project, scorer, when))


def test_csv_holds_the_same_with_nested_values_as_json(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    job(project, scorer, tmp_path / "out.csv").run()
    strings = csv.ConvertOptions(column_types={name: pa.string() for name in OUTPUT.names})
    found = csv.read_csv(tmp_path / "out.csv", convert_options=strings).to_pylist()
    told = [a.as_json() for a in from_rows(in_memory(project, scorer))]
    assert [row["lead_id"] for row in found] == [answer["lead_id"] for answer in told]
    assert [float(row["score"]) for row in found] == [answer["score"] for answer in told]
    assert found[0]["as_of"] == told[0]["as_of"]
    sentences = [[r["sentence"] for r in json.loads(row["reasons_for"])] for row in found]
    assert sentences == [[r["sentence"] for r in answer["reasons"]["for"]] for answer in told]


def test_a_table_is_replaced_and_one_of_somebody_else_is_not(
    project: ProjectFile, scorer: Scorer, url: str, tmp_path: Path
) -> None:
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    for _ in range(2):
        job(project, scorer, f"{url}#scores", work=tmp_path / "work").run()
    with engine.begin() as db:
        found = db.execute(sa.text("SELECT lead_id, score FROM scores ORDER BY lead_id")).all()
        db.execute(sa.text("CREATE TABLE leads (lead_id text)"))
    expected = in_memory(project, scorer)
    assert found == list(zip(expected["lead_id"].to_pylist(), expected["score"].to_pylist()))
    with pytest.raises(DataError, match="is no output of `rescore`"):
        job(project, scorer, f"{url}#leads", work=tmp_path / "work").run()
    engine.dispose()


def test_states_make_the_second_evaluation_another_than_the_first(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    moments = [read(f"2025-06-{day:02d}T00:00Z", None) for day in (2, 9)]
    for moment in moments:
        job(project, scorer, tmp_path / "out.parquet", as_of=moment, states=tmp_path / "states").run()
    after = (tmp_path / "states" / "leads.parquet").read_bytes()
    second = pq.read_table(tmp_path / "out.parquet")
    assert "hand off" in second["decision"].to_pylist()
    job(project, scorer, tmp_path / "again.parquet", as_of=moments[1], states=tmp_path / "states").run()
    again = pq.read_table(tmp_path / "again.parquet")
    assert again.select(ROW.names).equals(second.select(ROW.names)), "the same moment again gives the same"
    assert (tmp_path / "states" / "leads.parquet").read_bytes() == after
    with pytest.raises(DataError, match="the hand-off states are of 2025-06-09"):
        job(project, scorer, tmp_path / "b.parquet", as_of=moments[0], states=tmp_path / "states").run()


def test_two_rescorings_of_one_output_exclude_each_other(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    asked = job(project, scorer, tmp_path / "out.parquet")
    with plan.alone(asked.folder), pytest.raises(LeadReadinessError, match="another rescoring works on this"):
        asked.run()
    asked.run()


def test_a_model_of_other_words_is_refused_by_name(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    fewer = project.model_copy(
        update={"vocabulary": {k: v for k, v in project.vocabulary.items() if k != "call"}}
    )
    other = project.model_copy(
        update={"handoff": project.handoff.model_copy(update={"capacity_per_week": 7})}
    )
    with pytest.raises(ModelError, match="differ in their event kinds: call is the model's alone"):
        job(fewer, scorer, tmp_path / "out.parquet").run()
    with pytest.raises(ModelError, match=r"handoff.capacity_per_week: 7 there, 5 in the model"):
        job(other, scorer, tmp_path / "out.parquet").run()


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("out.xlsx", "expected x.parquet, x.csv or DATABASE_URL#table"),
        ("sqlite:///crm.db", "no table is named"),
        ("sqlite:///crm.db#drop table", "no table is named"),
        ("postgresql://ann:${NO_SUCH_NAME}@host/db#t", "environment variable NO_SUCH_NAME"),
        ("nonsense://x#t", "no database URL"),
    ],
)
def test_an_output_that_cannot_be_is_refused(
    project: ProjectFile, scorer: Scorer, out: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message.replace("$", r"\$").replace("#", r"\#")):
        job(project, scorer, out)


def test_no_open_lead_gives_an_output_without_rows(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    outcome = job(project, scorer, tmp_path / "out.parquet", as_of=read("2020-01-01T00:00Z", None)).run()
    assert outcome.rows == 0 and pq.read_table(tmp_path / "out.parquet").schema.equals(OUTPUT)


def test_bad_rows_are_named_by_file_and_row_as_checking_all_at_once_does(
    scorer: Scorer, tmp_path: Path
) -> None:
    bad = company(tmp_path / "bad")
    leads, events = (pd.read_csv(bad.root / f"{n}.csv", dtype=str) for n in ("leads", "events"))
    leads.loc[7, "created_at"] = "soon"
    leads.loc[600] = leads.loc[99].replace(
        leads.loc[99, "account_id"], "account-3"
    )  # the same lead elsewhere
    events.loc[[3, 400], "lead_id"] = "nobody"
    events.loc[11, "event_id"] = events.loc[900, "event_id"]
    for name, table in (("leads", leads), ("events", events)):
        table.to_csv(bad.root / f"{name}.csv", index=False)
    with pytest.raises(DataError) as refused:
        job(bad, scorer, tmp_path / "out.parquet").run()
    said = str(refused.value)
    for part in (
        "leads.csv: `created_at` is not a date in 1 row\n  row 9: 'soon'",
        "leads.csv: `lead_id` is the id of several rows in 2 rows\n  row 101: 'lead-0099'\n  row 602: 'lead-0099'",
        "events.csv: `lead_id` is no lead of the leads table in 2 rows\n  row 5: 'nobody'\n  row 402: 'nobody'",
        f"events.csv: `event_id` names several different events in 2 rows\n  row 13: '{events.loc[11, 'event_id']}'",
    ):
        assert part in said, said
    assert not (tmp_path / "out.parquet").exists()
    outcome = job(bad, scorer, tmp_path / "out.parquet", quarantine=True).run()
    assert any(note.code == "bad" for note in outcome.notes)
    assert pq.read_table(tmp_path / "out.parquet").select(ROW.names).equals(in_memory(bad, scorer))
