"""What the README shows is what happens."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from simqueue.workload.reading import build_scenario

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def test_the_two_commands_are_one_line_each() -> None:
    commands = [block for block in blocks("sh") if block.startswith("python3 -m venv")]

    assert len(commands) == 2
    assert all(command.count("\n") == 1 for command in commands)
    assert commands[0].endswith("-m simqueue simulate\n")
    assert commands[1].endswith("-m pytest\n")


def test_the_main_job_prints_what_it_is_said_to_print() -> None:
    (shown,) = (block for block in blocks("") if block.startswith("busy day"))
    done = subprocess.run(
        [sys.executable, "-m", "simqueue", "simulate"],
        env={**os.environ, "COLUMNS": "90"}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    # The last line has the time that it took.
    assert lines(done.stdout)[:-1] == lines(shown)[:-1]


def test_the_scenario_is_one() -> None:
    (text,) = blocks("toml")
    scenario = build_scenario(tomllib.loads(text))

    assert scenario.name == "friday"
    assert scenario.queues["order"].backoff.jitter == 0.5


def test_what_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parent.parent / target).exists(), target
