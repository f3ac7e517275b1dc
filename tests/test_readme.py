"""What the README shows is what happens; its blocks run in tests/docs/test_docs_blocks.py."""

import os
import re
import subprocess
import sys

from pages import DOCS, README, ROOT, fences, rows

from simqueue.results.comparison.tolerances import DEFAULT_TOLERANCES

TEXT = README.read_text(encoding="utf-8")


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def test_the_two_commands_are_one_line_each() -> None:
    """As ``.ci/run`` looks for them."""
    commands = [block for block in fences(README, "sh") if block.startswith("python3 -m venv")]

    assert len(commands) == 2
    assert all(command.count("\n") == 1 for command in commands)
    assert commands[0].endswith("-m simqueue simulate\n")
    assert commands[1].endswith("-m pytest\n")


def test_the_main_job_prints_what_it_is_said_to_print() -> None:
    (shown,) = (block for block in fences(README, "") if block.startswith("busy day"))
    done = subprocess.run(
        [sys.executable, "-m", "simqueue", "simulate"],
        env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    # The last line has the time that it took.
    assert lines(done.stdout)[:-1] == lines(shown)[:-1]


def test_the_picture_shows_what_is_printed() -> None:
    """In its title, which its alternative text begins with; the test above has it printed."""
    picture = re.search(r'<img src="(.*?)" width="\d+" alt="(.*?\.) [^"]+">', TEXT)
    (shown,) = (block for block in fences(README, "") if block.startswith("busy day"))

    assert picture is not None
    assert (ROOT / picture[1]).read_bytes().startswith(b"\x89PNG")
    assert (ROOT / picture[1]).stat().st_size < 300_000
    assert picture[2] in " ".join(shown.split())


def errors_of(table: str) -> list[tuple[float, float]]:
    """The errors of the mean and of the p99 of each row, as shares."""
    text = (DOCS / "validation.md").read_text(encoding="utf-8")
    found = rows(text.partition(f"<!-- {table} -->")[2].partition("<!-- end of")[0])
    return [
        (abs(float(row[3].rstrip(" %"))) / 100, abs(float(row[4].rstrip(" %"))) / 100)
        for row in found
    ]


def test_what_it_says_of_the_scenarios_is_what_was_measured() -> None:
    """Figures within tolerance, counted in the tables of docs/validation.md."""
    both = [*errors_of("table"), *errors_of("table: node")]
    tolerances = DEFAULT_TOLERANCES["response.mean"], DEFAULT_TOLERANCES["response.p99"]
    said = re.search(
        r"In (\d+) scenarios.*?(\d+) of (\d+) figures.*?(\d+) % for.*?(\d+) %", TEXT, re.S
    )

    assert said is not None
    assert [int(one) for one in said.groups()[:3]] == [
        len(both) / 2, within(both, *tolerances), 2 * len(both),
    ]  # fmt: skip
    assert tuple(int(one) / 100 for one in said.groups()[3:]) == tolerances


def test_so_is_what_the_page_itself_says_of_them() -> None:
    both = [*errors_of("table"), *errors_of("table: node")]
    text = (DOCS / "validation.md").read_text(encoding="utf-8")
    said = re.search(r"(\d+) of (\d+) figures are within 1 %.*?or\s3 %", text, re.S)

    assert said is not None
    assert [int(one) for one in said.groups()] == [within(both, 0.01, 0.03), 2 * len(both)]


def within(errors: list[tuple[float, float]], mean: float, p99: float) -> int:
    return sum((one <= mean) + (other <= p99) for one, other in errors)


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) < 165
