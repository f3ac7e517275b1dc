"""What a worker that is away leaves the others to do."""

from __future__ import annotations

import math

import numpy as np

from simqueue.results.verdicts.seen import Seen
from simqueue.results.verdicts.verdict import Verdict
from simqueue.results.wording import count, digits, duration
from simqueue.workload.pools import Death


def death_verdict(seen: Seen, crash: Death) -> Verdict | None:
    """What is missing while a worker is away, if the others cannot make up for it."""
    scenario, pool = seen.scenario, seen.scenario.worker_pools[crash.pool]
    back = crash.at_s + crash.down_s
    from_to = f"for {duration(crash.down_s)} from {scenario.moment(crash.at_s)}"
    what = "is away (it was told to end)" if crash.drain else "is dead"
    about = f"worker {crash.worker}"
    if scenario.event_loops == 1:
        words = (
            f"Worker {crash.worker}, the only one, {what} {from_to}: nothing starts in that "
            "time, however many slots it has."
        )
        return Verdict(about, "dead worker", words)
    edges = np.array([max(crash.at_s, 0.0), min(back, scenario.duration_s)])
    if edges[1] <= edges[0]:
        return None
    for queue in filter(pool.slots_for, scenario.queues):
        left = int(seen.places(queue, edges)[0]) - pool.slots_for(queue)
        load = float(seen.calm.load(queue, edges)[0])
        if load >= left:
            words = (
                f"While worker {crash.worker} {what}, {from_to}, the others have "
                f"{count(max(left, 0), 'slot')} for {digits(load)} slots' worth of {queue} "
                "work."
            )
            return Verdict(about, "dead worker", words, load)
    return None


def aftermath(seen: Seen, crash: Death, queue: str) -> tuple[float, float]:
    """From when to when waits may be the crash's: until its jobs are back and done."""
    bullmq, pool = seen.scenario.bullmq, seen.scenario.worker_pools[crash.pool]
    back = crash.at_s + crash.down_s
    found = bullmq.lock_duration_s + 3 * bullmq.stalled_interval_s
    edges = np.array([0.0, seen.scenario.duration_s])
    load = float(seen.calm.load(queue, edges)[0])
    slots = seen.scenario.slots[queue]
    away = pool.slots_for(queue) * crash.down_s
    spare = slots - load
    catching_up = away * load / slots / spare if spare > 0 else math.inf
    longest = max(one.attempts for one in seen.scenario.queues.values())
    return crash.at_s - seen.offered.work_s[queue] * longest, back + found + 2 * catching_up
