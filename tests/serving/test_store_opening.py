"""Which databases a store opens, what it refuses, and what it says when a database fails."""

import logging
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from stored import at, contents, view

from lead_readiness.errors import LeadReadinessError
from serving.store import Lead, Score, Store, StoreError, database, migrations
from serving.store.migrations.upgrade import VERSION_TABLE
from serving.store.schema import metadata

EXPECTED = "expected sqlite:///file.db or postgresql://user:password@host/database"


def run(store, statement):
    with store._database.writing() as db:
        db.execute(sa.text(statement))


def test_the_migrations_make_the_tables_that_the_code_uses(store):
    with store._database.reading() as db:
        context = MigrationContext.configure(db, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_store_is_found_again(url):
    with Store.open(url) as store:
        store.ingest([Lead("ann", at(0))], [view("ann", 1)], at(2))
        before = contents(store)
    with Store.open(url) as store:
        assert contents(store) == before


def test_a_store_of_the_first_revision_is_brought_up_to_date(url):
    old = database.Database(url)
    with old.writing() as db:
        script = ScriptDirectory(str(Path(migrations.__file__).parent))
        context = MigrationContext.configure(db, opts={"version_table": VERSION_TABLE})
        first = script.get_revision("0001")
        with Operations.context(context):
            first.module.upgrade()
            context.stamp(script, first.revision)
    with old.reading() as db:
        assert "handoff_states" not in sa.inspect(db).get_table_names()
    with Store(old) as store:
        store.ingest([Lead("ann", at(0))], [view("ann", 1)], at(2))
        store.save_scores([Score("ann", at(3), "m", "b", 7.0, decision={"place": 1})], at(3))
        before = store.history(["ann"]), store.scores("ann")
    for _ in range(2):
        with Store.open(url) as store:
            assert (store.history(["ann"]), store.scores("ann")) == before
            assert (len(store.states()), store.evaluated()) == (0, None)


def test_a_newer_database_is_refused_and_left_alone(store, url):
    run(store, f"update {VERSION_TABLE} set version_num = '9999'")
    with pytest.raises(
        LeadReadinessError, match=r"at revision '9999', made by a newer version; .* up to '0002'"
    ):
        Store.open(url)
    with store._database.reading() as db:
        assert db.scalar(sa.text(f"select version_num from {VERSION_TABLE}")) == "9999"


def test_a_database_of_somebody_else_is_refused_and_left_alone(url, tmp_path):
    other = database.Database(url)
    with other.writing() as db:
        db.execute(sa.text("create table leads (id integer)"))
        db.execute(sa.text("create table alembic_version (version_num text)"))
    with pytest.raises(
        LeadReadinessError, match=r"found `leads`, which the store did not make; .* of its own"
    ):
        Store.open(url)
    with other.reading() as db:
        assert set(sa.inspect(db).get_table_names()) == {"alembic_version", "leads"}
    other.engine.dispose()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("store.db", f"the store's address is no database URL; {EXPECTED}"),
        ("mysql://ann:secret@db/crm", f"the store's address begins with 'mysql'; {EXPECTED}"),
        ("sqlite://", f"a store in memory is forgotten with its process; {EXPECTED}"),
        (
            "sqlite:///no/such/store.db",
            "the folder of no/such/store.db is not there; make it, or correct the address",
        ),
    ],
)
def test_addresses_that_are_none(url, said):
    with pytest.raises(StoreError) as refused:
        Store.open(url)
    assert str(refused.value) == said


def test_a_server_that_is_not_there_is_named_without_the_password():
    with pytest.raises(StoreError) as refused:
        Store.open("postgresql://ann:secret@127.0.0.1:9/crm?password=hidden")
    assert "postgresql+psycopg://ann:***@127.0.0.1:9/crm" in str(refused.value)
    assert "secret" not in str(refused.value) and "hidden" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "store.db").write_text("lead_id,created_at\n" * 100)
    with pytest.raises(
        StoreError, match="file is not a database; when that is mended make the same call again"
    ):
        Store.open(f"sqlite:///{tmp_path}/store.db")


def test_a_store_shows_no_password_and_logs_no_lead(store, url, caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreError) as failed:
        store.ingest([Lead("ann-7731", at(0))], [view("ann-7731", 1)], at(2))
        run(store, "drop table events")
        store.ingest([], [view("ann-7731", 2)], at(3))
    assert "7731" not in caplog.text + str(failed.value)
    assert failed.value.__cause__ is None
    assert url.split("@")[0].split(":")[-1] not in store.shown or store.shown.startswith("sqlite")


def test_a_writer_who_waits_too_long_is_told_to_try_again(url, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 1)
    with Store.open(url) as one, Store.open(url) as other, one._database.writing(alone=True):
        with pytest.raises(
            StoreError, match=r"held the database for more than 1 s; nothing was changed; try again"
        ):
            other.ingest([], [view("ann", 1)], at(2))
        assert other.history(["ann"]).events == []


def test_sqlite_keeps_what_it_promised(tmp_path):
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store, store._database.reading() as db:
        settings = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        found = [db.exec_driver_sql(f"pragma {name}").scalar() for name in settings]
    assert found == ["wal", 2, 1, 1]
    with sqlite3.connect(tmp_path / "store.db") as plain:
        assert plain.execute("pragma integrity_check").fetchone() == ("ok",)
    plain.close()
