"""What reading needs of a project, made once for each."""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo

from lead_readiness.project import Project

MOST = 16


class Meaning(NamedTuple):
    """The codes of its kinds, their places in the vocabulary; and of each attribute whether it is a number."""

    project: Project
    kinds: dict[str, int]
    attributes: dict[str, bool]
    zone: ZoneInfo | None


_MADE: dict[int, Meaning] = {}


def meaning(project: Project) -> Meaning:
    """The meaning of a project; that of one asked about before is still there."""
    found = _MADE.get(id(project))
    if found is None:
        if len(_MADE) >= MOST:
            _MADE.clear()
        found = _MADE[id(project)] = _made(project)
    return found


def _made(project: Project) -> Meaning:
    """The project is kept with it, so that no other gets its identity."""
    return Meaning(
        project,
        {kind: code for code, kind in enumerate(project.kinds)},
        {name: attribute.type == "number" for name, attribute in project.attributes.items()},
        ZoneInfo(project.timezone) if project.timezone else None,
    )
