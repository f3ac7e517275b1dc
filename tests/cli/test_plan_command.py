"""``simqueue plan``: what it prints, its exit codes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simqueue.cli import run

CAFE = """
name = "cafe"
duration_s = 600
[workers]
concurrency = 1
[arrivals.coffee]
rate_per_s = 0.5
[queues.coffee]
service = { distribution = "exponential", mean_s = 4 }
"""
TARGET = ["--target", "coffee.wait.p95 < 10s", "--days", "4", "--cores", "1"]


@pytest.fixture
def cafe(tmp_path: Path) -> Path:
    file = tmp_path / "cafe.toml"
    file.write_text(CAFE)
    return file


def test_the_answer_first(
    cafe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["plan", str(cafe), *TARGET, "--plot", str(tmp_path / "plan.png")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("cafe: workers.count = ")
    assert max(map(len, out.splitlines())) <= 80
    assert "←" in out
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")


def test_json(cafe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(cafe), *TARGET, "--no-margins", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    tried = {one["value"]: one for one in document["tried"]}
    assert tried[document["answer"]]["held"] == 4
    assert len(tried[document["answer"]]["measures"]["coffee.wait.p95"]) == 4


def test_no_number_will_do_is_exit_code_1(cafe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hopeless = ["--target", "coffee.response.mean < 1s", "--days", "2", "--cores", "1"]
    assert run(["plan", str(cafe), *hopeless]) == 1
    assert "no number will do" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no target: --target"),
        (["--target", "coffee.p95 < 1s"], "expected one of"),
        (["--target", "tea.wait.p95 < 1s"], "there is no queue 'tea'"),
        ([*TARGET, "--vary", "workers.cuont"], "cuont"),
        ([*TARGET, "--vary", "queues.tea.attempts"], "has no queues.tea; there are coffee"),
        ([*TARGET, "--vary", "pools.bar.count"], "has no pools.bar; there are none"),
        ([*TARGET, "--kept", "95"], "kept = 95"),
        ([*TARGET, "--traffic", "-1"], "traffic = -1"),
        ([*TARGET, "--plot", "plan.jpg"], "plan.jpg"),
        ([*TARGET, "--survive", "-1"], "survive"),
    ],
)
def test_bad_input_is_one_line(
    cafe: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(cafe), *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["plan", "sweep"])
def test_a_scenario_with_pools_is_said_to_have_them(
    cafe: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As calibrate writes it: that there is no workers.count must not be a riddle."""
    pool = "[pools.bar]\nqueues = { coffee = 1 }\n"
    cafe.write_text(CAFE.replace("[workers]\nconcurrency = 1\n", pool))
    target = TARGET[:2] if command == "plan" else []

    assert run([command, str(cafe), *target]) == 2
    said = "error: workers.count: scenario cafe has pools: expected pools.bar.count\n"
    assert capsys.readouterr().err == said
