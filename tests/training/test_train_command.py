"""`lead-readiness train` and `demo`: what they print, what they leave behind, how they end."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from small_company import write_company

from lead_readiness.cli import main
from training import job
from training.tracking.store import DATABASE, FOLDER, Store

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 100


def train(path: Path, *more: str, store: Store | None = None, **environment: str) -> Result:
    where = ["--tracking-uri", store.uri] if store else []
    return CliRunner().invoke(main, ["train", "--project", str(path), *where, *more], env=environment)


def copy_company(path: Path, folder: Path) -> Path:
    for file in path.parent.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    return folder / path.name


def plain(text: str) -> str:
    """What a person reads: no colours, single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", text))


def versions(store: Store, name: str = "small-company-readiness") -> list[str]:
    return [str(v.version) for v in store.client.search_model_versions(f"name='{name}'")]


@pytest.fixture(scope="module")
def trained(company, store) -> Result:
    return train(company.path, "--top", "3", store=store, COLUMNS=str(WIDTH), FORCE_COLOR="1")


@pytest.mark.slow
def test_train_tells_estimand_comparison_leads_and_where_to_look(trained, store):
    text = plain(trained.stdout)
    assert trained.exit_code == 0, trained.output
    for told in (
        "P(won within 30 days | history), under the hand-off policy of the past.",
        "An association: nothing here says that a call causes a win.",
        "500 leads of 250 accounts",
        "At 5 leads a week the model reaches",
        "this test can see a difference of",
        "Calibration: of every 100 wins foretold",
        "model rules difference at 5 leads a week winners reached",
        "Ready now: the top 3 of",
        f"explain lead-0{text.split('explain lead-0')[1][:3]} --project",
    ):
        assert told in text
    assert re.search(r"ROC AUC 0\.\d+ \(0\.\d+ to 0\.\d+\) 0\.\d+ \(0\.\d+ to 0\.\d+\) [-+]?0\.\d+ \(", text)
    assert f"ui --backend-store-uri {store.uri}" in text.replace(" ", "") or "ui --backend-store-uri" in text


@pytest.mark.slow
def test_train_fits_a_terminal_of_100_columns(trained):
    lines = re.sub(r"\x1b\[[0-9;]*m", "", trained.stdout).splitlines()
    assert [line for line in lines if len(line.rstrip()) > WIDTH] == []


@pytest.mark.slow
def test_train_keeps_run_model_figures_and_metrics_with_intervals(trained, company, store):
    experiment = store.client.get_experiment_by_name("Small company")
    runs = store.client.search_runs([experiment.experiment_id], "metrics.model_lift > 0")
    run = next(run for run in runs if run.inputs.dataset_inputs)
    metrics = run.data.metrics
    assert metrics["difference_winners_reached_low"] <= metrics["difference_winners_reached_high"]
    assert {"model_roc_auc_low", "rules_roc_auc_high", "learned_wins", "blend_linear"} <= set(metrics)
    assert {d.dataset.name for d in run.inputs.dataset_inputs} == {"leads", "events", "outcomes"}
    plots = {a.path for a in store.client.list_artifacts(run.info.run_id, "plots")}
    pictures = ("behaviours", "calibration", "days_gained", "gain", "weeks")
    assert plots == {f"plots/{name}.png" for name in pictures}
    assert run.data.tags["rule_book.fingerprint"] == company.data.book.fingerprint
    assert run.data.params["horizon_days.all"] == "30"


@pytest.fixture
def run(trained, store):
    """The run of that training."""
    experiment = store.client.get_experiment_by_name("Small company")
    version = re.search(r"scorer ([0-9a-f]{12})", plain(trained.stdout))[1]
    found = store.client.search_runs([experiment.experiment_id], f"tags.scorer = '{version}'")
    return next(run for run in found if run.inputs.dataset_inputs)


@pytest.mark.slow
def test_train_keeps_the_verdict_with_run_and_version(run, trained, store):
    verdict = run.data.tags["verdict"]
    assert f"Verdict: {verdict}" in plain(trained.stdout)
    assert run.info.run_name.startswith(f"{verdict}, {run.data.tags['scorer'][:6]}, 2025-12-")
    (version,) = store.client.search_model_versions(f"run_id = '{run.info.run_id}'")
    assert version.tags["verdict"] == verdict
    assert version.tags["winners_reached.model"].endswith(")")
    assert version.description.startswith(run.data.tags["verdict.words"])


