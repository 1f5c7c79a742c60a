"""Buckets on a Dask cluster, with workers that die, and always the same bytes."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rescored import job

from lead_readiness.project import ProjectFile
from lead_readiness.scorer import Scorer

dask = pytest.importorskip("serving.engines.dask")


@pytest.fixture(scope="module")
def expected(project: ProjectFile, scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("expected") / "out.parquet"
    job(project, scorer, out, buckets=12).run()
    return out.read_bytes()


@pytest.mark.slow
def test_dask_gives_the_same_bytes(
    project: ProjectFile, scorer: Scorer, expected: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    job(project, scorer, out, buckets=12, engine=dask.run, workers=2).run()
    assert out.read_bytes() == expected


@pytest.mark.slow
def test_a_dask_worker_killed_in_the_middle_costs_no_row(
    project: ProjectFile, scorer: Scorer, expected: bytes, tmp_path: Path
) -> None:
    from distributed import Client, LocalCluster

    out, killed = tmp_path / "out.parquet", list[int]()
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:

        def engine(work: Any, tasks: Any, workers: int) -> Any:
            address = cluster.scheduler_address
            for done in partial(dask.run, scheduler=address)(work, tasks, workers):
                if not killed:
                    with Client(address, set_as_default=False) as client:
                        killed.append(min(client.run(os.getpid).values()))
                    os.kill(killed[0], signal.SIGKILL)  # a process that this test's cluster began
                yield done

        job(project, scorer, out, buckets=12, engine=engine, workers=2).run()
    assert killed and out.read_bytes() == expected
