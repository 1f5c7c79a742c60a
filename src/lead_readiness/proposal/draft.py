"""What a project file would say of tables once each is known: keys, kinds, outcomes, attributes, zones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness.proposal.look import Match, is_time
from lead_readiness.proposal.words import PERSONAL, Meaning, meaning, outcome, plain
from lead_readiness.tables import columns
from lead_readiness.tables.contract import CONTRACT, OUTCOMES

MOST_KINDS = 500
MOST_VALUES = 60


@dataclass(frozen=True)
class Kind:
    """An event kind found, how often, and what it probably means."""

    name: str
    events: int
    leads: int
    meaning: Meaning


@dataclass
class Draft:
    """A project file in the making; ``remarks`` per table are for the person who corrects it."""

    tables: dict[str, Match]
    columns: dict[str, dict[str, str]]
    kinds: list[Kind]
    outcomes: dict[str, tuple[str, int]]
    attributes: dict[str, tuple[str, str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    zoneless: list[str] = field(default_factory=list)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    capacity: int | None = None


def draft(tables: dict[str, Match]) -> Draft:
    """Everything that can be guessed from the whole of the tables."""
    leads = _all(tables["leads"])
    mapped = {name: dict(match.columns) for name, match in tables.items()}
    remarks = _choose_keys(tables, mapped, leads)
    rows = {
        name: _renamed(match, mapped[name], leads if name == "leads" else None)
        for name, match in tables.items()
    }
    made = Draft(tables, mapped, _kinds(rows["events"]), _outcome_values(rows["outcomes"]), remarks=remarks)
    made.zoneless = [
        f"{name}.{c}" for name, table in rows.items() for c in _times_of(name, table) if _zoneless(table[c])
    ]
    _attributes(made, leads, rows)
    made.capacity = _capacity(rows.get("handoffs"))
    return made


def _all(match: Match) -> pa.Table:
    names = match.candidate.source.names()
    return match.candidate.source.fetch({name: name for name in names})


def _renamed(match: Match, mapped: Mapping[str, str], whole: pa.Table | None) -> pa.Table:
    if whole is not None:
        return pa.table({name: whole[origin] for name, origin in mapped.items()})
    return match.candidate.source.fetch(mapped)


def _times_of(name: str, table: pa.Table) -> list[str]:
    return [c.name for c in CONTRACT[name] if c.holds == "time" and c.name in table.column_names]


def _choose_keys(
    tables: Mapping[str, Match], mapped: dict[str, dict[str, str]], leads: pa.Table
) -> dict[str, list[str]]:
    """Set each table's lead_id to the column whose values are found among the leads' ids."""
    remarks: dict[str, list[str]] = {name: [] for name in tables}
    others = [
        name for name in tables if name != "leads" and tables[name].candidate is not tables["leads"].candidate
    ]
    used = set(mapped["leads"].values()) - {mapped["leads"]["lead_id"]}
    keys = [
        mapped["leads"]["lead_id"],
        *(n for n in leads.column_names if n not in used and _is_key(leads[n])),
    ]
    best: dict[str, tuple[str, float]] = {}
    for key in dict.fromkeys(keys):
        values = pc.unique(columns.text(leads[key]).cast(pa.string()))
        fits = {name: _best_key(tables[name], mapped[name], values) for name in others}
        if not best or sum(f for _, f in fits.values()) > sum(f for _, f in best.values()) + 0.05:
            best, mapped["leads"]["lead_id"] = fits, key
    for name, (column, share) in best.items():
        mapped[name]["lead_id"] = column
        if share < 0.9:
            remarks[name].append(
                f"only {share:.0%} of the first rows' `{column}` are lead ids: is it the right column?"
            )
    for name in tables:
        if name not in best and name != "leads":
            mapped[name]["lead_id"] = mapped["leads"]["lead_id"]
    return remarks


def _is_key(column: pa.ChunkedArray) -> bool:
    kind = column.type
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
    return bool(texts and column.null_count == 0 and pc.count_distinct(column).as_py() == len(column))


def _best_key(match: Match, mapped: Mapping[str, str], ids: pa.Array) -> tuple[str, float]:
    """The column of a table's first rows whose values are most often among ``ids``; the guessed one where equal."""
    sample, used = match.candidate.sample, set(mapped.values()) - {mapped["lead_id"]}
    shares = {name: _share(sample[name], ids) for name in sample.column_names if name not in used}
    return max(shares.items(), key=lambda item: (item[1], item[0] == mapped["lead_id"]))


def _share(column: pa.ChunkedArray, ids: pa.Array) -> float:
    return float((columns.lookup(columns.text(column), ids) >= 0).mean()) if len(column) else 0.0


