"""The data contract's tables: what a row must be, clear errors, nothing silently dropped."""

from lead_readiness.tables.sheet import BadRowsError, Note
from lead_readiness.tables.validation import Summary, Tables, validate

__all__ = ["BadRowsError", "Note", "Summary", "Tables", "validate"]
