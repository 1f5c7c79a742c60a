"""Real data with one moment a lead as the product's input: described by a project file, checked, and learned from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness import blend, features, rules, snapshots, tables, timelines
from lead_readiness import project as projects
from lead_readiness.scorer import Scorer
from lead_readiness.snapshots import NEGATIVE, POSITIVE, Snapshots
from lead_readiness.timelines import NEVER, Ints, Timelines
from training import fit
from training.dataset import Dataset

Floats = npt.NDArray[np.float64]
SEED = 0


@dataclass(frozen=True)
class OneMoment(Dataset):
    """A data set that looks at each lead once, ``after`` microseconds from its creation.

    A lead that was not won within its horizon (ever, for eventual outcomes) is a loss: the logs say no more. Only
    rows whose horizon had passed at a cut teach then; of eventual outcomes all do, as published protocols have it.
    """

    after: int = 1

    def rows(self, cut: int, accounts: npt.NDArray[np.bool_], seed: int) -> tuple[Snapshots, Timelines]:
        """The leads of the chosen accounts looked at before ``cut``, each one row, in order of time."""
        every = self.every()
        horizon = self.horizon[every.lead]
        known = every.as_of + np.where(horizon == NEVER, 0, horizon) < cut
        return every[known & accounts[self.timelines.account[every.lead]]], self.timelines

    def every(self) -> Snapshots:
        """One row for each lead, in order of time."""
        lead = np.argsort(self.timelines.created, kind="stable").astype(np.int32)
        as_of, opened = self.timelines.created[lead] + self.after, self.timelines.opened[lead]
        won = (opened != NEVER) & ((self.horizon[lead] == NEVER) | (opened - as_of <= self.horizon[lead]))
        label = np.where(won, POSITIVE, NEGATIVE).astype(np.int8)
        return Snapshots(lead, as_of, np.zeros(len(lead), np.int16), label, np.ones(len(lead)))


def dataset(
    description: Path, leads: pd.DataFrame, events: pd.DataFrame, outcomes: pd.DataFrame, instants: Ints
) -> Dataset:
    """The frames as a `Dataset`: checked as any company's, by the project file and rule book in ``description``."""
    project = projects.load(description / "readiness.toml")
    book = rules.load(description / project.rules, project)
    checked = tables.validate(project, leads, events, outcomes)
    built = timelines.build(checked, project)
    horizon, days = snapshots.horizons(built, project)
    return Dataset(project, book, built, tuple(checked.notes), horizon, days, instants)


def at_one_moment(data: Dataset, after: int) -> OneMoment:
    """The same data, each lead looked at once, ``after`` microseconds from its creation."""
    known = {field.name: getattr(data, field.name) for field in dataclasses.fields(Dataset)}
    return OneMoment(**known, after=after)


def said_by_all(scorer: Scorer, timelines: Timelines, rows: Snapshots) -> dict[str, Floats]:
    """What a scorer says of rows ("ours", a logit), and what each of its voices says alone."""
    assessed = scorer.assess(timelines, rows.lead, rows.as_of)
    return {"ours": assessed.logit, "rules": assessed.replay.points, **assessed.voices}


def learned_then_blended(
    data: Dataset, learned: Snapshots, mixed: Snapshots, asked: Snapshots
) -> dict[str, Floats]:
    """What voices learned from some rows, and blended on other, later ones, say of the rows ``asked``.

    The logit of the blend ("ours"), and what each voice says alone ("rules": points; "linear"; "trees").
    """
    voices = blend.rungs(learned.wins).voices
    made = fit.lesson(data, data.timelines, learned, SEED).learned(voices, SEED)

    def said(rows: Snapshots) -> Floats:
        points = rules.replay(data.book, data.timelines, rows.lead, rows.as_of).points
        x = features.compute(made.catalogue, data.timelines, rows.lead, rows.as_of)
        return np.column_stack([points, made.logits(x)])

    found = blend.fit(said(mixed), fit.won(mixed), mixed.weight, voices)
    columns = said(asked)
    return {"ours": found.logit(columns), **dict(zip(voices, columns.T))}
