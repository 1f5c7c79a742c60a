"""The tables of the first store: leads, events, outcomes, handoffs, scores, and who was merged or erased."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "leads",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("dated_at", sa.BigInteger),
        sa.Column("recorded_at", sa.BigInteger),
        sa.Column("attributes", sa.JSON, nullable=False),
    )
    op.create_index("leads_account", "leads", ["account_id"])
    op.create_table(
        "events",
        sa.Column("identity", sa.LargeBinary(16), primary_key=True),
        _lead(),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("asset", sa.Text),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text),
    )
    op.create_index("events_lead", "events", ["lead_id", "occurred_at"])
    op.create_table(
        "outcomes",
        _lead(primary_key=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("opportunity_at", sa.BigInteger),
        sa.Column("amount", sa.Double),
        sa.Column("reason", sa.Text),
    )
    op.create_table(
        "handoffs",
        _lead(primary_key=True),
        sa.Column("handed_off_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("returned_at", sa.BigInteger),
        sa.Column("reason", sa.Text),
    )
    op.create_table(
        "scores",
        _lead(primary_key=True),
        sa.Column("as_of", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("saved_at", sa.BigInteger, nullable=False),
        sa.Column("rule_book", sa.Text, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("probability", sa.Double),
        sa.Column("band", sa.Text),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("decision", sa.JSON),
    )
    op.create_table("merged", sa.Column("old_id", sa.Text, primary_key=True), _lead())
    op.create_index("merged_lead", "merged", ["lead_id"])
    op.create_table("erased", sa.Column("digest", sa.LargeBinary(16), primary_key=True))


def _lead(primary_key: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey("leads.lead_id", ondelete="CASCADE")
    return sa.Column("lead_id", sa.Text, key, nullable=False, primary_key=primary_key)
