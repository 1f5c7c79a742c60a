"""What commands show: steps on stderr while they work, tables on stdout when they are done."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from lead_readiness.errors import LeadReadinessError

WIDTH_OF_A_FILE = 120


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """A function to call with what begins now: a spinner with its time on a terminal, else one line a step."""
    screen = Console(stderr=True)
    with _interrupts() as heed:
        if not screen.is_terminal:

            def tell(text: str) -> None:
                heed()
                screen.print(f"{text} ...", markup=False, highlight=False, soft_wrap=True)

            yield tell
            return
        shape = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*shape, console=screen) as progress:

            def begin(text: str) -> None:
                heed()
                for task in progress.task_ids:
                    progress.update(task, completed=1, total=1)
                progress.add_task(escape(text), total=None)

            yield begin
            for task in progress.task_ids:
                progress.update(task, completed=1, total=1)


@contextmanager
def _interrupts() -> Iterator[Callable[[], None]]:
    """A function that raises KeyboardInterrupt when one came and was lost.

    Python drops an interrupt that arrives inside a callback, such as an import lock's: remembered, it stops the
    work at the next step.
    """
    asked = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    def heed() -> None:
        if asked:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield heed
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield heed
    finally:
        signal.signal(signal.SIGINT, before)


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table on stdout; numbers are right-aligned, instants shown to the minute in UTC."""
    rows = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", title_style="bold")
    for place, name in enumerate(header):
        counts = bool(rows) and all(isinstance(row[place], int) for row in rows)
        table.add_column(name, justify="right" if counts else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row))
    out().print(table)


def say(text: str = "") -> None:
    """Print a line on stdout, as it is."""
    out().print(text, markup=False, highlight=False, soft_wrap=True)


def out() -> Console:
    """The terminal, or a file or pipe wide enough for the tables."""
    screen = Console()
    return screen if screen.is_terminal else Console(width=max(WIDTH_OF_A_FILE, screen.width))


def _cell(value: Any) -> str:
    if value is None or value is pd.NaT:
        return "-"
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M")
    return f"{value:,}" if isinstance(value, int) else str(value)


def write_whole(path: Path, text: str) -> None:
    """Write a file at once: a reader finds the old text or the new one, never a part.

    Raises LeadReadinessError when the directory cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            Path(draft).chmod(0o644)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LeadReadinessError(f"{path}: cannot be written: {error.strerror or error}") from None
