"""Simqueue's worker against Node's plain BullMQ, on the same jobs and one Redis.

Jobs a second; processor time a job, which tells more where others use the machine too; commands
that Redis executes for a job, those in scripts included, and bytes on the way to it and back.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks import production
from benchmarks.processes import processor_s
from benchmarks.production import OURS, Program, Queue
from benchmarks.report import Measured
from benchmarks.standin.packages import bullmq_of
from simqueue.errors import InputError
from simqueue.results.wording import count

#: By slots and milliseconds that a handler sleeps: jobs of a round, of which the first tenth is not
#: measured. With a third of them Node's compiler was still warming up, and Node took half as long
#: again for a job.
JOBS = {
    (1, 0): 6_000,
    (5, 0): 8_000,
    (50, 0): 10_000,
    (1, 1): 2_000,
    (5, 1): 6_000,
    (50, 1): 10_000,
}
#: Of Node's rate: with log, events and metrics, and without.
WITH_ALL, BARE = 0.85, 1.0

_NODE = Path(production.__file__).parent / "rivals" / "with_node.mjs"
#: As many as a queue of orders keeps.
_COMPARED = 100
#: Fields of a job that tell when, and who.
_MOMENTS = {b"timestamp", b"processedOn", b"finishedOn", b"pb"}


class Cost(NamedTuple):
    """Jobs a second; of one job, seconds of the processor, and commands and bytes of Redis."""

    rate: float
    processor_s: float
    commands: float
    bytes: float


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
            costs = production.rounds(
                {
                    name: functools.partial(cost_of, port, worker, jobs)
                    for name, worker in workers.items()
                }
            )
            found += _lines(what, costs, node.words)
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


def cost_of(port: int, worker: Program, jobs: int) -> Cost:
    """What a worker's jobs cost, from a backlog of nine tenths of them to one tenth."""
    import redis

    high, low = production.HIGH * jobs, production.LOW * jobs
    queue = _filled(port, jobs)
    before: dict[str, float] = {}
    looks = 0
    with redis.Redis(port=port) as client:
        for look in production.work_down(port, queue, worker, low):
            if not before and look.left <= high:
                began, before, looks = look, _taken(client, look.pid), 0
            if look.left <= low:
                ended, after = look, _taken(client, look.pid)
            looks += 1
    # Each look asked twice, and what was taken by then was asked twice as well.
    after["commands"] -= 2 + (looks - 1) * len(queue.backlog)
    done = began.left - ended.left
    each = {name: (after[name] - before[name]) / done for name in after}
    return Cost(rate=done / (ended.at_s - began.at_s), **each)


def _taken(client: Any, pid: int) -> dict[str, float]:
    """What a worker has taken so far of its processor and of Redis."""
    stats, commands = client.info("stats"), client.info("commandstats")
    return {
        "processor_s": processor_s(pid),
        "commands": sum(one["calls"] for one in commands.values()),
        "bytes": stats["total_net_input_bytes"] + stats["total_net_output_bytes"],
    }


def _filled(port: int, jobs: int) -> Queue:
    """A queue with so many jobs, added by simqueue."""
    production.command(port, "FLUSHALL")
    production.run(port, OURS, sys.executable, "bulk", str(jobs))
    # It adds one to warm up.
    production.command(port, "RPOP", "bull:order:wait")
    return Queue("order", (), jobs, OURS.backlog)


def _lines(what: str, costs: dict[str, list[Cost]], node: str) -> list[Measured]:
    of_node = costs["node"]
    rates = [cost.rate for cost in of_node]
    found = [Measured.of(f"Node's worker, {what}", rates, "jobs/s", note=node)]
    for name, title, wanted in (
        ("all", "log, events, metrics on", WITH_ALL),
        ("bare", "these off", BARE),
    ):
        pairs = list(zip(costs[name], of_node, strict=True))
        ratios = [our.rate / its.rate for our, its in pairs]
        found.append(Measured.of(f"our worker over it, {title}", ratios, "times", at_least=wanted))
        cheaper = [its.processor_s / our.processor_s for our, its in pairs]
        found.append(Measured.of("the same in processor time", cheaper, "times"))
    pairs = list(zip(costs["all"], of_node, strict=True))
    for name in ("commands", "bytes"):
        ratios = [getattr(our, name) / getattr(its, name) for our, its in pairs]
        its = median(getattr(cost, name) for cost in of_node)
        found.append(
            Measured.of(
                f"Redis, {name} a job over Node's", ratios, "times", note=f"{its:,.4g} there"
            )
        )
    return found
