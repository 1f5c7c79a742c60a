"""The scorer: everything that turns timelines into scored, explained leads, as one saved, versioned object."""

from __future__ import annotations

import hashlib
import io
import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from lead_readiness import rules
from lead_readiness.blend import Blend, Places, add_up, weigh
from lead_readiness.errors import ModelError
from lead_readiness.evidence import Floats, Matrix
from lead_readiness.features import Catalogue, compute
from lead_readiness.linear import Linear
from lead_readiness.project import Project
from lead_readiness.reasons import (
    EVEN_ODDS,
    LEAST_POINTS,
    LEAST_RULE_POINTS,
    MOST_AGAINST,
    MOST_FOR,
    POINTS_PER_LOGIT,
    Ask,
    Reason,
    Teller,
    strongest,
)
from lead_readiness.rules import Replay, RuleBook
from lead_readiness.timelines import Ints, Timelines
from lead_readiness.trees import CHUNK, Trees

FORMAT = 1
STATE, TREES, LINEAR, MANIFEST = "scorer.json", "trees.txt", "linear.npz", "manifest.json"
AT_ONCE = 1024
"""Rows whose reasons are looked up at once."""


class Voice(Protocol):
    """What the learned voices have in common."""

    @property
    def base(self) -> float:
        """The logit that the contributions move."""

    def contributions(self, X: Matrix) -> tuple[float, Floats]:
        """Base logit, and per row and feature what moves it from there."""


class Weighed(NamedTuple):
    """A learned voice with its name and its weight in the blend."""

    name: str
    weight: float
    voice: Voice


@dataclass(frozen=True)
class Card:
    """What a scorer was made from, in numbers: shown with every score, never used to make one.

    ``horizon_days`` per sales cycle (None: eventual outcome); ``cut`` in microseconds UTC; ``notes`` say in
    words which voices were left out and why. ``open_scores`` are evenly spaced quantiles, from the lowest to the
    highest, of the scores that the leads open at the cut had; none where there were no such leads.
    """

    horizon_days: dict[str, int | None]
    cut: int
    leads: int
    rows: int
    wins: int
    seed: int
    notes: tuple[str, ...] = ()
    open_scores: tuple[float, ...] = ()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Card:
        """The card as JSON gives it back."""
        lists = {name: tuple(record.get(name, ())) for name in ("notes", "open_scores")}
        return cls(**{**record, **lists})

    def with_open_scores(self, scores: Floats, steps: int = 200) -> Card:
        """The same card with the quantiles of these scores.

        >>> Card({}, 0, 1, 1, 0, 0).with_open_scores(np.array([4.0, 1.0, 2.0]), steps=2).open_scores
        (1.0, 2.0, 4.0)
        """
        shares = np.linspace(0, 1, steps + 1)
        return replace(self, open_scores=tuple(np.quantile(scores, shares).tolist()) if len(scores) else ())

    def percentiles(self, scores: Floats) -> list[float] | list[None]:
        """The share in percent of the leads open at the cut that scored less; of those that scored alike, half.

        None where there were no such leads.

        >>> Card({}, 0, 1, 1, 0, 0).with_open_scores(np.array([1.0, 2.0, 2.0, 4.0]), 3).percentiles(np.array([3.0]))
        [83.3]
        """
        if not self.open_scores:
            return [None] * len(scores)
        known, falling, share = self._quantiles
        # Among equal quantiles the last counts; seen from above, that is the first.
        halves = [
            (100 + _between(score, known, share) - _between(-score, falling, share)) / 2
            for score in scores.tolist()
        ]
        return [round(half * 10) / 10 for half in halves]

    @cached_property
    def _quantiles(self) -> tuple[list[float], list[float], list[float]]:
        known = list(self.open_scores)
        return known, [-score for score in reversed(known)], np.linspace(0, 100, len(known)).tolist()


def _between(x: float, known: list[float], y: list[float]) -> float:
    """What `np.interp` gives of one number, at a fraction of its cost."""
    at = bisect_right(known, x) - 1
    if at < 0 or at == len(known) - 1 or known[at] == x:
        return y[max(at, 0)]
    return (y[at + 1] - y[at]) / (known[at + 1] - known[at]) * (x - known[at]) + y[at]


