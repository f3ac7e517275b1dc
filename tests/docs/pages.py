"""The pages of documentation, as tests read them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
DEPLOY = DOCS / "deploy"
PAGES = (
    DOCS / "reliability.md",
    DOCS / "deployment.md",
    DOCS / "validation.md",
    ROOT / "README.md",
)


def fences(page: Path, *languages: str) -> list[str]:
    """The code blocks of a page that are in one of these languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [code for language, code in found if language in languages]


def table(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, its own head left out."""
    _, found, text = page.read_text().partition(f"# {heading}\n")
    assert found, f"{page.name} has no heading {heading!r}"
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert lines is not None
    rows = [line.strip("|").split("|") for line in lines[0].splitlines()[2:]]
    return [[cell.strip().replace("`", "") for cell in row] for row in rows]
