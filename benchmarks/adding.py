"""Jobs added per second on one Redis: simqueue's bulk, each job checked, against plain BullMQ's."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from benchmarks import production
from benchmarks.production import OURS, PLAIN
from benchmarks.report import Measured
from benchmarks.standin.packages import bullmq_of
from simqueue.adapters.bull_queue.options import job_data, job_options
from simqueue.errors import InputError
from simqueue.jobs import ORDER, order_job
from simqueue.policies import POLICIES

#: Jobs of a round; of a round of adding one by one.
JOBS, FEW = 10_000, 2_000
BULK, ONE_BY_ONE = 1.0, 3.5

#: Jobs whose traces are compared.
_COMPARED = 100
_NODE = Path(production.__file__).parent / "rivals" / "add_with_node.mjs"

#: Adds so many jobs; seconds by the clock, and of its processor.
Adds = Callable[[int], tuple[float, float]]


def measure() -> list[Measured]:
    """Rates over plain BullMQ's, in Python and in Node, by the clock and in processor time."""
    found: list[Measured] = []
    with production.own_redis() as port, tempfile.TemporaryDirectory() as folder:
        entries = Path(folder) / "entries.json"
        entries.write_text(json.dumps(entries_of(JOBS)))
        ways: dict[str, Adds] = {"simqueue's add_bulk": ours(port)}
        try:
            python = production.python_of(PLAIN)
        except CalledProcessError:
            found.append(Measured("bullmq's addBulk", note=f"pip cannot install {PLAIN.needs[0]}"))
        else:
            ways["bullmq's addBulk"] = plain(port, python, "bulk", entries)
            ways["bullmq's add, one by one"] = plain(port, python, "add", entries)
        try:
            node = bullmq_of()
        except InputError as error:
            found.append(Measured("Node's addBulk", note=str(error)))
        else:
            ways["Node's addBulk"] = nodes(port, node.program, node.modules, entries)
        wrong = disagreement(port, ways)
        if wrong is not None:
            return [*found, Measured("adding", note=f"not the same work: {wrong}", failed=True)]
        return [*found, *_compared(port, ways)]


def entries_of(jobs: int) -> list[dict[str, Any]]:
    """What BullMQ's ``addBulk`` is given for orders: what simqueue makes of them."""
    return [
        {"name": job.name, "data": job_data(job), "opts": job_options(POLICIES[ORDER], job.id)}
        for job in (order_job(str(n)) for n in range(jobs))
    ]


def ours(port: int) -> Adds:
    """Simqueue adds the jobs."""
    return lambda jobs: _seconds(production.run(port, OURS, sys.executable, "bulk", str(jobs)))


def plain(port: int, python: str, way: str, entries: Path) -> Adds:
    """Plain ``bullmq`` adds them."""
    return lambda jobs: _seconds(production.run(port, PLAIN, python, way, str(jobs), str(entries)))


def nodes(port: int, program: str, modules: Path, entries: Path) -> Adds:
    """Node's BullMQ adds them."""
    command = [program, str(_NODE), str(modules), production.url_of(port)]
    return lambda jobs: _seconds(production.output_of(port, [*command, str(jobs), str(entries)]))


def disagreement(port: int, ways: Mapping[str, Adds]) -> str | None:
    """What they put into Redis in different ways; ``None`` if nothing."""
    import redis

    left = {}
    for name, add in ways.items():
        production.command(port, "FLUSHALL")
        add(_COMPARED)
        with redis.Redis(port=port) as client:
            # Each adds one beforehand.
            ids = client.lrange("bull:order:wait", 0, -1)[:_COMPARED]
            left[name] = [(job, client.hgetall(b"bull:order:" + job)) for job in ids]
        for _, fields in left[name]:
            del fields[b"timestamp"]
            # Python's writes down that there is no delay, Node's does not.
            fields[b"opts"] = {"delay": 0, **json.loads(fields[b"opts"])}
    first, *others = left
    for name in others:
        if len(left[name]) != len(left[first]):
            return f"{name} adds {len(left[name])} jobs, {first} {len(left[first])}"
        for one, other in zip(left[first], left[name], strict=True):
            if one != other:
                return f"{name} leaves {other}, {first} {one}"
    return None


def _compared(port: int, ways: Mapping[str, Adds]) -> list[Measured]:
    def each(name: str, add: Adds) -> Callable[[], tuple[float, float]]:
        jobs = FEW if "one by one" in name else JOBS

        def measured() -> tuple[float, float]:
            production.command(port, "FLUSHALL")
            wall, processor = add(jobs)
            return jobs / wall, 1e6 * processor / jobs

        return measured

    seen = production.rounds({name: each(name, add) for name, add in ways.items()})
    first, *others = seen
    rates = [rate for rate, _ in seen[first]]
    found = [Measured.of(f"jobs added, {first}", rates, "jobs/s", note="each job checked")]
    found.append(Measured.of("its processor time a job", [cost for _, cost in seen[first]], "µs"))
    for name in others:
        both = list(zip(seen[first], seen[name], strict=True))
        wanted = ONE_BY_ONE if "one by one" in name else BULK
        title = f"added, over {name}"
        found.append(Measured.of(title, [a[0] / b[0] for a, b in both], "times", at_least=wanted))
        found.append(
            Measured.of("the same in processor time", [b[1] / a[1] for a, b in both], "times")
        )
    return found


def _seconds(text: str) -> tuple[float, float]:
    wall, processor = map(float, text.split())
    return wall, processor
