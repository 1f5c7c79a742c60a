"""CSV, Parquet and JSON lines through DuckDB."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from glob import escape, has_magic
from io import TextIOWrapper
from itertools import chain
from pathlib import Path

import duckdb
import pyarrow as pa

from lead_readiness.errors import DataError

DELIMITERS = ",;\t|"
EXTENSIONS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
}
SPOKEN = {"csv": "CSV", "parquet": "Parquet", "json": "JSON lines"}
COMPRESSED = ("csv", "json")
_NO_DOWNLOADS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


@dataclass(frozen=True)
class Files:
    """One table in one file, or in several files of one format whose rows follow each other by file name."""

    shown: str
    paths: tuple[Path, ...]
    format: str

    def names(self) -> list[str]:
        """The columns in the files' order."""
        if self.format == "csv":
            return _header(self.paths[0], self.shown)[1]
        found = self._guard(lambda db: db.sql(f"SELECT * FROM {self._reader({})}").columns)
        if self.format == "json" and found == ["json"]:
            raise DataError(
                f"{self.shown}: no JSON object with named fields; expected one object on each line"
            )
        return list(found)

    def fetch(self, wanted: Mapping[str, str], limit: int | None = None) -> pa.Table:
        """The wanted columns, of at most ``limit`` rows of each CSV file; those of CSV and JSON lines as text."""
        rows = "" if limit is None else f" LIMIT {limit}"
        queries = [f"{query}{rows}" for query in self.queries(wanted)]
        return pa.concat_tables([self._guard(partial(_arrow, query)) for query in queries])

    def queries(self, wanted: Mapping[str, str]) -> list[str]:
        """DuckDB's queries of the wanted columns, whose rows follow each other."""
        readers = [self._csv(path) for path in self.paths] if self.format == "csv" else [self._reader(wanted)]
        return [f"SELECT {_chosen(wanted)} FROM {reader}" for reader in readers]

    def _csv(self, path: Path) -> str:
        delimiter, header = _header(path, self.shown)
        types = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in header)
        file, delim = _literal(escape(str(path))), _literal(delimiter)
        dialect = f"auto_detect=false, header=true, strict_mode=true, delim={delim}, quote='\"', escape='\"'"
        return f"read_csv({file}, {dialect}, columns={{{types}}})"

    def _reader(self, wanted: Mapping[str, str]) -> str:
        paths = f"[{', '.join(_literal(escape(str(path))) for path in self.paths)}]"
        if self.format == "parquet":
            return f"read_parquet({paths}, union_by_name=true)"
        types = ", ".join(f"{_literal(origin)}: 'VARCHAR'" for origin in sorted(set(wanted.values())))
        typed = f", columns={{{types}}}" if types else ", maximum_depth=1"
        return f"read_json({paths}, format='newline_delimited'{typed})"

    def _guard(self, query: Callable[[duckdb.DuckDBPyConnection], pa.Table]) -> pa.Table:
        """Run a query in a database of its own; DuckDB's errors become ours."""
        try:
            with duckdb.connect(config=_NO_DOWNLOADS) as db:
                db.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
                return query(db)
        except (duckdb.InterruptException, RuntimeError) as error:
            if "interrupt" in str(error).lower():
                raise KeyboardInterrupt from None
            raise
        except duckdb.Error as error:
            raise DataError(_explain(self.shown, self.format, str(error))) from None


def open_file(path: str, root: Path) -> Files:
    """The file, glob or directory of Parquet files at ``path``.

    Raises DataError when nothing is there, the file is empty, or its ending is none of the known ones.
    """
    full = (root / path).resolve()
    if full.is_dir():
        paths = sorted(full.rglob("*.parquet"))
    elif full.is_file():
        paths = [full]
    else:
        pattern = str(full.relative_to(full.anchor))
        paths = sorted(Path(full.anchor).glob(pattern)) if has_magic(path) else []
    if not paths:
        near = (
            f" (looked for {full}; paths start at the project file)" if not Path(path).is_absolute() else ""
        )
        what = "no Parquet file in that directory" if full.is_dir() else "no such file"
        raise DataError(f"{path}: {what}{near}; correct `path` in readiness.toml")
    formats = {_format(found, path) for found in paths}
    if len(formats) > 1:
        raise DataError(
            f"{path}: found files of several formats ({', '.join(sorted(formats))}); expected one"
        )
    for found in paths:
        if found.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty; expected a header row or at least one record")
    return Files(path, tuple(paths), formats.pop())


def _format(path: Path, shown: str) -> str:
    packed = path.suffix == ".gz"
    ending = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    found = EXTENSIONS.get(ending)
    if found is None or (packed and found not in COMPRESSED):
        known = ", ".join(EXTENSIONS)
        ending = f"cannot tell the format from the ending {path.suffix!r}"
        raise DataError(f"{shown}: {ending}; expected {known} (text also .gz)")
    return found


def _header(path: Path, shown: str) -> tuple[str, list[str]]:
    """A CSV file's delimiter and column names, from its first row alone: no row is ever guessed away."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as raw:
            lines = TextIOWrapper(raw, encoding="utf-8-sig", newline="")
            first = lines.readline()
            delimiter = max(DELIMITERS, key=first.count)
            names = next(csv.reader(chain([first], lines), delimiter=delimiter), [])
    except UnicodeDecodeError:
        raise DataError(_explain(shown, "csv", "not utf-8")) from None
    except (OSError, EOFError, csv.Error) as error:
        raise DataError(_explain(shown, "csv", str(error))) from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not any(names):
        found = f"column `{twice[0]}` twice" if twice else "no column name"
        raise DataError(f"{shown}: the header row has {found}; expected one distinct name for each column")
    return delimiter, names


def _arrow(query: str, db: duckdb.DuckDBPyConnection) -> pa.Table:
    return db.sql(query).to_arrow_table()


def _chosen(wanted: Mapping[str, str]) -> str:
    return ", ".join(f"{_name(origin)} AS {_name(name)}" for name, origin in wanted.items())


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _explain(shown: str, kind: str, error: str) -> str:
    """What is wrong with a file, from what its reader says."""
    if "utf-8" in error.lower() or "unicode" in error.lower():
        return f"{shown}: found bytes that are not UTF-8 text; save the file as UTF-8"
    said = " ".join(error.split("LINE 1:")[0].split("Possible")[0].split())
    return f"{shown}: cannot be read as {SPOKEN[kind]}: {said}"
