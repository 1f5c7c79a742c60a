"""Do the explanations tell what the score rests on? Measured on leads as they stand, not assumed.

Five questions: do the parts add up; does a lead fall when the events that its reason cites are taken away; do
reasons stay when events are moved by minutes; do they stay when the scorer is learned again; does a model taught
with meaningless data keep from citing it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lead_readiness import features, snapshots
from lead_readiness.reasons import MOST_FOR, visible
from lead_readiness.scorer import Assessment, Scorer
from lead_readiness.snapshots import Snapshots
from lead_readiness.timelines import Timelines, with_events
from training.bootstrap import ACCOUNTS_NEEDED, DRAWS, Figure, totals
from training.dataset import Dataset, Say
from training.fit import DEFAULTS, Settings, fit
from training.judgement.decoys import with_decoys
from training.metrics import Floats, ratio

TOP = 200
"""How many of the best leads are looked at, and how many drawn from the others."""
JITTER = 3_600_000_000
"""Microseconds: every event is moved by at most one hour, earlier or later."""
ROUNDS = 5
"""Random groups of events that are taken away from each lead."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Faithfulness:
    """What `measure` found on ``leads`` leads, one an account.

    - ``additivity``: the largest difference, in log-odds, between a score and what it is said to add up from.
    - ``deletion``: among the ``cited`` leads with a reason to take away, how often the score falls more without
      the events of the strongest behaviour than without as many of the lead's others, a tie counting half (chance:
      one half); ``deletion_points``: how many points more it falls, ``deletion_fall`` how many it falls at all.
    - ``jitter``: Jaccard index of the behaviours told for a lead, before and after every event was moved by up to
      one hour; ``jitter_points``: the mean absolute change of its score.
    - ``refit``: the same index between the scorer and one learned again with another seed.
    - ``decoys``: the share of all absolute points that decoys get of a scorer taught with them; ``decoys_points``:
      how many a decoy behaviour gets in a lead, a reason of no more may be noise; ``decoys_told``: how often one is
      among the reasons told for a lead; ``decoys_even``: the share if all behaviours got the same.
    """

    leads: int
    cited: int
    additivity: float
    deletion: Figure
    deletion_points: Figure
    deletion_fall: Figure
    jitter: Figure
    jitter_points: Figure
    refit: Figure
    decoys: Figure
    decoys_points: Figure
    decoys_told: Figure
    decoys_even: float
    notes: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """The findings in plain sentences."""
        if self.leads == 0:
            yield "No lead is at risk: the explanations cannot be looked at."
            return
        yield f"The parts differ from the score by at most {self.additivity:.0e} (log-odds) in {self.leads:,} leads."
        if self.cited:
            yield (
                f"Without the events behind the strongest reason, {self.deletion.percent()} of "
                f"{self.cited:,} leads fall more than without as many other events (chance: 50 %), by "
                f"{self.deletion_points.told()} points more."
            )
        yield (
            f"With every event moved by up to one hour, the reasons for a lead overlap by {self.jitter.percent()} "
            f"(Jaccard) with those before; its score moves by {self.jitter_points.told()} points."
        )
        yield f"Learned again with another seed, they overlap by {self.refit.percent()}."
        yield (
            f"Taught with meaningless events and attributes, a scorer gives them {self.decoys.percent(1)} of "
            f"its points ({100 * self.decoys_even:.1f} % would be an even share), {self.decoys_points.told()} a "
            f"behaviour and lead, and tells them of {self.decoys_told.percent()} of the leads."
        )
        yield from self.notes


def worth_a_look(data: Dataset, scorer: Scorer, seed: int = 0, top: int = TOP) -> Snapshots:
    """Of the leads at risk at the data's cut, the ``top`` best by score and as many drawn from the others.

    Where fewer are at risk, as in a log of finished cases, every lead takes part as it was last at risk.
    """
    known, cut = data.timelines, data.timelines.cut
    rows = snapshots.on_grid(known, data.project, np.array([cut]), data.horizon)
    if len(rows) < 2 * top:
        rows = snapshots.on_grid(known, data.project, np.unique([*data.instants, cut]), data.horizon)
        rows = rows[np.diff(rows.lead, append=-1) != 0]
    by = np.argsort(-scorer.assess(known, rows.lead, rows.as_of).score, kind="stable")
    rng = np.random.Generator(np.random.PCG64(seed))
    return rows[np.concatenate([by[:top], rng.permutation(by[top:])[:top]])]


