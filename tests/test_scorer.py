"""The scorer's promises: scores add up, stay the same bits wherever they are computed, and survive a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from histories import Event, Lead, build, day
from hypothesis import given
from hypothesis import strategies as st
from leaky_company import FUTURES, PROJECT, company
from trained import BOOK, dataset_of, everyone, with_wins

from lead_readiness import rules
from lead_readiness.blend import Blend
from lead_readiness.card import Card
from lead_readiness.errors import ModelError
from lead_readiness.features import Catalogue, compute
from lead_readiness.features.attributes import Attributes
from lead_readiness.project import Project
from lead_readiness.reasons import POINTS_PER_LOGIT
from lead_readiness.scorer import MANIFEST, STATE, Assessment, Scorer
from lead_readiness.trees import CHUNK
from training.fit import fit

LEADS = company(600)
DATA = dataset_of(LEADS)
N = len(LEADS)
NOW = day(200)
EVERY = np.arange(N, dtype=np.int32)
CARD = Card(horizon_days={"all": 20}, cut=DATA.timelines.cut, leads=N, rows=N, wins=0, seed=0)
RULES_ONLY = Scorer(PROJECT, BOOK, Catalogue((), Attributes(), PROJECT.kinds, ()), None, None, None, CARD)


@pytest.fixture(scope="module")
def fitted() -> Scorer:
    return fit(DATA, DATA.timelines.cut, everyone(DATA), seed=0)


@pytest.fixture(scope="module")
def scorer(fitted: Scorer) -> Scorer:
    """The fitted voices in a blend in which each of them has a say."""
    return replace(fitted, blend=Blend(("rules", "linear", "trees"), (0.03, 0.5, 0.6), -0.5))


def assessed(scorer: Scorer, leads: list[Lead] = LEADS, as_of: int = NOW) -> Assessment:
    known = build(leads, PROJECT)
    return scorer.assess(known, np.arange(len(known), dtype=np.int32), np.full(len(known), as_of))


def bits(made: Assessment, row: int) -> tuple[object, ...]:
    """Everything that an assessment says of one row, to the last bit."""
    arrays = (made.by_behaviour, made.by_feature, made.by_rule, made.logit, made.probability, made.score)
    return made.base, *(a[row].tobytes() for a in arrays), made.replay.grade[row], *made.reasons(row)


def test_three_voices_were_learned(fitted: Scorer) -> None:
    assert fitted.blend is not None and fitted.blend.voices == ("rules", "linear", "trees")
    assert fitted.linear is not None and fitted.trees is not None


@pytest.mark.parametrize("as_of", [day(-1), day(60), NOW, day(500)])
def test_base_and_behaviours_add_up(scorer: Scorer, as_of: int) -> None:
    made = assessed(scorer, as_of=as_of)
    assert abs(made.base + made.by_behaviour.sum(axis=1) - made.logit).max() < 1e-9
    parts = made.by_feature.sum(axis=1) + made.by_rule.sum(axis=1)
    assert abs(made.base + parts - made.logit).max() < 1e-9
    for row in range(0, N, 50):
        assert made.base_points + sum(made.points(row).values()) == pytest.approx(made.score[row], abs=1e-9)
    assert made.score == pytest.approx(100 + POINTS_PER_LOGIT * made.logit)
    assert made.probability == pytest.approx(1 / (1 + np.exp(-made.logit)))


def test_the_logit_is_the_blend_of_the_voices_logits(scorer: Scorer) -> None:
    x = compute(scorer.catalogue, DATA.timelines, EVERY, np.full(N, NOW))
    voices = [rules.replay(BOOK, DATA.timelines, EVERY, np.full(N, NOW)).points]
    for voice in (scorer.linear, scorer.trees):
        base, moved = voice.contributions(x)  # type: ignore[union-attr]
        voices.append(base + moved.sum(axis=1))
    expected = scorer.blend.logit(np.column_stack(voices))  # type: ignore[union-attr]
    assert abs(assessed(scorer).logit - expected).max() < 1e-9


@given(
    rows=st.lists(st.tuples(st.integers(0, N - 1), st.sampled_from([day(30), NOW])), min_size=1, max_size=40)
)
def test_alone_in_a_batch_and_in_any_order_the_same_bits(scorer: Scorer, rows: list[tuple[int, int]]) -> None:
    lead, as_of = np.array([r[0] for r in rows], np.int32), np.array([r[1] for r in rows])
    batch = scorer.assess(DATA.timelines, lead, as_of)
    turned = scorer.assess(DATA.timelines, lead[::-1], as_of[::-1])
    alone = scorer.assess(DATA.timelines, lead[:1], as_of[:1])
    assert bits(batch, 0) == bits(alone, 0) == bits(turned, len(rows) - 1)


def test_on_several_threads_the_same_bits(scorer: Scorer) -> None:
    lead = np.arange(2 * CHUNK + 77, dtype=np.int32) % N
    shared = scorer.assess(DATA.timelines, lead, np.full(len(lead), NOW))
    once = scorer.assess(DATA.timelines, EVERY, np.full(N, NOW))
    for row in (0, CHUNK - 1, CHUNK, 2 * CHUNK, len(lead) - 1):
        assert bits(shared, row) == bits(once, int(lead[row]))
    for name in ("linear", "trees"):
        assert (shared.voices[name] == once.voices[name][lead]).all()


@pytest.mark.parametrize("accounts", [1, 7, 100])
def test_on_the_timelines_of_some_accounts_the_same_bits(scorer: Scorer, accounts: int) -> None:
    few = [x for x in LEADS if x.account in {f"account {n:03}" for n in range(accounts)}]
    part, whole = assessed(scorer, few), assessed(scorer)
    for row, name in enumerate(part.timelines.lead_ids):
        assert bits(part, row) == bits(whole, whole.timelines.find(name))


def test_no_rows_give_no_rows(scorer: Scorer) -> None:
    for one in (scorer, RULES_ONLY):
        made = one.assess(DATA.timelines, EVERY[:0], np.zeros(0, np.int64))
        assert len(made) == len(made.frame()) == 0


def test_a_frame_has_one_row_a_snapshot(scorer: Scorer) -> None:
    made = scorer.assess(DATA.timelines, EVERY[:3], np.full(3, NOW))
    frame = made.frame()
    assert frame["lead_id"].tolist() == DATA.timelines.lead_ids[:3].tolist()
    assert frame["as_of"].dt.strftime("%Y-%m-%d %Z").tolist() == ["2026-07-24 UTC"] * 3
    assert frame["score"].tolist() == made.score.tolist()
    assert frame["reasons"][0] == [str(r) for r in made.reasons(0)]


# What may move a score, and what may not


@pytest.mark.parametrize("future", FUTURES)
@pytest.mark.parametrize("as_of", [day(60), NOW])
def test_the_future_changes_nothing(scorer: Scorer, future: str, as_of: int) -> None:
    before, after = assessed(scorer, as_of=as_of), assessed(scorer, FUTURES[future](LEADS, as_of), as_of)
    for row in range(0, N, 5):
        assert bits(after, after.timelines.find(before.timelines.lead_ids[row])) == bits(before, row)


def with_events(*events: Event) -> list[Lead]:
    return [replace(x, events=(*x.events, *events)) for x in LEADS]


@pytest.mark.parametrize(
    "event",
    [
        Event(NOW, "pricing"),
        Event(NOW - 9, "pricing", late=10),
        Event(NOW - 1, "call"),
        Event(day(150), "call"),
    ],
    ids=["at the moment", "recorded later", "sales calls", "sales called"],
)
def test_what_is_not_seen_changes_nothing(scorer: Scorer, event: Event) -> None:
    before, after = assessed(scorer), assessed(scorer, with_events(event))
    assert [bits(after, row) for row in range(N)] == [bits(before, row) for row in range(N)]


@pytest.mark.parametrize("kind", [k for k, v in PROJECT.vocabulary.items() if v.direction == "up"])
def test_one_more_event_that_points_up_never_lowers_a_score(scorer: Scorer, kind: str) -> None:
    before, after = assessed(scorer), assessed(scorer, with_events(Event(NOW - 1, kind)))
    free = scorer.catalogue.directions == 0
    undirected = [compute(scorer.catalogue, m.timelines, m.lead, m.as_of)[:, free] for m in (before, after)]
    same = (undirected[0] == undirected[1]).all(axis=1)  # a burst, say, may speak either way
    assert same.sum() > 500
    assert (after.logit - before.logit)[same].min() >= -1e-9


# A folder and back


def test_a_folder_gives_back_the_same_scorer(scorer: Scorer, tmp_path: Path) -> None:
    scorer.save(tmp_path)
    loaded = Scorer.load(tmp_path)
    assert (loaded.version, loaded.card, loaded.project) == (scorer.version, scorer.card, scorer.project)
    assert json.loads((tmp_path / MANIFEST).read_text())["version"] == scorer.version
    before, after = assessed(scorer), assessed(loaded)
    assert [bits(after, row) for row in range(N)] == [bits(before, row) for row in range(N)]
    loaded.save(tmp_path / "again")
    assert {p.name: p.read_bytes() for p in (tmp_path / "again").iterdir()} == {
        p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()
    }


def test_a_folder_holds_text_and_plain_arrays_only(scorer: Scorer, tmp_path: Path) -> None:
    scorer.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"scorer.json", "trees.txt", "linear.npz", "manifest.json"}
    with np.load(tmp_path / "linear.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind in "fb" for name in arrays)
    for name in ("scorer.json", "trees.txt", "manifest.json"):
        (tmp_path / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"cut": 5}, {"wins": 7}, {"notes": ("one",)}],
    ids=lambda change: next(iter(change)),
)
def test_another_card_is_another_version(change: dict[str, object]) -> None:
    assert replace(RULES_ONLY, card=replace(CARD, **change)).version != RULES_ONLY.version


def rewritten(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Another state, under a manifest that vouches for it."""
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    change(state)
    (folder / STATE).write_text(json.dumps(state), encoding="utf-8")
    sha256 = hashlib.sha256((folder / STATE).read_bytes()).hexdigest()
    digest = hashlib.sha256(STATE.encode() + b"\0" + bytes.fromhex(sha256)).hexdigest()
    (folder / MANIFEST).write_text(json.dumps({"version": digest[:12], "sha256": {STATE: sha256}}))


