"""The store's door: one object for each process, any number of threads."""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lead_readiness.handoff import States
from lead_readiness.project import Project
from serving.store import checks, names, reading, recorded, states
from serving.store.database import Database
from serving.store.export import export
from serving.store.ingesting import Batch, ingest
from serving.store.reading import History, Stored
from serving.store.rows import Event, HandOff, Ingested, Lead, Outcome, Score

MOST_EVENTS = 1_000_000


class Store:
    """Leads, events, outcomes, hand-offs, scores and hand-off states in one database. Each method is one transaction.

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

    def stored(self, lead_id: str) -> Stored | None:
        """What the store holds of a lead, None of an unknown one; its rows are counted where they are."""
        (asked,) = checks.names("lead_ids", [lead_id])
        with self._database.reading() as db:
            return reading.stored(db, asked)

    def save_scores(self, rows: Sequence[Score], now_us: int) -> int:
        """How many of these scores were saved: those of leads that are neither unknown nor erased or merged by now.

        Scores are added to the earlier ones; the same lead, moment and model saved again replaces. Raises BadRow or
        DataError, and saves nothing, when a row cannot be stored.
        """
        checked = [checks.score(place, told, now_us) for place, told in enumerate(rows)]
        with self._database.writing() as db:
            return recorded.save(db, checked)

    def scores(self, lead_id: str, limit: int = 100) -> list[Score]:
        """At most ``limit`` scores of a lead, the latest moment first; none of an unknown lead."""
        (asked,) = checks.names("lead_ids", [lead_id])
        with self._database.reading() as db:
            return recorded.of_lead(db, asked, limit)

    def latest(self, lead_ids: Sequence[str]) -> dict[str, Score]:
        """Each lead's score at its latest moment, by the id asked for; leads without one are left out."""
        asked = checks.names("lead_ids", lead_ids)
        with self._database.reading() as db:
            return recorded.latest(db, asked)

    def told(self, lead_ids: Sequence[str], as_of: int, model: str) -> dict[str, Score]:
        """Each lead's score at exactly this moment by this model, by the id asked for; leads without one are left out.

        It carries the decision that was recorded with it.
        """
        asked = checks.names("lead_ids", lead_ids)
        with self._database.reading() as db:
            return recorded.told(db, asked, as_of, model)

    def forget_scores(self, before_us: int) -> int:
        """How many scores of moments before ``before_us`` were deleted; the ones of a lead's latest moment stay."""
        with self._database.writing() as db:
            return recorded.forget(db, before_us)

    def states(self, lead_ids: Sequence[str] | None = None) -> States:
        """What the last evaluation of the hand-off left: all lines, and the states of these leads or of all.

        Merged leads go by the lead they became; leads never evaluated are left out. Empty before the first evaluation.
        """
        asked = None if lead_ids is None else checks.names("lead_ids", lead_ids)
        with self._database.reading() as db:
            return states.read(db, asked)

    def save_states(self, evaluation: States) -> int:
        """How many leads' states were kept, with the lines; all of the evaluation is kept, or nothing.

        Its lines take the place of the stored ones, its leads' states that of theirs; states of other leads stay. The
        same again changes nothing. Leads that the store does not hold have states too, erased ones have none, merged
        ones go by the lead they became. Raises DataError, and keeps nothing, when a later evaluation is stored
        already, BadRow when a name cannot be stored.
        """
        states.check(evaluation)
        with self._database.writing(evaluating=True) as db:
            return states.save(db, evaluation)

    def evaluated(self) -> int | None:
        """The moment of the last evaluation of the hand-off, None before the first."""
        with self._database.reading() as db:
            return states.evaluated(db)

    def export(self, folder: Path, project: Project) -> dict[str, int]:
        """The rows of each table of the data contract, written to ``folder`` as of one moment as ``leads.parquet`` etc.

        All leads, events, outcomes and hand-offs, with the project's attributes. Memory does not grow with the rows.
        Files of these names are replaced, once all are written. Ids of events are `Event.unique_id`. An attribute that
        is a number to the project is written as text if some lead has a text there: the contract's checks name it.
        Raises LeadReadinessError when the folder cannot be written to.
        """
        with self._database.reading() as db:
            return export(db, folder, project)

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
