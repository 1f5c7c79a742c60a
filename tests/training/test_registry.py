"""What a training leaves in MLflow, and what comes back from it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lead_readiness import moments
from lead_readiness.errors import DataError, LeadReadinessError, ModelError
from lead_readiness.scorer import Scorer
from training import dataset
from training.tracking import inputs, promotion, record
from training.tracking.model_code import just_after, tables_of
from training.tracking.registry import Kept, Policy, Training, fingerprint, keep, load_scorer
from training.tracking.store import Store, opened

ROOT = Path(__file__).resolve().parents[2]
JULY = "2025-07-01T00:00:00Z"
INSTANTS = [moments.read(f"2025-07-{day}T00:00Z", None) for day in ("07", "14", "21")]
COLUMNS = ["lead_id", "as_of", "score", "probability", "rule_points", "grade", "reasons", "version"]


@pytest.fixture(scope="module")
def kept(company, store) -> Kept:
    frames = inputs.frames(company.data.timelines)
    course = pd.DataFrame({"so_far/precision": [np.nan, 0.25, 0.5]}, index=INSTANTS)
    training = Training(
        company.scorer,
        name="keep champion, 2025-12-27",
        about="Keep the champion.",
        marks={"verdict": "keep champion"},
        params={"seed": 0},
        tags={"scorer": company.scorer.version, "left_out": "x" * 9000},
        metrics={"model_lift": 2.5},
        course=pd.DataFrame({"winners_so_far/gain": [0.0, 0.1, -0.1]}, index=INSTANTS),
        policies=[
            Policy("model", {"seed": 0}, {"policy": "model"}, {"lift": 2.5, "vs_rules/lift": 0.5}, course),
            Policy("rules", {"seed": 0}, {"policy": "rules"}, {"lift": 2.0}),
        ],
        inputs={"events": (frames["events"], "events.csv")},
        texts={"inputs/rules.yaml": "name: Small rules"},
        documents={"comparison": {"winners": 55}},
        tables={"differences": pd.DataFrame({"measure": ["lift"]})},
    )
    return keep(training, store)


@pytest.fixture(scope="module")
def model(kept, store):
    mlflow.set_tracking_uri(store.uri)
    mlflow.set_registry_uri(store.uri)
    return mlflow.pyfunc.load_model(kept.uri)


@pytest.fixture
def client(store):
    return store.client


def assessed(company, as_of: int) -> pd.DataFrame:
    """The answer that `Scorer.assess` gives for every lead, by lead."""
    lines = company.data.timelines
    everyone = np.arange(len(lines), dtype=np.int32)
    frame = company.scorer.assess(lines, everyone, np.full(len(lines), as_of, np.int64)).frame()
    return frame.set_index("lead_id").sort_index()


# --- a run ---------------------------------------------------------------------------------------------------


def test_a_training_is_one_run_of_the_project_s_experiment(kept, client, company):
    run = client.get_run(kept.run_id)
    experiment = client.get_experiment(kept.experiment_id)
    assert experiment.name == "Small company"
    assert (run.info.status, run.data.params) == ("FINISHED", {"seed": "0"})
    assert run.info.run_name == "keep champion, 2025-12-27"
    assert run.data.metrics == {"model_lift": 2.5, "winners_so_far/gain": -0.1}
    assert run.data.tags["scorer"] == company.scorer.version
    assert run.data.tags["left_out"] == "x" * 7999 + "…", "MLflow takes no longer tags"
    assert {a.path for a in client.list_artifacts(kept.run_id)} >= {
        "inputs",
        "comparison.json",
        "differences.csv",
    }


def below(client, kept: Kept) -> list[mlflow.entities.Run]:
    """The runs below a training's, as MLflow lists them: the last one made first."""
    return client.search_runs([kept.experiment_id], f"tags.`mlflow.parentRunId` = '{kept.run_id}'")


