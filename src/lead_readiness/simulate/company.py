"""The simulated company's parameters: everything that the truth takes as known.

Rates are per person and per ordinary weekday. Rows of numbers run over `STATES`, in that order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

START = datetime(2025, 1, 1, tzinfo=UTC)
STATES = ("away", "awareness", "interest", "evaluation", "ready", "gone", "never")
AWAY, AWARENESS, INTEREST, EVALUATION, READY, GONE, NEVER = range(7)
BEHAVIOURS = (
    "pricing", "product", "content", "webinar", "email", "form", "meeting", "careers", "handoff",
)  # fmt: skip
HORIZON_DAYS = {"short": 30, "long": 90}
CYCLES = tuple(HORIZON_DAYS)
LATEST_DAYS = 7
"""Longest time, in whole days, from a moment to the day on which it gets known: anonymous history and late files."""


@dataclass(frozen=True)
class Channel:
    """One stream of events: its kind and behaviour, its daily rate in each state, and where it happens.

    A ``once`` channel falls silent after the first day on which it was heard; a ``late`` one is now and then
    recorded by a nightly file some days after the fact.
    """

    kind: str
    behaviour: str
    rates: tuple[float, ...]
    assets: tuple[str, ...] = ()
    once: bool = False
    late: bool = False


CHANNELS = (
    Channel("page_view", "content", (0.017, 0.054, 0.07, 0.082, 0.082, 0.013, 0.025),
            ("/", "/about", "/company/news", "/partners", "/contact"), late=True),
    Channel("page_view", "content", (0.0028, 0.011, 0.023, 0.043, 0.047, 0.0028, 0.0051),
            ("/customers", "/customers/stories", "/security", "/integrations"), late=True),
    Channel("blog_view", "content", (0.018, 0.056, 0.052, 0.031, 0.024, 0.016, 0.031),
            ("/blog/planning", "/blog/benchmarks", "/blog/checklist", "/blog/interview", "/blog/trends"), late=True),
    Channel("product_view", "product", (0.0067, 0.023, 0.045, 0.074, 0.07, 0.0067, 0.0078),
            ("/product", "/product/reports", "/product/planner", "/product/connect"), late=True),
    Channel("pricing_view", "pricing", (0.0036, 0.011, 0.024, 0.057, 0.082, 0.0042, 0.0053),
            ("/pricing", "/pricing/team", "/pricing/enterprise")),
    Channel("docs_view", "product", (0.0027, 0.0069, 0.016, 0.038, 0.036, 0.0038, 0.011),
            ("/docs/start", "/docs/api", "/docs/import", "/docs/roles"), late=True),
    Channel("case_study_download", "content", (0.00086, 0.0039, 0.0086, 0.016, 0.013, 0.00099, 0.0013),
            ("case-study-retail.pdf", "case-study-bank.pdf", "case-study-plant.pdf"), late=True),
    Channel("whitepaper_download", "content", (0.0011, 0.0079, 0.011, 0.0095, 0.0053, 0.00087, 0.0053),
            ("whitepaper-roi.pdf", "whitepaper-guide.pdf")),
    Channel("webinar_signup", "webinar", (0.00089, 0.0072, 0.013, 0.013, 0.008, 0.00063, 0.0025)),
    Channel("newsletter_signup", "email", (0.00057, 0.0032, 0.0065, 0.0089, 0.0065, 0.00032, 0.0013), once=True),
    Channel("blog_alert_signup", "email", (0.00082, 0.0058, 0.0074, 0.005, 0.0032, 0.00045, 0.0023), once=True),
    Channel("form_submit", "form", (0.00057, 0.002, 0.004, 0.0088, 0.013, 0.00069, 0.0012),
            ("form/contact", "form/quote", "form/question"), late=True),
    Channel("demo_request", "meeting", (0.00018, 0.0007, 0.002, 0.0066, 0.015, 0.00032, 0.00045), ("form/demo",)),
    Channel("meeting_booked", "meeting", (0.0001, 0.00045, 0.0014, 0.005, 0.015, 0.00018, 0.00032)),
    Channel("trial_start", "product", (0.00032, 0.00081, 0.0023, 0.0096, 0.012, 0.00032, 0.00081),
            ("trial",), once=True),
    Channel("careers_view", "careers", (0.0017, 0.0026, 0.0026, 0.0021, 0.0021, 0.0017, 0.018),
            ("/careers", "/careers/engineering", "/careers/internships"), late=True),
)  # fmt: skip

LATE_SHARE = 0.06
LATE_NIGHTS = (0.4, 0.25, 0.15, 0.12, 0.08)
"""How many nights later a late event is recorded: 1, 2, ... with these probabilities."""

# Who reads how much: one factor per seniority and behaviour (order of BEHAVIOURS).
SENIORITIES = ("analyst", "manager", "director", "executive")
SENIORITY_MIX = (0.40, 0.33, 0.17, 0.10)
OPENS = (0.011, 0.016, 0.024, 0.022)
"""Daily chance, by seniority, that a person of a ready account opens an opportunity that will be won (short cycle)."""
ACTIVITY: Floats = np.array(
    [
        [0.9, 1.3, 1.3, 1.2, 1.0, 0.8, 0.7, 1.4, 1.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        [1.2, 0.7, 0.7, 0.8, 1.0, 1.2, 1.3, 0.5, 1.0],
        [1.1, 0.5, 0.6, 0.5, 1.0, 1.1, 1.2, 0.4, 1.0],
    ]
)

# What becomes of a mail: P(outcome | state).
MAIL = ("ignored", "opened", "clicked", "unsubscribed", "complained")
MAIL_OUTCOME: Floats = np.array(
    [
        [0.939, 0.050, 0.006, 0.0045, 0.0005],
        [0.806, 0.150, 0.040, 0.0037, 0.0003],
        [0.677, 0.230, 0.090, 0.0028, 0.0002],
        [0.638, 0.230, 0.130, 0.0019, 0.0001],
        [0.639, 0.230, 0.130, 0.0009, 0.0001],
        [0.930, 0.045, 0.004, 0.0180, 0.0030],
        [0.913, 0.070, 0.010, 0.0060, 0.0010],
    ]
)
CAMPAIGNS = ("outlook", "roundtable", "product-news", "customer-day", "guide", "year-end")
ATTENDS: Floats = np.array([0.15, 0.40, 0.60, 0.70, 0.60, 0.08, 0.30])
"""P(attends a webinar | signed up, state on its day)."""

# How a lead first makes itself known: P(source | state on that day).
SOURCES = ("organic", "content", "webinar", "paid_search", "fair", "list_import", "referral", "contact_form")
SOURCE: Floats = np.array(
    [
        [0.15, 0.12, 0.05, 0.13, 0.15, 0.35, 0.02, 0.03],
        [0.22, 0.25, 0.10, 0.18, 0.10, 0.10, 0.03, 0.02],
        [0.25, 0.20, 0.12, 0.18, 0.06, 0.06, 0.06, 0.07],
        [0.25, 0.12, 0.08, 0.17, 0.04, 0.04, 0.12, 0.18],
        [0.20, 0.06, 0.04, 0.14, 0.03, 0.03, 0.18, 0.32],
        [0.15, 0.12, 0.05, 0.13, 0.15, 0.35, 0.02, 0.03],
        [0.28, 0.28, 0.08, 0.10, 0.08, 0.12, 0.01, 0.05],
    ]
)
FIRST_EVENT = {"content": "whitepaper_download", "contact_form": "form_submit"}
"""What comes with a source at the moment of creation; the source says it all, so the truth does not count it twice."""

# Sales looks again every 14 days at each lead in its hands: P(answer | state).
REVIEW_DAYS = 14
REASONS = ("not now", "price", "competitor", "no decision", "no response", "not a lead")
REVIEW = ("keep", "lost", "disqualified", *REASONS)
REVIEW_OUTCOME: Floats = np.array(
    [
        [0.20, 0.00, 0.00, 0.24, 0.02, 0.01, 0.15, 0.36, 0.02],
        [0.25, 0.00, 0.00, 0.36, 0.03, 0.01, 0.15, 0.19, 0.01],
        [0.50, 0.00, 0.00, 0.20, 0.06, 0.02, 0.17, 0.05, 0.00],
        [0.80, 0.00, 0.00, 0.06, 0.06, 0.01, 0.07, 0.00, 0.00],
        [0.95, 0.00, 0.00, 0.01, 0.02, 0.00, 0.02, 0.00, 0.00],
        [0.10, 0.55, 0.00, 0.02, 0.05, 0.18, 0.03, 0.07, 0.00],
        [0.10, 0.00, 0.60, 0.02, 0.00, 0.00, 0.00, 0.08, 0.20],
    ]
)
CLEAN_UP: Floats = np.array([0, 0, 0, 0, 0, 1 / 75, 1 / 120])
"""Daily chance that the record of an account that will not buy is closed, whoever holds it."""

# Accounts.
MOST_PEOPLE = 6
JOIN: Floats = np.array([0.0016, 0.0055, 0.0100, 0.0150, 0.0150, 0.0, 0.0])
"""Daily chance that one more person of the account becomes a lead, while there are fewer than MOST_PEOPLE."""
INITIAL = (0.30, 0.44, 0.18, 0.06, 0.02, 0.0)
"""P(state on the account's first day), for accounts that may buy at all."""
COMPANY_TYPES = ("company", "agency", "university", "competitor")
COMPANY_MIX = (0.84, 0.08, 0.05, 0.03)
NON_BUYERS = (0.04, 0.30, 0.75, 0.95)
"""P(never buys | company type): students, applicants, people who sell the same thing."""
INDUSTRIES = ("software", "finance", "manufacturing", "healthcare", "retail", "education")
INDUSTRY_MIX = (0.26, 0.16, 0.20, 0.14, 0.14, 0.10)
SIZES = (20, 200, 2000)
"""Head counts from which an account is small, middling and large; below the first it is very small."""
FIT = ((2, 3, 4, 3), (2, 3, 3, 3), (1, 2, 3, 2), (1, 2, 3, 3), (1, 2, 4, 3), (0, 1, 2, 2))
"""The level of fit of each industry (order of INDUSTRIES) at each size: mostly the larger the better, not always."""
COUNTRIES = ("Germany", "France", "Netherlands", "Spain", "Sweden", "United Kingdom", "United States")
COUNTRY_MIX = (0.24, 0.14, 0.10, 0.08, 0.06, 0.16, 0.22)
PACE = (0.60, 0.78, 1.0, 1.28, 1.60)
"""How much faster an account makes progress at each level of fit."""
TEMPO = (1.0, 0.45)
"""How fast anything moves in a short and in a long sales cycle."""


def fit_level(industry: npt.NDArray[np.int64], employees: Floats) -> npt.NDArray[np.int64]:
    """The level of fit, 0 to 4, of accounts; an unknown head count (NaN) counts as a middling one.

    >>> fit_level(np.array([0, 5, 4]), np.array([500.0, 5.0, np.nan])).tolist()
    [4, 0, 2]
    """
    size = np.digitize(np.nan_to_num(employees, nan=50.0), SIZES)
    return np.array(FIT, dtype=np.int64)[industry, size]


def transitions(cycle: int, fit: int) -> Floats:
    """P(state tomorrow | state today), 7 x 7; rows add up to one."""
    pace, tempo = PACE[fit], TEMPO[cycle]
    step = np.zeros((7, 7))
    step[AWAY, [AWARENESS, INTEREST, EVALUATION, GONE]] = (
        0.011 * pace**0.5,
        0.0015 * pace,
        0.0008 * pace,
        0.0012,
    )
    step[AWARENESS, [AWAY, INTEREST, EVALUATION, GONE]] = 0.026, 0.011 * pace, 0.0012 * pace, 0.0012
    step[INTEREST, [AWAY, AWARENESS, EVALUATION, GONE]] = 0.018, 0.022, 0.018 * pace, 0.004
    step[EVALUATION, [AWAY, INTEREST, READY, GONE]] = 0.010, 0.024, 0.032 * pace, 0.011
    step[READY, [AWAY, EVALUATION, GONE]] = 0.006, 0.014, 0.010
    step *= tempo
    return step + np.diag(1 - step.sum(axis=1))


def opens() -> Floats:
    """Daily chance of opening an opportunity while the account is ready, by cycle and seniority."""
    return np.outer(TEMPO, OPENS)


def initial(company_type: int) -> Floats:
    """P(state on the first day) of an account of a company type."""
    never = NON_BUYERS[company_type]
    return np.append(np.array(INITIAL) * (1 - never), never)


def rhythm(days: int) -> Floats:
    """How busy each day is against an ordinary weekday: weekends, the December lull, August, campaign seasons."""
    date = np.datetime64(START.date()) + np.arange(days)
    weekday = (date.astype(int) + 3) % 7
    month = date.astype("datetime64[M]").astype(int) % 12
    day = (date - date.astype("datetime64[M]")).astype(int) + 1
    busy = np.array([1.0, 1.1, 1.1, 1.05, 0.85, 0.25, 0.30])[weekday]
    busy = busy * np.array([0.95, 1.0, 1.15, 1.0, 1.0, 0.95, 0.85, 0.75, 1.1, 1.15, 1.1, 0.9])[month]
    lull = ((month == 11) & (day >= 20)) | ((month == 0) & (day <= 4))
    return np.asarray(busy * np.where(lull, 0.4, 1.0), dtype=np.float64)


def rates() -> Floats:
    """The daily rate of each channel for each seniority and state: (seniorities, channels, 7 states)."""
    by_state = np.array([channel.rates for channel in CHANNELS])
    behaviour = [BEHAVIOURS.index(channel.behaviour) for channel in CHANNELS]
    return np.asarray(ACTIVITY[:, behaviour][:, :, None] * by_state[None], dtype=np.float64)
