"""Makes the tests' PostgreSQL server known here."""

from postgres import postgres_url

__all__ = ["postgres_url"]
