"""``simqueue compare``: what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simqueue.cli import run

SMALL = """
name = "small"
duration_s = 100
[arrivals.order]
rate_per_s = 2
[arrivals.payment]
follows = "order"
think = { distribution = "exponential", mean_s = 5 }
[queues.order]
service = { distribution = "exponential", mean_s = 1.5 }
failure_rate = 0.1
[queues.payment]
service = { distribution = "exponential", mean_s = 0.5 }
[queues.email]
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert run(["compare", *map(str, arguments), "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.parametrize("replications", [1, 3])
def test_the_table_fits_eighty_columns(
    small: Path,
    replications: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every run at every load, in whole words."""
    monkeypatch.setenv("COLUMNS", "80")
    loads = ("--load", "1", "--load", "3")

    assert run(["compare", str(small), *loads, "--replications", str(replications)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    for letter in "TBSP":
        # A row for all requests, one for orders, one for payments; at two loads.
        assert sum(f" {letter} " in line[:16] for line in lines) == 6 + line_of_words(lines, letter)
    assert any(line.startswith("At 3x, S to P. Retrying") for line in lines)


def line_of_words(lines: list[str], letter: str) -> int:
    """Lines that are no row and have the letter near their start."""
    return sum(f" {letter} " in line[:16] and line.startswith("At ") for line in lines)


def test_the_document(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = ask(capsys, small, "--load", 1, "--load", 3, "--seed", 4)

    assert document["seed"] == 4
    assert document["loads"] == [1, 3]
    assert document["places"] == 15
    rows = [(row["load"], row["of"], row["run"]) for row in document["rows"]]
    assert rows == [
        (load, of, letter)
        for load in (1, 3)
        for of in ("all", "order", "payment")
        for letter in "TBSP"
    ]
    assert len(document["sentences"]) == 6


def test_keys_can_be_set(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, small, "--set", "workers.count=2")["places"] == 30


def test_a_plot(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(capsys, small, "--plot", tmp_path / "modes.png")

    assert (tmp_path / "modes.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--load", "0"], "loads = "),
        (["--set", "workers.type=order"], "workers.type = 'order'"),
        (["--plot", "modes.pdf"], "ends in .png"),
        (["--set", "no.such=1"], "no"),
    ],
    ids=["load", "type", "plot", "key"],
)
def test_bad_input_is_one_line(
    small: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", str(small), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert words in captured.err


def test_help_teaches_the_four_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "--help"]) == 0
    shown = capsys.readouterr().out
    for line in ("T  training mode", "B  queues", "S  queues", "P  queues", "retries do"):
        assert line in shown
