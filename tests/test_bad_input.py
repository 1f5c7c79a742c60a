"""Bad input at the command line: every refusal says what to do and ends with 2, every treatment is counted."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from lead_readiness.cli import main
from lead_readiness.simulate.write import write
from training.tracking import registry
from training.tracking.store import DATABASE, FOLDER, opened

Damage = Callable[[Path], object]
HORIZON = 'horizon_days = { short = 30, long = 90 }\ncycle = "cycle"'
TABLES = ("leads", "events", "outcomes", "handoffs")
ODD_IDS = {"L20": "مرحبا-😀", "L21": '👩‍👩‍👧 "x", [bold]z', "L22": "עברית"}


@pytest.fixture(autouse=True)
def _own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated company whose files are all right, and an empty MLflow store's database."""
    folder = tmp_path_factory.mktemp("sound")
    write(folder, leads=80, seed=3, months=14, truth=False)
    opened(folder)
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy to damage, in a folder with a space and an accent in its name."""
    return Path(shutil.copytree(sound, tmp_path / "une société"))


def call(command: str, folder: Path, *more: str) -> Result:
    done = CliRunner().invoke(main, [command, *more, "--project", str(folder / "readiness.toml")])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    return done


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def text(file: str, old: str, new: str) -> Damage:
    """Replace a piece of text, which must be there."""

    def damage(folder: Path) -> None:
        found = (folder / file).read_text(encoding="utf-8")
        assert old in found
        (folder / file).write_text(found.replace(old, new), encoding="utf-8")

    return damage


def rows(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Damage:
    """Change a table's rows."""

    def damage(folder: Path) -> None:
        path = next(folder.glob(f"{name}.csv*"))
        change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)

    return damage


def cell(name: str, column: str, value: str) -> Damage:
    """Another value in a table's first row."""
    return rows(name, lambda t: t.assign(**{column: t[column].mask(t.index == 0, value)}))


def whole(file: str, content: bytes) -> Damage:
    """Another file in the place of a file or folder."""

    def damage(folder: Path) -> None:
        if (folder / file).is_dir():
            shutil.rmtree(folder / file)
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(content)

    return damage


def both(*damages: Damage) -> Damage:
    return lambda folder: [damage(folder) for damage in damages]


def in_sqlite(folder: Path) -> None:
    """The same tables in a SQLite file."""
    with sqlite3.connect(folder / "the crm.db") as db:
        for name in TABLES:
            pd.read_csv(next(folder.glob(f"{name}.csv*")), dtype=str).to_sql(name, db, index=False)
    db.close()
    for name, file in zip(TABLES, ("leads.csv", "events.csv.gz", "outcomes.csv", "handoffs.csv")):
        there = f'{name} = {{ url = "sqlite:///the crm.db", table = "{name}" }}'
        text("readiness.toml", f'{name} = "{file}"', there)(folder)


def odd_ids(folder: Path) -> None:
    for name in TABLES:
        rows(name, lambda t: t.assign(lead_id=t["lead_id"].replace(ODD_IDS)))(folder)


def crowd(events: int) -> Damage:
    """So many events of the first event's lead."""
    moments = pd.date_range("2025-03-01", periods=events, freq="90s").strftime("%Y-%m-%dT%H:%M:%SZ")

    def more(t: pd.DataFrame) -> pd.DataFrame:
        many = pd.concat([t.iloc[:1]] * events, ignore_index=True)
        ids = [f"many-{n}" for n in range(events)]
        return pd.concat([t, many.assign(occurred_at=moments, recorded_at=moments, event_id=ids)])

    return rows("events", more)


