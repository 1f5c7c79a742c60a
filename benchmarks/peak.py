"""`python -m benchmarks.peak MODULE.FUNCTION FOLDER`: the peak memory in MB of one way from files to matrix.

A process of its own for each way, which imports what that way needs and nothing else.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.peers import Task
from lead_readiness.features import Feature

ROOT = Path(__file__).resolve().parents[1]


def of(way: str, folder: Path, task: Task) -> float:
    """The peak resident memory in MB of a process that goes that way; ``way`` is below `benchmarks`."""
    given = {
        "features": [f.as_dict() for f in task.features],
        "kinds": task.kinds,
        "activity": task.activity,
        "as_of": task.as_of,
    }
    command = [sys.executable, "-m", "benchmarks.peak", way, str(folder)]
    done = subprocess.run(
        command, input=json.dumps(given), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main(way: str, folder: Path) -> None:
    """Go the way, with the task that standard input describes, and print the peak."""
    given = json.load(sys.stdin)
    features = tuple(Feature.from_dict(f) for f in given["features"])
    task = Task(features, tuple(given["kinds"]), tuple(given["activity"]), given["as_of"])
    module, _, function = way.rpartition(".")
    getattr(import_module(f"benchmarks.{module}"), function)(folder, task)
    print(peak())


def peak() -> float:
    """This process's own peak in MB; ``ru_maxrss`` would count that of the process which started it, too."""
    status = Path("/proc/self/status")
    if status.exists():
        return float(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
