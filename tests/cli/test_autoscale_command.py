"""``simqueue autoscale``: what it prints, its exit codes, the manifest, and what it refuses."""

from __future__ import annotations

import html
import json
import shlex
from pathlib import Path

import pytest
import yaml
from pages import DOCS, blocks

from simqueue.cli import run

SHOP = """
name = "shop"
duration_s = 900
[arrivals.tea]
profile = [[0, 0.3], [300, 1.2], [600, 0.3]]
[queues.tea]
service = { distribution = "exponential", mean_s = 4 }
"""
WORKERS = "[workers]\nconcurrency = 1\n"
SETTING = ["--per-worker", "4", "--max", "12", "--start", "40"]
TARGET = ["--target", "tea.wait.p95 < 8s", "--days", "2", "--cores", "1"]
QUICK = [*TARGET, "--no-proposals"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    file = tmp_path / "shop.toml"
    file.write_text(SHOP + WORKERS)
    return file


def test_the_answer_first(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    files = ["--plot", str(tmp_path / "day.png"), "--export", str(tmp_path / "keda.yaml")]
    assert run(["autoscale", str(shop), *SETTING, *TARGET, *files]) == 1
    out = capsys.readouterr().out
    assert out.startswith("shop: as it is (ready 4 for each worker, 1 to 12 workers, which start")
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG")
    assert yaml.safe_load((tmp_path / "keda.yaml").read_text())["kind"] == "ScaledObject"


def test_one_that_will_do_is_exit_code_0(shop: Path, tmp_path: Path) -> None:
    hpa = tmp_path / "my-hpa.yaml"
    enough = [*SETTING, "--min", "8", "--export", str(hpa)]
    assert run(["autoscale", str(shop), *enough, *QUICK]) == 0
    assert yaml.safe_load(hpa.read_text())["kind"] == "HorizontalPodAutoscaler"
    assert yaml.safe_load(hpa.read_text())["spec"]["minReplicas"] == 8


def test_json_and_a_report(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = shop.parent / "tea.html"
    assert run(["autoscale", str(shop), *SETTING, *QUICK, "--json", "--report", str(report)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert html.escape(document["sentence"]) in report.read_text(encoding="utf-8")
    assert document["will_do"] is False
    assert document["setting"]["max"] == 12
    assert len(document["as_it_is"]["worker_hours"]) == 2
    assert document["all_day"]["held"] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (SETTING, "no target: --target"),
        (QUICK, "has no autoscaler: expected [pools.NAME.autoscale]"),
        ([*QUICK, "--per-worker", "4"], "has no autoscaler"),
        ([*QUICK, *SETTING, "--metric", "length"], "metric"),
        ([*QUICK, *SETTING, "--min", "20"], "max"),
        ([*QUICK, *SETTING, "--start", "-1"], "start_s"),
        ([*QUICK, *SETTING, "--pool", "bulk"], "there are workers"),
        ([*QUICK, *SETTING, "--as", "helm", "--export", "a.yaml"], "helm"),
        ([*QUICK, *SETTING, "--export", "a.json"], "a.json"),
        ([*QUICK, *SETTING, "--export", "{folder}/theirs.yaml"], "was not written by simqueue"),
        ([*QUICK, *SETTING, "--min", "0", "--as", "hpa", "--export", "a.yaml"], "has no 0"),
        ([*QUICK, *SETTING, "--plot", "day.jpg"], "day.jpg"),
        ([*QUICK, *SETTING, "--report", "{folder}"], "is a folder; expected the name of a file"),
    ],
)
def test_bad_input_is_one_line(
    shop: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.parent / "theirs.yaml").write_text("replicas: 3\n")
    given = [one.replace("{folder}", str(shop.parent)) for one in arguments]
    assert run(["autoscale", str(shop), *given]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_what_the_page_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is no, so that the command's exit code is 1."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    scenario, command, output = [
        one
        for one in blocks(DOCS / "planning.md")
        if one.noted("file") == "rush.toml"
        or one.noted("run by").endswith("test_autoscale_command.py::test_what_the_page_shows")
    ]
    (tmp_path / "rush.toml").write_text(scenario.code)
    assert run(shlex.split(command.code)[1:]) == 1
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[: len(output.code.splitlines())] == output.code.splitlines()


def test_it_says_that_only_simpy_has_autoscalers(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["autoscale", str(shop), *SETTING, *QUICK, "--json"])
    told = capsys.readouterr()
    engine = json.loads(told.out)["engine"]
    assert engine.startswith("simpy (")
    assert "autoscale" in engine
    assert f"engine: {engine}" in told.err
