"""Who is champion: the rules, until a person promotes a version of the model, and one step back.

The champion is the version with the alias `CHAMPION`; without that alias it is the rule book. Who was champion
before is kept with the registered model, so that a promotion can be taken back without looking anything up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lead_readiness.errors import LeadReadinessError, ModelError
from training.judgement.verdict import KEEP, PROMOTE
from training.tracking.registry import ALIAS, aliases, refusals
from training.tracking.store import Store, load_mlflow

CHAMPION = "champion"
BEFORE = "champion.before"
"""The registered model's tag with those who were champion before, the latest last."""
RULES = "rules"
REMEMBERED = 20
REMEDY = "mend the store and call it again"


@dataclass(frozen=True)
class Standing:
    """Of a registered model the version of each alias, and who was champion before, the latest last."""

    model: str
    aliases: Mapping[str, str]
    before: tuple[str, ...]

    @property
    def champion(self) -> str:
        """The number of the version that is champion, or `RULES`."""
        return self.aliases.get(CHAMPION, RULES)


def standing(store: Store, model: str) -> Standing:
    """Who is champion and who was; ModelError where no training was registered or the record is broken."""
    with refusals(store, "to say who is champion", REMEDY):
        try:
            found = store.client.get_registered_model(model)
        except load_mlflow().exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise ModelError(
                f"no model {model} in {store.shown}; `lead-readiness train` registers one, or name another store "
                "with --tracking-uri"
            ) from None
        text = found.tags.get(BEFORE, "")
    before = tuple(part.strip() for part in text.split(",") if part.strip())
    broken = [part for part in before if part != RULES and not part.isdecimal()]
    if broken:
        raise ModelError(
            f"the tag `{BEFORE}` of {model} holds {broken[0]!r}; expected versions and {RULES!r}, the latest last, "
            f"such as '{RULES}, 3'; mend or delete the tag in MLflow"
        )
    return Standing(model, aliases(store, model), before)


def version_of(store: Store, now: Standing, number: str | None) -> Any:
    """A version of the model, the challenger unless its number is given; ModelError when there is none."""
    number = number or now.aliases.get(ALIAS)
    if number is None:
        raise ModelError(
            f"no version of {now.model} is the {ALIAS}; name one with --version, or train a new one"
        )
    with refusals(store, f"version {number} of {now.model}", REMEDY):
        found = store.client.search_model_versions(f"name='{now.model}'", max_results=1000)
    numbers = {str(version.version): version for version in found}
    if number not in numbers:
        known = ", ".join(sorted(numbers, key=int)) or "none"
        raise ModelError(f"no version {number} of {now.model}; there are {known}")
    return numbers[number]


def promote(store: Store, model: str, at: str, number: str | None = None, reason: str = "") -> str:
    """Make a version the champion, the challenger unless its number is given; what was done, in words.

    Its verdict must say so, or a person must give the ``reason``. Version and model keep when (``at``), why, on which
    verdict, and who was champion before. Raises LeadReadinessError, and changes nothing, when the verdict does not
    allow it or the version is champion already.
    """
    now = standing(store, model)
    version = version_of(store, now, number)
    number, verdict = str(version.version), version.tags.get("verdict", "")
    if now.champion == number:
        raise LeadReadinessError(f"version {number} of {model} is champion already; nothing is changed")
    if verdict != PROMOTE and not reason:
        raise LeadReadinessError(_refusal(model, number, verdict, version.tags))
    record = {
        "promoted.at": at,
        "promoted.verdict": verdict or "none",
        "promoted.reason": reason or "by its verdict",
    }
    _move(store, now, number, number, record, (*now.before, now.champion)[-REMEMBERED:])
    why = f"by its verdict, {verdict!r}" if not reason else f"for a reason given: {reason}"
    return (
        f"Version {number} of {model} is champion now, {why}. Before it: {named(now.champion)}. "
        "One step back: lead-readiness promote --back"
    )


def back(store: Store, model: str, at: str, reason: str = "") -> str:
    """Give the championship back to who held it before; what was done, in words.

    The version that loses it keeps when and why. Raises LeadReadinessError, and changes nothing, when there is no
    one to go back to.
    """
    now = standing(store, model)
    if now.champion == RULES or not now.before:
        who = "the rules are" if now.champion == RULES else f"version {now.champion} is"
        raise LeadReadinessError(
            f"{who} champion of {model}, and nothing is recorded to go back to; nothing is changed"
        )
    last = now.before[-1]
    if last != RULES:
        version_of(store, now, last)
    record = {"rolled_back.at": at, **({"rolled_back.reason": reason} if reason else {})}
    _move(store, now, last, now.champion, record, now.before[:-1])
    return (
        f"{_capital(named(last))} of {model} {_is(last)} champion again, instead of version {now.champion}."
    )


def _move(
    store: Store,
    now: Standing,
    to: str,
    recorded: str,
    record: Mapping[str, str],
    before: tuple[str, ...],
) -> None:
    """Write the record, then move the alias: the one act by which the champion changes.

    Interrupted or refused in between, the record is taken back.
    """
    client, model = store.client, now.model
    with refusals(store, f"to change the champion of {model}", REMEDY):
        former = client.get_model_version(model, recorded).tags
        try:
            for name, value in record.items():
                client.set_model_version_tag(model, recorded, name, value)
            client.set_registered_model_tag(model, BEFORE, ", ".join(before))
            if to == RULES:
                client.delete_registered_model_alias(model, CHAMPION)
            else:
                client.set_registered_model_alias(model, CHAMPION, to)
        except BaseException:
            _take_back(store, now, recorded, record, former)
            raise


def _take_back(
    store: Store, now: Standing, recorded: str, record: Mapping[str, str], former: Mapping[str, str]
) -> None:
    """Alias and tags as they were."""
    client, model = store.client, now.model
    with refusals(
        store,
        f"to change the champion of {model}, and to undo what was begun",
        f"look at its alias `{CHAMPION}` and its tag `{BEFORE}` in MLflow",
    ):
        for name in record:
            if name in former:
                client.set_model_version_tag(model, recorded, name, former[name])
            else:
                client.delete_model_version_tag(model, recorded, name)
        client.set_registered_model_tag(model, BEFORE, ", ".join(now.before))
        if now.champion == RULES:
            client.delete_registered_model_alias(model, CHAMPION)
        else:
            client.set_registered_model_alias(model, CHAMPION, now.champion)


def _refusal(model: str, number: str, verdict: str, tags: Mapping[str, str]) -> str:
    if not verdict:
        said = "no verdict is recorded with it"
    else:
        words, failed = tags.get("verdict.words", ""), tags.get("gates.failed", "none")
        gates = f" Gates not passed: {failed}." if verdict != KEEP and failed != "none" else ""
        said = f"its verdict is {verdict!r}. {words}{gates}".rstrip(".")
    return (
        f"version {number} of {model} is not promoted: {said}. Nothing is changed; to promote it all the same, give "
        f"your reason: lead-readiness promote --version {number} --reason TEXT"
    )


def named(champion: str) -> str:
    """A champion in words.

    >>> named("rules"), named("3")
    ('the rules', 'version 3')
    """
    return "the rules" if champion == RULES else f"version {champion}"


def _is(champion: str) -> str:
    return "are" if champion == RULES else "is"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
