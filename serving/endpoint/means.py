"""What a request is answered with: one model, one look at the store, one moment."""

from __future__ import annotations

from dataclasses import dataclass

from serving.http.visit import Visit
from serving.kept import Kept
from serving.models import Champion
from serving.settings import Settings


@dataclass(frozen=True)
class Means:
    """The model that answers the whole request, whichever is promoted meanwhile; ``now`` in microseconds UTC."""

    champion: Champion
    kept: Kept
    settings: Settings
    now: int
    visit: Visit
