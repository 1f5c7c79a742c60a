"""Which (lead, as_of) pairs may be learned from or judged, and what became of them: METHOD's one gate of time.

Everything a model may know about a snapshot is decided here: who is at risk, on which instants a lead is
looked at, what its label is, and which labels were already known on a given day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness.project import Label, Project
from lead_readiness.timelines import DAY, NEVER, NONE, WON, Ints, Timelines

NEGATIVE, POSITIVE, CENSORED, IN_GAP = 0, 1, -1, -2
ROUND_DAYS = (7, 14, 21, 30, 45, 60, 90, 120, 150, 180, 270, 365)
GRID_ORIGIN = 4 * DAY  # Monday 5 January 1970, 00:00 UTC


@dataclass(frozen=True)
class Snapshots:
    """Rows of (lead, as_of) with episode, label and weight.

    ``lead`` is a place in the timelines, ``as_of`` microseconds UTC, ``label`` one of POSITIVE, NEGATIVE,
    CENSORED and IN_GAP; ``weight`` is 1 / (the lead's rows here), so that every lead counts once.
    """

    lead: npt.NDArray[np.int32]
    as_of: Ints
    episode: npt.NDArray[np.int16]
    label: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.lead)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | Ints) -> Snapshots:
        return Snapshots(self.lead[rows], self.as_of[rows], self.episode[rows], self.label[rows])

    @property
    def weight(self) -> npt.NDArray[np.float64]:
        """1 over the number of the lead's rows, so that a lead counts once however often it was looked at."""
        return 1.0 / np.bincount(self.lead)[self.lead] if len(self) else np.zeros(0)

    @property
    def wins(self) -> int:
        """How many leads have a positive row: the evidence that the ladder counts."""
        return len(np.unique(self.lead[self.label == POSITIVE]))


@dataclass(frozen=True)
class Episodes:
    """Stretches in which a lead was at risk: at ``t`` with ``begin < t < end``; one more for every return."""

    lead: npt.NDArray[np.int32]
    number: npt.NDArray[np.int16]
    begin: Ints
    end: Ints


def grid(first: int, last: int, cadence_days: int) -> Ints:
    """The fixed calendar instants in ``[first, last]``: midnights UTC, Mondays for a weekly cadence.

    >>> [str(t) for t in grid(1_767_225_600_000_000, 1_768_435_200_000_000, 7).astype("datetime64[us]").astype("datetime64[D]")]
    ['2026-01-05', '2026-01-12']
    """
    step = cadence_days * DAY
    begin = GRID_ORIGIN + -(-(first - GRID_ORIGIN) // step) * step
    return np.arange(begin, last + 1, step, dtype=np.int64)


def episodes(timelines: Timelines, project: Project) -> Episodes:
    """Every lead's at-risk stretches: from creation, or from a return, to hand-off, decision or opt-out.

    At the very instant of its hand-off a lead is still at risk: that is the moment it was decided on.
    """
    n = len(timelines)
    stop = np.minimum(np.minimum(timelines.opened, timelines.decided), opted_out(timelines, project))
    counts = np.diff(timelines.handoff_start)
    owner = np.repeat(np.arange(n), counts)
    number = np.arange(len(owner)) - timelines.handoff_start[owner] + 1
    lead = np.concatenate([np.arange(n), owner])
    begin = np.concatenate([timelines.created, timelines.returned])
    has = counts > 0
    first_end = np.full(n, NEVER)
    first_end[has] = timelines.handed_off[timelines.handoff_start[:-1][has]] + 1
    next_end = np.full(len(owner), NEVER)
    followed = np.flatnonzero(owner[1:] == owner[:-1]) if len(owner) else np.zeros(0, int)
    next_end[followed] = timelines.handed_off[followed + 1] + 1
    end = np.minimum(np.concatenate([first_end, next_end]), stop[lead])
    number = np.concatenate([np.zeros(n, np.int64), number])
    keep = begin < end
    by = np.lexsort((number[keep], lead[keep]))
    return Episodes(
        lead[keep][by].astype(np.int32), number[keep][by].astype(np.int16), begin[keep][by], end[keep][by]
    )


def opted_out(timelines: Timelines, project: Project) -> Ints:
    """Per lead the moment its first opt-out became known, ``NEVER`` where there is none."""
    codes = [c for c, kind in enumerate(project.vocabulary.values()) if kind.hold == "opt_out"]
    events = np.flatnonzero(np.isin(timelines.kind, codes))
    out = np.full(len(timelines), NEVER)
    owner = np.searchsorted(timelines.start, events, side="right") - 1
    np.minimum.at(out, owner, np.maximum(timelines.time[events], timelines.recorded[events]))
    return out


def on_grid(timelines: Timelines, project: Project, instants: Ints, horizon: Ints) -> Snapshots:
    """Every at-risk (lead, instant) pair with its label, sorted by lead and time.

    ``horizon`` is per lead (see `horizons`); labels are those known at the timelines' cut.
    """
    spans = episodes(timelines, project)
    lo = np.searchsorted(instants, spans.begin, side="right")
    hi = np.searchsorted(instants, spans.end, side="left")
    counts = np.maximum(hi - lo, 0)
    row = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    lead, as_of = spans.lead[row], instants[lo[row] + within]
    return Snapshots(lead, as_of, spans.number[row], _labels(timelines, project.label, lead, as_of, horizon))


def after_events(timelines: Timelines, project: Project, horizon: Ints) -> Snapshots:
    """One snapshot just after each event of a lead at risk: the second grid, for benchmarks and online replay."""
    spans = episodes(timelines, project)
    owner = np.repeat(np.arange(len(timelines)), np.diff(timelines.start)).astype(np.int32)
    as_of = np.maximum(timelines.time + 1, timelines.recorded)
    place = np.searchsorted(spans.lead, owner, side="left")
    lead_at, as_of_at, number_at = [], [], []
    for step in range(int(np.bincount(spans.lead).max()) if len(spans.lead) else 0):
        at = np.minimum(place + step, len(spans.lead) - 1)
        inside = (spans.lead[at] == owner) & (place + step < len(spans.lead))
        inside &= (spans.begin[at] < as_of) & (as_of < spans.end[at])
        lead_at.append(owner[inside])
        as_of_at.append(as_of[inside])
        number_at.append(spans.number[at[inside]])
    if not lead_at:
        return on_grid(timelines, project, np.zeros(0, np.int64), horizon)
    lead, times, number = np.concatenate(lead_at), np.concatenate(as_of_at), np.concatenate(number_at)
    by = np.lexsort((times, lead))
    lead, times, number = lead[by], times[by], number[by]
    return Snapshots(lead, times, number, _labels(timelines, project.label, lead, times, horizon))


def draw(snapshots: Snapshots, timelines: Timelines, per_episode: int, seed: int) -> Snapshots:
    """At most ``per_episode`` rows of each episode, at random.

    Which rows are drawn depends on the seed, the lead's id and the instant alone, so that neither row order
    nor other leads change a lead's draw.
    """
    name = pd.util.hash_array(timelines.lead_ids, hash_key=f"{seed:016d}")
    mixed = name[snapshots.lead] ^ (snapshots.as_of.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    key = pd.util.hash_array(mixed)
    by = np.lexsort((key, snapshots.episode, snapshots.lead))
    lead, episode = snapshots.lead[by], snapshots.episode[by]
    first = np.ones(len(by), bool)
    first[1:] = (lead[1:] != lead[:-1]) | (episode[1:] != episode[:-1])
    begin = np.flatnonzero(first)
    rank = np.arange(len(by)) - np.repeat(begin, np.diff(np.append(begin, len(by))))
    return snapshots[np.sort(by[rank < per_episode])]


def horizons(timelines: Timelines, project: Project) -> tuple[Ints, dict[str, int | None]]:
    """Per lead its horizon in microseconds, and the days per sales cycle (``None``: eventual outcome).

    ``"auto"`` takes, per cycle, the round number nearest the 80th percentile of the days from creation to the
    winning moment among the wins known at the timelines' cut.
    """
    asked, cycle = project.label.horizon_days, project.label.cycle
    of = timelines.attributes[cycle] if cycle else np.full(len(timelines), "all", dtype=object)
    names = sorted({str(c) for c in of}) if cycle else ["all"]
    days: dict[str, int | None] = {}
    for name in names:
        if asked == "eventual":
            days[name] = None
        elif asked == "auto":
            days[name] = _auto_days(timelines, np.array([str(c) == name for c in of]))
        elif isinstance(asked, int):
            days[name] = asked
        elif isinstance(asked, dict):
            days[name] = asked.get(name, max(asked.values()))
    span = {name: NEVER if d is None else d * DAY for name, d in days.items()}
    return np.array([span[str(c)] for c in of], dtype=np.int64).reshape(-1), days


def settling(timelines: Timelines) -> int:
    """How long after the winning moment a win gets known: the 90th percentile, in microseconds."""
    won = timelines.outcome == WON
    return int(np.quantile(timelines.decided[won] - timelines.opened[won], 0.9)) if won.any() else 0


def matured(snapshots: Snapshots, horizon: Ints, cut: int, settle: int = 0) -> npt.NDArray[np.bool_]:
    """Rows whose whole horizon, and the time wins take to get known, had passed at ``cut``.

    For eventual outcomes, those that were decided by then.
    """
    h = horizon[snapshots.lead]
    finite = h != NEVER
    end = snapshots.as_of + np.where(finite, h + settle, 0)
    known = (snapshots.label == POSITIVE) | (snapshots.label == NEGATIVE)
    return known & np.where(finite, end <= cut, snapshots.as_of < cut)


def _auto_days(timelines: Timelines, members: npt.NDArray[np.bool_]) -> int:
    won = (timelines.outcome == WON) & members
    won = won if won.any() else timelines.outcome == WON
    if not won.any():
        return 90
    days = float(np.quantile((timelines.opened[won] - timelines.created[won]) / DAY, 0.8))
    return min(ROUND_DAYS, key=lambda r: abs(r - days))


def _labels(
    timelines: Timelines, label: Label, lead: npt.NDArray[np.int32], as_of: Ints, horizon: Ints
) -> npt.NDArray[np.int8]:
    """METHOD 1: won in ``(as_of + gap, as_of + H]``.

    A lead decided inside the gap, either way, is neither winner nor loser of this question and is marked
    IN_GAP: to call it a loser would teach that the hottest leads lose.
    """
    won, decided = timelines.opened[lead], timelines.decided[lead]
    h = horizon[lead]
    gap_end = as_of + int(label.gap_days * DAY)
    end = np.where(h == NEVER, NEVER, as_of + np.minimum(h, NEVER - as_of))
    out = np.where(end > timelines.cut, CENSORED, NEGATIVE).astype(np.int8)
    out[timelines.outcome[lead] != NONE] = NEGATIVE
    out[(won > gap_end) & (won <= end) & (won != NEVER)] = POSITIVE
    out[np.minimum(won, decided) <= gap_end] = IN_GAP
    return out
