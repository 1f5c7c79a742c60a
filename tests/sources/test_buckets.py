"""Tables cut into buckets: no row lost, none twice, accounts whole, from any kind of source."""

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from lead_readiness import project as projects
from lead_readiness import sources
from lead_readiness.errors import DataError
from lead_readiness.moments import written
from lead_readiness.project import ProjectFile
from lead_readiness.sources.bucket_files import ROW, SHARED, Buckets
from lead_readiness.sources.buckets import Limits, cut, size_of
from lead_readiness.sources.sql import ROWS_AT_ONCE

LIMITS = Limits(memory=200_000_000, threads=2)
LEADS = pd.DataFrame(
    {
        "lead_id": [f"l{n}" for n in range(40)],
        "created_at": [f"2026-01-{1 + n % 28:02d}T00:00:00Z" for n in range(40)],
        "account_id": [f"a{n // 4}" if n % 8 else "" for n in range(40)],
    }
)
EVENTS = pd.DataFrame(
    {
        "lead_id": [f"l{n % 43}" for n in range(300)],
        "occurred_at": [f"2026-02-{1 + n % 27:02d}T00:00:00Z" for n in range(300)],
        "kind": ["visit" if n % 5 else "odd" for n in range(300)],
        "event_id": [f"e{n}" for n in range(300)],
    }
)
OUTCOMES = pd.DataFrame(
    {"lead_id": ["l3", "l7"], "outcome": ["won", "lost"], "decided_at": ["2026-02-28T12:00:00Z"] * 2}
)
TABLES = {"leads": LEADS, "events": EVENTS, "outcomes": OUTCOMES}


def project(folder: Path, tables: dict[str, object]) -> ProjectFile:
    data = {
        "name": "Acme",
        "rules": "r.yaml",
        "vocabulary": {"visit": {"behaviour": "web"}},
        "tables": tables,
    }
    return projects.parse(data, root=folder)


def write(folder: Path, ending: str, tables: dict[str, pd.DataFrame] = TABLES) -> ProjectFile:
    for name, frame in tables.items():
        path = folder / f"{name}.{ending}"
        if ending == "csv":
            frame.to_csv(path, index=False)
        elif ending == "jsonl":
            path.write_text("\n".join(json.dumps(row) for row in frame.to_dict("records")))
        elif ending == "parquet":
            frame.to_parquet(path, index=False)
        else:
            with sqlite3.connect(folder / "crm.db") as db:
                frame.to_sql(name, db, index=False, if_exists="replace")
            db.close()
    url = {"url": "sqlite:///crm.db"}
    return project(folder, {n: {**url, "table": n} if ending == "db" else f"{n}.{ending}" for n in tables})


def rows_of(made: Buckets, table: str) -> list[dict[str, object]]:
    parts = [made.read(table, bucket) for bucket in range(made.count)]
    return [row for part in parts if part is not None for row in part.to_pylist()]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "db"])
def test_every_row_is_in_one_bucket_as_its_source_gives_it(tmp_path: Path, ending: str) -> None:
    asked = write(tmp_path, ending)
    made, read = cut(asked, tmp_path / "cut", LIMITS, count=7), sources.read(asked)
    for name, table in read.items():
        found = sorted(rows_of(made, name), key=lambda row: int(str(row[ROW])))
        assert [row.pop(ROW) for row in found] == list(range(len(table)))
        assert found == table.to_pylist()
    assert made.rows == {name: len(table) for name, table in read.items()}
    assert Buckets.load(tmp_path / "cut") == made
    assert written(made.last) == "2026-02-28T12:00:00Z"


def test_accounts_are_whole_and_rows_are_with_their_lead(tmp_path: Path) -> None:
    made = cut(write(tmp_path, "parquet"), tmp_path / "cut", LIMITS, count=7)
    bucket_of = {
        row["lead_id"]: b for b in range(7) for row in (made.read("leads", b) or pa.table({})).to_pylist()
    }
    assert len(bucket_of) == len(LEADS) and len({*bucket_of.values()}) > 3
    named = LEADS[LEADS["account_id"] != ""]
    pairs = {(account, bucket_of[lead]) for lead, account in zip(named["lead_id"], named["account_id"])}
    assert len(pairs) == named["account_id"].nunique()
    for name in ("events", "outcomes"):
        for bucket in range(7):
            read = made.read(name, bucket)
            assert read is not None
            assert all(bucket_of.get(lead, bucket) == bucket for lead in read["lead_id"].to_pylist())


