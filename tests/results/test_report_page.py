"""Reports to show others: whole in themselves, true to what they are made of, read anywhere."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from chromium import Page as Browser
from rich.console import Console
from rich.table import Table
from rich.text import Text

import simqueue as sq
from simqueue.errors import InputError
from simqueue.results.page import Page, Section

NAME = 'a "<b>" & c'
COMMANDS = ["simulate", "sweep", "plan", "autoscale", "outage", "calibrate"]
STORY = Path(__file__).parent.parent / "calibration"


def scenario(**changes: Any) -> sq.Scenario:
    return sq.build_scenario(
        {
            "name": NAME,
            "duration_s": 600,
            "arrivals": {NAME: {"rate_per_s": 0.5}},
            "queues": {NAME: {"service": {"distribution": "exponential", "mean_s": 4}}},
            "workers": {"concurrency": 1},
        }
    ).replace(changes)


class Read(HTMLParser):
    """What a browser would find: addresses, texts by element, and what was left open."""

    EMPTY = frozenset({"meta", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.alts: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.opened: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.EMPTY:
            self.opened.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data"):
                self.addresses.append(value or "")
            if name == "alt":
                self.alts.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag != "html":
            while self.opened.pop() != tag:  # an end that is left out, as of <html>'s children
                pass

    def handle_data(self, data: str) -> None:
        if data.strip() and self.opened:
            whose = [tag for tag in self.opened if tag not in ("strong", "code")]
            self.texts.append((whose[-1], data.strip()))

    def of(self, tag: str) -> list[str]:
        return [text for whose, text in self.texts if whose == tag]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """A report of each command that writes one."""
    grid = sq.sweep(scenario(), {"workers.count": [2, 4]}, replications=3, cores=1)
    measure = next(one for one in grid.measures if one.what == "response.p95")
    target = f"{measure.name.replace('response', 'wait')} < 20s"
    setting = {"metric": "ready", "target": 2, "min": 1, "max": 5}
    return {
        "simulate": sq.simulate(scenario(), replications=2).page(),
        "sweep": grid.page([measure]),
        "plan": sq.plan(scenario(), target, days=3, cores=1).page(),
        "autoscale": sq.autoscale(
            scenario(), target, setting, days=2, proposals=False, cores=1
        ).page(),
        "outage": sq.outage(
            scenario(), NAME, 100, 60, tries={"attempts": [9]}, days=2, cores=1
        ).page(),
        "calibrate": calibration(tmp_path_factory.mktemp("calibration")).page(),
    }


def calibration(folder: Path) -> sq.Calibration:
    """Of 120 jobs, one after the other; of every third the start is late by something unseen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STORY))
        from story import Story
    story = Story(NAME)
    for number in range(120):
        began = 10_000 * number
        story.head(str(number), attempts=1)
        story.run(str(number), began, began + 900 * (number % 3 == 0), began + 2_000)
    seen = story.end(1_300_000).write(folder / "seen.jsonl")
    return sq.calibrate(folder=folder / "out", file=seen)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_file_is_whole_in_itself(command: str, pages: dict[str, Page], tmp_path: Path) -> None:
    """No address leads out of it, each picture has words, and each can be read."""
    file = tmp_path / "report.html"
    pages[command].write(file)
    read = Read(file.read_text(encoding="utf-8"))

    assert read.addresses
    for address in read.addresses:
        kind, _, data = address.partition(";base64,")
        assert kind == "data:image/svg+xml"
        assert base64.b64decode(data).lstrip().startswith(b"<?xml")
    assert len(read.alts) == len(read.addresses)
    assert all(len(alt) > 40 for alt in read.alts)


@pytest.mark.parametrize("command", COMMANDS)
def test_it_says_question_answer_assumptions_and_what_was_not_seen(
    command: str, pages: dict[str, Page], tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    page = pages[command]
    page.write(file)
    read = Read(file.read_text(encoding="utf-8"))

    assert read.of("h1") == [page.question]
    assert NAME in page.question
    assert read.of("p")[0] == page.answer
    assert "What was not seen" in read.of("h2")
    seed = "" if command == "calibrate" else f", seed {scenario().seed}"
    assert re.search(rf"on \d\d \w+ \d{{4}}{seed}\.$", read.of("footer")[0])
    tables = [
        part for section in page.sections for part in section.parts if isinstance(part, Table)
    ]
    wanted = [
        "".join((cell.plain if isinstance(cell, Text) else str(cell)).split())
        for table in tables
        for row in zip(*(column.cells for column in table.columns), strict=True)
        for cell in row
    ]
    assert ["".join(one.split()) for one in read.of("td")] == [one for one in wanted if one]


def test_files_are_named_without_their_folders(tmp_path: Path) -> None:
    """Where they are tells about a machine: the page goes to others."""
    (tmp_path / "times.csv").write_text("job_s\n1\n2\n")
    own = {"distribution": "empirical", "file": str(tmp_path / "times.csv"), "column": "job_s"}
    day = scenario(**{f"queues.'{NAME}'.service": own})
    page = sq.simulate(day).page()

    assert str(tmp_path) in str(day.table())
    assert str(tmp_path) not in page.scenario
    assert '"file": "times.csv"' in page.scenario


def test_what_a_terminal_shows_is_the_page_without_its_figure(pages: dict[str, Page]) -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(pages["plan"].in_terminal())
    shown = "".join(out.getvalue().split())

    for words in (pages["plan"].answer, *map(str, pages["plan"].sections[-1].parts)):
        assert "".join(words.split()) in shown
    assert "partial" not in shown
    assert not any("".join(words.split()) in shown for words in pages["plan"].not_seen)


def test_equal_runs_are_equal_files(tmp_path: Path) -> None:
    one, other = tmp_path / "1.html", tmp_path / "2.html"
    sq.simulate(scenario()).page().write(one)
    sq.simulate(scenario()).page().write(other)

    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report.txt", r"report\.txt: cannot write the report: expected .* ends in \.html"),
        ("no/report.html", "cannot write the report: "),
    ],
)
def test_a_file_that_cannot_be_written_is_named(name: str, said: str, tmp_path: Path) -> None:
    page = Page("q?", "a.", [Section("s", [Text("t")])], "{}", 1)
    with pytest.raises(InputError, match=said):
        page.write(tmp_path / name)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("command", COMMANDS)
def test_it_fits_a_phone_and_a_desk(
    command: str, width: int, pages: dict[str, Page], tmp_path: Path, page: Browser
) -> None:
    """Nothing but tables and the scenario is wider than the screen; all pictures are drawn."""
    file = tmp_path / "report.html"
    pages[command].write(file)
    page.look(width)
    page.open(file.as_uri())
    page.until("[...document.images].every(one => one.complete && one.naturalWidth > 0)")

    assert page.value("document.images.length") >= 1
    assert page.value("document.documentElement.scrollWidth") <= width
    assert not page.errors
    assert all(one.startswith(("file:", "data:")) for one in page.requests)
