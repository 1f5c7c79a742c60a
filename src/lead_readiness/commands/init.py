"""`lead-readiness init`: a first project file from a look at the files."""

from __future__ import annotations

import tomllib
from pathlib import Path

import click

from lead_readiness import project as projects
from lead_readiness.console import say, show, steps, write_whole
from lead_readiness.errors import ConfigError
from lead_readiness.proposal.draft import Draft, draft
from lead_readiness.proposal.look import assign, look
from lead_readiness.proposal.writing import project_file, rule_book

RULES = "rules.yaml"


@click.command()
@click.argument("places", nargs=-1, metavar="[FILE|DIRECTORY|SQL_URL]...")
@click.option("--out", type=click.Path(path_type=Path), default=Path("readiness.toml"), show_default=True)
@click.option("--force", is_flag=True, help="Overwrite a project file that is already there.")
@click.option("--leads", metavar="FILE", help="The file or table that holds the leads.")
@click.option("--events", metavar="FILE", help="The file or table that holds the events.")
@click.option("--outcomes", metavar="FILE", help="The file or table that holds the outcomes.")
@click.option("--handoffs", metavar="FILE", help="The file or table that holds the hand-offs.")
def init(places: tuple[str, ...], out: Path, force: bool, **named: str | None) -> None:
    """Write a commented project file from a look at files, directories or databases.

    Looks at the current directory when nothing is named. Which table is which, columns, outcomes, attributes
    and the meaning of event kinds are guesses, to be corrected in the file. A rule book of usual points is written
    beside it unless there is one.
    """
    if out.exists() and not force:
        raise ConfigError(
            f"{out}: there is a project file already; --force overwrites it, --out writes elsewhere"
        )
    forced = {name: value for name, value in named.items() if value is not None}
    with steps() as step:
        step("looking at the files")
        files = [value for value in forced.values() if Path(value).is_file()]
        found = look(dict.fromkeys([*(places or (() if files else (".",))), *files]), out.parent)
        step("telling leads, events and outcomes apart")
        made = draft(assign(found, forced))
    name = out.absolute().parent.name or "company"
    text = project_file(made, name, RULES)
    projects.parse(tomllib.loads(text), source=str(out), root=out.parent)
    write_whole(out, text)
    rules = out.parent / RULES
    fresh = not rules.exists()
    if fresh:
        write_whole(rules, rule_book(made, name))
    _show(made, found.skipped)
    say(f"Wrote {out}{f' and {rules}' if fresh else f'; {rules} was there and is left as it is'}.")
    say(f"Read and correct it, then: lead-readiness check --project {out}")


def _show(made: Draft, skipped: list[str]) -> None:
    rows = [
        (
            name,
            match.candidate.label,
            ", ".join(f"{a}={b}" if a != b else a for a, b in made.columns[name].items()),
        )
        for name, match in made.tables.items()
    ]
    show("Tables", ["table", "found in", "columns"], rows)
    kinds = [
        (k.name, k.events, k.leads, k.meaning.behaviour, k.meaning.actor, k.meaning.direction)
        for k in made.kinds
    ]
    show("Event kinds (suggestions)", ["kind", "events", "leads", "behaviour", "actor", "direction"], kinds)
    for reason in skipped:
        say(f"Skipped {reason}")