def test_each_policy_is_a_finished_run_below_it_the_first_one_listed_first(kept, client):
    runs = below(client, kept)
    assert [(run.info.run_name, run.info.status, run.data.tags["policy"]) for run in runs] == [
        ("model", "FINISHED", "model"),
        ("rules", "FINISHED", "rules"),
    ]
    assert [run.data.metrics["lift"] for run in runs] == [2.5, 2.0]
    assert runs[0].data.metrics["vs_rules/lift"] == 0.5
    assert runs[0].data.params == {"seed": "0"}


def test_a_course_is_steps_from_0_at_its_instants_without_what_is_no_number(kept, client):
    def history(run_id: str, name: str) -> list[tuple[int, int, float]]:
        points = client.get_metric_history(run_id, name)
        return [(point.step, point.timestamp * 1000, point.value) for point in points]

    assert history(kept.run_id, "winners_so_far/gain") == list(zip(range(3), INSTANTS, [0.0, 0.1, -0.1]))
    model = below(client, kept)[0].info.run_id
    assert history(model, "so_far/precision") == [(1, INSTANTS[1], 0.25), (2, INSTANTS[2], 0.5)]


def test_the_version_tells_the_verdict_and_the_model_who_is_champion(kept, client):
    version = client.get_model_version(kept.model, kept.version)
    assert (version.description, version.tags["verdict"]) == ("Keep the champion.", "keep champion")
    assert (
        "The rule book is the champion until a person promotes"
        in client.get_registered_model(kept.model).description
    )
    assert (
        client.get_experiment(kept.experiment_id).tags["mlflow.experimentKind"] == "custom_model_development"
    )


def test_tables_are_described_and_not_stored(kept, client, company):
    (described,) = client.get_run(kept.run_id).inputs.dataset_inputs
    events = inputs.frames(company.data.timelines)["events"]
    assert (described.dataset.name, described.dataset.digest) == ("events", fingerprint(events))
    assert json.loads(described.dataset.profile)["num_rows"] == len(events)
    assert "events.csv" in described.dataset.source
    assert not [a for a in client.list_artifacts(kept.run_id) if "events" in a.path]


def test_the_model_holds_the_scorer_and_no_pickle(kept, store):
    mlflow.set_tracking_uri(store.uri)
    folder = Path(mlflow.artifacts.download_artifacts(kept.uri))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"scorer.json", "linear.npz", "trees.txt", "manifest.json"} <= {path.name for path in files}
    assert [p.name for p in files if p.suffix in {".pkl", ".pickle", ".joblib", ".nbi", ".nbc", ".pyc"}] == []
    for path in files:
        assert path.read_bytes()[:1] != b"\x80", f"{path} begins as a pickle does"
        if path.suffix == ".npz":
            arrays = zipfile.ZipFile(path)
            assert not any(b"'O'" in arrays.read(name)[:128] for name in arrays.namelist())


def test_the_stored_example_is_made_up(kept, store, company):
    mlflow.set_tracking_uri(store.uri)
    example = Path(mlflow.artifacts.download_artifacts(kept.uri)) / "input_example.json"
    assert "lead-0" not in example.read_text(encoding="utf-8")


def test_each_training_is_a_new_version_and_the_challenger(kept, company, store, client):
    again = keep(Training(company.scorer), store)
    assert (kept.model, int(again.version)) == ("small-company-readiness", int(kept.version) + 1)
    assert str(client.get_model_version_by_alias(kept.model, "challenger").version) == again.version
    unregistered = keep(Training(company.scorer), store, register=False)
    assert unregistered.version is None
    assert str(client.get_model_version_by_alias(kept.model, "challenger").version) == again.version
    assert load_scorer(unregistered.uri, store).version == company.scorer.version


