"""What the exit code tells: 2, the command had no chance; 1, something went wrong on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import missing
from redis_servers import RedisServer, find_redis

from simqueue.adapters.bull_queue import connection
from simqueue.adapters.bull_queue.connection import Connection
from simqueue.cli import run

Capture = pytest.CaptureFixture[str]

#: Every command that talks to a Redis and ends by itself, or because there is none.
COMMANDS = (
    *("worker", "serve --port 0", "stats", "stats --watch", "failed list", "failed show x"),
    *("failed retry --all --yes", "failed remove x --yes", "replay --limit 1"),
    *("validate", "measure-overhead"),
)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKER_MODE", "bull-queue")


def said_in_one_line(capsys: Capture) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    errors = [line for line in captured.err.splitlines() if not line.startswith("running ")]
    assert len(errors) == 1, captured.err
    assert errors[0].startswith("error: ")
    return errors[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_redis_that_is_not_there_is_2(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("QUEUE_REDIS_URL", "redis://:geheim@127.0.0.1:1/0")

    assert run(command.split()) == 2
    said = said_in_one_line(capsys)
    assert "no Redis answers there" in said
    assert "geheim" not in said


@pytest.fixture
def short_lived(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """A Redis that is gone as soon as somebody has connected to it."""
    if not find_redis():
        missing("redis-server")
    server = RedisServer()
    greet = connection._greet

    async def greet_and_die(made: Connection) -> None:
        await greet(made)
        server.kill()

    monkeypatch.setattr(connection, "_greet", greet_and_die)
    monkeypatch.setenv("QUEUE_REDIS_URL", server.url)
    yield server
    server.stop()


@pytest.mark.parametrize("command", [one for one in COMMANDS if not one.startswith("serve")])
def test_a_redis_that_goes_away_is_1(
    command: str, short_lived: RedisServer, capsys: Capture
) -> None:
    assert run(command.split()) == 1
    assert f"Redis at {short_lived.url}: " in said_in_one_line(capsys)


def test_a_database_that_is_not_there_is_2(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("WORKER_MODE", "in-process")
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/shop.db")

    assert run(["replay", "--limit", "1"]) == 2
    assert "/nowhere/shop.db" in said_in_one_line(capsys)
