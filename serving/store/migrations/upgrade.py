"""Alembic's revisions, run from code: nobody needs an alembic.ini."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from lead_readiness.errors import LeadReadinessError
from serving.store.schema import metadata

VERSION_TABLE = "readiness_store_version"
"""Not alembic's own name, which MLflow uses: both may live in one database server, even in one database."""


def upgrade(connection: sa.Connection, shown: str) -> None:
    """Bring the database to the newest revision, within the transaction that ``connection`` is in.

    Raises LeadReadinessError when a newer product made the database, or tables of the store's names are another's.
    """
    script = ScriptDirectory(str(Path(__file__).parent))
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    found, newest = context.get_current_revision(), script.get_current_head()
    if found == newest or newest is None:
        return
    steps = list(script.walk_revisions())
    if found is None:
        _refuse_others(connection, shown)
    elif found not in [step.revision for step in steps]:
        raise LeadReadinessError(
            f"{shown}: the store is at revision {found!r}, made by a newer version; this one knows revisions up to "
            f"{newest!r}; install the newer version, or give this one a database of its own"
        )
    with Operations.context(context):
        for step in reversed(list(script.iterate_revisions(newest, found or "base"))):
            step.module.upgrade()
            context.stamp(script, step.revision)


def _refuse_others(connection: sa.Connection, shown: str) -> None:
    others = sorted(set(sa.inspect(connection).get_table_names()) & set(metadata.tables))
    if others:
        raise LeadReadinessError(
            f"{shown}: found {', '.join(f'`{name}`' for name in others)}, which the store did not make; "
            "expected an empty database or a store; give the store a database of its own"
        )
