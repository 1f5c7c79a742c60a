"""How a server is set up, and what it refuses to start with."""

import os

import pytest
from click.testing import CliRunner

from lead_readiness import cli
from lead_readiness.errors import ConfigError
from serving.keys import Keys
from serving.settings import Settings

GOOD = "0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD, "key 1 has no scope"),
        (
            f"score:{GOOD},scroe:{GOOD}",
            "key 2 has a scope that there is not; expected some of score, ingest, admin",
        ),
        ("score:short", "key 1 has 5 characters; expected at least 16"),
        (f"score:{GOOD} x", "key 1 has characters that no header can hold"),
    ],
)
def test_keys_that_cannot_be_used_are_named_by_their_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Keys.parse(text)
    assert GOOD not in str(caught.value)


def test_a_key_has_its_scopes_and_admin_has_all() -> None:
    keys = Keys.parse(f"score:{GOOD}, ingest+score:{GOOD[::-1]}, admin:{GOOD * 2}")
    assert keys.scopes(GOOD) == {"score"}
    assert keys.scopes(GOOD[::-1]) == {"ingest", "score"}
    assert keys.scopes(GOOD * 2) == {"score", "ingest", "admin"}
    assert keys.scopes(GOOD[:-1]) is None
    assert keys.scopes("é") is None
    assert GOOD not in repr(keys)
    assert GOOD not in repr(Settings(keys=keys))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MOST_BYTES", "-1", "LEAD_READINESS_MOST_BYTES: found '-1'; expected a number above 0"),
        ("POLL_SECONDS", "soon", "LEAD_READINESS_POLL_SECONDS: found 'soon'"),
        ("OPEN", "metrcs", "LEAD_READINESS_OPEN: found 'metrcs'; did you mean 'metrics'\\?"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings.from_environment({f"LEAD_READINESS_{name}": value})


def test_without_keys_somebody_must_say_so() -> None:
    with pytest.raises(ConfigError, match="no API key is set"):
        Settings.from_environment({}).check()
    Settings.from_environment({"LEAD_READINESS_NO_KEYS": "1"}).check()
    with pytest.raises(ConfigError, match="both LEAD_READINESS_KEYS and LEAD_READINESS_NO_KEYS"):
        Settings(keys=Keys.parse(f"score:{GOOD}"), no_keys=True).check()


def test_what_is_left_out_is_usual() -> None:
    settings = Settings.from_environment({"LEAD_READINESS_STORE": "none", "LEAD_READINESS_MOST_LEADS": "7"})
    assert settings.store is None
    assert (settings.most_leads, settings.most_events, settings.workers) == (7, 100_000, 1)
    assert Settings.from_environment({}).store == "sqlite:///lead-readiness.db"


def test_the_command_gives_its_options_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda _, command, environment: called.append((command, environment)))
    monkeypatch.delenv("LEAD_READINESS_KEYS", raising=False)
    asked = [
        "serve",
        "--model",
        "models:/a@champion",
        "--no-keys",
        "--port",
        "4000",
        "--open",
        "docs",
        "--workers",
        "2",
    ]
    done = CliRunner().invoke(cli.main, asked)
    assert done.exit_code == 0, done.output
    ((command, environment),) = called
    assert command[1:] == [
        *("-m", "bentoml", "serve", "serving.service:LeadReadiness"),
        *("--host", "127.0.0.1", "--port", "4000"),
    ]
    given = {name: environment[f"LEAD_READINESS_{name}"] for name in ("MODEL", "NO_KEYS", "OPEN", "WORKERS")}
    assert given == {"MODEL": "models:/a@champion", "NO_KEYS": "1", "OPEN": "docs", "WORKERS": "2"}


@pytest.mark.parametrize(
    ("options", "message"), [([], "no API key is set"), (["--no-keys"], "no model is named")]
)
def test_the_command_refuses_what_would_not_work(
    options: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KEYS", "MODEL", "NO_KEYS"):
        monkeypatch.delenv(f"LEAD_READINESS_{name}", raising=False)
    done = CliRunner().invoke(cli.main, ["serve", *options])
    assert done.exit_code == 2
    assert message in done.output
