"""How well one default configuration does on real data, beside what others have published.

`benchmarks/accuracy.py --data DIR [--only NAME] [--quick] [--json FILE]`. DIR holds one folder a data set. Each set's
own module says its protocol; all of them learn the library's features, voices and blend by the settings that a
training has by default. Intervals are a bootstrap over leads.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console

from benchmarks.measure import Measure, show, write

Say = Callable[[str], None]
Protocol = Callable[[Path, bool, Say], list[Measure]]

SETS = {
    "bpic2012": "BPI Challenge 2012: loan applications of a bank",
    "uci_bank": "UCI Bank Marketing: outbound calls of a bank",
    "olist_funnel": "Olist: merchants signing up to a marketplace",
    "cdnow": "CDNOW: customers who buy again",
}
"""Folders of the data sets, in the order of the table; `benchmarks.NAME.protocol` has each one's ``measure``."""

console = Console(stderr=True)


@click.command()
@click.option(
    "--data",
    "folder",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with one folder a data set.",
)
@click.option("--only", type=click.Choice(list(SETS)), help="This data set alone.")
@click.option("--quick", is_flag=True, help="A part of each set: the same code in under 50 seconds.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), help="Write the measures to this file, too."
)
def main(folder: Path, only: str | None, quick: bool, target: Path | None) -> None:
    """Measure the product on real data sets, and say which goals are reached."""
    measures: list[Measure] = []
    for name, title in SETS.items():
        if only not in (None, name):
            continue
        if not (folder / name).is_dir():
            console.print(f"[yellow]{name} is absent: no folder {folder / name}")
            continue
        found = protocol(name)(folder / name, quick, step)
        show(f"{title}{' (a part of it)' if quick else ''}", found)
        measures += found
    write(measures, target)


def protocol(name: str) -> Protocol:
    """The ``measure(folder, quick, say)`` of a data set: its rows for the table, named "NAME: what"."""
    found: Protocol = import_module(f"benchmarks.{name}.protocol").measure
    return found


def step(what: str) -> None:
    """Show what is being measured."""
    console.print(f"[dim]{what} ...")


if __name__ == "__main__":
    main()
