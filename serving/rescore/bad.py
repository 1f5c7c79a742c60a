"""Bad rows and notes of all buckets together, told as of one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lead_readiness.errors import DataError
from lead_readiness.tables import Note
from serving.rescore.work import DEPENDS

SHOWN = 5
WORDS = {
    "duplicates": "repeated rows dropped",
    "unknown_kinds": "rows of kinds that [vocabulary] lacks left out",
    "unmapped_kinds": "rows with kind mapped to nothing left out",
    "undecided": "rows without an outcome left out: nothing decided yet",
    "before_creation": "rows before the lead's creation kept: anonymous history",
    "bad": "rows set aside as bad",
    "dependent": "rows set aside with their lead",
    "clock_change": "local times in an hour that a clock change repeats or skips",
}
"""What was noted in words, by the note's code; other notes are of one bucket and say nothing of the whole."""


def heed(found: pd.DataFrame, sources: Mapping[str, str], quarantine: bool) -> None:
    """Raise DataError that names the bad rows by source, column, row and value, unless they are set aside."""
    own = found[found["problem"] != DEPENDS]
    if quarantine or own.empty:
        return
    rows = len(own.drop_duplicates(["table", "row"]))
    lines = [
        f"{rows:,} bad {'row' if rows == 1 else 'rows'}; mend {'it' if rows == 1 else 'them'} at the source, "
        "or set bad rows aside and count them with --quarantine"
    ]
    order = {name: place for place, name in enumerate(sources)}
    named = own["table"].astype(str), own["column"].astype(str), own["problem"].astype(str)
    for table, column, problem in sorted({*zip(*named)}, key=lambda told: (order[told[0]], told)):
        group = own[(named[0] == table) & (named[1] == column) & (named[2] == problem)]
        first = 1 if sources[table].removesuffix(".gz").endswith((".jsonl", ".ndjson")) else 2
        group = group.astype({"row": "int64"}).sort_values("row")
        lines.append(
            f"{sources[table]}: `{column}` {problem} in {len(group):,} {'row' if len(group) == 1 else 'rows'}"
        )
        shown = zip(group["row"][:SHOWN], group["value"][:SHOWN])
        lines += [
            f"  row {row + first}: {'(empty)' if pd.isna(v) or v == '' else repr(v)}" for row, v in shown
        ]
        if len(group) > SHOWN:
            lines.append(f"  and {len(group) - SHOWN:,} more")
    raise DataError("\n".join(lines))


def summed(notes: Sequence[Note]) -> tuple[Note, ...]:
    """The notes of all buckets, one for each table and code."""
    rows: dict[tuple[str, str, bool], int] = {}
    for note in notes:
        if note.code in WORDS:
            key = (note.table, note.code, note.set_aside)
            rows[key] = rows.get(key, 0) + note.rows
    return tuple(
        Note(table, code, n, f"{n:,} {WORDS[code]}", aside)
        for (table, code, aside), n in sorted(rows.items())
    )