class Unwritable(Figure):
    """A figure whose writing ends in what it is given."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def savefig(self, *_: object, **__: object) -> None:
        raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no room")])
def test_an_interrupted_run_leaves_nothing_that_counts(error, kept, company, store, client):
    runs = client.search_runs([kept.experiment_id])
    versions = client.search_model_versions(f"name='{kept.model}'")
    with pytest.raises(type(error)):
        keep(Training(company.scorer, figures={"gain": Unwritable(error)}), store)
    assert len(client.search_runs([kept.experiment_id])) == len(runs)
    assert len(client.search_model_versions(f"name='{kept.model}'")) == len(versions)
    assert mlflow.active_run() is None


def test_a_model_interrupted_in_its_writing_is_deleted_with_its_run(
    kept, company, store, client, monkeypatch
):
    def interrupted(folder: Path) -> Scorer:
        raise KeyboardInterrupt

    models = client.search_logged_models([kept.experiment_id])
    monkeypatch.setattr(Scorer, "load", interrupted)  # MLflow loads the model to try it on its example
    with pytest.raises(KeyboardInterrupt):
        keep(Training(company.scorer), store)
    assert len(client.search_logged_models([kept.experiment_id])) == len(models)


# --- interrupted, or refused, while it registers --------------------------------------------------------------

STEPS = ["create_model_version", "set_registered_model_alias"]


def everything(client, kept: Kept) -> tuple[dict[str, str], set[str], set[str]]:
    """What counts in a store: aliases, versions, runs."""
    found = client.get_registered_model(kept.model)
    versions = client.search_model_versions(f"name='{kept.model}'")
    runs = client.search_runs([kept.experiment_id])
    return dict(found.aliases), {v.version for v in versions}, {run.info.run_id for run in runs}


def break_after(monkeypatch, client, step: str, error: BaseException, call: int = 1) -> list[str]:
    """Make a client's method do its work and, the given time, end in ``error``; its calls are told."""
    real, called = getattr(type(client), step), []

    def broken(*arguments: object, **named: object) -> object:
        done = real(*arguments, **named)
        called.append(step)
        if len(called) == call:
            raise error
        return done

    monkeypatch.setattr(type(client), step, broken)
    return called


