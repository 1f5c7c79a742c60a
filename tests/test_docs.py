"""The documents say what the code does: generated pages are current, links lead somewhere."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("commands.md", "features.md", "rule-book.md")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "generate.py"))


def documents() -> list[Path]:
    return sorted(
        [
            *ROOT.glob("*.md"),
            *ROOT.glob("docs/**/*.md"),
            *ROOT.glob("data/**/*.md"),
            *ROOT.glob("benchmarks/**/*.md"),
        ]
    )


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_reference_page_is_made_from_the_code(made: dict[str, Any]) -> None:
    assert tuple(made["PAGES"]) == PAGES
    assert sorted(path.name for path in made["REFERENCE"].iterdir()) == list(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_what_the_code_says(made: dict[str, Any], name: str) -> None:
    written = (made["REFERENCE"] / name).read_text(encoding="utf-8")
    assert written == made["PAGES"][name](), f"docs/reference/{name} is out of date: run `make docs`"


def test_every_link_leads_somewhere() -> None:
    broken = []
    for document in documents():
        for target, anchor in LINK.findall(document.read_text(encoding="utf-8")):
            aim = (document.parent / target).resolve() if target else document
            if not aim.exists() or (anchor and aim.suffix == ".md" and anchor not in anchors(aim)):
                broken.append(f"{document.relative_to(ROOT)}: {target}#{anchor}")
    assert broken == []
