"""The decision: lines move, leads stand in line, places are given, and the next evaluation is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lead_readiness.handoff.bars import bars
from lead_readiness.handoff.chance import uniform
from lead_readiness.handoff.decisions import Decisions
from lead_readiness.handoff.kernel import (
    BELOW_LINE,
    CLOSED,
    DRAWN,
    FIRST_TIME,
    LEFT,
    NO_ROOM,
    WITH_SALES,
    Bools,
    Floats,
)
from lead_readiness.handoff.places import Given, give, moved
from lead_readiness.handoff.seen import Seen
from lead_readiness.handoff.standing import Standing, against, look, stand
from lead_readiness.handoff.states import Line, Past, States
from lead_readiness.project import Handoff
from lead_readiness.snapshots import GRID_ORIGIN
from lead_readiness.timelines import DAY, NEVER

WEEK = 7 * DAY
DRAWN_FROM = (FIRST_TIME, LEFT, BELOW_LINE)
NOT_DRAWN = np.array([np.nan])


def decide(policy: Handoff, states: States, seen: Seen, as_of: int, seed: int = 0) -> Decisions:
    """One decision a lead at ``as_of`` (microseconds UTC), and the states that the next evaluation starts from.

    ``seen`` must hold every open lead: places are given, and lines moved, by comparing them. It may also hold leads
    that are with sales or closed. The same arguments give the same decisions to the bit, in any order of rows;
    the same ``as_of`` again, with the states from before or after, gives them too. No leads give no decisions.

    Weeks begin on Mondays, 00:00 UTC: that is when places are free again, and the first evaluation of a week moves
    the lines that follow the capacity. ``seed`` orders leads of equal score, and draws.

    Raises DataError when the states are of a later moment than ``as_of``.

    >>> policy, weeks = Handoff(capacity_per_week=1), (GRID_ORIGIN + WEEK, GRID_ORIGIN + 2 * WEEK)
    >>> known = Seen.of(["a", "b"], [112.0, 104.0], last_buyer_event=[DAY, DAY])
    >>> first = decide(policy, States.empty(), known, weeks[0])
    >>> second = decide(policy, first.states, known, weeks[1])
    >>> [second.sentence(row) for row in range(2)]  # doctest: +NORMALIZE_WHITESPACE
    ['above the line on two evaluations (112 >= 102): place 1 of 1',
     'no room: 1 of 1 places taken, 2nd in line (104 >= 102)']
    """
    lines, on = seen.lines()
    known, place = states.with_lines(lines)
    on = place[on]
    facts = look(states, seen, as_of, on, bars(policy, known.pairs))
    new_week = facts.last == NEVER or _week(as_of) > _week(facts.last)
    before = known.line_before_evaluation(as_of)
    line = moved(against(facts, before.line), before.line) if new_week else before.line
    used = np.zeros_like(before.taken) if new_week else before.taken
    standing = against(facts, line)
    propensity = _propensity(policy, standing, new_week)
    drawn = _drawn(propensity, seen, as_of, seed)
    given = give(standing, drawn, used, as_of, seed)
    handed = given.place > 0
    standing.clause[drawn] = DRAWN
    standing.clause[(given.rank > 0) & ~handed] = NO_ROOM
    taken = used + np.bincount(on[handed], minlength=len(used))
    after = replace(
        known,
        line=Line(np.full(len(line), as_of), line, taken),
        line_before=before._replace(as_of=np.full(len(line), facts.last)),
    ).with_leads(seen.lead_id, facts.place, _past(standing, handed), facts.past)
    return Decisions(policy, as_of, standing, given, propensity, after)


def alone(policy: Handoff, states: States, seen: Seen, as_of: int) -> Decisions:
    """Where leads asked about by themselves stand at ``as_of`` (microseconds UTC): decisions before any place is given.

    As `stand` tells it: "hand off" says that the lead stands in line. The states stay as they are.

    >>> known = Seen.of(["a"], [104.0], triggered=[True], last_buyer_event=[1])
    >>> made = alone(Handoff(), States.empty(), known, DAY)
    >>> made.decision[0], made.sentence(0)
    ('hand off', 'hard trigger of the rule book')
    """
    standing, n = stand(policy, states, seen, as_of), len(seen)
    return Decisions(policy, as_of, standing, Given.nowhere(n), NOT_DRAWN.repeat(n), states)


def _week(as_of: int) -> int:
    return (as_of - GRID_ORIGIN) // WEEK


def _past(standing: Standing, handed: Bools) -> Past:
    """What the next evaluation is told of these leads."""
    facts, clause = standing.facts, standing.clause
    kept = np.where((clause == WITH_SALES) | (clause == CLOSED), facts.past.handed_off, NEVER)
    now = np.full(len(handed), facts.as_of)
    return Past(now, facts.seen.score, standing.ready & ~handed, np.where(handed, now, kept))


def _propensity(policy: Handoff, standing: Standing, new_week: bool) -> Floats:
    """Each lead's chance to be drawn: once a week, for those above the floor that are not ready; else NaN."""
    could = np.isin(standing.clause, DRAWN_FROM) & (new_week and policy.explore > 0)
    chance = min(1.0, policy.explore * policy.capacity_per_week / max(int(could.sum()), 1))
    return np.where(could, chance, np.nan)


def _drawn(propensity: Floats, seen: Seen, as_of: int, seed: int) -> Bools:
    drawn, could = np.zeros(len(seen), bool), np.flatnonzero(~np.isnan(propensity))
    drawn[could] = uniform(seen.lead_id[could], np.full(len(could), as_of), seed) < propensity[could]
    return drawn
