"""All worker processes, pool by pool, and what changes them: one list of dated changes.

A schedule's steps, crashes and drains are planned beforehand; an autoscaler adds its own while the
run goes on. Where there are to be fewer workers, the newest is told to end first: it takes no more
jobs and finishes those that it has. That is what Kubernetes does with pods of one deployment that
are alike otherwise
(https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import simpy

from simqueue.record.attempt_log import PRESENCE
from simqueue.simulation.bullmq.queue import Looker, Queue
from simqueue.simulation.bullmq.stalls import Stalls
from simqueue.simulation.bullmq.worker import Slot, Worker
from simqueue.simulation.waiting import DUE, Wait
from simqueue.workload.pools import Pool, worker_name
from simqueue.workload.production import Crash


class Opens(Protocol):
    """What a fleet needs of the model."""

    env: simpy.Environment

    def open_slot(self, pool: str, queue: str, worker: Worker, number: int, looker: Looker) -> Slot:
        """A slot of a worker of a pool, as the queue's jobs need it."""


@dataclass(eq=False)
class Stay:
    """A worker's time in a pool, seconds: asked for, taking jobs, told to end, gone."""

    worker: Worker
    asked_s: float
    ready_s: float = math.nan
    drained_s: float = math.nan
    gone_s: float = math.nan
    down: bool = False

    @property
    def up(self) -> bool:
        """Whether the worker has started, and has not ended since."""
        return not (math.isnan(self.ready_s) or self.down)

    @property
    def dismissed(self) -> bool:
        """Whether it was told to end for good."""
        return not math.isnan(self.drained_s)


class Crew:
    """The workers of one pool.

    Attributes
    ----------
    name, pool
        The pool.
    slots
        Of each worker for each of its queues: those of the pool, until somebody changes them.
    on
        Those that there are to be, in the order in which they were asked for.
    ahead
        Steps of the schedule that are to come and bring workers.
    asleep
        Whether an autoscaler has found that nobody is needed, and nothing will change that.
    """

    def __init__(self, name: str, pool: Pool) -> None:
        self.name, self.pool = name, pool
        self.slots = dict(pool.queues)
        self.on: list[Stay] = []
        self.places: list[Worker] = []
        self.stays: dict[Worker, Stay] = {}
        self.ahead = sum(1 for _, count in pool.steps[1:] if count)
        self.asleep = False

    def there(self, number: int) -> Stay | None:
        """The stay of the worker that has a number now, if one has."""
        return self.stays.get(self.places[number]) if number < len(self.places) else None

    @property
    def lives(self) -> bool:
        """Whether jobs that wait for it will be taken some time."""
        return bool(self.on or self.ahead or (self.pool.autoscale and not self.asleep))