def measure(
    data: Dataset,
    scorer: Scorer,
    rows: Snapshots,
    accounts: npt.NDArray[np.bool_] | None = None,
    seed: int = 0,
    say: Say = lambda _: None,
    settings: Settings = DEFAULTS,
) -> Faithfulness:
    """How far the reasons that ``scorer`` tells for ``rows`` can be believed.

    Of each account the first row is looked at, so that no lead is changed by what is done to a colleague and the
    leads are independent. ``accounts`` are those that the scorer was learned from (all unless given), and
    ``settings`` how: two more scorers are learned so at the same cut, one with the next seed and one with decoys.
    Without rows every figure is NaN; intervals need 20 accounts.
    """
    own = np.sort(np.unique(data.timelines.account[rows.lead], return_index=True)[1])
    rows = rows[own]
    inside = np.zeros(len(data.timelines.account_start) - 1, bool)
    inside[data.timelines.account[rows.lead]] = True
    known = _only(data.timelines, inside)
    accounts = np.ones(len(inside), bool) if accounts is None else accounts
    cut, own_seed = scorer.card.cut, scorer.card.seed
    told = scorer.assess(known, rows.lead, rows.as_of)
    say("taking away the events that reasons cite")
    fall, more, wins = _deletion(told, seed)
    moved = scorer.assess(jittered(known, rows, seed), rows.lead, rows.as_of)
    say("learning again with another seed")
    refitted = fit(data, cut, accounts, own_seed + 1, settings=settings)
    again = refitted.assess(known, rows.lead, rows.as_of)
    say("learning with decoys")
    decoyed, decoys = with_decoys(data, seed)
    fooled = fit(decoyed, cut, accounts, own_seed, settings=settings)
    tested = fooled.assess(_only(decoyed.timelines, inside), rows.lead, rows.as_of)
    is_decoy = np.isin(fooled.behaviours, decoys)
    size = np.abs(tested.by_behaviour)
    return Faithfulness(
        leads=len(rows),
        cited=len(wins),
        additivity=additivity(told),
        deletion=_figure(wins, seed),
        deletion_points=_figure(more, seed),
        deletion_fall=_figure(fall, seed),
        jitter=_figure(agreement(told, moved), seed),
        jitter_points=_figure(np.abs(moved.score - told.score), seed),
        refit=_figure(agreement(told, again), seed),
        decoys=_figure(size[:, is_decoy].sum(axis=1), seed, size.sum(axis=1)),
        decoys_points=_figure(fooled.unit * size[:, is_decoy].mean(axis=1), seed),
        decoys_told=_figure(_any_told(tested, decoys), seed),
        decoys_even=float(is_decoy.mean()),
        notes=tuple(_notes(scorer)),
    )


def additivity(assessed: Assessment) -> float:
    """The largest difference in log-odds between what a row adds up to, by any of the sums, and its score.

    The parts are summed by feature and rule and by behaviour, and the voices are asked once more without
    explanations: the trees as LightGBM itself predicts. Rule points where there is no blend; 0 without rows.
    """
    scorer = assessed.scorer
    if len(assessed) == 0:
        return 0.0
    points = np.array([sum(assessed.points(row).values()) for row in range(len(assessed))])
    sums = [
        (assessed.base_points + points) / scorer.unit - assessed.score / scorer.unit,
        assessed.by_feature.sum(axis=1) + assessed.by_rule.sum(axis=1) - assessed.by_behaviour.sum(axis=1),
    ]
    alone = assessed.replay.points
    if scorer.blend:
        alone = scorer.blend.logit(np.column_stack([alone, *_unexplained(assessed)]))
    sums.append(assessed.base + assessed.by_behaviour.sum(axis=1) - alone)
    return float(np.abs(sums).max())


def _unexplained(assessed: Assessment) -> Iterator[Floats]:
    """The learned voices' logits, computed without their contributions."""
    linear, trees = assessed.scorer.linear, assessed.scorer.trees
    if linear is not None or trees is not None:
        x = features.compute(assessed.scorer.catalogue, assessed.timelines, assessed.lead, assessed.as_of)
    if linear is not None:
        held = np.clip(x.astype(np.float64), linear.low, linear.high)
        shaped = np.where(linear.logarithm, np.sign(held) * np.log1p(np.abs(held)), held)
        yield shaped @ linear.beta - linear.mean @ linear.beta + linear.intercept
    if trees is not None:
        import lightgbm  # as in the library: only where trees were learned is it sure to load

        yield np.asarray(lightgbm.Booster(model_str=trees.text).predict(x, raw_score=True), np.float64)


