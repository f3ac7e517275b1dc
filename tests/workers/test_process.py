"""The worker as a process: several side by side, signals, kills, and a Redis that goes away."""

import asyncio
import json
import math
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import missing
from redis_servers import RedisServer, find_redis
from worker_program import WorkerProgram

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.cli import run
from simqueue.clock import SystemClock
from simqueue.data import data_path
from simqueue.jobs import order_job, payment_job
from simqueue.record.reading import read_log
from simqueue.settings import Settings
from simqueue.shop import Shop, open_shop, read_orders
from simqueue.workers.process import stop_on_signals


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def workers() -> Iterator[list[WorkerProgram]]:
    """Whatever is put into this list does not outlive the test."""
    programs: list[WorkerProgram] = []
    yield programs
    for program in programs:
        program.kill()


def shop_of(folder: Path) -> Shop:
    settings = Settings(database_url=f"sqlite:///{folder / 'shop.db'}")  # type: ignore[arg-type]
    return open_shop(settings, SystemClock(), outbox=True)


def place(folder: Path, number: int, after: int = 0) -> list[str]:
    """Place recorded orders and ask for their payment, as the web shop would: their ids."""
    orders = read_orders(data_path("orders.csv"))[after : after + number]
    with shop_of(folder) as shop:
        for order in orders:
            shop.store.place(order, [order_job(order.order_id)])
            shop.store.request_payment(payment_job(order.order_id, order.total))
    return [order.order_id for order in orders]


def wait_until_done(folder: Path, redis_url: str, seconds: float = 200) -> None:
    """Wait until nothing waits in the outbox or the queues, and no email is in doubt."""

    async def done() -> None:
        adapter = BullQueueAdapter(await connect(redis_url))
        with shop_of(folder) as shop:
            assert shop.store.outbox is not None
            async with asyncio.timeout(seconds):
                # Twice in a row: a job may be on its way from the one to the other.
                quiet = 0
                while quiet < 2:
                    left = len(shop.store.outbox.waiting(1)) or await adapter.unfinished()
                    left = left or len(shop.store.mail.in_doubt(math.inf))
                    quiet = 0 if left else quiet + 1
                    await asyncio.sleep(0.05)
        await adapter.close()

    asyncio.run(done())


def states(folder: Path, orders: list[str]) -> list[tuple[str, str]]:
    with shop_of(folder) as shop:
        return [tuple(shop.store.state(order)) for order in orders]


def test_two_workers_share_the_work_and_drain_on_sigterm(
    folder: Path, redis_url: str, workers: list[WorkerProgram]
) -> None:
    # The gateway answers all of these at once: nobody waits for a retry.
    orders = place(folder, 40, after=20)
    workers.extend(WorkerProgram(folder, redis_url, "--log", "run.csv") for _ in range(2))
    for worker in workers:
        worker.wait_for("worker started")
    orders = place(folder, 15)
    workers[0].wait_for("job completed", 8)
    first = workers[0].end()
    wait_until_done(folder, redis_url)
    second = workers[1].end()

    assert (first, second) == (0, 0)
    assert all(
        status != "pending" and payment != "pending" for status, payment in states(folder, orders)
    )
    frame = read_log(folder / "run.csv").frame()
    assert frame["worker"].nunique() == 2
    assert not frame["job_id"].duplicated().any()
    assert set(frame["outcome"].astype(str)) == {"completed"}
    assert "worker stopped" in workers[0].lines[-1]["event"]


def test_worker_type_selects_the_queue(
    folder: Path, redis_url: str, workers: list[WorkerProgram]
) -> None:
    orders = place(folder, 5)
    workers.append(WorkerProgram(folder, redis_url, WORKER_TYPE="order"))
    workers[0].wait_for("job completed", 5)
    assert workers[0].end() == 0

    assert {line.get("queue") for line in workers[0].lines if "job_id" in line} == {"order"}
    assert [payment for _, payment in states(folder, orders)] == ["pending"] * 5


