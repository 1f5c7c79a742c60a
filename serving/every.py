"""Work that is done again and again beside the requests, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread


class Every:
    """Calls ``action`` at once and then every ``seconds``, until told to stop; ``action`` must not raise."""

    def __init__(self, seconds: float, action: Callable[[], None], name: str) -> None:
        self._seconds, self._action = seconds, action
        self._over = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Do not begin again."""
        self._over.set()

    def _run(self) -> None:
        while True:
            self._action()
            if self._over.wait(self._seconds):
                return
