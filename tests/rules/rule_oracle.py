"""The slow, plain reading of docs/rule-book.md that the kernel must agree with.

It shares nothing with the kernel: it reads the book itself, keeps every award in a list and looks back
over all of them each time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rule_company import PROJECT, Event, Lead, micros

from lead_readiness.rules import RuleBook
from lead_readiness.rules.conditions import After, Condition
from lead_readiness.rules.rule import Decay, Rule

DAY = 86_400_000_000
BUYER_KINDS = {name for name, kind in PROJECT.vocabulary.items() if kind.actor == "buyer"}


@dataclass
class Award:
    rule: int
    second: int
    points: float


@dataclass
class Verdict:
    rules: list[float]
    fired: list[int]
    excluded: bool = False
    triggered: bool = False


def second_of(event: Event) -> int:
    return micros(event.day) // 1_000_000 * 1_000_000


def judge(book: RuleBook, lead: Lead, day: float) -> Verdict:
    now = micros(day)
    visible = [e for e in lead.events if micros(e.day) < now and micros(e.day + e.late) <= now]
    n = len(book.rules)
    if any(_excludes(condition, lead, visible) for condition in book.exclude):
        return Verdict([0.0] * n, [0] * n, excluded=True)
    since = _last_reset(book, lead, visible, now)
    left = [e for e in visible if second_of(e) > since]
    awards, fired = _awards(book, lead, left, now)
    total = [0.0] * n
    for award in awards:
        total[award.rule] += award.points * _fade(book, book.rules[award.rule], now - award.second)
    standing = _standings(book, lead, left, now, max(since, micros(0)))
    for r, worth in standing.items():
        fired[r] = 1
        total[r] += worth
    _cut_standings(book, awards, standing, total, now)
    triggered = any(
        _is(trigger, e) and _is_lead(trigger, lead) and _recent(trigger.within_days, now - second_of(e))
        for trigger in book.triggers
        for e in left
    )
    return Verdict(total, fired, triggered=triggered)


def _recent(within_days: float | None, age: int) -> bool:
    return within_days is None or age <= within_days * DAY


def _excludes(condition: Condition, lead: Lead, visible: list[Event]) -> bool:
    seen = not condition.kind or any(_is(condition, e) for e in visible)
    return seen and _is_lead(condition, lead)


def _last_reset(book: RuleBook, lead: Lead, visible: list[Event], now: int) -> int:
    resets = [second_of(e) for e in visible if _names(book.reset.kinds, e.kind)]
    if book.reset.on_recycle:
        resets += [second_of(Event(day, "")) for day in lead.returns if micros(day) < now]
    return max(resets, default=-(10**18))


def _names(kinds: tuple[str, ...], kind: str) -> bool:
    return kind in kinds or ("any" in kinds and kind in BUYER_KINDS)


def _is(condition: Condition | After, event: Event) -> bool:
    """Whether the event is what the condition asks for."""
    if not _names(condition.kind, event.kind):
        return False
    if condition.asset and not any(fnmatchcase(event.asset or "", glob) for glob in condition.asset):
        return False
    if condition.asset and event.asset is None:
        return False
    return condition.value is None or _within(condition.value.min, condition.value.max, event.value)


def _is_lead(condition: Condition, lead: Lead) -> bool:
    for name, wanted in condition.attribute.items():
        have = lead.attributes.get(name)
        if wanted.values and have not in wanted.values:
            return False
        if not wanted.values and not _within(wanted.min, wanted.max, have):
            return False
    return True


def _within(low: float | None, high: float | None, have: float | None) -> bool:
    return have is not None and (low is None or have >= low) and (high is None or have <= high)


def _matches(rule: Rule, lead: Lead, left: list[Event]) -> list[Event]:
    """The events that the rule looks at, in time order."""
    if rule.about_lead or not _is_lead(rule.when, lead):
        return []
    found = sorted((e for e in left if _is(rule.when, e)), key=second_of)
    after = rule.when.after
    if after is None:
        return found
    firsts = [second_of(e) for e in left if _is(after, e)]
    return [e for e in found if any(0 < second_of(e) - f <= after.within_days * DAY for f in firsts)]


def _awards(book: RuleBook, lead: Lead, left: list[Event], now: int) -> tuple[list[Award], list[int]]:
    made: dict[int, list[Award]] = defaultdict(list)
    for r, rule in enumerate(book.rules):
        if rule.about_lead and _is_lead(rule.when, lead):
            made[-(10**18)].append(Award(r, -(10**18), rule.points or 0.0))
        if not rule.about_lead and rule.points is not None:
            for second in _limited(rule, [second_of(e) for e in _matches(rule, lead, left)]):
                made[second].append(Award(r, second, rule.points))
    fired = [sum(a.rule == r for awards in made.values() for a in awards) for r in range(len(book.rules))]
    kept: list[Award] = []
    for second in sorted(made):
        kept += _capped(book, kept, made[second], second)
    return kept, fired


def _limited(rule: Rule, seconds: list[int]) -> list[int]:
    most = 1 if rule.once else rule.limit.count if rule.limit else None
    window = rule.limit.days * DAY if rule.limit and rule.limit.days else None
    awarded: list[int] = []
    for second in seconds:
        recent = [a for a in awarded if window is None or second - a < window]
        if most is None or len(recent) < most:
            awarded.append(second)
    return awarded


def _capped(book: RuleBook, kept: list[Award], fresh: list[Award], second: int) -> list[Award]:
    for name, group in book.groups.items():
        mine = [a for a in fresh if book.rules[a.rule].group == name]
        held = sum(
            a.points * _fade(book, book.rules[a.rule], second - a.second)
            for a in kept
            if book.rules[a.rule].group == name
        )
        _share(
            [a for a in mine if a.points > 0], group.cap - held - sum(a.points for a in mine if a.points < 0)
        )
    return fresh


def _share(gains: list[Award], room: float) -> None:
    wanted = sum(a.points for a in gains)
    if wanted > max(room, 0.0):
        for award in gains:
            award.points *= max(room, 0.0) / wanted


def _fade(book: RuleBook, rule: Rule, age: int) -> float:
    decay = Decay.never() if rule.about_lead else rule.decay or book.decay
    if decay.half_life_days is not None:
        return float(0.5 ** (age / DAY / decay.half_life_days))
    if decay.window_days is not None:
        return 1.0 if age < decay.window_days * DAY else 0.0
    return min([1.0, *(s.factor for s in decay.steps if age >= s.after_days * DAY)])


def _standings(book: RuleBook, lead: Lead, left: list[Event], now: int, since: int) -> dict[int, float]:
    """What each rule on tiers or silence stands at."""
    standing: dict[int, float] = {}
    for r, rule in enumerate(book.rules):
        seconds = [second_of(e) for e in _matches(rule, lead, left)]
        if rule.tiers is not None:
            count = sum(now - s < rule.tiers.days * DAY for s in seconds)
            reached = [at for at in rule.tiers.at if count >= at]
            if reached:
                standing[r] = rule.tiers.at[max(reached)]
        if rule.silence is not None and _is_lead(rule.when, lead):
            silent = now - max(seconds, default=since // 1_000_000 * 1_000_000)
            reached = [at for at in rule.silence.at if silent >= at * DAY]
            if reached:
                standing[r] = rule.silence.at[max(reached)]
    return standing


def _cut_standings(
    book: RuleBook, awards: list[Award], standing: dict[int, float], total: list[float], now: int
) -> None:
    """Standings in a group share what room its awards, as faded as they are now, leave them."""
    for name, group in book.groups.items():
        held = sum(
            a.points * _fade(book, book.rules[a.rule], now - a.second)
            for a in awards
            if book.rules[a.rule].group == name
        )
        mine = {r: worth for r, worth in standing.items() if book.rules[r].group == name}
        wanted = sum(worth for worth in mine.values() if worth > 0)
        room = max(0.0, group.cap - held - sum(worth for worth in mine.values() if worth < 0))
        if wanted > room:
            for r, worth in mine.items():
                total[r] += worth * (room / wanted - 1) if worth > 0 else 0.0
