"""``simqueue serve`` as a process: its address, its token, its end."""

import os
import re
import signal
import subprocess
import sys

import httpx
import pytest

from simqueue.cli import run
from simqueue.operations.serving import listen


@pytest.mark.parametrize(
    ("end", "token"), [(signal.SIGINT, ""), (signal.SIGTERM, "a-token-of-my-own")]
)
def test_it_serves_until_a_signal(redis_url: str, end: signal.Signals, token: str) -> None:
    environment = {**os.environ, "QUEUE_REDIS_URL": redis_url, "SIMQUEUE_TOKEN": token}
    with subprocess.Popen(
        [sys.executable, "-m", "simqueue", "serve", "--port", "0", "--queue", "video"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with httpx.Client(base_url=address) as client:
            assert client.get("/readyz").json() == {"ready": True}
            assert "<h1>Queues</h1>" in client.get("/").text
            process.send_signal(end)
            rest, errors = process.communicate(timeout=100)

    assert (process.returncode, rest) == (0, "")
    if token:
        assert token not in errors
    else:
        assert re.search(rf"open {re.escape(address)}#token=[\w-]{{32}}$", errors.strip())


def test_a_taken_port_is_one_line(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    with listen("127.0.0.1", 0) as taken:
        assert run(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "--port 0 takes a free port" in capsys.readouterr().err


def test_a_weak_token_is_one_line(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    monkeypatch.setenv("SIMQUEUE_TOKEN", "1234")

    assert run(["serve", "--port", "0"]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "1234" not in errors
