"""Writes the pages under docs/reference from the code; a test compares them with what is written there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from lead_readiness import cli, project
from lead_readiness.features import families
from lead_readiness.features.catalogue import event_features
from lead_readiness.features.families import Feature
from lead_readiness.project import Project
from lead_readiness.rules.book import RuleBook

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample" / "readiness.toml"
REFERENCE = ROOT / "docs" / "reference"
DIRECTIONS = {1: "up", -1: "down", 0: ""}
Schema = dict[str, Any]
BOUNDS = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}

FAMILIES = (
    families.age,
    families.count,
    families.recency,
    families.intensity,
    families.trend,
    families.value,
    families.pair,
    families.rhythm,
    families.account,
    families.history,
)
FEATURES_OPENING = """# Features

Written by `make docs` from the catalogue; do not edit. What the vocabulary of
[the sample company](../../data/sample/readiness.toml) gives: {columns} columns. Another vocabulary
gives other kinds and behaviours in the same families. To these a training adds what its own rows
show: the values that events carry, ordered pairs of kinds (this one within so many days after that
one) and the columns of the leads' attributes (numbers, levels, a level's past win rate).

*Direction* is what a larger number may do to a score, which the voices keep to: one more event that
points up moves the column that way, one that points down against it. *Empty* is what a lead without
events has. A window of so many days ends just before the moment of the score."""
RULE_BOOK_OPENING = """# The rule book, key by key

Written by `make docs` from the model that checks a rule book; do not edit. How the points add up is
told in [the rule book](../rule-book.md)."""


def features_page() -> str:
    """Every event feature that the sample company's vocabulary gives, by behaviour."""
    sample = project.load(SAMPLE)
    made = event_features(sample, counts=dict.fromkeys(sample.kinds, 1), accounts=True)
    lines = [
        FEATURES_OPENING.format(columns=len(made)),
        "",
        "## How they are counted",
        "",
        "| family | what it holds |",
        "|---|---|",
    ]
    lines += [f"| `{make.__name__}` | {' '.join(str(make.__doc__).split())} |" for make in FAMILIES]
    for name in dict.fromkeys(feature.behaviour for feature in made):
        lines += _behaviour(name, made, sample)
    return "\n".join([*lines, ""])


def _behaviour(name: str, made: tuple[Feature, ...], sample: Project) -> Iterator[str]:
    kinds = [f"`{kind}`" for kind, meaning in sample.vocabulary.items() if meaning.behaviour == name]
    yield from ("", f"## {name}", "")
    if kinds:
        yield from (f"Event kinds: {', '.join(kinds)}.", "")
    yield from ("| feature | what it measures | unit | direction | empty |", "|---|---|---|---|---:|")
    for f in made:
        if f.behaviour == name:
            yield f"| `{f.name}` | {f.phrase} | {f.unit} | {DIRECTIONS[f.direction]} | {f.empty:g} |"


def rule_book_page() -> str:
    """Every key of a rule book: what it holds, what it means, what leaving it out means."""
    schema = RuleBook.model_json_schema()
    models = schema["$defs"]
    lines = [RULE_BOOK_OPENING, *_model("RuleBook", schema, models)]
    for name in _in_order(schema, models):
        lines += _model(name, models[name], models)
    return "\n".join([*lines, ""])


def _in_order(schema: Schema, models: Schema) -> list[str]:
    """The names of the models that a schema mentions, in the order in which a reader meets them."""
    met: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, list):
            for part in node:
                walk(part)
        elif isinstance(node, dict) and "$ref" in node:
            name = _referred(node)
            if name not in met:
                met.append(name)
                walk(models[name]["properties"])
        elif isinstance(node, dict):
            walk(list(node.values()))

    walk(schema["properties"])
    return met


def _model(name: str, model: Schema, models: Schema) -> Iterator[str]:
    yield from ("", f"## {name}", "", " ".join(model["description"].split()), "")
    yield from ("| key | holds | left out | meaning |", "|---|---|---|---|")
    required = model.get("required", [])
    for key, field in model["properties"].items():
        absent = "**required**" if key in required else _default(field)
        meaning = field.get("description") or models[_referred(field)]["description"]
        yield f"| `{key}` | {_holds(field)} | {absent} | {meaning} |"


def _default(field: Schema) -> str:
    value = field.get("default")
    if value is None or isinstance(value, list | dict):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _referred(field: Schema) -> str:
    return str(field["$ref"]).rpartition("/")[2]


def _holds(field: Schema) -> str:
    """What a key's value is, in words."""
    if "$ref" in field:
        return f"[{_referred(field)}](#{_referred(field).lower()})"
    for way in ("anyOf", "oneOf"):
        if way in field:
            return " or ".join(_holds(option) for option in field[way] if option.get("type") != "null")
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_holds(field.get('items', {}))}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"name: {_holds(field['additionalProperties'])}"
    bounds = [f"{words} {field[bound]:g}" for bound, words in BOUNDS.items() if bound in field]
    kind = {"string": "text", "boolean": "yes or no", "integer": "whole number", "object": "mapping"}
    return " ".join([str(field.get("format") or kind.get(field["type"], field["type"])), *bounds])


def commands_page() -> str:
    """What `lead-readiness --help` and each command's own help say."""
    settings = cli.main.context_settings
    context = click.Context(cli.main, info_name="lead-readiness", terminal_width=100, **settings)
    lines = ["# The command line", "", "Written by `make docs` from the commands' own help; do not edit."]
    lines += _help("lead-readiness", cli.main, context)
    for name in cli.main.list_commands(context):
        command = cli.main.get_command(context, name)
        if command is not None and not command.hidden:
            own = click.Context(command, info_name=name, parent=context, terminal_width=100)
            lines += _help(f"lead-readiness {name}", command, own)
    return "\n".join([*lines, ""])


def _help(title: str, command: click.Command, context: click.Context) -> list[str]:
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return ["", f"## {title}", "", "```text", text, "```"]


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "features.md": features_page,
    "rule-book.md": rule_book_page,
}


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
