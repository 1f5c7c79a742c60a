"""A rescoring from beginning to end."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lead_readiness import sources
from lead_readiness.bucket import TOLERANCE
from lead_readiness.console import steps
from lead_readiness.errors import ConfigError, LeadReadinessError, ModelError
from lead_readiness.handoff import Decisions
from lead_readiness.project import Project, ProjectFile
from lead_readiness.scorer import Scorer
from lead_readiness.sources import buckets
from lead_readiness.sources.bucket_files import Buckets
from lead_readiness.tables import Note
from serving.rescore import bad, gather, plan, previous, progress, states, stored
from serving.rescore.sinks import File, Sink
from serving.rescore.work import MODEL, TABLES, Settings, Task, told_of, work, write

Engine = Callable[[Callable[[Task], int], Iterable[Task], int], Generator[tuple[Task, int | Exception]]]
MORE = "more"
"""The leads that are told of only because their decision is another."""
MEND = "train a model with this project file, or name the one that it was trained with"
SHARE = 0.5
"""Of the memory, what the cutting may take; the rest is Python's, and of what DuckDB does not count."""


class FailedError(LeadReadinessError):
    """Buckets that could not be done; all others are, and are kept."""


@dataclass(frozen=True)
class Outcome:
    """What a rescoring did: rows written, leads looked at, decisions by name, notes on the tables."""

    rows: int
    leads: int
    as_of: int
    decisions: dict[str, int]
    notes: tuple[Note, ...]
    crowded: tuple[int, int]


