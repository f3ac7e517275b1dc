"""Told to stop, a worker ends within its grace period and five seconds, whatever hangs.

Redis that does not answer, a database that is locked or stopped, a mail server that is silent; at
work, idle, and while it starts.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from conftest import missing
from machine import check_stop
from redis_servers import RedisServer, find_redis
from servers import PostgresServer, find_postgres
from worker_program import WorkerProgram

from simqueue.clock import SystemClock
from simqueue.data import data_path
from simqueue.jobs import order_job, payment_job
from simqueue.settings import Settings
from simqueue.shop import open_shop, read_orders
from simqueue.workers.loop import LastResort, end_tasks, run_interruptible, work_until

GRACE_S = 0.5


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """A Redis that may be frozen."""
    if not find_redis():
        missing("redis-server")
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be stopped."""
    programs = find_postgres()
    if programs is None:
        missing("PostgreSQL's server")
    else:
        server = PostgresServer(programs)
        yield server
        server.stop()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
def start(tmp_path: Path, redis: RedisServer) -> Iterator[Callable[..., WorkerProgram]]:
    """Starts workers that do not outlive the test."""
    redis.clear()
    programs: list[WorkerProgram] = []

    def one(url: str, **variables: str) -> WorkerProgram:
        grace = ("--grace", str(GRACE_S))
        programs.append(
            WorkerProgram(tmp_path, redis.url, *grace, **{"DATABASE_URL": url, **variables})
        )
        return programs[-1]

    yield one
    for program in programs:
        program.kill()


def place(url: str, number: int) -> None:
    settings = Settings(database_url=url)  # type: ignore[arg-type]
    with open_shop(settings, SystemClock(), outbox=True) as shop:
        for order in read_orders(data_path("orders.csv"))[:number]:
            shop.store.place(order, [order_job(order.order_id)])
            shop.store.request_payment(payment_job(order.order_id, order.total))


def until_placed(url: str, number: int) -> None:
    """Wait until so many orders have been placed."""
    until = time.monotonic() + 100
    while time.monotonic() < until:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            if file.execute("SELECT count(*) FROM orders").fetchone()[0] >= number:
                return
        time.sleep(0.02)
    raise AssertionError("nobody places orders")


@contextmanager
def frozen(process: int) -> Iterator[None]:
    """A process and its children that take nothing and answer nothing, and are not gone either."""
    # Its parent stands still first: from then on no child comes, and none disappears.
    os.kill(process, signal.SIGSTOP)
    until = time.monotonic() + 30
    while state_and_parent(process)[0] not in "Tt":
        assert time.monotonic() < until, "it does not stand still"
        time.sleep(0.001)
    children = children_of(process)
    try:
        for child in children:
            os.kill(child, signal.SIGSTOP)
        yield
    finally:
        for one in (*children, process):
            os.kill(one, signal.SIGCONT)


def state_and_parent(process: int) -> tuple[str, int]:
    """What a process does, by its letter, and whose child it is."""
    state, parent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:2]
    return state, int(parent)


def children_of(process: int) -> list[int]:
    """The children of a process, those too that have ended and were not buried."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # a stranger's, and gone meanwhile
            if state_and_parent(int(folder.name))[1] == process:
                found.append(int(folder.name))
    return found


def ends_in_time(worker: WorkerProgram) -> int:
    """Its exit code."""
    began = time.monotonic()
    code = worker.end(seconds=60)
    check_stop(time.monotonic() - began, GRACE_S, worker.lines[-3:])
    return code


def pid_of(server: RedisServer) -> int:
    assert server._process is not None
    return server._process.pid


@pytest.mark.parametrize("jobs", [0, 40])
def test_redis_does_not_answer(
    start: Callable[..., WorkerProgram], redis: RedisServer, url: str, jobs: int
) -> None:
    if jobs:
        place(url, jobs)
    worker = start(url)
    worker.wait_for("worker started")
    if jobs:
        worker.wait_for("job completed", 5)
    with frozen(pid_of(redis)):
        assert ends_in_time(worker) == 0


def test_redis_does_not_answer_while_the_worker_starts(
    start: Callable[..., WorkerProgram], redis: RedisServer, url: str
) -> None:
    """It hangs in its first question; the signal is heard all the same."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        worker = start(url, QUEUE_REDIS_URL=f"redis://127.0.0.1:{silent.getsockname()[1]}")
        with silent.accept()[0]:
            assert ends_in_time(worker) == 0


@contextmanager
def locked(url: str) -> Iterator[None]:
    file = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        file.execute("ROLLBACK")
        file.close()


