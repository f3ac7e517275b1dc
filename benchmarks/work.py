"""The work that every engine is given, and whether they say the same of it.

A comparison of speeds means little unless the engines do the same thing. So all of them get one
workload, drawn beforehand, and their attempts must agree before any ratio is printed.

Where no job is tried again they must agree on every moment. Where some are, simqueue serves them in
BullMQ's order, which is not the textbook's: BullMQ moves a retry that is due to the tail of the
list when some worker next asks for a job, and whoever arrives before that is ahead of it
(``moveToActive-11.lua``); in the other models it takes its place at the moment it is due. The work
is the same in another order: the same attempts of the same jobs, each as long and with the same
end. That is compared then, and the tests hold the order against a second simulator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simqueue.policies import Backoff
from simqueue.record.attempt_log import RETRIED
from simqueue.simulation.engines import ENGINES, Replication
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

QUEUE = "work"
MEAN_SERVICE_S = 0.2
CV_SERVICE = 1.2

#: Moments of two engines may be this far apart: they add the same numbers in different order.
TOLERANCE_S = 1e-6


class Attempt(NamedTuple):
    """One attempt as any engine tells it; jobs are numbered from 0 in order of arrival."""

    job: int
    attempt: int
    started_s: float
    finished_s: float
    retried: bool


@dataclass(frozen=True)
class Work:
    """Jobs of one queue with every number drawn, as plain lists: what Python reads fastest.

    Attributes
    ----------
    workload
        Where the lists come from; simqueue's own model reads this.
    slots
        Jobs that are worked on at once.
    attempts
        Tries of a job, the first included.
    arrivals_s
        Moments, ascending.
    service_s, fails, backoff_s
        For each attempt (from 0) and job: seconds it takes, whether it fails, and seconds from
        there until the job is ready again.
    """

    workload: Workload
    slots: int
    attempts: int
    arrivals_s: list[float]
    service_s: list[list[float]]
    fails: list[list[bool]]
    backoff_s: list[list[float]]

    @property
    def jobs(self) -> int:
        """How many arrive."""
        return len(self.arrivals_s)

    @property
    def retries(self) -> bool:
        """Whether any job is tried again: then engines may differ in the order of starts."""
        return self.attempts > 1 and any(self.fails[0])


class Engine(NamedTuple):
    """Something that can do the work.

    Attributes
    ----------
    name
        What to call it in a table.
    run
        What is timed: builds the model, runs it, and returns what it has written down.
    attempts
        Turns that into attempts, in no particular order; not timed.
    """

    name: str
    run: Callable[[Work], Any]
    attempts: Callable[[Work, Any], list[Attempt]]


def scenario(
    jobs: int,
    *,
    load: float,
    slots: int = 5,
    workers: int = 1,
    queues: int = 1,
    failure_rate: float = 0.1,
    attempts: int = 3,
    backoff: dict[str, Any] | None = None,
    cpu_s: float = 0.0,
    seed: int = 1,
) -> Scenario:
    """Poisson arrivals, lognormal service times, failures, retries with backoff.

    Parameters
    ----------
    jobs
        How many to expect.
    load
        Work brought in over work that all slots can do; above 1 the queue grows to the end.
    slots
        Concurrent jobs of each worker, for each queue.
    workers
        Worker processes.
    queues
        How many, all alike; the jobs are spread over them.
    failure_rate
        Probability that an attempt fails.
    attempts
        Tries of a job, the first included.
    backoff
        As in a scenario file; by default exponential from 2 seconds.
    cpu_s
        What each attempt computes before that, seconds.
    seed
        Fixes every draw.
    """
    per_job = sum(failure_rate**before for before in range(attempts))
    rate = load * slots * workers / (MEAN_SERVICE_S * per_job)
    service = {"distribution": "lognormal", "mean_s": MEAN_SERVICE_S, "cv": CV_SERVICE}
    queue = {
        "attempts": attempts,
        "backoff": backoff or {"type": "exponential", "delay_ms": 2000},
        "service": service,
        "failure_rate": failure_rate,
        "cpu": {"distribution": "constant", "mean_s": cpu_s},
    }
    names = [QUEUE, *(f"{QUEUE}-{number}" for number in range(2, queues + 1))]
    return build_scenario(
        {
            "name": f"{jobs} jobs at load {load:g}",
            "seed": seed,
            "duration_s": jobs / (rate * queues),
            "workers": {"count": workers, "concurrency": slots},
            "arrivals": {name: {"rate_per_s": rate} for name in names},
            "queues": dict.fromkeys(names, queue),
        }
    )


def draw(scenario: Scenario) -> Work:
    """Draw every number, those of attempts that may never be made included."""
    workload = Workload(scenario)
    policy = scenario.queues[QUEUE]
    drawn = [workload.attempts(0, number) for number in range(1, policy.attempts + 1)]
    if any(map(any, (attempt.cpu_s for attempt in drawn))):
        raise ValueError("the other engines have no event loop to hold: cpu should be 0")
    return Work(
        workload=workload,
        slots=scenario.slots[QUEUE],
        attempts=policy.attempts,
        arrivals_s=workload.arrivals[0].tolist(),
        service_s=[list(map(float, attempt.io_s)) for attempt in drawn],
        fails=[list(map(bool, attempt.fails)) for attempt in drawn],
        backoff_s=[
            [backoff_s(policy.backoff, number, uniform) for uniform in workload.jitter(0, number)]
            for number in range(1, policy.attempts + 1)
        ],
    )


def backoff_s(backoff: Backoff, attempt: int, uniform: float) -> float:
    """The wait after a failed attempt, written anew.

    simqueue's rule is part of what the engines are compared on, so they may not borrow it.
    """
    longest = round(backoff.delay_ms) * (2 ** (attempt - 1) if backoff.type == "exponential" else 1)
    if not backoff.jitter:
        return longest / 1000
    shortest = longest * (1 - backoff.jitter)
    return math.floor(shortest + uniform * longest * backoff.jitter) / 1000


def _run_simqueue(work: Work) -> Replication:
    return ENGINES["simpy"](work.workload)


def _attempts_of_simqueue(work: Work, done: Replication) -> list[Attempt]:  # noqa: ARG001
    rows = done.log.rows
    columns = (rows[name].tolist() for name in ("job", "attempt", "started_s", "finished_s"))
    retried = (rows["outcome"] == RETRIED).tolist()
    return [Attempt(*row) for row in zip(*columns, retried, strict=True)]


#: The model that the others are compared with.
SIMQUEUE = Engine("simqueue", _run_simqueue, _attempts_of_simqueue)


def disagreement(one: Sequence[Attempt], other: Sequence[Attempt], *, in_order: bool) -> str | None:
    """The first attempt that two engines tell differently, in words; ``None`` if they agree.

    Parameters
    ----------
    one, other
        The attempts that they made.
    in_order
        Whether each has to start and end at the same moments; else it has only to last as long.
    """
    if len(one) != len(other):
        return f"{len(one)} attempts against {len(other)}"
    first, second = (np.array(sorted(attempts), dtype=float) for attempts in (one, other))
    told = (first, second) if in_order else (_without_moments(first), _without_moments(second))
    # Not a number never equals anything: an attempt without its times agrees with none.
    same = np.abs(told[0] - told[1]) <= TOLERANCE_S
    if same.all():
        return None
    where = int(np.flatnonzero(~same.all(axis=1))[0])
    return f"{Attempt(*first[where].tolist())} against {Attempt(*second[where].tolist())}"


def _without_moments(attempts: NDArray[np.float64]) -> NDArray[np.float64]:
    job, attempt, started, finished, retried = attempts.T
    return np.column_stack([job, attempt, finished - started, retried])
