"""Scores as they were told: kept, read again, and forgotten when they are old."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from serving.store import joining
from serving.store.checks import Row
from serving.store.joining import chunks
from serving.store.names import meant
from serving.store.rows import Score
from serving.store.schema import leads, scores

_SCORE = [scores.c[name] for name in Score._fields]
_NEWEST = (scores.c.as_of.desc(), scores.c.saved_at.desc(), scores.c.model)


def save(db: sa.Connection, rows: Sequence[Row]) -> int:
    """Keep the scores of leads that are there; returns how many."""
    known: set[str] = set()
    for some in chunks(list(dict.fromkeys(row["lead_id"] for row in rows))):
        known.update(db.scalars(sa.select(leads.c.lead_id).where(leads.c.lead_id.in_(some))))
    kept = [row for row in rows if row["lead_id"] in known]
    joining.put(db, scores, kept, joining.scores)
    return len(kept)


def of_lead(db: sa.Connection, lead_id: str, limit: int) -> list[Score]:
    """A lead's scores, the latest moment first."""
    lead = meant(db, [lead_id])[lead_id]
    rows = sa.select(*_SCORE).where(scores.c.lead_id == lead).order_by(*_NEWEST).limit(limit)
    return [Score(*row) for row in db.execute(rows)]


def latest(db: sa.Connection, lead_ids: Sequence[str]) -> dict[str, Score]:
    """The score of each lead's latest moment; leads without a score are left out."""
    last = sa.select(sa.func.max(scores.c.as_of)).where(scores.c.lead_id == leads.c.lead_id).scalar_subquery()
    at_last = sa.and_(scores.c.lead_id == leads.c.lead_id, scores.c.as_of == last.correlate(leads))
    return _of_leads(db, lead_ids, sa.select(*_SCORE).select_from(leads).join(scores, at_last))


def told(db: sa.Connection, lead_ids: Sequence[str], as_of: int, model: str) -> dict[str, Score]:
    """The scores of exactly this moment and model; leads without one are left out."""
    exactly = sa.and_(scores.c.lead_id == leads.c.lead_id, scores.c.as_of == as_of, scores.c.model == model)
    return _of_leads(db, lead_ids, sa.select(*_SCORE).select_from(leads).join(scores, exactly))


def _of_leads(db: sa.Connection, lead_ids: Sequence[str], select: sa.Select[Any]) -> dict[str, Score]:
    """The newest that ``select`` finds of each lead, by the id asked for."""
    lead_of = meant(db, lead_ids)
    found: dict[str, Score] = {}
    for some in chunks(list(dict.fromkeys(lead_of.values()))):
        for row in db.execute(select.where(leads.c.lead_id.in_(some)).order_by(*_NEWEST)):
            found.setdefault(row.lead_id, Score(*row))
    return {one: found[lead] for one, lead in lead_of.items() if lead in found}


def forget(db: sa.Connection, before: int) -> int:
    """Delete the scores of earlier moments but those of each lead's latest; returns how many."""
    later = scores.alias()
    is_later = sa.and_(later.c.lead_id == scores.c.lead_id, later.c.as_of > scores.c.as_of)
    is_old = sa.and_(scores.c.as_of < before, sa.exists().where(is_later))
    return db.execute(sa.delete(scores).where(is_old)).rowcount
