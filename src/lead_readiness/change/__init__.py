"""What changed between two scores of a lead: the clock, what became known, and the model, each in points."""

from lead_readiness.change.between import Change, between
from lead_readiness.change.sentences import PARTS

__all__ = ["PARTS", "Change", "between"]
