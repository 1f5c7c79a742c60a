"""Decoys: events and attributes that mean nothing, put beside the real ones to see whether a model falls for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lead_readiness.project import Attribute, Kind
from lead_readiness.timelines import Columns, Timelines, with_events
from training.dataset import Dataset

EVENTS, ATTRIBUTES = "decoy events", "decoy attributes"
LEAST_EVENTS = 100
"""A real kind with fewer events is no pattern for a rare decoy: a model would not look at it."""
NEIGHBOURS = 200
"""Leads that lend each other their history: so many created at about the same time."""


def with_decoys(data: Dataset, seed: int) -> tuple[Dataset, tuple[str, str]]:
    """The data set with two decoy kinds and two decoy attributes, and the names of their two behaviours.

    The kinds, one frequent and one rare, are those of real kinds whose every lead's events were handed, as a whole
    and by the time since creation, to another lead created at about the same time: they come as often, in the
    same bursts, but say nothing of the lead they stand at. The attributes are drawn at random: eight categories
    of equal size, and a skewed number. The rule book does not know them.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    known, project = data.timelines, data.project
    taken = {k.behaviour for k in project.vocabulary.values()} | {*project.kinds, *project.attributes}
    taken |= {a.behaviour for a in project.attributes.values()}
    events, attributes = _free(EVENTS, taken), _free(ATTRIBUTES, taken)
    patterns = _patterns(data)
    names = [f"{events} {n}" for n in range(len(patterns))]
    vocabulary = {name: Kind(behaviour=events, phrase=name) for name in names}
    letters = rng.choice(np.array(list("abcdefgh"), dtype=object), len(known))
    drawn = {
        f"{attributes} category": (Attribute(type="category", behaviour=attributes), letters),
        f"{attributes} number": (
            Attribute(type="number", behaviour=attributes),
            rng.lognormal(3, 1, len(known)),
        ),
    }
    meant = {name: attribute for name, (attribute, _) in drawn.items()}
    timelines = replace(
        _handed_round(known, patterns, rng),
        kinds=(*known.kinds, *names),
        attributes=known.attributes | {name: values for name, (_, values) in drawn.items()},
    )
    extended = project.model_copy(
        update={
            "vocabulary": project.vocabulary | vocabulary,
            "attributes": project.attributes | meant,
        }
    )
    return replace(data, project=extended, timelines=timelines), (events, attributes)


def _free(name: str, taken: set[str]) -> str:
    while any(other.startswith(name) for other in taken):
        name = f"more {name}"
    return name


def _patterns(data: Dataset) -> list[int]:
    """The codes of the most frequent buyer kind and of the rarest that is not too rare."""
    counts = np.bincount(data.timelines.kind, minlength=len(data.project.kinds))
    buyer = np.array([k.actor == "buyer" and k.scored for k in data.project.vocabulary.values()])
    frequent = int(np.argmax(np.where(buyer, counts, -1)))
    enough = np.flatnonzero(buyer & (counts >= LEAST_EVENTS))
    return [frequent, int(enough[np.argmin(counts[enough])]) if len(enough) else frequent]


def _handed_round(known: Timelines, patterns: list[int], rng: np.random.Generator) -> Timelines:
    """The timelines with a copy of each pattern's events, handed to other leads, as the kinds after the last."""
    owner, rank = known.owner, np.argsort(np.argsort(known.created, kind="stable"))
    leads, events, rows = [owner], [known.events(np.arange(len(owner)))], [known.order]
    for code, pattern in enumerate(patterns, start=len(known.kinds)):
        given = np.flatnonzero(known.kind == pattern)
        receiver = _receivers(rank, rng)[owner[given]]
        later = known.created[receiver] - known.created[owner[given]]
        copied = known.events(given)
        leads.append(receiver)
        events.append(
            copied._replace(
                time=copied.time + later,
                recorded=copied.recorded + later,
                kind=np.full(len(given), code, np.int16),
            )
        )
        rows.append(np.full(len(given), -1))
    columns = Columns(*(np.concatenate(column) for column in zip(*events)))
    return with_events(known, np.concatenate(leads), columns, np.concatenate(rows))


def _receivers(rank: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Per lead another one created at about the same time: each hands on to the next of a shuffled row."""
    row = np.lexsort((rng.random(len(rank)), rank // NEIGHBOURS)).astype(np.int32)
    receiver = np.empty(len(rank), np.int32)
    receiver[row] = np.roll(row, 1)
    return receiver
