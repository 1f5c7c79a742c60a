"""The project file: what it fills in, and what it says about a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from frames import project

from lead_readiness.errors import ConfigError
from lead_readiness.project import Project, Table, load

TABLES = {"leads": "leads.csv", "events": "events.csv", "outcomes": "deals.csv"}
MINIMAL = """
name = "Acme"
rules = "rules.yaml"
cut = 2026-03-01T00:00:00
timezone = "Europe/Berlin"
[tables]
leads = "leads.csv"
events = { path = "events.parquet" }
outcomes = { url = "${CRM_URL}", query = "select 1" }
[vocabulary]
pricing_view = { behaviour = "pricing" }
call = { behaviour = "sales", actor = "sales", phrase = "talk", plural = "talks" }
[attributes]
company_size = "number"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "readiness.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_a_project_file_leaves_out_is_filled_in(tmp_path: Path) -> None:
    found = load(written(tmp_path, MINIMAL))
    assert found.root == tmp_path and found.kinds == ("pricing_view", "call")
    assert found.vocabulary["pricing_view"].phrase == "pricing view"
    assert found.vocabulary["pricing_view"].actor == "buyer"
    assert [found.vocabulary["call"].count_phrase(n) for n in (1, 2000)] == ["1 talk", "2,000 talks"]
    assert (found.attributes["company_size"].phrase, found.attributes["company_size"].behaviour) == (
        "company size",
        "fit",
    )
    assert (found.label.horizon_days, found.label.cadence_days, found.label.gap_days) == ("auto", 7, 1.0)
    assert [name for name, _ in found.tables.items()] == ["leads", "events", "outcomes"]
    assert found.cut is not None and found.cut.isoformat() == "2026-03-01T00:00:00+01:00"


def test_capacity_alone_is_a_hand_off_policy() -> None:
    policy = project(
        handoff={"capacity_per_week": 7, "returns": {"price": {"track": "offers", "days": 14}}}
    ).handoff
    assert (policy.capacity_per_week, policy.floor, policy.line, policy.band, policy.explore) == (
        7,
        0,
        None,
        10,
        0,
    )
    assert {reason: (after.track, after.days) for reason, after in policy.returns.items()} == {
        "not now": ("later", 60), "price": ("offers", 14), "competitor": ("competitor", 180),
        "no decision": ("nurture", 90), "no response": ("wake up", 30), "not a lead": ("none", 365),
        "other": ("nurture", 60),
    }  # fmt: skip


def test_a_sales_cycle_asks_for_what_it_says_and_else_for_what_all_leads_must_reach() -> None:
    policy = project(
        label={"cycle": "industry"},
        handoff={"line": 90, "floor": 20, "cycles": {"it": {"cost_ratio": 0.1}, "law": {"floor": 40}}},
    ).handoff
    asked = {name: policy.entry(name) for name in ("it", "law", "food")}
    assert {name: (e.line, e.cost_ratio, e.floor) for name, e in asked.items()} == {
        "it": (None, 0.1, 20), "law": (90, None, 40), "food": (90, None, 20),
    }  # fmt: skip


def test_what_a_model_takes_along_has_no_paths_and_survives_json(tmp_path: Path) -> None:
    meaning = load(written(tmp_path, MINIMAL)).meaning()
    text = meaning.model_dump_json()
    assert type(meaning) is Project
    assert not any(word in text for word in ("leads.csv", "CRM_URL", "rules.yaml", str(tmp_path)))
    assert Project.model_validate_json(text).model_dump_json() == text


def table(**more: object) -> dict[str, object]:
    return {"tables": {**TABLES, "leads": more}}


