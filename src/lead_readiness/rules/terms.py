"""What each column of a replay is about: a name, a behaviour and a phrase."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lead_readiness.project import Project
from lead_readiness.rules.conditions import After, Condition, Range, Wanted
from lead_readiness.rules.rule import Rule

RHYTHM = "rhythm"
"""The behaviour of rules on `any` kind: not what was done, but that something was."""
RULES = "rules"
"""The behaviour of the book's own floor and ceiling."""


@dataclass(frozen=True)
class Term:
    """One additive part of the points: a rule, or the book's floor or ceiling."""

    name: str
    behaviour: str
    phrase: str


def of_rule(rule: Rule, project: Project) -> Term:
    """The term of one rule: the behaviour of its first kind, or of its first attribute."""
    return Term(rule.name, _behaviour(rule.when, project), _phrase(rule, project))


def of_bounds(floor: float | None, ceiling: float | None) -> tuple[Term, ...]:
    """The terms of the bounds that a book has: the lift to its floor, the cut to its ceiling."""
    bounds = {"floor": floor, "ceiling": ceiling}
    return tuple(Term(f"({k})", RULES, f"{k} of {v:g} points") for k, v in bounds.items() if v is not None)


def _behaviour(when: Condition, project: Project) -> str:
    if not when.kind:
        return project.attributes[next(iter(when.attribute))].behaviour
    first = when.kind[0]
    return project.vocabulary[first].behaviour if first in project.vocabulary else RHYTHM


def _phrase(rule: Rule, project: Project) -> str:
    when = rule.when
    who = [f"{project.attributes[name].phrase} {_wanted(wanted)}" for name, wanted in when.attribute.items()]
    if rule.about_lead:
        return _join(who, " and ")
    what = _events(when, project)
    if when.after is not None:
        what += f" within {_days(when.after.within_days)} of {_events(when.after, project)}"
    if rule.tiers is not None:
        what = f"frequency of {what} in {_days(rule.tiers.days)}"
    if rule.silence is not None:
        what = f"time since the last {what}"
    return _join([what, *who], ", ")


def _events(condition: Condition | After, project: Project) -> str:
    known = project.vocabulary
    phrase = _join((known[k].phrase if k in known else "buyer event" for k in condition.kind), " or ")
    if condition.asset:
        phrase += f" on {_join(condition.asset, ' or ')}"
    return phrase if condition.value is None else f"{phrase} of {_bounds(condition.value)}"


def _wanted(wanted: Wanted) -> str:
    return _join(wanted.values, " or ") if wanted.values else _bounds(wanted)


def _bounds(bounds: Range) -> str:
    if bounds.min is None:
        return f"at most {bounds.max:g}"
    return f"at least {bounds.min:g}" if bounds.max is None else f"{bounds.min:g} to {bounds.max:g}"


def _days(days: float) -> str:
    return f"{days:g} day{'' if days == 1 else 's'}"


def _join(words: Iterable[str], by: str) -> str:
    return by.join(words)
