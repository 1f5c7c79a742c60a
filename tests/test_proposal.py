"""What names probably mean, and what is not written down."""

import pytest

from lead_readiness.proposal.look import without_password
from lead_readiness.proposal.words import meaning, outcome, rank


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("postgresql://ann:se@cret@db/crm", "postgresql://ann:${DATABASE_PASSWORD}@db/crm"),
        ("postgresql://ann:${PW}@db/crm", "postgresql://ann:${PW}@db/crm"),
        ("postgresql://ann@db/crm", "postgresql://ann@db/crm"),
        ("sqlite:///crm.db", "sqlite:///crm.db"),
    ],
)
def test_passwords_are_not_written_down(url, written):
    assert without_password(url) == written


@pytest.mark.parametrize(
    ("kind", "behaviour", "actor", "direction"),
    [
        ("pricing_view", "pricing", "buyer", "up"),
        ("Webinar Attended", "webinar", "buyer", "up"),
        ("demo_request", "form", "buyer", "up"),
        ("emailOpen", "email", "buyer", "none"),
        ("email_click", "email", "buyer", "up"),
        ("email_sent", "email", "marketing", "none"),
        ("email_bounce", "email", "system", "down"),
        ("spam_complaint", "email", "buyer", "down"),
        ("sales_call", "sales", "sales", "none"),
        ("lifecycle_stage_changed", "system", "system", "none"),
        ("W_Nabellen", "other", "buyer", "none"),
    ],
)
def test_what_kinds_probably_mean(kind, behaviour, actor, direction):
    assert meaning(kind)[:3] == (behaviour, actor, direction)


@pytest.mark.parametrize(
    ("stage", "stands"),
    [
        ("closedwon", "won"),
        ("Closed - Lost", "lost"),
        ("Unqualified", "disqualified"),
        ("Proposal sent", ""),
        ("TRUE", "won"),
    ],
)
def test_what_stages_stand_for(stage, stands):
    assert outcome(stage) == stands


@pytest.mark.parametrize(
    ("column", "likely", "unlikely"),
    [
        ("lead_id", "Lead ID", "Email"),
        ("created_at", "property_createdate", "closedate"),
        ("occurred_at", "Event Timestamp", "colour"),
        ("decided_at", "closedDate", "createdate"),
    ],
)
def test_which_name_suits_a_column_better(column, likely, unlikely):
    assert rank(column, likely) > rank(column, unlikely)
