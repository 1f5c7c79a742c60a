"""SQLite and PostgreSQL, for real: tables, queries, types, and databases that go away."""

import sqlite3

import pytest
import sqlalchemy as sa

from lead_readiness.errors import ConfigError, DataError
from lead_readiness.project import Table, parse
from lead_readiness.sources import read
from lead_readiness.sources.sql import ROWS_AT_ONCE, SqlTable, tables_in
from lead_readiness.tables import validate

SCHEMA = """
create table leads (lead_id text, created_at timestamp, size numeric);
insert into leads values ('a', '2026-01-01 10:00:00', 7.5), ('\U0001f680\u200fשלום', '2026-01-01 12:00:00', null);
create table done (id integer, lead_id text, at timestamp, kind text);
insert into done values (1, 'a', '2026-01-02 10:00:00', 'demo'), (2, 'a', '2026-01-03 10:00:00', 'demo');
create table deals (lead_id text, stage text, closed timestamp, amount numeric);
insert into deals values ('a', 'Won', '2026-01-09 10:00:00', 1200.50);
"""


def project(url, root="."):
    done = {"occurred_at": "at", "event_id": "id"}
    deals = {"outcome": "stage", "decided_at": "closed"}
    query = "select lead_id, stage, closed, amount from deals where amount > 0"
    return parse(
        {
            "name": "Acme",
            "rules": "rules.yaml",
            "timezone": "Europe/Berlin",
            "tables": {
                "leads": {"url": url, "table": "leads"},
                "events": {"url": url, "table": "done", "columns": done},
                "outcomes": {
                    "url": url,
                    "query": query,
                    "columns": deals,
                    "values": {"outcome": {"Won": "won"}},
                },
            },
            "vocabulary": {"demo": {"behaviour": "form"}},
            "attributes": {"size": "number"},
        },
        root=root,
    )


def fetch(url, root=".", **what):
    source = SqlTable(Table(url=url, **what), root)
    return source.fetch({name: name for name in source.names()})


def refusal(url, root=".", **what):
    with pytest.raises(DataError) as refused:
        fetch(url, root, **what)
    return str(refused.value)


@pytest.fixture
def sqlite(tmp_path):
    with sqlite3.connect(tmp_path / "crm.db") as db:
        db.executescript(SCHEMA)
    db.close()
    return "sqlite:///crm.db"


@pytest.fixture(scope="session")
def postgres(postgres_url):
    engine = sa.create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as db:
        db.execute(sa.text(SCHEMA))
        db.execute(sa.text("create schema crm; create view crm.people as select lead_id from leads"))
    engine.dispose()
    return postgres_url


def check_company(tables):
    assert tables.leads["created_at"].dt.strftime("%H:%M").tolist() == ["09:00", "11:00"]
    assert tables.leads["lead_id"].tolist()[1] == "\U0001f680\u200fשלום"
    assert tables.leads["size"].fillna(-1).tolist() == [7.5, -1]
    assert tables.events["event_id"].to_pylist() == ["1", "2"]
    assert tables.outcomes[["outcome", "amount"]].values.tolist() == [["won", 1200.5]]


def test_a_company_in_sqlite(sqlite, tmp_path):
    made = project(sqlite, tmp_path)
    check_company(validate(made, **read(made)))
    assert tables_in(sqlite, tmp_path) == ["deals", "done", "leads"]


def test_a_company_in_postgresql(postgres):
    made = project(postgres)
    check_company(validate(made, **read(made)))
    assert fetch(postgres, table="crm.people").num_rows == 2


