"""Which Redis a validation runs on, and that nothing of it is left."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from conftest import missing
from redis_servers import RedisServer, find_redis

from simqueue.errors import InputError
from simqueue.validation.server import Server, open_server


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])


def is_open(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def test_a_private_server_is_stopped_and_its_folder_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not find_redis():
        missing("redis-server")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def interrupted() -> Iterator[Server]:
        with open_server() as server:
            yield server
            raise KeyboardInterrupt

    run = interrupted()
    server = next(run)
    assert server.kind == "private"
    assert "private Redis" in server.words
    assert server.version[0].isdigit()
    assert is_open(port_of(server))
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(KeyboardInterrupt):
        next(run)

    assert not is_open(port_of(server))
    assert not list(tmp_path.iterdir())


def test_only_the_keys_of_the_run_are_removed_from_a_server_of_others(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.set("theirs", "1")
        with open_server(redis_url) as server:
            assert server.kind == "given"
            for number in range(3):
                client.set(f"{server.prefix}:order:{number}", "1")

        assert client.keys() == ["theirs"]


def test_two_runs_do_not_share_their_keys(redis_server: RedisServer) -> None:
    with open_server(redis_server.url) as one, open_server(redis_server.url) as other:
        assert one.prefix != other.prefix


def test_a_password_is_not_shown(redis_server: RedisServer) -> None:
    url = redis_server.url.replace("redis://", "redis://default:hush@")
    with redis.Redis.from_url(redis_server.url) as client:
        client.config_set("requirepass", "hush")
        try:
            with open_server(url) as server:
                assert "hush" in server.url
                assert "hush" not in server.words
        finally:
            redis.Redis.from_url(url).config_set("requirepass", "")


def test_without_a_server_the_queue_is_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with open_server() as server:
        assert server.embedded
        assert "not a real Redis" in server.words


def test_where_no_redis_answers(impatient: None) -> None:
    with pytest.raises(InputError, match="no Redis answers"), open_server("redis://127.0.0.1:1/0"):
        pass
