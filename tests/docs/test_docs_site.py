"""The site: built once, by the command that CONTRIBUTING states, and looked at as readers do."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import public_api
import pytest
import typer
from chromium import Page
from conftest import missing
from pages import ROOT, fences

from simqueue.cli import app

# It takes half a minute of computing, and there may be little of it.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

#: Where a copy of the project might be; links that start lessons are made of it.
REPOSITORY = "https://github.com/somebody/simqueue"
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


class Links(HTMLParser):
    """What a page of the site refers to, and what can be referred to in it.

    Attributes
    ----------
    targets
        Addresses of links, pictures, styles and scripts.
    anchors
        What may stand behind a ``#``.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.append(value)
            elif name == "id" and value:
                self.anchors.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site; a warning while it is made is an error."""
    (command,) = (block for block in fences(ROOT / "CONTRIBUTING.md", "sh") if "sphinx" in block)
    program, *arguments, place = shlex.split(command)
    assert (program, place) == (".venv/bin/python", "build/site")
    assert "-W" in arguments
    folder = tmp_path_factory.mktemp("site")
    before = set(ROOT.glob("**/*.md"))
    done = subprocess.run(
        [sys.executable, *arguments, f"-Drepository={REPOSITORY}", str(folder)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": "1764000000"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(ROOT.glob("**/*.md")) == before
    return folder


@pytest.fixture(scope="module")
def read(site: Path) -> dict[Path, Links]:
    """Its pages."""
    return {path: Links(path.read_text(encoding="utf-8")) for path in site.glob("**/*.html")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing("chromium")
    with Page(program) as page:
        yield page


def test_no_link_inside_is_broken(site: Path, read: dict[Path, Links]) -> None:
    """Neither its page nor its anchor; a picture, style or script of elsewhere there is none."""
    broken = []
    for path, links in read.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not there.is_file() or (
                there in read and unquote(parts.fragment) not in read[there].anchors
            ):
                broken.append(f"{path.relative_to(site)}: {target}")

    assert sum(len(links.targets) for links in read.values()) > 5_000
    assert not broken


def test_every_document_and_lesson_is_a_page(site: Path, read: dict[Path, Links]) -> None:
    ours = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "notebooks").glob("*.ipynb"),
    ]

    assert {site / path.relative_to(ROOT).with_suffix(".html") for path in ours} <= read.keys()


def test_the_reference_is_whole(site: Path, read: dict[Path, Links]) -> None:
    """Each public name and each option has an anchor of its own."""
    names = {
        f"{door}.{name.path}"
        for door in public_api.DOORS
        for name in public_api.names(door)
        if f"{door}.{name.path}" not in public_api.DOORS
    }
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    options = {
        f"cmdoption-simqueue-{command}-{option.removeprefix('--')}"
        for command, one in commands.items()
        for parameter in one.params if parameter.name != "help"
        for option in parameter.opts if option.startswith("--")
    }  # fmt: skip

    assert len(names) > 250
    assert names <= read[site / "docs/python-api.html"].anchors
    assert len(options) > 80
    assert options <= read[site / "docs/commands.html"].anchors


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_can_be_started_and_read_on(
    lesson: str, site: Path, read: dict[Path, Links]
) -> None:
    """Its code is folded, what it printed and drew is there, and the next lesson is a link away."""
    path = site / "notebooks" / f"{lesson}.html"
    text, targets = path.read_text(encoding="utf-8"), read[path].targets
    after = LESSONS[LESSONS.index(lesson) + 1 :]

    assert (
        f"https://mybinder.org/v2/gh/somebody/simqueue/HEAD?labpath=notebooks/{lesson}.ipynb"
        in targets
    )
    assert any(target.endswith(f"/blob/main/notebooks/{lesson}.ipynb") for target in targets)
    assert any(target.endswith(f"/{lesson}.ipynb") and "_downloads" in target for target in targets)
    assert text.count("Show the code") == text.count('class="cell_input ')
    assert "data:image/png;base64," in text
    assert all(f"{name}.html" in targets for name in after[:1])


def test_no_address_no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """And another address than one of GitHub is refused."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from site_pages import launch_links

    assert launch_links("notebooks/00", "") == {}
    assert launch_links("notebooks/00", f"{REPOSITORY}.git") == launch_links(
        "notebooks/00", REPOSITORY
    )
    with pytest.raises(
        ValueError, match=r"repository = https://x\.org/a/b: expected https://github"
    ):
        launch_links("notebooks/00", "https://x.org/a/b")


@pytest.mark.parametrize("width", [390, 1200])
def test_pages_fit_their_window(site: Path, browser: Page, width: int) -> None:
    """Nothing overflows: what is wide scrolls by itself, and a figure's words can be read."""
    wide = (
        f"[...document.querySelectorAll('article *')].filter(one => one.getBoundingClientRect()"
        f".right > {width + 1} && !one.closest('.output, .table-wrapper, pre, svg')).length"
    )
    browser.look(width)
    for page in ("README", "docs/commands", f"notebooks/{LESSONS[2]}"):
        browser.open((site / f"{page}.html").as_uri())

        assert browser.value("document.documentElement.scrollWidth") == width, page
        assert browser.value(wide) == 0, page
    figures = "[...document.querySelectorAll('.cell_output img')].map(one => one.clientWidth)"
    assert all(shown >= 500 for shown in browser.value(figures))
    assert browser.errors == []
    assert all(url.startswith(("file://", "data:", "about:")) for url in browser.requests)


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("Little law", "How many jobs are in flight?"),
        ("calibrate", "simqueue.calibrate"),
        ("max_waiting", "Scenarios"),
    ],
)  # fmt: skip
def test_the_search_finds(site: Path, browser: Page, words: str, page: str) -> None:
    """From files alone, without a server."""
    browser.look(1200)
    browser.open(f"{(site / 'search.html').as_uri()}?q={words.replace(' ', '+')}")

    browser.until(f"document.querySelector('#search-results').innerText.includes('{page}')")
