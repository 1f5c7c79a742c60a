"""A comparison in words and as a table: honest about what its intervals do not show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

AT_THRESHOLD = "_at_threshold"
UNITS = {  # scale, decimals, what follows a value, what follows a difference
    "share": (100, 0, " %", " points"),
    "percent": (100, 1, " %", " points"),
    "days": (1, 1, "", ""),
    "times": (1, 2, "", ""),
    "number": (1, 3, "", ""),
}
PHRASES = {
    "winners_reached": ("winners reached", "share"),
    "days_gained": ("days gained per winner", "days"),
    "revenue_reached": ("revenue reached", "share"),
    "precision": ("precision", "percent"),
    "recall": ("recall", "percent"),
    "lift": ("lift", "times"),
    "crossings": ("crossings of the line per lead-month", "times"),
    "roc_auc": ("ROC AUC", "number"),
    "average_precision": ("average precision", "number"),
    "brier_skill": ("Brier skill", "number"),
    "calibration_slope": ("calibration slope", "times"),
    "calibration_intercept": ("calibration intercept", "times"),
    "observed_expected": ("observed / expected", "times"),
    "calibration_error": ("calibration error", "number"),
}
REPLAYED = tuple(PHRASES)[:7]


@dataclass(frozen=True)
class Comparison:
    """What `compare.compare` found; `summary` says it in a few sentences and `lines` as a table.

    ``values`` has [measure, policy, value, low, high] and ``differences``, to the policy ``against``, [measure,
    policy, difference, low, high]. ``every_days`` is the days between instants, ``volume_at_threshold`` the leads
    per instant that ``against`` hands off by its own threshold (NaN without one), ``visible`` per policy the
    smallest difference in winners reached that the test could have seen with 80 % power, ``handoffs`` the rows
    handed off per policy (and per policy + ``AT_THRESHOLD``).
    """

    values: pd.DataFrame
    differences: pd.DataFrame
    notes: tuple[str, ...]
    policies: tuple[str, ...]
    against: str
    capacity: int
    every_days: float
    winners: int
    volume_at_threshold: float
    visible: dict[str, float]
    handoffs: dict[str, npt.NDArray[np.int64]]

    @property
    def challenger(self) -> str:
        """The first policy that is not the one compared with."""
        return next((name for name in self.policies if name != self.against), self.against)

    def summary(self, policy: str | None = None) -> str:
        """The winners that ``policy`` (the challenger unless named) and the rules reach, and what that proves."""
        policy = policy or self.challenger
        where = f"At {self.capacity:,} lead{'s' * (self.capacity != 1)} {self._every()}"
        sentences = [self._verdict(policy, where, "")]
        if not math.isnan(self.volume_at_threshold):
            sentences.append(self._verdict(policy, self._own_threshold(), AT_THRESHOLD))
        return " ".join([*sentences, self.power(policy)])

    def power(self, policy: str | None = None) -> str:
        """The smallest difference in winners reached that this test could see, in one sentence."""
        visible = self.visible.get(policy or self.challenger, math.nan)
        one = f"With {self.winners:,} winner{'s' * (self.winners != 1)} this test"
        if math.isnan(visible):
            return f"{one} cannot tell policies apart."
        if visible == 0:
            return f"{one} shows no difference at all: both reach the same winners."
        points = max(1, math.ceil(100 * visible - 1e-9))
        return f"{one} can see a difference of {points} point{'s' * (points != 1)} or more."

    def lines(self, policy: str | None = None) -> list[str]:
        """A plain text table: each measure for ``policy``, for the rules, and their difference, with intervals."""
        policy = policy or self.challenger
        judged = tuple(PHRASES)[len(REPLAYED) :]
        sections = [
            (f"at {self.capacity:,} leads {self._every()}", self._rows(policy, REPLAYED, "")),
            (_lower(self._own_threshold()), self._rows(policy, REPLAYED, AT_THRESHOLD)),
            ("as a ranking and a probability", self._rows(policy, judged, "")),
        ]
        table = [["", policy, self.against, "difference"]]
        for title, rows in sections:
            table += [[title], *rows] if rows else []
        widths = [max(len(row[i]) for row in table if len(row) > 1) for i in range(4)]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table]
        return [*text, "", "95 % intervals from a bootstrap over accounts.", *self.notes]

    def _every(self) -> str:
        return (
            "a week"
            if self.every_days == 7
            else "a day"
            if self.every_days == 1
            else f"every {self.every_days:g} days"
        )

    def _own_threshold(self) -> str:
        return f"At the {self.against}' own threshold ({self.volume_at_threshold:.1f} leads {self._every()})"

    def _verdict(self, policy: str, where: str, suffix: str) -> str:
        """One sentence: both shares, the difference, its interval, and what may be said."""
        measure = "winners_reached" + suffix
        mine, theirs = self.value(measure, policy), self.value(measure, self.against)
        if math.isnan(mine[0]) or math.isnan(theirs[0]):
            return f"{where} nothing can be said: no lead at risk in this test has won."
        said = (
            f"{where} the {policy} reaches {_number(mine[0], 'share')} % of winners, "
            f"the {self.against} {_number(theirs[0], 'share')} %"
        )
        gap, low, high = self.difference(measure, policy)
        points = _number(abs(gap), "share")
        more = (
            "no difference"
            if points == "0"
            else f"{points} point{'s' * (points != '1')} {'more' if gap > 0 else 'fewer'}"
        )
        if math.isnan(low):
            return f"{said}: {more}, with too few winners for an interval, so this proves nothing."
        span = f"95 % interval {_number(low, 'share')} to {_number(high, 'share')}"
        if low > 0:
            return f"{said}: {more} ({span})."
        if high < 0:
            return f"{said}: {more} ({span}); the {self.against} are better here."
        return f"{said}: {more} ({span}); this test cannot tell them apart."

    def cell(self, measure: str, policy: str) -> str:
        """A policy's value of a measure as the table has it: ``62 % (54 to 70)``."""
        return _cell(self.value(measure, policy), PHRASES[measure][1])

    def gap(self, measure: str, policy: str) -> str:
        """The difference to the rules as the table has it: ``+6 points (-2 to 14)``."""
        return _cell(self.difference(measure, policy), PHRASES[measure][1], signed=True)

    def _rows(self, policy: str, measures: tuple[str, ...], suffix: str) -> list[list[str]]:
        rows = []
        for measure in measures:
            phrase, unit = PHRASES[measure]
            mine, theirs = (self.value(measure + suffix, name) for name in (policy, self.against))
            if not (math.isnan(mine[0]) and math.isnan(theirs[0])):
                gap = self.difference(measure + suffix, policy)
                rows.append(
                    [f"  {phrase}", _cell(mine, unit), _cell(theirs, unit), _cell(gap, unit, signed=True)]
                )
        return rows

    def value(self, measure: str, policy: str) -> tuple[float, float, float]:
        """A policy's value of a measure with its interval's ends; NaN where there is none."""
        return _figures(self.values, measure, policy)

    def difference(self, measure: str, policy: str) -> tuple[float, float, float]:
        """How much more than the rules, with its interval's ends; NaN where there is none."""
        return _figures(self.differences, measure, policy)


def _figures(table: pd.DataFrame, measure: str, policy: str) -> tuple[float, float, float]:
    """Value, low and high of one row of a tidy table; NaN where there is no such row."""
    row = table[(table["measure"] == measure) & (table["policy"] == policy)].iloc[:, 2:]
    if row.empty:
        return math.nan, math.nan, math.nan
    value, low, high = row.to_numpy(dtype=float)[0]
    return float(value), float(low), float(high)


def _cell(figures: tuple[float, float, float], unit: str, signed: bool = False) -> str:
    """``62 % (54 to 70)``; a difference has its sign; a dash where there is nothing to say."""
    value, low, high = figures
    if math.isnan(value):
        return "-"
    _, _, tail, tail_of_difference = UNITS[unit]
    text = (
        ("+" if signed and value > 0 else "")
        + _number(value, unit)
        + (tail_of_difference if signed else tail)
    )
    return text if math.isnan(low) else f"{text} ({_number(low, unit)} to {_number(high, unit)})"


def _number(value: float, unit: str) -> str:
    scale, decimals, *_ = UNITS[unit]
    return f"{round(scale * value, decimals) + 0.0:.{decimals}f}"


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
