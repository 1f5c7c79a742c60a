"""Real processes: many that ingest the same events at once, and some that are killed in the middle."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from stored import at, contents, view

from serving.store import Store

HERE = Path(__file__).resolve().parent
INGEST = """
import random, sys
from stored import at, view
from serving.store import Store
url, seed = sys.argv[1], int(sys.argv[2])
events = [view(f"lead {i % 7}", i, event_id=str(i) if i % 2 else None, source="web") for i in range(400)]
random.Random(seed).shuffle(events)
new, size = 0, 10 + 20 * seed
with Store.open(url) as store:
    for start in range(0, len(events), size):
        done = store.ingest([], events[start : start + size], at(1000 + seed))
        assert done.contradicting == ()
        new += done.new
print(new)
"""
KILLED = """
import os, signal, sys
import sqlalchemy as sa
from stored import at, view
from serving.store import Store
store = Store.open(sys.argv[1])
def kill(connection): os.kill(os.getpid(), signal.SIGKILL)
sa.event.listen(store._database.engine, "commit", kill)
store.ingest([], [view(f"lead {i % 7}", i) for i in range(5000)], at(9000))
"""
ACKNOWLEDGED = """
import sys
from stored import at, view
from serving.store import Store
url, name = sys.argv[1:]
with Store.open(url) as store:
    for batch in range(10_000):
        store.ingest([], [view(f"{name} {batch}", i) for i in range(20)], at(100))
        print(batch, flush=True)
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_ingest_the_same_events_store_each_once(url):
    """They also make the tables, all at once."""
    running = [start(INGEST, url, str(seed)) for seed in range(3)]
    said = [process.communicate(timeout=120) for process in running]
    assert [error for _, error in said] == [""] * 3
    assert sum(int(out) for out, _ in said) == 400
    with Store.open(url) as store:
        found = store.history([f"lead {i}" for i in range(7)]).events
    assert len(found) == 400
    assert {event.occurred_at for event in found} == {at(i) for i in range(400)}
    assert {event.recorded_at for event in found} == {at(1000)}  # the earliest of the three arrivals


def test_killed_before_its_commit_a_batch_leaves_nothing(store, url):
    process = start(KILLED, url)
    assert process.communicate(timeout=120) == ("", "")
    assert process.returncode == -9
    assert not any(contents(store).values())
    assert store.ingest([], [view(f"lead {i % 7}", i) for i in range(5000)], at(9000)).new == 5000


@pytest.mark.slow
def test_killed_at_any_moment_every_acknowledged_batch_is_whole(store, url):
    for turn in range(3):
        process = start(ACKNOWLEDGED, url, f"turn {turn}")
        process.stdout.readline()
        time.sleep(0.1 + 0.17 * turn)
        process.kill()
        acknowledged = 1 + len(process.communicate()[0].splitlines())
        held = [len(store.history([f"turn {turn} {batch}"]).events) for batch in range(acknowledged + 1)]
        assert held[:-1] == [20] * acknowledged
        assert held[-1] in (0, 20)