def _deletion(told: Assessment, seed: int) -> tuple[Floats, Floats, Floats]:
    """Per lead with something to take away: points it falls, points more than at random, how often it is more."""
    rng = np.random.Generator(np.random.PCG64(seed))
    found = [(row, *groups) for row in range(len(told)) if (groups := _groups(told, row))]
    rows = np.array([row for row, _, _ in found], np.intp)
    fall = _fall(told, rows, [cited for _, cited, _ in found])
    at_random = np.zeros((ROUNDS, len(rows)))
    for turn in at_random:
        drawn = [rng.choice(others, len(cited), replace=False) for _, cited, others in found]
        turn[:] = _fall(told, rows, drawn)
    more = fall - at_random
    return fall, more.mean(axis=0), (0.5 + 0.5 * np.sign(np.round(more, 6))).mean(axis=0)


def _groups(told: Assessment, row: int) -> tuple[Places, Places] | None:
    """The events of the strongest told behaviour that has some, and the others that could be taken in their place.

    Where there are fewer others than cited ones, only as many of the cited are taken, the latest: a group should
    not win by its size. Events by sales or by a system are in neither: no score looks at them.
    """
    known, teller = told.timelines, told.scorer.teller
    seen = visible(known, int(told.lead[row]), int(told.as_of[row]))
    told_of = np.logical_or.reduce(list(teller.members.values()))
    for behaviour in told.told(row, MOST_FOR, 0):
        own = teller.members.get(behaviour, np.zeros(len(known.kinds), bool))
        cited, others = seen[own[known.kind[seen]]], seen[(told_of & ~own)[known.kind[seen]]]
        if len(cited):
            return (cited[-len(others) :], others) if len(others) else None
    return None


def _fall(told: Assessment, rows: Places, events: list[Places]) -> Floats:
    """How many points the scores of ``rows`` fall without these events of theirs."""
    known = told.timelines
    keep = np.ones(len(known.time), bool)
    keep[np.concatenate([np.zeros(0, np.int64), *events])] = False
    without = _kept(known, keep)
    fallen: Floats = told.score[rows] - told.scorer.assess(without, told.lead[rows], told.as_of[rows]).score
    return fallen


def _only(known: Timelines, accounts: npt.NDArray[np.bool_]) -> Timelines:
    """The timelines with the events of these accounts alone: all that a score of their leads looks at."""
    return _kept(known, accounts[known.account[known.owner]])


def _kept(known: Timelines, keep: npt.NDArray[np.bool_]) -> Timelines:
    return with_events(known, known.owner[keep], known.events(keep), known.order[keep])


def jittered(known: Timelines, rows: Snapshots, seed: int) -> Timelines:
    """The timelines with every event that a row sees moved by up to `JITTER`, all of an account as its row sees them.

    What was seen stays seen, and what came after the lead's creation stays after it. Of each account at most one row.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    as_of = np.zeros(len(known.account_start) - 1, np.int64)
    as_of[known.account[rows.lead]] = rows.as_of
    owner = known.owner
    bound, created = as_of[known.account[owner]], known.created[owner]
    seen = (known.time < bound) & (known.recorded <= bound)
    shift = np.where(seen, rng.integers(-JITTER, JITTER, len(owner), endpoint=True), 0)
    earliest = np.where(known.time >= created, created, known.time - JITTER)
    time = np.clip(known.time + shift, earliest, np.where(seen, bound - 1, known.time))
    recorded = np.where(seen, np.minimum(known.recorded + time - known.time, bound), known.recorded)
    events = known.events(np.arange(len(owner)))._replace(time=time, recorded=recorded)
    return with_events(known, owner, events, known.order)


def agreement(one: Assessment, other: Assessment) -> Floats:
    """Per row the Jaccard index of the behaviours told for the lead by either; 1 where neither tells any."""
    found = np.ones(len(one))
    for row in range(len(one)):
        a, b = (set(assessed.told(row, MOST_FOR, 0)) for assessed in (one, other))
        if a | b:
            found[row] = len(a & b) / len(a | b)
    return found


def _any_told(assessed: Assessment, behaviours: tuple[str, ...]) -> Floats:
    told = [set(assessed.told(row)) for row in range(len(assessed))]
    return np.array([bool(reasons.intersection(behaviours)) for reasons in told], dtype=np.float64)


def _figure(parts: Floats, seed: int, of: Floats | None = None) -> Figure:
    """The mean of the parts, or their sum's share ``of`` another; each part is an account's."""
    if len(parts) == 0:
        return Figure(math.nan)
    both = np.stack([parts, np.ones(len(parts)) if of is None else of], axis=1)
    sums = totals(both, DRAWS, seed, block=DRAWS)
    return Figure.of(ratio(sums[:, 0], sums[:, 1]), enough=len(parts) >= ACCOUNTS_NEEDED)


def _notes(scorer: Scorer) -> Iterator[str]:
    if scorer.linear is None:
        yield (
            "The rules speak alone: nothing is learned that could change when it is learned again or fall for decoys, "
            "and these two figures say nothing."
        )
