"""``simqueue play``: a page on this machine, for whoever has its address."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from simqueue.cli import run


def test_it_prints_the_address_of_a_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simqueue", "play", "outage.toml"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address, _, token = process.stdout.readline().strip().partition("#token=")
        with urllib.request.urlopen(address, timeout=100) as answer:
            assert b"simqueue play" in answer.read()
        asked = urllib.request.Request(
            f"{address}api/play", data=b"{}", headers={"authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(asked, timeout=100) as answer:
            assert json.load(answer)["name"] == "gateway outage"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=100) == 0
    assert address.startswith("http://127.0.0.1:")
    assert list(tmp_path.iterdir()) == []  # nothing is written unless somebody asks for it


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0: expected an address of this machine"),
        (["nowhere.toml"], "nowhere.toml: cannot read the scenario"),
        (["--set", "queues.order.attempts=0"], "queues.order.attempts"),
    ],
)
def test_what_cannot_be_played_is_said(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["play", *arguments]) == 2
    assert said in capsys.readouterr().err