@dataclass(frozen=True)
class Job:
    """What is to be rescored, and how; `run` does it.

    ``as_of`` is microseconds UTC, None the end of the data, and ``as_asked`` what the command said. ``memory`` is
    bytes, all processes together.
    """

    project: ProjectFile
    scorer: Scorer
    sink: Sink
    engine: Engine
    workers: int
    memory: int
    as_of: int | None = None
    as_asked: str | None = None
    earlier: Path | None = None
    changed_only: bool = False
    tolerance: float = TOLERANCE
    top: int | None = None
    states: Path | None = None
    store: str | None = None
    quarantine: bool = False
    work: Path | None = None
    buckets: int | None = None
    seed: int = 0
    say: Callable[[str], None] = print
    clock: Callable[[], int] = lambda: 0

    @property
    def folder(self) -> Path:
        """Where the work is done."""
        return (self.work or self.sink.work).absolute()

    def run(self) -> Outcome:
        """Rescore, going on with what an interrupted run of the same job left.

        Raises FailedError when buckets failed, DataError for bad rows, and whatever else is to be refused.
        """
        check_fit(self.project, self.scorer)
        self.sink.check()
        if self.store is not None and self.states is not None:
            raise ConfigError("--states and --store both keep the hand-off's states; give one of them")
        asked = self._asked()
        with plan.alone(self.folder):
            kept = plan.known(self.folder)
            other = plan.differing(kept, asked)
            plan.finish(self.folder)  # what a run that was killed had come to
            if other:
                if kept:
                    self.say(
                        f"another rescoring was under way here ({', '.join(other)} differ); beginning anew"
                    )
                self._begin(asked)
            kept = plan.known(self.folder)
            outcome = self._go_on(int(kept["as_of"]), str(kept["name"]))
            plan.away(self.folder)
            return outcome

    @property
    def _implied(self) -> Path | None:
        """The output that is there already, which then is the earlier one."""
        path = self.sink.path if isinstance(self.sink, File) else None
        return path if path is not None and path.suffix == ".parquet" and path.exists() else None

    def _asked(self) -> dict[str, Any]:
        """What makes it this rescoring and no other; an earlier output that is to be replaced is no part of it."""
        earlier = None if self.earlier is None or _same(self.earlier, self.sink) else self.earlier
        if self.changed_only and earlier is None:
            raise ConfigError(
                "--changed needs --previous with another file than --out: the leads that are left out would be "
                "forgotten; name a whole earlier output"
            )
        return plan.as_asked(
            tables=buckets.size_of(self.project),
            project=_digest(self.project),
            model=self.scorer.version,
            moment=self.as_asked if self.as_asked is not None else self.as_of,
            previous=previous.stamp(earlier),
            changed_only=self.changed_only,
            tolerance=self.tolerance,
            top=self.top,
            buckets=self.buckets,
        )

    def _begin(self, asked: dict[str, Any]) -> None:
        """Everything that the buckets need, in the work folder; the plan is kept when all of it is there."""
        plan.clear(self.folder)
        earlier, beside, latest = self.earlier or self._implied, {}, 0
        if earlier is not None:
            beside["previous"] = self.folder / "previous.parquet"
            latest = previous.extract(earlier, beside["previous"])
        limits = buckets.Limits(int(self.memory * SHARE), self.workers)
        least = 4 * self.workers
        with steps() as step:
            cut = buckets.cut(self.project, self.folder / TABLES, limits, least, self.buckets, step, **beside)
        as_of = cut.last if self.as_of is None else self.as_of
        if earlier is not None:
            previous.check_order(earlier, latest, as_of)
        self.scorer.save(self.folder / MODEL)
        values = {name: table.values for name, table in self.project.tables.items()}
        Settings(as_of, values, self.changed_only, self.tolerance, self.top).save(self.folder)
        plan.keep(self.folder, asked, as_of)

    def _go_on(self, as_of: int, name: str) -> Outcome:
        cut = Buckets.load(self.folder / TABLES)
        tasks = [Task(str(self.folder), name, bucket) for bucket in range(cut.count)]
        self._do("scoring", tasks)
        paths = [task.target for task in tasks]
        notes = self._heed(paths)
        everybody = gather.narrow(paths)
        before = states.read(self.states) if self.store is None else stored.states(self.store)
        made = gather.decided(self.scorer.project.handoff, before, everybody, as_of, self.seed)
        rows = everybody.select(["lead_id", "file", "told"]).append_column(
            "row", pa.array(np.arange(len(made)))
        )
        rows = rows.filter(rows["told"])
        if self.changed_only:
            more, also = self._more(everybody, made, tasks)
            paths += more
            rows = pa.concat_tables([rows.drop_columns(["told"]), also])
        decisions = gather.columns_of(made, self.scorer.teller.zone)
        ordered = partial(gather.in_order, paths, rows, decisions, rows["row"].to_numpy())
        moves = self.sink.fill(ordered())
        if self.states is not None:
            moves |= states.drafts(made.states, self.states)
        plan.publish(self.folder, moves)
        if self.store is not None:
            stored.save(self.store, ordered(), made.states, self.clock())
        return Outcome(
            rows=len(rows),
            leads=len(made),
            as_of=as_of,
            decisions=dict(Counter(made.decision.tolist()).most_common()),
            notes=notes,
            crowded=cut.crowded,
        )

    def _do(self, what: str, tasks: Sequence[Task]) -> None:
        """Do the tasks that are not done yet.

        Raises FailedError, when all that can be done is done, naming the buckets that cannot.
        """
        left = [task for task in tasks if not task.target.exists()]
        if not left:
            return
        if len(left) < len(tasks):
            self.say(f"{what}: {len(tasks) - len(left):,} of {len(tasks):,} buckets are done already")
        failed = {}
        workers = min(self.workers, len(left))
        with (
            progress.bar(what, len(tasks), len(tasks) - len(left)) as tell,
            closing(self.engine(work, left, workers)) as found,
        ):
            for task, result in found:
                if isinstance(result, Exception):
                    failed[task.bucket] = result
                else:
                    tell(result)
        if failed:
            raise _failure(failed, len(tasks))

    def _heed(self, paths: Sequence[Path]) -> tuple[Note, ...]:
        """What was noted of the tables; raises DataError for bad rows unless they may be set aside."""
        told = [told_of(path) for path in paths]
        found = pd.concat([rows for _, rows in told], ignore_index=True)
        if len(found):
            bad.heed(found, sources.source_names(self.project), self.quarantine)
        return bad.summed([note for notes, _ in told for note in notes])

    def _more(
        self, everybody: pa.Table, made: Decisions, tasks: Sequence[Task]
    ) -> tuple[list[Path], pa.Table]:
        """Tell also of the leads whose decision is another than in the earlier output."""
        decision = pa.array(made.decision, pa.string())
        assert self.earlier is not None
        before = previous.decisions(self.folder / "previous.parquet", everybody["lead_id"])
        wanted = pc.and_(
            pc.invert(everybody["told"]), pc.fill_null(pc.not_equal(before, decision), True)
        ).to_numpy(zero_copy_only=False)
        leads, file = everybody["lead_id"].filter(pa.array(wanted)), everybody["file"].to_numpy()[wanted]
        more = f"{MORE}-{hashlib.sha256(json.dumps(leads.to_pylist()).encode()).hexdigest()[:12]}"
        write(pa.table({"lead_id": leads}), self.folder / f"{more}.arrow")
        again = [replace(tasks[bucket], only=more) for bucket in np.unique(file).tolist()]
        self._do("telling of other decisions", again)
        place = {task.bucket: len(tasks) + n for n, task in enumerate(again)}
        also = {
            "lead_id": leads,
            "file": pa.array([place[bucket] for bucket in file.tolist()], pa.int32()),
            "row": pa.array(np.flatnonzero(wanted)),
        }
        return [task.target for task in again], pa.table(also)


