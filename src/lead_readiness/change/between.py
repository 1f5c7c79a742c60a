"""Two scores of each lead, and their difference taken apart: exactly, per behaviour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lead_readiness.change.sentences import PARTS, Moments, told
from lead_readiness.errors import DataError, ModelError
from lead_readiness.evidence import Floats
from lead_readiness.moments import written
from lead_readiness.reasons import Reason
from lead_readiness.scorer import Assessment, Scorer
from lead_readiness.timelines import Ints, Timelines, frozen


@dataclass(frozen=True)
class Change:
    """What led from the scores ``before`` to the scores ``after``, n rows, in points of the score.

    ``ageing``, ``news`` and ``model`` (n, behaviours) are what each part moved in each of ``behaviours``; with
    ``base``, by which the new model moved every lead alike, they add up to ``difference``.
    """

    before: Assessment
    after: Assessment
    behaviours: tuple[str, ...]
    ageing: Floats
    news: Floats
    model: Floats
    base: float

    def __len__(self) -> int:
        return len(self.before)

    @property
    def difference(self) -> Floats:
        """By how many points each row's score moved."""
        return self.after.score - self.before.score

    def points(self, row: int) -> dict[str, float]:
        """What each part moved in one row's score, all behaviours together; they add up to its difference."""
        sums = {part: float(getattr(self, part)[row].sum()) for part in PARTS}
        return {**sums, "model": sums["model"] + self.base}

    def reasons(self, row: int, least: float | None = None) -> dict[str, list[Reason]]:
        """Per part of one row what moved the score, strongest first, with its evidence; what is smaller comes last.

        The model is told as a whole. ``least`` is what a behaviour must add or take to be told by itself, by default
        what a score's own reasons ask for. A part that moved nothing has no sentence.
        """
        by_behaviour = {
            part: dict(zip(self.behaviours, getattr(self, part)[row].tolist())) for part in ("news", "ageing")
        }
        moments = Moments(
            self.after.timelines,
            int(self.after.lead[row]),
            int(self.before.as_of[row]),
            int(self.after.as_of[row]),
        )
        model = self.points(row)["model"]
        teller = self.after.scorer.teller
        return told(
            teller, moments, by_behaviour, model, self.after.scorer.least_points if least is None else least
        )


def between(
    earlier: Scorer,
    later: Scorer,
    timelines: Timelines,
    lead: npt.NDArray[np.int32],
    from_as_of: npt.ArrayLike,
    to_as_of: npt.ArrayLike,
) -> Change:
    """What changed from the score of ``earlier`` at ``from_as_of`` to the score of ``later`` at ``to_as_of``.

    ``lead`` (n,) are places in the timelines, the moments microseconds UTC, one a row or one for all. The steps are
    taken in this order, and what two of them do together goes to the second:

    1. *ageing*: the earlier model, what was visible at ``from_as_of`` and nothing else, the later clock. First, so that
       a lead about whom nothing became known has aged and nothing more.
    2. *news*: the earlier model, and all that became visible: events (those that happened before, too, but were
       recorded since), returns by sales, what the account's other people did, that they came or were won, and that the
       lead itself was created.
    3. *model*: the later model. Last, so that two versions are compared on one history, the one that is looked at.

    The same moment gives no ageing, nothing new no news and the same version no model, to the last bit. No rows
    give no rows.

    Raises ModelError when the versions know other event kinds or attributes than the timelines have, or when one of
    them scores in rule points and the other does not; DataError when a row's moments are in the wrong order.

    >>> import pandas as pd
    >>> from lead_readiness import rules, tables
    >>> from lead_readiness.features import Catalogue
    >>> from lead_readiness.features.attributes import Attributes
    >>> from lead_readiness.project import Project
    >>> from lead_readiness.card import Card

    >>> from lead_readiness.timelines import DAY, build
    >>> project = Project.model_validate({"name": "Acme", "vocabulary": {"visit": {"behaviour": "web"}}})
    >>> rule = {"name": "Visit", "points": 8, "when": {"kind": "visit"}}
    >>> decay = {"half_life_days": 7}
    >>> book = rules.parse({"name": "B", "version": 1, "threshold": 9, "decay": decay, "rules": [rule]}, project)
    >>> catalogue = Catalogue((), Attributes(), project.kinds, project.kinds)
    >>> scorer = Scorer(project, book, catalogue, None, None, None, Card({}, 0, 1, 1, 0, 0))
    >>> days = ["2026-01-02T00:00Z", "2026-01-15T00:00Z"]
    >>> leads = pd.DataFrame({"lead_id": ["a"], "created_at": ["2026-01-01T00:00Z"]})
    >>> visits = pd.DataFrame({"lead_id": ["a", "a"], "occurred_at": days, "kind": ["visit"] * 2})
    >>> known = build(tables.validate(project, leads, visits), project)
    >>> day = known.created[0] + np.arange(30) * DAY
    >>> change = between(scorer, scorer, known, np.array([0], np.int32), day[8], day[15])
    >>> for reasons in change.reasons(0).values():
    ...     for reason in reasons:
    ...         print(reason)
    1 new visit, 24 h ago (+7)
    1 visit until 2 Jan is 7 days older (-2)
    """
    _check(earlier, later)
    lead = np.asarray(lead, np.int32)
    # Copies: for what is read-only or laid out otherwise the kernels would be compiled again.
    begin, end = (
        np.array(np.broadcast_to(np.asarray(t, np.int64), lead.shape)) for t in (from_as_of, to_as_of)
    )
    _check_order(timelines, lead, begin, end)
    before = earlier.assess(timelines, lead, begin)
    aged = earlier.assess(*_as_stood(timelines, lead, begin), end)
    after = later.assess(timelines, lead, end)
    same = earlier is later or earlier.version == later.version
    now = after if same else earlier.assess(timelines, lead, end)
    behaviours = tuple(dict.fromkeys((*later.behaviours, *earlier.behaviours)))
    steps = [_points(made, behaviours) for made in (before, aged, now, after)]
    return Change(
        before=before,
        after=after,
        behaviours=behaviours,
        ageing=steps[1] - steps[0],
        news=steps[2] - steps[1],
        model=steps[3] - steps[2],
        base=after.base_points - now.base_points,
    )


