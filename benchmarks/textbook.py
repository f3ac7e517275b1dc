"""The model that SimPy's own tutorials teach: a process for each job, a resource for the slots.

Source: SimPy's documentation, "Shared resources" and the examples "Bank renege" and "Carwash".
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from benchmarks.work import Attempt, Engine, Work

Steps = Generator[simpy.Event, Any, None]
Row = tuple[int, int, float, float, bool]


def job(
    env: simpy.Environment, slots: simpy.Resource, number: int, work: Work, log: list[Row]
) -> Steps:
    """One job: waits for a slot, is worked on, and after a failure waits and tries again."""
    for attempt in range(work.attempts):
        with slots.request() as turn:
            yield turn
            started = env.now
            yield env.timeout(work.service_s[attempt][number])
        failed = work.fails[attempt][number]
        log.append((number, attempt + 1, started, env.now, failed))
        if not failed:
            return
        if attempt + 1 < work.attempts:
            yield env.timeout(work.backoff_s[attempt][number])


def arrivals(env: simpy.Environment, slots: simpy.Resource, work: Work, log: list[Row]) -> Steps:
    """Start a process for each job at its time."""
    for number, moment in enumerate(work.arrivals_s):
        yield env.timeout(moment - env.now)
        env.process(job(env, slots, number, work, log))


def run(work: Work) -> list[Row]:
    """Build the model and run it to the end."""
    env = simpy.Environment()
    slots = simpy.Resource(env, capacity=work.slots)
    log: list[Row] = []
    env.process(arrivals(env, slots, work, log))
    env.run()
    return log


def attempts(work: Work, log: list[Row]) -> list[Attempt]:
    """The log in the words of all engines."""
    return [
        Attempt(number, attempt, started, finished, failed and attempt < work.attempts)
        for number, attempt, started, finished, failed in log
    ]


TEXTBOOK = Engine("textbook SimPy", run, attempts)