def test_sqlite_is_locked(start: Callable[..., WorkerProgram], url: str) -> None:
    place(url, 40)
    worker = start(url)
    worker.wait_for("job started", 5)
    with locked(url):
        worker.wait_for("job started", 1)
        assert ends_in_time(worker) == 0


def test_sqlite_is_locked_while_the_worker_starts(
    start: Callable[..., WorkerProgram], url: str
) -> None:
    place(url, 1)
    with locked(url):
        worker = start(url)
        # It warns of the Redis, and then opens the shop.
        worker.wait_for("appendonly")
        assert ends_in_time(worker) == 0
    assert not any("Traceback" in line["event"] for line in worker.lines)


@pytest.mark.parametrize("how", ["stopped", "locked"])
def test_postgresql_hangs(
    start: Callable[..., WorkerProgram], postgres: PostgresServer, how: str
) -> None:
    url = postgres.new_database()
    place(url, 40)
    worker = start(url)
    worker.wait_for("job completed", 5)
    if how == "stopped":
        pid = int((postgres._folder / "data" / "postmaster.pid").read_text().split()[0])
        with frozen(pid):
            assert ends_in_time(worker) == 0
    else:
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE orders, outbox IN ACCESS EXCLUSIVE MODE")
            assert ends_in_time(worker) == 0


def test_everything_hangs(
    start: Callable[..., WorkerProgram], redis: RedisServer, url: str
) -> None:
    place(url, 40)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        worker = start(url, SMTP_URL=f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        worker.wait_for("job completed", 5)
        with locked(url), frozen(pid_of(redis)):
            assert ends_in_time(worker) == 0


@pytest.mark.parametrize("hangs", ["redis", "sqlite", "sqlite at the start"])
def test_ctrl_c_ends_a_replay(tmp_path: Path, redis: RedisServer, url: str, hangs: str) -> None:
    redis.clear()
    place(url, 1)
    environment = {"WORKER_MODE": "bull-queue", "QUEUE_REDIS_URL": redis.url, "DATABASE_URL": url}
    with subprocess.Popen(
        [sys.executable, "-m", "simqueue", "replay", "--speed", "600"],
        cwd=tmp_path, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        try:
            assert program.stderr is not None
            assert "note: Redis" in program.stderr.readline()
            if hangs != "sqlite at the start":
                until_placed(url, 3)
            stuck = frozen(pid_of(redis)) if hangs == "redis" else locked(url)
            with stuck:
                time.sleep(0.5)  # until it asks
                began = time.monotonic()
                program.send_signal(signal.SIGINT)
                assert program.wait(60) == 130
                check_stop(time.monotonic() - began, GRACE_S)
        finally:
            program.kill()


async def stubborn(release: asyncio.Event) -> None:
    """Does not heed its cancellation, as `asyncio.shield` and redis-py may not."""
    while not release.is_set():
        with suppress(asyncio.CancelledError):
            await release.wait()


def test_a_task_that_does_not_end_is_left_behind() -> None:
    async def story() -> tuple[bool, bool]:
        release = asyncio.Event()
        late = await end_tasks([asyncio.ensure_future(stubborn(release))], 0.01)
        release.set()
        return late, await end_tasks([asyncio.ensure_future(asyncio.sleep(0))], 1)

    assert asyncio.run(story()) == (False, True)


def test_what_a_task_raised_is_raised() -> None:
    async def fail() -> None:
        raise RuntimeError("lost")

    async def story() -> None:
        await end_tasks([asyncio.ensure_future(fail())], 1)

    with pytest.raises(RuntimeError, match="lost"):
        asyncio.run(story())


def test_a_worker_that_is_still_starting_is_not_waited_for() -> None:
    seen: list[str] = []

    class Starting:
        async def start(self) -> None:
            await asyncio.Event().wait()

        async def failed(self) -> None:
            seen.append("worked")

        async def stop(self, grace_s: float) -> None:
            seen.append(f"stopped {grace_s:g}")

    async def story() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_soon(stop.set)
        await asyncio.wait_for(work_until(stop, Starting(), 2), 100)

    asyncio.run(story())
    assert seen == ["stopped 2"]


def test_what_is_not_interrupted_has_its_result() -> None:
    async def answer() -> int:
        return 7

    assert run_interruptible(answer()) == 7


def test_a_block_that_ended_in_time_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever calls a command from Python would not live long."""
    ended = threading.Event()
    monkeypatch.setattr("os._exit", lambda _: ended.set())
    with LastResort() as last:
        last.end_within(100, 1)
    for timer in last._timers:
        timer.join(60)
        assert not timer.is_alive()
    assert not ended.is_set()
    with LastResort() as last:
        last.end_within(0.05, 1)
        assert ended.wait(60)
