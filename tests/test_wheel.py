"""What a user gets: a wheel with the library and nothing else, which works away from the checkout."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
IMPORT_EVERYTHING = """
import importlib, importlib.util, pkgutil, lead_readiness
for module in pkgutil.walk_packages(lead_readiness.__path__, "lead_readiness."):
    importlib.import_module(module.name)
print(lead_readiness.__file__)
print([name for name in ("training", "serving") if importlib.util.find_spec(name)])
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that must succeed; its standard error is the failure's message."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment with the wheel and this one's dependencies, but not the checkout."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    scripts = Path(sysconfig.get_path("scripts", vars={"base": str(home)}))
    packages = sysconfig.get_path("purelib", vars={"base": str(home)})
    run(sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--no-deps", wheel, cwd=home)
    Path(packages, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return scripts


def test_the_wheel_holds_the_library_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    info = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
    assert {name.split("/")[0] for name in names} == {"lead_readiness", info}
    assert {"lead_readiness/py.typed", f"{info}/licenses/LICENSE"} <= set(names)


def test_the_wheel_holds_every_file_of_the_library(wheel: Path) -> None:
    held = {n for n in zipfile.ZipFile(wheel).namelist() if n.startswith("lead_readiness/")}
    source = ROOT / "src"
    files = {p for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert held == {p.relative_to(source).as_posix() for p in files}


@pytest.mark.slow
def test_every_module_imports_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    where, outside = run(installed / "python", "-c", IMPORT_EVERYTHING, cwd=tmp_path).splitlines()
    assert Path(where).is_relative_to(installed.parent)
    assert outside == "[]"


@pytest.mark.slow
def test_the_command_starts_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    assert "Usage: lead-readiness" in run(installed / "lead-readiness", "--help", cwd=tmp_path)
