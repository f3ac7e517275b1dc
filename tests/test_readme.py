"""What the README shows is what happens; its blocks run in tests/docs/test_docs_blocks.py."""

import os
import re
import subprocess
import sys

from pages import DOCS, README, fences, rows

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


def test_what_it_says_of_the_twelve_scenarios_is_what_was_measured() -> None:
    """Figures within tolerance, counted in the table of docs/validation.md."""
    text = (DOCS / "validation.md").read_text(encoding="utf-8")
    table = rows(text.partition("<!-- table -->")[2])
    errors = [
        (abs(float(cell.rstrip(" %"))) / 100, DEFAULT_TOLERANCES[figure])
        for row in table
        for figure, cell in (("response.mean", row[3]), ("response.p99", row[4]))
    ]
    within = sum(error <= tolerance for error, tolerance in errors)
    said = re.search(
        r"twelve scenarios, (\d+) of (\d+) figures.*?(\d+) % for.*?(\d+) %", TEXT, re.S
    )

    assert len(table) == 12
    assert said is not None
    assert [int(one) for one in said.groups()[:2]] == [within, len(errors)]
    assert [int(one) / 100 for one in said.groups()[2:]] == [
        DEFAULT_TOLERANCES["response.mean"], DEFAULT_TOLERANCES["response.p99"],
    ]  # fmt: skip


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) < 165
