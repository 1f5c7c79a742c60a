"""Killed, interrupted or failing at any moment, the same command again gives what an undisturbed run gives."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rescored import company, job

from lead_readiness.project import ProjectFile
from lead_readiness.scorer import Scorer
from serving.rescore.job import FailedError
from serving.rescore.work import work

AS_OF = "2025-07-01T00:00Z"


def command(project: ProjectFile, scorer: Scorer, folder: Path) -> list[str]:
    model = folder / "model"
    scorer.save(model)
    asked = {
        "--project": project.root / "readiness.toml",
        "--model": model,
        "--out": folder / "out.parquet",
        "--states": folder / "states",
        "--as-of": AS_OF,
        "--workers": 2,
    }
    options = [str(part) for pair in asked.items() for part in pair]
    return [str(Path(sys.executable).with_name("lead-readiness")), "rescore", *options]


def begin(asked: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def undisturbed(asked: list[str], folder: Path) -> tuple[dict[str, bytes], float]:
    """What a run leaves, and how long it takes; what it left is taken away again."""
    started = time.monotonic()
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    took = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    return left_in(folder), took


def left_in(folder: Path) -> dict[str, bytes]:
    """The files of the output and the states, which go."""
    assert sorted(p.name for p in folder.iterdir() if p.name[0] != ".") == ["model", "out.parquet", "states"]
    paths = [folder / "out.parquet", *sorted((folder / "states").iterdir())]
    found = {path.name: path.read_bytes() for path in paths}
    (folder / "out.parquet").unlink()
    shutil.rmtree(folder / "states")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_goes_on(
    project: ProjectFile, scorer: Scorer, tmp_path: Path, kills: int
) -> None:
    asked, draw = command(project, scorer, tmp_path), random.Random(kills)
    expected, took = undisturbed(asked, tmp_path)
    for _ in range(kills):
        running = begin(asked)
        time.sleep(draw.uniform(0, took))
        running.kill()
        running.communicate()
        out = tmp_path / "out.parquet"
        assert not out.exists() or out.read_bytes() == expected["out.parquet"]
        if not out.exists() or (tmp_path / "out.parquet.rescore").exists():  # it had not come to its end
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        assert left_in(tmp_path) == expected


@pytest.mark.slow
def test_interrupted_it_says_how_to_go_on_and_does(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    asked = command(project, scorer, tmp_path)
    expected, _ = undisturbed(asked, tmp_path)
    running = begin(asked)
    assert running.stderr is not None
    while "cutting" not in running.stderr.readline():
        pass
    running.send_signal(signal.SIGINT)
    _, said = running.communicate()
    assert running.returncode == 130, said
    assert "the same command goes on from there" in said and "interrupted" in said
    assert subprocess.run(asked, capture_output=True, check=False).returncode == 0
    assert left_in(tmp_path) == expected


def failing_at(bucket: int, tried: list[int]) -> Any:
    def engine(_: Any, tasks: Any, workers: int) -> Any:
        for task in tasks:
            tried.append(task.bucket)
            yield task, ValueError("no such luck") if task.bucket == bucket else work(task)

    return engine


def test_a_bucket_that_fails_is_named_and_only_it_is_tried_again(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    out, tried = tmp_path / "out.parquet", list[int]()
    with pytest.raises(FailedError, match=r"1 of 5 buckets failed.*\nbucket 2: ValueError: no such luck"):
        job(project, scorer, out, engine=failing_at(2, tried)).run()
    assert tried == [0, 1, 2, 3, 4] and not out.exists()
    tried.clear()
    job(project, scorer, out, engine=failing_at(-1, tried)).run()
    assert tried == [2]
    job(project, scorer, tmp_path / "other.parquet").run()
    assert out.read_bytes() == (tmp_path / "other.parquet").read_bytes()


def test_another_rescoring_in_the_folder_begins_anew_and_says_so(
    project: ProjectFile, scorer: Scorer, tmp_path: Path
) -> None:
    out, said, tried = tmp_path / "out.parquet", list[str](), list[int]()
    with pytest.raises(FailedError):
        job(project, scorer, out, engine=failing_at(2, tried)).run()
    job(project, scorer, out, top=1, engine=failing_at(-1, tried), say=said.append).run()
    assert said == ["another rescoring was under way here (top differ); beginning anew"]
    assert max(map(len, pq.read_table(out)["reasons_for"].to_pylist())) == 1


def test_a_file_that_changed_begins_anew(scorer: Scorer, tmp_path: Path) -> None:
    mine, out = company(tmp_path / "company"), tmp_path / "out.parquet"
    with pytest.raises(FailedError):
        job(mine, scorer, out, engine=failing_at(2, [])).run()
    with (mine.root / "events.csv").open("a") as events:
        events.write("lead-0001,2025-03-01T00:00:00Z,visit,late\n")
    said: list[str] = []
    job(mine, scorer, out, say=said.append).run()
    assert said == ["another rescoring was under way here (tables differ); beginning anew"]


def test_killed_between_two_files_being_put_in_place_the_rest_follows(
    project: ProjectFile, scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(project, scorer, tmp_path / "out.parquet", states=tmp_path / "states")
    asked.run()
    expected = {p: p.read_bytes() for p in (tmp_path / "out.parquet", *(tmp_path / "states").iterdir())}
    for path in expected:
        path.unlink()
    moved, replace = list[Path](), Path.replace

    def once(path: Path, target: Any) -> Path:
        if path.name.endswith(".part") and path.parent in (tmp_path, tmp_path / "states"):
            if moved:
                raise SystemExit("killed")
            moved.append(path)
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", once)
        with pytest.raises(SystemExit):
            asked.run()
    assert (tmp_path / "out.parquet").exists() and not (tmp_path / "states" / "leads.parquet").exists()
    asked.run()
    assert {p: p.read_bytes() for p in expected} == expected