def manifest(folder: Path, **changed: object) -> None:
    found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**found, **changed}), encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: (f / MANIFEST).unlink(), r"not a saved scorer \(.*No such file.*\); expected the folder that"),
        (lambda f: (f / STATE).unlink(), r"not a saved scorer \(.*scorer\.json"),
        (lambda f: (f / MANIFEST).write_text("{"), r"not a saved scorer \("),
        (lambda f: (f / MANIFEST).write_text("{}"), r"not a saved scorer \('sha256'\)"),
        (lambda f: (f / MANIFEST).write_text("[]"), r"not a saved scorer \("),
        (lambda f: (f / STATE).write_text("{}"), r"scorer\.json: altered since it was saved; restore the folder"),
        (lambda f: manifest(f, sha256={}), r"scorer\.json: altered since it was saved"),
        (lambda f: manifest(f, version="0" * 12), r"manifest\.json: altered since it was saved"),
        (lambda f: rewritten(f, lambda s: s.update(format=9)),
         r"scorer format 9; this version reads format 1; train again"),
    ],
    ids=["no manifest", "no state", "cut short", "empty", "a list", "altered", "unvouched", "other version", "format"],
)  # fmt: skip
def test_a_folder_that_is_not_what_was_saved(
    harm: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    RULES_ONLY.save(tmp_path)
    harm(tmp_path)
    with pytest.raises(ModelError, match=message) as refused:
        Scorer.load(tmp_path)
    assert str(refused.value).startswith(str(tmp_path))


@pytest.mark.parametrize("name", ["trees.txt", "linear.npz"])
def test_a_voice_that_is_not_what_was_saved(scorer: Scorer, name: str, tmp_path: Path) -> None:
    scorer.save(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelError, match=f"{name}: altered since it was saved"):
        Scorer.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ModelError, match=f"not a saved scorer .*{name}"):
        Scorer.load(tmp_path)
    sha256 = json.loads((tmp_path / MANIFEST).read_text())["sha256"]
    manifest(tmp_path, sha256={n: digest for n, digest in sha256.items() if n != name})
    with pytest.raises(ModelError, match=r"manifest\.json: altered since it was saved"):
        Scorer.load(tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"vocabulary": {"visit": {"behaviour": "visit"}}}, "the timelines have the event kinds visit; the scorer was "
         "trained with the event kinds visit, pricing, .* build the timelines with its project"),
        ({"attributes": {"sector": "category"}}, "the timelines have no attribute 'city'; the scorer was trained with"),
    ],
    ids=["vocabulary", "attributes"],
)  # fmt: skip
@pytest.mark.parametrize("voices", ["all", "rules"])
def test_timelines_of_another_project_are_refused(
    scorer: Scorer, voices: str, changed: dict[str, object], message: str
) -> None:
    alien = build([Lead("a")], Project.model_validate({**PROJECT.model_dump(), **changed}))
    with pytest.raises(ModelError, match=message):
        (scorer if voices == "all" else RULES_ONLY).assess(alien, EVERY[:1], np.array([NOW]))


