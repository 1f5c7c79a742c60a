"""A small company's files and scorer, and what scoring and deciding in memory say, for the tests of rescoring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from small_company import write_company

from lead_readiness import project as projects
from lead_readiness import rules, sources, tables, timelines
from lead_readiness.answer import answers, rows
from lead_readiness.card import Card
from lead_readiness.features import Catalogue
from lead_readiness.features.attributes import Attributes
from lead_readiness.handoff import Seen, States, decide
from lead_readiness.project import ProjectFile
from lead_readiness.scorer import Scorer
from serving.engines import local
from serving.rescore.job import Job
from serving.rescore.sinks import sink

LEADS = 600


def in_this_process(work: Any, tasks: Any, workers: int) -> Iterator[Any]:
    """An engine without processes: quick, and errors come as they are."""
    for task in tasks:
        try:
            yield task, work(task)
        except Exception as error:
            yield task, error


def company(folder: Path, leads: int = LEADS) -> ProjectFile:
    """The project file of a small company whose tables are there."""
    return projects.load(write_company(folder, leads))


def rule_scorer(project: ProjectFile) -> Scorer:
    """A scorer of the rule book alone: quick to make, and rule points are scores too."""
    book = rules.load(project.root / project.rules, project)
    catalogue = Catalogue((), Attributes(), project.kinds, project.kinds)
    return Scorer(project.meaning(), book, catalogue, None, None, None, Card({}, 0, 1, 1, 0, 0))


def job(project: ProjectFile, scorer: Scorer, out: Path | str, **settings: Any) -> Job:
    """A rescoring in this process, in five buckets, unless told otherwise."""
    usual: dict[str, Any] = {
        "engine": in_this_process,
        "workers": 1,
        "memory": 500_000_000,
        "buckets": 5,
        "say": lambda _: None,
    }
    return Job(project=project, scorer=scorer, sink=sink(str(out)), **{**usual, **settings})


def in_processes(workers: int) -> dict[str, Any]:
    """Settings of a job with the local engine."""
    return {"engine": local.run, "workers": workers}


def in_memory(project: ProjectFile, scorer: Scorer, as_of: int | None = None) -> pa.Table:
    """What the output's columns of an answer must be: everybody at once, without buckets."""
    raw = sources.read(project)
    checked = tables.validate(project, **raw, quarantine=True)
    known = timelines.build(checked, project.model_copy(update={"cut": None}))
    when = known.cut if as_of is None else as_of
    lead = np.flatnonzero((known.created < when) & (known.decided > when)).astype(np.int32)
    lead = lead[np.argsort(known.lead_ids[lead])]
    scored = scorer.assess(known, lead, np.full(len(lead), when))
    triggered = scored.replay.triggered
    seen = Seen.from_timelines(scorer.project, known, lead, when, scored.score, scored.probability, triggered)
    return rows(answers(scored, decide(scorer.project.handoff, States.empty(), seen, when)))
