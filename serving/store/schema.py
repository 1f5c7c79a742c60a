"""The store's tables as the code reads and writes them; the migrations make them.

A time is everywhere a BIGINT of microseconds since 1970 in UTC, as in the library: SQLite has no type for times, and
one representation cannot be read in two time zones. All that is kept of a lead hangs on its row in ``leads`` and goes
when that goes; but for its hand-off state, which a lead that was only ever read from files has too. Nothing here has a
default that reads a clock.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


def _lead(primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "lead_id",
        sa.Text,
        sa.ForeignKey("leads.lead_id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


leads = sa.Table(
    "leads",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("account_id", sa.Text),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column(
        "dated_at", sa.BigInteger
    ),  # arrival of the record that gave created_at; null: the first event did
    sa.Column("recorded_at", sa.BigInteger),  # arrival of the newest record; null: known by events alone
    sa.Column("attributes", sa.JSON, nullable=False),
    sa.Index("leads_account", "account_id"),
)
events = sa.Table(
    "events",
    metadata,
    sa.Column("identity", sa.LargeBinary(16), primary_key=True),
    _lead(),
    sa.Column("occurred_at", sa.BigInteger, nullable=False),
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("asset", sa.Text),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text),
    sa.Index("events_lead", "lead_id", "occurred_at"),
)
outcomes = sa.Table(
    "outcomes",
    metadata,
    _lead(primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("decided_at", sa.BigInteger, nullable=False),
    sa.Column("opportunity_at", sa.BigInteger),
    sa.Column("amount", sa.Double),
    sa.Column("reason", sa.Text),
)
handoffs = sa.Table(
    "handoffs",
    metadata,
    _lead(primary_key=True),
    sa.Column("handed_off_at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("returned_at", sa.BigInteger),
    sa.Column("reason", sa.Text),
)
scores = sa.Table(
    "scores",
    metadata,
    _lead(primary_key=True),
    sa.Column("as_of", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("saved_at", sa.BigInteger, nullable=False),
    sa.Column("rule_book", sa.Text, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("probability", sa.Double),
    sa.Column("band", sa.Text),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("decision", sa.JSON(none_as_null=True)),
)
handoff_states = sa.Table(
    "handoff_states",  # the columns of `handoff.states.LEADS`; no time and no number are null
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("as_of", sa.BigInteger, nullable=False),
    sa.Column("score", sa.Double),
    sa.Column("ready", sa.Boolean, nullable=False),
    sa.Column("handed_off", sa.BigInteger),
    sa.Column("before_as_of", sa.BigInteger),
    sa.Column("before_score", sa.Double),
    sa.Column("before_ready", sa.Boolean, nullable=False),
    sa.Column("before_handed_off", sa.BigInteger),
)
handoff_lines = sa.Table(
    "handoff_lines",  # the columns of `handoff.states.LINES`
    metadata,
    sa.Column("cycle", sa.Text, primary_key=True),
    sa.Column("queue", sa.Text, primary_key=True),
    sa.Column("as_of", sa.BigInteger, nullable=False),
    sa.Column("line", sa.Double),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sa.Column("before_as_of", sa.BigInteger),
    sa.Column("before_line", sa.Double),
    sa.Column("before_taken", sa.BigInteger, nullable=False),
)
merged = sa.Table(
    "merged",
    metadata,
    sa.Column("old_id", sa.Text, primary_key=True),
    _lead(),
    sa.Index("merged_lead", "lead_id"),
)
erased = sa.Table(
    "erased",
    metadata,
    sa.Column(
        "digest", sa.LargeBinary(16), primary_key=True
    ),  # of the id, so that the id itself is forgotten
)
