"""A rule book turned into the flat tables that the kernel walks."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from lead_readiness.remembered import remembered
from lead_readiness.rules.book import LETTERS, RuleBook
from lead_readiness.rules.conditions import After, Condition, Trigger, Wanted
from lead_readiness.rules.rule import Decay, Rule
from lead_readiness.rules.terms import Term
from lead_readiness.timelines import DAY
from lead_readiness.timelines.held import Held, Read

FOREVER = 1 << 61
"""A span longer than any history that is still safe to compare with the difference of two times."""
AWARDS, TIERS, SILENCE, LEAD = range(4)
DIGITS = 4
MOST_ASSETS = 1 << 14
GRADES = np.array([f"{a}{n}" for a in LETTERS for n in range(1, DIGITS + 1)] + [""], dtype=object)
NO_GRADE = len(GRADES) - 1

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Table = npt.NDArray[Any]
Row = dict[str, float]
Levels = list[tuple[int, float]]
Item = TypeVar("Item")


def _dtype(floats: str, ints: str, flags: str = "") -> np.dtype[np.void]:
    columns = [(name, np.float64) for name in floats.split()] + [(name, np.int64) for name in ints.split()]
    return np.dtype(columns + [(name, np.bool_) for name in flags.split()], align=True)


PATTERN = _dtype("low high", "glob ask asks triggers seen hits", "valued eventless excludes able")
"""What one condition asks of an event. ``glob`` is a column of ``asset_ok`` (-1: any will do), ``ask:asks`` are
what it asks of the lead, ``triggers`` is a trigger's greatest age (-1: not a trigger). Running: ``able``, whether
the lead keeps the attribute part; ``hits`` in the current second; ``seen``, the last second with a hit."""

ASK = _dtype("low high", "held")
"""What a row of ``held`` must be: from ``low`` to ``high``."""

RULE = _dtype(
    "points half_life award total",
    "style first within most span ring group pool tier tiers step steps made fired",
    "fit",
)
"""A rule, whose condition is the pattern of the same number. ``first`` is the pattern of its earlier event (-1:
none), at most ``within`` before; at most ``most`` awards (0: any number) in a ``span``; ``tier:tiers`` and
``step:steps`` are levels. Running: the ``award`` of the current second, the
``total`` as faded, how many awards were ``made`` and ``fired``."""

LEVEL = _dtype("worth", "at cursor")
"""A tier (points from a count or an age on) or a step (the share left from an age on)."""

GROUP = _dtype("cap plus minus", "pool pools")
"""A cap and the ``pool:pools`` under it. Running: what the current second adds and takes away."""

POOL = _dtype("half_life balance", "group step steps at")
"""What a group holds of awards that fade alike. Running: its ``balance``, as it stood ``at`` some second."""


class Program(NamedTuple):
    """A rule book over one vocabulary; spans of time are microseconds.

    ``bounds`` (bounds, 2) has the least and the greatest total of the floor and of the ceiling, ``least`` (2, 3)
    the points that the grades of fit and of engagement ask for, best first. The patterns that may match an event
    of kind ``k`` are ``of_kind[start[k]:start[k + 1]]``.
    """

    patterns: Table
    asks: Table
    rules: Table
    levels: Table
    groups: Table
    pools: Table
    bounds: Floats
    least: Floats
    start: Ints
    of_kind: Ints
    reset_kind: Flags
    on_recycle: bool
    stepped: bool
    ring_size: int


class Named(dict[str, bytes]):
    """Which of some globs name an asset, one flag a byte; worked out once for an asset that comes again."""

    def __init__(self, globs: list[re.Pattern[str]]) -> None:
        self.globs = globs

    def __missing__(self, asset: str) -> bytes:
        """The flags of an asset not asked for yet; beyond `MOST_ASSETS` all are forgotten."""
        if len(self) >= MOST_ASSETS:
            self.clear()
        found = self[asset] = bytes(glob.match(asset) is not None for glob in self.globs)
        return found


class Compiled(NamedTuple):
    """A program, and what it refers to by place: globs, what attributes hold, terms and grades.

    ``named`` says of an asset, one flag a byte, which of so many ``globs`` name it; ``held`` reads 1 where an attribute
    is one of some values and else 0, or its number.
    """

    program: Program
    globs: int
    named: Named
    held: Held
    terms: tuple[Term, ...]
    grades: npt.NDArray[np.object_]


@remembered
def compiled(book: RuleBook, kinds: tuple[str, ...]) -> Compiled:
    """The book as tables over the given event kinds."""
    firsts = [rule.when.after for rule in book.rules if rule.when.after is not None]
    asked: list[Condition | After] = [*(r.when for r in book.rules), *firsts, *book.exclude, *book.triggers]
    globs = _distinct(c.asset for c in asked if c.asset)
    held = Held([_read(*want) for c in asked for want in _wants(c)])
    asks: list[Row] = []
    named = [frozenset(book.kinds(c.kind)) for c in asked]
    of_kind = [[p for p, names in enumerate(named) if kind in names] for kind in kinds]
    levels: Levels = []
    pooled = _pooled(book)
    rules = [_rule(rule, book, pooled, levels) for rule in book.rules]
    for rule, first in zip((r for r in rules if r["first"] >= 0), range(len(rules), len(asked))):
        rule["first"] = first
    pools = [{"group": group, **_fading(decay, levels)} for group, decay in pooled]
    program = Program(
        patterns=_table(PATTERN, [_pattern(c, globs, held, asks) for c in asked]),
        asks=_table(ASK, asks),
        rules=_table(RULE, rules),
        levels=_table(LEVEL, [{"at": at, "worth": worth} for at, worth in levels]),
        groups=_table(GROUP, [_group(g, cap.cap, pooled) for g, cap in enumerate(book.groups.values())]),
        pools=_table(POOL, pools),
        bounds=_bounds(book),
        least=_least(book),
        start=np.cumsum([0, *(len(patterns) for patterns in of_kind)]),
        of_kind=np.array([p for patterns in of_kind for p in patterns], np.int64),
        reset_kind=np.array([kind in book.kinds(book.reset.kinds) for kind in kinds], bool),
        on_recycle=book.reset.on_recycle,
        stepped=any(pool["step"] < pool["steps"] for pool in pools),
        ring_size=int(sum(rule["most"] for rule in rules)),
    )
    program.rules["ring"] = np.cumsum(program.rules["most"]) - program.rules["most"]
    patterns = [re.compile("|".join(map(fnmatch.translate, glob))) for glob in globs]
    return Compiled(
        program,
        globs=len(globs),
        named=Named(patterns),
        held=held,
        terms=book.terms,
        grades=GRADES if book.grades else np.full_like(GRADES, ""),
    )


def _read(name: str, wanted: Wanted) -> Read:
    return Read(name, dict.fromkeys(wanted.values, 1.0) or None)


def _ask(name: str, wanted: Wanted, held: Held) -> Row:
    place = held.reads.index(_read(name, wanted))
    if wanted.values:
        return {"held": place, "low": 1.0, "high": 1.0}
    low, high = wanted.min, wanted.max
    return {"held": place, "low": -np.inf if low is None else low, "high": np.inf if high is None else high}


def _pattern(condition: Condition | After, globs: list[tuple[str, ...]], held: Held, asks: list[Row]) -> Row:
    value, ask = condition.value, len(asks)
    asks += [_ask(*want, held) for want in _wants(condition)]
    return {
        "glob": globs.index(condition.asset) if condition.asset else -1,
        "ask": ask,
        "asks": len(asks),
        "triggers": _micros(condition.within_days) if isinstance(condition, Trigger) else -1,
        # The timelines hold float32: rounding the bounds alike keeps a value of 0.1 at least 0.1.
        "low": -np.inf if value is None or value.min is None else float(np.float32(value.min)),
        "high": np.inf if value is None or value.max is None else float(np.float32(value.max)),
        "valued": value is not None,
        "eventless": not condition.kind,
        "excludes": type(condition) is Condition,
    }


def _rule(rule: Rule, book: RuleBook, pooled: list[tuple[int, Decay]], levels: Levels) -> Row:
    """One rule's row; ``first`` is 0 where there is an earlier event, until its pattern's place is known."""
    after, window = rule.when.after, rule.tiers or rule.limit
    group = -1 if rule.group is None else list(book.groups).index(rule.group)
    pool = (group, _decay(rule, book))
    tiers = rule.tiers.at if rule.tiers else rule.silence.at if rule.silence else {}
    tier = len(levels)
    levels += [(at * (DAY if rule.silence else 1), points) for at, points in sorted(tiers.items())]
    return {
        "style": LEAD if rule.about_lead else TIERS if rule.tiers else SILENCE if rule.silence else AWARDS,
        "points": rule.points or 0.0,
        "first": 0 if after else -1,
        "within": _micros(after.within_days if after else None),
        "most": 1 if rule.once else rule.limit.count if rule.limit else 0,
        "span": _micros(window.days if window else None),
        "group": group,
        "pool": pooled.index(pool) if pool in pooled and rule.points is not None else -1,
        "tier": tier,
        "tiers": len(levels),
        "fit": rule.is_fit,
        **_fading(_decay(rule, book), levels),
    }


def _pooled(book: RuleBook) -> list[tuple[int, Decay]]:
    """The groups' pools, by group: which decays there are among the awards under its cap."""
    return [
        (g, decay)
        for g, name in enumerate(book.groups)
        for decay in _distinct(
            _decay(r, book) for r in book.rules if r.group == name and r.points is not None
        )
    ]


