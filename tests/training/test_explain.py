"""`lead-readiness explain`: one lead for a person and for a program."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lead_readiness import moments
from lead_readiness.cli import main
from lead_readiness.errors import DataError
from training.explain import as_json, explain, tenths

NUMBER = re.compile(r"[-+]?\d+\.\d")


@pytest.fixture(scope="module")
def folder(company, tmp_path_factory) -> str:
    """The scorer of the small company, saved."""
    place = tmp_path_factory.mktemp("scorer")
    company.scorer.save(place)
    return str(place)


@pytest.fixture
def run(company, folder):
    def call(*arguments: str):
        command = ["explain", *arguments, "--project", str(company.path), "--model", folder]
        return CliRunner().invoke(main, command)

    return call


def busiest(company) -> str:
    """The lead that looked at prices most."""
    events = pd.read_csv(company.path.with_name("events.csv"))
    return str(events.loc[events["kind"] == "pricing", "lead_id"].value_counts().index[0])


def section(text: str, title: str) -> list[str]:
    """The lines under a title, up to the next empty one."""
    lines = text.splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith(title)) + 1
    return lines[begin : lines.index("", begin)]


def test_the_score_is_shown_as_a_sum_that_adds_up(run, company):
    done = run(busiest(company))
    assert done.exit_code == 0, done.output
    *parts, total = [float(NUMBER.search(line)[0]) for line in section(done.stdout, "How the score adds up")]
    assert sum(parts) == pytest.approx(total)
    assert len(parts) == 1 + len(company.scorer.behaviours)


def test_a_person_reads_probability_reasons_evidence_rules_and_versions(run, company):
    text = run(busiest(company)).stdout
    assert re.search(r"\d % chance to be won within 30 days", text)
    assert re.search(r"pricing +\+\d+\.\d +(no pricing activity|\d+ pricing views? )", text)
    assert re.search(r"pricing +\d events? +20\d\d-\d\d-\d\d \d\d:\d\d.* e\d+", text)
    assert re.search(r"Rule points: \d+ [AB]\d \(threshold 15\)", text)
    assert f"scorer {company.scorer.version}, rule book 'Small rules' version 2" in text
    assert "An association, under the hand-off policy of the past" in text


def test_a_program_reads_stable_keys(run, company):
    told = json.loads(run(busiest(company), "--json").stdout)
    assert list(told) == [
        "lead_id",
        "as_of",
        "state",
        "horizon_days",
        "probability",
        "score",
        "base",
        "behaviours",
        "reasons",
        "rules",
        "model",
        "rule_book",
    ]
    assert list(told["rules"]) == [
        "points",
        "threshold",
        "fit",
        "engagement",
        "grade",
        "excluded",
        "triggered",
        "terms",
    ]
    assert told["base"] + sum(told["behaviours"].values()) == pytest.approx(told["score"], abs=1e-9)
    assert told["rules"]["points"] == pytest.approx(sum(t["points"] for t in told["rules"]["terms"]))
    assert (told["horizon_days"], told["as_of"]) == (30, moments.written(company.data.timelines.cut))
    assert told["model"]["version"] == company.scorer.version
    assert {"count", "first", "last", "event_ids"} == set(told["reasons"][0]["evidence"])


def test_as_of_looks_back(run, company):
    lead = busiest(company)
    first = pd.read_csv(company.path.with_name("leads.csv")).set_index("lead_id")["created_at"][lead]
    soon = (pd.Timestamp(first) + pd.Timedelta(minutes=1)).tz_convert("Europe/Berlin")
    told = [
        json.loads(run(lead, "--json", "--as-of", t).stdout)
        for t in (soon.isoformat(), f"{soon:%Y-%m-%dT%H:%M:%S}")
    ]
    assert told[0] == told[1]
    assert (told[0]["state"], told[0]["reasons"][0]["evidence"]["count"]) == ("open", 0)
    assert pd.Timestamp(told[0]["as_of"]) == soon


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["lead-9999"],
            "no lead has the id 'lead-9999'; the leads table has 500, the first 'lead-0000'; did you mean 'lead-0",
        ),
        (
            ["lead-0001", "--as-of", "2020-01-01"],
            "lead 'lead-0001' was created at 2025-.*ask for a later moment",
        ),
        (["lead-0001", "--as-of", "yesterday"], "the moment 'yesterday' is not a date; expected an ISO 8601"),
    ],
    ids=["unknown lead", "before creation", "no date"],
)
def test_what_cannot_be_explained_says_why(arguments, message, run):
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.search(message, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ([], "no training is kept there; run `lead-readiness train` first"),
        (["--model", "nowhere"], "nowhere: not a saved scorer"),
    ],
    ids=["no store", "no folder"],
)
def test_no_model_says_what_to_do(model, message, company, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    done = CliRunner().invoke(main, ["explain", "lead-0001", "--project", str(company.path), *model])
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_a_decided_lead_says_so(company):
    decided = pd.read_csv(company.path.with_name("outcomes.csv")).iloc[0]
    told = explain(company.scorer, company.data.timelines, decided["lead_id"], company.data.timelines.cut)
    assert as_json(told)["state"] == decided["outcome"]


def test_an_unknown_lead_among_none_like_it(company):
    with pytest.raises(
        DataError, match=r"no lead has the id 'x'; the leads table has 500, the first 'lead-0000'$"
    ):
        explain(company.scorer, company.data.timelines, "x", company.data.timelines.cut)


@given(st.lists(st.floats(-300, 300), min_size=1, max_size=15))
def test_tenths_add_up_and_are_never_a_tenth_off(parts):
    shown = tenths(parts, sum(parts))
    assert round(sum(shown), 1) == round(round(sum(parts) * 10) / 10, 1)
    assert np.abs(np.array(shown) - parts).max() < 0.1 + 1e-9


def test_explaining_with_a_folder_needs_no_mlflow(company, folder):
    code = (
        "import sys; from lead_readiness.cli import main\n"
        f"main(['explain', 'lead-0001', '--project', {str(company.path)!r}, '--model', {folder!r}], "
        "standalone_mode=False)\n"
        "assert not {'mlflow', 'matplotlib'} & set(sys.modules), 'slow to import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