def test_an_account_of_very_many_leads_is_none(tmp_path: Path) -> None:
    many = pd.DataFrame({"lead_id": [f"m{n}" for n in range(201)], "created_at": "2026-01-01T00:00:00Z"})
    leads = pd.concat([LEADS, many.assign(account_id="mail.example")], ignore_index=True)
    made = cut(write(tmp_path, "csv", {**TABLES, "leads": leads}), tmp_path / "cut", LIMITS, count=5)
    assert made.crowded == (1, 201)
    found = {row["lead_id"]: row["account_id"] for row in rows_of(made, "leads")}
    assert found["m7"] is None and found["l1"] == "a0"


def test_ids_are_read_as_the_project_s_values_say(tmp_path: Path) -> None:
    asked = write(tmp_path, "csv")
    values = {"account_id": {"a1": "a2", "a3": ""}}
    leads = asked.tables.leads.model_copy(update={"values": values})
    mapped = asked.model_copy(update={"tables": asked.tables.model_copy(update={"leads": leads})})
    made = cut(mapped, tmp_path / "cut", LIMITS, count=11)
    bucket_of = {
        row["lead_id"]: b for b in range(11) for row in (made.read("leads", b) or pa.table({})).to_pylist()
    }
    assert bucket_of["l5"] == bucket_of["l9"], "a1 is a2"
    assert len({bucket_of[lead] for lead in ("l13", "l14", "l15")}) > 1, "a3 is none"


def test_event_ids_of_several_leads_are_marked(tmp_path: Path) -> None:
    events = EVENTS.assign(event_id=[*EVENTS["event_id"][:298], "e2", "e1"])
    cut(write(tmp_path, "csv", {**TABLES, "events": events}), tmp_path / "cut", LIMITS, count=40)
    with pa.OSFile(str(tmp_path / "cut" / SHARED), "rb") as file:
        marked = set(pa.ipc.open_file(file).read_all()["event_id"].to_pylist())
    assert marked and marked <= {"e1", "e2"}


def test_a_database_table_of_changing_types_is_one_column(tmp_path: Path) -> None:
    wide = pd.concat([EVENTS] * 200, ignore_index=True)
    assert len(wide) > ROWS_AT_ONCE
    wide["value"] = [str(n) if n == len(wide) - 1 else n for n in range(len(wide))]
    asked = write(tmp_path, "db", {**TABLES, "events": wide.astype({"value": object})})
    made = cut(asked, tmp_path / "cut", LIMITS, count=2)
    found = {row[ROW]: row["value"] for row in rows_of(made, "events")}
    read = sources.read(asked)["events"]["value"].to_pylist()
    assert [found[n] for n in range(len(wide))] == read


@pytest.mark.parametrize("ending", ["csv", "db"])
def test_a_source_that_changed_has_another_size(tmp_path: Path, ending: str) -> None:
    asked = write(tmp_path, ending)
    before = size_of(asked)
    assert size_of(asked) == before
    write(tmp_path, ending, {**TABLES, "events": EVENTS[:-1]})
    assert size_of(asked) != before


def test_a_leads_table_without_rows_is_refused(tmp_path: Path) -> None:
    asked = write(tmp_path, "csv", {**TABLES, "leads": LEADS[:0]})
    with pytest.raises(DataError, match=r"leads\.csv: the leads table has no row"):
        cut(asked, tmp_path / "cut", LIMITS)


def test_what_is_wrong_with_a_file_is_said_as_of_any_reading(tmp_path: Path) -> None:
    asked = write(tmp_path, "csv")
    (tmp_path / "events.csv").write_bytes(b"lead_id,occurred_at,kind\nl1,\xff\xfe,visit\n")
    with pytest.raises(DataError, match=r"events\.csv: found bytes that are not UTF-8 text"):
        cut(asked, tmp_path / "cut", LIMITS)
