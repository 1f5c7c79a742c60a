"""Which features a vocabulary gives, how they are named and kept, and what the kernel refuses."""

from dataclasses import replace

import numpy as np
import pytest
from feature_companies import NOW, catalogue
from histories import Event, Lead, build, kinds

from lead_readiness.errors import ModelError
from lead_readiness.features import Catalogue, Feature, compute
from lead_readiness.features import families as fam
from lead_readiness.features.attributes import Attributes
from lead_readiness.features.catalogue import MOST_KIND_COLUMNS, event_features, groups
from lead_readiness.features.families import Group
from lead_readiness.project import Kind, Project
from lead_readiness.timelines import DAY

VISIT = Group("visit", "visits", "web", ("visit",), 1)


def project(**meanings: dict[str, str]) -> Project:
    return Project(name="Acme", vocabulary={kind: Kind.model_validate(m) for kind, m in meanings.items()})


def names(made: tuple[Feature, ...]) -> list[str]:
    return [f.name for f in made]


@pytest.mark.parametrize(
    ("directions", "activity", "direction"),
    [
        ({"visit": "up", "email": "up", "leave": "down", "load": "none"}, ("visit", "email"), 1),
        ({"visit": "none", "email": "none"}, ("visit", "email"), 0),
        ({"visit": "none", "leave": "down"}, ("visit", "leave"), 0),
    ],
)
def test_activity_is_what_points_up_or_else_all_that_buyers_do(
    directions: dict[str, str], activity: tuple[str, ...], direction: int
) -> None:
    group = groups(Project(name="Acme", vocabulary=kinds(**directions)), {})[0]
    assert (group.kinds, group.direction) == (activity, direction)


def test_kinds_of_sales_and_systems_give_no_feature() -> None:
    acme = project(
        visit={"behaviour": "web"},
        send={"behaviour": "email", "actor": "marketing"},
        call={"behaviour": "phone", "actor": "sales"},
        sync={"behaviour": "crm", "actor": "system"},
    )
    made = event_features(acme, dict.fromkeys(acme.kinds, 9), with_values=acme.kinds, accounts=True)
    assert {kind for f in made for kind in f.kinds} == {"visit", "send"}
    assert [f.direction for f in made if f.kinds == ("send",)] == [0, 0]


def test_kinds_that_are_not_scored_give_no_feature() -> None:
    acme = Project(
        name="Acme",
        vocabulary={
            **kinds(visit="up", read="up"),
            "leak": Kind(behaviour="web", direction="up", scored=False),
            "send": Kind(behaviour="email", actor="marketing", scored=False),
        },
    )
    without = Project(name="Acme", vocabulary=kinds(visit="up", read="up"))
    counts = dict.fromkeys(acme.kinds, 9)
    assert event_features(acme, counts) == event_features(without, counts)


def test_a_behaviour_of_one_kind_needs_no_columns_for_the_kind() -> None:
    acme = project(visit={"behaviour": "web"}, open={"behaviour": "mail"}, click={"behaviour": "mail"})
    made = names(event_features(acme, {"visit": 5, "open": 5, "click": 0}))
    assert "count(web)" in made and "count(visit)" not in made
    assert "count(mail)" in made and "count(open)" in made
    assert "count(click)" not in made  # never seen


