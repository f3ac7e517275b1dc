"""Processor time of ``simqueue serve`` while jobs go through the queues that it watches."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.request import urlopen

from benchmarks import production
from benchmarks.processes import processor_s
from benchmarks.report import Measured

QUEUES, JOBS_PER_S, SECONDS, ROUNDS = 10, 2_000, 8.0, 3
#: Of a core.
TARGET = 0.1
#: How often events come.
_TICK_S = 0.005
#: What BullMQ's scripts append for a job that is added, taken and completed at once.
_FEED = """
local number = tonumber(ARGV[1])
for n = number, number + tonumber(ARGV[2]) - 1 do
  local key, job = KEYS[n % #KEYS + 1], 'order-' .. n
  local function add(...) redis.call('XADD', key, 'MAXLEN', '~', 10000, '*', ...) end
  add('event', 'added', 'jobId', job, 'name', 'process-order')
  add('event', 'waiting', 'jobId', job)
  add('event', 'active', 'jobId', job, 'prev', 'waiting')
  add('event', 'completed', 'jobId', job, 'returnvalue', '"processing"', 'prev', 'active')
end
"""


def measure() -> list[Measured]:
    """Processor seconds a second, with jobs and without."""
    title = f"serve, {QUEUES} queues, {JOBS_PER_S:,} jobs/s"
    busy, idle = [], []
    names = [f"queue-{n}" for n in range(QUEUES)]
    with production.own_redis() as port, serving(port, names) as (process, address):
        fed = 0
        for _ in range(ROUNDS):
            idle.append(_cores(process, _wait))
            busy.append(_cores(process, functools.partial(feed, port, names, fed)))
            fed += int(JOBS_PER_S * SECONDS)
            counted = completed(address)
            if counted != fed:
                wrong = f"{counted:,} of {fed:,} jobs counted"
                return [Measured(title, note=wrong, failed=True)]
    return [
        Measured.of(title, busy, "cores", at_most=TARGET, note="four events a job, all counted"),
        Measured.of("the same without jobs", idle, "cores"),
    ]


@contextmanager
def serving(port: int, names: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A ``simqueue serve`` that answers, and its address."""
    queues = [word for name in names for word in ("--queue", name)]
    process = subprocess.Popen(
        [sys.executable, "-m", "simqueue", "serve", "--port", "0", *queues],
        env={**os.environ, "QUEUE_REDIS_URL": production.url_of(port)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with urlopen(f"{address}readyz") as answer:
            answer.read()
        yield process, address
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def feed(port: int, names: list[str], first: int) -> None:
    """Have the events of so many jobs a second appended, for some seconds."""
    import redis

    keys = [f"bull:{name}:events" for name in names]
    jobs = int(JOBS_PER_S * SECONDS)
    done = 0
    with redis.Redis(port=port) as client:
        script = client.register_script(_FEED)
        began = time.perf_counter()
        while done < jobs:
            time.sleep(_TICK_S)
            due = min(jobs, int(JOBS_PER_S * (time.perf_counter() - began)))
            script(keys, [first + done, due - done])
            done = due


def completed(address: str) -> int:
    """Jobs that it has counted, once it counts no more."""
    found = -1
    while found != (found := _completed(address)):
        time.sleep(1)
    return found


def _completed(address: str) -> int:
    with urlopen(f"{address}metrics") as answer:
        text = answer.read().decode()
    counts = re.findall(
        r'^simqueue_jobs_processed_total{outcome="completed",.*} (\S+)$', text, re.M
    )
    return int(sum(map(float, counts)))


def _wait() -> None:
    time.sleep(SECONDS / 2)


def _cores(process: subprocess.Popen[str], while_this: Callable[[], None]) -> float:
    began, before = time.perf_counter(), processor_s(process.pid)
    while_this()
    return (processor_s(process.pid) - before) / (time.perf_counter() - began)