def _group(group: int, cap: float, pooled: list[tuple[int, Decay]]) -> Row:
    mine = [place for place, (owner, _) in enumerate(pooled) if owner == group]
    return {"cap": cap, "pool": mine[0] if mine else 0, "pools": mine[-1] + 1 if mine else 0}


def _decay(rule: Rule, book: RuleBook) -> Decay:
    """How the rule's points fade; those of attributes stand as long as the lead does."""
    return Decay.never() if rule.about_lead else rule.decay or book.decay


def _fading(decay: Decay, levels: Levels) -> Row:
    """A half-life (0: none) and steps; a window is one step to nothing."""
    step = len(levels)
    if decay.window_days is not None:
        levels.append((_micros(decay.window_days), 0.0))
    levels += [(_micros(s.after_days), s.factor) for s in decay.steps]
    return {"half_life": (decay.half_life_days or 0.0) * DAY, "step": step, "steps": len(levels)}


def _bounds(book: RuleBook) -> Floats:
    floor = [] if book.floor is None else [(book.floor, np.inf)]
    ceiling = [] if book.ceiling is None else [(-np.inf, book.ceiling)]
    return np.array(floor + ceiling, float).reshape(-1, 2)


def _least(book: RuleBook) -> Floats:
    """What each grade asks for; a grade that the book does not give asks for nothing."""
    least = np.full((2, 3), -np.inf)
    if book.grades is not None:
        for row, given in enumerate(([*book.grades.fit.values()], [*book.grades.engagement.values()])):
            least[row, : len(given)] = given
    return least


def _wants(condition: Condition | After) -> Iterable[tuple[str, Wanted]]:
    return condition.attribute.items() if isinstance(condition, Condition) else ()


def _micros(days: float | None) -> int:
    return FOREVER if days is None else min(max(round(days * DAY), 1), FOREVER)


def _distinct(items: Iterable[Item]) -> list[Item]:
    found: list[Item] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def _table(dtype: np.dtype[np.void], rows: list[Row]) -> Table:
    table = np.zeros(len(rows), dtype)
    for i, row in enumerate(rows):
        for name, value in row.items():
            table[name][i] = value
    return table
