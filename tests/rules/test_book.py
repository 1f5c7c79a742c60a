"""What a rule book may say, and what it is told when it says something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from rule_company import PROJECT, book

from lead_readiness import rules
from lead_readiness.errors import ConfigError
from lead_readiness.rules import RuleBook

WRITTEN = """
name: Acme
version: 3
agreed: {sales: Sales operations, marketing: Marketing operations, on: 2026-01-15}
threshold: 60
floor: 0
ceiling: 100
decay: {half_life_days: 30}
groups: {web: {cap: 40}}
rules:
  - name: Pricing page
    points: 15
    when: {kind: pricing_view, asset: /pricing*}
    limit: {count: 3, days: 7}
    decay: {window_days: 90}
    group: web
  - name: Newsletter soon after
    points: 25
    when: {kind: newsletter_signup, after: {kind: blog_alert_signup, within_days: 7}}
  - name: Busy week
    tiers: {days: 7, at: {3: 5, 6: 10}}
    when: {kind: [page_view, pricing_view]}
  - name: Decision maker
    points: 10
    when: {attribute: {seniority: [director, executive], employees: {min: 50}}}
  - name: Silent
    silence: {at: {30: -5, 60: -10}}
    when: {kind: any}
exclude: [{attribute: {country: NO}}]
reset: {kinds: [unsubscribe], on_recycle: true}
triggers: [{kind: demo_request, within_days: 14}]
grades: {fit: {A: 10}, engagement: {1: 60, 2: 40, 3: 20}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


def load(path: Path, text: str = WRITTEN) -> RuleBook:
    path.write_text(text, encoding="utf-8")
    return rules.load(path, PROJECT)


def test_a_book_reads_as_written(path: Path) -> None:
    read = load(path)
    assert [rule.name for rule in read.rules][:2] == ["Pricing page", "Newsletter soon after"]
    assert read.agreed is not None and str(read.agreed.on) == "2026-01-15"
    assert [rule.is_fit for rule in read.rules] == [False, False, False, True, False]
    assert [(t.name, t.behaviour, t.phrase) for t in read.terms] == [
        ("Pricing page", "pricing", "pricing view on /pricing*"),
        ("Newsletter soon after", "form", "newsletter signup within 7 days of blog alert signup"),
        ("Busy week", "content", "frequency of page view or pricing view in 7 days"),
        ("Decision maker", "fit", "seniority director or executive and employees at least 50"),
        ("Silent", "rhythm", "time since the last buyer event"),
        ("(floor)", "rules", "floor of 0 points"),
        ("(ceiling)", "rules", "ceiling of 100 points"),
    ]


def test_a_country_called_NO_is_no_boolean(path: Path) -> None:
    assert load(path).exclude[0].attribute["country"].values == ("NO",)


def test_the_fingerprint_is_that_of_the_content(path: Path) -> None:
    read = load(path)
    other_layout = yaml.safe_dump(read.model_dump(mode="json"), sort_keys=False, indent=6)
    changed = WRITTEN.replace("points: 15", "points: 16")
    assert load(path, other_layout) == read
    assert load(path, other_layout).fingerprint == read.fingerprint
    assert load(path, changed).fingerprint != read.fingerprint


MISTAKES = [
    # in the book           is written as           and the message says
    ("points: 15", "pionts: 15", "rule 1 ('Pricing page'): unknown key `pionts`; did you mean 'points'?"),
    ("count: 3", "cuont: 3", "rule 1 ('Pricing page'): unknown key `limit.cuont`; did you mean 'count'?"),
    ("threshold: 60", "treshold: 60", "unknown key `treshold`; did you mean 'threshold'?"),
    ("cap: 40", "max: 40", "unknown key `groups.web.max`"),
    ("window_days", "window", "unknown key `decay.window`; did you mean 'window_days'?"),
    ("points: 15", "points: many", "rule 1 ('Pricing page'): `points`: found 'many'"),
    ("points: 15", "points: .nan", "`points`: found nan: Input should be a finite number"),
    ("{kind: pricing_view,", "{kind: pricng_view,", "`when.kind`: found 'pricng_view': 'pricng_view' is not"),
    ("{kind: pricing_view,", "{kind: pricng_view,", "vocabulary; did you mean 'pricing_view'?"),
    ("kind: blog_alert_signup", "kind: blog_alert", "`when.after.kind`: found 'blog_alert'"),
    ("seniority:", "senority:", "'senority' is not an attribute of the project; did you mean 'seniority'?"),
    ("employees: {min: 50}", "employees: [a]", "'employees' is a number: give `min`, `max` or both"),
    ("[director, executive]", "{min: 3}", "'seniority' is a category: give a list of values"),
    ("{min: 50}", "{min: 50, max: 3}", "min 50 is above max 3, so nothing could match"),
    ("[page_view, pricing_view]", "[page_view, sales_call]", "'sales_call' is something sales does"),
    (
        "kinds: [unsubscribe]",
        "kinds: [sales_call]",
        "`reset.kinds`: found ['sales_call']: 'sales_call' is something",
    ),
    ("{kind: demo_request,", "{kind: sales_call,", "`triggers.0.kind`: found 'sales_call'"),
    ("    points: 15\n", "", "rule 1 ('Pricing page'): give exactly one of `points`, `tiers` and `silence`"),
    (
        "points: 10",
        "points: 10\n    once: true",
        "rule 4 ('Decision maker'): `once` is about points awarded event by event",
    ),
    ("points: 15", "points: 15\n    once: true", "give `once` or `limit`, not both"),
    ("{kind: any}", "{attribute: {country: NO}}", "`tiers` and `silence` are about events; give `when.kind`"),
    ("{kind: any}", "{asset: /a}", "`when`: says nothing; give `kind`, `attribute` or both"),
    (
        "group: web",
        "group: wbe",
        "rule 1 ('Pricing page'): `group` 'wbe' is not under `groups`; did you mean 'web'?",
    ),
    ("name: Silent", "name: Busy week", "rules 3 and 5 are both called 'Busy week'; rename one"),
    (
        "{window_days: 90}",
        "{window_days: 90, half_life_days: 3}",
        "give one of `half_life_days`, `window_days` and",
    ),
    (
        "{window_days: 90}",
        "never",
        "`decay`: found 'never': give `half_life_days`, `window_days`, `steps` or the word",
    ),
    (
        "{window_days: 90}",
        "{steps: [{after_days: 9, factor: 0.2}, {after_days: 3, factor: 0}]}",
        "steps must grow in",
    ),
    ("{A: 10}", "{A: 10, C: 5}", "give grades in order from the best: A, B, C for fit"),
    ("{A: 10}", "{A: 10, B: 10}", "each grade must ask for fewer points than the one before it"),
    (
        "threshold: 60",
        "threshold: 101",
        "`threshold` 101 must be above `floor` (0) and at most `ceiling` (100)",
    ),
    (
        "{kind: demo_request, within_days: 14}",
        "{attribute: {country: NO}}",
        "a trigger is an event; give `kind`",
    ),
    ("floor: 0", "floor: 0\nfloor: 1", "the key 'floor' comes twice in one place; keep one"),
    ("name: Acme", "name: [", "not valid YAML"),
    ("rules:\n", "rules: []\nold:\n", "`rules`: found []: a rule book needs at least one rule"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_a_way_out(
    path: Path, right: str, wrong: str, message: str
) -> None:
    assert right in WRITTEN
    with pytest.raises(ConfigError) as error:
        load(path, WRITTEN.replace(right, wrong, 1))
    assert message in str(error.value)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "found nothing, expected a mapping"), ("- a", "found list, expected a mapping")],
)
def test_a_file_without_a_book(path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(path, text)


def test_no_file(path: Path) -> None:
    with pytest.raises(ConfigError, match="no rule book there; name a YAML file as `rules`"):
        rules.load(path, PROJECT)


@pytest.mark.parametrize("rule", [{"points": 1, "when": {"kind": "any"}}])
def test_any_is_every_kind_of_the_buyer(rule: dict[str, Any]) -> None:
    named = book(rule).kinds(("any",))
    assert "page_view" in named
    assert not {"email_sent", "sales_call"} & set(named)
