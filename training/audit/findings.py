"""What the audit found, which rules read it, and the data set without it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from lead_readiness.errors import DataError
from lead_readiness.project import Attribute, Kind, ProjectFile
from lead_readiness.rules import RuleBook
from lead_readiness.rules.conditions import After, Condition
from training.dataset import Dataset

Scored = TypeVar("Scored", Attribute, Kind)


@dataclass(frozen=True)
class Flag:
    """One attribute or event kind that tells the outcome: which check says so, and the figures that made it.

    ``kept`` where the project file's ``judgement.keep`` names the column: it feeds the score all the same.
    """

    column: str
    what: Literal["attribute", "event kind"]
    check: str
    words: str
    kept: bool


@dataclass(frozen=True)
class Audit:
    """The flags in the project file's order, and in words each part of the rule book that reads a flagged column.

    To leave a column out of the learned voices does not take it from sales' own rules, which are a voice too.

    >>> flag = Flag("amount", "attribute", "filled for one outcome", "filled for 90 leads, ...", kept=False)
    >>> Audit((flag,)).clean, Audit((flag,), ("rule 'Large deal' reads amount",)).clean
    (True, False)
    """

    flags: tuple[Flag, ...] = ()
    rules: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing that was flagged still feeds the score: nothing kept, nothing that a rule reads."""
        return not self.rules and not any(flag.kept for flag in self.flags)


def without_flagged(data: Dataset, found: Audit) -> Dataset:
    """The data set whose flagged columns, save those kept, feed no feature; rules and slices read what they did.

    Raises DataError when no buyer's event kind is left.
    """
    out = {flag.column for flag in found.flags if not flag.kept}
    changed = unread(data.project, out)
    if not any(kind.actor == "buyer" and kind.scored for kind in changed.vocabulary.values()):
        raise DataError(
            "the leak audit flags every event kind of the buyer's, so that nothing is left to learn from: "
            f"{', '.join(kind for kind in changed.vocabulary if kind in out)}; check when these events are recorded, "
            "or name those to use all the same under judgement.keep in the project file"
        )
    return replace(data, project=changed) if out else data


def unread(project: ProjectFile, columns: Container[str]) -> ProjectFile:
    """The project in which nothing is learned from these attributes and event kinds."""

    def told(named: Mapping[str, Scored]) -> dict[str, Scored]:
        return {
            name: spec.model_copy(update={"scored": spec.scored and name not in columns})
            for name, spec in named.items()
        }

    changed = {"attributes": told(project.attributes), "vocabulary": told(project.vocabulary)}
    return project.model_copy(update=changed)


def readers(book: RuleBook, columns: Container[str]) -> Iterator[str]:
    """In words, each part of the rule book that reads one of the columns."""
    parts: list[tuple[str, Condition | After]] = [(f"rule {rule.name!r}", rule.when) for rule in book.rules]
    parts += [(f"rule {rule.name!r}", rule.when.after) for rule in book.rules if rule.when.after]
    parts += [("an exclusion", condition) for condition in book.exclude]
    parts += [("a trigger", condition) for condition in book.triggers]
    for name, part in parts:
        for column in (*book.kinds(part.kind), *getattr(part, "attribute", ())):
            if column in columns:
                yield f"{name} reads {column}"
    yield from (f"the reset reads {kind}" for kind in book.reset.kinds if kind in columns)
