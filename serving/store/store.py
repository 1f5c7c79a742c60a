"""The store's door: one object for each process, any number of threads."""

from __future__ import annotations

from collections.abc import Container, Sequence
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from serving.store import checks, joining, names, reading
from serving.store.database import Database
from serving.store.ingesting import Batch, ingest
from serving.store.reading import History
from serving.store.rows import Event, HandOff, Ingested, Lead, Outcome, Score
from serving.store.schema import leads, scores

MOST_EVENTS = 1_000_000


class Store:
    """Leads, events, outcomes, hand-offs and scores in one database. Each method is one transaction.

    All times are microseconds UTC, and the present is an argument. Every method raises StoreError when the database
    cannot be used, and may then be called again as it was; its messages and those of BadRow hold no lead's data.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Store.open(f"sqlite:///{folder.name}/store.db") as store:
    ...     view = Event("ann", 1_777_879_800_000_000, "pricing_view", event_id="17")
    ...     first = store.ingest([Lead("ann", account_id="acme")], [view], now_us=1_777_879_801_000_000)
    ...     again = store.ingest([], [view], now_us=1_777_879_999_000_000)
    ...     known = store.history(["ann", "bob"])
    >>> first.new, again.new, again.repeated
    (1, 0, 1)
    >>> known.lead_of, known.leads[0].created_at, len(known.events)
    ({'ann': 'ann'}, 1777879800000000, 1)
    >>> folder.cleanup()
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str) -> Store:
        """The store at ``sqlite:///file.db`` or ``postgresql://...``, made or brought to this version's tables.

        Open it in the process that uses it, not before a fork. Raises StoreError when the database cannot be reached,
        LeadReadinessError when a newer version made it or it holds something else.
        """
        database = Database(url)
        database.prepare()
        return cls(database)

    @property
    def shown(self) -> str:
        """The URL as it may be shown: without a password."""
        return self._database.shown

    def close(self) -> None:
        """Let go of the database."""
        self._database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ingest(
        self,
        leads: Sequence[Lead],
        events: Sequence[Event],
        now_us: int,
        kinds: Container[str] | None = None,
        outcomes: Sequence[Outcome] = (),
        handoffs: Sequence[HandOff] = (),
    ) -> Ingested:
        """What became of a batch; all of it is stored, or nothing.

        Any batch may come again, and batches in any order: the store ends up the same. An event is known by its
        ``event_id`` within its ``source``, without one by its content. ``recorded_at`` is ``now_us`` unless a row
        says otherwise; of two arrivals the earlier stands. Of several records of one lead the newest stands; a lead
        known by events alone was created when the first occurred. ``kinds`` are the project's; events of others are
        stored and counted. Rows of erased leads are left out, rows of merged ones go to the lead they became.

        Raises BadRow, and stores nothing, when a row cannot be read.
        """
        batch = Batch(leads, events, outcomes, handoffs, now_us)
        with self._database.writing() as db:
            return ingest(db, batch, kinds)

    def history(self, lead_ids: Sequence[str], most_events: int = MOST_EVENTS) -> History:
        """All rows of these leads and the other leads of their accounts, as of one moment; unknown ids are left out.

        Raises DataError when there are more than ``most_events`` events.
        """
        asked = checks.names("lead_ids", lead_ids)
        with self._database.reading() as db:
            return reading.history(db, asked, most_events)

    def save_scores(self, rows: Sequence[Score], now_us: int) -> int:
        """How many of these scores were saved: those of leads that are neither unknown nor erased or merged by now.

        Scores are added to the earlier ones; the same lead, moment and model saved again replaces. Raises BadRow or
        DataError, and saves nothing, when a row cannot be stored.
        """
        checked = [checks.score(place, told, now_us) for place, told in enumerate(rows)]
        with self._database.writing() as db:
            known = _known(db, [row["lead_id"] for row in checked])
            kept = [row for row in checked if row["lead_id"] in known]
            joining.put(db, scores, kept, joining.scores)
        return len(kept)

    def scores(self, lead_id: str, limit: int = 100) -> list[Score]:
        """At most ``limit`` scores of a lead, the latest moment first; none of an unknown lead."""
        (asked,) = checks.names("lead_ids", [lead_id])
        with self._database.reading() as db:
            return reading.scores_of(db, asked, limit)

    def latest(self, lead_ids: Sequence[str]) -> dict[str, Score]:
        """Each lead's score at its latest moment, by the id asked for; leads without one are left out."""
        asked = checks.names("lead_ids", lead_ids)
        with self._database.reading() as db:
            return reading.latest(db, asked)

    def erase(self, lead_id: str) -> bool:
        """Forget a lead for good; returns whether there was one.

        Everything of it goes, also what is told of it from now on: a hash of the id remains, so that an event that
        comes again does not bring the lead back.
        """
        (asked,) = checks.names("lead_id", [lead_id])
        with self._database.writing(alone=True) as db:
            known = names.erase(db, asked)
        self._database.shred()
        return known

    def merge(self, lead_id: str, into: str) -> None:
        """Make ``lead_id`` and ``into`` one lead, known by both ids from now on.

        The store is then as if all events, outcomes, hand-offs and records of ``lead_id`` had been told of ``into``;
        scores of ``lead_id``, made from half of the history, are dropped. To merge again changes nothing. Raises
        DataError when ``into`` is unknown, one was erased, both are one, or ``lead_id`` became another lead.
        """
        (old,), (lead,) = checks.names("lead_id", [lead_id]), checks.names("into", [into])
        with self._database.writing(alone=True) as db:
            names.merge(db, old, lead)


def _known(db: sa.Connection, lead_ids: Sequence[str]) -> set[str]:
    found = (
        db.scalars(sa.select(leads.c.lead_id).where(leads.c.lead_id.in_(some)))
        for some in joining.chunks(list(dict.fromkeys(lead_ids)))
    )
    return {lead for some in found for lead in some}