@pytest.fixture(scope="module")
def watched(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[dict[str, Any]], str]:
    """What a worker logged, and what its metrics were when it had done five orders."""
    redis_server.clear()
    folder = tmp_path_factory.mktemp("watched")
    place(folder, 5)
    worker = WorkerProgram(folder, redis_server.url, "--metrics-port", "0")
    try:
        worker.wait_for("job completed", 14)
        (address,) = [
            found[0]
            for line in worker.lines
            if (found := re.search(r"http://127\.0\.0\.1:\d+/metrics", line["event"]))
        ]
        text = httpx.get(address).text
        assert worker.end() == 0
    finally:
        worker.kill()
    return worker.lines, text


def test_lines_of_the_log_say_what_happened(watched: tuple[list[dict[str, Any]], str]) -> None:
    lines, _ = watched
    completed = next(line for line in lines if line["event"] == "job completed")
    assert {"queue", "job_id", "attempt", "duration_s", "result", "level", "timestamp"} <= set(
        completed
    )
    steps = [line["step"] for line in lines if line["event"] == "job progress"]
    assert {"goods: processing", "gateway: paid", "handed over"} <= set(steps)
    assert any("appendonly" in line["event"] for line in lines), "no warning of lost jobs"
    assert not any("17850" in json.dumps(line) for line in lines), "a customer in the log"


def test_metrics_of_the_worker(watched: tuple[list[dict[str, Any]], str]) -> None:
    _, text = watched

    assert re.search(
        r'simqueue_jobs_processed_total\{outcome="completed",queue="order"\} 5\.0', text
    )
    assert "simqueue_job_processing_seconds_bucket" in text