# The evidence ladder, from the wins to the score


@pytest.mark.parametrize(
    ("wins", "voices", "notes"),
    [
        (0, None, ["0 wins; 20 needed for a probability", "0 wins; 40 needed for the linear voice",
                   "0 wins; 120 needed for the trees"]),
        (1, None, ["1 win; 20 needed for a probability", "1 win; 40 needed for the linear voice",
                   "1 win; 120 needed for the trees"]),
        (19, None, ["19 wins; 20 needed for a probability", "19 wins; 40 needed for the linear voice",
                    "19 wins; 120 needed for the trees"]),
        (20, ("rules",), ["20 wins; 40 needed for the linear voice", "20 wins; 120 needed for the trees"]),
        (39, ("rules",), ["39 wins; 40 needed for the linear voice", "39 wins; 120 needed for the trees"]),
        (40, ("rules", "linear"), ["40 wins; 120 needed for the trees"]),
        (119, ("rules", "linear"), ["119 wins; 120 needed for the trees"]),
        (120, ("rules", "linear", "trees"), []),
    ],
)  # fmt: skip
def test_wins_decide_what_is_learned(
    wins: int, voices: tuple[str, ...] | None, notes: list[str], tmp_path: Path
) -> None:
    data = with_wins(DATA, wins)
    made = fit(data, data.timelines.cut, everyone(data), seed=0)
    assert made.card.wins == wins
    assert [n for n in made.card.notes if "needed" in n] == notes
    assert (made.blend and made.blend.voices) == voices
    assert (made.linear is not None, made.trees is not None) == (wins >= 40, wins >= 120)
    shown = assessed(made)
    if voices is None:
        assert np.isnan(shown.logit).all() and np.isnan(shown.probability).all()
        assert shown.score.tolist() == shown.replay.points.tolist()
        assert shown.base_points == 0.0
    else:
        assert ((shown.probability > 0) & (shown.probability < 1)).all()
    for row in range(0, N, 50):
        assert shown.base_points + sum(shown.points(row).values()) == pytest.approx(
            shown.score[row], abs=1e-9
        )
    made.save(tmp_path)
    loaded = Scorer.load(tmp_path)
    assert loaded.version == made.version
    assert [bits(assessed(loaded), row) for row in (0, 7)] == [bits(shown, row) for row in (0, 7)]
