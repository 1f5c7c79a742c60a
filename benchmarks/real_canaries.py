"""Columns of real data that are known to tell the outcome, each given to the audit as if nobody had noticed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measure import Measure
from benchmarks.olist_funnel import protocol as olist
from benchmarks.uci_bank import protocol as bank
from lead_readiness.project import Attribute
from training import dataset
from training.audit import audit
from training.dataset import Dataset

OLIST = ("business_segment", "lead_type", "lead_behaviour_profile", "business_type", "declared_monthly_revenue")
DECIDING = ("O_ACCEPTED-COMPLETE", "O_DECLINED-COMPLETE", "O_CANCELLED-COMPLETE")


def measures(folder: Path, every: int, say: Callable[[str], None]) -> list[Measure]:
    """Of each data set that is there: how many of its canaries are flagged, and how many of its honest columns."""
    made: list[Measure] = []
    for name, canaries in SETS.items():
        if not (folder / name).is_dir():
            say(f"[yellow]{name} is absent: no folder {folder / name}")
            continue
        say(f"[dim]canaries of {name} ...")
        data, planted = canaries(folder / name, every)
        flagged = {flag.column for flag in audit(data).flags}
        hits, others = len(flagged & planted), flagged - planted
        made.append(Measure(f"{name}: canaries flagged", hits, f"of {len(planted)}", goal="all", reached=hits == len(planted)))
        honest = len(data.project.attributes) + len(data.project.vocabulary) - len(planted)
        named = f" ({', '.join(sorted(others))})" if others else ""
        made.append(Measure(f"{name}: other columns flagged{named}", len(others), f"of {honest}"))
    return made


def of_bank(folder: Path, every: int) -> tuple[Dataset, set[str]]:
    """How long the call took that decided."""
    data = bank.read(folder, every)
    calls = pd.read_csv(folder / bank.FILE, sep=";", usecols=["duration"])["duration"].to_numpy(np.float64)
    return with_attribute(data, "duration", calls[data.timelines.lead_ids.astype(int)]), {"duration"}


def of_olist(folder: Path, every: int) -> tuple[Dataset, set[str]]:
    """What only closed deals have."""
    data: Dataset = olist.read(folder)
    deals = pd.read_csv(folder / olist.DEALS).set_index("mql_id").reindex(data.timelines.lead_ids.astype(str))
    for name in OLIST:
        data = with_attribute(data, name, deals[name].to_numpy())
    return data, set(OLIST)


def with_attribute(data: Dataset, name: str, values: np.ndarray) -> Dataset:
    """The data set with one more attribute, one value a lead."""
    number = values.dtype.kind == "f"
    column = values if number else np.where(pd.isna(values), None, values)
    lines = replace(data.timelines, attributes={**data.timelines.attributes, name: column})
    spec = Attribute(type="number" if number else "category")
    project = data.project.model_copy(update={"attributes": {**data.project.attributes, name: spec}})
    return replace(data, timelines=lines, project=project)


SETS: dict[str, Callable[[Path, int], tuple[Dataset, set[str]]]] = {"uci_bank": of_bank, "olist_funnel": of_olist}
