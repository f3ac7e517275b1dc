"""``simqueue stats``: what a person and a script see."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import Sequence

import pytest
from bullmq import Queue

from simqueue.adapters.bull_queue import Connection, connect
from simqueue.cli import run
from simqueue.operations import stats


@pytest.fixture
def filled(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Redis with a queue of the shop and one of a stranger."""

    async def fill() -> None:
        for prefix, name in (("bull", "order"), ("theirs", "video")):
            connection = await connect(redis_url, prefix)
            queue = Queue(name, connection.options())
            await queue.addBulk([{"name": "x", "data": [1], "opts": {}} for _ in range(1500)])
            await queue.add("x", None, {"delay": 60_000})
            await connection.close()

    asyncio.run(fill())
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "80")
    return redis_url


def test_a_person_reads_a_table(filled: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stats"]) == 0
    said = capsys.readouterr().out

    assert re.search(r"^order +1,500 +0 +1 +0 of 100 +0 of 50 +\d+ s +0$", said, re.MULTILINE)
    assert "payment: no such queue (yet)" in said
    assert "not totals" in said
    assert max(map(len, said.splitlines())) <= 80


def test_what_is_rare_has_a_column_when_it_happens(
    filled: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def be_rare() -> None:
        connection = await connect(filled)
        queue = Queue("order", connection.options())
        await queue.add("x", {}, {"priority": 1})
        await queue.pause()
        await connection.close()

    asyncio.run(be_rare())
    assert run(["stats", "--queue", "order"]) == 0
    said = capsys.readouterr().out

    row = r"^order +0 +0 +1 +1 +1,500 +0 of 100 +0 of 50 +\d+ s +0$"
    assert re.search(row, said, re.MULTILINE)
    assert "order: paused" in said
    assert max(map(len, said.splitlines())) <= 80


def test_a_script_reads_json(filled: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stats", "--json", "--prefix", "theirs", "--queue", "video"]) == 0
    said = json.loads(capsys.readouterr().out)

    assert list(said["queues"]) == ["video"]
    assert (said["queues"]["video"]["waiting"], said["queues"]["video"]["delayed"]) == (1500, 1)
    assert said["queues"]["video"]["retention"] is None


def test_watching_goes_on_until_ctrl_c(
    filled: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each look is shown; after the second somebody presses Ctrl-C."""
    looks = 0
    read = stats.read_stats

    async def look(connection: Connection, names: Sequence[str]) -> list[stats.QueueStats]:
        nonlocal looks
        looks += 1
        if looks == 2:
            loop = asyncio.get_running_loop()
            loop.call_later(0.5, signal.raise_signal, signal.SIGINT)
            monkeypatch.setattr(command, "_EVERY_S", 30)
        return await read(connection, names)

    monkeypatch.setattr(stats, "read_stats", look)
    command = sys.modules["simqueue.cli.stats"]
    monkeypatch.setattr(command, "_EVERY_S", 0.01)
    # A test's process may have been told to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    try:
        assert run(["stats", "--watch", "--queue", "order"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    said = capsys.readouterr()
    assert looks == 2
    assert said.out.count("1,500") >= 2
    assert said.err == ""


@pytest.mark.parametrize("command", [["stats"], ["serve"], ["failed", "list"]])
@pytest.mark.parametrize(
    ("url", "said"), [("", "redis://.*embedded://"), ("embedded://", "no other command can see it")]
)
def test_without_a_shared_redis_it_says_what_to_do(
    command: list[str], url: str, said: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("QUEUE_REDIS_URL", url)

    assert run(command) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert re.search(said, errors)


@pytest.mark.parametrize(
    "arguments", [["--queue", "a:b"], ["--queue", ""], ["--prefix", ""], ["--watch", "--json"]]
)
def test_bad_input_is_one_line(
    filled: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["stats", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("sign", ["\n", " ", "\t", "\x0b", "\u2028", '"', "<", "'"])
@pytest.mark.parametrize("scheme", ["embedded", "redis", "rediss", "unix", "http"])
def test_no_sign_in_a_password_makes_it_seen(
    scheme: str, sign: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a URL is looked for in a text, it ends with a blank; here it is the whole text."""
    monkeypatch.setenv("QUEUE_REDIS_URL", f"{scheme}://:{sign}geheim{sign}@127.0.0.1:1/0")

    assert run(["stats"]) == 2
    assert "geheim" not in "".join(capsys.readouterr())
