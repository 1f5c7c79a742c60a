"""Who becomes champion, who does not, and the way back."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small_company import write_company

from lead_readiness.cli import main
from lead_readiness.errors import LeadReadinessError, ModelError
from training.judgement.verdict import INSUFFICIENT, KEEP, PROMOTE
from training.tracking import promotion
from training.tracking.promotion import BEFORE, CHAMPION, back, promote, standing
from training.tracking.store import Store

MODEL = "small-company-readiness"
AT = "2026-05-04T09:00:00Z"
VERDICTS = {"1": PROMOTE, "2": KEEP, "3": PROMOTE, "4": INSUFFICIENT}
WORDS = {
    KEEP: "Keep the champion, the rules: 1 of 9 gates is not passed. Winners reached: +2 points.",
    INSUFFICIENT: "Insufficient evidence: 61 winners in the test, 100 needed.",
}


@pytest.fixture
def kept(store: Store) -> Store:
    """Four versions with the verdicts above, the last of them the challenger, in a store of many tests."""
    client = store.client
    client.create_registered_model(MODEL)
    for number, verdict in VERDICTS.items():
        failed = "none" if verdict == PROMOTE else "winners reached, score drift"
        tags = {"verdict": verdict, "verdict.words": WORDS.get(verdict, ""), "gates.failed": failed}
        made = client.create_model_version(MODEL, "s3://models/one", tags=tags)
        assert str(made.version) == number
    client.set_registered_model_alias(MODEL, "challenger", "4")
    yield store
    client.delete_registered_model(MODEL)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    from training.tracking.store import opened

    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        return opened(tmp_path_factory.mktemp("promotions"))


def tags(store: Store, number: str) -> dict[str, str]:
    return dict(store.client.get_model_version(MODEL, number).tags)


def state(store: Store) -> tuple[object, ...]:
    """All that a promotion may change."""
    found = store.client.get_registered_model(MODEL)
    return dict(found.aliases), dict(found.tags), [tags(store, number) for number in VERDICTS]


def test_without_the_alias_the_rules_are_champion(kept: Store) -> None:
    assert (standing(kept, MODEL).champion, standing(kept, MODEL).before) == ("rules", ())


def test_a_promoting_verdict_needs_no_reason_and_is_recorded(kept: Store) -> None:
    assert promote(kept, MODEL, AT, "1") == (
        f"Version 1 of {MODEL} is champion now, by its verdict, 'promote challenger'. Before it: the rules. One step "
        "back: lead-readiness promote --back"
    )
    assert standing(kept, MODEL).aliases == {"challenger": "4", "champion": "1"}
    assert kept.client.get_registered_model(MODEL).tags[BEFORE] == "rules"
    assert {name: text for name, text in tags(kept, "1").items() if name.startswith("promoted")} == {
        "promoted.at": AT,
        "promoted.verdict": PROMOTE,
        "promoted.reason": "by its verdict",
    }


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            "2",
            "version 2 of .* its verdict is 'keep champion'. Keep .* Winners reached: .2 points. Nothing is changed",
        ),
        (
            None,
            "version 4 of .* 'insufficient evidence'.* 61 winners .*Gates not passed: winners reached, score drift",
        ),
    ],
)
def test_another_verdict_is_refused_by_name_and_changes_nothing(
    number: str | None, said: str, kept: Store
) -> None:
    before = state(kept)
    with pytest.raises(LeadReadinessError, match=f"{said}.* promote --version . --reason TEXT"):
        promote(kept, MODEL, AT, number)
    assert state(kept) == before


def test_a_person_s_reason_promotes_whatever_the_verdict_and_is_kept(kept: Store) -> None:
    assert "for a reason given: sales ask for it" in promote(kept, MODEL, AT, reason="sales ask for it")
    assert standing(kept, MODEL).champion == "4"
    assert (tags(kept, "4")["promoted.verdict"], tags(kept, "4")["promoted.reason"]) == (
        INSUFFICIENT,
        "sales ask for it",
    )


def test_a_version_without_a_verdict_needs_a_reason(kept: Store) -> None:
    kept.client.create_model_version(MODEL, "s3://models/one")
    with pytest.raises(
        LeadReadinessError, match=r"version 5 of .*: no verdict is recorded with it. Nothing is changed"
    ):
        promote(kept, MODEL, AT, "5")
    promote(kept, MODEL, AT, "5", "made by hand")
    assert tags(kept, "5")["promoted.verdict"] == "none"


def test_each_step_back_undoes_the_latest_promotion(kept: Store) -> None:
    promote(kept, MODEL, AT, "1")
    promote(kept, MODEL, AT, "3")
    assert standing(kept, MODEL).before == ("rules", "1")
    assert back(kept, MODEL, AT, "calls went nowhere") == (
        f"Version 1 of {MODEL} is champion again, instead of version 3."
    )
    assert tags(kept, "3")["rolled_back.reason"] == "calls went nowhere"
    assert back(kept, MODEL, AT) == f"The rules of {MODEL} are champion again, instead of version 1."
    assert standing(kept, MODEL).aliases == {"challenger": "4"}
    with pytest.raises(
        LeadReadinessError, match=r"the rules are champion .* nothing is recorded to go back to"
    ):
        back(kept, MODEL, AT)


def test_the_champion_is_not_promoted_twice(kept: Store) -> None:
    promote(kept, MODEL, AT, "1")
    before = state(kept)
    with pytest.raises(
        LeadReadinessError, match=f"version 1 of {MODEL} is champion already; nothing is changed"
    ):
        promote(kept, MODEL, AT, "1", "again")
    assert state(kept) == before


def test_a_version_that_is_gone_cannot_be_gone_back_to(kept: Store) -> None:
    promote(kept, MODEL, AT, "1")
    promote(kept, MODEL, AT, "3")
    kept.client.delete_model_version(MODEL, "1")
    with pytest.raises(ModelError, match=f"no version 1 of {MODEL}; there are 2, 3, 4"):
        back(kept, MODEL, AT)
    assert standing(kept, MODEL).champion == "3"


def test_an_alias_set_by_hand_has_nothing_to_go_back_to(kept: Store) -> None:
    kept.client.set_registered_model_alias(MODEL, CHAMPION, "2")
    with pytest.raises(
        LeadReadinessError, match=r"version 2 is champion .*, and nothing is recorded to go back to"
    ):
        back(kept, MODEL, AT)


def test_a_broken_record_is_named(kept: Store) -> None:
    kept.client.set_registered_model_tag(MODEL, BEFORE, "rules, banana")
    with pytest.raises(
        ModelError, match=r"the tag `champion.before` of .* holds 'banana'; expected versions and 'rules'"
    ):
        back(kept, MODEL, AT)


@pytest.mark.parametrize("number", ["9", "banana"])
def test_a_version_that_is_not_there_is_refused(number: str, kept: Store) -> None:
    with pytest.raises(ModelError, match=f"no version {number} of {MODEL}; there are 1, 2, 3, 4"):
        promote(kept, MODEL, AT, number, "why not")


def test_without_a_challenger_a_version_must_be_named(kept: Store) -> None:
    kept.client.delete_registered_model_alias(MODEL, "challenger")
    with pytest.raises(ModelError, match=f"no version of {MODEL} is the challenger; name one with --version"):
        promote(kept, MODEL, AT)


@pytest.mark.parametrize(
    "step", ["set_model_version_tag", "set_registered_model_tag", "set_registered_model_alias"]
)
@pytest.mark.parametrize("champion", [None, "1"])
def test_interrupted_a_promotion_changes_nothing(
    step: str, champion: str | None, kept: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    if champion:
        promote(kept, MODEL, AT, champion)
    before = state(kept)
    real, asked = getattr(type(kept.client), step), []

    def interrupted(*arguments: object) -> None:
        real(*arguments)
        asked.append(arguments)
        if len(asked) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(type(kept.client), step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        promote(kept, MODEL, AT, "3")
    aliases, named, of_versions = state(kept)
    assert (aliases, of_versions) == (before[0], before[2])
    assert named.get(BEFORE, "") == before[1].get(BEFORE, "")


def test_no_model_at_all_says_to_train(store: Store) -> None:
    with pytest.raises(ModelError, match=r"no model nobody in .*`lead-readiness train` registers one"):
        promotion.standing(store, "nobody")


# --- the command ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_company(tmp_path_factory.mktemp("promoted"), leads=10)


def call(project: Path, store: Store, *arguments: str) -> Result:
    return CliRunner().invoke(
        main, ["promote", "--project", str(project), "--tracking-uri", store.uri, *arguments]
    )


def test_the_command_promotes_and_goes_back(project: Path, kept: Store) -> None:
    done = call(project, kept, "--version", "3")
    assert (done.exit_code, standing(kept, MODEL).champion) == (0, "3"), done.output
    assert "is champion now, by its verdict" in done.stdout
    assert tags(kept, "3")["promoted.at"].endswith("Z")
    done = call(project, kept, "--back", "--reason", "no good")
    assert (done.exit_code, standing(kept, MODEL).champion) == (0, "rules"), done.output


def test_the_command_refuses_with_2_and_nothing_on_stdout(project: Path, kept: Store) -> None:
    before = state(kept)
    done = call(project, kept)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "'insufficient evidence'" in done.stderr
    assert "Gates not passed: winners reached, score drift." in done.stderr
    assert state(kept) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--reason", " "], "--reason is empty; say why in words"),
        (["--back", "--version", "1"], "--back goes to the champion before; leave out --version"),
    ],
)
def test_the_command_takes_no_contradictions(
    arguments: list[str], said: str, project: Path, kept: Store
) -> None:
    done = call(project, kept, *arguments)
    assert (done.exit_code, said in done.stderr) == (2, True)
