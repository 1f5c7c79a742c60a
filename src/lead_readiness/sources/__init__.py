"""The project's tables as Arrow, wherever they are: files through DuckDB, databases through SQLAlchemy."""

from lead_readiness.sources.reading import Source, columns_found, open_source, read, read_table, source_names

__all__ = ["Source", "columns_found", "open_source", "read", "read_table", "source_names"]
