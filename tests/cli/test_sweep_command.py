"""``simqueue sweep``: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

from simqueue.cli import run
from simqueue.cli.values import parse_vary
from simqueue.errors import InputError

SMALL = """
name = "small"
duration_s = 60
[arrivals.order]
rate_per_s = 2
[queues.order]
service = { distribution = "exponential", mean_s = 1.5 }
[queues.email]
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


def test_a_table_with_a_row_for_each_setting(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["sweep", str(small), "--replications", "2", "--cores", "1"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if line[:14].strip().isdigit()] == list(
        "1234"
    )
    assert max(map(len, out.splitlines())) <= 80


def test_json_and_files(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, plot = tmp_path / "all.csv", tmp_path / "plot.png"
    arguments = ["--vary", "workers.count=1,3", "--measure", "order.failed", "--cores", "1"]
    files = ["--out", str(out), "--plot", str(plot), "--json", "--replications", "2"]
    assert run(["sweep", str(small), *arguments, *files]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [cell["set"] for cell in document["cells"]] == [
        {"workers.count": 1},
        {"workers.count": 3},
    ]
    assert document["cells"][0]["measures"]["order.response.p95"]["ci95"][0] > 0
    assert list(pd.read_csv(out)["workers.count"]) == [1, 1, 3, 3]
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--vary", "workers.count"], "--vary workers.count: expected KEY=VALUE"),
        (["--vary", "workers.count=4..1"], "ascending"),
        (["--vary", "workers.count=1..2..0"], "ascending"),
        (["--vary", "workers.count=1..99999"], "at most 10,000"),
        (["--vary", "workers.count=[]"], "expected values"),
        (["--vary", "workers.cuont=1..2"], "cuont"),
        (["--measure", "order.p95"], "order.p95: expected one of"),
        (["--measure", "ordr.response.p95"], "there is no queue 'ordr'"),
        (["--out", "sweep.xlsx"], "sweep.xlsx: expected a name that ends in"),
        (["--plot", "sweep.jpg"], "sweep.jpg"),
        (["--cores", "0"], "cores"),
        (["--replications", "0"], "replications"),
    ],
)
def test_bad_input_is_one_line(
    small: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sweep", str(small), *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1..3", [1, 2, 3]),
        ("a=1..10..4", [1, 5, 9]),
        ("a=0.1..0.3..0.1", [0.1, 0.2, 0.3]),
        ("a=-1..1", [-1, 0, 1]),
        ("a=5", [5]),
        ("a=[1, 2]", [1, 2]),
        ("a=[[[60, 120]], []]", [[[60, 120]], []]),
        ("a=bull-queue,in-process", ["bull-queue", "in-process"]),
        ('queues."a.b".attempts=1,2', [1, 2]),
    ],
)
def test_values(text: str, values: list[object]) -> None:
    assert parse_vary(text)[1] == values


def test_a_value_is_missing() -> None:
    with pytest.raises(InputError, match="--vary a: expected KEY=VALUE"):
        parse_vary("a")


@pytest.mark.slow
def test_ctrl_c_prints_what_is_done(tmp_path: Path) -> None:
    """As in a terminal: the whole group of processes is told."""
    import pty

    big = tmp_path / "big.toml"
    big.write_text(SMALL.replace("duration_s = 60", "duration_s = 600"))
    out = tmp_path / "part.csv"
    program = [sys.executable, "-m", "simqueue", "sweep", str(big), "--replications", "3000"]
    # The progress bar is shown on a terminal only; its first percent tells that some are done.
    ours, theirs = pty.openpty()
    sweeping = subprocess.Popen(
        [*program, "--vary", "workers.count=1,2", "--out", str(out), "--cores", "2"],
        stdout=subprocess.PIPE, stderr=theirs, text=True, start_new_session=True,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while not re.search(rb" [1-9][0-9]?%", seen):
            seen += os.read(ours, 4096)
        os.killpg(sweeping.pid, signal.SIGINT)
        with suppress(OSError):  # the other end is closed: it has ended
            while True:
                seen += os.read(ours, 4096)
        shown, _ = sweeping.communicate(timeout=100)
    finally:
        sweeping.kill()
        os.close(ours)
    assert sweeping.returncode == 130
    assert b"interrupted: " in seen
    assert b"Traceback" not in seen
    assert "order" in shown
    assert len(pd.read_csv(out)) >= 2
