"""Jobs per second on one Redis: simqueue's worker against Node's plain BullMQ, on the same jobs."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

from benchmarks import production
from benchmarks.production import OURS, Program, Queue
from benchmarks.report import Measured
from benchmarks.standin.packages import bullmq_of
from simqueue.errors import InputError
from simqueue.results.wording import count

#: By slots and milliseconds that a handler sleeps: jobs of a round, enough for a second or so.
JOBS = {(1, 0): 1_000, (5, 0): 3_000, (50, 0): 4_000, (1, 1): 600, (5, 1): 2_000, (50, 1): 4_000}
#: Of Node's rate: with log, events and metrics, and without.
WITH_ALL, BARE = 0.85, 1.0

_NODE = Path(production.__file__).parent / "rivals" / "with_node.mjs"
#: As many as a queue of orders keeps.
_COMPARED = 100
#: Fields of a job that tell when, and who.
_MOMENTS = {b"timestamp", b"processedOn", b"finishedOn", b"pb"}


def measure() -> list[Measured]:
    """Rates over Node's at each concurrency, for jobs that take no time and a millisecond."""
    try:
        node = bullmq_of()
    except InputError as error:
        return [Measured("worker over Node's", note=str(error))]
    found = []
    with production.own_redis() as port:
        for (slots, ms), jobs in JOBS.items():
            what = f"{count(slots, 'slot')}, {f'{ms} ms' if ms else 'no-op'} jobs"
            workers = workers_of(port, node.program, node.modules, slots, ms)
            wrong = disagreement(port, workers)
            if wrong is not None:
                found.append(Measured(what, note=f"not the same work: {wrong}", failed=True))
                continue
            rates = production.rounds(
                {
                    name: functools.partial(_rate, port, worker, jobs)
                    for name, worker in workers.items()
                }
            )
            found += _lines(what, rates, node.words)
    return found


def workers_of(port: int, node: str, modules: Path, slots: int, ms: int) -> dict[str, Program]:
    """The commands of the workers that are compared."""
    url = production.url_of(port)
    numbers = [str(slots), str(ms)]

    def ours(way: str) -> Program:
        return lambda folder: [sys.executable, str(OURS.program), way, url, folder, *numbers]

    return {
        "node": lambda _: [node, str(_NODE), str(modules), url, *numbers],
        "all": ours("work"),
        "bare": ours("bare"),
    }


def disagreement(port: int, workers: dict[str, Program]) -> str | None:
    """What the workers leave of the same jobs in different ways; ``None`` if nothing."""
    left = {name: _left(port, worker) for name, worker in workers.items()}
    for name, jobs in left.items():
        if len(jobs) != _COMPARED:
            return f"{name} leaves {len(jobs)} of {_COMPARED} jobs"
        for job, fields in jobs.items():
            if fields != left["node"][job]:
                return f"{name} leaves {fields} of {job}, node {left['node'][job]}"
    return None


def _left(port: int, worker: Program) -> dict[bytes, dict[bytes, Any]]:
    """What is in Redis of each completed job, but for the moments."""
    import redis

    queue = _filled(port, _COMPARED)
    for _ in production.work_down(port, queue, worker, 0):
        pass
    with redis.Redis(port=port) as client:
        jobs = client.zrange("bull:order:completed", 0, -1)
        return {
            job: {
                field: value
                for field, value in client.hgetall(b"bull:order:" + job).items()
                if field not in _MOMENTS
            }
            for job in jobs
        }


def _rate(port: int, worker: Program, jobs: int) -> float:
    return production.rate_of(port, _filled(port, jobs), worker)


def _filled(port: int, jobs: int) -> Queue:
    """A queue with so many jobs, added by simqueue."""
    production.command(port, "FLUSHALL")
    production.run(port, OURS, sys.executable, "bulk", str(jobs))
    # It adds one to warm up.
    production.command(port, "RPOP", "bull:order:wait")
    return Queue("order", (), jobs, OURS.backlog)


def _lines(what: str, rates: dict[str, list[float]], node: str) -> list[Measured]:
    found = [Measured.of(f"Node's worker, {what}", rates["node"], "jobs/s", note=node)]
    for name, title, wanted in (
        ("all", "log, events, metrics on", WITH_ALL),
        ("bare", "these off", BARE),
    ):
        ratios = [its / nodes for its, nodes in zip(rates[name], rates["node"], strict=True)]
        found.append(Measured.of(f"our worker over it, {title}", ratios, "times", at_least=wanted))
    return found
