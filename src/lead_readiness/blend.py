"""One probability from the voices: non-negative weights on their logits, which are also the calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.special import expit

from lead_readiness import evidence, logistic
from lead_readiness.errors import DataError, ModelError
from lead_readiness.evidence import Floats

Places = npt.NDArray[np.uint32]

VOICES = ("rules", "linear", "trees")

NEEDED = {"probability": 20, "linear": 40, "trees": 120}
"""Wins in training from which each is learned at all; with fewer it would fit accidents."""

RIDGE = 0.1
"""Penalty on the rules' standardised weight where they speak alone: bounds it even where they separate the wins."""

PRIOR = 60.0
"""As many wins weighs the belief that the learned voices' mean is right, and that the rules add nothing to it.

The learned voices say nearly the same, so few wins cannot tell their shares: without a prior chance gives all to one.
Their mean is the safe bet (Clemen 1989); as wins grow, what they show outweighs it.
"""


class Ladder(NamedTuple):
    """Which voices there is evidence for, whether points may become a probability, and what was left out, why."""

    voices: tuple[str, ...]
    probability: bool
    left_out: dict[str, str]


def rungs(wins: int) -> Ladder:
    """The voices that ``wins`` winning leads can teach.

    >>> rungs(31)
    Ladder(voices=('rules',), probability=True, left_out={'linear': '31 wins; 40 needed for the linear voice', ...})
    """
    phrases = {"probability": "a probability", "linear": "the linear voice", "trees": "the trees"}
    left_out = {
        name: f"{wins:,} {'win' if wins == 1 else 'wins'}; {least} needed for {phrases[name]}"
        for name, least in NEEDED.items()
        if wins < least
    }
    voices = tuple(voice for voice in VOICES if voice not in left_out)
    return Ladder(voices, "probability" not in left_out, left_out)


@dataclass(frozen=True)
class Blend:
    """``intercept + sum of weights * voices' logits``: a calibrated logit. The rules' logit is their points."""

    voices: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float

    def __post_init__(self) -> None:
        """Refuses what `fit` cannot have made: a saved blend may have been altered."""
        sound = np.isfinite([*self.weights, self.intercept]).all() and min(self.weights, default=0) >= 0
        if not sound or len(self.weights) != len(self.voices):
            raise ModelError(
                f"the blend has weights {self.weights} and intercept {self.intercept} for the voices {self.voices}; "
                "expected one finite weight of at least 0 per voice; restore the scorer or train again"
            )

    def logit(self, logits: Floats) -> Floats:
        """The blended log-odds (n,) of the voices' ``logits`` (n, k), columns in the order of ``voices``.

        Summed voice by voice, so that a row's bits do not depend on the other rows.
        """
        if logits.ndim != 2 or logits.shape[1] != len(self.voices):
            raise ModelError(
                f"the blend of {self.voices} was given logits of shape {logits.shape}; expected one column per voice"
            )
        total = np.full(len(logits), self.intercept)
        for column, weight in enumerate(self.weights):
            total += weight * logits[:, column]
        return total

    def probability(self, logits: Floats) -> Floats:
        """The probability of winning within the horizon (n,)."""
        found: Floats = expit(self.logit(logits))
        return found

    def record(self) -> dict[str, Any]:
        """The blend as JSON can hold it; ``Blend.from_record`` gives it back."""
        return {"weights": dict(zip(self.voices, self.weights)), "intercept": self.intercept}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Blend:
        """The blend that `record` described; ModelError when it is broken."""
        try:
            weights = {str(voice): float(weight) for voice, weight in record["weights"].items()}
            return cls(tuple(weights), tuple(weights.values()), float(record["intercept"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"the blend's record is broken ({error!r}); restore the scorer or train again"
            ) from None


def fit(
    logits: Floats,
    y: Floats,
    weight: Floats,
    voices: Sequence[str] = VOICES,
    lead: npt.NDArray[np.integer] | None = None,
) -> Blend:
    """The non-negative weights and intercept of least log-loss for the voices' ``logits`` (n, k), and of `PRIOR`.

    They must be out-of-time, out-of-lead predictions, or the blend trusts the voice that memorises most.
    ``y`` (n,) is 0 or 1, ``weight`` (n,) positive; ``lead`` (n,) names each row's lead, by default another's each:
    all the rows of a lead are one win. A voice that says the same of every row, or that clearly points the wrong
    way, gets 0. Raises DataError for labels of one kind only, other shapes, or logits that are not finite.

    >>> points = np.array([[0.0], [20.0], [40.0], [60.0]])
    >>> blend = fit(points, np.array([0.0, 1.0, 0.0, 1.0]), np.ones(4), ["rules"])
    >>> blend.probability(points).round(2).tolist()
    [0.23, 0.4, 0.6, 0.77]
    """
    if logits.shape != (len(y), len(voices)) or weight.shape != y.shape or not np.isfinite(logits).all():
        raise DataError(
            f"found logits of shape {logits.shape}, finite: {bool(np.isfinite(logits).all())}, for {len(y)} labels "
            f"and the voices {', '.join(voices)}; expected one finite logit per label and voice"
        )
    evidence.check_labels(y, weight)
    learned = np.array([voice != "rules" for voice in voices])
    wins = (y > 0).sum() if lead is None else len(np.unique(lead[y > 0]))
    ridge = PRIOR * float(weight @ y) / wins if learned.any() else RIDGE
    prior = learned / max(1, learned.sum())
    found = logistic.fit(logits, y, weight, ridge, [(0, None)] * len(voices), prior)
    return Blend(tuple(voices), tuple(found.beta.tolist()), float(found.intercept - found.beta @ found.mean))


@njit(cache=True, nogil=True)
def add_up(
    begin: int,
    moved: npt.NDArray[np.float64],
    points: Floats,
    starts: Floats,
    weights: Floats,
    of_part: Places,
    even: float,
    unit: float,
    by_part: Floats,
    by_behaviour: Floats,
    scores: Floats,
) -> None:
    """Blend the voices for the rows from ``begin`` on: their parts weighed, these summed by behaviour, and the sums.

    ``moved`` (voices, rows, features) is what moves each learned voice, ``points`` what moves the rules; of each voice
    ``weights`` has the weight, and ``starts`` from where it is moved. The rules come first in both, and start where
    the blend does. ``of_part`` is the behaviour of each feature and then of each rule; The rows of
    ``scores`` are the score (``even + unit * logit``), the blend's logit, and each learned voice's own.
    """
    voices, rows, features = moved.shape
    for row in range(begin, begin + rows):
        for voice in range(voices):
            own = 0.0
            for column in range(features):
                own += moved[voice, row - begin, column]
            scores[2 + voice, row] = starts[1 + voice] + own
        for column in range(features):
            part = 0.0
            for voice in range(voices):
                part += weights[1 + voice] * moved[voice, row - begin, column]
            by_part[row, column] = part
        for column in range(points.shape[1]):
            by_part[row, features + column] = weights[0] * points[row, column]
        by_behaviour[row] = 0.0
        for column in range(len(of_part)):
            by_behaviour[row, of_part[column]] += by_part[row, column]
        total = 0.0
        for place in range(by_behaviour.shape[1]):
            total += by_behaviour[row, place]
        scores[1, row] = starts[0] + total
        scores[0, row] = even + unit * scores[1, row]