class Fleet:
    """The worker processes of one replication.

    Attributes
    ----------
    crews
        Pool by pool.
    workers
        All that there have been; a worker's number is its position. One that is asked for takes
        the place, and the name, of the first of its pool that has gone.
    """

    def __init__(
        self, rules: Opens, stalls: Stalls, queues: Mapping[str, Queue], pools: Mapping[str, Pool]
    ) -> None:
        self._rules, self._env = rules, rules.env
        self._stalls, self._queues = stalls, queues
        self.crews = [Crew(name, pool) for name, pool in pools.items()]
        self.workers: list[Worker] = []
        self._crew_of: list[Crew] = []
        self._names: list[str] = []
        self._stays: list[Stay] = []
        self._serving = {
            name: [crew for crew in self.crews if crew.pool.slots_for(name)] for name in queues
        }
        self._begin()
        self._plan()

    def serves(self, queue: str) -> bool:
        """Whether somebody takes jobs of a queue, or will."""
        return any(crew.lives for crew in self._serving[queue])

    def resize(self, crew: Crew, count: int) -> None:
        """Have so many workers in a pool: ask for more, or tell the newest to end."""
        while len(crew.on) < count:
            self._ask(crew)
        while len(crew.on) > count:
            self._dismiss(crew, crew.on.pop())

    def leaves(self, worker: Worker) -> None:
        """A worker that was told to end has a slot less to wait for."""
        crew = self._crew_of[worker.number]
        stay = crew.stays[worker]
        if stay.dismissed and not worker.busy:
            self._gone(crew, stay)

    def record(self, replication: int) -> dict[str, Any]:
        """Who worked, and from when to when, as `simqueue.record.attempt_log.AttemptLog` has it."""
        rows = [
            (replication, s.worker.number, s.asked_s, s.ready_s, s.drained_s, s.gone_s)
            for s in self._stays
        ]
        named = any(crew.name for crew in self.crews)
        return {
            "workers": tuple(self._names),
            "pools": tuple(crew.name for crew in self._crew_of) if named else (),
            "presence": np.array(rows, dtype=PRESENCE),
        }

    # ---- what somebody does to it, beforehand or by hand

    def end(self, stay: Stay, drain: bool) -> None:
        """Have a worker that is up die, or tell it to end."""
        stay.down = True
        (self._stalls.drain if drain else self._stalls.die)(stay.worker)
        self.leaves(stay.worker)

    def come_back(self, stay: Stay) -> None:
        """Start a worker that has ended, unless it was dismissed meanwhile."""
        if not stay.dismissed:
            stay.down = False
            self._stalls.come_up(stay.worker)

    def give_slots(self, crew: Crew, queue: str, count: int) -> None:
        """Have so many slots for a queue in each worker of a pool.

        BullMQ's ``worker.concurrency`` can be set while it runs: whoever has a job too many ends
        it first.
        """
        crew.slots[queue] = count
        for worker in crew.places:
            stay = crew.stays.get(worker)
            mine = [slot for slot in worker.slots if slot.queue is self._queues[queue]]
            takes = stay is not None and stay.up and not worker.closed
            for slot in mine[count:]:
                slot.retired = True
                slot.queue.leave(slot)
            mine += [
                self._new_slot(crew, queue, mine, number) for number in range(len(mine), count)
            ]
            for slot in mine[:count]:
                new, slot.retired = slot.retired, False
                if new and takes and slot.job is None and not slot.telling:
                    slot.next(self._env.now)

    def _new_slot(self, crew: Crew, queue: str, others: list[Slot], number: int) -> Slot:
        """A slot more for a worker; it takes no jobs yet."""
        worker, looker = others[0].process, others[0].looker
        closed, worker.closed = worker.closed, True  # so that it does not wait for jobs yet
        slot = self._rules.open_slot(crew.name, queue, worker, number, looker)
        worker.closed, slot.retired = closed, True
        worker.slots.append(slot)
        self._stalls.add_slots([slot])
        return slot

    # ---- the beginning

    def _begin(self) -> None:
        """Bring up the workers with which the run begins.

        Idle workers take turns: one slot of each waits in Redis, and whoever has waited longest is
        served first.
        """
        for crew in self.crews:
            for _ in range(crew.pool.steps[0][1]):
                stay = self._stay(crew, self._place(crew, closed=False))
                stay.ready_s = stay.asked_s
        openings = [self._openings(crew, stay.worker) for crew in self.crews for stay in crew.on]
        while openings:
            openings = [one for one in openings if next(one, False)]
        for worker in self.workers:
            self._stalls.add(worker)

    def _openings(self, crew: Crew, worker: Worker) -> Iterator[bool]:
        """Open the first slot of a worker for each of its queues, then the second, and so on."""
        slots = {name: crew.slots.get(name, 0) for name in self._queues}
        lookers = {name: Looker(worker) for name in self._queues}
        for number in range(max(slots.values())):
            for name in self._queues:
                if number < slots[name]:
                    slot = self._rules.open_slot(crew.name, name, worker, number, lookers[name])
                    worker.slots.append(slot)
            yield True

    def _plan(self) -> None:
        """Have happen what is known beforehand."""
        for crew in self.crews:
            for crash in crew.pool.crashes:
                self._stalls.begin()
                self._plan_crash(crew, crash)
            for moment, count in crew.pool.steps[1:]:
                self._at(moment, partial(self._step, crew, count))

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        Wait(self._env, moment - self._env.now, DUE, lambda _: act())

    # ---- changes

    def _step(self, crew: Crew, count: int) -> None:
        crew.ahead -= count > 0
        self.resize(crew, count)

    def _plan_crash(self, crew: Crew, crash: Crash) -> None:
        """Have a worker end, and come back; nothing happens to one that is not there."""
        ended: list[Stay] = []

        def end() -> None:
            stay = crew.there(crash.worker)
            if stay is not None and stay.up:
                ended.append(stay)
                self.end(stay, crash.drain)

        def come_back() -> None:
            for stay in ended:
                self.come_back(stay)

        self._at(crash.at_s, end)
        self._at(crash.at_s + crash.down_s, come_back)

    def _ask(self, crew: Crew) -> None:
        """Ask for a worker more."""
        free = next((one for one in crew.places if one not in crew.stays), None)
        worker = free or self._place(crew, closed=True)
        if free is None:
            for _ in self._openings(crew, worker):
                pass
            self._stalls.add(worker)
        stay = self._stay(crew, worker)
        if crew.pool.start_s:
            self._at(stay.asked_s + crew.pool.start_s, lambda: self._up(stay))
        else:
            self._up(stay)

    def _up(self, stay: Stay) -> None:
        """A worker that was asked for takes jobs, unless it was dismissed meanwhile."""
        if math.isnan(stay.gone_s):
            stay.ready_s = self._env.now
            self._stalls.come_up(stay.worker)

    def _dismiss(self, crew: Crew, stay: Stay) -> None:
        """Tell a worker to end."""
        stay.drained_s = self._env.now
        if stay.up:
            self._stalls.drain(stay.worker)
        if not stay.worker.busy:
            self._gone(crew, stay)

    def _gone(self, crew: Crew, stay: Stay) -> None:
        stay.gone_s = self._env.now
        stay.worker.closed = True
        stay.worker.life += 1  # nothing of it goes on
        del crew.stays[stay.worker]

    def _place(self, crew: Crew, closed: bool) -> Worker:
        worker = Worker(len(self.workers), closed)
        self._names.append(worker_name(crew.name, len(crew.places)))
        self._crew_of.append(crew)
        self.workers.append(worker)
        crew.places.append(worker)
        return worker

    def _stay(self, crew: Crew, worker: Worker) -> Stay:
        stay = crew.stays[worker] = Stay(worker, self._env.now)
        crew.on.append(stay)
        self._stays.append(stay)
        return stay