PLACE = "give either `path` (a file) or `url` (a SQL database), not both and not neither"
QUERY = "a SQL source needs either `table` or `query`"
DAYS = 'expected a whole number of days above 0, "auto", "eventual" or such a number per value of `cycle`'
NO_BUYER = '`vocabulary`: no event kind has actor = "buyer"; only what buyers do feeds the score'


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"timezon": "UTC"}, "unknown key `timezon`; did you mean 'timezone'?"),
        ({"zzz": 1}, "unknown key `zzz`"),
        ({"label": {"horizon_day": 30}}, "unknown key `label.horizon_day`; did you mean 'horizon_days'?"),
        ({"handoff": {"capacity": 3}}, "unknown key `handoff.capacity`; did you mean 'capacity_per_week'?"),
        ({"handoff": {"capacity_per_week": 0}},
         "`handoff.capacity_per_week`: found 0: Input should be greater than 0"),
        ({"handoff": {"line": 90, "cost_ratio": 0.1}},
         "`handoff`: give either `line` (a score) or `cost_ratio` (a wasted call over a win), not both; "
         "without either the line follows the capacity"),
        ({"handoff": {"line": 40, "floor": 50}},
         "`handoff`: `line` 40 is below `floor` 50; nobody could be in between"),
        ({"handoff": {"queues": {"north": 5}}},
         "`handoff`: `queues` needs `queue`, the attribute whose values name them"),
        ({"handoff": {"queue": "industry", "queues": {"it": 20, "law": 10}}},
         "`handoff`: `queues` take 30 places a week together, `capacity_per_week` is 25; raise it or give them fewer"),
        ({"handoff": {"queue": "industri"}},
         "handoff.queue = 'industri' is not a category under [attributes]; did you mean 'industry'?"),
        ({"handoff": {"cycles": {"short": {"line": 90}}}},
         "handoff.cycles needs label.cycle, the attribute that names a lead's sales cycle"),
        ({"label": {"cycle": "industry"}, "handoff": {"cycles": {"it": {"line": -5}}}},
         "`handoff`: cycles.it: `line` -5 is below `floor` 0; nobody could be in between"),
        ({"handoff": {"cycles": {"it": {"flor": 5}}}},
         "unknown key `handoff.cycles.it.flor`; did you mean 'floor'?"),
        ({"handoff": {"returns": {"not yet": {"track": "x", "days": 1}}}},
         "`handoff.returns.not yet`: found 'not yet': Input should be 'not now', 'price', 'competitor', "
         "'no decision', 'no response', 'not a lead' or 'other'"),
        ({"handoff": {"hold_days": {"opt_out": 9}}},
         "`handoff.hold_days.opt_out`: found 'opt_out': Input should be 'complaint' or 'bounce'"),
        ({"handoff": {"explore": 0.2}},
         "`handoff.explore`: found 0.2: Input should be less than or equal to 0.05"),
        ({"tables": {**TABLES, "handofs": "x"}}, "unknown key `tables.handofs`; did you mean 'handoffs'?"),
        (table(path="x", colums={}), "unknown key `tables.leads.colums`; did you mean 'columns'?"),
        ({"vocabulary": {"a": {"behaviour": "x", "frase": "y"}}},
         "unknown key `vocabulary.a.frase`; did you mean 'phrase'?"),
        ({"tables": {"leads": "leads.csv", "events": "events.csv"}}, "`tables.outcomes` is missing"),
        ({"vocabulary": {"a": {"phrase": "x"}}}, "`vocabulary.a.behaviour` is missing"),
        ({"cut": "2026-01-01T00:00:00"},
         "cut = 2026-01-01T00:00:00 has no time zone; write it as 2026-01-01T00:00:00Z or set `timezone`"),
        ({"timezone": "Europe/Berln"},
         "`timezone`: found 'Europe/Berln': not a known time zone; did you mean 'Europe/Berlin'?"),
        ({"label": {"cycle": "industri"}},
         "label.cycle = 'industri' is not a category under [attributes]; did you mean 'industry'?"),
        ({"label": {"cycle": "size"}}, "label.cycle = 'size' is not a category under [attributes]"),
        ({"label": {"horizon_days": {"short": 30}}},
         "`label`: one horizon per sales cycle needs `cycle`, the attribute that names a lead's cycle"),
        ({"label": {"horizon_days": "never"}}, f"`label.horizon_days`: found 'never': {DAYS}"),
        ({"label": {"horizon_days": 0}}, f"`label.horizon_days`: found 0: {DAYS}"),
        ({"vocabulary": {}}, NO_BUYER),
        ({"vocabulary": {"call": {"behaviour": "sales", "actor": "sales"}}}, NO_BUYER),
        ({"vocabulary": {"a": {"behaviour": "x", "actor": "buyr"}}},
         "`vocabulary.a.actor`: found 'buyr': Input should be 'buyer', 'marketing', 'sales' or 'system'"),
        (table(path="x", url="y"), f"`tables.leads`: {PLACE}"),
        (table(), f"`tables.leads`: {PLACE}"),
        (table(url="y"), f"`tables.leads`: {QUERY}"),
        (table(url="y", table="a", query="b"), f"`tables.leads`: {QUERY}"),
        ({"judgement": {"slices": ["industri"]}},
         "judgement.slices: 'industri' is not a category under [attributes]; did you mean 'industry'?"),
        ({"judgement": {"groups": ["size"]}}, "judgement.groups: 'size' is not a category under [attributes]"),
        ({"judgement": {"waivers": {"industry": {"signed": "Ann", "on": "2026-01-15", "reason": "Law"}}}},
         "judgement.waivers: 'industry' is not one of judgement.groups"),
        ({"judgement": {"keep": ["sise"]}},
         "judgement.keep: 'sise' is not an attribute or an event kind; did you mean 'size'?"),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        project(**changed)
    assert str(refused.value) == f"readiness.toml: {message}"


def test_every_mistake_has_its_line() -> None:
    with pytest.raises(ConfigError) as refused:
        project(name=3, vocabulary={"a": {"behavior": "x"}})
    assert str(refused.value).splitlines() == [
        "readiness.toml: `name`: found 3: Input should be a valid string",
        "readiness.toml: `vocabulary.a.behaviour` is missing",
        "readiness.toml: unknown key `vocabulary.a.behavior`; did you mean 'behaviour'?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no project file there; `lead-readiness init` writes one from a look at your files"),
        ("name = ", "not valid TOML: Invalid value"),
        (MINIMAL.replace("rules =", "rulez ="), "unknown key `rulez`; did you mean 'rules'?"),
    ],
    ids=["no file", "no TOML", "a mistake"],
)
def test_a_file_is_named_with_its_path(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "readiness.toml" if text is None else written(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert f"{path}: {message}" in str(refused.value)


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Table(url="postgresql://crm:${CRM_PASSWORD}@${CRM_HOST}/sales", table="leads")
    monkeypatch.setenv("CRM_PASSWORD", "secret")
    monkeypatch.setenv("CRM_HOST", "db")
    assert source.resolved() == "postgresql://crm:secret@db/sales"
    assert "secret" not in source.model_dump_json()
    monkeypatch.delenv("CRM_HOST")
    with pytest.raises(ConfigError) as refused:
        source.resolved()
    expected = "the project file names the environment variable CRM_HOST, which is not set; export it first"
    assert str(refused.value) == expected
