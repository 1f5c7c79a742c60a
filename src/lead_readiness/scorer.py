"""The scorer: everything that turns timelines into scored, explained leads, as one saved, versioned object."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from lead_readiness import rules
from lead_readiness.blend import Blend, Places, add_up
from lead_readiness.card import Card
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
    strongest,
)
from lead_readiness.rules import Replay, RuleBook
from lead_readiness.telling import Ask, Teller
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

    def explain(self, X: Matrix, phi: Floats) -> None:
        """Fill in per row and feature what moves it from there."""


class Voices(NamedTuple):
    """The ``learned`` voices by name, where the blend and then each of them ``starts``, and what weighs each voice.

    The rules' weight comes first.
    """

    learned: dict[str, Voice]
    starts: Floats
    weights: Floats


class AttributeParts(NamedTuple):
    """The parts of a score that are about attributes, attribute by attribute.

    Of each attribute its name and where its parts ``start``; then the parts, places in `Assessment.by_part`, and
    ``among`` how many attributes each is shared out: those of a rule that looks at attributes alone.
    """

    names: tuple[str, ...]
    starts: Ints
    parts: Ints
    among: Ints


@dataclass(eq=False, slots=True)
class Assessment:
    """Scores of n snapshots with everything that they add up from.

    ``base + by_behaviour.sum(axis=1) = logit``; ``by_behaviour`` sums ``by_feature`` (both learned voices) and
    ``by_rule``, all in log-odds, weighted as in the blend. ``probability`` is of being won within the horizon;
    ``score`` tells the same on a scale where 100 is even odds and 20 points double them. ``voices`` has the logit of
    each learned voice by itself, before the blend. Without a blend (too few wins) ``probability`` and ``logit`` are
    NaN, and score and contributions are rule points.

    ``by_part`` has the columns of ``by_feature`` and then those of ``by_rule``; ``logits`` the blend's and then each
    learned voice's.
    """

    scorer: Scorer
    timelines: Timelines
    lead: npt.NDArray[np.int32]
    as_of: Ints
    by_behaviour: Floats
    by_part: Floats
    replay: Replay
    logits: Floats
    probability: Floats
    score: Floats

    def __len__(self) -> int:
        return len(self.lead)

    @property
    def base(self) -> float:
        """The logit of a lead about whom nothing moves it either way."""
        return self.scorer.voices.starts.item(0)

    @property
    def by_feature(self) -> Floats:
        """What each feature adds to each snapshot."""
        return self.by_part[:, : self.by_part.shape[1] - self.replay.contributions.shape[1]]

    @property
    def by_rule(self) -> Floats:
        """What each of the rules' terms adds to each snapshot."""
        return self.by_part[:, self.by_part.shape[1] - self.replay.contributions.shape[1] :]

    @property
    def logit(self) -> Floats:
        """The blend's logits."""
        logit: Floats = self.logits[0]
        return logit

    @property
    def voices(self) -> dict[str, Floats]:
        """The logits of each learned voice by itself."""
        return dict(zip(self.scorer.voices.learned, self.logits[1:]))

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
        names, starts, parts, among = self.scorer.attribute_parts
        shares = self.by_part[row].take(parts) / among
        return dict(zip(names, np.add.reduceat(shares, starts).tolist()))

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
    def attribute_parts(self) -> AttributeParts:
        """Which of the parts of a score are about attributes, and about which."""
        features, first_rule = self.catalogue.attributes.features, len(self.catalogue.features)
        whens = [(first_rule + n, rule.when) for n, rule in enumerate(self.book.rules)]
        parts = [(f.kinds[0], first_rule - len(features) + n, 1) for n, f in enumerate(features)]
        parts += [(a, n, len(when.attribute)) for n, when in whens if not when.kind for a in when.attribute]
        names, places, among = zip(*sorted(parts)) if parts else ((), (), ())
        known = tuple(dict.fromkeys(names))
        starts = [names.index(name) for name in known]
        return AttributeParts(known, *(np.array(of, np.int64) for of in (starts, places, among)))

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
    def _of_part(self) -> Places:
        """The place among the behaviours that each feature is summed into, and then each of the rules' terms."""
        place = {behaviour: n for n, behaviour in enumerate(self.behaviours)}
        return np.array(
            [place[part.behaviour] for part in self.catalogue.features + self.book.terms], np.uint32
        )

    @cached_property
    def voices(self) -> Voices:
        """The voices as they are blended; without a blend the rules' points alone."""
        if self.blend is None:
            return Voices({}, np.zeros(1), np.ones(1))
        known: dict[str, Voice | None] = {"linear": self.linear, "trees": self.trees}
        learned = {name: voice for name, voice in known.items() if voice is not None}
        weight = dict(zip(self.blend.voices, self.blend.weights))
        base = self.blend.intercept + sum(weight[name] * voice.base for name, voice in learned.items())
        starts = [base, *(voice.base for voice in learned.values())]
        return Voices(
            learned, np.array(starts), np.array([weight["rules"], *map(weight.__getitem__, learned)])
        )

    def assess(self, timelines: Timelines, lead: npt.NDArray[np.int32], as_of: Ints) -> Assessment:
        """Score and explain snapshots: ``lead`` are places in the timelines, ``as_of`` microseconds UTC.

        The same lead at the same moment gives the same bits alone, in any batch and in any order. Raises
        ModelError when the timelines were made with another vocabulary or lack an attribute.
        """
        self._check(timelines)
        lead, as_of = np.ascontiguousarray(lead, np.int32), np.ascontiguousarray(as_of, np.int64)
        n, of_part, (learned, starts, weights) = len(lead), self._of_part, self.voices
        played = rules.replay(self.book, timelines, lead, as_of)
        if learned:
            x = compute(self.catalogue, timelines, lead, as_of)
        else:
            x = np.empty((n, len(of_part) - len(played.terms)), np.float32)
        by_part, by_behaviour = np.empty((n, len(of_part))), np.empty((n, len(self.behaviours)))
        scores = np.empty((2 + len(learned), n))

        def explain(begin: int) -> None:
            rows = x[begin : begin + CHUNK]
            moved = np.empty((len(learned), *rows.shape))
            for voice, phi in zip(learned.values(), moved):
                voice.explain(rows, phi)
            add_up(
                begin, moved, played.contributions, starts, weights, of_part, EVEN_ODDS, POINTS_PER_LOGIT,
                by_part, by_behaviour, scores,
            )  # fmt: skip

        if n <= CHUNK:
            explain(0)
        else:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(explain, range(0, n, CHUNK)))
        score, logits = (scores[0], scores[1:]) if self.blend else (played.points, np.full((1, n), np.nan))
        probability = expit(logits[0])
        return Assessment(
            self, timelines, lead, as_of, by_behaviour, by_part, played, logits, probability, score
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
