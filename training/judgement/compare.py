"""Is the model better than the rules? Every measure for each policy, and their paired differences, with intervals.

Intervals come from a bootstrap over accounts: people of one account, and one lead's weeks, share their luck, so
drawing rows would give intervals far too narrow. All policies see the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from lead_readiness.errors import DataError
from lead_readiness.snapshots import POSITIVE
from lead_readiness.timelines import DAY
from training import metrics
from training.bootstrap import ACCOUNTS_NEEDED, DRAWS, Accounts, interval, redrawn
from training.judgement.comparison import AT_THRESHOLD, Comparison
from training.judgement.replay import (
    MEASURES,
    AtRisk,
    Bools,
    Ints,
    Leads,
    accounts,
    crossings,
    from_sums,
    replay,
    sums,
    usual_line,
    volumes,
    winners,
)
from training.metrics import Floats

RANKING = ("roc_auc", "average_precision")
PROBABILITY = (
    "brier_skill",
    "observed_expected",
    "calibration_error",
    "calibration_slope",
    "calibration_intercept",
)
CROSSINGS = "crossings"
POWER = 1.96 + 0.84  # standard errors that a test at 95 % sees with 80 % power
BLOCK = 4 << 20  # bytes of weights in one block of draws, per thread
THREADS = 4

Part = Callable[[Floats], Floats]
Keys = list[tuple[str, str]]


@dataclass(frozen=True)
class Scoring:
    """One policy's view of the rows at risk, one value per row.

    ``score`` ranks (higher is readier, NaN never hands off); ``probability`` is judged for calibration where there
    is one; ``threshold`` is the score from which the policy by itself hands off; ``eligible`` says which rows it
    may hand off at all.
    """

    score: Floats
    probability: Floats | None = None
    threshold: float | None = None
    eligible: Bools | None = None


def compare(
    scorings: Mapping[str, Scoring],
    rows: AtRisk,
    leads: Leads,
    capacity: int,
    *,
    until: int | None = None,
    against: str = "rules",
    draws: int = DRAWS,
    seed: int = 0,
) -> Comparison:
    """Every measure of every policy on the same rows, and its difference to ``against``, with 95 % intervals.

    Each policy is replayed at ``capacity`` leads per instant, and, where ``against`` has a threshold, once more at
    the weekly volumes that ``against`` hands off at its threshold (measures ending in ``_at_threshold``). ROC AUC,
    average precision and the calibration measures take the rows with a weight and a known label. Winners are the
    leads at risk whose winning moment lies in the window that ends at ``until`` (the last instant unless given).
    Hand-offs stay as they were replayed; the bootstrap draws accounts. What cannot be told is NaN and has a note.

    Raises DataError when ``against`` is not among the policies or a policy's values do not fit the rows.
    """
    for name, scoring in scorings.items():
        _check(name, scoring, rows)
    if against not in scorings:
        raise DataError(
            f"the policies are {', '.join(scorings)}; {against!r}, to compare with, is not one of them"
        )
    until = int(rows.instant.max(initial=0)) if until is None else until
    handoffs = _handoffs(scorings, rows, capacity, against, seed)
    by = accounts(rows, leads)
    keys, parts = _parts(scorings, rows, leads, handoffs, by, until)
    drawn = _bootstrap(parts, by.count, int((rows.weight > 0).sum()), draws, seed)
    enough = _evidence(rows, leads, by, until)
    won = winners(rows, leads, until)
    values, differences, error = _tables(keys, drawn, against, enough)
    return Comparison(
        values=values,
        differences=differences,
        notes=tuple(_notes(scorings, rows, leads, handoffs, won, enough)),
        policies=tuple(scorings),
        against=against,
        capacity=capacity,
        every_days=_cadence(rows),
        winners=int(won.sum()),
        volume_at_threshold=_volume(rows, handoffs, against),
        visible={policy: POWER * se for policy, se in error.items()},
        handoffs=handoffs,
    )


def _check(name: str, scoring: Scoring, rows: AtRisk) -> None:
    for what in ("score", "probability", "eligible"):
        values = getattr(scoring, what)
        if values is not None and len(values) != len(rows):
            raise DataError(
                f"policy {name!r}: {len(values)} values of {what} for {len(rows)} rows; give one per row"
            )
    if scoring.probability is not None:
        bad = scoring.probability[(scoring.probability < 0) | (scoring.probability > 1)]
        if len(bad):
            raise DataError(
                f"policy {name!r}: probability {bad[0]} found; expected 0 to 1, or NaN where unknown"
            )


def _handoffs(
    scorings: Mapping[str, Scoring], rows: AtRisk, capacity: int, against: str, seed: int
) -> dict[str, Ints]:
    """The rows each policy hands off, at capacity and, with a threshold to follow, at that threshold's volumes."""

    def run(policy: Scoring, room: int | Ints, threshold: float | None) -> Ints:
        return replay(
            rows.lead,
            rows.instant,
            policy.score,
            room,
            eligible=policy.eligible,
            threshold=threshold,
            seed=seed,
        )

    handoffs = {name: run(scoring, capacity, None) for name, scoring in scorings.items()}
    threshold = scorings[against].threshold
    if threshold is not None:
        own = run(scorings[against], capacity, threshold)
        room = volumes(rows, own)
        for name, scoring in scorings.items():
            handoffs[name + AT_THRESHOLD] = own if name == against else run(scoring, room, None)
    return handoffs


