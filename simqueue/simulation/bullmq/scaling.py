"""An autoscaler at work: it looks at the queues from time to time, and changes a pool."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import simpy

from simqueue.simulation.bullmq.fleet import Crew, Fleet
from simqueue.simulation.bullmq.hpa import HorizontalPodAutoscaler
from simqueue.simulation.bullmq.keda import Keda
from simqueue.simulation.bullmq.lists import plain_length
from simqueue.simulation.bullmq.queue import Queue
from simqueue.simulation.waiting import DUE, Wait
from simqueue.workload.autoscale import Autoscale


class Sight(Protocol):
    """What an autoscaler sees of the model."""

    env: simpy.Environment
    queues: dict[str, Queue]
    fleet: Fleet

    @property
    def more_to_come(self) -> bool:
        """Whether some worker will have something to do yet."""


class Scaling:
    """The autoscaler of one pool.

    Its first look is ``every_s`` after the start, KEDA's ``polling_s``; where both come at one
    moment, KEDA is first.
    """

    def __init__(self, sight: Sight, crew: Crew, settings: Autoscale) -> None:
        self._sight, self._env = sight, sight.env
        self._crew, self._settings = crew, settings
        names = settings.of or list(crew.pool.queues)
        self._queues = [sight.queues[name] for name in names]
        self._measure = _MEASURES[settings.metric]
        self._hpa = HorizontalPodAutoscaler(settings)
        self._keda = None if settings.min else Keda(settings)
        self._looks = self._polls = 0
        self._wait()

    @property
    def _next_look_s(self) -> float:
        return (self._looks + 1) * self._settings.every_s

    @property
    def _next_poll_s(self) -> float:
        return (self._polls + 1) * self._settings.polling_s if self._keda else math.inf

    def _wait(self) -> None:
        moment = min(self._next_look_s, self._next_poll_s)
        Wait(self._env, moment - self._env.now, DUE, lambda _: self._act(moment))

    def _act(self, moment: float) -> None:
        """Look, poll, or both; and again, as long as there may be something to do."""
        polls = self._keda is not None and moment == self._next_poll_s
        looks = moment == self._next_look_s
        if polls:
            self._polls += 1
            self._poll(moment)
        if looks:
            self._looks += 1
            self._look(moment)
        if self._sight.more_to_come or (self._keda and not polls):
            self._wait()

    def _poll(self, now: float) -> None:
        assert self._keda is not None
        crew, metric = self._crew, self._metric() or 0.0
        self._sight.fleet.resize(crew, self._keda.poll(now, metric, len(crew.on)))
        # Age alone grows by itself: whoever waits long enough will be seen.
        grows = self._settings.metric == "oldest_s" and metric > 0
        crew.asleep = not (crew.on or grows)

    def _look(self, now: float) -> None:
        crew = self._crew
        ready = sum(stay.up for stay in crew.on)
        count = self._hpa.look(now, self._metric(), len(crew.on), ready)
        self._sight.fleet.resize(crew, count)

    def _metric(self) -> float | None:
        return self._measure(self._queues, self._crew, self._env.now)


def _ready(queues: Iterable[Queue], crew: Crew, now: float) -> float:  # noqa: ARG001
    """Jobs that wait and could start."""
    return sum(1 for queue in queues for _ in queue.waiting())


def _wait_list(queues: Iterable[Queue], crew: Crew, now: float) -> float:  # noqa: ARG001
    """What ``LLEN bull:QUEUE:wait`` says.

    A retry that is due is not promoted before a fetch, and a job with a priority is in another set.
    """
    return sum(plain_length(queue.ready) for queue in queues)


def _oldest_s(queues: Iterable[Queue], crew: Crew, now: float) -> float:  # noqa: ARG001
    """Age of the job that has waited longest."""
    since = min((job.ready for queue in queues for job in queue.waiting()), default=now)
    return now - since


def _busy(queues: Iterable[Queue], crew: Crew, now: float) -> float:  # noqa: ARG001
    """Busy slots of the workers that are up; those that are told to end are left out."""
    wanted = set(queues)
    slots = (slot for stay in crew.on for slot in stay.worker.slots if slot.queue in wanted)
    return sum(slot.job is not None for slot in slots)


def _utilisation(queues: Iterable[Queue], crew: Crew, now: float) -> float | None:
    """Busy share of the slots of the workers that are up; nothing is known without any."""
    wanted = set(queues)
    up = (stay.worker for stay in crew.on if stay.up)
    slots = sum(slot.queue in wanted for worker in up for slot in worker.slots)
    return _busy(wanted, crew, now) / slots if slots else None


_MEASURES: Mapping[str, Callable[[Iterable[Queue], Crew, float], float | None]] = {
    "ready": _ready,
    "wait_list": _wait_list,
    "oldest_s": _oldest_s,
    "busy": _busy,
    "utilisation": _utilisation,
}
