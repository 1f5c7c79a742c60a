"""Who is handed to sales: scores, states and policy at one moment make one decision a lead, the same every time."""

from lead_readiness.handoff.chance import tie_break
from lead_readiness.handoff.decide import alone, decide
from lead_readiness.handoff.decisions import Decisions
from lead_readiness.handoff.seen import HOLDS, Seen
from lead_readiness.handoff.standing import CLAUSES, Standing, stand
from lead_readiness.handoff.states import States

__all__ = [
    "CLAUSES",
    "HOLDS",
    "Decisions",
    "Seen",
    "Standing",
    "States",
    "alone",
    "decide",
    "stand",
    "tie_break",
]
