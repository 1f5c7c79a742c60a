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
from lead_readiness.errors import DataError
from lead_readiness.project import Project
from lead_readiness.scorer import Scorer
from lead_readiness.tables.contract import columns_of
from lead_readiness.timelines import NEVER, Timelines


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
        for a lead without events (see `tables_of`). ``params["as_of"]`` is ISO 8601 text; without it the leads are
        scored just after the latest moment in the input. Raises DataError for rows that break the data contract.
        """
        project = self.scorer.project
        parts = tables_of(project, model_input)
        lines = timelines.build(tables.validate(project, *parts.values()), project)
        asked = (params or {}).get("as_of")
        as_of = moments.read(asked, project.timezone) if asked else just_after(lines)
        ids = pd.Index(parts["leads"]["lead_id"].astype("str"))
        place = pd.Index(lines.lead_ids).get_indexer(ids).astype(np.int32)
        assessed = self.scorer.assess(lines, place, np.full(len(place), as_of, np.int64))
        return assessed.frame().assign(version=self.scorer.version)


def optional(project: Project) -> dict[str, list[str]]:
    """Columns that rows may have beside leads' and events': what is known of outcomes and of hand-offs."""
    of = {
        "outcomes": ["outcome", "decided_at", "opportunity_at"],
        "handoffs": ["handed_off_at", "returned_at", "reason"],
    }
    return {table: [c for c in columns if c not in project.attributes] for table, columns in of.items()}


def tables_of(project: Project, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Leads, events, outcomes and hand-offs, in this order, that rows of one event or hand-off each hold together.

    A row is an event where ``kind`` is filled, a hand-off where ``handed_off_at`` is; the columns of its lead, and
    of the lead's outcome if it has one, are repeated. Raises DataError for a missing column.
    """
    named = {table: [c.name for c in columns_of(table, project)] for table in ("leads", "events")}
    absent = [c for c in (*named["leads"], "occurred_at", "kind") if c not in rows and c != "account_id"]
    if absent:
        found = ", ".join(f"`{c}`" for c in rows.columns)
        raise DataError(
            f"the model's input has no column `{absent[0]}`; found {found}; expected one row an event with its "
            "lead's columns repeated: leads.merge(events, on='lead_id', how='left')"
        )
    more = optional(project)
    return {
        "leads": rows[[c for c in named["leads"] if c in rows]].drop_duplicates(ignore_index=True),
        "events": _where(rows, "kind", named["events"]),
        "outcomes": _where(rows, "outcome", ["lead_id", *more["outcomes"]]).drop_duplicates(
            ignore_index=True
        ),
        "handoffs": _where(rows, "handed_off_at", ["lead_id", *more["handoffs"]]).drop_duplicates(
            ignore_index=True
        ),
    }


def _where(rows: pd.DataFrame, filled: str, columns: list[str]) -> pd.DataFrame:
    """The rows in which a column is filled; none, with all columns, where there is no such column."""
    if filled not in rows or filled not in columns:
        return pd.DataFrame({c: pd.Series(dtype="str") for c in columns})
    there = rows[filled].notna() & (rows[filled].astype("str") != "")
    return rows.loc[there, [c for c in columns if c in rows]].reset_index(drop=True)


def just_after(lines: Timelines) -> int:
    """The first moment at which all of the input was known, in microseconds UTC."""
    known = (lines.created, lines.time, lines.recorded, lines.decided, lines.handed_off, lines.returned)
    return max(int(moment.max()) for moment in (k[k < NEVER] for k in known) if len(moment)) + 1


mlflow.models.set_model(ReadinessModel())
