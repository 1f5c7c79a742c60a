"""The leak audit: what the score would read that is known only once the outcome is."""

from training.audit.findings import Audit, Flag, without_flagged
from training.audit.run import audit

__all__ = ["Audit", "Flag", "audit", "without_flagged"]
