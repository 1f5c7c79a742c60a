"""The registered model: raw rows in, one scored and explained row a lead out.

MLflow stores this file with the model and runs it when the model is loaded, so it imports nothing of
``training``; the library travels beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from lead_readiness import moments, tables, timelines
from lead_readiness.contract import columns_of
from lead_readiness.errors import DataError
from lead_readiness.project import Project
from lead_readiness.scorer import Scorer
from lead_readiness.timelines import Timelines


class ReadinessModel(PythonModel):  # type: ignore[misc]
    """A saved Scorer behind MLflow's door."""

    scorer: Scorer

    def load_context(self, context: PythonModelContext) -> None:
        """Load the scorer that the model was logged with; it is text, arrays and JSON."""
        self.scorer = Scorer.load(Path(context.artifacts["scorer"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """One row a lead, in the input's order.

        Columns: lead_id, as_of, score, probability, rule_points, grade, reasons (list of sentences), version.

        ``model_input`` has one row an event with its lead's columns repeated, and one row with an empty ``kind``
        for a lead without events. ``params["as_of"]`` is ISO 8601 text; without it the leads are scored just after
        the latest moment in the input. Raises DataError for rows that do not keep the data contract.
        """
        project = self.scorer.project
        leads, events = split(project, model_input)
        lines = timelines.build(tables.validate(project, leads, events), project)
        asked = (params or {}).get("as_of")
        as_of = moments.read(asked, project.timezone) if asked else just_after(lines)
        place = (
            pd.Index(lines.lead_ids).get_indexer(pd.Index(leads["lead_id"].astype("str"))).astype(np.int32)
        )
        assessed = self.scorer.assess(lines, place, np.full(len(place), as_of, np.int64))
        return assessed.frame().assign(version=self.scorer.version)


def split(project: Project, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The leads and the events that rows of one event each hold together; raises DataError for a missing column."""
    named = {table: [c.name for c in columns_of(table, project)] for table in ("leads", "events")}
    absent = [c for c in (*named["leads"], "occurred_at", "kind") if c not in rows and c != "account_id"]
    if absent:
        found = ", ".join(f"`{c}`" for c in rows.columns)
        raise DataError(
            f"the model's input has no column `{absent[0]}`; found {found}; expected one row an event with its "
            "lead's columns repeated: leads.merge(events, on='lead_id', how='left')"
        )
    leads = rows[[c for c in named["leads"] if c in rows]].drop_duplicates(ignore_index=True)
    happened = rows["kind"].notna() & (rows["kind"].astype("str") != "")
    return leads, rows.loc[happened, [c for c in named["events"] if c in rows]].reset_index(drop=True)


def just_after(lines: Timelines) -> int:
    """The first moment at which all of the input was known, in microseconds UTC."""
    known = (lines.created, lines.time, lines.recorded)
    return max(int(moment.max()) for moment in known if len(moment)) + 1


mlflow.models.set_model(ReadinessModel())
