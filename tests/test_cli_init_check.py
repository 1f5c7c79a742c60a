"""The command line from a look at files to a clean check, as a person at a terminal sees it."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lead_readiness import cli, project
from lead_readiness.cli import main

LEADS = 40
WON = range(0, LEADS, 4)
OPEN = range(3, LEADS, 4)


def lead(i):
    return f"00Q{i:03d}"


def contacts():
    rows = ["Lead ID,Email,createdate,Company,Industry,Employees,Contract Value,Remarks"]
    for i in range(LEADS):
        value = "1200" if i in WON else ""
        rows.append(
            f"{lead(i)},p{i}@example.org,2025-01-{i % 28 + 1:02d} 09:00:00,acme{i // 2},"
            f"{('it', 'retail')[i % 2]},{10 + i},{value},remark number {i}"
        )
    return rows


KINDS = ("Pricing page viewed", "email_open", "Demo request", "unsubscribed", "sales_call", "Xyzzy")


def activity():
    return [
        {
            "contact_id": lead(i),
            "timestamp": f"2025-02-{day:02d}T{i % 24:02d}:00:00Z",
            "event_type": KINDS[(i + day) % len(KINDS)],
            "page": "/p",
        }
        for i in range(LEADS)
        for day in range(1, 8)
    ]


def deals():
    stages = {
        **dict.fromkeys(range(LEADS), "Closed Lost"),
        **dict.fromkeys(WON, "Closed Won"),
        **dict.fromkeys(OPEN, "Negotiation"),
    }
    rows = ["deal,Lead ID,stage,closed_at,amount"]
    return rows + [f"{i},{lead(i)},{stage},2025-04-{i % 28 + 1:02d},{100 * i}" for i, stage in stages.items()]


@pytest.fixture
def company(tmp_path, monkeypatch):
    (tmp_path / "contacts.csv").write_text("\n".join(contacts()) + "\n")
    (tmp_path / "activity.jsonl").write_text("".join(json.dumps(row) + "\n" for row in activity()))
    (tmp_path / "deals.csv").write_text("\n".join(deals()) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_init_guesses_tables_columns_outcomes_attributes_and_kinds(company):
    done = run("init")
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines() == [
        "looking at the files ...",
        "telling leads, events and outcomes apart ...",
    ]
    text = (company / "readiness.toml").read_text()
    made = tomllib.loads(text)
    assert made["tables"]["leads"] == {
        "path": "contacts.csv",
        "columns": {
            "lead_id": "Lead ID",
            "created_at": "createdate",
            "account_id": "Company",
            "industry": "Industry",
            "employees": "Employees",
        },
    }
    assert made["tables"]["events"] == {
        "path": "activity.jsonl",
        "columns": {
            "lead_id": "contact_id",
            "occurred_at": "timestamp",
            "kind": "event_type",
            "asset": "page",
        },
    }
    assert made["tables"]["outcomes"] == {
        "path": "deals.csv",
        "columns": {"lead_id": "Lead ID", "outcome": "stage", "decided_at": "closed_at"},
        "values": {"outcome": {"Closed Won": "won", "Closed Lost": "lost", "Negotiation": ""}},
    }
    assert made["timezone"] == "UTC"
    assert "# Dates without a zone are in: leads.created_at, outcomes.decided_at." in text
    assert made["attributes"] == {"industry": "category", "employees": "number"}
    assert "# left out: Contract Value: filled only for leads that were won: known after the outcome" in text
    assert "# left out: Email: personal" in text
    assert "# left out: Remarks: 40 different values: an id or free text" in text
    assert made["vocabulary"]["Pricing page viewed"] == {
        "behaviour": "pricing",
        "actor": "buyer",
        "direction": "up",
        "phrase": "pricing page viewed",
    }
    assert made["vocabulary"]["sales_call"]["actor"] == "sales"
    assert made["vocabulary"]["unsubscribed"]["hold"] == "opt_out"
    assert "CHECK: no word of it is known" in text


def test_what_init_writes_passes_check(company):
    assert run("init").exit_code == 0
    done = run("check")
    assert done.exit_code == 0, done.output + done.stderr
    assert "reading leads ..." in done.stderr.splitlines()
    assert "Outcomes: 20 lost, 10 won" in done.stdout
    assert "Note: outcomes: 10 rows without an outcome left out: nothing decided yet" in done.stdout
    assert done.stdout.splitlines()[-1] == "All rows keep the data contract. Next: lead-readiness train"


def test_init_never_overwrites_unless_told(company):
    (company / "readiness.toml").write_text("mine")
    (company / "rules.yaml").write_text("sales'")
    done = run("init")
    assert (done.exit_code, (company / "readiness.toml").read_text()) == (2, "mine")
    assert "there is a project file already; --force overwrites it, --out writes elsewhere" in done.stderr
    done = run("init", "--force")
    assert done.exit_code == 0
    assert "rules.yaml was there and is left as it is" in done.stdout.replace("\n", " ")
    assert (company / "rules.yaml").read_text() == "sales'"
    assert sorted(p.name for p in company.iterdir()) == [
        "activity.jsonl",
        "contacts.csv",
        "deals.csv",
        "readiness.toml",
        "rules.yaml",
    ]


def test_init_writes_paths_as_the_project_file_sees_them(company):
    assert (
        run("init", "contacts.csv", "activity.jsonl", "deals.csv", "--out", "sub/readiness.toml").exit_code
        == 0
    )
    assert project.load("sub/readiness.toml").tables.events.path == "../activity.jsonl"
    assert run("check", "--project", "sub/readiness.toml").exit_code == 0


def test_leads_and_outcomes_may_be_one_table(company):
    rows = ["lead_id,registered_at,outcome,outcome_at"]
    rows += [
        f"{lead(i)},2025-01-01T00:00:00Z,{'won' if i in WON else 'lost'},2025-05-01T00:00:00Z"
        for i in range(LEADS)
    ]
    (company / "all.csv").write_text("\n".join(rows) + "\n")
    assert run("init", "all.csv", "activity.jsonl").exit_code == 0
    made = project.load("readiness.toml")
    assert (made.tables.leads.path, made.tables.outcomes.path) == ("all.csv", "all.csv")
    assert made.tables.outcomes.columns == {"decided_at": "outcome_at"}
    assert run("check").exit_code == 0


def test_init_reads_a_database(company):
    import sqlite3

    with sqlite3.connect("crm.db") as db:
        db.execute("create table contact (id text, created_at text)")
        db.executemany(
            "insert into contact values (?, ?)", [(lead(i), "2025-01-01T00:00:00Z") for i in range(LEADS)]
        )
        db.execute("create table activity (contact_id text, event_time text, event text)")
        rows = [(r["contact_id"], r["timestamp"], r["event_type"]) for r in activity()]
        db.executemany("insert into activity values (?, ?, ?)", rows)
        db.execute("create table deal (contact_id text, is_won integer, closedate text)")
        closed = [(lead(i), int(i in WON), "2025-05-01T00:00:00Z") for i in range(LEADS)]
        db.executemany("insert into deal values (?, ?, ?)", closed)
    db.close()
    done = run("init", "sqlite:///crm.db", "--out", "sub/readiness.toml")
    assert done.exit_code == 0, done.output
    made = project.load("sub/readiness.toml")
    assert made.tables.outcomes.url == "sqlite:///../crm.db"
    assert made.tables.outcomes.values == {"outcome": {"0": "lost", "1": "won"}}
    assert run("check", "--project", "sub/readiness.toml").exit_code == 0


@pytest.mark.parametrize(
    ("remove", "arguments", "said"),
    [
        (
            "activity.jsonl",
            ["init"],
            "no table that can be read as events (needs lead_id, occurred_at, kind)",
        ),
        ("deals.csv", ["init"], "no table that can be read as outcomes (needs lead_id, outcome, decided_at)"),
        (None, ["init", "none.csv"], "none.csv: no such file"),
        (None, ["init", "sqlite:///none.db"], "sqlite:///none.db: no such file"),
        (None, ["check"], "readiness.toml: no project file there; `lead-readiness init` writes one"),
    ],
)
def test_init_and_check_say_what_is_lacking(company, remove, arguments, said):
    if remove:
        (company / remove).unlink()
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (company / "readiness.toml").exists()


def test_check_writes_bad_rows_beside_the_data_and_ends_with_1(company):
    run("init")
    with (company / "deals.csv").open("a") as file:
        file.write("99,nobody,Closed Won,2025-05-01,1\n100,00Q001,Closed Lost,never,x\n")
    done = run("check")
    assert done.exit_code == 1
    assert "3 bad rows; mend them at the source" in done.stderr
    assert "deals.csv: `lead_id` is no lead of the leads table in 1 row" in done.stderr
    assert (company / "outcomes.bad.csv").read_text().splitlines() == [
        "table,row,column,value,problem",
        "outcomes,42,lead_id,nobody,is no lead of the leads table",
        "outcomes,3,lead_id,00Q001,has several outcomes",
        "outcomes,43,lead_id,00Q001,has several outcomes",
        "outcomes,43,decided_at,never,is not a date",
        "outcomes,43,amount,x,is not a number",
    ]
    done = run("check", "--quarantine")
    assert done.exit_code == 1
    assert "outcomes: 3 rows set aside as bad" in done.stdout
    assert "Wrote leads.bad.csv: 1 bad row of leads" in done.stdout
    assert run("init", "--force").exit_code == 0, "what check wrote is not taken for data"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("rules.yaml", "points:", "pionts:", "unknown key `pionts`; did you mean 'points'?"),
        ("readiness.toml", "timezone =", "timezon =", "unknown key `timezon`; did you mean 'timezone'?"),
        ("readiness.toml", "createdate", "creatdate", "did you mean 'createdate'?"),
        ("readiness.toml", "email_open =", "never_seen = { behaviour = 'x' }\nemail_open =", ""),
    ],
)
def test_check_finds_mistakes_in_project_file_and_rule_book(company, file, old, new, said):
    run("init")
    path = company / file
    path.write_text(path.read_text().replace(old, new, 1))
    done = run("check")
    assert done.exit_code == (2 if said else 0)
    assert said in done.stderr
    assert said or "Never seen, though in [vocabulary]: never_seen" in done.stdout


def test_an_interruption_is_one_line_and_130(company, monkeypatch):
    def stop(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(project, "load", stop)
    done = run("check")
    assert (done.exit_code, done.stderr) == (130, "lead-readiness: interrupted\n")


def test_a_command_that_needs_the_checkout_says_so(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(cli, "import_module", missing)
    done = run("train")
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "lead-readiness: `train` needs the `training` package, which is not installed: training runs from the "
        "checkout with the extra `train` (in the checkout: pip install -e '.[train]')"
    ]


def test_help_lists_every_command_without_loading_any():
    code = (
        "import sys; from lead_readiness.cli import main; main(['--help'], standalone_mode=False); "
        "print([m for m in ('pandas', 'numba', 'pyarrow', 'duckdb', 'training') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in cli.COMMANDS)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["init", "check", "simulate"])
def test_the_librarys_commands_are_there(name):
    group = click.Context(main)
    assert main.get_command(group, name).name == name


def test_simulate_writes_a_company_that_passes_check(tmp_path):
    out = tmp_path / "company"
    done = run("simulate", "--leads", 60, "--seed", 3, "--months", 12, "--out", out)
    assert done.exit_code == 0, done.output
    assert run("check", "--project", out / "readiness.toml").exit_code == 0


def test_init_understands_the_sample_company(tmp_path):
    sample = Path(__file__).parents[1] / "data/sample"
    names = [sample / name for name in ("leads.csv", "events.csv.gz", "outcomes.csv", "handoffs.csv")]
    done = run("init", *names, "--out", tmp_path / "readiness.toml")
    assert done.exit_code == 0, done.output
    found, meant = project.load(tmp_path / "readiness.toml"), project.load(sample / "readiness.toml")
    assert {name: table.columns for name, table in found.tables.items() if name != "leads"} == {
        "events": {},
        "outcomes": {},
        "handoffs": {},
    }
    assert set(found.attributes) == set(meant.attributes)
    assert {k: v.actor for k, v in found.vocabulary.items()} == {
        k: v.actor for k, v in meant.vocabulary.items()
    }
