"""Rules of the house that no linter knows: each test lists the places that break one."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|anaconda\.org|npmjs\.(?:com|org)|proxy\.golang\.org"
    r"|--(?:(?:extra-)?index-url|find-links|trusted-host)\b"
)
MACHINE_PATH = re.compile(
    r"(?<![\w.}$~])/(?:work|root|home|Users|mnt|opt/pypi|opt/wheels)/[\w.]|\b[A-Z]:\\Users\\"
)
PIN = re.compile(r"[a-z0-9][a-z0-9-]*==[0-9][0-9a-z.]*(?:\+[a-z0-9.]+)?")
NAMELESS = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
PICKLES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
CLOCKS = {"now", "utcnow", "today", "gmtime", "localtime", "time", "time_ns"}


def kept_files() -> list[Path]:
    """The files git keeps or would keep; the tree itself where this is no checkout."""
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        yield from enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    except UnicodeDecodeError:
        return


def breaches(rule: Callable[[ast.AST], bool], *rooms: str) -> list[str]:
    """``file:line`` of every syntax node below ``rooms`` that breaks ``rule``."""
    paths = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if rule(node)
    ]


def imported(node: ast.AST) -> set[str]:
    """The top-level names that an import statement brings in."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {(node.module or "").split(".")[0]} if isinstance(node, ast.ImportFrom) else set()


def pickles(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == "allow_pickle" and not (
            isinstance(node.value, ast.Constant) and node.value.value is False
        )
    return bool(imported(node) & PICKLES) or (
        isinstance(node, ast.Attribute) and node.attr in {"to_pickle", "read_pickle"}
    )


def reads_the_clock(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and any(alias.name in CLOCKS for alias in node.names)
    if not isinstance(node, ast.Call):
        return False
    called, first = node.func, node.args[0] if node.args else None
    name = (
        called.attr
        if isinstance(called, ast.Attribute)
        else called.id
        if isinstance(called, ast.Name)
        else ""
    )
    if name in {"datetime64", "Timestamp", "to_datetime"}:
        return isinstance(first, ast.Constant) and first.value in {"now", "today"}
    if name in {"time", "time_ns", "gmtime", "localtime"}:
        return (
            isinstance(called, ast.Attribute)
            and isinstance(called.value, ast.Name)
            and called.value.id == "time"
        )
    return isinstance(called, ast.Attribute) and name in {"now", "utcnow", "today"}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("datetime.now(tz=UTC)", True),
        ("pd.Timestamp.utcnow()", True),
        ("date.today()", True),
        ("time.time()", True),
        ("from time import time_ns", True),
        ("np.datetime64('now')", True),
        ("pd.Timestamp('today')", True),
        ("time.perf_counter()", False),
        ("datetime.time(12)", False),
        ("timelines.time", False),
        ("pd.Timestamp('2026-05-04')", False),
    ],
)
def test_what_reading_the_clock_means(code: str, found: bool) -> None:
    assert any(reads_the_clock(node) for node in ast.walk(ast.parse(code))) is found


def test_time_is_an_argument_in_the_library() -> None:
    assert breaches(reads_the_clock, "src/lead_readiness") == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import pickle", True),
        ("from joblib import dump", True),
        ("np.load(f, allow_pickle=True)", True),
        ("np.load(f, allow_pickle=False)", False),
    ],
)
def test_what_a_pickle_is(code: str, found: bool) -> None:
    assert any(pickles(node) for node in ast.walk(ast.parse(code))) is found


def test_no_pickle_anywhere() -> None:
    assert breaches(pickles, "src", "training", "serving") == []


def test_modules_are_named_after_what_they_hold() -> None:
    assert [p.name for p in kept_files() if p.suffix == ".py" and p.stem.strip("_") in NAMELESS] == []


@pytest.mark.parametrize(
    "pattern", [REGISTRY, MACHINE_PATH], ids=["registry host or option", "path of one machine"]
)
def test_no_file_names(pattern: re.Pattern[str]) -> None:
    named = [
        f"{path.relative_to(ROOT)}:{n}"
        for path in kept_files()
        for n, line in lines(path)
        if pattern.search(line)
    ]
    assert named == []


def pins() -> list[str]:
    return (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def test_constraints_are_names_and_versions_in_order() -> None:
    names = [pin.partition("==")[0] for pin in pins()]
    assert [pin for pin in pins() if not PIN.fullmatch(pin)] == []
    assert names == sorted(set(names))


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        Requirement(r)
        for group in (project["dependencies"], *project["optional-dependencies"].values())
        for r in group
    ]
    pinned = dict(pin.split("==") for pin in pins())
    loose = [
        str(r)
        for r in wanted
        if r.name != project["name"] and pinned.get(canonicalize_name(r.name), "") not in r.specifier
    ]
    assert loose == []


def test_the_makefile_is_short_and_lists_itself() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z][a-z-]*):.*## ", text, flags=re.MULTILINE)
    assert targets == ["help", "env", "demo", "test", "test-all", "lint", "docs", "bench", "clean"]
    assert len(text.splitlines()) < 50
