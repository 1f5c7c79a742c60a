"""The scorer: everything that turns timelines into scored, explained leads, as one saved, versioned object."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from lead_readiness import rules
from lead_readiness.blend import Blend
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
    Reason,
    Teller,
    strongest,
)
from lead_readiness.rules import Replay, RuleBook
from lead_readiness.timelines import Ints, Timelines
from lead_readiness.trees import Trees

Places = npt.NDArray[np.intp]

FORMAT = 1
STATE, TREES, LINEAR, MANIFEST = "scorer.json", "trees.txt", "linear.npz", "manifest.json"


class Voice(Protocol):
    """What the learned voices have in common."""

    def contributions(self, X: Matrix) -> tuple[float, Floats]:
        """Base logit, and per row and feature what moves it from there."""


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
        # Among equal quantiles `interp` takes the last; seen from above, that is the first.
        below, above = np.interp(scores, known, share), np.interp(-scores, falling, share)
        found: list[float] = ((100 + below - above) / 2).round(1).tolist()
        return found

    @cached_property
    def _quantiles(self) -> tuple[Floats, Floats, Floats]:
        known = np.array(self.open_scores)
        return known, -known[::-1], np.linspace(0, 100, len(known))


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
        least = self.scorer.least_points if least is None else least
        return strongest(self.points(row), most_for, most_against, least)

    def reasons(
        self,
        row: int,
        most_for: int = MOST_FOR,
        most_against: int = MOST_AGAINST,
        least: float | None = None,
    ) -> list[Reason]:
        """The strongest reasons of one row, as `told` chooses them."""
        points, teller = self.points(row), self.scorer.teller
        lead, as_of = int(self.lead[row]), int(self.as_of[row])
        told = self.told(row, most_for, most_against, least)
        by_attribute = {} if teller.attributes.keys().isdisjoint(told) else self._by_attribute(row)
        return [teller.reason(b, points[b], self.timelines, lead, as_of, by_attribute) for b in told]

    def _by_attribute(self, row: int) -> dict[str, float]:
        named = self.scorer.attribute_columns
        sums = dict.fromkeys(named, 0.0)
        for name, moved in zip(named, self.by_feature[row, self.by_feature.shape[1] - len(named) :].tolist()):
            sums[name] += moved
        for rule, names in self.scorer.attribute_rules:
            for name in names:
                sums[name] = sums.get(name, 0.0) + float(self.by_rule[row, rule]) / len(names)
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
                "reasons": [[str(r) for r in self.reasons(row)] for row in range(len(self))],
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
    def _grouping(self) -> tuple[Places, Places, Places]:
        """The order that brings columns of one behaviour together, the behaviours that have some, and their begins."""
        features = self.catalogue.features if self.blend else ()
        named = [f.behaviour for f in features] + [t.behaviour for t in self.book.terms]
        slots = np.array([self.behaviours.index(b) for b in named])
        order = np.argsort(slots, kind="stable")
        present, begins = np.unique(slots[order], return_index=True)
        return order, present, begins

    def assess(self, timelines: Timelines, lead: npt.NDArray[np.int32], as_of: Ints) -> Assessment:
        """Score and explain snapshots: ``lead`` are places in the timelines, ``as_of`` microseconds UTC.

        The same lead at the same moment gives the same bits alone, in any batch and in any order. Raises
        ModelError when the timelines were made with another vocabulary or lack an attribute.
        """
        self._check(timelines)
        lead, as_of = np.asarray(lead, np.int32), np.asarray(as_of, np.int64)
        played = rules.replay(self.book, timelines, lead, as_of)
        by_feature = np.zeros((len(lead), len(self.catalogue.features)))
        voices: dict[str, Floats] = {}
        if self.blend is None:
            base, by_rule, moved = 0.0, played.contributions, played.contributions
        else:
            weights = dict(zip(self.blend.voices, self.blend.weights))
            base, by_rule = self.blend.intercept, weights["rules"] * played.contributions
            base += self._add_learned(weights, by_feature, voices, timelines, lead, as_of)
            moved = np.concatenate([by_feature, by_rule], axis=1)
        by_behaviour = self._by_behaviour(moved)
        logit = base + by_behaviour.sum(axis=1) if self.blend else np.full(len(lead), np.nan)
        return Assessment(
            scorer=self,
            timelines=timelines,
            lead=lead,
            as_of=as_of,
            base=base,
            by_behaviour=by_behaviour,
            by_feature=by_feature,
            by_rule=by_rule,
            voices=voices,
            replay=played,
            logit=logit,
            probability=expit(logit),
            score=EVEN_ODDS + POINTS_PER_LOGIT * logit if self.blend else played.points,
        )

    def _check(self, timelines: Timelines) -> None:
        if (
            timelines.kinds == self.project.kinds
            and self.project.attributes.keys() <= timelines.attributes.keys()
        ):
            return
        absent = sorted(self.project.attributes.keys() - timelines.attributes.keys())
        found = f"no attribute {absent[0]!r}" if absent else f"the event kinds {', '.join(timelines.kinds)}"
        raise ModelError(
            f"the timelines have {found}; the scorer was trained with the event kinds {', '.join(self.project.kinds)} "
            f"and the attributes {', '.join(self.project.attributes) or '(none)'}; build the timelines with its project"
        )

    def _add_learned(
        self,
        weights: Mapping[str, float],
        by_feature: Floats,
        voices: dict[str, Floats],
        timelines: Timelines,
        lead: npt.NDArray[np.int32],
        as_of: Ints,
    ) -> float:
        """Add the learned voices' weighted contributions, and their own logits; returns their weighted bases."""
        known: dict[str, Voice | None] = {"linear": self.linear, "trees": self.trees}
        learned = {name: voice for name, voice in known.items() if voice is not None}
        if not learned:
            return 0.0
        x = compute(self.catalogue, timelines, lead, as_of)
        base = 0.0
        for name, voice in learned.items():
            start, moved = voice.contributions(x)
            voices[name] = start + moved.sum(axis=1)
            base += weights[name] * start
            by_feature += weights[name] * moved
        return base

    def _by_behaviour(self, moved: Floats) -> Floats:
        """Columns summed per behaviour; `np.take` keeps rows contiguous, so that a row's sum is its own."""
        order, present, begins = self._grouping
        out = np.zeros((len(moved), len(self.behaviours)))
        if len(moved):
            out[:, present] = np.add.reduceat(moved.take(order, axis=1), begins, axis=1)
        return out

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
