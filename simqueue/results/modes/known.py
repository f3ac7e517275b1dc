"""What is known of requests beforehand: an exact formula, or the limit of a backlog."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simqueue.record.attempt_log import Floats
from simqueue.results.formulas import formulas
from simqueue.results.loads import job_rates
from simqueue.results.offered import Outlook, offered
from simqueue.workload.arrivals import Follows
from simqueue.workload.expected import fails_for_good, retries
from simqueue.workload.scenario import Scenario

#: The model that is none of chance.
FLUID = "fluid limit"
#: A fluid that is behind by less is not behind: rounding.
_TINY_S = 1e-6


@dataclass(frozen=True)
class Known:
    """A time that follows from the scenario alone.

    Attributes
    ----------
    model
        ``M/M/5`` and the like: the mean time to the last effect in steady state, exactly.
        ``fluid limit``: the longest wait for a place, if jobs were a fluid that comes and is
        served at the expected rates; chance adds to it.
    seconds
        That time.
    """

    model: str
    seconds: float

    @property
    def measure(self) -> str:
        """What it is: ``last_effect_mean_s`` or ``wait_max_s``."""
        return "wait_max_s" if self.model == FLUID else "last_effect_mean_s"

    def as_dict(self) -> dict[str, str | float]:
        """What JSON can hold."""
        return {"model": self.model, "measure": self.measure, "seconds": self.seconds}

    @property
    def short(self) -> str:
        """The model in a word."""
        return "fluid" if self.model == FLUID else self.model


def known(scenario: Scenario, warmup_s: float, queue: str) -> Known | None:
    """What is known of the requests that start in a queue; ``None``: nothing exact."""
    if _is_troubled(scenario) if scenario.in_process else _is_bounded(scenario):
        return None
    exact = _exact(scenario, warmup_s, queue)
    if exact is not None:
        return exact
    if scenario.in_process and _answers_matter(scenario):
        return None
    behind = _most_behind_s(scenario, queue)
    return Known(FLUID, behind) if behind > _TINY_S else None


def _exact(scenario: Scenario, warmup_s: float, queue: str) -> Known | None:
    settings = scenario.queues[queue]
    retried = not scenario.in_process and retries(settings)
    if settings.follow_up.completed or settings.follow_up.failed or settings.children or retried:
        return None
    if scenario.in_process:
        busy = [name for name, rate in job_rates(scenario).items() if rate > 0]
        if busy != [queue] or settings.sandbox:
            return None
        # Callers that do one kind of jobs, and nothing after it, are the slots of one queue.
        scenario = scenario.replace(
            {
                "mode": "bull-queue",
                "workers.count": 1,
                "workers.concurrency": scenario.caller.callers,
            }
        )
    found = formulas(Outlook(scenario, warmup_s))[queue]
    if found is None:
        return None
    return Known(str(found["model"]), float(found["wait_mean_s"]) + settings.service.mean)


def _most_behind_s(scenario: Scenario, queue: str) -> float:
    """How long the fluid waits at most for a place: for a caller, or for a slot of the queue."""
    comes = offered(scenario)
    names = list(scenario.queues) if scenario.in_process else [queue]
    places = scenario.slots[queue]
    if not places:
        return 0.0
    work: Floats = np.sum([comes.work[name] for name in names], axis=0)
    ahead = work - places * comes.times_s
    behind = ahead - np.minimum.accumulate(ahead)
    return float(behind.max()) / places


def _answers_matter(scenario: Scenario) -> bool:
    """Whether requests come after the answer to others: the later, the longer the line is.

    The fluid counts think times from answers that nobody waited for, so it would have more come
    to a line that is behind than does.
    """
    return any(isinstance(stream, Follows) for stream in scenario.arrivals.values())


def _is_troubled(scenario: Scenario) -> bool:
    """Whether requests may be lost or turned away, or jobs stall."""
    if scenario.in_process:
        return bool(scenario.caller.crashes) or scenario.caller.max_waiting is not None
    return bool(scenario.crashes) or _is_bounded(scenario)


def _is_bounded(scenario: Scenario) -> bool:
    """Whether producers turn jobs away."""
    return any(stream.max_waiting is not None for stream in scenario.arrivals.values())


def failures_expected(scenario: Scenario, queue: str) -> float | None:
    """Jobs of a request that fail for good, expected.

    ``None`` if outages, crashes, a downstream, a full line or failed children have a say.
    """
    troubled = any(
        one.outages or one.downstream or one.children for one in scenario.queues.values()
    )
    if troubled or _is_troubled(scenario):
        return None
    settings = scenario.queues[queue]
    fails = fails_for_good(settings, single=scenario.in_process)
    found = fails
    for share, children in (
        (1 - fails, settings.follow_up.completed),
        (fails, settings.follow_up.failed),
    ):
        found += share * sum(failures_expected(scenario, child) or 0.0 for child in children)
    return found
