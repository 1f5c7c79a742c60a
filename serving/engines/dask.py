"""Buckets as futures of a Dask cluster; its workers must see the folder of the work under the same path."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from distributed import Client, LocalCluster, as_completed

T = TypeVar("T")
R = TypeVar("R")
RETRIES = 2


def run(
    work: Callable[[T], R], tasks: Iterable[T], workers: int, scheduler: str | None = None
) -> Generator[tuple[T, R | Exception]]:
    """Each task with what came of it, as they are done; what a dead worker had is done again by another.

    Without a ``scheduler`` the cluster is one of this machine's processes, which ends with the work.
    """
    if scheduler is None:
        with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster:
            yield from run(work, tasks, workers, cluster.scheduler_address)
        return
    with Client(scheduler, set_as_default=False) as client:
        futures = {client.submit(work, task, pure=False, retries=RETRIES): task for task in tasks}
        for future in as_completed(futures, loop=client.loop):
            error = future.exception()
            yield futures[future], error if isinstance(error, Exception) else future.result()
            future.release()
