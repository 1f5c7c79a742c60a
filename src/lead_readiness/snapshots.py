"""Which (lead, as_of) pairs may be learned from or judged, and what became of them: METHOD's one gate of time.

Everything a model may know about a snapshot is decided here: who is at risk, on which instants a lead is
looked at, what its label is, and which labels were already known on a given day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

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
    CENSORED and IN_GAP. ``weight`` is how many rows of the grid a row stands for: 1, or after `draw` the
    episode's rows over those drawn. It is not 1 / (the lead's rows): winners leave the grid early and would count
    more for it, and a model so taught foretells two to three times the wins that come.
    """

    lead: npt.NDArray[np.int32]
    as_of: Ints
    episode: npt.NDArray[np.int16]
    label: npt.NDArray[np.int8]
    weight: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.lead)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | Ints) -> Snapshots:
        return Snapshots(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[Snapshots]) -> Snapshots:
        """The rows of all parts, one part after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

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

    >>> instants = grid(1_767_225_600_000_000, 1_768_435_200_000_000, cadence_days=7)
    >>> [str(day) for day in instants.astype("datetime64[us]").astype("datetime64[D]")]
    ['2026-01-05', '2026-01-12']
    """
    step = cadence_days * DAY
    begin = GRID_ORIGIN + -(-(first - GRID_ORIGIN) // step) * step
    return np.arange(begin, last + 1, step, dtype=np.int64)


def episodes(timelines: Timelines, project: Project) -> Episodes:
    """Every lead's at-risk stretches: from creation, or from a return, to hand-off, opportunity, decision or opt-out.

    At the very instant of its hand-off a lead is still at risk: that is the moment it was decided on. An opened
    opportunity ends a stretch whether it is then won or lost; if only those of winners did, the leads left
    would be losers.
    """
    first, past = timelines.handoff_start[:-1], timelines.handoff_start[1:]
    lead = np.repeat(np.arange(len(timelines), dtype=np.int32), past - first + 1)
    number = np.arange(len(lead)) - (first + np.arange(len(timelines)))[lead]
    begin = np.insert(timelines.returned, first, timelines.created)
    end = np.insert(timelines.handed_off + 1, past, NEVER)
    stop = np.minimum(np.minimum(timelines.opportunity, timelines.decided), opted_out(timelines, project))
    end = np.minimum(end, stop[lead])
    keep = begin < end
    return Episodes(lead[keep], number[keep].astype(np.int16), begin[keep], end[keep])


def opted_out(timelines: Timelines, project: Project) -> Ints:
    """Per lead the first moment at which an opt-out is visible, ``NEVER`` where there is none."""
    codes = [c for c, kind in enumerate(project.vocabulary.values()) if kind.hold == "opt_out"]
    events = np.flatnonzero(np.isin(timelines.kind, codes))
    out = np.full(len(timelines), NEVER)
    owner = np.searchsorted(timelines.start, events, side="right") - 1
    np.minimum.at(out, owner, visible_from(timelines)[events])
    return out


def visible_from(timelines: Timelines) -> Ints:
    """Per event the first ``as_of`` that sees it: after it occurred, and not before it was recorded."""
    return np.maximum(timelines.time + 1, timelines.recorded)


def on_grid(timelines: Timelines, project: Project, instants: Ints, horizon: Ints) -> Snapshots:
    """Every at-risk (lead, instant) pair with its label, sorted by lead and time.

    ``horizon`` is per lead (see `horizons`); labels are those known at the timelines' cut.

    >>> from lead_readiness import tables, timelines
    >>> project = Project.model_validate({"name": "Acme", "vocabulary": {"visit": {"behaviour": "web"}}})
    >>> leads = pd.DataFrame({"lead_id": ["a"], "created_at": ["2026-01-01T00:00Z"]})
    >>> visits = pd.DataFrame({"lead_id": ["a"], "occurred_at": ["2026-01-25T00:00Z"], "kind": ["visit"]})
    >>> known = timelines.build(tables.validate(project, leads, visits), project)
    >>> rows = on_grid(known, project, grid(int(known.created[0]), known.cut, 7), horizon=np.array([10 * DAY]))
    >>> rows.label.tolist()  # of 5, 12 and 19 January: of the last, the horizon is not over
    [0, 0, -1]
    """
    spans = episodes(timelines, project)
    lo = np.searchsorted(instants, spans.begin, side="right")
    hi = np.searchsorted(instants, spans.end, side="left")
    counts = np.maximum(hi - lo, 0)
    row = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    lead, as_of = spans.lead[row], instants[lo[row] + within]
    labels = _labels(timelines, project.label, lead, as_of, horizon)
    return Snapshots(lead, as_of, spans.number[row], labels, np.ones(len(lead)))


def after_events(timelines: Timelines, project: Project, horizon: Ints) -> Snapshots:
    """One snapshot as soon as each event of a lead at risk is visible: the second grid, for benchmarks and replay.

    Events that become visible at the same instant give one snapshot. Sorted by lead and time, labels as for
    `on_grid`.
    """
    moments = pd.DataFrame({"lead": timelines.owner, "as_of": visible_from(timelines)}).drop_duplicates()
    spans = episodes(timelines, project)
    begins = pd.DataFrame({"lead": spans.lead, "as_of": spans.begin, "span": np.arange(len(spans.lead))})
    found = pd.merge_asof(
        moments.sort_values("as_of"),
        begins.sort_values("as_of"),
        on="as_of",
        by="lead",
        allow_exact_matches=False,
    )
    found = found.dropna().sort_values(["lead", "as_of"])
    lead, as_of, span = found["lead"].to_numpy(), found["as_of"].to_numpy(), found["span"].to_numpy(np.int64)
    labels = _labels(timelines, project.label, lead, as_of, horizon)
    rows = Snapshots(lead, as_of, spans.number[span], labels, np.ones(len(lead)))
    return rows[as_of < spans.end[span]]


def draw(snapshots: Snapshots, timelines: Timelines, per_episode: int, seed: int) -> Snapshots:
    """At most ``per_episode`` rows of each episode, at random, weighing as much as all the episode's rows did.

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
    size = np.diff(np.append(begin, len(by)))
    rank = np.arange(len(by)) - np.repeat(begin, size)
    stands_for = np.empty(len(by))
    stands_for[by] = np.repeat(np.maximum(size / per_episode, 1.0), size)
    weighed = replace(snapshots, weight=snapshots.weight * stands_for)
    return weighed[np.sort(by[rank < per_episode])]


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


def settling(timelines: Timelines, leads: npt.NDArray[np.bool_] | None = None) -> int:
    """How long after the winning moment a win gets known: the 90th percentile, in microseconds.

    Of the wins of the chosen ``leads`` (n,), or of all; 0 where there is none.
    """
    won = (timelines.outcome == WON) & (True if leads is None else leads)
    return int(np.quantile(timelines.decided[won] - timelines.opened[won], 0.9)) if won.any() else 0


def matured(snapshots: Snapshots, horizon: Ints, cut: int, settle: int = 0) -> npt.NDArray[np.bool_]:
    """Rows whose whole horizon, and the time wins take to get known, had passed at ``cut``.

    For eventual outcomes, those that were decided by then.
    """
    h = horizon[snapshots.lead]
    finite = h != NEVER
    end = snapshots.as_of + np.where(finite, h + settle, 0)
    return (snapshots.label >= NEGATIVE) & np.where(finite, end <= cut, snapshots.as_of < cut)


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
