"""What reading needs of a project, made once for each."""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo

from lead_readiness.project import Project
from lead_readiness.remembered import remembered


class Meaning(NamedTuple):
    """Its kinds and their codes, whether each attribute is a number, and the zone of times that name none."""

    kinds: tuple[str, ...]
    codes: dict[str, int]
    attributes: dict[str, bool]
    zone: ZoneInfo | None


@remembered
def meaning(project: Project) -> Meaning:
    """The meaning of a project."""
    return Meaning(
        project.kinds,
        {kind: code for code, kind in enumerate(project.kinds)},
        {name: attribute.type == "number" for name, attribute in project.attributes.items()},
        ZoneInfo(project.timezone) if project.timezone else None,
    )
