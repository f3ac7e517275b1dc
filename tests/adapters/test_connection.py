"""The connections of our pool: what they send is what redis-py itself would have sent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Connection
from redis.exceptions import DataError

from simqueue.adapters.bull_queue.connection import _pool

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