def _kinds(events: pa.Table) -> list[Kind]:
    """Event kinds, most frequent first."""
    table = pa.table({"kind": columns.text(events["kind"]).cast(pa.string()), "lead": events["lead_id"]})
    counts = table.group_by("kind").aggregate([([], "count_all"), ("lead", "count_distinct")]).to_pylist()
    named = [row for row in counts if row["kind"]]
    named.sort(key=lambda row: (-row["count_all"], row["kind"]))
    return [
        Kind(row["kind"], row["count_all"], row["lead_count_distinct"], meaning(row["kind"]))
        for row in named[:MOST_KINDS]
    ]


def _outcome_values(outcomes: pa.Table) -> dict[str, tuple[str, int]]:
    """Each value found -> the outcome it stands for and its rows; empty when the contract's words are used."""
    counts = columns.text(outcomes["outcome"]).cast(pa.string()).value_counts().to_pylist()
    found = {row["values"] or "": row["counts"] for row in counts}
    if set(found) <= {*OUTCOMES, ""}:
        undated = columns.blank(outcomes["outcome"]) & ~columns.blank(outcomes["decided_at"])
        return {"": ("", int(undated.sum()))} if undated.any() else {}
    return {value: (outcome(value) if value else "", count) for value, count in found.items()}


def _zoneless(column: pa.ChunkedArray) -> bool:
    return any(
        flaw.problem == "has no time zone" and flaw.rows.any() for flaw in columns.times(column, None).flaws
    )


def _attributes(made: Draft, leads: pa.Table, rows: Mapping[str, pa.Table]) -> None:
    """Lead columns that may be attributes, and for the others why not."""
    used = set(made.columns["leads"].values())
    if made.tables["outcomes"].candidate is made.tables["leads"].candidate:
        used |= set(made.columns["outcomes"].values())
    won, decided = _decided(made, leads, rows)
    for name in leads.column_names:
        if name in used:
            continue
        kind, why = _attribute(name, leads[name], won, decided)
        key = plain(name)
        if kind and key not in made.attributes and key not in made.columns["leads"]:
            made.attributes[key] = (kind, why)
            if key != name:
                made.columns["leads"][key] = name
        else:
            made.left_out[name] = why if not kind else "named like another column"


def _decided(made: Draft, leads: pa.Table, rows: Mapping[str, pa.Table]) -> tuple[columns.Mask, columns.Mask]:
    """Which leads were won, and which have any outcome."""
    table = rows["outcomes"]
    value = columns.text(table["outcome"]).cast(pa.string()).to_pylist()
    stands = [made.outcomes[v or ""][0] if made.outcomes else v for v in value]
    place = columns.lookup(
        columns.text(leads[made.columns["leads"]["lead_id"]]), _ids(table, stands, {"won"})
    )
    any_place = columns.lookup(
        columns.text(leads[made.columns["leads"]["lead_id"]]), _ids(table, stands, set(OUTCOMES))
    )
    return place >= 0, any_place >= 0


def _ids(outcomes: pa.Table, stands: list[Any], among: set[str]) -> pa.Array:
    chosen = pa.array(np.array([s in among for s in stands], dtype=bool))
    return columns.whole(columns.text(outcomes["lead_id"]).cast(pa.string()).filter(chosen))


def _attribute(
    name: str, column: pa.ChunkedArray, won: columns.Mask, decided: columns.Mask
) -> tuple[str, str]:
    """The type of an attribute and what fills it; or no type, and why the column is left out."""
    given = ~columns.blank(column)
    if given.mean() < 0.01:
        return "", "filled for less than 1 % of leads"
    for group, what in ((won, "won"), (decided, "decided")):
        if (
            group.sum() >= 5
            and (~group).sum() >= 5
            and given[group].mean() > 0.1
            and given[~group].mean() < 0.02
        ):
            return (
                "",
                f"filled only for leads that were {what}: known after the outcome, it would give it away",
            )
    if re.search(PERSONAL, plain(name)):
        return "", "personal"
    if is_time(column):
        return "", "a date"
    distinct = pc.count_distinct(columns.text(column)).as_py()
    fill = f"{distinct:,} values, {given.mean():.0%} filled"
    if distinct <= 1:
        return "", "the same for every lead"
    values, flaws = columns.numbers(column)
    clean = not any(flaw.rows.any() for flaw in flaws)
    if (
        clean
        and not plain(name).endswith(("_id", "_code", "_number"))
        and (distinct > 2 or np.ptp(values[given]) > 1)
    ):
        return "number", f"{np.nanmin(values):g} to {np.nanmax(values):g}, {given.mean():.0%} filled"
    if distinct > max(MOST_VALUES, 0.02 * given.sum()) or distinct > 0.5 * given.sum() > 10:
        return "", f"{distinct:,} different values: an id or free text"
    return "category", fill


def _capacity(handoffs: pa.Table | None) -> int | None:
    """The median number of hand-offs in weeks that have any."""
    if handoffs is None or handoffs.num_rows == 0:
        return None
    weeks = pd.Series(columns.times(handoffs["handed_off_at"], "UTC").values).dropna().dt.to_period("W")
    return max(1, int(weeks.value_counts().median())) if len(weeks) else None
