"""Columns of real data that are known to tell the outcome, each given to the audit as if nobody had noticed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.bpic2012 import protocol as loans
from benchmarks.measure import Measure
from benchmarks.olist_funnel import protocol as olist
from benchmarks.uci_bank import protocol as bank
from lead_readiness.project import Attribute
from training import dataset
from training.audit import audit
from training.dataset import Dataset

OLIST = (
    "business_segment",
    "lead_type",
    "lead_behaviour_profile",
    "business_type",
    "declared_monthly_revenue",
)
FEW = "W_Wijzigen contractgegevens-SCHEDULE"
"""A deciding step of 12 leads, too few to tell anything by."""


def measures(folder: Path, say: Callable[[str], None]) -> list[Measure]:
    """Of each data set that is there: how many of its canaries are flagged, and how many of its honest columns."""
    made: list[Measure] = []
    for name, canaries in SETS.items():
        if not (folder / name).is_dir():
            say(f"[yellow]{name} is absent: no folder {folder / name}")
            continue
        say(f"[dim]canaries of {name} ...")
        data, planted = canaries(folder / name)
        flagged = {flag.column for flag in audit(data).flags}
        hits, others = len(flagged & planted), flagged - planted
        made.append(
            Measure(
                f"{name}: canaries flagged",
                hits,
                f"of {len(planted)}",
                goal="all",
                reached=hits == len(planted),
            )
        )
        honest = len(data.project.attributes) + len(data.project.vocabulary) - len(planted)
        named = f" ({', '.join(sorted(others))})" if others else ""
        made.append(Measure(f"{name}: other columns flagged{named}", len(others), f"of {honest}"))
    return made


def of_bank(folder: Path) -> tuple[Dataset, set[str]]:
    """How long the call took that decided."""
    data = bank.read(folder)
    calls = pd.read_csv(folder / bank.FILE, sep=";", usecols=["duration"])["duration"].to_numpy(np.float64)
    return with_attribute(data, "duration", calls[data.timelines.lead_ids.astype(int)]), {"duration"}


def of_olist(folder: Path) -> tuple[Dataset, set[str]]:
    """What only closed deals have."""
    data: Dataset = olist.read(folder)
    deals = pd.read_csv(folder / olist.DEALS).set_index("mql_id").reindex(data.timelines.lead_ids.astype(str))
    for name in OLIST:
        data = with_attribute(data, name, deals[name].to_numpy())
    return data, set(OLIST)


def of_loans(folder: Path) -> tuple[Dataset, set[str]]:
    """The steps that are the decision, or book it, as the applicant's."""
    os.environ["BPIC2012"] = str(folder.absolute())
    data = dataset.load(Path(loans.__file__).parent / "readiness.toml")
    kinds = data.project.vocabulary
    deciding = {name for name, kind in kinds.items() if kind.behaviour == "decision" and name != FEW}
    kinds = {n: k.model_copy(update={"actor": "buyer"}) if n in deciding else k for n, k in kinds.items()}
    return replace(data, project=data.project.model_copy(update={"vocabulary": kinds})), deciding


def with_attribute(data: Dataset, name: str, values: npt.NDArray[Any]) -> Dataset:
    """The data set with one more attribute, one value a lead."""
    number = values.dtype.kind == "f"
    column = values if number else np.where(pd.isna(values), None, values)
    lines = replace(data.timelines, attributes={**data.timelines.attributes, name: column})
    spec = Attribute(type="number" if number else "category")
    project = data.project.model_copy(update={"attributes": {**data.project.attributes, name: spec}})
    return replace(data, timelines=lines, project=project)


SETS: dict[str, Callable[[Path], tuple[Dataset, set[str]]]] = {
    "uci_bank": of_bank,
    "olist_funnel": of_olist,
    "bpic2012": of_loans,
}