def _parts(
    scorings: Mapping[str, Scoring],
    rows: AtRisk,
    leads: Leads,
    handoffs: dict[str, Ints],
    by: Accounts,
    until: int,
) -> tuple[Keys, list[Part]]:
    """What is to be measured on each draw: (measure, policy) of every column, and the functions that fill them."""
    keys: Keys = []
    parts: list[Part] = []
    for name, scoring in scorings.items():
        for suffix in ("", AT_THRESHOLD):
            if name + suffix in handoffs:
                keys += [(measure + suffix, name) for measure in MEASURES]
                per_lead = sums(rows, leads, handoffs[name + suffix], until)
                parts.append(partial(_replayed, by.sums(per_lead.T)))
        keys.append((CROSSINGS, name))
        parts.append(partial(_crossed, _crossed_by_account(scoring, rows, handoffs[name], by)))
        keys += [(measure, name) for measure in RANKING]
        lowest_first = np.where(np.isnan(scoring.score), -np.inf, scoring.score)
        parts.append(_ranked(rows, by, lowest_first, _ranking))
        if scoring.probability is not None:
            keys += [(measure, name) for measure in PROBABILITY]
            parts.append(_ranked(rows, by, scoring.probability, _foretold))
    return keys, parts


def _crossed_by_account(scoring: Scoring, rows: AtRisk, handed: Ints, by: Accounts) -> Floats:
    line = scoring.threshold if scoring.threshold is not None else usual_line(rows, handed, scoring.score)
    crossed = crossings(rows, scoring.score, line, _cadence(rows) * DAY)
    return by[rows.lead].sums(crossed.T)


def _crossed(per_account: Floats, times: Floats) -> Floats:
    total = times @ per_account
    return metrics.ratio(total[:, 0], total[:, 1])[:, None]


def _replayed(per_account: Floats, times: Floats) -> Floats:
    return from_sums(times @ per_account)


def _ranked(
    rows: AtRisk, by: Accounts, score: Floats, measure: Callable[[Floats, Floats, Floats], Floats]
) -> Part:
    """The function from draws of accounts to ``measure``, its rows sorted by score once for all draws."""
    judged = np.flatnonzero((rows.weight > 0) & (rows.label >= 0) & ~np.isnan(score))
    judged = judged[np.argsort(score[judged], kind="stable")]
    y, value, weight = (rows.label[judged] == POSITIVE).astype(float), score[judged], rows.weight[judged]
    owner = by.of[rows.lead[judged]]
    return lambda times: measure(y, value, np.take(times, owner, axis=1) * weight)


def _ranking(y: Floats, score: Floats, weights: Floats) -> Floats:
    return np.column_stack([metrics.roc_auc(y, score, weights), metrics.average_precision(y, score, weights)])


def _foretold(y: Floats, probability: Floats, weights: Floats) -> Floats:
    singles = (metrics.brier_skill, metrics.observed_expected, metrics.calibration_error)
    columns = [single(y, probability, weights) for single in singles]
    return np.column_stack([*columns, metrics.calibration(y, probability, weights)])


