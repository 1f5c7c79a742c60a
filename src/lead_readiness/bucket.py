"""The open leads of one bucket of whole accounts, assessed: Arrow tables in, one Arrow table out, on any engine."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness import tables, timelines
from lead_readiness.answer import ROW, answers, rows
from lead_readiness.answer.rows import REASON, TIME, reason_row
from lead_readiness.change import Change, between
from lead_readiness.handoff import Seen
from lead_readiness.reasons import Evidence, Reason
from lead_readiness.scorer import Assessment, Scorer
from lead_readiness.tables import Tables
from lead_readiness.timelines import NEVER, Ints, Timelines

PIECE = 2_048
"""Leads assessed at once: so few that the kernels work in the calling thread, and the matrices stay small."""
PREVIOUS = ("lead_id", "as_of", "score", "probability", "model")
"""The columns that are read of earlier rows."""
TOLERANCE = 1.0
"""Points by which ageing may move a score that is not worth telling again."""
WHY = ("new", "model", "news", "ageing")
"""Why a score can have changed: no earlier one, another model, something became visible, or it aged."""
DECISION = "decision"
"""Why the leads that are asked for by name are told: their decision is another."""
_PART = pa.struct([pa.field("part", pa.string()), *REASON])
CHANGED = pa.schema(
    {
        "previous_score": pa.float64(),
        "previous_as_of": TIME,
        "changed": pa.struct(
            {"ageing": pa.float64(), "news": pa.float64(), "model": pa.float64(), "reasons": pa.list_(_PART)}
        ),
        "why": pa.string(),
    }
)
"""What is told beside an answer where there was an earlier one; the three parts add up to the scores' difference."""
_SEEN = {
    "cycle": pa.string(),
    "queue": pa.string(),
    "hold": pa.int8(),
    "held_since": pa.int64(),
    "closed": pa.bool_(),
    "handed_off": pa.int64(),
    "returned": pa.int64(),
    "reason": pa.int16(),
    "last_buyer_event": pa.int64(),
}
SEEN = pa.schema({f"seen_{name}": kind for name, kind in _SEEN.items()})
"""What a decision looks at beside the score, as in `handoff.Seen`."""
ASSESSED = pa.schema([*ROW, *CHANGED, *SEEN, pa.field("told", pa.bool_())])
"""The columns of `assess_bucket`."""


@dataclass(frozen=True)
class Asked:
    """What is to be told.

    ``previous`` (columns `PREVIOUS`) are the earlier scores that changes are told from. With ``changed_only`` nothing
    but score and trigger is told of leads whose score cannot have changed; ``tolerance`` is what ageing may move it.
    ``only`` are the leads to assess, all open ones unless given. ``top`` as in `answers`.
    """

    previous: pa.Table | None = None
    changed_only: bool = False
    tolerance: float = TOLERANCE
    only: pa.Array | None = None
    top: int | None = None


def assess_bucket(
    scorer: Scorer,
    leads: pa.Table,
    events: pa.Table,
    outcomes: pa.Table | None,
    handoffs: pa.Table | None,
    as_of: int,
    asked: Asked | None = None,
    quarantine: bool = False,
) -> pa.Table:
    """One row for each lead open at ``as_of`` (microseconds UTC), sorted by lead_id, with the columns `ASSESSED`.

    The tables are of the data contract and hold all rows of the accounts whose leads they hold: then the rows are the
    same bits whatever else is in the bucket. The columns of a decision are null: a place is given by comparing all
    leads (`seen_of` gives what `handoff.decide` asks for). No open lead gives no row.

    Raises what `tables.validate` raises.

    >>> from lead_readiness import rules
    >>> from lead_readiness.features import Catalogue
    >>> from lead_readiness.features.attributes import Attributes
    >>> from lead_readiness.project import Project
    >>> from lead_readiness.card import Card

    >>> project = Project.model_validate({"name": "Acme", "vocabulary": {"visit": {"behaviour": "web"}}})
    >>> rule = {"name": "Visit", "points": 8, "when": {"kind": "visit"}}
    >>> book = rules.parse({"name": "B", "version": 1, "threshold": 9, "rules": [rule]}, project)
    >>> catalogue = Catalogue((), Attributes(), project.kinds, project.kinds)
    >>> scorer = Scorer(project, book, catalogue, None, None, None, Card({}, 0, 1, 1, 0, 0))
    >>> leads = pa.table({"lead_id": ["b", "a"], "created_at": ["2026-01-01T00:00Z"] * 2})
    >>> visits = pa.table({"lead_id": ["b"], "occurred_at": ["2026-01-02T00:00Z"], "kind": ["visit"]})
    >>> found = assess_bucket(scorer, leads, visits, None, None, 1_767_600_000_000_000)
    >>> found.select(["lead_id", "score"]).to_pylist()
    [{'lead_id': 'a', 'score': 0.0}, {'lead_id': 'b', 'score': 8.0}]
    """
    checked = tables.validate(scorer.project, leads, events, outcomes, handoffs, quarantine=quarantine)
    return assess_tables(scorer, checked, as_of, asked)


