"""Small tables for the tests: each function gives a good table unless told otherwise."""

import pandas as pd

from lead_readiness.project import parse

DAY1, DAY2, DAY3, DAY9 = (f"2026-01-0{d}T10:00:00Z" for d in (1, 2, 3, 9))
EMOJI_ID = "\U0001f680\u200fשלום-é"


def project(**more):
    return parse(
        {
            "name": "Acme",
            "rules": "rules.yaml",
            "tables": {"leads": "leads.csv", "events": "events.csv", "outcomes": "deals.csv"},
            "vocabulary": {"pricing_view": {"behaviour": "pricing"}, "demo": {"behaviour": "form"}},
            "attributes": {"industry": "category", "size": "number"},
            **more,
        }
    )


def leads(**columns):
    frame = {
        "lead_id": ["a", "b", "c"],
        "created_at": [DAY1] * 3,
        "industry": ["it", "", None],
        "size": ["1", "", "2.5"],
    }
    return pd.DataFrame({**frame, **columns})


def events(*rows, columns=("lead_id", "occurred_at", "kind")):
    return pd.DataFrame(list(rows) or [("a", DAY2, "demo")], columns=list(columns))


def outcomes(*rows, columns=("lead_id", "outcome", "decided_at")):
    return pd.DataFrame(list(rows) or [("a", "won", DAY9), ("b", "lost", DAY9)], columns=list(columns))


def handoffs(*rows):
    return pd.DataFrame(list(rows), columns=["lead_id", "handed_off_at", "returned_at"])


def notes(tables):
    return {note.code: str(note) for note in tables.notes}
