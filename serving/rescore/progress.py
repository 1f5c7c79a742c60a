"""How far a rescoring is: leads done, how many a second, and how long it will take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Tell = Callable[[int], None]
STEPS = 10


class Rate(ProgressColumn):
    """Buckets' leads a second."""

    def render(self, task: Task) -> Text:
        """The rate as text."""
        leads, seconds = task.fields["leads"], task.elapsed or 0
        return Text(f"{leads / seconds:,.0f} leads/s" if leads and seconds else "")


@contextmanager
def bar(what: str, buckets: int, done: int = 0) -> Iterator[Tell]:
    """A function to call with the leads of each bucket that is done: a bar on a terminal, else a line now and then."""
    screen = Console(stderr=True)
    if not screen.is_terminal:
        yield _lines(screen, what, buckets, done)
        return
    shape = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("buckets"),
        Rate(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*shape, console=screen) as progress:
        task = progress.add_task(what, total=buckets, completed=done, leads=0)

        def tell(leads: int) -> None:
            progress.update(task, advance=1, leads=progress.tasks[0].fields["leads"] + leads)

        yield tell


def _lines(screen: Console, what: str, buckets: int, done: int) -> Tell:
    """A line for each tenth."""
    leads = 0

    def tell(more: int) -> None:
        nonlocal done, leads
        done, leads = done + 1, leads + more
        if done * STEPS // buckets > (done - 1) * STEPS // buckets:
            text = f"{what}: {done:,} of {buckets:,} buckets, {leads:,} leads"
            screen.print(text, markup=False, highlight=False, soft_wrap=True)

    return tell