def assess_tables(scorer: Scorer, checked: Tables, as_of: int, asked: Asked | None = None) -> pa.Table:
    """The same of tables that were checked already."""
    asked = asked or Asked()
    # Nothing is cut off: whoever looks at ``as_of`` sees what was known by then.
    known = timelines.build(checked, scorer.project.model_copy(update={"cut": None}))
    lead = _open(known, as_of, asked.only)
    news = _latest_news(known, as_of)
    pieces = [lead[begin : begin + PIECE] for begin in range(0, len(lead), PIECE)]
    made = [_assess(scorer, known, piece, as_of, news, asked) for piece in pieces]
    return pa.concat_tables(made) if made else ASSESSED.empty_table()


def seen_of(assessed: pa.Table) -> Seen:
    """The rows of one or many buckets as `handoff.decide` looks at them."""
    given = {name: _numpy(assessed[f"seen_{name}"]) for name in _SEEN}
    probability = assessed["probability"].to_numpy(zero_copy_only=False).astype(float)
    score = assessed["score"].to_numpy()
    triggered = _numpy(assessed["triggered"])
    return Seen.of(_numpy(assessed["lead_id"]), score, probability=probability, triggered=triggered, **given)


def _numpy(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return found


def _open(known: Timelines, as_of: int, only: pa.Array | None) -> npt.NDArray[np.int32]:
    """The leads that were created before and not decided by then, sorted by id."""
    lead = np.flatnonzero((known.created < as_of) & (known.decided > as_of)).astype(np.int32)
    ids = pa.array(known.lead_ids[lead], pa.string())
    if only is not None:
        wanted = pc.is_in(ids, value_set=only)
        lead, ids = lead[wanted.to_numpy(zero_copy_only=False)], ids.filter(wanted)
    by_id: npt.NDArray[np.int32] = lead[pc.sort_indices(ids).to_numpy()]
    return by_id


def _assess(
    scorer: Scorer, known: Timelines, lead: npt.NDArray[np.int32], as_of: int, news: Ints, asked: Asked
) -> pa.Table:
    when = np.full(len(lead), as_of)
    assessed = scorer.assess(known, lead, when)
    before = _Before.of(asked.previous, known, lead)
    why = _why(assessed, before, news[known.account[lead]], asked.tolerance)
    if asked.only is not None:
        why = np.full(len(lead), DECISION, object)
    told = why != "" if asked.changed_only else np.ones(len(lead), bool)
    full = assessed if told.all() else scorer.assess(known, lead[told], when[told])
    answered = rows(answers(full, top=asked.top))
    changes = _changes(scorer, full, before.where(told))
    seen = Seen.from_timelines(
        scorer.project, known, lead, as_of, assessed.score, assessed.probability, assessed.replay.triggered
    )
    columns = {field.name: _spread(answered[field.name], told) for field in ROW}
    columns["lead_id"] = pa.array(known.lead_ids[lead], pa.string())
    columns["score"] = pa.array(assessed.score)
    columns["probability"] = pa.array(assessed.probability, from_pandas=True)
    columns["triggered"] = pa.array(assessed.replay.triggered)
    columns["previous_score"] = pa.array(before.score, from_pandas=True)
    columns["previous_as_of"] = pa.array(before.as_of, mask=~before.known).cast(TIME)
    columns["changed"] = _spread(pa.chunked_array([changes]), told)
    columns["why"] = pa.array(why, pa.string(), mask=why == "")
    columns |= {f"seen_{name}": pa.array(getattr(seen, name), kind) for name, kind in _SEEN.items()}
    columns["told"] = pa.array(told)
    return pa.table([columns[field.name] for field in ASSESSED], schema=ASSESSED)


def _spread(column: pa.ChunkedArray, told: npt.NDArray[np.bool_]) -> pa.ChunkedArray:
    """The values at the rows that are told, null at the others."""
    if told.all():
        return column
    return column.take(pa.array(np.cumsum(told) - 1, mask=~told))


@dataclass(frozen=True)
class _Before:
    """Each lead's earlier score: ``known`` where there is one."""

    known: npt.NDArray[np.bool_]
    as_of: Ints
    score: npt.NDArray[np.float64]
    points: npt.NDArray[np.bool_]
    model: npt.NDArray[np.object_]

    @classmethod
    def of(cls, previous: pa.Table | None, timelines: Timelines, lead: npt.NDArray[np.int32]) -> _Before:
        n = len(lead)
        if previous is None:
            none = np.zeros(n, bool)
            return cls(none, np.zeros(n, np.int64), np.full(n, np.nan), none, np.full(n, None, object))
        ids = pa.array(timelines.lead_ids[lead], pa.string())
        place = pc.index_in(ids, value_set=previous["lead_id"].combine_chunks().cast(pa.string()))
        found = previous.take(place)
        return cls(
            place.is_valid().to_numpy(zero_copy_only=False),
            found["as_of"].cast(TIME).cast(pa.int64()).fill_null(0).to_numpy(),
            found["score"].to_numpy(zero_copy_only=False).astype(float),
            found["probability"].is_null().to_numpy(zero_copy_only=False),
            _numpy(found["model"]),
        )

    def where(self, rows: npt.NDArray[np.bool_]) -> _Before:
        return _Before(*(getattr(self, field.name)[rows] for field in fields(self)))


def _why(assessed: Assessment, before: _Before, news: Ints, tolerance: float) -> npt.NDArray[np.object_]:
    """Per row one of `WHY`, "" where the score cannot have changed by more than ``tolerance``."""
    moved = ~(np.abs(assessed.score - before.score) <= tolerance)
    reasons = [~before.known, before.model != assessed.scorer.version, news > before.as_of, moved]
    return np.select(reasons, WHY, "").astype(object)


def _latest_news(known: Timelines, as_of: int) -> Ints:
    """Per account the last moment up to ``as_of`` from which on a score sees something new of its people."""
    latest = np.zeros(len(known.account_start) - 1, np.int64)
    stays = np.repeat(known.account, np.diff(known.handoff_start))
    seen_from = (
        (known.account[known.owner], np.maximum(known.time + 1, known.recorded)),
        (stays, _after(known.handed_off)),
        (stays, _after(known.returned)),
        (known.account, _after(known.decided)),
        (known.account, _after(known.created)),
    )
    for account, moment in seen_from:
        visible = moment <= as_of
        np.maximum.at(latest, account[visible], moment[visible])
    return latest


def _after(moments: Ints) -> Ints:
    return np.minimum(moments, NEVER - 1) + 1


def _changes(scorer: Scorer, assessed: Assessment, before: _Before) -> pa.Array:
    """What led from each earlier score to this one; null where there was none, or one on another scale."""
    comparable = before.known & (before.points == (scorer.blend is None))
    places = np.flatnonzero(comparable)
    told: list[dict[str, Any] | None] = [None] * len(assessed)
    if len(places):
        change = between(
            scorer,
            scorer,
            assessed.timelines,
            assessed.lead[places],
            before.as_of[places],
            assessed.as_of[places],
        )
        other = before.model[places] != scorer.version
        for row, (place, remade) in enumerate(zip(places.tolist(), other.tolist())):
            told[place] = _change(change, row, float(before.score[place]), remade)
    return pa.array(told, CHANGED.field("changed").type)


def _change(change: Change, row: int, score: float, remade: bool) -> dict[str, Any]:
    """Ageing and news are this model's; what else lies between the scores is the model's, or of altered records."""
    points, reasons = change.points(row), change.reasons(row)
    rest = float(change.before.score[row]) - score
    part = "model" if remade else "news"
    points[part] += rest
    if abs(rest) >= 0.5:
        says = "new model version" if remade else "what the tables say of the time before was altered"
        reasons[part].append(Reason("model" if remade else "records", rest, says, Evidence()))
    return {
        **points,
        "reasons": [{"part": name, **reason_row(reason)} for name in points for reason in reasons[name]],
    }
