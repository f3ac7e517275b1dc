"""The pages of documentation, as tests read them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
DEPLOY = DOCS / "deploy"
README = ROOT / "README.md"
PAGES = (README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DOCS.glob("*.md")))

_FENCE = re.compile(
    r"(?:^ *<!-- (?P<note>[^\n]*?) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\S*)\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A block of code on a page.

    Attributes
    ----------
    page, line
        Where it is; the line is that of its first line of code.
    language
        What stands behind the fence.
    code
        What it holds, its indentation removed.
    note
        What an HTML comment in the line before says of it; empty without one.
    """

    page: Path
    line: int
    language: str
    code: str
    note: str

    @property
    def place(self) -> str:
        """Where it is, for errors."""
        return f"{self.page.name}:{self.line}"

    def noted(self, word: str) -> str:
        """What the note says behind a word and a colon; empty if it does not begin so."""
        start, found, rest = self.note.partition(": ")
        return rest if found and start == word else ""


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page, or those in one of these languages, in order."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(
            page,
            text.count("\n", 0, match.start("code")) + 1,
            match["language"],
            textwrap.dedent(match["code"]),
            match["note"] or "",
        )
        for match in _FENCE.finditer(text)
    ]
    return [block for block in found if not languages or block.language in languages]


def fences(page: Path, *languages: str) -> list[str]:
    """The code of the blocks of a page that are in one of these languages."""
    return [block.code for block in blocks(page, *languages)]


def entries(toctree: Block) -> list[str]:
    """The pages that a table of contents names, without the titles that it gives them."""
    lines = [line for line in toctree.code.splitlines() if line and not line.startswith(":")]
    return [re.sub(r".*<(.*)>", r"\1", line) for line in lines]


def prose(page: Path) -> str:
    """A page without its blocks and comments."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def rows(text: str) -> list[list[str]]:
    """The cells of the first table in a text, its own head left out."""
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert lines is not None, f"no table behind {text[:40]!r}"
    found = [
        re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
        for line in lines[0].splitlines()[2:]
    ]
    return [[cell.strip().replace("`", "").replace(r"\|", "|") for cell in row] for row in found]


def table(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, its own head left out."""
    _, found, text = page.read_text(encoding="utf-8").partition(f"# {heading}\n")
    assert found, f"{page.name} has no heading {heading!r}"
    return rows(text)


def marked(page: Path, kind: str) -> dict[str, str]:
    """What stands behind each comment ``<!-- kind: name -->`` of a page, by name."""
    parts = re.split(rf"<!-- {kind}: (.*?) -->\n", page.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def anchors(page: Path) -> list[str]:
    """The anchors of a page's headings, as git hosts and MyST make them."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