@dataclass(frozen=True)
class Assessment:
    """Scores of n snapshots with everything that they add up from.

    ``base + by_behaviour.sum(axis=1) = logit``; ``by_behaviour`` sums ``by_feature`` (both learned voices) and
    ``by_rule``, all in log-odds, weighted as in the blend. ``probability`` is of being won within the horizon;
    ``score`` tells the same on a scale where 100 is even odds and 20 points double them. ``voices`` has the logit of
    each learned voice by itself, before the blend. Without a blend (too few wins) ``probability`` and ``logit`` are
    NaN, and score and contributions are rule points.
    """

    scorer: Scorer
    timelines: Timelines
    lead: npt.NDArray[np.int32]
    as_of: Ints
    base: float
    by_behaviour: Floats
    by_feature: Floats
    by_rule: Floats
    voices: dict[str, Floats]
    replay: Replay
    logit: Floats
    probability: Floats
    score: Floats

    def __len__(self) -> int:
        return len(self.lead)

    def points(self, row: int) -> dict[str, float]:
        """Per behaviour its points of the score; with `base_points` they add up to ``score[row]``."""
        points = self.by_behaviour[row] * self.scorer.unit
        return dict(zip(self.scorer.behaviours, points.tolist()))

    @property
    def base_points(self) -> float:
        """The score of a lead about whom nothing moves the score either way."""
        return EVEN_ODDS + self.base * POINTS_PER_LOGIT if self.scorer.blend else 0.0

    def told(
        self,
        row: int,
        most_for: int = MOST_FOR,
        most_against: int = MOST_AGAINST,
        least: float | None = None,
    ) -> list[str]:
        """The behaviours that one row's reasons tell of: those that raise the score first, then those that lower it.

        ``least`` is what a behaviour must add or take; by default what is more than noise.
        """
        return list(self._told(row, most_for, most_against, least))

    def _told(self, row: int, most_for: int, most_against: int, least: float | None) -> dict[str, float]:
        """The behaviours that `told` gives, with their points."""
        points, least = self.points(row), self.scorer.least_points if least is None else least
        return {b: points[b] for b in strongest(points, most_for, most_against, least)}

    def reasons(
        self,
        row: int,
        most_for: int = MOST_FOR,
        most_against: int = MOST_AGAINST,
        least: float | None = None,
    ) -> list[Reason]:
        """The strongest reasons of one row, as `told` chooses them."""
        return next(self.reasons_of([row], most_for, most_against, least))

    def reasons_of(
        self,
        rows: Sequence[int],
        most_for: int = MOST_FOR,
        most_against: int = MOST_AGAINST,
        least: float | None = None,
    ) -> Iterator[list[Reason]]:
        """The same of many rows, one after the other: what they did is looked up for many of them at once."""
        teller = self.scorer.teller
        for begin in range(0, len(rows), AT_ONCE):
            asks = [self._ask(row, most_for, most_against, least) for row in rows[begin : begin + AT_ONCE]]
            yield from teller.reasons(self.timelines, asks)

    def _ask(self, row: int, most_for: int, most_against: int, least: float | None) -> Ask:
        points = self._told(row, most_for, most_against, least)
        of_attributes = not self.scorer.teller.attributes.keys().isdisjoint(points)
        by_attribute = self._by_attribute(row) if of_attributes else {}
        return Ask(self.lead.item(row), self.as_of.item(row), points, by_attribute)

    def _by_attribute(self, row: int) -> dict[str, float]:
        named = self.scorer.attribute_columns
        sums = dict.fromkeys(named, 0.0)
        for name, moved in zip(named, self.by_feature[row, self.by_feature.shape[1] - len(named) :].tolist()):
            sums[name] += moved
        by_rule = self.by_rule[row].tolist()
        for rule, names in self.scorer.attribute_rules:
            if by_rule[rule]:
                for name in names:
                    sums[name] = sums.get(name, 0.0) + by_rule[rule] / len(names)
        return sums

    def frame(self) -> pd.DataFrame:
        """One row a snapshot: lead_id, as_of, score, probability, rule_points, grade, reasons (list of sentences)."""
        return pd.DataFrame(
            {
                "lead_id": self.timelines.lead_ids[self.lead],
                "as_of": pd.to_datetime(self.as_of, unit="us", utc=True),
                "score": self.score,
                "probability": self.probability,
                "rule_points": self.replay.points,
                "grade": self.replay.grade,
                "reasons": [[str(r) for r in reasons] for reasons in self.reasons_of(range(len(self)))],
            }
        )


