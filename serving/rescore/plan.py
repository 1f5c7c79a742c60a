"""What a rescoring is going to do, kept in its work folder, so that the same command again goes on where it was."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lead_readiness.console import write_whole
from lead_readiness.errors import LeadReadinessError

FORMAT = 1
PLAN, LOCK, MOVES = "plan.json", "lock", "moves.json"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The work folder for this process alone, made if need be; whoever else comes meanwhile is refused.

    The lock is the operating system's, so a process that was killed holds none.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR)
        except FileNotFoundError:  # another job that ended has just taken the folder away
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise LeadReadinessError(
                f"{folder}: another rescoring works on this output; wait for it, or name another --out"
            ) from None
        if _is_still_there(handle, folder / LOCK):
            break
        os.close(handle)
    try:
        yield
    finally:
        os.close(handle)


def _is_still_there(handle: int, path: Path) -> bool:
    try:
        return os.fstat(handle).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def known(folder: Path) -> dict[str, Any]:
    """The plan that is kept there, empty where there is none that can be read."""
    try:
        kept: dict[str, Any] = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept


def keep(folder: Path, asked: Mapping[str, Any], as_of: int) -> None:
    """Keep a plan whose tables are cut: from now on it is gone on with."""
    write_whole(folder / PLAN, json.dumps({"asked": asked, "as_of": as_of, "name": secrets.token_hex(8)}))


def as_asked(**asked: Any) -> dict[str, Any]:
    """What tells one plan from another, as JSON keeps it."""
    told: dict[str, Any] = json.loads(
        json.dumps({"format": FORMAT, "lead-readiness": version("lead-readiness"), **asked})
    )
    return told


def differing(kept: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What is asked otherwise than the plan kept says."""
    before = kept.get("asked", {})
    return sorted(name for name in {*before, *asked} if before.get(name) != asked.get(name))


def clear(folder: Path) -> None:
    """Take everything but the lock away."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def away(folder: Path) -> None:
    """Take the folder away: at once, so that half of it is never taken for work to go on with."""
    folder.rename(folder.with_name(f".{folder.name}.{secrets.token_hex(4)}"))
    for past in folder.parent.glob(f".{escape(folder.name)}.*"):  # also of those that were killed just here
        shutil.rmtree(past, ignore_errors=True)


def publish(folder: Path, moves: Mapping[Path, Path]) -> None:
    """Put finished files in their places: from the moment this is noted down it is done to the end, killed or not."""
    for finished in moves:
        _to_disk(finished)
    write_whole(folder / MOVES, json.dumps({str(a): str(b) for a, b in moves.items()}))
    finish(folder)


def finish(folder: Path) -> bool:
    """Go through with what `publish` noted down; whether there was anything."""
    if not (folder / MOVES).exists():
        return False
    for finished, place in json.loads((folder / MOVES).read_text(encoding="utf-8")).items():
        if Path(finished).exists():
            Path(finished).replace(place)
    return True


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