def _check(earlier: Scorer, later: Scorer) -> None:
    if earlier.project.kinds != later.project.kinds:
        raise ModelError(
            f"the earlier version knows the event kinds {', '.join(earlier.project.kinds)}, the later one "
            f"{', '.join(later.project.kinds)}; timelines are built for one vocabulary; compare the later version with "
            "itself, or versions of one vocabulary"
        )
    if (earlier.blend is None) != (later.blend is None):
        found = ["rule points" if s.blend is None else "points of a probability" for s in (earlier, later)]
        raise ModelError(
            f"the earlier version scores in {found[0]}, the later one in {found[1]}: two scales, whose difference says "
            "nothing; compare the later version with itself"
        )


def _check_order(timelines: Timelines, lead: npt.NDArray[np.int32], begin: Ints, end: Ints) -> None:
    wrong = np.flatnonzero(begin > end)
    if len(wrong):
        row = wrong[0]
        raise DataError(
            f"lead {timelines.lead_ids[lead[row]]!r} (row {row}): the change is asked for from "
            f"{written(int(begin[row]))} to {written(int(end[row]))}; expected the earlier moment first; exchange them"
        )


def _as_stood(
    timelines: Timelines, lead: npt.NDArray[np.int32], at: Ints
) -> tuple[Timelines, npt.NDArray[np.int32]]:
    """The rows' accounts as each stood at its row's moment, and where the rows' leads are in them."""
    account = timelines.account[lead].astype(np.int64)
    moments, moment = np.unique(at, return_inverse=True)
    # A colleague created at this very moment was not seen, but the lead itself was: such leads have their own copies.
    just_created = timelines.created[lead] == at
    key = np.where(just_created, -1 - np.arange(len(lead)), account * len(moments) + moment)
    _, first, row = np.unique(key, return_index=True, return_inverse=True)
    old = frozen(timelines, account[first].astype(np.int32), at[first])
    place = (old.account_start[row] + lead - timelines.account_start[account]).astype(np.int32)
    old.created[place[just_created]] = at[just_created]
    return old, place


def _points(made: Assessment, behaviours: tuple[str, ...]) -> Floats:
    """An assessment's points in each of the behaviours."""
    points = np.zeros((len(made), len(behaviours)))
    points[:, [behaviours.index(b) for b in made.scorer.behaviours]] = made.by_behaviour * made.scorer.unit
    return points