@pytest.mark.parametrize("step", STEPS)
def test_interrupted_while_it_registers_all_is_as_before(step, kept, company, store, client, monkeypatch):
    before = everything(client, kept)
    called = break_after(monkeypatch, client, step, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        keep(Training(company.scorer, policies=[Policy("model")]), store)
    assert called
    assert everything(client, kept) == before
    assert mlflow.active_run() is None


@pytest.mark.parametrize("step", STEPS)
def test_a_store_that_fails_while_it_registers_keeps_the_run_and_says_so(
    step, kept, company, store, client, monkeypatch
):
    aliases, versions, runs = everything(client, kept)
    break_after(monkeypatch, client, step, OSError("disk full"))
    said = r"refused to register the model: disk full; the run is kept, but its scorer is no version of .*: use it"
    with pytest.raises(LeadReadinessError, match=said) as refused:
        keep(Training(company.scorer), store)
    aliases_now, versions_now, runs_now = everything(client, kept)
    assert (aliases_now, versions_now, len(runs_now - runs)) == (aliases, versions, 1)
    assert client.get_run(*(runs_now - runs)).info.status == "FAILED"
    uri = str(refused.value).split("use it as ")[1].split(",")[0]
    assert load_scorer(uri, store).version == company.scorer.version


def test_the_first_training_of_a_model_interrupted_leaves_no_model(company, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    new = opened(tmp_path)
    break_after(monkeypatch, new.client, "create_model_version", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        keep(Training(company.scorer), new)
    assert list(new.client.search_registered_models()) == []


def test_what_cannot_be_undone_is_said(company, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    new = opened(tmp_path)
    break_after(monkeypatch, new.client, "create_model_version", KeyboardInterrupt())
    break_after(monkeypatch, new.client, "delete_model_version", OSError("the server is gone"))
    said = r"undo what was begun: the server is gone; look at small-company-readiness in MLflow: a version of run"
    with pytest.raises(LeadReadinessError, match=said):
        keep(Training(company.scorer), new)


def test_runs_below_an_interrupted_one_go_with_it(kept, company, store, client, monkeypatch):
    before = everything(client, kept)
    break_after(monkeypatch, client, "create_run", KeyboardInterrupt(), call=3)
    with pytest.raises(KeyboardInterrupt):
        keep(Training(company.scorer, policies=[Policy("model"), Policy("rules")]), store)
    assert everything(client, kept) == before


# --- predict -------------------------------------------------------------------------------------------------


def test_predict_gives_what_assess_gives(model, rows, company):
    cut = company.data.timelines.cut
    found = model.predict(rows, params={"as_of": moments.written(cut)})
    assert list(found.columns) == COLUMNS
    assert list(found["lead_id"]) == list(dict.fromkeys(rows["lead_id"]))
    wanted = assessed(company, cut)
    pd.testing.assert_frame_equal(
        found.set_index("lead_id").sort_index().drop(columns="version"), wanted, check_exact=True
    )
    assert set(found["version"]) == {company.scorer.version}


@pytest.mark.parametrize(
    "changed",
    [
        lambda rows: rows.sample(frac=1, random_state=1),
        lambda rows: rows.assign(created_at=pd.to_datetime(rows["created_at"])),
        lambda rows: rows.assign(size=rows["size"].astype("float64")),
        lambda rows: rows.assign(unknown_column=1),
        lambda rows: rows.assign(source=rows["source"].astype("category")),
    ],
    ids=["shuffled", "typed dates", "decimal numbers", "more columns", "categories"],
)
def test_predict_takes_rows_as_they_come(changed, model, rows):
    as_of = {"as_of": JULY}
    wanted = model.predict(rows, params=as_of).sort_values("lead_id", ignore_index=True)
    found = model.predict(changed(rows), params=as_of).sort_values("lead_id", ignore_index=True)
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)


def test_without_as_of_leads_are_scored_just_after_the_last_moment_in_the_input(model, rows, company):
    columns = ["created_at", "occurred_at", "decided_at"]
    latest = pd.concat([pd.to_datetime(rows[c]) for c in columns]).max()
    found = model.predict(rows)
    assert set(found["as_of"]) == {latest + pd.Timedelta(microseconds=1)}
    assert just_after(company.data.timelines) == int(latest.timestamp() * 1e6) + 1


def test_a_lead_without_events_is_a_row_with_an_empty_kind(model, rows, company):
    bare = rows.head(1).assign(kind=None, occurred_at=None, event_id=None, outcome=None)
    (row,) = model.predict(bare, params={"as_of": JULY}).itertuples(index=False)
    assert row.lead_id == rows["lead_id"].iloc[0]
    assert {n: len(t) for n, t in tables_of(company.scorer.project, bare).items()} == {
        "leads": 1,
        "events": 0,
        "outcomes": 0,
        "handoffs": 0,
    }


def test_outcomes_and_hand_offs_may_come_along(model, rows, company):
    returned = rows.head(1).assign(
        kind=None, handed_off_at=JULY, returned_at="2025-08-01T00:00Z", reason="price"
    )
    both = pd.concat([rows, returned])
    parts = tables_of(company.scorer.project, both)
    assert len(parts["outcomes"]) == len(pd.read_csv(company.path.with_name("outcomes.csv")))
    assert parts["handoffs"]["reason"].tolist() == ["price"]
    pd.testing.assert_frame_equal(parts["leads"], tables_of(company.scorer.project, rows)["leads"])
    assert set(model.predict(both)["as_of"]) == set(model.predict(rows)["as_of"])


def test_a_local_as_of_is_read_in_the_project_s_time_zone(model, rows):
    local, utc = (model.predict(rows, params={"as_of": t}) for t in ("2025-07-01T02:00", JULY))
    pd.testing.assert_frame_equal(local, utc)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda rows: rows.assign(occurred_at="soon"), "`occurred_at` is not a date"),
        (lambda rows: rows.assign(created_at=rows["occurred_at"]), "lead_id"),
        (lambda rows: rows.assign(size="many"), "`size` is not a number"),
    ],
    ids=["no date", "two leads of one id", "no number"],
)
def test_rows_that_break_the_contract_are_refused(changed, message, model, rows):
    with pytest.raises(DataError, match=message):
        model.predict(changed(rows))


