"""Features: one catalogue, one kernel, one pass over the events."""

from lead_readiness.features.build import build
from lead_readiness.features.catalogue import Catalogue, compute
from lead_readiness.features.families import Feature

__all__ = ["Catalogue", "Feature", "build", "compute"]
