"""Commands that are sent together: each caller gets its own answer, whatever the others get."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import NoScriptError, ResponseError

from simqueue.adapters.bull_queue import Connection, connect
from simqueue.adapters.bull_queue.pipelining import PipelinedScript, Pipelines


@asynccontextmanager
async def pipelines(url: str) -> AsyncIterator[tuple[Pipelines, Connection]]:
    connection = await connect(url)
    try:
        yield Pipelines(connection.client), connection
    finally:
        await connection.close()


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for each write to a Redis."""
    from redis.asyncio.connection import AbstractConnection

    seen: list[None] = []
    send = AbstractConnection.send_packed_command

    async def counted(self: AbstractConnection, *args: object, **options: object) -> None:
        seen.append(None)
        await send(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    return seen


def test_what_is_asked_in_one_turn_takes_few_writes_and_connections(
    redis_url: str, writes: list[None]
) -> None:
    async def play() -> tuple[list[str], int, int]:
        async with pipelines(redis_url) as (pipes, connection):
            await asyncio.gather(*(pipes.execute("ECHO", "x") for _ in range(100)))
            writes.clear()
            texts = [f"text {n}" for n in range(100)]
            answers = await asyncio.gather(*(pipes.execute("ECHO", text) for text in texts))
            assert answers == texts
            used = len(writes)
            clients = await connection.client.client_list()
            return answers, used, len(clients)

    _, used, clients = asyncio.run(play())
    assert used <= 8
    assert clients <= 5


def test_one_that_is_alone_waits_for_nobody(redis_url: str) -> None:
    async def play() -> list[str]:
        async with pipelines(redis_url) as (pipes, _):
            over: list[str] = []

            async def ask(*command: str) -> None:
                await pipes.execute(*command)
                over.append(command[0])

            slow = asyncio.ensure_future(ask("BLPOP", "nothing", "0.3"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await ask("PING")
            await slow
            return over

    assert asyncio.run(play()) == ["PING", "BLPOP"]


def test_a_refusal_is_its_own_commands(redis_url: str) -> None:
    async def play() -> list[object]:
        async with pipelines(redis_url) as (pipes, _):
            asked = [("SET", "key", "1"), ("LPUSH", "key", "2"), ("ECHO", object()), ("GET", "key")]
            return await asyncio.gather(
                *(pipes.execute(*one) for one in asked), return_exceptions=True
            )

    done, refused, unsent, value = asyncio.run(play())
    assert done in ("OK", True)
    assert isinstance(refused, ResponseError)
    assert isinstance(unsent, Exception)
    assert value == "1"


def test_whoever_no_longer_waits_leaves_the_others_their_answers(redis_url: str) -> None:
    async def play() -> list[str]:
        async with pipelines(redis_url) as (pipes, _):
            tasks = [asyncio.ensure_future(pipes.execute("ECHO", str(n))) for n in range(10)]
            await asyncio.sleep(0)
            tasks[3].cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(answers.pop(3), asyncio.CancelledError)
            return [*map(str, answers), await pipes.execute("ECHO", "last")]

    assert asyncio.run(play()) == ["0", "1", "2", "4", "5", "6", "7", "8", "9", "last"]


def test_what_nobody_waits_for_any_more_is_not_sent(redis_url: str) -> None:
    async def play() -> tuple[str | None, str]:
        async with pipelines(redis_url) as (pipes, _):
            unwanted = asyncio.ensure_future(pipes.execute("SET", "key", "unwanted"))
            wanted = asyncio.ensure_future(pipes.execute("ECHO", "wanted"))
            await asyncio.sleep(0)
            unwanted.cancel()
            return await pipes.execute("GET", "key"), await wanted

    assert asyncio.run(play()) == (None, "wanted")


def test_a_lost_connection_is_said_to_those_whose_answers_were_to_come(redis_url: str) -> None:
    async def play() -> str:
        async with pipelines(redis_url) as (pipes, connection):
            waits = asyncio.ensure_future(pipes.execute("BLPOP", "nothing", 0))
            while not any(
                client["cmd"] == "blpop" for client in await connection.client.client_list()
            ):
                await asyncio.sleep(0)
            await connection.client.client_kill_filter(_type="normal", skipme=True)
            with pytest.raises(NoConnection):
                await waits
            answer: str = await pipes.execute("ECHO", "here again")
            return answer

    assert asyncio.run(play()) == "here again"


def test_a_script_that_redis_does_not_know_is_loaded(redis_url: str) -> None:
    async def play() -> list[str]:
        async with pipelines(redis_url) as (pipes, connection):
            plain = connection.client.register_script("return KEYS[1] .. ARGV[1]")
            with pytest.raises(NoScriptError):
                await pipes.execute("EVALSHA", plain.sha, 0)
            script = PipelinedScript(plain, pipes)
            return [await script(["a"], ["b"]), await script(keys=["c"], args=["d"])]

    assert asyncio.run(play()) == ["ab", "cd"]


def test_a_script_survives_a_lost_connection(redis_url: str) -> None:
    async def play() -> int:
        async with pipelines(redis_url) as (pipes, connection):
            script = PipelinedScript(
                connection.client.register_script("return redis.call('INCR', KEYS[1])"), pipes
            )
            await script(["counted"])
            await connection.client.client_kill_filter(_type="normal", skipme=False)
            found: int = await script(["counted"])
            return found

    assert asyncio.run(play()) == 2


def test_who_asks_when_all_others_were_just_answered_is_heard() -> None:
    """Four batches may be answered in one turn of a loop that was busy; who wakes first asks on."""

    class Told(Pipelines):
        """Redis answers all that it was asked when it is told to."""

        def __init__(self) -> None:
            super().__init__(SimpleNamespace(connection_pool=None))  # type: ignore[arg-type]
            self.now = asyncio.Event()
            self.asked = 0

        async def _send(self, batch: Sequence[Any]) -> None:
            self.asked += len(batch)
            await self.now.wait()
            for _, answer in batch:
                answer.set_result("said")

    async def play(slots: int) -> list[str]:
        pipes = Told()

        async def slot() -> list[str]:
            return [await pipes.execute("PING"), await pipes.execute("PING")]

        first = asyncio.ensure_future(slot())
        others = [asyncio.ensure_future(pipes.execute("PING")) for _ in range(slots - 1)]
        while pipes.asked < slots:
            await asyncio.sleep(0)
        pipes.now.set()
        async with asyncio.timeout(60):  # only ends a hang
            found = await first
            await asyncio.gather(*others)
        return found

    for slots in (1, 16, 17, 33, 49, 64):
        assert asyncio.run(play(slots)) == ["said", "said"]
