"""`POST /explain`: one lead's score taken apart, what changed, and what would bring it over the line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lead_readiness import line as lines
from lead_readiness.answer import breakdown, changed
from lead_readiness.change import Change, between
from lead_readiness.errors import ModelError
from lead_readiness.line import ASSOCIATION, Way
from lead_readiness.moments import written
from lead_readiness.scorer import Scorer
from lead_readiness.timelines import Timelines
from lead_readiness.wire import BadValuesError
from serving.endpoint import asking, telling
from serving.endpoint.means import Means

KEYS = ("lead", "as_of", "since", "top")
UNTIL_DAYS = 180


def explain(means: Means, body: object) -> dict[str, Any]:
    """The lead's answer with its whole breakdown, what changed since ``since``, and the line.

    Raises LeadReadinessError for what cannot be answered.
    """
    envelope = asking.Envelope(means.champion.project, body, KEYS)
    as_of, since, top = envelope.moment("as_of"), envelope.moment("since"), envelope.reasons()
    at = means.now if as_of is None else as_of
    if since is not None and since > at:
        envelope.mistakes.add(
            ("since",), envelope.held["since"], f"a moment up to {written(at)}", "exchange them"
        )
    envelope.check()
    try:
        found = asking.read(means, [envelope.held.get("lead")], at=("lead",))
    except BadValuesError as error:
        raise asking.moved(error, "/lead/0", "/lead") from None
    means.visit.mark("read")
    told = telling.score(means, found.timelines, found.lead, at, top)
    out: dict[str, Any] = {
        **telling.heading(means, at),
        "lead": told.leads[0],
        "breakdown": breakdown(told.assessed, 0),
        "changed": None,
    }
    means.visit.mark("breakdown")
    if since is not None:
        out["changed"] = changed(change(means, found.timelines, found.lead, since, at), 0)
        means.visit.mark("change")
    line = (told.leads[0]["decision"] or {}).get("line")
    out |= _line(means.champion.scorer, found.timelines, int(found.lead[0]), at, line)
    means.visit.mark("line")
    return {**out, "unknown_kinds": found.unknown_kinds, "notes": [*found.notes, *told.notes]}


def change(
    means: Means,
    timelines: Timelines,
    lead: npt.NDArray[np.int32],
    since: npt.ArrayLike,
    at: int,
    version: str = "",
) -> Change:
    """What led to the score at ``at`` from that at ``since``, given by the model ``version`` where it is still known.

    Without a version the model that served at ``since`` is taken: this one, or the one before it.
    """
    champion = means.champion
    served_before = champion.earlier is not None and int(np.max(since)) < champion.since
    before = champion.version(version) if version else champion.earlier if served_before else champion.scorer
    try:
        return between(before or champion.scorer, champion.scorer, timelines, lead, since, at)
    except ModelError:  # two versions that cannot be compared
        return between(champion.scorer, champion.scorer, timelines, lead, since, at)


def _line(scorer: Scorer, timelines: Timelines, lead: int, at: int, line: float | None) -> dict[str, Any]:
    """What would bring the lead over its line, and when it falls below; each with a sentence where there is none."""
    if line is None or not math.isfinite(line):
        why = (
            "there is no line yet: the policy names none, and the hand-off was not evaluated for this moment"
        )
        return {"over_the_line": None, "falls_below": None, "line_note": why}
    ways = lines.over(scorer, timelines, lead, at, line)
    falls = lines.falls(scorer, timelines, lead, at, line, UNTIL_DAYS) if ways.is_over else None
    if not ways.is_over:
        note = "below the line now" + (
            "" if ways.ways else "; no three further events that were tried reach it"
        )
    elif falls is None:
        note = f"above the line for {UNTIL_DAYS} days or more if nothing further happens"
    else:
        note = f"above the line until {written(falls)} if nothing further happens"
    return {
        "over_the_line": {
            "line": ways.line,
            "score": ways.score,
            "is_over": ways.is_over,
            "ways": [_way(way) for way in ways.ways],
            "meaning": ASSOCIATION,
        },
        "falls_below": None if falls is None else written(falls),
        "line_note": note,
    }


def _way(way: Way) -> dict[str, Any]:
    events = [{"kind": kind, "at": written(at)} for kind, at in zip(way.kinds, way.at)]
    return {"phrase": way.phrase, "events": events, "score": way.score, "seen": written(way.seen)}
