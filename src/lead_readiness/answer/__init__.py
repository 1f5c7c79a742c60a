"""What is told of a scored lead: the same answer, whoever asked for it and in whatever form it is given."""

from lead_readiness.answer.answers import Answer, Decided, Fired, Rules, answers, decided, fired, horizon_days
from lead_readiness.answer.breakdown import breakdown, changed
from lead_readiness.answer.rows import DECISION, ROW, from_rows, rows

__all__ = [
    "DECISION",
    "ROW",
    "Answer",
    "Decided",
    "Fired",
    "Rules",
    "answers",
    "breakdown",
    "changed",
    "decided",
    "fired",
    "from_rows",
    "horizon_days",
    "rows",
]
