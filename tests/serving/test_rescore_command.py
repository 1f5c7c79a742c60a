"""`lead-readiness rescore` as people call it: what it says, what it leaves, and what it refuses."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from rescored import company, in_memory, rule_scorer

from lead_readiness.answer import ROW
from lead_readiness.cli import main
from lead_readiness.moments import written
from lead_readiness.project import ProjectFile
from serving.store import Lead, Store
from training.tracking.registry import Training, keep
from training.tracking.store import Store as MlflowStore


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectFile:
    made = company(tmp_path_factory.mktemp("company"))
    rule_scorer(made).save(made.root / "model")
    return made


def call(project: ProjectFile, *arguments: object) -> Result:
    usual = ("--project", project.root / "readiness.toml", "--model", project.root / "model", "--workers", 1)
    return CliRunner().invoke(main, ["rescore", *map(str, (*usual, *arguments))])


def test_it_writes_the_output_and_says_so(project: ProjectFile, tmp_path: Path) -> None:
    done = call(project, "--out", tmp_path / "out.parquet")
    assert done.exit_code == 0, done.output
    expected = in_memory(project, rule_scorer(project))
    assert pq.read_table(tmp_path / "out.parquet").select(ROW.names).equals(expected)
    rows, when = f"{len(expected):,}", written(expected["as_of"].cast("int64")[0].as_py())
    assert f"{rows} of {rows} open leads as of {when} written to {tmp_path}/out.parquet" in done.output


def test_tables_come_from_a_folder_of_parquet(project: ProjectFile, tmp_path: Path) -> None:
    for name in ("leads", "events", "outcomes"):
        pd.read_csv(project.root / f"{name}.csv").to_parquet(tmp_path / f"{name}.parquet")
    done = call(project, "--from", tmp_path, "--out", tmp_path / "out.parquet")
    assert done.exit_code == 0, done.output
    expected = in_memory(project, rule_scorer(project))
    assert pq.read_table(tmp_path / "out.parquet").select(ROW.names).equals(expected)


def test_the_store_gets_scores_decisions_and_states(project: ProjectFile, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    ids = in_memory(project, rule_scorer(project))["lead_id"].to_pylist()
    with Store.open(url) as store:
        store.ingest([Lead(i, created_at=1) for i in ids], [], now_us=2)
    done = call(project, "--out", tmp_path / "out.parquet", "--store", url)
    assert done.exit_code == 0, done.output
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    with Store.open(url) as store:
        found, states = store.latest(ids), store.states()
    assert {i: score.score for i, score in found.items()} == {row["lead_id"]: row["score"] for row in rows}
    assert {i: score.decision["clause"] for i, score in found.items()} == {
        row["lead_id"]: row["clause"] for row in rows
    }
    assert states.lead_id.tolist() == ids


@pytest.mark.slow
def test_unless_named_the_model_is_the_champion_or_while_there_is_none_the_challenger(
    project: ProjectFile, tmp_path: Path
) -> None:
    store = MlflowStore(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")
    scorer = rule_scorer(project)
    later = replace(scorer, card=replace(scorer.card, leads=2))

    def models() -> tuple[set[str], str]:
        usual = ("--project", project.root / "readiness.toml", "--tracking-uri", store.uri, "--workers", 1)
        done = CliRunner().invoke(main, ["rescore", *map(str, usual), "--out", str(tmp_path / "out.parquet")])
        assert done.exit_code == 0, done.output
        return set(pq.read_table(tmp_path / "out.parquet")["model"].to_pylist()), done.output

    kept = keep(Training(scorer), store)
    used, said = models()
    assert used == {scorer.version}
    assert "there is no champion yet; taking the challenger" in said
    store.client.set_registered_model_alias(kept.model, "champion", kept.version)
    keep(Training(later), store)
    used, said = models()
    assert used == {scorer.version} != {later.version}
    assert "challenger" not in said


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--out", "x.parquet", "--scheduler", "tcp://host:1"), 2, "add --engine dask"),
        (("--out", "x.xlsx"), 2, "expected x.parquet, x.csv or DATABASE_URL#table"),
        (("--out", "x.parquet", "--memory", "much"), 2, "'much' is no amount of memory"),
        (("--out", "x.parquet", "--from", "."), 2, "no leads.parquet there"),
        (("--out", "x.parquet", "--model", "nowhere"), 2, "nowhere: no scorer"),
        (("--out", "no/such/x.parquet"), 2, "its folder is missing or cannot be written to"),
        (("--out", "x.parquet", "--as-of", "soon"), 2, "the moment 'soon' is not a date"),
    ],
)
def test_what_cannot_be_done_is_refused(
    project: ProjectFile,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = call(project, *arguments)
    assert refused.exit_code == code and message in refused.output, refused.output
    assert list(tmp_path.iterdir()) == []
