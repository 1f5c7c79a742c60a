"""The model that serves: loaded whole, warmed, then swapped in at once; one that cannot be used is refused."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from lead_readiness.errors import LeadReadinessError, ModelError
from lead_readiness.moments import written
from lead_readiness.project import Project
from lead_readiness.scorer import Scorer
from serving.origins import Origin, UnreachableError

MOST_REFUSED = 5


@dataclass(frozen=True)
class Champion:
    """A scorer that serves.

    ``project`` is the scorer's without a ``cut``: what happened after the training is known here. ``source`` says
    where it came from, ``since`` when it began to serve; ``earlier`` is the one before it.
    """

    scorer: Scorer
    project: Project
    source: str
    since: int
    earlier: Scorer | None = None

    @property
    def rule_book(self) -> str:
        """Name and version of the rule book."""
        return f"{self.scorer.book.name} {self.scorer.book.version}"

    def version(self, name: str) -> Scorer | None:
        """The scorer of this version, if it serves or did before."""
        known = (self.scorer, self.earlier)
        return next((scorer for scorer in known if scorer is not None and scorer.version == name), None)


class Keeper:
    """Keeps the champion, and looks for another when asked to.

    ``warm`` is called with each model before it serves, and raises where it cannot answer; ``clock`` gives
    microseconds UTC; ``tell`` is told what happened, as a word and facts.
    """

    def __init__(
        self,
        origin: Origin | None,
        warm: Callable[[Champion], None],
        clock: Callable[[], int],
        tell: Callable[..., None],
    ) -> None:
        self._origin, self._warm, self._clock, self._tell = origin, warm, clock, tell
        self._lock = Lock()
        self._seen: str | None = None
        self._unreachable: str | None = None
        self._looked: int | None = None
        self._refused: deque[Mapping[str, Any]] = deque(maxlen=MOST_REFUSED)
        self.champion: Champion | None = None

    def look(self) -> None:
        """Take the newest model if it is another than the one that serves; never raises.

        One that was refused is not tried again. What could not be reached is, the next time.
        """
        if self._origin is None:
            return
        with self._lock:
            self._looked = self._clock()
            try:
                self._take(self._origin)
                self._unreachable = None
            except UnreachableError as error:
                if self._unreachable != str(error):
                    self._tell("model unreachable", source=self._origin.shown, why=str(error))
                self._unreachable = str(error)

    def _take(self, origin: Origin) -> None:
        newest = origin.newest()
        if newest == self._seen:
            return
        try:
            champion = self._ready(origin.load(newest), origin.named(newest))
        except UnreachableError:
            raise
        except Exception as error:
            why = str(error) if isinstance(error, LeadReadinessError) else f"it fails: {type(error).__name__}"
            self._refused.append({"source": origin.named(newest), "why": why, "at": written(self._clock())})
            self._tell("model refused", source=origin.named(newest), why=why)
            self._seen = newest
            return
        before, self.champion, self._seen = self.champion, champion, newest
        self._tell(
            "model serves", source=champion.source, model=champion.scorer.version, before=_version(before)
        )

    def _ready(self, scorer: Scorer, source: str) -> Champion:
        before = self.champion
        if before is not None:
            check_fit(before.scorer, scorer)
        champion = Champion(
            scorer=scorer,
            project=scorer.project.model_copy(update={"cut": None}),
            source=source,
            since=self._clock(),
            earlier=before.scorer if before else None,
        )
        self._warm(champion)
        gc.collect()
        gc.freeze()  # full collections need not walk the model again and again
        return champion

    def state(self) -> dict[str, Any]:
        """What serves, what was refused and why, as JSON."""
        champion = self.champion
        return {
            "serving": None if champion is None else _described(champion),
            "from": None if self._origin is None else self._origin.shown,
            "looked_at": None if self._looked is None else written(self._looked),
            "unreachable": self._unreachable,
            "refused": list(self._refused),
        }


def check_fit(running: Scorer, new: Scorer) -> None:
    """Raise ModelError when requests written for the running model would be read otherwise by the new one."""
    was, will = running.project, new.project
    if was.name != will.name:
        raise ModelError(
            f"it is of the project {will.name!r}; expected {was.name!r}, whose leads are served here; "
            "promote a version of this project, or start a server for the other one"
        )
    kinds = [kind for kind in was.vocabulary if kind not in will.vocabulary]
    changed = [
        name
        for name, a in was.attributes.items()
        if (b := will.attributes.get(name)) is None or a.type != b.type
    ]
    if kinds or changed:
        missing = ", ".join([*kinds[:5], *changed[:5]])
        raise ModelError(
            f"it lacks, or reads otherwise, what requests to the running model name: {missing}; expected the same "
            "event kinds and attributes, or more; train with them, or start the server again to have it as it is"
        )


def _version(champion: Champion | None) -> str | None:
    return None if champion is None else champion.scorer.version


def _described(champion: Champion) -> dict[str, Any]:
    card = champion.scorer.card
    return {
        "model": champion.scorer.version,
        "source": champion.source,
        "since": written(champion.since),
        "project": champion.project.name,
        "rule_book": champion.rule_book,
        "voices": list(champion.scorer.blend.voices) if champion.scorer.blend else ["rules"],
        "horizon_days": card.horizon_days,
        "cut": written(card.cut),
        "leads": card.leads,
        "wins": card.wins,
        "notes": list(card.notes),
        "kinds": list(champion.project.vocabulary),
        "attributes": {name: a.type for name, a in champion.project.attributes.items()},
    }
