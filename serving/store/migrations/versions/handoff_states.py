"""What one evaluation of the hand-off leaves for the next: a row a lead, and a row a sales cycle and queue."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables; SQLite keeps the rows in the order of their key, in which they are written."""
    op.create_table(
        "handoff_states",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("ready", sa.Boolean, nullable=False),
        sa.Column("handed_off", sa.BigInteger),
        sa.Column("before_as_of", sa.BigInteger),
        sa.Column("before_score", sa.Double),
        sa.Column("before_ready", sa.Boolean, nullable=False),
        sa.Column("before_handed_off", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "handoff_lines",
        sa.Column("cycle", sa.Text, primary_key=True),
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("line", sa.Double),
        sa.Column("taken", sa.BigInteger, nullable=False),
        sa.Column("before_as_of", sa.BigInteger),
        sa.Column("before_line", sa.Double),
        sa.Column("before_taken", sa.BigInteger, nullable=False),
    )