def test_a_missing_column_is_named(rows, company):
    with pytest.raises(DataError, match=r"no column `size`; found `lead_id`, .*; expected one row an event"):
        tables_of(company.scorer.project, rows.drop(columns="size"))


# --- the way back --------------------------------------------------------------------------------------------


def test_a_scorer_comes_back_from_a_model_a_run_and_a_folder(kept, company, store, tmp_path):
    company.scorer.save(tmp_path)
    addresses = (
        kept.uri,
        f"models:/{kept.model}/{kept.version}",
        f"runs:/{kept.run_id}/model",
        str(tmp_path),
    )
    assert {load_scorer(a, store).version for a in addresses} == {company.scorer.version}


@pytest.mark.parametrize("address", ["models:/nobody@challenger", "runs:/0123456789abcdef/model"])
def test_a_model_that_is_not_there_is_refused(address, store):
    with pytest.raises(ModelError, match=f"no scorer at {address} .*train first, or name another model"):
        load_scorer(address, store)


# --- what is fingerprinted and what is kept secret -----------------------------------------------------------


def test_a_fingerprint_knows_content_and_not_the_order_of_rows(company, tmp_path):
    for path in company.path.parent.iterdir():
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            text = pd.read_csv(path).sample(frac=1, random_state=2).to_csv(index=False)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    shuffled = inputs.frames(dataset.load(tmp_path / "readiness.toml").timelines)
    frames = inputs.frames(company.data.timelines)
    assert {n: fingerprint(f) for n, f in shuffled.items()} == {n: fingerprint(f) for n, f in frames.items()}
    assert fingerprint(frames["leads"]) != fingerprint(frames["leads"].assign(size=1.0))


@pytest.mark.parametrize(
    ("written", "kept_as"),
    [
        ("postgresql://reader:hunter2@db/crm", "postgresql://reader:***@db/crm"),
        ("postgresql://reader:${PASSWORD}@db/crm", "postgresql://reader:${PASSWORD}@db/crm"),
        ("postgresql://db/crm?user=a&password=hunter2", "postgresql://db/crm?user=a&password=***"),
        ("sqlite:///crm.db", "sqlite:///crm.db"),
    ],
)
def test_passwords_do_not_go_to_mlflow(written, kept_as, tmp_path):
    path = tmp_path / "readiness.toml"
    path.write_text(f'[tables.leads]\nurl = "{written}"\ntable = "leads"\n', encoding="utf-8")
    assert record.without_secrets(path) == f'[tables.leads]\nurl = "{kept_as}"\ntable = "leads"\n'


