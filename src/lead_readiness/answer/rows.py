"""Answers as Arrow rows, and back: files, tables and engines carry the same answers as the endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from lead_readiness.answer.answers import Answer, Decided, Fired, Rules
from lead_readiness.reasons import Evidence, Reason

TIME = pa.timestamp("us", "UTC")
REASON = pa.struct(
    {
        "behaviour": pa.string(),
        "points": pa.float64(),
        "sentence": pa.string(),
        "count": pa.int64(),
        "first": TIME,
        "last": TIME,
        "event_ids": pa.list_(pa.string()),
    }
)
_FIRED = pa.struct({"rule": pa.string(), "points": pa.float64(), "times": pa.int64()})
DECISION = pa.schema(
    {
        "decision": pa.string(),
        "clause": pa.string(),
        "sentence": pa.string(),
        "line": pa.float64(),
        "low": pa.float64(),
        "rank": pa.int64(),
        "place": pa.int64(),
        "propensity": pa.float64(),
        "track": pa.string(),
        "re_entry": TIME,
    }
)
"""The columns of a decision, null where none was made."""
SCORED = pa.schema(
    {
        "lead_id": pa.string(),
        "as_of": TIME,
        "score": pa.float64(),
        "probability": pa.float64(),
        "horizon_days": pa.int64(),
        "percentile": pa.float64(),
        "band": pa.string(),
        "rule_points": pa.float64(),
        "threshold": pa.float64(),
        "fit": pa.float64(),
        "engagement": pa.float64(),
        "grade": pa.string(),
        "excluded": pa.bool_(),
        "triggered": pa.bool_(),
        "rules_fired": pa.list_(_FIRED),
        "reasons_for": pa.list_(REASON),
        "reasons_against": pa.list_(REASON),
        "model": pa.string(),
        "rule_book": pa.string(),
    }
)
ROW = pa.schema([*SCORED, *DECISION])
"""The columns of an answer."""
_RULES = ("points", "threshold", "fit", "engagement", "grade", "excluded", "triggered")


def rows(answers: Sequence[Answer]) -> pa.Table:
    """One row an answer, with the columns `ROW`.

    >>> rows([]).schema.equals(ROW)
    True
    """
    plain = (
        "lead_id",
        "as_of",
        "score",
        "probability",
        "horizon_days",
        "percentile",
        "band",
        "model",
        "rule_book",
    )
    columns: dict[str, list[Any]] = {name: [getattr(a, name) for a in answers] for name in plain}
    columns |= {_rule(name): [getattr(a.rules, name) for a in answers] for name in _RULES}
    columns["rules_fired"] = [a.rules.fired for a in answers]
    columns["reasons_for"] = [[*map(reason_row, a.reasons_for)] for a in answers]
    columns["reasons_against"] = [[*map(reason_row, a.reasons_against)] for a in answers]
    columns |= {name: [getattr(a.decision, name, None) for a in answers] for name in DECISION.names}
    return pa.table([pa.array(columns[field.name], field.type) for field in ROW], schema=ROW)


def from_rows(table: pa.Table) -> list[Answer]:
    """The answers that `rows` made these rows of.

    Columns beside those of an answer are not read.
    """
    times = {name: pa.int64() for name in ("as_of", "re_entry")}
    plain = [table[name].cast(times[name]) if name in times else table[name] for name in ROW.names]
    return [
        _answer(dict(zip(ROW.names, values))) for values in zip(*(column.to_pylist() for column in plain))
    ]


def _answer(row: dict[str, Any]) -> Answer:
    fired = tuple(Fired(**f) for f in row.pop("rules_fired"))
    rules = Rules(**{name: row.pop(_rule(name)) for name in _RULES}, fired=fired)
    decision = {name: row.pop(name) for name in DECISION.names}
    row |= {side: tuple(map(_reason, row[side])) for side in ("reasons_for", "reasons_against")}
    return Answer(**row, rules=rules, decision=Decided(**decision) if decision["decision"] else None)


def _rule(name: str) -> str:
    return "rule_points" if name == "points" else name


def reason_row(reason: Reason) -> dict[str, Any]:
    """A reason as a value of the type `REASON`."""
    seen = reason.evidence
    return {
        "behaviour": reason.behaviour,
        "points": reason.points,
        "sentence": reason.sentence,
        "count": seen.count,
        "first": seen.first,
        "last": seen.last,
        "event_ids": seen.event_ids,
    }


def _reason(row: dict[str, Any]) -> Reason:
    first, last = (None if row[name] is None else _micros(row[name]) for name in ("first", "last"))
    evidence = Evidence(row["count"], first, last, tuple(row["event_ids"]))
    return Reason(row["behaviour"], row["points"], row["sentence"], evidence)


def _micros(moment: Any) -> int:
    return int(pa.scalar(moment, TIME).value)
