"""Buckets in processes of this machine, one thread each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run(work: Callable[[T], R], tasks: Iterable[T], workers: int) -> Generator[tuple[T, R | Exception]]:
    """Each task with what came of it, as they are done; a task whose process died is tried once more, alone.

    Closed early, it waits for the tasks that have begun. One worker is this process itself.
    """
    if workers == 1:
        yield from _here(work, tasks)
        return
    suspects: list[T] = []
    left = iter(list(tasks))
    while (batch := next(left, None)) is not None:
        yield from _round(work, batch, left, workers, suspects)
    for task in suspects:
        died: list[T] = []
        yield from _round(work, task, iter(()), 1, died)
        if died:
            yield task, RuntimeError("its process died twice (killed, or out of memory): try fewer --workers")


def _here(work: Callable[[T], R], tasks: Iterable[T]) -> Generator[tuple[T, R | Exception]]:
    for task in tasks:
        try:
            result: R | Exception = work(task)
        except Exception as error:
            result = error
        yield task, result


def _round(
    work: Callable[[T], R], first: T, left: Iterator[T], workers: int, died: list[T]
) -> Generator[tuple[T, R | Exception]]:
    """Work until nothing is left or a process dies; then the tasks under way are ``died``."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")  # the processes inherit it
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin)
    under_way: dict[Future[R], T] = {}
    task: T | None = first
    try:
        while task is not None or under_way:
            while task is not None and len(under_way) <= workers:
                under_way[pool.submit(work, task)] = task
                task = next(left, None)
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    raise error
                yield under_way.pop(future), error if isinstance(error, Exception) else future.result()
    except BrokenProcessPool:
        died += [*under_way.values(), *([] if task is None else [task])]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """In each process: leave interrupts to the parent, and end when it does, however it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)
