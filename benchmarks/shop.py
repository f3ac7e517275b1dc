"""The shop's own path (order, payment, emails) by one worker: jobs a second, and what they cost.

The worker is the one that the command line starts, with log lines, events and metrics. Orders and
payments are asked for before it starts; the gateway takes its time, refuses and loses answers as
it always does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path

from benchmarks import production
from benchmarks.processes import processor_s
from benchmarks.report import Measured
from simqueue.clock import SystemClock
from simqueue.jobs import order_job, payment_job
from simqueue.settings import Settings
from simqueue.shop import Order, OrderLine, open_shop
from simqueue.shop.catalogue import read_catalogue

ORDERS, ROUNDS, SLOTS = 250, 3, 10
#: Each order has its goods moved, its payment taken, and mostly two emails.
_JOBS = 4 * ORDERS
#: Measured from here to there of the jobs: not the start, nor the last retries.
_FROM, _TO = 0.1, 0.9
_LIMIT_S = 180.0
_POLL_S = 0.05


def measure() -> list[Measured]:
    """Jobs a second, and processor time a job, on SQLite and PostgreSQL."""
    found = []
    with production.own_redis() as port:
        found += _measured(port, "SQLite", lambda folder: f"sqlite:///{folder}/shop.db")
        with _postgres() as database:
            if database is None:
                found.append(Measured("the shop on PostgreSQL", note="it is not installed"))
            else:
                found += _measured(port, "PostgreSQL", lambda _: database())
    return found


def _measured(port: int, name: str, database: Callable[[Path], str]) -> list[Measured]:
    rates, costs = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            rate, cost, wrong = round_of(port, Path(folder), database(Path(folder)))
        if wrong:
            return [Measured(f"the shop on {name}", note=wrong, failed=True)]
        rates.append(rate)
        costs.append(1000 * cost)
    title = f"jobs of the shop, {name}, {SLOTS} slots a queue"
    return [
        Measured.of(title, rates, "jobs/s", note="log, events, metrics on; emails are files"),
        Measured.of("processor time a job", costs, "ms"),
    ]


def round_of(port: int, folder: Path, database: str) -> tuple[float, float, str]:
    """Jobs a second, processor seconds a job, and what was not done of it, in words."""
    production.command(port, "FLUSHALL")
    settings = Settings(database_url=database)  # type: ignore[arg-type]
    with open_shop(settings, SystemClock(), outbox=True) as shop:
        for order in _orders():
            shop.store.place(order, [order_job(order.order_id)])
            shop.store.request_payment(payment_job(order.order_id, order.total))
        looks = list(_worked_off(port, folder, database))
        states = [shop.store.state(order.order_id) for order in _orders()]
        emails = len(shop.store.emails())
    began = next(look for look in looks if look[1] >= _FROM * _JOBS)
    ended = next((look for look in looks if look[1] >= _TO * _JOBS), looks[-1])
    jobs = ended[1] - began[1]
    unsettled = sum(state.status == "pending" or bool(state.open_queues) for state in states)
    wanted = sum(
        (state.status == "processing") + (state.payment_status in ("paid", "declined", "failed"))
        for state in states
    )
    wrong = ""
    if unsettled or emails != wanted:
        wrong = f"{unsettled} orders are open, {emails} of {wanted} emails sent"
    return jobs / (ended[0] - began[0]), (ended[2] - began[2]) / jobs, wrong


def _orders() -> Iterator[Order]:
    """Orders of two products each, in turn through the catalogue."""
    skus = [sku for sku, product in read_catalogue().items() if product.kind == "product"]
    prices = read_catalogue()
    turn = cycle(skus)
    for number in range(ORDERS):
        lines = tuple(OrderLine(sku, 1, prices[sku].unit_price) for sku in islice(turn, 2))
        yield Order(str(100_000 + number), datetime(2026, 1, 1), "12345", "Germany", lines)


def _worked_off(port: int, folder: Path, database: str) -> Iterator[tuple[float, int, float]]:
    """Moments, jobs that are over, and processor seconds of a worker, until all are done."""
    environment = {
        **os.environ,
        "WORKER_MODE": "bull-queue",
        "WORKER_TYPE": "all",
        "WORKER_CONCURRENCY": str(SLOTS),
        "DATABASE_URL": database,
        "QUEUE_REDIS_URL": production.url_of(port),
        "PYTHONPATH": str(Path(production.__file__).parents[1]),
    }
    environment.pop("SMTP_URL", None)
    command = [sys.executable, "-m", "simqueue", "worker", "--json-logs",
               "--log", "log.csv", "--metrics-port", "0"]  # fmt: skip
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=stderr)
        try:
            limit = time.perf_counter() + _LIMIT_S
            while time.perf_counter() < limit and process.poll() is None:
                time.sleep(_POLL_S)
                done = _ended(folder)
                yield time.perf_counter(), done, processor_s(process.pid)
                if done >= _JOBS:
                    return
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _ended(folder: Path) -> int:
    """Jobs that came to their end, by the workers' events."""
    events = "".join(file.read_text() for file in folder.glob("log.csv.events/*.jsonl"))
    return sum(events.count(f'"outcome":"{word}"') for word in ("completed", "failed"))


@contextmanager
def _postgres() -> Iterator[Callable[[], str] | None]:
    """What makes an empty database on a server of our own; ``None`` if there is no PostgreSQL."""
    # The tests have one; their folder is no package.
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from servers import PostgresServer, find_postgres

    programs = find_postgres()
    if programs is None:
        yield None
        return
    server = PostgresServer(programs)
    try:
        yield server.new_database
    finally:
        server.stop()
