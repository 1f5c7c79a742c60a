"""What `review` tells from the store."""

import json

import pytest
from click.testing import CliRunner
from rich.console import Console
from small_company import write_company

from lead_readiness.cli import main
from lead_readiness.errors import ModelError
from training.judgement.verdict import KEEP, PROMOTE, Gate, Verdict
from training.tracking import review
from training.tracking.promotion import promote
from training.tracking.store import Store, opened

MODEL = "small-company-readiness"
PASSED = Gate("no leak", True, "nothing flagged", "nothing flagged feeds the score")
FAILED = Gate("score drift", False, "0.31 (0.20 to 0.42)", "a stability index below 0.2", 0.31, 0.2, 0.42)


def shown(lines: review.Lines) -> str:
    console = Console(width=100)
    with console.capture() as capture:
        for line in lines:
            console.print(line)
    return " ".join(capture.get().split())


def training(store: Store, verdict: Verdict) -> str:
    """A run that keeps a verdict, and its version; the run's id."""
    client = store.client
    run = client.create_run(store.experiment("Small company")).info.run_id
    client.log_text(run, json.dumps(verdict.as_dict()), "verdict.json")
    tags = {
        "verdict": verdict.verdict,
        "gates.failed": ", ".join(gate.name for gate in verdict.failed) or "none",
        "cut": "2025-12-27T00:00:00Z",
        "wins": "568",
        "winners_reached.model": "62 % (54 to 70)",
        "winners_reached.rules": "55 % (46 to 63)",
    }
    client.create_model_version(MODEL, "s3://models/one", run, tags=tags)
    return run


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        store = opened(tmp_path_factory.mktemp("reviewed"))
    store.client.create_registered_model(MODEL)
    training(store, Verdict(KEEP, (PASSED, FAILED), 173))
    training(store, Verdict(PROMOTE, (PASSED,), 240))
    store.client.set_registered_model_alias(MODEL, "challenger", "2")
    return store


def test_the_overview_says_who_is_champion_and_lists_the_newest_first(store):
    told = shown(review.overview(store, MODEL))
    assert "Champion: the rules; no version has the alias `champion`." in told
    assert told.index("promote challenger") < told.index("keep champion")
    for part in ("model 62 % (54 to 70)", "rules 55 % (46 to 63)", "2025-12-27", "568", "score drift"):
        assert part in told


def test_a_promotion_is_told_with_its_reason(store):
    promote(store, MODEL, "2026-05-04T09:00:00Z", "1", "sales ask for it")
    why = "promoted 2026-05-04T09:00:00Z: sales ask for it. Before it: the rules."
    assert f"Champion: version 1; {why}" in shown(review.overview(store, MODEL))
    told = shown(review.one(store, MODEL, "1"))
    assert "Promoted 2026-05-04T09:00:00Z on the verdict 'keep champion': sales ask for it" in told


def test_one_version_shows_each_gate_with_what_was_found(store):
    told = shown(review.one(store, MODEL, "1"))
    assert (
        "Keep the champion, the rules: 1 of 2 gates is not passed. Score drift: 0.31 (0.20 to 0.42)" in told
    )
    assert "not passed score drift 0.31 (0.20 to 0.42) needed: a stability index below 0.2" in told


def test_a_run_needs_no_version(store):
    run = training(store, Verdict(PROMOTE, (PASSED,), 240))
    assert "Promote the challenger: all 1 gates are passed." in shown(review.of_run(store, run))


def test_a_version_made_by_hand_is_listed_all_the_same(store):
    store.client.create_model_version(MODEL, "s3://models/one")
    assert "no verdict" in shown(review.overview(store, MODEL))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{",
            r"cannot be read \(JSONDecodeError: .*\); expected the one that a training writes; train again",
        ),
        ('{"verdict": "keep champion"}', r"cannot be read \(KeyError: 'gates'\)"),
        ('{"verdict": "keep champion", "gates": [{}], "winners": 1}', r"cannot be read \(TypeError: "),
    ],
)
def test_a_broken_verdict_is_refused(text, said, store):
    run = store.client.create_run(store.experiment("Small company")).info.run_id
    store.client.log_text(run, text, "verdict.json")
    with pytest.raises(ModelError, match=f"the verdict at runs:/{run}/verdict.json {said}"):
        shown(review.of_run(store, run))


def test_a_run_without_a_verdict_is_refused(store):
    run = store.client.create_run(store.experiment("Small company")).info.run_id
    with pytest.raises(
        ModelError, match=f"no verdict at runs:/{run}/verdict.json .*; name the run of a training"
    ):
        shown(review.of_run(store, run))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--version", "99"], 2, f"no version 99 of {MODEL}; there are 1, 2"),
        (["--run", "nope"], 2, "no verdict at runs:/nope/verdict.json"),
        (["--run", "nope", "--version", "1"], 2, "give --version or --run, not both"),
    ],
)
def test_the_command_refuses_what_is_not_there(arguments, code, said, store, tmp_path):
    project = write_company(tmp_path, leads=10)
    where = ["--project", str(project), "--tracking-uri", store.uri]
    done = CliRunner().invoke(main, ["review", *where, *arguments])
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