@pytest.mark.slow
def test_the_run_s_note_begins_with_the_verdict_and_has_both_tables(run):
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith(f"**{run.data.tags['verdict.words']}**")
    for told in ("|  | model | rules | difference |", "| winners reached |", "| gate |  | found | needed |"):
        assert told in note
    for told in (
        "**What is predicted.** P(won within 30 days | history)",
        "**Learned from.** ",
        "**Left out.** ",
    ):
        assert told in note


@pytest.mark.slow
def test_every_policy_is_a_run_below_it_with_the_same_names(run, store):
    parent = f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    below = {r.data.tags["policy"]: r for r in store.client.search_runs([run.info.experiment_id], parent)}
    assert {"model", "rules", "linear voice", "most recent first", "14-day count", "naive Bayes"} <= set(
        below
    )
    shared = {"winners_reached", "days_gained", "precision", "lift", "roc_auc", "so_far/winners_reached"}
    for name, each in below.items():
        metrics = each.data.metrics
        assert shared <= set(metrics), name
        assert metrics["so_far/winners_reached"] == pytest.approx(metrics["winners_reached"]), "the last step"
        assert ("vs_rules/winners_reached" in metrics) == (name != "rules")
    assert run.data.metrics["model_lift"] == below["model"].data.metrics["lift"]
    assert run.data.metrics["difference_lift"] == below["model"].data.metrics["vs_rules/lift"]
    assert run.data.metrics["days_so_far/gain"] == pytest.approx(run.data.metrics["difference_days_gained"])


@pytest.mark.slow
def test_review_lists_it_and_shows_its_gates(run, trained, company, store):
    def review(*more: str) -> str:
        where = ["--project", str(company.path), "--tracking-uri", store.uri]
        done = CliRunner().invoke(main, ["review", *where, *more])
        assert done.exit_code == 0, done.output
        return plain(done.stdout)

    assert "Champion: the rules; no version has the alias `champion`." in review()
    told = review("--run", run.info.run_id)
    assert plain(run.data.tags["verdict.words"]) in told
    (version,) = store.client.search_model_versions(f"run_id = '{run.info.run_id}'")
    assert f"small-company-readiness version {version.version}" in review("--version", version.version)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_scorer(trained, company, store):
    again = train(company.path, "--no-register", store=store)
    version = re.search(r"scorer ([0-9a-f]{12})", plain(trained.stdout))[1]
    assert f"scorer {version}" in plain(again.stdout)
    assert "--model runs:/" in plain(again.stdout)


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Path:
    """A company with too few wins to learn anything from."""
    return write_company(tmp_path_factory.mktemp("few"), leads=60, share=0.15)


def test_too_few_wins_leave_the_rules_alone_and_say_so(few, store):
    done = train(few, store=store)
    text = plain(done.stdout)
    assert done.exit_code == 0, done.output
    assert re.search(r"left out: \d+ wins?; 20 needed for a probability", text)
    assert re.search(r"left out: \d+ wins?; 40 needed for the linear voice", text)
    assert re.search(
        r"Insufficient evidence: \d winners? in the test, 100 needed. The rules stay champion", text
    )
    assert re.search(r"1 lead-\d{4} - \d+ \d+ [AB]\d", text), "no probability, but points and a grade"


def test_a_promotion_without_the_verdict_is_refused_after_the_report(few, store):
    done = train(few, "--promote", store=store)
    assert (done.exit_code, "Verdict: insufficient evidence" in plain(done.stdout)) == (2, True)
    said = plain(done.stderr)
    assert "is not promoted: its verdict is 'insufficient evidence'" in said
    number = max(map(int, versions(store)))
    assert f"lead-readiness promote --version {number} --reason TEXT" in said
    aliases = store.client.get_registered_model("small-company-readiness").aliases
    assert ("champion" in aliases, str(aliases["challenger"])) == (False, str(number))


def test_a_promotion_with_a_reason_is_done_and_can_be_taken_back(few, store):
    done = train(few, "--promote", "--reason", "a trial with two reps", store=store)
    assert done.exit_code == 0, done.output
    assert "is champion now, for a reason given: a trial with two reps" in plain(done.stdout)
    where = ["--project", str(few), "--tracking-uri", store.uri]
    assert CliRunner().invoke(main, ["promote", "--back", *where]).exit_code == 0
    assert "champion" not in store.client.get_registered_model("small-company-readiness").aliases


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--reason", "why not"], "--reason is given for a promotion; add --promote"),
        (["--promote", "--no-register"], "--promote needs a version to promote"),
        (["--promote", "--reason", ""], "--reason is empty; say why in words"),
    ],
)
def test_contradictions_stop_it_before_any_work(options, said, few, store):
    done = train(few, *options, store=store)
    assert (done.exit_code, done.stdout, said in plain(done.stderr)) == (2, "", True)