def test_the_rarest_kinds_are_left_out_first() -> None:
    acme = Project(name="Acme", vocabulary={f"k{n:02}": Kind(behaviour=f"b{n % 2}") for n in range(60)})
    made = event_features(acme, {kind: n for n, kind in enumerate(acme.kinds)})
    single = [f.kinds[0] for f in made if len(f.kinds) == 1 and f.family == "recency"]
    assert single == [f"k{n:02}" for n in range(59, 59 - MOST_KIND_COLUMNS // 2, -1)]


def test_values_and_accounts_give_columns_where_they_are_known() -> None:
    acme = Project(name="Acme", vocabulary=kinds(visit="up"))
    plain = set(names(event_features(acme, {})))
    assert set(names(event_features(acme, {}, with_values=["visit"]))) - plain == {
        "value(visit)",
        "value(visit_90d)",
    }
    more = set(names(event_features(acme, {}, accounts=True))) - plain
    assert all(name.startswith("account_") for name in more) and len(more) == 6


def test_names_are_distinct_even_if_a_kind_a_behaviour_and_a_group_share_one() -> None:
    acme = project(
        email={"behaviour": "email"},
        open={"behaviour": "email"},
        activity={"behaviour": "activity"},
        activity_7d={"behaviour": "activity", "actor": "marketing"},
    )
    made = event_features(acme, dict.fromkeys(acme.kinds, 1), accounts=True)
    assert len(set(names(made))) == len(made)
    by_name = {f.name: f for f in made}
    assert by_name["count(email)"].kinds == ("email", "open")
    assert by_name["count(email) of email"].kinds == ("email",)


def test_every_feature_says_what_it_is() -> None:
    for f in catalogue(Project(name="Acme", vocabulary=kinds(visit="up", leave="down"))).features:
        assert f.name and f.phrase and f.unit and f.behaviour, f
        assert f.direction in (-1, 0, 1), f
        assert np.isfinite(f.empty), f


def test_a_catalogue_is_what_it_was_after_saving() -> None:
    saved = catalogue(Project(name="Acme", vocabulary=kinds(visit="up", email="none")))
    found = Catalogue.from_dict(saved.as_dict())
    assert (found.features, found.kinds, found.activity) == (saved.features, saved.kinds, saved.activity)
    assert found.fingerprint == saved.fingerprint
    assert all(np.array_equal(a, b) for a, b in zip(found.program, saved.program))
    fewer = replace(saved, events=saved.events[1:])
    assert fewer.fingerprint != saved.fingerprint


@pytest.mark.parametrize("days", [0.5, 21.0, 45.0, 365.0])
def test_any_window_and_half_life_will_do(days: float) -> None:
    acme = Project(name="Acme", vocabulary=kinds(visit="up"))
    made = [
        fam.count(VISIT, days),
        fam.trend(VISIT, days),
        fam.intensity(VISIT, days),
        fam.value(VISIT, days),
    ]
    known = build(
        [Lead("x", events=tuple(Event(NOW - round(d * DAY), "visit", value=1.0) for d in (days, 2 * days)))],
        acme,
    )
    found = compute(
        Catalogue(tuple(made), Attributes(), acme.kinds, ()), known, np.zeros(1, np.int32), np.array([NOW])
    )
    assert found.tolist() == [[1.0, 0.0, 0.75, 1.0]]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (
            [replace(fam.age(), family="mood")],
            "feature 'age' is of the unknown family 'mood'; train the model again",
        ),
        (
            [fam.count(replace(VISIT, kinds=("vist",)))],
            "feature 'count(visit)' reads event kind 'vist', which the vocabulary lacks; use the project file that the "
            "model was trained with",
        ),
        (
            [replace(fam.pair("visit", "visit", 1.0, kinds(visit="up")), then="trial")],
            "reads event kind 'trial'",
        ),
        ([*fam.history(VISIT, ("bored",))], "feature 'returned(bored)': 'bored' is none of not now, price"),
        (
            [
                replace(f, name=f"burst({d:g}d)", days=d)
                for d in (30.0, 90.0)
                for f in fam.rhythm(VISIT)
                if f.family == "burst"
            ],
            "feature 'burst(90d)' is a second 'burst' with another window; a catalogue holds one",
        ),
    ],
)
def test_a_feature_that_the_kernel_cannot_compute_is_refused(features: list[Feature], message: str) -> None:
    broken = Catalogue(tuple(features), Attributes(), ("visit",), ("visit",))
    with pytest.raises(ModelError) as error:
        _ = broken.program
    assert message in str(error.value)


def test_timelines_of_another_vocabulary_are_refused() -> None:
    known = build([Lead("x")], Project(name="Acme", vocabulary=kinds(visit="up", trial="up")))
    other = catalogue(Project(name="Acme", vocabulary=kinds(visit="up")))
    with pytest.raises(
        ModelError, match="kinds are visit, trial, the model's visit; build the timelines with the"
    ):
        compute(other, known, np.zeros(1, np.int32), np.array([NOW]))