def test_sqlites_loose_types_become_text(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as db:
        db.execute("create table t (id, v)")
        db.executemany("insert into t values (?, ?)", [(1, 1), ("b", 2.5), (None, None)])
    db.close()
    assert fetch("sqlite:///x.db", tmp_path, table="t").to_pydict() == {
        "id": ["1", "b", None],
        "v": [1.0, 2.5, None],
    }


def test_types_that_change_from_one_piece_to_the_next(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as db:
        db.execute("create table t (id, v)")
        rows = [(i, i) for i in range(ROWS_AT_ONCE)]
        db.executemany("insert into t values (?, ?)", [*rows, ("b", 0.5)])
    db.close()
    table = fetch("sqlite:///x.db", tmp_path, table="t")
    assert table["id"].to_pylist()[-2:] == [str(ROWS_AT_ONCE - 1), "b"]
    assert table["v"].to_pylist()[-2:] == [ROWS_AT_ONCE - 1, 0.5]


def test_postgresqls_types(postgres):
    query = """select gen_random_uuid() as u, '{"a": 1}'::jsonb as j, true as b, date '2026-01-02' as d,
        timestamptz '2026-01-02 10:00:00+02' as t, 12345678901234567890.5::numeric as n, array[1, 2] as l"""
    row = fetch(postgres, query=query).to_pylist()[0]
    assert len(row["u"]) == 36
    assert (row["j"], row["b"], str(row["d"]), row["l"]) == ("{'a': 1}", True, "2026-01-02", "[1, 2]")
    assert row["t"].isoformat() == "2026-01-02T17:00:00+09:00"


@pytest.mark.parametrize(
    ("url", "what", "said"),
    [
        ("sqlite:///none.db", {"table": "t"}, "sqlite:///none.db: no such file (looked for "),
        (
            "sqlite:///crm.db",
            {"table": "lead"},
            "no such table; found `deals`, `done`, `leads`; did you mean 'leads'?",
        ),
        (
            "sqlite:///crm.db",
            {"query": "selec 1"},
            'query: the database answered: near "selec": syntax error',
        ),
        ("sqlite:///junk.db", {"table": "t"}, "the database answered: file is not a database"),
        (
            "crm",
            {"table": "t"},
            "`url` of table or query 't' is no database URL; expected sqlite:///file.db or",
        ),
        ("nosuch://ann:secret@host/x", {"table": "t"}, "is no database URL"),
        (
            "postgresql://ann:secret@127.0.0.1:1/crm",
            {"table": "t"},
            "postgresql://127.0.0.1/crm: t: the database answered",
        ),
        ("mssql+pyodbc://ann:secret@host/x", {"table": "t"}, "the database driver pyodbc is not installed"),
    ],
)
def test_databases_that_cannot_be_used(sqlite, tmp_path, url, what, said):
    (tmp_path / "junk.db").write_bytes(b"no database at all" * 100)
    message = refusal(url, tmp_path, **what)
    assert said in message
    assert "secret" not in message


def test_a_wrong_password_is_not_printed(postgres):
    message = refusal(postgres.replace("ann:", "ann:wrong"), table="leads")
    assert "password authentication failed" in message
    assert "wrong" not in message
    assert postgres.split("ann:")[1].split("@")[0] not in message


def test_a_password_comes_from_the_environment(postgres, monkeypatch):
    password = postgres.split("ann:")[1].split("@")[0]
    url = postgres.replace(password, "${CRM_PASSWORD}")
    monkeypatch.setenv("CRM_PASSWORD", password)
    assert fetch(url, table="leads").num_rows == 2
    monkeypatch.delenv("CRM_PASSWORD")
    with pytest.raises(ConfigError, match="the environment variable CRM_PASSWORD, which is not set"):
        fetch(url, table="leads")


def test_a_database_that_goes_away_in_the_middle(postgres):
    last = ROWS_AT_ONCE + 1
    query = f"""select i::text as lead_id from generate_series(1, {2 * ROWS_AT_ONCE}) as i
        where i <= {last} or pg_terminate_backend(pg_backend_pid())"""
    source = SqlTable(Table(url=postgres, query=query), ".")
    with pytest.raises(DataError) as refused:
        source.fetch({"lead_id": "lead_id"})
    assert "query: the database answered: " in str(refused.value)
    assert "terminating connection" in str(refused.value)
    assert fetch(postgres, table="leads").num_rows == 2, "the next connection is a new one"


def test_a_database_that_is_closed_by_others_while_a_project_is_read(postgres):
    made = project(postgres)

    def close(step):
        if step != "reading leads":
            return
        engine = sa.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as db:
            db.execute(
                sa.text(
                    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                )
            )
        engine.dispose()

    assert validate(made, **read(made, close)).events.num_rows == 2