def _failure(failed: Mapping[int, Exception], buckets: int) -> FailedError:
    only = "this" if len(failed) == 1 else "these"
    head = (
        f"{len(failed):,} of {buckets:,} buckets failed, and nothing was written; the others are kept: the same "
        f"command again tries only {only}"
    )
    told = [f"bucket {bucket}: {type(e).__name__}: {e}" for bucket, e in sorted(failed.items())]
    return FailedError("\n".join([head, *told]))


def _digest(project: ProjectFile) -> str:
    """What tells that tables are read otherwise by now; a hash, since a URL may hold a password."""
    told = project.model_dump_json(include={"tables", "timezone"})
    return hashlib.sha256(told.encode()).hexdigest()


def _same(path: Path, sink: Sink) -> bool:
    return isinstance(sink, File) and os.path.abspath(path) == os.path.abspath(sink.path)  # noqa: PTH100


def check_fit(project: ProjectFile, scorer: Scorer) -> None:
    """Raise ModelError when the project file means something else by its words than the scorer's project does."""
    ours: Project = scorer.project
    for what, here, there in (
        ("event kinds", set(project.kinds), set(ours.kinds)),
        ("attributes", _types(project), _types(ours)),
    ):
        if odd := sorted(map(str, here ^ there)):
            side = "the project file's" if odd[0] in set(map(str, here)) else "the model's"
            raise ModelError(
                f"the project file and the model differ in their {what}: {odd[0]} is {side} alone; {MEND}"
            )
    for name in ("timezone", "label", "handoff"):
        if getattr(project, name) != getattr(ours, name):
            found = _differing(getattr(project, name), getattr(ours, name), name)
            raise ModelError(f"the project file and the model differ in `{found}`; {MEND}")


def _types(project: Project) -> set[str]:
    return {f"{name} ({attribute.type})" for name, attribute in project.attributes.items()}


def _differing(here: Any, there: Any, name: str) -> str:
    """The first key in which two parts of a project differ, with both values."""
    if hasattr(here, "model_fields_set"):
        for key in type(here).model_fields:
            if getattr(here, key) != getattr(there, key):
                return f"{name}.{key}: {getattr(here, key)!r} there, {getattr(there, key)!r} in the model"
    return f"{name}: {here!r} there, {there!r} in the model"