def _bootstrap(parts: list[Part], n_accounts: int, n_rows: int, draws: int, seed: int) -> Floats:
    """All measures side by side, ``(1 + draws, columns)``; the first row is the test itself."""
    block = max(1, BLOCK // (8 * max(1, n_accounts, n_rows)))
    with ThreadPoolExecutor(THREADS) as pool:
        blocks = [
            np.column_stack(list(pool.map(lambda part, times=times: part(times), parts)))
            for times in redrawn(n_accounts, draws, seed, block)
        ]
    return np.concatenate(blocks)


def _evidence(rows: AtRisk, leads: Leads, by: Accounts, until: int) -> dict[str, int]:
    """Accounts with a win, as each measure sees wins: by winning moments, by weekly rows, by rows drawn."""
    positive = rows.label == POSITIVE

    def distinct(lead: npt.NDArray[np.integer]) -> int:
        return len(np.unique(by.of[lead]))

    by_moment = distinct(np.flatnonzero(winners(rows, leads, until)))
    by_row, by_drawn = distinct(rows.lead[positive]), distinct(rows.lead[positive & (rows.weight > 0)])
    seen = dict.fromkeys(MEASURES[:3], by_moment) | dict.fromkeys(MEASURES[3:], by_row)
    own = seen | {m + AT_THRESHOLD: n for m, n in seen.items()}
    return own | {CROSSINGS: by.count} | dict.fromkeys(RANKING + PROBABILITY, by_drawn)


def _tables(
    keys: Keys, drawn: Floats, against: str, evidence: dict[str, int]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    """Values, differences, and per policy the standard error of the difference in winners reached."""
    column = {key: i for i, key in enumerate(keys)}
    values, differences, error = [], [], {}
    for (measure, policy), i in column.items():
        enough = evidence[measure] >= ACCOUNTS_NEEDED
        values.append((measure, policy, drawn[0, i], *interval(drawn[1:, i], enough)))
        base = column.get((measure, against))
        if policy == against or base is None:
            continue
        gap = drawn[:, i] - drawn[:, base]
        differences.append((measure, policy, gap[0], *interval(gap[1:], enough)))
        if measure == "winners_reached":
            error[policy] = float(np.std(gap[1:], ddof=1)) if enough and len(gap) > 2 else np.nan
    return (
        pd.DataFrame(values, columns=["measure", "policy", "value", "low", "high"]),
        pd.DataFrame(differences, columns=["measure", "policy", "difference", "low", "high"]),
        error,
    )


def _notes(
    scorings: Mapping[str, Scoring],
    rows: AtRisk,
    leads: Leads,
    handoffs: dict[str, Ints],
    won: Bools,
    evidence: dict[str, int],
) -> Iterator[str]:
    """What a reader must know about the figures, in plain words."""
    if (few := evidence["winners_reached"]) < ACCOUNTS_NEEDED:
        yield (
            f"{few} accounts with a winner in this test; {ACCOUNTS_NEEDED} are needed for an interval, so none is "
            "given for winners reached, days gained and revenue."
        )
    if (few := min(evidence["precision"], evidence["roc_auc"])) < ACCOUNTS_NEEDED:
        yield (
            f"{few} accounts with a row won within the horizon; {ACCOUNTS_NEEDED} are needed for an interval, so "
            "some measures of ranking and calibration have none."
        )
    judged = rows.label[(rows.weight > 0) & (rows.label >= 0)] == POSITIVE
    if not judged.any() or judged.all():
        which = "won" if judged.any() else "not won"
        yield f"All {len(judged):,} judged rows are {which}: ranking and calibration cannot be told."
    if unknown := int(np.isnan(leads.amount[won]).sum()):
        yield f"{unknown:,} of {won.sum():,} winners have no known amount; revenue reached leaves them out."
    for name, scoring in scorings.items():
        if scoring.probability is not None and (
            without := int(np.isnan(scoring.probability[rows.weight > 0]).sum())
        ):
            yield f"{without:,} drawn rows have no probability from the {name}; its calibration leaves them out."
    unlabelled = {name: int((rows.label[handoffs[name]] < 0).sum()) for name in scorings}
    told = [f"{n:,} of the {len(handoffs[name]):,} of the {name}" for name, n in unlabelled.items() if n]
    if told:
        yield (
            f"Some hand-offs have no label yet (censored or within the gap), {', '.join(told)}; precision, recall and "
            "lift leave them out."
        )


def _cadence(rows: AtRisk) -> float:
    """Days between instants, 7 when there are fewer than two."""
    gaps = np.diff(np.unique(rows.instant))
    return float(np.median(gaps)) / DAY if len(gaps) else 7.0


def _volume(rows: AtRisk, handoffs: dict[str, Ints], against: str) -> float:
    """Leads per instant that ``against`` hands off at its threshold; NaN without one."""
    own = handoffs.get(against + AT_THRESHOLD)
    return float(np.mean(volumes(rows, own))) if own is not None and len(rows) else np.nan
