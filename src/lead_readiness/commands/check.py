"""`lead-readiness check`: whether tables, vocabulary and rule book can be used as they are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click
import pandas as pd

from lead_readiness import project as projects
from lead_readiness.console import say, show, steps, write_whole
from lead_readiness.errors import LeadReadinessError
from lead_readiness.project import ProjectFile
from lead_readiness.tables import BadRowsError, Tables


@click.command()
@click.option(
    "--project", "path", type=click.Path(path_type=Path), default=Path("readiness.toml"), show_default=True
)
@click.option("--quarantine", is_flag=True, help="Set bad rows aside and go on with the others.")
def check(path: Path, quarantine: bool) -> None:
    """Check tables, vocabulary and rule book without training.

    Ends with 0 when all is well, 1 when rows are bad (written beside the data as TABLE.bad.csv), 2 when the
    project file, rule book or a whole table cannot be used.
    """
    project = projects.load(path)
    problems: list[str] = []
    tables = bad = None
    with steps() as step:
        step("checking the rule book")
        try:
            rules = _rules(project)
        except LeadReadinessError as error:
            problems.append(str(error))
        try:
            tables = _tables(project, quarantine, step)
            bad = tables.bad
        except BadRowsError as error:
            bad = error.bad
            click.echo(f"lead-readiness: {error}", err=True)
        except LeadReadinessError as error:
            problems.append(str(error))
    if tables is not None:
        _show(tables, project)
    if bad is not None and len(bad):
        _write_bad(bad, project)
    if problems:
        raise LeadReadinessError("\n".join(problems))
    say(rules)
    if bad is not None and len(bad):
        sys.exit(1)
    say("All rows keep the data contract. Next: lead-readiness train")


def _tables(project: ProjectFile, quarantine: bool, step: Callable[[str], None]) -> Tables:
    from lead_readiness import sources
    from lead_readiness.tables import validate

    raw = sources.read(project, step)
    step("checking rows")
    return validate(project, **raw, quarantine=quarantine, sources=sources.source_names(project))


def _rules(project: ProjectFile) -> str:
    from lead_readiness import rules

    book = rules.load(project.root / project.rules, project)
    return f"Rule book: {book.name!r} version {book.version}, {len(book.rules)} rules, threshold {book.threshold:g}"


def _show(tables: Tables, project: ProjectFile) -> None:
    summary = tables.summary()
    show("Tables (times in UTC)", ["table", "rows", "first", "last"], summary.rows.itertuples(index=False))
    kinds = []
    for kind, events, leads, _, last in summary.kinds.itertuples(index=False):
        meaning = project.vocabulary[str(kind)]
        kinds.append((kind, events, leads, meaning.behaviour, meaning.actor, last))
    show("Event kinds", ["kind", "events", "leads", "behaviour", "actor", "last"], kinds)
    never = [kind for kind in project.kinds if kind not in set(summary.kinds["kind"])]
    if never:
        say(f"Never seen, though in [vocabulary]: {', '.join(never)}")
    counts = tables.outcomes["outcome"].value_counts()
    if len(counts):
        say("Outcomes: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    for note in tables.notes:
        say(f"Note: {note}")


def _write_bad(bad: pd.DataFrame, project: ProjectFile) -> None:
    """One file for each table with bad rows, in the directory of its data."""
    for name, table in project.tables.items():
        rows = bad[bad["table"] == name]
        if len(rows):
            inside = project.root / table.path if table.path else project.root / "query"
            path = (inside.parent if inside.parent.is_dir() else project.root) / f"{name}.bad.csv"
            write_whole(path, rows.to_csv(index=False))
            count = rows["row"].nunique()
            say(f"Wrote {path}: {count:,} bad {'row' if count == 1 else 'rows'} of {name}")
