"""Four books in the style of published scoring models, with examples worked out by hand.

All are judged on day 100; a grade is "" where the book has none.
"""

from pathlib import Path
from typing import Any

import pytest
from rule_company import PROJECT, Lead, events, replay

from lead_readiness import rules

BOOKS = Path(__file__).parent / "books"
BIG = {"seniority": "director", "employees": 300.0, "country": "NO"}
BUSY = [f"{day} pricing_view" for day in range(95, 100)]
OLD_AND_NEW = ["55 pricing_view", "56 pricing_view", "95 pricing_view", "96 pricing_view"]

HUBSPOT = [
    # who it is                 what it did                             points  grade   why
    ({}, [], 0, "C3"),  # nothing known, nothing done
    (BIG, [], 40, "A3"),  # company 10 + 20, capped at 25; 15 for the title
    ({"employees": 60.0}, ["99 email_click"], 15, "B3"),  # 10 + 5
    (BIG, ["95 pricing_view", "96 pricing_view"], 56, "A2"),  # 40 + 8 + 8
    ({}, BUSY, 21, "C2"),  # 8 + 8, the limit of two a week; 5 for five views
    ({}, OLD_AND_NEW, 28, "C2"),  # 8 x 0.75 twice, 8 twice: 28 is below the cap of 30
    # At day 97 the group holds 28: one page gets 1, the next 1, the third and the busy week find no room.
    ({}, [*OLD_AND_NEW, "97 page_view", "98 page_view", "99 page_view"], 30, "C2"),
    ({}, ["99 form_submit", "99 demo_request"], 40, "C1"),  # 20 + 40, capped at 40 when awarded
    ({}, ["10 form_submit", "10 demo_request"], 10, "C3"),  # capped at 40 first, then a quarter is left
    ({}, ["65 demo_request", "66 form_submit", "99 form_submit"], 40, "C1"),  # 30 are left of 40: room for 10
    ({}, ["99 email_open", "99.1 email_open", "99 email_click"], 6, "C3"),  # one open a day
    (BIG, ["20 unsubscribe"], 25, "A3"),  # 40 - 15, which does not wear off
    (BIG, ["20 complaint", "99 demo_request"], 0, ""),  # excluded: no points, no grade
    (BIG, [*BUSY, "99 demo_request", "98 form_submit"], 100, "A1"),  # 40 + 21 + 40 = 101, at the ceiling
]
MARKETO = [
    ({}, [], 0, ""),  # 40 away for 100 silent days, kept at the floor
    ({"seniority": "executive"}, ["99 page_view"], 16, ""),  # 15 + 1
    ({}, ["99 page_view"] * 9, 13, ""),  # five a day; 8 for coming twice
    ({}, ["98 page_view", "99 page_view"], 10, ""),  # 1 + 1 + 8
    ({}, ["80 page_view", "99 page_view"], 2, ""),  # not in one week
    ({}, ["90 page_view /careers/jobs", "91 page_view /careers", "98 form_submit"], 17, ""),  # 2 - 10 + 25
    ({}, ["99 form_submit", "98 form_submit"], 25, ""),  # one form in 30 days
    ({}, ["60 form_submit", "95 form_submit"], 50, ""),  # 35 days apart
    ({}, ["69 form_submit", "68 webinar"], 27, ""),  # 25 + 12 - 10 for 31 silent days
    ({}, ["40 form_submit", "39 webinar"], 17, ""),  # 60 silent days: 20 away
    ({}, ["98 download /guides/a", "99 download /compare/b", "99.5 download /buyers-guide"], 27, ""),
    ({}, ["97 webinar", "98 unsubscribe", "99 email_click"], 3, ""),  # starts again after the unsubscribe
    ({"employees": 4.0}, ["99 webinar"], 2, ""),  # 12 - 10
]
PARDOT = [
    ({}, [], 0, "D4"),
    ({}, ["1 form_submit", "2 form_submit"], 100, "D1"),  # nothing fades, nothing is limited
    ({"seniority": "director", "employees": 100.0, "country": "DE"}, ["1 pricing_view"], 51, "A3"),  # 40 + 11
    ({"employees": 250.0}, ["1 form_submit", "1 form_error"], 55, "C3"),  # 10 + 50 - 5
    ({"seniority": "student"}, ["1 form_submit"], 30, "D2"),  # 50 - 20
    ({}, ["1 page_view"] * 7 + ["2 email_click", "3 download"], 13, "D3"),
    ({}, ["1 form_submit", "1 form_submit", "50 unsubscribe"], 0, ""),  # opted out: not scored any more
    ({"country": "XX"}, ["1 form_submit"], 0, ""),
]
MAUTIC: list[tuple[Any, ...]] = [
    ({}, ["1 pricing_view", "2 pricing_view"], 10, ""),  # once
    (
        {},
        ["1 page_view", "2 page_view", "5 page_view", "9 page_view"],
        4,
        "",
    ),  # back after 1 and 3 days, not 4
    ({}, ["1 page_view", "1 page_view"], 0, ""),  # the same second is not after
    ({}, ["1 email_open"] * 5, 6, ""),  # three, ever
    ({}, ["1 email_open", "1.5 email_click", "3 email_click"], 8, ""),  # only the first click is soon after
    ({}, ["1 blog_alert_signup", "5 newsletter_signup"], 33, ""),  # 3 + 25 + 5
    ({}, ["1 blog_alert_signup", "9 newsletter_signup"], 8, ""),  # eight days: not soon
    ({}, ["1 newsletter_signup", "5 blog_alert_signup"], 8, ""),  # the wrong way round
    ({}, ["1 form_submit", "2 form_submit", "3 form_submit", "40 form_submit"], 45, ""),
    ({}, ["1 form_submit", "2 download", "2 complaint", "3 download"], 10, ""),  # again after the complaint
]
TABLES: dict[str, list[tuple[Any, ...]]] = {
    "hubspot": HUBSPOT,
    "marketo": MARKETO,
    "pardot": PARDOT,
    "mautic": MAUTIC,
}


