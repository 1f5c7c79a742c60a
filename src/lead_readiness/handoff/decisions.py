"""Decisions as people and programs read them: a row a lead, and a sentence for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness.handoff.bars import OTHER
from lead_readiness.handoff.kernel import Floats
from lead_readiness.handoff.places import Given
from lead_readiness.handoff.seen import Seen, Words
from lead_readiness.handoff.sentences import sentence
from lead_readiness.handoff.standing import CLAUSES, Standing
from lead_readiness.handoff.states import States, moments
from lead_readiness.project import Handoff
from lead_readiness.timelines import NEVER

DECISION_OF: Words = np.array(list(CLAUSES.values()), object)
CLAUSE: Words = np.array(list(CLAUSES), object)


@dataclass(eq=False)
class Decisions:
    """What becomes of each lead of ``seen``, row by row, and ``states`` for the next evaluation.

    ``propensity`` is the chance to be drawn at random, NaN for leads that could not be.
    """

    policy: Handoff
    as_of: int
    standing: Standing
    given: Given
    propensity: Floats
    states: States

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def seen(self) -> Seen:
        """The leads that were decided on."""
        return self.standing.facts.seen

    @property
    def decision(self) -> Words:
        """`hand off`, `stay`, `hold`, `recycle` or `with sales`."""
        decisions: Words = DECISION_OF[self.standing.clause]
        return decisions

    @property
    def clause(self) -> Words:
        """The clause that decided, one of `CLAUSES`."""
        clauses: Words = CLAUSE[self.standing.clause]
        return clauses

    @property
    def handed_off(self) -> npt.NDArray[np.intp]:
        """The rows handed off."""
        return np.flatnonzero(self.given.place)

    def clause_of(self, row: int) -> str:
        """One row's clause."""
        clause: str = CLAUSE.item(self.standing.clause.item(row))
        return clause

    def track_of(self, row: int) -> str:
        """The nurture track that one row's last return puts it on."""
        reason: int = self.seen.reason.item(row)
        return self.policy.by_reason[OTHER if reason < 0 else reason].track

    def places(self, row: int) -> int:
        """The places that the lead's queue has in a week."""
        facts = self.standing.facts
        return int(facts.bars.queue_room[facts.bars.queue[facts.on[row]]])

    def sentence(self, row: int, zone: tzinfo = UTC) -> str:
        """The clause in words, with the numbers and dates that it rests on; dates are those of ``zone``."""
        return sentence(self, row, zone)

    def frame(self, zone: tzinfo = UTC) -> pd.DataFrame:
        """One row a lead, in the order of ``seen``; ``line`` and ``low`` are those that the lead was held against.

        Columns: lead_id, as_of, decision, clause, sentence, score, line, low, rank (in its queue) and place (of the
        week), propensity, track, re_entry. Missing where they do not apply; times in UTC.
        """
        given, stood = self.given, self.standing
        recycled, reason = self.decision == "recycle", np.where(self.seen.reason < 0, OTHER, self.seen.reason)
        tracks = np.array([r.track for r in self.policy.by_reason] + [None], object)
        return pd.DataFrame(
            {
                "lead_id": self.seen.lead_id,
                "as_of": moments(np.full(len(self), self.as_of)),
                "decision": self.decision,
                "clause": self.clause,
                "sentence": pd.Series([self.sentence(row, zone) for row in range(len(self))], dtype="str"),
                "score": self.seen.score,
                "line": stood.line,
                "low": stood.low,
                "rank": pd.Series(given.rank, dtype="Int64").where(given.rank > 0),
                "place": pd.Series(given.place, dtype="Int64").where(given.place > 0),
                "propensity": self.propensity,
                "track": pd.Series(tracks[np.where(recycled, reason, -1)], dtype="str"),
                "re_entry": moments(np.where(recycled, stood.re_entry, NEVER)),
            }
        )
