"""``simqueue outage``: what it prints, its exit codes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simqueue.cli import run

SHOP = """
name = "shop"
duration_s = 600
[arrivals.pay]
rate_per_s = 1
[arrivals.mail]
rate_per_s = 0.5
[queues.pay]
attempts = 3
backoff = { type = "fixed", delay_ms = 5000 }
[queues.mail]
"""
WHEN = ["--queue", "pay", "--from", "200", "--lasts", "60", "--days", "2", "--cores", "1"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    file = tmp_path / "shop.toml"
    file.write_text(SHOP)
    return file


def test_the_answer_first(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["outage", str(shop), *WHEN, "--plot", str(tmp_path / "outage.png")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("shop: when pay attempts fail for 60 s from 200 s on, ")
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    assert "attempts = 13" in out  # twelve waits of 5 s outlast it
    assert (tmp_path / "outage.png").read_bytes().startswith(b"\x89PNG")


def test_json_and_a_report(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tries = ["--try", "attempts=3,20", "--try", "backoff.delay_ms=1000"]
    report = shop.parent / "outage.html"
    assert run(["outage", str(shop), *WHEN, *tries, "--json", "--report", str(report)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["sentence"] in report.read_text(encoding="utf-8")
    assert document["best"] == {"attempts": 20, "backoff.delay_ms": 1000}
    assert [one["changes"].get("attempts") for one in document["policies"]] == [None, 3, 20]
    assert document["policies"][0]["queues"]["pay"]["failed"]["with"]["mean"] > 20


def test_one_policy_and_one_day(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["outage", str(shop), *WHEN, "--days", "1", "--no-policies", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["policies"]) == 1
    assert document["policies"][0]["recovery_s"]["ci95"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "200"], "no queue: --queue says whose attempts fail; there are pay, mail"),
        (["--queue", "pay"], "when? Expected --from SECONDS, or --at HH:MM"),
        ([*WHEN, "--at", "10:00"], "when?"),
        (["--queue", "pay", "--at", "10:00"], "follow no clock"),
        (["--queue", "pay", "--at", "noon"], "such as 10:00"),
        ([*WHEN, "--queue", "payment"], "there are pay, mail"),
        ([*WHEN, "--lasts", "0"], "lasts 0 s"),
        ([*WHEN, "--rate", "2"], "rate"),
        ([*WHEN, "--try", "attempts"], "--try attempts: expected KEY=VALUE"),
        ([*WHEN, "--try", "atempts=3"], "atempts"),
        ([*WHEN, "--plot", "a.jpg"], "a.jpg"),
        ([*WHEN, "--report", "a.htm"], "a.htm: expected a name that ends in .html"),
        ([*WHEN, "--set", "mode=in-process"], "in-process"),
    ],
)
def test_bad_input_is_one_line(
    shop: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["outage", str(shop), *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_it_says_where_only_simpy_can_run_it(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error and in the document; where the compiled engine can, it says nothing."""
    assert run(["outage", str(shop), *WHEN, "--no-policies", "--json"]) == 0
    quiet = capsys.readouterr()
    assert (json.loads(quiet.out)["engine"], "engine:" in quiet.err) == ("compiled", False)
    shop.write_text(f"{SHOP}[[workers.crashes]]\nat_s = 100\nworker = 0\ndown_s = 10\n")
    assert run(["outage", str(shop), *WHEN, "--no-policies", "--json"]) == 0
    told = capsys.readouterr()
    engine = json.loads(told.out)["engine"]
    assert engine.startswith("simpy (")
    assert "workers.crashes" in engine
    assert f"engine: {engine}" in told.err
