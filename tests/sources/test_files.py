"""Files of every format come out as the same table; what is wrong with one is said by name."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lead_readiness.errors import ConfigError, DataError
from lead_readiness.project import parse
from lead_readiness.sources import columns_found, read, read_table, source_names
from lead_readiness.tables import validate

EVENTS = (
    "lead_id,occurred_at,kind\n\U0001f680\u200fשלום,2026-01-02T10:00:00Z,demo\n"
    'b,2026-01-03T10:00:00Z,"a ""b""\nc"\n'
)
KEPT = [
    {"lead_id": "\U0001f680\u200fשלום", "occurred_at": "2026-01-02T10:00:00Z", "kind": "demo"},
    {"lead_id": "b", "occurred_at": "2026-01-03T10:00:00Z", "kind": 'a "b"\nc'},
]


def project(root, events="events.csv", **more):
    return parse(
        {
            "name": "Acme",
            "rules": "rules.yaml",
            "tables": {"leads": "leads.csv", "events": events, "outcomes": "deals.csv"},
            "vocabulary": {"demo": {"behaviour": "form"}},
            **more,
        },
        root=root,
    )


def events(root, table="events.csv"):
    made = project(root, table)
    return read_table("events", made.tables.events, made)


def as_json(rows):
    import json

    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("events.csv", EVENTS.encode()),
        ("events.csv", EVENTS.encode("utf-8-sig")),
        ("events.csv.gz", gzip.compress(EVENTS.encode())),
        ("events.tsv", EVENTS.replace(",", "\t").encode()),
        ("semicolons.csv", EVENTS.replace(",", ";").encode()),
        ("[odd] 'name'.csv", EVENTS.encode()),
        ("events.jsonl", as_json(KEPT).encode()),
        ("events.ndjson.gz", gzip.compress(as_json(KEPT).encode())),
    ],
)
def test_text_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert events(tmp_path, name).to_pylist() == KEPT


def test_nothing_of_a_csv_file_is_guessed_away(tmp_path):
    rows = ["# no comment", "007", "1e3", "NULL", "true", "2026-01-02", "nan"]
    (tmp_path / "events.csv").write_text("lead_id,occurred_at,kind\n" + "".join(f"{row},,\n" for row in rows))
    table = events(tmp_path)
    assert table["lead_id"].to_pylist() == rows
    assert table["occurred_at"].null_count == len(rows)


def test_json_lines_keep_zones_and_fill_missing_fields(tmp_path):
    lines = '{"lead_id": 7, "occurred_at": "2026-01-02T10:00:00+02:00"}\n{"kind": "demo", "lead_id": "b"}\n'
    (tmp_path / "events.jsonl").write_text(lines)
    assert events(tmp_path, "events.jsonl").to_pylist() == [
        {"lead_id": "7", "occurred_at": "2026-01-02T10:00:00+02:00", "kind": None},
        {"lead_id": "b", "occurred_at": None, "kind": "demo"},
    ]


@pytest.mark.parametrize("place", ["one.parquet", "parts", "parts/*.parquet"])
def test_parquet_files_directories_and_globs(tmp_path, place):
    table = pa.table(
        {
            "kind": pa.array(["demo", "demo"]).dictionary_encode(),
            "lead_id": ["a", "b"],
            "occurred_at": pa.array([1, 2], pa.timestamp("ns", "UTC")),
            "unused": [1.0, 2.0],
        }
    )
    (tmp_path / "parts").mkdir()
    pq.write_table(table, tmp_path / "one.parquet")
    pq.write_table(table.slice(0, 1), tmp_path / "parts/1.parquet")
    pq.write_table(table.slice(1), tmp_path / "parts/2.parquet")
    found = events(tmp_path, place)
    assert found.column_names == ["lead_id", "occurred_at", "kind"]
    assert found["lead_id"].to_pylist() == ["a", "b"]
    assert pa.types.is_timestamp(found.schema.field("occurred_at").type)


def test_several_csv_files_follow_each_other_by_name_whatever_their_columns_order(tmp_path):
    (tmp_path / "e1.csv").write_text("lead_id,occurred_at,kind\na,x,demo\n")
    (tmp_path / "e2.csv").write_text("kind,occurred_at,lead_id\ndemo,y,b\n")
    assert events(tmp_path, "e*.csv")["lead_id"].to_pylist() == ["a", "b"]


WRONG = {
    "missing": (None, "events.csv: no such file (looked for "),
    "empty": (b"", "events.csv: the file is empty; expected a header row"),
    "another encoding": (
        EVENTS.encode("utf-16"),
        "events.csv: found bytes that are not UTF-8 text; save the file as UTF-8",
    ),
    "latin-1": ("lead_id,occurred_at,kind\né,x,y\n".encode("latin-1"), "not UTF-8 text"),
    "too few columns": (
        b"lead_id,occurred_at,kind\na,b,c\na,b\n",
        "cannot be read as CSV: Invalid Input Error: CSV Error on Line: 3",
    ),
    "too many columns": (b"lead_id,occurred_at,kind\na,b,c,d\n", "Expected Number of Columns: 3 Found: 4"),
    "an open quote": (b'lead_id,occurred_at,kind\n"a,b,c\n', "unterminated quote"),
    "no header": (b"\n", "the header row has no column name"),
    "a column twice": (b"lead_id,lead_id\n", "the header row has column `lead_id` twice"),
    "a renamed column": (
        b"lead_id,occured_at,kind\n",
        "column `occurred_at` of table events is missing; found `lead_id`, `occured_at`, `kind`; did you mean "
        "'occured_at'?; map it in readiness.toml: [tables.events.columns] occurred_at = \"occured_at\"",
    ),
}


@pytest.mark.parametrize(("content", "said"), WRONG.values(), ids=WRONG)
def test_a_csv_file_that_cannot_be_used(tmp_path, content, said):
    if content is not None:
        (tmp_path / "events.csv").write_bytes(content)
    with pytest.raises(DataError) as refused:
        events(tmp_path)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("events.csv.gz", b"no gzip", "events.csv.gz: cannot be read as CSV: Not a gzipped file"),
        (
            "events.csv.gz",
            gzip.compress(EVENTS.encode() * 2000)[:200],
            "events.csv.gz: cannot be read as CSV",
        ),
        ("events.parquet", b"no parquet, but long enough", "events.parquet: cannot be read as Parquet"),
        (
            "events.jsonl",
            b'{"lead_id": 1\n{}\n',
            "events.jsonl: cannot be read as JSON lines: Invalid Input Error: Malformed JSON",
        ),
        ("events.jsonl", b"[1]\n", "no JSON object with named fields; expected one object on each line"),
        (
            "events.xlsx",
            b"PK",
            "cannot tell the format from the ending '.xlsx'; expected .csv, .tsv, .parquet",
        ),
        ("events.parquet.gz", b"x", "cannot tell the format from the ending '.gz'"),
        ("nothing/x", b"", "nothing: no Parquet file in that directory"),
    ],
)
def test_other_files_that_cannot_be_used(tmp_path, name, content, said):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as refused:
        events(tmp_path, name.split("/")[0])
    assert said in str(refused.value)


def test_a_damaged_parquet_file(tmp_path):
    path = tmp_path / "events.parquet"
    table = pa.table({c: [f"{c}{i}" for i in range(5000)] for c in ("lead_id", "occurred_at", "kind")})
    pq.write_table(table, path)
    whole = bytearray(path.read_bytes())
    whole[100:20_000] = bytes(19_900)
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"events\.parquet: cannot be read as Parquet"):
        events(tmp_path, "events.parquet")


COLUMNS = {"lead_id": "Contact", "occurred_at": "When", "kind": "What"}


def test_columns_and_values_get_the_contracts_names(tmp_path):
    (tmp_path / "events.csv").write_text(
        "Contact,When,What,kind\na,2026-01-02T10:00:00Z,Demo!,x\nb,,Open,y\nc,,,z\n"
    )
    values = {"kind": {"Demo!": "demo", "Open": ""}}
    table = events(tmp_path, {"path": "events.csv", "columns": COLUMNS, "values": values})
    assert table["lead_id"].to_pylist() == ["a", "b", "c"]
    assert table["kind"].to_pylist() == ["demo", "", None]


@pytest.mark.parametrize(
    ("table", "error", "said"),
    [
        (
            {"columns": {"kind": "Wat"}},
            DataError,
            "events.csv: column `Wat`, which [tables.events.columns] maps to `kind`, is not there; found `Contact`, "
            "`When`, `What`; did you mean 'What'?",
        ),
        (
            {"columns": {"kid": "What"}},
            ConfigError,
            "[tables.events.columns] names `kid`, which table events does not have",
        ),
        ({"values": {"kinds": {}}}, ConfigError, "does not have; did you mean 'kind'?"),
    ],
)
def test_mappings_of_columns_that_are_not_there(tmp_path, table, error, said):
    (tmp_path / "events.csv").write_text("Contact,When,What\n")
    with pytest.raises(error) as refused:
        events(tmp_path, {"path": "events.csv", **table})
    assert said in str(refused.value)


def test_the_whole_project_is_read_and_checked(tmp_path):
    (tmp_path / "leads.csv").write_text("lead_id,created_at\na,2026-01-01T00:00:00Z\n")
    (tmp_path / "events.csv").write_text("lead_id,occurred_at,kind\na,2026-01-02T00:00:00Z,demo\n")
    (tmp_path / "deals.csv").write_text("lead_id,stage,decided_at\na,Closed Won,2026-01-05T00:00:00Z\n")
    deals = {
        "path": "deals.csv",
        "columns": {"outcome": "stage"},
        "values": {"outcome": {"Closed Won": "won"}},
    }
    tables = {"leads": "leads.csv", "events": "events.csv", "outcomes": deals}
    made = project(tmp_path, tables=tables)
    steps = []
    raw = read(made, steps.append)
    assert list(raw) == ["leads", "events", "outcomes"]
    assert steps == ["reading outcomes", "reading events", "reading leads"]
    assert source_names(made) == {"leads": "leads.csv", "events": "events.csv", "outcomes": "deals.csv"}
    assert columns_found(made)["outcomes"] == ["lead_id", "stage", "decided_at"]
    assert validate(made, **raw).outcomes["outcome"].tolist() == ["won"]