# --- the store -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("http://127.0.0.1:9", "refused"),
        ("sqlite:////no/such/folder/mlflow.db", "no folder /no/such/folder"),
        ("bogus://x", "unsupported URI"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_at_once(uri, why, tmp_path):
    with pytest.raises(LeadReadinessError, match=f"store {uri} cannot be used .*{why}.*--tracking-uri"):
        opened(tmp_path, uri)


def test_the_environment_names_the_store_and_an_argument_overrides_it(store, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    assert opened(tmp_path).uri == store.uri
    assert opened(tmp_path, f"sqlite:///{tmp_path}/other.db").uri.endswith("other.db")
    assert not (tmp_path / ".readiness" / "mlflow.db").exists()


def test_no_store_is_made_where_one_is_only_looked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(
        LeadReadinessError, match="no training is kept there; run `lead-readiness train` first"
    ):
        opened(tmp_path, make=False)
    assert list(tmp_path.iterdir()) == []


def test_where_to_look(store, monkeypatch):
    monkeypatch.chdir(Path(store.uri.removeprefix("sqlite:///")).parents[1])
    assert store.where_to_look("1", "r").endswith("ui --backend-store-uri sqlite:///.readiness/mlflow.db")
    assert Store("http://host:5000/").where_to_look("1", "r") == "http://host:5000/#/experiments/1/runs/r"


# --- a server, and a process that has only the requirements --------------------------------------------------

ALONE = """
import sys
root = sys.argv[1]
sys.path[:] = [p for p in sys.path if p and not p.startswith(root + "/src") and p != root]
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[2])
answer = model.predict(pd.read_csv(sys.argv[3]), params={"as_of": sys.argv[4]})
import lead_readiness
assert not lead_readiness.__file__.startswith(root), lead_readiness.__file__
assert not {"training", "lightgbm", "duckdb"} & set(sys.modules)
answer.to_json(sys.argv[5], orient="records", double_precision=15)
"""


@pytest.fixture
def server(tmp_path) -> Iterator[str]:
    """A tracking server of our own on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination",
        str(tmp_path / "kept"),
    ]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
        *places,
    ]
    uri = f"http://127.0.0.1:{port}"
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, cwd=tmp_path)
        try:
            _wait_for(uri, process, tmp_path / "server.log")
            yield uri
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def _wait_for(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            urllib.request.urlopen(f"{uri}/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(log.read_text(encoding="utf-8"))


def _promoted_and_back(store: Store, model: str) -> None:
    """A promotion on a server is what it is in a file."""
    with pytest.raises(LeadReadinessError, match="its verdict is 'keep champion'"):
        promotion.promote(store, model, JULY)
    assert promotion.standing(store, model).champion == "rules"
    promotion.promote(store, model, JULY, reason="sales ask for it")
    assert promotion.standing(store, model) == promotion.Standing(
        model, {"challenger": "1", "champion": "1"}, ("rules",)
    )
    with pytest.raises(LeadReadinessError, match="champion already"):
        promotion.promote(store, model, JULY, "1", "again")
    promotion.back(store, model, JULY)
    assert promotion.standing(store, model) == promotion.Standing(model, {"challenger": "1"}, ())
    with pytest.raises(ModelError, match="no model nobody in"):
        promotion.standing(store, "nobody")


@pytest.mark.slow
def test_a_model_on_a_server_answers_where_the_checkout_is_not(server, company, rows, tmp_path):
    store = opened(tmp_path, server)
    training = Training(
        company.scorer,
        marks={"verdict": "keep champion"},
        inputs={"leads": (rows[["lead_id"]], "leads.csv")},
        policies=[Policy("model", {"seed": 0}, {}, {"lift": 2.5})],
    )
    kept = keep(training, store)
    assert kept.uri == "models:/small-company-readiness@challenger"
    assert [run.info.run_name for run in below(store.client, kept)] == ["model"]
    _promoted_and_back(store, kept.model)
    assert store.where_to_look(kept.experiment_id, kept.run_id).startswith(server)
    assert load_scorer(kept.uri, store).version == company.scorer.version
    rows.to_csv(tmp_path / "rows.csv", index=False)
    arguments = [str(ROOT), kept.uri, "rows.csv", JULY, "answer.json"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": server}
    subprocess.run([sys.executable, "-c", ALONE, *arguments], check=True, cwd=tmp_path, env=environment)
    found = pd.read_json(tmp_path / "answer.json").set_index("lead_id").sort_index()
    wanted = assessed(company, moments.read(JULY, None))
    for column in ("score", "probability", "rule_points"):
        np.testing.assert_allclose(found[column], wanted[column], rtol=1e-12)
    assert found["reasons"].tolist() == wanted["reasons"].tolist()
    assert set(found["version"]) == {company.scorer.version}
    assert Scorer.load(Path(mlflow.artifacts.download_artifacts(f"{kept.uri}/artifacts/scorer"))).version


def test_the_model_s_name_comes_from_the_project(company):
    assert company.scorer.project.model_name == "small-company-readiness"