def test_trials_are_asked_of_the_tuning(few, store):
    done = train(few, "--no-register", "--trials", "2", "--minutes", "1", store=store)
    assert done.exit_code == 0, done.output
    assert "Tuning: nothing was tuned: 2 wins; 40 needed for the linear voice." in plain(done.stdout)


def test_no_win_at_all_is_not_an_error(tmp_path, store):
    path = write_company(tmp_path, leads=60, share=0.0)
    done = train(path, store=store)
    assert done.exit_code == 0, done.output
    assert "note: outcomes: no lead was won: there is nothing to learn from" in plain(done.stdout)
    assert "0 wins; 20 needed for a probability" in plain(done.stdout)


def test_a_history_too_short_for_its_horizon_says_so(few, tmp_path, store):
    path = write_company(tmp_path, leads=60)
    text = path.read_text(encoding="utf-8").replace("horizon_days = 30", "horizon_days = 1000")
    path.write_text(text, encoding="utf-8")
    done = train(path, store=store)
    assert done.exit_code == 2
    assert "shorter than the horizon of 1000 days" in plain(done.stderr)


def test_bad_rows_stop_it_unless_set_aside(few, tmp_path, store):
    path = copy_company(few, tmp_path)
    with (tmp_path / "events.csv").open("a", encoding="utf-8") as events:
        events.write("lead-0000,soon,visit,e-bad\n")
    stopped = train(path, store=store)
    assert (stopped.exit_code, stopped.stdout) == (2, "")
    assert "`occurred_at` is not a date in 1 row" in plain(stopped.stderr)
    assert "note: events: 1 row set aside as bad" in plain(train(path, "--quarantine", store=store).stdout)


def test_a_missing_project_file_and_a_dead_store_stop_it_before_any_work(tmp_path, few):
    assert "no project file there" in plain(train(tmp_path / "readiness.toml").stderr)
    dead = train(few, "--tracking-uri", "http://127.0.0.1:9")
    assert (dead.exit_code, "cannot be used" in plain(dead.stderr), "learning" in dead.stderr) == (
        2,
        True,
        False,
    )


def test_steps_are_told_one_a_line(few, store):
    told = train(few, store=store).stderr.splitlines()
    assert told[0].startswith("reading ")
    assert {"opening the MLflow store ...", "scoring the open leads ..."} <= set(told)


@pytest.mark.parametrize(
    "step", ["opening the MLflow store", "scoring the open leads", "keeping the training"]
)
def test_interrupted_it_ends_with_130_and_leaves_nothing_half_written(step, few, store, monkeypatch):
    before = versions(store)

    def interrupted(path: Path, *, say: object, **settings: object) -> object:
        def stop(text: str) -> None:
            if text.startswith(step):
                raise KeyboardInterrupt

        return real(path, say=stop, **settings)

    real = job.train
    monkeypatch.setattr(job, "train", interrupted)
    done = train(few, store=store)
    assert (done.exit_code, done.stdout) == (130, "")
    assert "interrupted" in done.stderr
    assert versions(store) == before


@pytest.mark.slow
def test_ctrl_c_while_the_store_is_made_leaves_no_database(few, tmp_path):
    copy_company(few, tmp_path)
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    code = "from lead_readiness.cli import main; main(['train'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    while "opening the MLflow store" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=120)
    assert process.returncode == 130, rest
    home = tmp_path / FOLDER
    assert not (home / DATABASE).exists()
    assert not home.exists() or list(home.iterdir()) == []


@pytest.mark.slow
def test_demo_trains_the_sample_and_tells_how_to_go_on(tmp_path, store):
    environment = {"MLFLOW_TRACKING_URI": store.uri, "COLUMNS": str(WIDTH)}
    done = CliRunner().invoke(main, ["demo", "--top", "5"], env=environment)
    assert done.exit_code == 0, done.output
    text = plain(done.stdout)
    assert "Ready now: the top 5 of" in text
    lead = re.search(r"lead-readiness explain (\S+) --demo", text)[1]
    told = CliRunner().invoke(main, ["explain", lead, "--demo"], env=environment)
    assert told.exit_code == 0, told.output
    assert "How the score adds up" in told.stdout
    assert versions(store, "simulated-company-readiness")
    assert isinstance(pd.Timestamp(text.split("up to ")[1][:10]), pd.Timestamp)
