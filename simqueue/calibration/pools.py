"""The pools of a scenario: which workers there are, and how many slots they have in which queue."""

from __future__ import annotations

import re
from typing import Any

from simqueue.calibration.crews import Crew, Schedule, absences
from simqueue.calibration.estimates import Estimates

#: Workers of one process come and go within so much, seconds.
_COME_S = 10.0


def pools_of(found: Estimates, lasted_s: float) -> dict[str, Any]:
    """A pool for each set of queues whose workers are the same processes."""
    pools: dict[str, Any] = {}
    for queues in shared(found):
        first = found.queues[queues[0]].workers
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", "-".join(queues))[:50].strip("-") or "workers"
        name = name if name[0].isalpha() else f"q{name}"
        for crew in first.crews:
            own = name + (f"-x{crew.concurrency}" if len(first.crews) > 1 else "")
            while own in pools:
                own += "-"
            slots = {queue: found.queues[queue].workers.concurrency for queue in queues}
            if len(first.crews) > 1:
                slots = {queues[0]: crew.concurrency}
            pools[own] = {**_number(crew, lasted_s), "queues": slots}
    return pools


def _number(crew: Crew, lasted_s: float) -> dict[str, Any]:
    """How many workers there are, as a pool says it: by a schedule if no number is usual.

    A plan tries other numbers, and no schedules.
    """
    gone = absences(crew.schedule, lasted_s)
    if gone is not None:
        rows = [
            {"at_s": round(at_s, 1), "worker": worker, "down_s": round(down_s, 1), "drain": True}
            for at_s, worker, down_s in gone
        ]
        return {"count": crew.schedule[0][1], **({"crashes": rows} if rows else {})}
    return {"schedule": [[round(at_s, 1), count] for at_s, count in crew.schedule]}


def shared(found: Estimates) -> list[list[str]]:
    """Queues by the processes that work on them, as far as connections tell.

    Workers of two queues are taken for the same processes if they have the same names, or are
    connected from the same hosts, of which there are several. Where workers of a queue differ it
    is not known which of them are those of another.
    """
    groups: dict[object, list[str]] = {}
    hosts = {host for one in found.queues.values() for host in one.workers.hosts}
    for queue, one in found.queues.items():
        workers = one.workers
        key: object = queue
        if len(workers.crews) > 1:
            pass
        elif workers.names:
            key = (workers.names, _moments(workers.schedule))
        elif len(hosts) > 1 and len(workers.hosts) == workers.most:
            key = (workers.hosts, _moments(workers.schedule))
        groups.setdefault(key, []).append(queue)
    return list(groups.values())


def _moments(schedule: Schedule) -> tuple[tuple[int, int], ...]:
    """A schedule so coarse that workers of one process have the same: they come one by one."""
    return tuple((round(at_s / _COME_S), count) for at_s, count in schedule)
