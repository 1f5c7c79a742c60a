"""The rule book `rules.yaml`: sales' own points, agreed by sales and marketing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    Field,
    FiniteFloat,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lead_readiness.errors import ConfigError, nearest
from lead_readiness.project import Project, Strict, describe
from lead_readiness.rules import terms
from lead_readiness.rules.conditions import ANY, Condition, Kinds, Trigger, check_kinds
from lead_readiness.rules.reading import read
from lead_readiness.rules.rule import Decay, Rule

LETTERS = "ABCD"
"""Fit grades, best first; the last one given has the next one below it."""


class Agreed(Strict):
    """Who signed the book off, and when."""

    sales: str | None = Field(None, description="Who agreed for sales.")
    marketing: str | None = Field(None, description="Who agreed for marketing.")
    on: date | None = Field(None, description="The day of the agreement.")


class Group(Strict):
    """Rules that share one upper bound."""

    cap: Annotated[FiniteFloat, Field(gt=0)] = Field(
        description="Most points the group's rules hold together."
    )


class Reset(Strict):
    """What makes a lead start again from nothing."""

    kinds: Kinds = Field(
        (), description="Event kinds that wipe out what came before, such as an unsubscribe."
    )
    on_recycle: bool = Field(False, description="Whether a lead that sales returns starts again.")

    @field_validator("kinds", mode="after")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return check_kinds(value, info)


class Grades(Strict):
    """A letter for who the lead is and a digit for what it does."""

    fit: dict[str, FiniteFloat] = Field(
        description="Least fit points for A, B and C; below the last one given the next letter."
    )
    engagement: dict[int, FiniteFloat] = Field(
        description="Least engagement points for 1, 2 and 3; below the last one given the next digit."
    )

    @field_validator("fit", "engagement", mode="after")
    @classmethod
    def _falling(cls, value: dict[Any, float]) -> dict[Any, float]:
        names, least = list(value), list(value.values())
        if names not in [list(order[:n]) for order in ("ABC", (1, 2, 3)) for n in (1, 2, 3)]:
            raise ValueError("give grades in order from the best: A, B, C for fit; 1, 2, 3 for engagement")
        if any(high <= low for high, low in pairwise(least)):
            raise ValueError("each grade must ask for fewer points than the one before it")
        return value


class RuleBook(Strict):
    """Sales' own scoring model; its semantics are in docs/rule-book.md."""

    name: str = Field(description="What the book is called.")
    version: int = Field(1, ge=1, description="Grows with each change that both teams agree on.")
    agreed: Agreed | None = Field(None, description="Who signed the book off, and when.")
    threshold: FiniteFloat = Field(description="Points from which sales takes a lead.")
    floor: FiniteFloat | None = Field(None, description="Least total; the lift to it is a term of its own.")
    ceiling: FiniteFloat | None = Field(
        None, description="Greatest total; the cut to it is a term of its own."
    )
    decay: Decay = Field(Decay.never(), description="How awards fade unless a rule says otherwise.")
    groups: dict[str, Group] = Field({}, description="Groups of rules with a cap, by name.")
    rules: tuple[Rule, ...] = Field(description="The rules.")
    exclude: tuple[Condition, ...] = Field((), description="Leads that are not scored: no points, no grade.")
    reset: Reset = Field(Reset.model_construct(), description="What makes a lead start again from nothing.")
    triggers: tuple[Trigger, ...] = Field((), description="Events that hand a lead off whatever its points.")
    grades: Grades | None = Field(None, description="Fit and engagement grades, such as A1.")
    _terms: tuple[terms.Term, ...] = PrivateAttr(())
    _buyer_kinds: tuple[str, ...] = PrivateAttr(())

    def model_post_init(self, context: Any) -> None:
        """Look up, once, what the project's vocabulary says of the rules."""
        project: Project = context["project"]
        self._terms = tuple(terms.of_rule(rule, project) for rule in self.rules) + terms.of_bounds(
            self.floor, self.ceiling
        )
        self._buyer_kinds = tuple(k for k, kind in project.vocabulary.items() if kind.actor == "buyer")

    @property
    def terms(self) -> tuple[terms.Term, ...]:
        """One term per rule, in the book's order, then the floor and the ceiling where the book has them."""
        return self._terms

    @property
    def fingerprint(self) -> str:
        """The sha256, in hex, of the content: the same for every way of writing the same book."""
        content = json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def kinds(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """The kinds that a condition names, with the word `any` spelled out."""
        return self._buyer_kinds if ANY in named and ANY not in self._buyer_kinds else named

    @field_validator("rules", mode="after")
    @classmethod
    def _some_rule(cls, value: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if not value:
            raise ValueError("a rule book needs at least one rule")
        return value

    @model_validator(mode="after")
    def _names_agree(self) -> RuleBook:
        seen: dict[str, int] = {}
        for i, rule in enumerate(self.rules, start=1):
            if rule.name in seen:
                raise ValueError(f"rules {seen[rule.name]} and {i} are both called {rule.name!r}; rename one")
            seen[rule.name] = i
            if rule.group is not None and rule.group not in self.groups:
                hint = nearest(rule.group, self.groups)
                raise ValueError(
                    f"rule {i} ({rule.name!r}): `group` {rule.group!r} is not under `groups`{hint}"
                )
        return self

    @model_validator(mode="after")
    def _threshold_within_reach(self) -> RuleBook:
        low = -float("inf") if self.floor is None else self.floor
        high = float("inf") if self.ceiling is None else self.ceiling
        if not low < self.threshold <= high:
            raise ValueError(
                f"`threshold` {self.threshold:g} must be above `floor` ({low:g}) and at most `ceiling` ({high:g}), "
                "or every lead or none would reach it"
            )
        return self


def load(path: str | Path, project: Project) -> RuleBook:
    """The rule book that a YAML file holds, checked against the project's vocabulary and attributes.

    Raises ConfigError naming the file, the rule (number and name), the key, what was found and the nearest
    known one.
    """
    path = Path(path)
    return parse(read(path), project, source=str(path))


def parse(data: Mapping[str, Any], project: Project, source: str = "rules.yaml") -> RuleBook:
    """The rule book given as a mapping, checked as `load` checks it; ``source`` is what messages call it.

    >>> from lead_readiness import project
    >>> acme = project.parse({
    ...     "name": "Acme", "rules": "rules.yaml",
    ...     "tables": {"leads": "leads.csv", "events": "events.csv", "outcomes": "outcomes.csv"},
    ...     "vocabulary": {"pricing_view": {"behaviour": "pricing"}},
    ... })
    >>> rule = {"name": "Pricing page", "points": 15, "when": {"kind": "pricing_view"}}
    >>> parse({"name": "Acme", "threshold": 60, "rules": [rule]}, acme).terms
    (Term(name='Pricing page', behaviour='pricing', phrase='pricing view'),)
    >>> parse({"name": "Acme", "threshold": 60, "rules": [{**rule, "pionts": 5}]}, acme, "R")
    Traceback (most recent call last):
    lead_readiness.errors.ConfigError: R: rule 1 ('Pricing page'): unknown key `pionts`; did you mean 'points'?
    """
    try:
        return RuleBook.model_validate(dict(data), context={"project": project})
    except ValidationError as error:
        raise ConfigError(_describe(error, data, source)) from None


def _describe(error: ValidationError, data: Mapping[str, Any], source: str) -> str:
    """The project's messages, with a rule's place told by its number and name instead of a path."""

    def with_name(match: re.Match[str]) -> str:
        lead_in, index, key, rest = match.groups()
        rule = data["rules"][int(index)]
        name = rule.get("name") if isinstance(rule, dict) else None
        what = f"{lead_in}`{key}`{rest}" if key else f"{lead_in}{rest.removeprefix(': ')}"
        return f"{source}: rule {int(index) + 1} ({name!r}): {what}"

    pattern = re.compile(rf"^{re.escape(source)}: (.*?)`rules\.(\d+)\.?([^`]*)`(.*)$")
    return "\n".join(pattern.sub(with_name, line) for line in describe(error, RuleBook, source).splitlines())
