"""The connections of our pool: what they send is what redis-py itself would have sent."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import missing
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Connection
from redis.exceptions import DataError
from redis_servers import RedisServer, find_redis

from simqueue.adapters.bull_queue.connection import _pool, connect
from simqueue.errors import InputError

ARGUMENTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
)


def ours() -> Any:
    return _pool("redis://127.0.0.1/0").connection_pool.make_connection()


@pytest.mark.parametrize("command", ["EVALSHA", "BZPOPMIN", "SCRIPT LOAD"])
@given(arguments=st.lists(ARGUMENTS, max_size=30))
def test_commands_are_written_as_redis_py_writes_them(command: str, arguments: list[Any]) -> None:
    sent = b"".join(ours().pack_command(command, *arguments))
    assert sent == b"".join(Connection().pack_command(command, *arguments))


@pytest.mark.parametrize("argument", [None, {}, object()])
def test_what_redis_py_refuses_is_refused(argument: Any) -> None:
    with pytest.raises(DataError):
        ours().pack_command("EVALSHA", "script", 0, argument)


def test_tls_keeps_its_own_connections() -> None:
    assert "SSL" in _pool("rediss://127.0.0.1/0").connection_pool.connection_class.__name__


@pytest.mark.parametrize("url", ["redis://:pa/ss@localhost/0", "redis://:pa#ss@localhost/0"])
def test_no_part_of_a_password_is_shown(url: str) -> None:
    with pytest.raises(InputError) as caught:
        asyncio.run(connect(url))

    assert "not a Redis URL" in str(caught.value)
    assert "pa'" not in str(caught.value)
    assert "ss@" not in str(caught.value).replace("***@", "")


def test_an_unknown_setting_of_the_url_is_one_line() -> None:
    with pytest.raises(InputError, match="not a Redis URL"):
        asyncio.run(connect("redis://localhost/0?flavour=vanilla"))


@pytest.fixture
def socket_server(tmp_path: Path) -> Iterator[str]:
    if not find_redis():
        missing("redis-server")
    path = tmp_path / "redis.sock"
    server = RedisServer("--unixsocket", str(path))
    yield f"unix://{path}"
    server.stop()


def test_a_socket_in_the_file_system(socket_server: str) -> None:
    async def ask() -> Any:
        connection = await connect(socket_server)
        try:
            return await connection.client.ping()
        finally:
            await connection.close()

    assert asyncio.run(ask())