@pytest.mark.parametrize(
    ("style", "who", "lines", "expected", "grade"),
    [
        pytest.param(style, *row, id=f"{style}-{i}")
        for style, rows in TABLES.items()
        for i, row in enumerate(rows)
    ],
)
def test_worked_examples(
    style: str, who: dict[str, Any], lines: list[str], expected: float, grade: str
) -> None:
    played = rules.load(BOOKS / f"{style}_style.yaml", PROJECT)
    said = replay(played, Lead(events(*lines), who))
    assert said.points[0] == pytest.approx(expected, abs=1e-5)
    assert said.grade[0] == grade


def test_each_rule_gets_what_it_added() -> None:
    played = rules.load(BOOKS / "hubspot_style.yaml", PROJECT)
    said = replay(played, Lead(events(*BUSY, "99 demo_request", "98 form_submit"), BIG))
    added = {term.name: p for term, p in zip(said.terms, said.contributions[0]) if p}
    # 20 for the form and 40 for the demo: one day later the demo finds room for 20 of its 40 points.
    assert added == pytest.approx(
        {
            "Country we sell in": 25 / 3,
            "Large company": 50 / 3,
            "Decides": 15,
            "Pricing page": 16,
            "Busy week": 5,
        }
        | {"Form": 20, "Demo": 20, "(ceiling)": -1},
        abs=1e-5,
    )
    assert {t.name: t.behaviour for t in said.terms if t.name in added} == {
        "Country we sell in": "fit",
        "Large company": "fit",
        "Decides": "fit",
        "Pricing page": "pricing",
        "Busy week": "content",
        "Form": "form",
        "Demo": "meeting",
        "(ceiling)": "rules",
    }
    assert (said.fit[0], said.engagement[0]) == pytest.approx((40, 61), abs=1e-5)


@pytest.mark.parametrize("style", TABLES)
def test_only_a_recent_demo_request_triggers(style: str) -> None:
    played = rules.load(BOOKS / f"{style}_style.yaml", PROJECT)
    people = [Lead(events(*lines)) for lines in (["99 demo_request"], ["10 demo_request"], ["99 webinar"])]
    expected = {"hubspot": [1, 0, 0], "marketo": [1, 1, 0], "pardot": [0, 0, 0], "mautic": [1, 0, 0]}
    assert replay(played, *people).triggered.tolist() == expected[style]


def test_the_one_who_opts_in_step_by_step_outranks_the_reader() -> None:
    played = rules.load(BOOKS / "mautic_style.yaml", PROJECT)
    opts_in = Lead(events("90 page_view", "91 blog_alert_signup", "93 newsletter_signup"))
    reads = Lead(events(*(f"{day} page_view /blog/{day}" for day in range(88, 100))))
    said = replay(played, opts_in, reads)
    assert said.points.tolist() == [33, 22]
