"""The page that users read about the data contract says what the code says."""

import re
import tomllib
from pathlib import Path

import pytest

from lead_readiness.tables.contract import CONTRACT, OUTCOMES

PAGE = (Path(__file__).parents[1] / "data/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", CONTRACT)
def test_every_column_is_described_with_its_type(table):
    section = PAGE.split(f"### {table}:")[1].split("\n### ")[0].split("\n## ")[0]
    described = re.findall(r"^\| `(\w+)` \| (\w+)(, \*\*required\*\*)? \|", section, flags=re.MULTILINE)
    assert sorted(described) == sorted(
        (c.name, c.holds, ", **required**" if c.required else "") for c in CONTRACT[table]
    )


def test_the_outcomes_are_named():
    assert all(f"`{outcome}`" in PAGE for outcome in OUTCOMES)


def test_examples_of_the_project_file_are_valid_toml():
    examples = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert [sorted(tomllib.loads(example)["tables"]) for example in examples] == [
        ["events", "handoffs", "leads", "outcomes"],
        ["outcomes"],
        ["events", "leads"],
    ]
