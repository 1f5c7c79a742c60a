"""The endpoint as its users meet it: a server in a process of its own, asked over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from blended import blended
from served import KEYS, NOW, Server, event, lead, running

from lead_readiness import wire
from lead_readiness.answer import answers
from lead_readiness.handoff import Seen, States, alone
from lead_readiness.moments import written

pytestmark = pytest.mark.slow
AT = {"as_of": written(NOW)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    blended().save(folder / "scorer")
    with running(
        folder, MODEL=str(folder / "scorer"), MOST_LEADS="50", MOST_BYTES="200000", REFRESH_SECONDS="0.2"
    ) as up:
        yield up


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == status
    assert told["request_id"] == response.headers["x-request-id"]
    assert told.keys() == {"type", "title", "status", "detail", "instance", "request_id", "errors"}
    return told


def test_leads_get_the_librarys_answers(server: Server) -> None:
    scorer, asked = blended(), [lead(f"l{n}", n) for n in range(30)]
    project = scorer.project.model_copy(update={"cut": None})
    read = wire.read(project, asked)
    assessed = scorer.assess(read.timelines, read.lead, np.full(30, NOW))
    triggered = assessed.replay.triggered
    seen = Seen.from_timelines(
        project, read.timelines, read.lead, NOW, assessed.score, assessed.probability, triggered
    )
    expected = [a.as_json() for a in answers(assessed, alone(project.handoff, States.empty(), seen, NOW))]
    told = server.post("/score", {"leads": asked, **AT}, "score")
    assert told.status_code == 200, told.text
    assert told.json()["leads"] == expected
    alone_told = [server.post("/score", {"leads": [one], **AT}).json()["leads"][0] for one in asked[:5]]
    assert alone_told == expected[:5]


def test_bentomls_own_client_asks_and_is_answered(server: Server) -> None:
    asking = (
        "import bentoml, json, sys\n"
        "url, token, body = sys.argv[1:]\n"
        "with bentoml.SyncHTTPClient(url, token=token) as client:\n"
        "    lead = json.loads(body)\n"
        "    told = client.score({'leads': [lead], 'top': 1})\n"
        "    whole = client.explain({'lead': lead})\n"
        "print(json.dumps([told, whole]))\n"
    )
    command = [sys.executable, "-c", asking, server.url, KEYS["score"], json.dumps(lead())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told, whole = json.loads(done.stdout)
    assert told["leads"][0]["lead_id"] == whole["lead"]["lead_id"] == "ann"
    assert len(told["leads"][0]["reasons"]["for"]) == 1


def test_what_cannot_be_answered_is_a_problem_with_its_place(server: Server) -> None:
    told = problem(server.post("/score", {"leads": [{**lead(), "created_at": 17}]}), 422)
    (error,) = told["errors"]
    assert (error["where"], error["found"]) == ("/leads/0/created_at", "17")
    json_type = {"content-type": "application/json"}
    told = problem(server.ask("POST", "/score", content=b'{"leads": [', headers=json_type), 400)
    assert "line 1 column 11" in told["detail"]
    problem(server.ask("POST", "/score", content=b"leads"), 415)
    problem(server.ask("POST", "/score", content=b" " * 200_001, headers=json_type), 413)
    problem(server.post("/score", {"leads": [{"lead_id": f"l{n}"} for n in range(51)]}), 422)
    problem(server.post("/score", {"leads": [{"lead_id": "nobody"}]}), 404)
    problem(server.ask("GET", "/leads/nobody"), 404)
    problem(server.ask("GET", "/leads/" + "x" * 600), 422)
    problem(server.ask("GET", "/nowhere"), 404)
    problem(server.ask("GET", "/score"), 405)
    problem(server.ask("PUT", "/leads/ann"), 405)
    problem(server.post("/score", {"leads": [lead()]}, None), 401)
    problem(server.post("/score", {"leads": [lead()]}, "ingest"), 403)
    problem(server.post("/events", {}, "score"), 403)
    problem(server.ask("DELETE", "/leads/ann", "score"), 403)


def test_events_are_kept_and_their_lead_is_shown_until_it_is_forgotten(server: Server) -> None:
    _kept_and_forgotten(server, "eve")


def test_the_store_may_be_postgresql_for_several_workers(tmp_path: Path, postgres_url: str) -> None:
    blended().save(tmp_path / "scorer")
    with running(tmp_path, MODEL=str(tmp_path / "scorer"), STORE=postgres_url, WORKERS="2") as up:
        both_serve = time.monotonic() + 60
        while up.log.read_text().count('"model serves"') < 2 and time.monotonic() < both_serve:
            time.sleep(0.1)
        for name in ("eve", "zoë"):
            _kept_and_forgotten(up, name)
        told = [up.post("/score", {"leads": [lead(f"l{n}", n)], **AT}).status_code for n in range(30)]
        assert told == [200] * 30


def _kept_and_forgotten(server: Server, name: str) -> None:
    body = {"events": [event(n, lead_id=name) for n in range(5)]}
    first, again = (server.post("/events", body, "ingest").json() for _ in range(2))
    assert (first["events"]["new"], again["events"]["new"], again["events"]["repeated"]) == (5, 0, 5)
    assert first["leads"][0]["changed"]["points"].keys() == {"ageing", "news", "model"}
    shown = server.ask("GET", f"/leads/{name}", "score").json()
    assert (len(shown["history"]), shown["stored"]["events"]) == (1, 5)
    assert server.post("/score", {"leads": [{"lead_id": name}]}).json()["leads"][0]["lead_id"] == name
    assert server.ask("DELETE", f"/leads/{name}").json() == {"erased": True, "was_known": True}
    problem(server.ask("GET", f"/leads/{name}", "score"), 404)


def test_metrics_tell_what_was_scored_and_hold_no_lead(server: Server) -> None:
    server.post("/score", {"leads": [lead("somebody@example.org")], **AT})
    server.ask("GET", "/leads/somebody@example.org")
    page = server.ask("GET", "/metrics").text
    for name in ("score_bucket", "bands_total", "decisions_total", "model_info", "request_seconds_bucket"):
        assert f"lead_readiness_{name}{{" in page, name
    for stage in ("read", "score", "decide", "reasons", "write"):
        assert f'lead_readiness_stage_seconds_count{{route="/score",stage="{stage}"}}' in page
    assert f'model="{blended().version}"' in page
    assert "somebody" not in page
    problem(server.ask("GET", "/metrics", None), 401)


def test_the_log_is_one_object_a_line_without_any_lead(server: Server) -> None:
    server.post("/score", {"leads": [lead("somebody@example.org")], "as_of": "somebody@example.org"})
    lines = [line for line in server.log.read_text().splitlines() if line.startswith("{")]
    facts = [json.loads(line) for line in lines]
    scored = next(
        f for f in facts if f["event"] == "request" and f["route"] == "/score" and f["status"] == 200
    )
    assert scored.keys() >= {"time", "request_id", "method", "ms", "leads", "events", "model"}
    assert "somebody" not in server.log.read_text()
    assert "Traceback" not in server.log.read_text()


def test_the_document_has_examples_that_work(server: Server) -> None:
    document = server.ask("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {"/score", "/explain", "/events", "/leads/{lead_id}", "/model"} <= document["paths"].keys()
    for path, name in (
        ("/score", "ScoreRequest"),
        ("/explain", "ExplainRequest"),
        ("/events", "EventsRequest"),
    ):
        example = document["components"]["schemas"][name]["example"]
        assert server.post(path, example).status_code == 200


def test_it_says_which_model_serves(server: Server) -> None:
    state = server.ask("GET", "/model", "ingest").json()
    assert state["is_ready"] is True
    assert state["models"]["serving"]["model"] == blended().version
    assert server.ask("GET", "/livez", None).status_code == 200


def test_without_a_model_it_lives_but_is_not_ready(tmp_path: Path) -> None:
    with running(
        tmp_path, ready=503, MODEL=str(tmp_path / "nothing"), STORE="none", POLL_SECONDS="0.2"
    ) as up:
        assert up.ask("GET", "/livez", None).status_code == 200
        told = up.post("/score", {"leads": [lead()]})
        problem(told, 503)
        assert told.headers["retry-after"] == "5"
        assert "no scorer there" in up.ask("GET", "/model").json()["models"]["unreachable"]
        blended().save(tmp_path / "nothing")
        up.wait()
        assert up.post("/score", {"leads": [lead()]}).status_code == 200
        problem(up.post("/events", {"events": [event(1, lead_id="a")]}), 404)


def test_what_takes_too_long_is_a_problem_and_the_next_is_answered(tmp_path: Path) -> None:
    blended().save(tmp_path / "scorer")
    with running(
        tmp_path, MODEL=str(tmp_path / "scorer"), STORE="none", TIMEOUT_SECONDS="0.1", MOST_BYTES="90000000"
    ) as up:
        many = [event(1, event_id=f"e{n}") for n in range(90_000)]
        told = problem(up.post("/explain", {"lead": lead(events=0) | {"events": many}, **AT}), 504)
        assert told["type"].endswith("timed-out")
        assert up.post("/score", {"leads": [lead()], **AT}).status_code == 200


def test_without_keys_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no API key is set"), running(tmp_path, KEYS=""):
        pass
