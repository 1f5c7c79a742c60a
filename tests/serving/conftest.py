"""A company to rescore; a store of each kind, SQLite in a file and a database on the tests' own PostgreSQL server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres import postgres_url
from rescored import company, rule_scorer

from lead_readiness.project import ProjectFile
from lead_readiness.scorer import Scorer
from serving.store import Store

__all__ = ["postgres_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    server = request.getfixturevalue("postgres_url")
    name = f"store_{abs(hash(request.node.nodeid)):x}"
    engine = sa.create_engine(
        server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as db:
        db.execute(sa.text(f"create database {name}"))
    engine.dispose()
    return str(server.removesuffix("postgres") + name)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectFile:
    return company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def scorer(project: ProjectFile) -> Scorer:
    return rule_scorer(project)
