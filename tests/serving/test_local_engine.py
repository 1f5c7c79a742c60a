"""Tasks in processes of this machine: every result, every error, and processes that die.

Nothing else is imported here, because each process imports it again.
"""

import os
import signal
from pathlib import Path

from serving.engines import local


def double(task: int) -> int:
    if task == 3:
        raise ValueError("three")
    return 2 * task


def once_deadly(task: tuple[str, int]) -> int:
    """Kills its process the first time that it is asked for the task 2."""
    mark, number = Path(task[0]), task[1]
    if number == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def always_deadly(task: int) -> int:
    if task == 2:
        os._exit(1)
    return task


def test_processes_give_every_result_and_every_error() -> None:
    found = dict(local.run(double, range(8), 2))
    assert repr(found.pop(3)) == "ValueError('three')"
    assert found == {n: 2 * n for n in range(8) if n != 3}


def test_a_process_that_dies_costs_no_task(tmp_path: Path) -> None:
    tasks = [(str(tmp_path / "mark"), n) for n in range(6)]
    assert sorted(result for _, result in local.run(once_deadly, tasks, 2)) == list(range(6))


def test_a_task_that_kills_its_process_is_named_and_the_others_are_done() -> None:
    found = dict(local.run(always_deadly, range(6), 2))
    assert "its process died twice" in str(found.pop(2))
    assert found == {n: n for n in range(6) if n != 2}


def test_one_worker_is_this_process() -> None:
    assert [result for _, result in local.run(own_process, range(2), 1)] == [os.getpid()] * 2


def own_process(task: int) -> int:
    return os.getpid()
