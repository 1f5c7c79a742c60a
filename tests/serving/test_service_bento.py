"""A Bento with the model inside starts where there is no checkout, with the wheel that it brings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest
from blended import blended
from served import lead, running

ROOT = Path(__file__).resolve().parents[2]
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(c) for c in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_that_a_bento_takes_is_this_versions() -> None:
    (wheel,) = BUILD["tool"]["bentoml"]["build"]["python"]["wheels"]
    name, version = BUILD["project"]["name"].replace("-", "_"), BUILD["project"]["version"]
    assert wheel == f"dist/{name}-{version}-py3-none-any.whl"


def test_a_bento_brings_all_that_serving_needs() -> None:
    extras = BUILD["project"]["optional-dependencies"]
    wanted = {re.split(r"[<>=]", need)[0] for need in [*extras["serve"], *extras["postgres"]]} - {"bentoml"}
    brought = BUILD["tool"]["bentoml"]["build"]["python"]["packages"]
    assert wanted == {re.split(r"[<>=]", need)[0] for need in brought}


@pytest.fixture(scope="module")
def bento(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `bentoml build` makes of the files that it is told to take."""
    checkout, home = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("bentos")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, checkout)
    shutil.copytree(ROOT / "serving", checkout / "serving", ignore=shutil.ignore_patterns("__pycache__"))
    blended().save(checkout / "champion")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", checkout / "dist", ROOT)
    run(*build, cwd=checkout)
    command = (sys.executable, "-m", "bentoml", "build", "--output", "tag")
    told = run(*command, cwd=checkout, BENTOML_HOME=str(home), BENTOML_DO_NOT_TRACK="True")
    name, _, version = told.strip().removeprefix("__tag__:").partition(":")
    return home / "bentos" / name / version


@pytest.fixture(scope="module")
def python(bento: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the Bento's wheel and this one's dependencies, but not the checkout."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    scripts = Path(sysconfig.get_path("scripts", vars={"base": str(home)}))
    packages = sysconfig.get_path("purelib", vars={"base": str(home)})
    (wheel,) = (bento / "env" / "python" / "wheels").glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--no-deps", wheel, cwd=home)
    Path(packages, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return scripts / "python"


@pytest.mark.slow
def test_a_bento_serves_the_model_inside(bento: Path, python: Path, tmp_path: Path) -> None:
    where = (
        "import lead_readiness, importlib.util as u; print(lead_readiness.__file__, u.find_spec('serving'))"
    )
    assert str(ROOT) not in run(python, "-P", "-c", where, cwd=tmp_path)
    with running(tmp_path, service=str(bento), python=python, STORE="none") as server:
        assert server.ask("GET", "/model").json()["models"]["serving"]["model"] == blended().version
        told = server.post("/score", {"leads": [lead()]})
        assert told.status_code == 200
        assert told.json()["leads"][0]["reasons"]["for"]
