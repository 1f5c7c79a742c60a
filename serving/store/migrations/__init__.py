"""The database's tables, revision by revision, brought to the newest in one transaction."""

from serving.store.migrations.upgrade import upgrade

__all__ = ["upgrade"]
