"""A company's tables as what a training needs: timelines, horizons, the rule book, and labelled rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness import project as projects
from lead_readiness import rules, snapshots, sources, tables, timelines
from lead_readiness.project import ProjectFile
from lead_readiness.rules import RuleBook
from lead_readiness.snapshots import POSITIVE, Snapshots
from lead_readiness.tables import Note
from lead_readiness.timelines import NEVER, Ints, Timelines

MOST_ROWS = 200_000
"""Training rows from which leads that were never won give fewer."""
Say = Callable[[str], None]
"""Tells a person which step is under way."""


@dataclass(frozen=True)
class Dataset:
    """Validated input with what is fixed once for a training: horizons, the grid, how long wins take to be known.

    ``horizon`` is per lead in microseconds and ``horizon_days`` per sales cycle; ``instants`` is the grid over
    the whole history.
    """

    project: ProjectFile
    book: RuleBook
    timelines: Timelines
    notes: tuple[Note, ...]
    horizon: Ints
    horizon_days: dict[str, int | None]
    instants: Ints

    def rows(self, cut: int, accounts: npt.NDArray[np.bool_], seed: int) -> tuple[Snapshots, Timelines]:
        """Training rows as they could have been made at ``cut``, and the timelines as then known.

        Of the leads of the chosen ``accounts``, at most the project's number of snapshots an episode (see `drawn`),
        matured: their horizon, and the time wins take to get known, had passed. Nothing decided after ``cut`` is used.
        """
        known = self.timelines.as_known_at(cut)
        all_rows = snapshots.on_grid(known, self.project, self.instants[self.instants <= cut], self.horizon)
        inside = accounts[known.account]
        ready = snapshots.matured(all_rows, self.horizon, cut, snapshots.settling(known, inside))
        chosen = all_rows[ready & inside[all_rows.lead]]
        return drawn(chosen, known, self.project.label.snapshots_per_episode, seed), known

    def embargo(self) -> int:
        """How long after a snapshot its label is surely known: the longest horizon and the settling time."""
        finite = self.horizon[self.horizon != NEVER]
        return int(finite.max() + snapshots.settling(self.timelines)) if len(finite) else 0

    def account_folds(self, folds: int) -> npt.NDArray[np.int64]:
        """Each account's fold, from a hash of its oldest lead's id: the same in every training, whoever joins."""
        known = self.timelines
        oldest = np.lexsort((known.created, known.account))[known.account_start[:-1]]
        hashed = pd.util.hash_array(known.lead_ids[oldest])
        found: npt.NDArray[np.int64] = (hashed % np.uint64(folds)).astype(np.int64)
        return found


def drawn(rows: Snapshots, known: Timelines, per_episode: int, seed: int, most: int = MOST_ROWS) -> Snapshots:
    """At most ``per_episode`` rows of each episode, and of leads never won fewer where all would be above ``most``.

    A drawn row weighs as many as it stands for, so that the chances learned stay those of all rows: what a large
    company has too many of are rows of leads that nothing came of. Sorted by lead and time.
    """
    found = snapshots.draw(rows, known, per_episode, seed)
    if len(found) <= most:
        return found
    won = np.isin(rows.lead, rows.lead[rows.label == POSITIVE])
    winners = snapshots.draw(rows[won], known, per_episode, seed)
    share = (most - len(winners)) / (len(found) - len(winners))
    others = snapshots.draw(rows[~won], known, max(1, int(per_episode * share)), seed)
    both = Snapshots.join([winners, others])
    return both[np.lexsort((both.as_of, both.lead))]


def load(path: str | Path, quarantine: bool = False, say: Say = lambda _: None) -> Dataset:
    """Read, check and prepare everything that a project file names.

    Raises ConfigError or DataError, whose messages say what was found, what was expected and what to do.
    """
    project = projects.load(path)
    book = rules.load(project.root / project.rules, project)
    say("reading tables")
    raw = sources.read(project)
    say("checking tables")
    checked = tables.validate(project, **raw, quarantine=quarantine, sources=sources.source_names(project))
    say(f"sorting {checked.events.num_rows:,} events of {len(checked.leads):,} leads")
    built = timelines.build(checked, project)
    horizon, days = snapshots.horizons(built, project)
    first = int(built.created.min())
    grid = snapshots.grid(first, built.cut, project.label.cadence_days)
    notes = (*checked.notes, *_cycles_without_horizon(project, built))
    return Dataset(project, book, built, notes, horizon, days, grid)


def _cycles_without_horizon(project: ProjectFile, lines: Timelines) -> list[Note]:
    """The leads whose sales cycle the project gives no horizon, which are judged by the longest one."""
    given, cycle = project.label.horizon_days, project.label.cycle
    if not isinstance(given, dict) or cycle is None:
        return []
    lacking = pd.Series(lines.attributes[cycle]).fillna("(empty)").astype(str)
    counts = lacking[~lacking.isin(list(given))].value_counts()
    named = ", ".join(f"{value!r} {count:,}" for value, count in counts.items())
    text = f"{counts.sum():,} rows whose {cycle} has no label.horizon_days take the longest, {max(given.values())} days"
    return (
        [Note("leads", "cycle_without_horizon", int(counts.sum()), f"{text}: {named}")] if len(counts) else []
    )