@pytest.fixture
def silent_mail() -> Iterator[str]:
    """URL of a mail server that accepts connections and never says a word."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield f"smtp://127.0.0.1:{silent.getsockname()[1]}"


def test_a_second_signal_ends_it_at_once(
    folder: Path, redis_url: str, workers: list[WorkerProgram], silent_mail: str
) -> None:
    """The first signal lets a job that hangs have its grace period; the second does not wait."""
    place(folder, 1)
    workers.append(WorkerProgram(folder, redis_url, "--grace", "600", SMTP_URL=silent_mail))
    workers[0].wait_for("job started", 3)
    workers[0].process.send_signal(signal.SIGTERM)
    workers[0].wait_for("stopping")
    code = workers[0].end(seconds=100)

    assert code == 130
    assert any("second signal" in line["event"] for line in workers[0].lines)


def test_a_grace_period_that_is_over_leaves_jobs_and_says_so(
    folder: Path, redis_url: str, workers: list[WorkerProgram], silent_mail: str
) -> None:
    place(folder, 1)
    workers.append(WorkerProgram(folder, redis_url, "--grace", "0.2", SMTP_URL=silent_mail))
    workers[0].wait_for("job started", 3)
    code = workers[0].end()

    assert code == 0
    left = [line["job_id"] for line in workers[0].lines if "left unfinished" in line["event"]]
    assert left
    assert all(job.startswith("email-") for job in left)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_when_all_is_done_spoils_nothing(
    number: signal.Signals, folder: Path, redis_url: str, workers: list[WorkerProgram]
) -> None:
    """Who stops a service may say so twice: the exit code is that of what it did."""
    workers.append(WorkerProgram(folder, redis_url))
    workers[0].wait_for("worker started")
    workers[0].process.send_signal(signal.SIGTERM)
    workers[0].wait_for("worker stopped")
    while workers[0].process.poll() is None:
        workers[0].process.send_signal(number)
    # The last connections may still be closing when it comes: then it ends that at once.
    assert workers[0].process.returncode in (0, 130)


@pytest.mark.parametrize("numbers", [(15, 15), (2, 2), (15, 2), (2, 15), (15, 15, 15)])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_signals_in_a_row_are_counted(numbers: tuple[int, ...], loop: str) -> None:
    """However busy the process is: only those that the kernel makes one of are one."""
    uvloop = pytest.importorskip("uvloop")

    async def story() -> int:
        further: list[int] = []
        stop = stop_on_signals(lambda: further.append(1))
        for number in numbers:
            signal.raise_signal(number)
        await asyncio.wait_for(stop.wait(), 100)
        await asyncio.sleep(0.01)
        return len(further)

    factory = uvloop.new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(story()) == len(numbers) - 1


@pytest.mark.parametrize(
    ("mode", "redis", "words"),
    [
        ("bull-queue", "", "QUEUE_REDIS_URL is not set: expected redis://"),
        ("in-process", "", "a worker needs WORKER_MODE=bull-queue"),
        ("bull-queue", "embedded://", "lives in one process"),
        ("bull-queue", "redis://:geheim@127.0.0.1:1", "no Redis answers there"),
    ],
)
def test_without_a_queue_a_worker_ends_with_one_line(
    mode: str,
    redis: str,
    words: str,
    folder: Path,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WORKER_MODE", mode)
    monkeypatch.setenv("QUEUE_REDIS_URL", redis)

    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in signals]
    assert run(["worker"]) == 2
    assert [signal.getsignal(number) for number in signals] == before, "the caller goes on"
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1
    assert "geheim" not in said.err


@pytest.mark.slow
def test_a_redis_that_is_killed_and_restarted_loses_nothing(
    folder: Path, workers: list[WorkerProgram]
) -> None:
    """With ``appendonly`` and ``appendfsync always``; the worker goes on by itself."""
    if not find_redis():
        missing("redis-server")
    server = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    try:
        orders = place(folder, 120)
        workers.append(WorkerProgram(folder, server.url, WORKER_CONCURRENCY="2"))
        workers[0].wait_for("job completed", 60)
        server.kill()
        workers[0].wait_for("trouble with the queue", 1)
        server.start()
        # A job that was running when the server died may have to wait for the stall check.
        wait_until_done(folder, server.url, seconds=240)
        assert not any("pending" in state for state in states(folder, orders))
        troubles = sum("trouble" in line["event"] for line in workers[0].lines)
        assert workers[0].end() == 0
    finally:
        server.stop()

    assert troubles < 40, "an outage fills the log"
    with shop_of(folder) as shop:
        emails = shop.store.emails()
        paid, refunded = (
            {o for o in orders if shop.store.state(o).payment_status == word}
            for word in ("paid", "refunded")
        )
    assert len(emails) == len(set(emails))
    # Who paid before the order was rejected was told of the payment, and got the money back.
    assert paid <= {o for o, kind in emails if kind == "payment-success"} <= paid | refunded


@pytest.mark.slow
def test_the_jobs_of_a_killed_worker_are_done_by_another(
    folder: Path, redis_url: str, workers: list[WorkerProgram]
) -> None:
    """kill -9: at least once, effects once. At BullMQ's defaults recovery takes 22 to 90 s."""
    orders = place(folder, 60)
    workers.append(WorkerProgram(folder, redis_url, "--log", "run.csv"))
    workers[0].wait_for("job started", 25)
    workers[0].kill()
    workers.append(WorkerProgram(folder, redis_url, "--log", "run.csv"))
    started = {line["job_id"] for line in workers[0].lines if line["event"] == "job started"}
    ended = {
        line["job_id"]
        for line in workers[0].lines
        if "job_id" in line and "started" not in line["event"]
    }
    if started - ended:
        workers[1].wait_for("job stalled", 1, seconds=120)
    # An email that was on its way is sent again after two minutes.
    wait_until_done(folder, redis_url, seconds=240)
    workers[1].end()

    log = read_log(folder / "run.csv").frame()
    assert all("pending" not in state for state in states(folder, orders))
    with shop_of(folder) as shop:
        emails = shop.store.emails()
        assert len(emails) == len(set(emails))
        processed = [o for o in orders if shop.store.state(o).status == "processing"]
        assert {o for o, kind in emails if kind == "order-confirmation"} == set(processed)
    stalled = log[log["outcome"] == "stalled"]
    if started - ended:
        # A job whose end was written down, but whose completion Redis did not hear before the
        # kill, runs again too; its log has no stalled row to be measured from.
        again = log[(log["run"] == 2) & log["job_id"].isin(stalled["job_id"])]
        assert set(stalled["job_id"]) <= set(again["job_id"])
        waits = again["ready_s"].to_numpy() - stalled["started_s"].min()
        assert (waits > 20).all()
        assert (waits < 95).all()
