"""Which model serves: a better one is taken, a broken one refused, and the old one goes on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blended import RULES_ONLY
from histories import day
from leaky_company import PROJECT

from lead_readiness.errors import ConfigError, ModelError
from lead_readiness.project import Attribute, Kind
from lead_readiness.scorer import Scorer
from serving.endpoint.warming import warm
from serving.models import Champion, Keeper, check_fit
from serving.origins import Folder, Registry, UnreachableError, origin
from serving.settings import Settings

NEXT = replace(RULES_ONLY, card=replace(RULES_ONLY.card, seed=1))


class Shelf:
    """A place of models that tests put models on; what is no scorer is raised."""

    shown = "a shelf"

    def __init__(self, *models: Any) -> None:
        self.models, self.loads = list(models), 0

    def newest(self) -> str:
        if not self.models:
            raise UnreachableError("the shelf is empty")
        return str(len(self.models))

    def named(self, token: str) -> str:
        return f"model {token}"

    def load(self, token: str) -> Scorer:
        self.loads += 1
        model = self.models[int(token) - 1]
        if isinstance(model, Exception):
            raise model
        assert isinstance(model, Scorer)
        return model


def keeper(shelf: Any, warming: Callable[[Champion], None] = lambda _: None) -> tuple[Keeper, list[str]]:
    heard: list[str] = []
    return Keeper(shelf, warming, lambda: day(150), lambda event, **_: heard.append(event)), heard


def test_another_model_is_taken_once_and_the_one_before_is_remembered() -> None:
    shelf = Shelf(RULES_ONLY)
    kept, heard = keeper(shelf)
    kept.look()
    kept.look()
    shelf.models.append(NEXT)
    kept.look()
    assert heard == ["model serves", "model serves"]
    assert shelf.loads == 2
    assert kept.champion is not None
    assert (kept.champion.scorer, kept.champion.earlier, kept.champion.source) == (
        NEXT,
        RULES_ONLY,
        "model 2",
    )
    assert kept.champion.version(RULES_ONLY.version) is RULES_ONLY
    assert kept.champion.version("unheard of") is None


def test_a_broken_model_is_refused_once_and_the_old_one_goes_on() -> None:
    shelf = Shelf(RULES_ONLY, ModelError("scorer.json: altered since it was saved"))
    shelf.models.pop()
    kept, heard = keeper(shelf)
    kept.look()
    shelf.models.append(ModelError("scorer.json: altered since it was saved"))
    kept.look()
    kept.look()
    assert heard == ["model serves", "model refused"]
    assert kept.champion is not None and kept.champion.scorer is RULES_ONLY
    (refused,) = kept.state()["refused"]
    assert (refused["source"], refused["why"]) == ("model 2", "scorer.json: altered since it was saved")


def test_a_model_that_fails_its_warming_is_refused_without_telling_what_it_said() -> None:
    def fails(_: Champion) -> None:
        raise RuntimeError("ann@acme.example")

    kept, heard = keeper(Shelf(RULES_ONLY), fails)
    kept.look()
    assert (kept.champion, heard) == (None, ["model refused"])
    assert kept.state()["refused"][0]["why"] == "it fails: RuntimeError"


def test_what_cannot_be_reached_is_tried_again_and_told_once() -> None:
    shelf = Shelf()
    kept, heard = keeper(shelf)
    kept.look()
    kept.look()
    assert (heard, kept.state()["unreachable"]) == (["model unreachable"], "the shelf is empty")
    shelf.models.append(RULES_ONLY)
    kept.look()
    assert (heard[-1], kept.state()["unreachable"]) == ("model serves", None)


def test_without_a_model_named_there_is_none() -> None:
    kept, heard = keeper(None)
    kept.look()
    assert (kept.champion, heard, kept.state()["serving"]) == (None, [], None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Other"}, "it is of the project 'Other'; expected 'Leaky'"),
        (
            {"vocabulary": {k: v for k, v in PROJECT.vocabulary.items() if k != "blog"}},
            "name: blog; expected the same",
        ),
        ({"attributes": {**PROJECT.attributes, "people": Attribute(type="category")}}, "name: people"),
    ],
)
def test_a_model_that_would_read_requests_otherwise_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_fit(RULES_ONLY, replace(RULES_ONLY, project=PROJECT.model_copy(update=changes)))


def test_a_model_that_knows_more_kinds_is_taken() -> None:
    more = {**PROJECT.vocabulary, "yawn": Kind(behaviour="web")}
    check_fit(RULES_ONLY, replace(RULES_ONLY, project=PROJECT.model_copy(update={"vocabulary": more})))


def test_a_model_is_warmed_with_a_made_up_lead() -> None:
    kept, heard = keeper(Shelf(RULES_ONLY), lambda champion: warm(champion, Settings()))
    kept.look()
    assert heard == ["model serves"]


def test_a_folder_is_looked_at_for_changes(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with pytest.raises(UnreachableError, match="no scorer there"):
        folder.newest()
    RULES_ONLY.save(tmp_path)
    first = folder.newest()
    assert folder.load(first).version == RULES_ONLY.version
    NEXT.save(tmp_path)
    assert folder.newest() != first


@pytest.mark.parametrize("damage", ["", "{}", "no json", '{"sha256": []}'])
def test_a_damaged_folder_is_a_model_error(tmp_path: Path, damage: str) -> None:
    RULES_ONLY.save(tmp_path)
    (tmp_path / "manifest.json").write_text(damage)
    with pytest.raises(ModelError):
        Folder(tmp_path).load("")


def test_a_scorer_inside_a_logged_model_is_found(tmp_path: Path) -> None:
    RULES_ONLY.save(tmp_path / "artifacts" / "scorer")
    assert Folder(tmp_path).load(Folder(tmp_path).newest()).version == RULES_ONLY.version


@pytest.mark.parametrize("uri", ["models:/a", "models:/@champion", "models:/a/1@champion"])
def test_an_address_must_name_a_version(uri: str) -> None:
    with pytest.raises(ConfigError, match="names no registered model"):
        origin(uri, None)


def test_a_registry_names_versions() -> None:
    assert Registry("models:/a/3", None).newest() == "3"
    assert Registry("models:/a@champion", None).named("4") == "models:/a/4"
