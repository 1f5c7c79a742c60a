"""The store as the endpoint uses it: opened when it can be, and the hand-off's last evaluation at hand in memory."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from lead_readiness.errors import LeadReadinessError
from lead_readiness.handoff import States
from lead_readiness.moments import written
from serving.http.problems import ProblemError
from serving.store import Store


class Kept:
    """The store at a URL, None for none. A database that cannot be reached now may be there later.

    ``tell`` is told when the store cannot be used, as a word and facts.
    """

    def __init__(self, url: str | None, tell: Callable[..., None] | None = None) -> None:
        self._url, self._tell = url, tell
        self._lock = Lock()
        self._store: Store | None = None
        self.last: tuple[int | None, States] = None, States.empty()
        self.trouble: str | None = None

    @property
    def evaluated(self) -> int | None:
        """When the hand-off was last evaluated, as far as is known here; `last` has what that evaluation left, too."""
        return self.last[0]

    @property
    def is_ready(self) -> bool:
        """Whether there is nothing to keep, or the store could be used when it was last looked at."""
        return self._url is None or (self._store is not None and self.trouble is None)

    @property
    def store(self) -> Store:
        """The store; raises ProblemError when there is none, StoreError when it cannot be opened now."""
        if self._url is None:
            raise ProblemError(
                "no-store", "this server was started without a store; send leads with their history to /score"
            )
        with self._lock:
            if self._store is None:
                self._store = Store.open(self._url)
            return self._store

    def refresh(self) -> None:
        """Read the last evaluation again, if there is another; never raises."""
        if self._url is None:
            return
        try:
            last = self.store.evaluated()
            if last != self.evaluated:
                self.last = last, self.store.states()
            self.trouble = None
        except LeadReadinessError as error:
            if self._tell is not None and self.trouble != str(error):
                self._tell("store unavailable", why=str(error))
            self.trouble = str(error)

    def state(self) -> dict[str, Any]:
        """What is known of the store, as JSON."""
        url = None if self._store is None else self._store.shown
        evaluated = None if self.evaluated is None else written(self.evaluated)
        return {"url": url, "is_ready": self.is_ready, "trouble": self.trouble, "evaluated": evaluated}

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None