REFUSED = {
    "a renamed column": (
        rows("events", lambda t: t.rename(columns={"occurred_at": "occured_at"})),
        "column `occurred_at` of table events is missing; found .*; did you mean 'occured_at'?",
    ),
    "a date in words": (cell("leads", "created_at", "yesterday"), "`created_at` is not a date in 1 row"),
    "dates without zone": (
        both(
            text("readiness.toml", 'timezone = "UTC"', ""),
            rows("events", lambda t: t.assign(occurred_at=t["occurred_at"].str.rstrip("Z"))),
        ),
        "`occurred_at` has no time zone in .* rows; expected a time zone in the value",
    ),
    "an outcome before creation": (
        cell("outcomes", "decided_at", "2020-01-01T00:00:00Z"),
        "`decided_at` is before the lead was created in 1 row",
    ),
    "an event of nobody": (cell("events", "lead_id", "nobody"), "is no lead of the leads table in 1 row"),
    "a lead twice": (rows("leads", lambda t: pd.concat([t, t[:1]])), "is the id of several rows in 2 rows"),
    "two outcomes": (rows("outcomes", lambda t: pd.concat([t, t[:1]])), "has several outcomes in 2 rows"),
    "infinite": (cell("leads", "employees", "inf"), "`employees` is infinite in 1 row"),
    "not a number": (cell("events", "value", "NaN"), "`value` is not a number in 1 row"),
    "an empty file": (whole("leads.csv", b""), "leads.csv: the file is empty"),
    "a header alone": (rows("leads", lambda t: t[:0]), "the leads table has no row"),
    "bytes": (whole("outcomes.csv", bytes(range(256)) * 9), "found bytes that are not UTF-8 text"),
    "a rule book's typo": (
        text("rules.yaml", "once: true", "onse: true"),
        "unknown key `onse`; did you mean",
    ),
    "no rule book": (lambda folder: (folder / "rules.yaml").unlink(), "rules.yaml: no rule book there"),
    "an unknown key": (text("readiness.toml", "gap_days", "gap_dais"), "did you mean 'gap_days'?"),
    "no name": (text("readiness.toml", 'name = "Simulated company"', 'name = ""'), "`name`: found ''"),
    "a horizon in words": (
        text("readiness.toml", HORIZON, 'horizon_days = "soon"'),
        "expected a whole number",
    ),
    "no database": (
        both(in_sqlite, lambda folder: (folder / "the crm.db").unlink()),
        "no such file .looked for",
    ),
    "a broken database": (both(in_sqlite, whole("the crm.db", b"junk" * 999)), "file is not a database"),
    "a broken store": (
        whole(f"{FOLDER}/{DATABASE}", b"junk" * 999),
        "file is not a database.*; move that away",
    ),
    "a folder for a store": (
        lambda folder: ((folder / FOLDER / DATABASE).unlink(), (folder / FOLDER / DATABASE).mkdir()),
        "the MLflow tracking store sqlite:.* cannot be used .*unable to open",
    ),
    "a file for a folder": (whole(FOLDER, b""), "cannot be used .*File exists"),
    "no place for artifacts": (whole(f"{FOLDER}/artifacts", b""), "cannot be used .*Not a directory"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_train_refuses_before_it_learns(what: str, folder: Path) -> None:
    damage, said = REFUSED[what]
    damage(folder)
    done = call("train", folder)
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.search(said, plain(done.stderr)), done.stderr
    assert "learning" not in done.stderr
    assert not list(folder.glob(f"{FOLDER}/artifacts/*"))


TREATED = {
    "an unknown kind": (
        cell("events", "kind", "pricng_view"),
        "1 row of kinds .* lacks left out: 'pricng_view'",
    ),
    "no outcome": (
        rows("outcomes", lambda t: t[:0]),
        "outcomes: no decided lead: there is nothing to learn from",
    ),
    "one class": (
        rows("outcomes", lambda t: t[t["outcome"] == "won"]),
        "every decided lead was won: nothing tells winners from others",
    ),
    "a cycle without horizon": (
        text("readiness.toml", "long = 90", "lang = 90"),
        r"leads: \d+ rows whose cycle has no label.horizon_days take the longest, 90 days: 'long' \d+",
    ),
    "100,000 events of one lead": (crowd(100_000), "80 leads"),
    "no event": (rows("events", lambda t: t[:0]), "no event left: every lead has an empty history"),
    "a database": (in_sqlite, "80 leads"),
    "neither accounts nor hand-offs": (
        both(
            rows("leads", lambda t: t.drop(columns="account_id")),
            text("readiness.toml", 'handoffs = "handoffs.csv"', ""),
        ),
        "80 leads of 80 accounts",
    ),
    "a horizon from the data": (text("readiness.toml", HORIZON, 'horizon_days = "auto"'), "won within"),
    "an eventual outcome": (text("readiness.toml", HORIZON, 'horizon_days = "eventual"'), "won in the end"),
    "every day": (text("readiness.toml", "cadence_days = 7", "cadence_days = 1"), "80 leads"),
    "local times": (
        both(
            text("readiness.toml", 'timezone = "UTC"', 'timezone = "Asia/Tokyo"'),
            rows("events", lambda t: t.assign(occurred_at=t["occurred_at"].str.rstrip("Z"))),
        ),
        "80 leads",
    ),
}
QUICK = ("an unknown kind", "a cycle without horizon")


@pytest.mark.parametrize(
    "what", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in TREATED]
)
def test_train_treats_counts_and_goes_on(what: str, folder: Path) -> None:
    damage, said = TREATED[what]
    damage(folder)
    done = call("train", folder, "--no-register", "--top", "1")
    assert done.exit_code == 0, done.output
    assert re.search(said, plain(done.stdout)), done.stdout


@pytest.fixture(scope="module")
def trained(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with emoji and right-to-left ids, and its scorer, the challenger in its store."""
    folder = Path(shutil.copytree(sound, tmp_path_factory.mktemp("trained") / "a company"))
    odd_ids(folder)
    text("readiness.toml", 'timezone = "UTC"', "")(folder)
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert call("train", folder).exit_code == 0
    return folder


@pytest.mark.parametrize("lead", ODD_IDS.values())
def test_explain_knows_any_id_from_any_directory(
    lead: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("explain", trained, lead)
    assert done.exit_code == 0, done.output
    assert lead in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["L0199"], "no lead has the id 'L0199'; the leads table has 80"),
        (
            ["L01", "--as-of", "2001-01-01T00:00:00Z"],
            "was created at .*, not before .*ask for a later moment",
        ),
        (
            ["L01", "--as-of", "2026-01-01"],
            "'2026-01-01' has no time zone; expected a time zone in the value",
        ),
        (["L01", "--as-of", ""], "found an empty moment; expected an ISO 8601 date"),
        (["L01", "--as-of", "soon"], "the moment 'soon' is not a date; expected an ISO 8601 date and time"),
        (["L01", "--model", "nowhere"], "nowhere: not a saved scorer"),
        (
            ["L01", "--model", "models:/nobodys@challenger"],
            "no scorer at models:/nobodys@challenger in .*; train",
        ),
        (["L01", "--tracking-uri", "sqlite:///none.db"], "none.db: no training is kept there; run"),
    ],
)
def test_explain_refuses(
    arguments: list[str], said: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("explain", trained, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.search(said, plain(done.stderr)), done.stderr
    assert list(tmp_path.iterdir()) == [], "asking leaves nothing behind"


def test_a_store_that_breaks_after_the_training_ends_with_a_message(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registry, "log_model", full)
    done = call("train", folder)
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.search("refused the training: .*No space left on device; mend the store", plain(done.stderr))
    store = opened(folder).client
    assert list(store.search_registered_models()) == []
    assert store.search_runs([e.experiment_id for e in store.search_experiments()]).to_list() == []


def test_a_stores_password_is_not_printed(folder: Path) -> None:
    done = call("train", folder, "--tracking-uri", "nosuch://ann:topsecret@127.0.0.1:9/x")
    assert done.exit_code == 2
    assert "nosuch://ann:***@127.0.0.1:9/x" in plain(done.stderr)
    assert "topsecret" not in done.output


def test_simulate_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    done = CliRunner().invoke(main, ["simulate", "--leads", "9", "--out", str(tmp_path / "file" / "inside")])
    assert done.exit_code == 2
    assert "cannot be written (Not a directory); name a folder of yours with --out" in plain(done.stderr)