@dataclass(frozen=True)
class Scorer:
    """A company's trained scorer. Training, endpoint, batch job and engines all call `assess`."""

    project: Project
    book: RuleBook
    catalogue: Catalogue
    linear: Linear | None
    trees: Trees | None
    blend: Blend | None
    card: Card

    @cached_property
    def teller(self) -> Teller:
        """What tells the reasons in the project's phrases."""
        return Teller(self.project, self.catalogue.activity)

    @cached_property
    def behaviours(self) -> tuple[str, ...]:
        """The behaviours that contributions are summed into, in the vocabulary's order."""
        named = [k.behaviour for k in self.project.vocabulary.values()]
        used = [f.behaviour for f in self.catalogue.features] + [t.behaviour for t in self.book.terms]
        return tuple(b for b in dict.fromkeys(named + used) if b in used)

    @cached_property
    def attribute_columns(self) -> tuple[str, ...]:
        """Which attribute each of the last columns of the features is about."""
        return tuple(f.kinds[0] for f in self.catalogue.attributes.features)

    @cached_property
    def attribute_rules(self) -> list[tuple[int, list[str]]]:
        """The places of the rules that look at attributes alone, and which attributes those are."""
        whens = [rule.when for rule in self.book.rules]
        return [(n, list(when.attribute)) for n, when in enumerate(whens) if when.attribute and not when.kind]

    @property
    def unit(self) -> float:
        """Score points per unit of a contribution."""
        return POINTS_PER_LOGIT if self.blend else 1.0

    @property
    def least_points(self) -> float:
        """What a behaviour must add or take to be told: less is noise."""
        return LEAST_POINTS if self.blend else LEAST_RULE_POINTS

    @cached_property
    def _needed(self) -> tuple[tuple[str, ...], frozenset[str]]:
        """The event kinds and the attributes that timelines must have."""
        return self.project.kinds, frozenset(self.project.attributes)

    @cached_property
    def _places(self) -> tuple[Places, Places]:
        """The place among the behaviours that each feature is summed into, and each of the rules' terms."""
        place = {behaviour: n for n, behaviour in enumerate(self.behaviours)}
        features, terms = self.catalogue.features, self.book.terms
        return (
            np.array([place[f.behaviour] for f in features], np.uint32),
            np.array([place[t.behaviour] for t in terms], np.uint32),
        )

    @cached_property
    def _voices(self) -> tuple[float, float, list[Weighed]]:
        """The blended logits' base, the rules' weight, and the learned voices; without a blend the points alone."""
        if self.blend is None:
            return 0.0, 1.0, []
        weights = dict(zip(self.blend.voices, self.blend.weights))
        known: dict[str, Voice | None] = {"linear": self.linear, "trees": self.trees}
        learned = [Weighed(n, weights[n], voice) for n, voice in known.items() if voice is not None]
        return self.blend.intercept + sum(v.weight * v.voice.base for v in learned), weights["rules"], learned

    def assess(self, timelines: Timelines, lead: npt.NDArray[np.int32], as_of: Ints) -> Assessment:
        """Score and explain snapshots: ``lead`` are places in the timelines, ``as_of`` microseconds UTC.

        The same lead at the same moment gives the same bits alone, in any batch and in any order. Raises
        ModelError when the timelines were made with another vocabulary or lack an attribute.
        """
        self._check(timelines)
        lead, as_of = np.asarray(lead, np.int32), np.asarray(as_of, np.int64)
        played = rules.replay(self.book, timelines, lead, as_of)
        (base, rules_weight, learned), (of_feature, of_rule) = self._voices, self._places
        n, by_rule = len(lead), rules_weight * played.contributions
        by_feature, by_behaviour = np.zeros((n, len(of_feature))), np.zeros((n, len(self.behaviours)))
        logit, own = np.empty(n), np.empty((len(learned), n))
        x = compute(self.catalogue, timelines, lead, as_of) if learned else np.empty((n, 0), np.float32)

        def explain(rows: slice) -> None:
            for place, (_, weight, voice) in enumerate(learned):
                start, moved = voice.contributions(x[rows])
                weigh(moved, start, weight, by_feature[rows], own[place, rows])
            parts = by_feature[rows], by_rule[rows], of_feature, of_rule
            add_up(base, *parts, by_behaviour[rows], logit[rows])

        if n <= CHUNK:
            explain(slice(n))
        else:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(explain, [slice(begin, begin + CHUNK) for begin in range(0, n, CHUNK)]))
        if self.blend is None:
            logit.fill(np.nan)
        return Assessment(
            scorer=self,
            timelines=timelines,
            lead=lead,
            as_of=as_of,
            base=base,
            by_behaviour=by_behaviour,
            by_feature=by_feature,
            by_rule=by_rule,
            voices={name: own[place] for place, (name, _, _) in enumerate(learned)},
            replay=played,
            logit=logit,
            probability=expit(logit),
            score=EVEN_ODDS + POINTS_PER_LOGIT * logit if self.blend else played.points,
        )

    def _check(self, timelines: Timelines) -> None:
        kinds, attributes = self._needed
        if timelines.kinds == kinds and attributes <= timelines.attributes.keys():
            return
        absent = sorted(attributes - timelines.attributes.keys())
        found = f"no attribute {absent[0]!r}" if absent else f"the event kinds {', '.join(timelines.kinds)}"
        raise ModelError(
            f"the timelines have {found}; the scorer was trained with the event kinds {', '.join(self.project.kinds)} "
            f"and the attributes {', '.join(self.project.attributes) or '(none)'}; build the timelines with its project"
        )

    @cached_property
    def version(self) -> str:
        """The first 12 hex digits of the SHA-256 of all that decides a score."""
        return _content_hash(self._files())[:12]

    def _files(self) -> dict[str, bytes]:
        state = {
            "format": FORMAT,
            "project": self.project.model_dump(mode="json"),
            "book": self.book.model_dump(mode="json", exclude_unset=True),
            "catalogue": self.catalogue.as_dict(),
            "blend": self.blend.record() if self.blend else None,
            "card": asdict(self.card),
        }
        files = {STATE: json.dumps(state, indent=1, ensure_ascii=False).encode()}
        if self.linear is not None:
            files[LINEAR] = _npz(self.linear.arrays())
        if self.trees is not None:
            files[TREES] = self.trees.text.encode()
        return files

    def save(self, folder: Path) -> None:
        """Write the scorer as text, arrays and JSON, with a manifest of their hashes; no pickle anywhere."""
        folder.mkdir(parents=True, exist_ok=True)
        files = self._files()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        manifest = {
            "version": _content_hash(files)[:12],
            "sha256": {n: hashlib.sha256(c).hexdigest() for n, c in files.items()},
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """The scorer that `save` wrote. Raises ModelError when a file is missing, altered or of another format."""
        files = _verified(folder)
        state = json.loads(files[STATE])
        if state["format"] != FORMAT:
            raise ModelError(
                f"{folder}: scorer format {state['format']}; this version reads format {FORMAT}; train again"
            )
        project = Project.model_validate(state["project"])
        return cls(
            project=project,
            book=rules.parse(state["book"], project, source=f"{folder / STATE}"),
            catalogue=Catalogue.from_dict(state["catalogue"]),
            linear=Linear.from_arrays(_arrays(files[LINEAR])) if LINEAR in files else None,
            trees=Trees.from_text(files[TREES].decode()) if TREES in files else None,
            blend=Blend.from_record(state["blend"]) if state["blend"] else None,
            card=Card.from_record(state["card"]),
        )


def _content_hash(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()


def _verified(folder: Path) -> dict[str, bytes]:
    """The manifest's files, each with the hash that the manifest gives it."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = {name: (folder / name).read_bytes() for name in {STATE, *manifest["sha256"]}}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder}: not a saved scorer ({error}); expected the folder that `lead-readiness train` wrote"
        ) from None
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != manifest["sha256"].get(name):
            raise ModelError(
                f"{folder / name}: altered since it was saved; restore the folder or train again"
            )
    if manifest.get("version") != _content_hash(files)[:12]:
        raise ModelError(
            f"{folder / MANIFEST}: altered since it was saved; restore the folder or train again"
        )
    return files


def _npz(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(sorted(arrays.items())))
    return buffer.getvalue()


def _arrays(content: bytes) -> dict[str, npt.NDArray[Any]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as data:
        return dict(data)
