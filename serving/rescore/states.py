"""The hand-off's states between two rescorings: two Parquet tables in a folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lead_readiness.errors import DataError
from lead_readiness.handoff import States

LEADS, LINES = "leads.parquet", "lines.parquet"


def read(folder: Path | None) -> States:
    """The states that the last rescoring left there; those from before the first one where there is nothing.

    Raises DataError when one of the two tables is missing or cannot be read.
    """
    if folder is None or not folder.exists():
        return States.empty()
    there = [name for name in (LEADS, LINES) if (folder / name).exists()]
    if not there:
        return States.empty()
    if len(there) == 1:
        missing = LINES if there == [LEADS] else LEADS
        raise DataError(
            f"{folder / missing}: no such file; expected the two tables that were written together; put it back, or "
            "name an empty folder to begin anew"
        )
    try:
        leads, lines = (pd.read_parquet(folder / name) for name in (LEADS, LINES))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: the hand-off states cannot be read: {error}") from None
    return States.from_frames(leads, lines)


def drafts(states: States, folder: Path) -> dict[Path, Path]:
    """Write the states beside their places; which file belongs where."""
    folder.mkdir(parents=True, exist_ok=True)
    moves = {}
    for name, frame in ((LEADS, states.leads()), (LINES, states.lines())):
        draft = folder / f".{name}.part"
        frame.to_parquet(draft, index=False)
        moves[draft] = folder / name
    return moves
