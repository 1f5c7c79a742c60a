"""The small company as a data set and as a trained scorer, and a store to keep trainings in."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_company import write_company

from lead_readiness.scorer import Scorer
from training import dataset
from training.dataset import Dataset
from training.fit import fit
from training.tracking.store import Store, opened


@dataclass(frozen=True)
class Company:
    """The folder of a company's files, what training reads from it, and a scorer learned from it."""

    path: Path
    data: Dataset
    scorer: Scorer


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    path = write_company(tmp_path_factory.mktemp("company"), leads=500)
    data = dataset.load(path)
    everyone = np.ones(len(data.timelines.account_start) - 1, bool)
    return Company(path, data, fit(data, data.timelines.cut, everyone, seed=0))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        return opened(tmp_path_factory.mktemp("store"))


@pytest.fixture
def rows(company: Company) -> pd.DataFrame:
    """What a user of the registered model has: one row an event, its lead's columns and outcome repeated."""
    names = ("leads", "events", "outcomes")
    leads, events, outcomes = (pd.read_csv(company.path.with_name(f"{name}.csv")) for name in names)
    return leads.merge(events, on="lead_id", how="left").merge(outcomes, on="lead_id", how="left")
