"""Play a day of the company on a Redis: its producer and its workers, each a process of Node's."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import redis

from benchmarks.standin.company import COMPANY, sped_up
from benchmarks.standin.machine import Machine, Watch
from benchmarks.standin.packages import bullmq_of
from benchmarks.standin.truth import DAY_FILE, Truth, read_truth
from simqueue.errors import InputError, SimqueueError
from simqueue.validation.node.installed import NodeBullMQ
from simqueue.validation.server import open_server

Process = subprocess.Popen[str]

_HERE = Path(__file__).parent / "node"
_LOOK_S = 1.0
#: How long the queues may take to be empty, beside twice the day.
_DRAIN_S = 600.0
_END_S = 30.0


@dataclass(frozen=True)
class Outage:
    """Every attempt of ``queue`` that starts from ``start_s`` until ``end_s`` of the day fails."""

    queue: str
    start_s: float
    end_s: float

    @classmethod
    def parse(cls, text: str) -> Outage:
        """Read ``QUEUE:FROM:TO``, seconds.

        Raises
        ------
        InputError
            If it is anything else, or there is no such queue.
        """
        queue, *window = text.split(":")
        try:
            start_s, end_s = map(float, window)
        except ValueError:
            raise InputError(f"--outage {text}: expected QUEUE:FROM:TO, in seconds") from None
        if queue not in COMPANY["queues"]:
            raise InputError(f"--outage {text}: expected one of {', '.join(COMPANY['queues'])}")
        if not 0 <= start_s < end_s:
            raise InputError(f"--outage {text}: expected 0 <= FROM < TO")
        return cls(queue, start_s, end_s)


def play_day(
    folder: Path,
    seed: int = 1,
    day: int = 1,
    traffic: float = 1.0,
    minutes: float = 10.0,
    outage: Outage | None = None,
    redis: str | None = None,
    *,
    speed: float = 1.0,
    prefix: str = "bull",
    bullmq: NodeBullMQ | None = None,
    company: dict[str, Any] = COMPANY,
) -> Truth:
    """Play a day to its end, and tell the truth about it.

    Parameters
    ----------
    folder
        Where the truth is written; it must not hold a day yet.
    seed, day
        What all draws depend on: another day has other customers.
    traffic
        How many times as many jobs arrive as usually, at the same hours.
    minutes
        For how long jobs arrive; the profile of a day is as long.
    outage
        Of what one queue's jobs call.
    redis
        URL of a Redis, on which the queues are left; by default a private one.
    speed
        How many times as fast everything goes, at the same utilisations.
    prefix
        What the keys of the queues begin with.
    bullmq
        Which; by default the newest one, which npm is asked for.
    company
        What it does.

    Raises
    ------
    InputError
        If the folder holds a day, the Redis holds such queues, or there is no BullMQ.
    SimqueueError
        If a process ends by itself, or the queues do not get empty.
    """
    if (folder / DAY_FILE).exists() or any(folder.glob("attempts-*")):
        raise InputError(f"{folder}: there is a day in it; name another folder")
    installed = bullmq or bullmq_of()
    told = {
        **sped_up(company, speed),
        "seed": seed,
        "day": day,
        "traffic": traffic,
        "duration": 60.0 * minutes,
        "outage": outage and {"queue": outage.queue, "from": outage.start_s, "to": outage.end_s},
        "prefix": prefix,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with open_server(redis) as server:
        if server.embedded:
            raise InputError("there is no program redis-server; name a Redis with --redis")
        _check_unused(server.url, prefix, company)
        processes = {**told, "folder": str(folder.absolute()), "modules": str(installed.modules)}
        origin, machine = _play(processes, server.url)
    told |= {"origin": origin, "bullmq": installed.words, "machine": asdict(machine)}
    (folder / DAY_FILE).write_text(json.dumps(told, indent=1), encoding="utf-8")
    return read_truth(folder)


def _check_unused(url: str, prefix: str, company: dict[str, Any]) -> None:
    with redis.Redis.from_url(url) as client:
        for queue in company["queues"]:
            if client.exists(f"{prefix}:{queue}:meta"):
                raise InputError(f"the Redis holds a queue {prefix}:{queue}; name another --prefix")


def _play(day: dict[str, Any], url: str) -> tuple[float, Machine]:
    """When it began, Unix time; and how busy the machine was."""
    watch = Watch()
    with ExitStack() as stack:
        workers = [
            stack.enter_context(_node("worker", {**day, "slots": pool["queues"]}, url))
            for pool in day["pools"].values()
            for _ in range(pool["count"])
        ]
        for worker in workers:
            _line(worker)
        producer = stack.enter_context(_node("producer", day, url))
        origin = _line(producer)
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write(f"{origin}\n")
            worker.stdin.flush()
        _wait(producer, workers, watch, 2 * day["duration"] + _DRAIN_S)
    return float(origin), watch.seen()


def _wait(
    producer: subprocess.Popen[str],
    workers: list[subprocess.Popen[str]],
    watch: Watch,
    most_s: float,
) -> None:
    until = time.monotonic() + most_s
    while True:
        try:
            code = producer.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            watch.look()
        else:
            if code:
                raise SimqueueError(f"the producer ended with code {code}")
            return
        if any(worker.poll() is not None for worker in workers):
            raise SimqueueError("a worker ended by itself")
        if time.monotonic() > until:
            raise SimqueueError(f"the queues were not empty after {most_s:.0f} s")


@contextmanager
def _node(script: str, day: dict[str, Any], url: str) -> Iterator[Process]:
    """A process of Node's; what it complains about is seen."""
    process = subprocess.Popen(
        ["node", str(_HERE / f"{script}.mjs"), json.dumps(day)],
        env={**os.environ, "QUEUE_REDIS_URL": url}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
        process.communicate(timeout=_END_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _line(process: Process) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise SimqueueError("a process of Node's ended before the day began")
    return line
