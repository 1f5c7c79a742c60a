"""A simulated company as files: the data contract's tables, a project file, a rule book and the truth."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pandas as pd

from lead_readiness.simulate.build import simulate

TIME = "%Y-%m-%dT%H:%M:%SZ"


def write(out: Path, leads: int, seed: int, months: int = 18, *, truth: bool = True) -> None:
    """Write a company of so many leads to a folder, which is made if need be; the same bytes for the same seed.

    leads.csv, events.csv.gz, outcomes.csv and handoffs.csv keep the data contract; readiness.toml and rules.yaml
    are ready to use; truth.parquet (left out without ``truth``) holds what `truth.of` returns.
    """
    out.mkdir(parents=True, exist_ok=True)
    company = simulate(leads, seed, months)
    (out / "leads.csv").write_bytes(_csv(company.leads))
    (out / "events.csv.gz").write_bytes(_zip(_csv(company.events)))
    (out / "outcomes.csv").write_bytes(_csv(company.outcomes))
    (out / "handoffs.csv").write_bytes(_csv(company.handoffs))
    (out / "readiness.toml").write_text(company.project_file, encoding="utf-8", newline="\n")
    (out / "rules.yaml").write_text(company.rule_book, encoding="utf-8", newline="\n")
    if truth:
        company.truth.to_parquet(out / "truth.parquet", index=False)


def _csv(table: pd.DataFrame) -> bytes:
    """Whole numbers without a point, times in UTC to the second."""
    whole = {c: "Int64" for c in table if table[c].dtype == "float64"}
    text = table.astype(whole).to_csv(index=False, date_format=TIME, lineterminator="\n")
    return text.encode("utf-8")


def _zip(data: bytes) -> bytes:
    """The same bytes each time: no name and no moment in the header."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(data)
    return packed.getvalue()
