"""Tiny scripts of jobs that both the real queue and the model play.

A script says when jobs come, how long each attempt takes and which attempts fail. Both engines get
them as one workload, and each writes its attempt log; what the rules of the queue decide, the order
of starts and the outcomes, can then be compared.

The real queue takes a few milliseconds for what the model does in none, and a busy machine more. So
a script must not hang on milliseconds: `is_clear` says whether it does.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from math import isnan
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
import redis

from simqueue.adapters.bull_queue import connect
from simqueue.adapters.scripted import ScriptedWork, number_of
from simqueue.clock import SystemClock
from simqueue.jobs import Job
from simqueue.policies import QueuePolicy
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.worker_events import Event, merge_events
from simqueue.simulation.engines import ENGINES
from simqueue.tasks import call_off
from simqueue.validation.gateway import calling, gateway
from simqueue.validation.queue_rules import pause_and_resume, set_limits
from simqueue.validation.schedulers import begin_schedulers, with_slots
from simqueue.validation.scripted_worker import scripted_adapter
from simqueue.workers.process import WorkerProcess
from simqueue.workload.arrivals import Arrivals, ArrivalStream, Scheduler
from simqueue.workload.attempts import Attempts
from simqueue.workload.distributions import Floats
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Kind, Workload

T = TypeVar("T")

#: A job is put back by the same look, be it that much late: the next is twice as far, seconds.
LATE_S = 0.4
#: A real attempt may take so much longer where nobody else keeps the machine busy, seconds.
TOOK_S = 0.06
#: How much longer arrivals and attempts may take, seconds, and how often that is tried.
SLOWER_S = (0.004, 0.008, 0.015, 0.03)
TRIES = 6
#: A script by chance has no two moments that are one: what takes a little less shows them.
SHAKEN_S = (-0.001, *SLOWER_S)
#: How often the real queue may play a script until it agrees, while the machine is punctual, and
#: in all; and how late it may wake a thread, seconds.
PLAYS = 4
MOST_PLAYS = 16
PUNCTUAL_S = 0.008
#: How far a start may move then, beside five times that, seconds.
STEADY_S = 0.02


@dataclass(frozen=True)
class ScriptJob:
    """A job: when it comes, and what each attempt at it brings; the last one said is repeated.

    ``fails`` may be 2 for a failure that no retry can help; ``draws`` are the uniform numbers of
    its jitter; it is due ``delay_s`` after it comes; ``children`` what its children and theirs
    bring, in the order in which they are added.
    """

    at_s: float
    takes_s: Sequence[float] = (0.0,)
    fails: Sequence[int] = (False,)
    cpu_s: Sequence[float] = (0.0,)
    draws: Sequence[float] = (0.0,)
    queue: str = "q"
    priority: int = 0
    delay_s: float = 0.0
    children: Sequence[ScriptJob] = ()


@dataclass(frozen=True)
class Script:
    """Jobs in the order of their arrival, and who does them.

    Attributes
    ----------
    jobs
        What is to be done.
    policy
        When a failed job is tried again.
    workers, slots
        How many processes, and slots of each for each queue.
    follow_up
        What a final outcome of a job of queue ``q`` adds; such jobs take no time.
    crashes
        Of workers, as in a scenario.
    bullmq
        Settings of the real queue, as in a scenario.
    queue, downstreams
        Further keys of each queue with arrivals, and what these call.
    rules
        Of who is next, as in a queue's table: ``limiter``, ``global_concurrency``, ``paused``.
    children
        How many children jobs of some queues have in which queues.
    schedulers
        The queues that a job scheduler feeds, as in a scenario's arrivals: its slots bring what the
        jobs of the queue say, over and over, whenever these are said to come.
    """

    jobs: Sequence[ScriptJob]
    policy: QueuePolicy = field(default_factory=QueuePolicy)
    workers: int = 1
    slots: int = 1
    follow_up: Mapping[str, Sequence[str]] = field(default_factory=dict)
    crashes: Sequence[Mapping[str, Any]] = ()
    bullmq: Mapping[str, Any] = field(default_factory=dict)
    queue: Mapping[str, Any] = field(default_factory=dict)
    downstreams: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    children: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    schedulers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def priorities(self) -> list[int]:
        """All that some job has."""
        return sorted({job.priority for job in self.jobs})

    def scenario(self) -> Scenario:
        """The scenario whose workload the script is."""
        fed = list(dict.fromkeys(job.queue for job in self.jobs))
        added = [child for queues in self.follow_up.values() for child in queues]
        added += [child for queues in self.children.values() for child in queues]
        queues = {queue: self.policy.model_dump() for queue in dict.fromkeys([*fed, *added])}
        for queue in fed:
            queues[queue].update(self.queue)
        for queue, numbers in self.children.items():
            queues[queue]["children"] = dict(numbers)
        for job in self.jobs:
            if max(job.cpu_s) > 0:  # how long, the script says
                queues[job.queue]["cpu"] = {"distribution": "constant", "mean_s": max(job.cpu_s)}
        for queue in queues.values():
            queue |= self.rules
            if self.priorities != [0]:  # which job is of which class, the script says
                share = 1 / len(self.priorities)
                queue["classes"] = {
                    f"p{priority}": {"share": share, "priority": priority}
                    for priority in self.priorities
                }
        for job in self.jobs:
            if job.delay_s:  # how long, the script says
                queues[job.queue]["delay"] = {"distribution": "constant", "mean_s": job.delay_s}
        queues[fed[0]]["follow_up"] = {key: list(names) for key, names in self.follow_up.items()}
        return build_scenario(
            {
                "duration_s": max(job.at_s for job in self.jobs) + 1,
                "workers": {
                    "count": self.workers,
                    "concurrency": self.slots,
                    "crashes": [dict(crash) for crash in self.crashes],
                },
                "arrivals": {queue: self.schedulers.get(queue, {"rate_per_s": 1}) for queue in fed},
                "queues": queues,
                "bullmq": dict(self.bullmq),
                "downstreams": dict(self.downstreams),
            }
        )


class ScriptedWorkload(Workload):
    """A workload that a script has written instead of a generator of random numbers.

    With ``slower``, a generator and a number of seconds, all takes up to so much longer, or less
    where that is negative.
    """

    def __init__(
        self,
        scenario: Scenario,
        jobs: Sequence[ScriptJob],
        slower: tuple[np.random.Generator, float] | None = None,
    ) -> None:
        super().__init__(scenario)
        self._slower = slower
        self._priorities = sorted({job.priority for job in jobs})
        self._of_queue: dict[str, list[ScriptJob]] = {}
        for job in jobs:
            self._of_queue.setdefault(job.queue, []).append(job)
        #: Of the kinds of children: where the jobs say what they bring.
        self._places: dict[int, int] = {}
        for kind in self.kinds:
            if kind.parent < 0:
                below = [child.number for child in _descendants(self, kind.number)]
                self._places |= {number: place for place, number in enumerate(below)}
        self._streams = {
            queue: self._stream(queue, scenario.arrivals[queue]) for queue in self._of_queue
        }

    def _stream(self, queue: str, stream: ArrivalStream) -> Arrivals:
        jobs = self._of_queue[queue]
        if not isinstance(stream, Scheduler):
            return Arrivals(self._longer([job.at_s for job in jobs]), None)
        slots = stream.draw(lambda _: np.random.default_rng(), self.scenario.duration_s)
        self._of_queue[queue] = list(islice(cycle(jobs), len(slots.times_s)))
        return slots

    @property
    def streams(self) -> dict[str, Arrivals]:  # type: ignore[override]
        """The arrivals that the script says."""
        return self._streams

    def class_of(self, kind: Kind) -> Any:
        """The class of each job: that of its priority."""
        if not self.scenario.queues[kind.queue].classes:
            return None
        jobs = self._of_queue[kind.stream]
        return np.array([self._priorities.index(job.priority) for job in jobs])

    def delay_s(self, kind: Kind) -> Floats:
        """How long after it comes each job is due."""
        return np.array(
            [0.0 if kind.parent >= 0 else j.delay_s for j in self._of_queue[kind.stream]]
        )

    def _draw(self, kind: Kind, attempt: int) -> Attempts:
        cpu_s = np.array(self._said(kind, attempt, lambda job: job.cpu_s), float)
        if cpu_s.any():
            cpu_s = np.where(cpu_s > 0, self._longer(cpu_s.tolist()), 0.0)
        return Attempts(
            cpu_s=cpu_s.data,
            io_s=self._longer(self._said(kind, attempt, lambda job: job.takes_s)).data,
            fails=np.array(self._said(kind, attempt, lambda job: job.fails), np.uint8).data,
        )

    def jitter(self, kind: int, attempt: int) -> Floats:
        return np.array(self._said(self.kinds[kind], attempt, lambda job: job.draws), float)

    def _said(
        self, kind: Kind, attempt: int, values: Callable[[ScriptJob], Sequence[float]]
    ) -> list[float]:
        """What a script says of the attempts of a number at all jobs of a kind."""
        jobs = self._of_queue[kind.stream]
        if kind.parent >= 0:
            place = self._places.get(kind.number)
            jobs = [ScriptJob(0.0) if place is None else job.children[place] for job in jobs]
        return [values(job)[min(attempt, len(values(job))) - 1] for job in jobs]

    def _longer(self, seconds: Sequence[float]) -> Floats:
        if self._slower is None:
            return np.array(seconds, float)
        rng, most = self._slower
        return np.maximum(0.0, np.array(seconds) + most * rng.uniform(0, 1, len(seconds)))


def _descendants(workload: Workload, kind: int) -> list[Kind]:
    found = []
    for child in workload.children(kind):
        found += [child, *_descendants(workload, child.number)]
    return found


def run_model(script: Script) -> pd.DataFrame:
    """The attempt log of a script in the model."""
    return _modelled(ScriptedWorkload(script.scenario(), script.jobs))


def _modelled(workload: ScriptedWorkload) -> pd.DataFrame:
    return ENGINES["simpy"](workload).log.frame()


def is_clear(
    script: Script, slower_s: Sequence[float] = SLOWER_S, queues: Sequence[str] = ("q",)
) -> bool:
    """Whether starts in these queues and all outcomes stay when things take milliseconds longer.

    Where they do not, two moments are so close that the rules do not say what comes first.
    """
    scenario = script.scenario()
    base = _modelled(ScriptedWorkload(scenario, script.jobs))
    order, fates = [starts(base, queue) for queue in queues], ends(base)
    rng = np.random.default_rng(1)
    for most in slower_s:
        for _ in range(TRIES):
            log = _modelled(ScriptedWorkload(scenario, script.jobs, (rng, most)))
            if (
                [starts(log, queue) for queue in queues] != order
                or ends(log) != fates
                or (script.policy.lifo and _comes_between(log))
            ):
                return False
    return True


def is_steady(script: Script, slower_s: Sequence[float] = SLOWER_S) -> bool:
    """Whether no start moves by more than the milliseconds that things take longer.

    Where cpu parts hold event loops, moments that are too close together show in the times, not
    only in the order.
    """
    scenario = script.scenario()
    base = _modelled(ScriptedWorkload(scenario, script.jobs))
    at = moments(base)
    rng = np.random.default_rng(1)
    for most in slower_s:
        for _ in range(TRIES):
            log = _modelled(ScriptedWorkload(scenario, script.jobs, (rng, most)))
            moved = [abs(start - at.get(key, np.inf)) for key, start in moments(log).items()]
            if max(moved) > STEADY_S + 5 * abs(most) or not in_order(log, base):
                return False
            if script.policy.lifo and _comes_between(log):
                return False
    return True


def _comes_between(log: pd.DataFrame) -> bool:
    """Whether a job comes while a slot is on its way from a failure to its next job.

    That takes two round trips. Newest first, who comes between them is ahead of the retry.
    """
    failures = log.loc[log["outcome"] == "retried", "finished_s"].to_numpy()
    arrivals = log.loc[log["attempt"] == 1, "enqueued_s"].to_numpy()
    after = np.subtract.outer(arrivals, failures)
    return bool(((after > -0.01) & (after < 0.02)).any())


def run_real(
    script: Script, url: str, drain_at_s: Mapping[int, float] | None = None
) -> pd.DataFrame:
    """The attempt log of a script on the real queue; workers drain when ``drain_at_s`` says."""
    return asyncio.run(_Play(script, url).play(drain_at_s or {})).frame()


def same_starts(real: pd.DataFrame, model: pd.DataFrame) -> bool:
    """Whether one queue's jobs are started in one order."""
    return starts(real) == starts(model)


def took(log: pd.DataFrame) -> list[float]:
    """How long each attempt took, in the order of starts, seconds."""
    log = log.sort_values("started_s", kind="stable")
    return [round(one, 6) for one in log["finished_s"] - log["started_s"]]


def in_time(real: pd.DataFrame, model: pd.DataFrame) -> bool:
    """Whether jobs are started in one order, and attempts take as long."""
    return same_starts(real, model) and took(real) == pytest.approx(took(model), abs=TOOK_S)


def both(
    script: Script,
    url: str,
    *,
    same: Callable[[pd.DataFrame, pd.DataFrame], bool] = same_starts,
    play: Callable[..., pd.DataFrame] = run_real,
    **options: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The logs of the model and of the real queue; the latter has up to `PLAYS` tries to agree.

    A rule that is wrong is wrong each time; a machine that was busy for a moment is not, and what
    it does meanwhile counts as no try. ``play`` says whose workers do the jobs.
    """
    model = run_model(script)
    tries = 0
    for _ in range(MOST_PLAYS):
        with redis.Redis.from_url(url) as server:
            server.flushall()
            redis_pid = int(server.info("server")["process_id"])
        with _first_in_line(redis_pid), _overruns() as late_s:
            real = play(script, url, **options)
        if same(real, model) and ends(real) == ends(model) and _same_looks(real, model):
            break
        tries += max(late_s, default=0.0) < PUNCTUAL_S
        if tries == PLAYS:
            break
    return model, real


@contextmanager
def _first_in_line(*others: int) -> Iterator[None]:
    """Where the system allows it, this thread, its threads and other processes go before others.

    They do next to nothing, and at once: what other tests do meanwhile is not to be seen.
    """
    ours = (0, *others)
    try:
        for process in ours:
            os.sched_setscheduler(process, os.SCHED_RR, os.sched_param(1))
    except (AttributeError, PermissionError):  # not Linux, or not allowed
        yield
        return
    try:
        yield
    finally:
        for process in ours:
            os.sched_setscheduler(process, os.SCHED_OTHER, os.sched_param(0))


@contextmanager
def _overruns() -> Iterator[list[float]]:
    """How much later than it asked a thread that only sleeps was woken, each time, seconds."""
    late_s: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while True:
            began = time.perf_counter()
            if over.wait(0.002):
                return
            late_s.append(time.perf_counter() - began - 0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield late_s
    finally:
        over.set()
        watcher.join()


def put_back(log: pd.DataFrame) -> list[float]:
    """When jobs that stalled were put back."""
    return sorted(log.loc[log["outcome"] == "stalled", "finished_s"])


def _same_looks(real: pd.DataFrame, model: pd.DataFrame) -> bool:
    pairs = zip(put_back(real), put_back(model), strict=True)
    return all(abs(one - other) < LATE_S for one, other in pairs)


class HeldClock(SystemClock):
    """A cpu part holds its event loop, but not those of the workers in other threads."""

    def burn(self, seconds: float) -> None:
        time.sleep(seconds)


class _Loop:
    """A thread with an event loop of its own: what a worker process has, without the process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Have something done there."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def end(self) -> None:
        """End the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class _Worker:
    """One worker of a script; it may be killed, drained, and started again."""

    def __init__(self, play: _Play, number: int) -> None:
        self._play, self._number = play, number
        self._loop = _Loop()
        self.alive = False

    async def start(self) -> None:
        await self._loop.do(self._start())
        self.alive = True

    async def _start(self) -> None:
        play = self._play
        connection = await connect(play.url)
        adapter = scripted_adapter(connection, play.workload)
        self._adapter = adapter
        self._process = WorkerProcess(
            connection,
            adapter,
            ScriptedWork(play.workload, HeldClock(), play.origin, calling(play.gateway)),
            queues=list(play.policies),
            concurrency=play.script.slots,
            policies=play.policies,
            watchers=[play.events.append],
            name=str(self._number),
            bullmq=play.options,
            consumer_options={"draw": play.draw},
        )
        await self._process.start()

    async def stop(self, grace_s: float) -> None:
        """Stop; without grace the running jobs stay active and locked, as after ``kill -9``."""
        self.alive = False
        await self._loop.do(self._stop(grace_s))

    async def _stop(self, grace_s: float) -> None:
        await self._process.stop(grace_s)
        await self._adapter.close()

    def end(self) -> None:
        self._loop.end()


class _Play:
    """One run of a script on the real queue."""

    def __init__(self, script: Script, url: str) -> None:
        self.script, self.url = script, url
        self.workload = ScriptedWorkload(script.scenario(), script.jobs)
        self.policies = self.workload.scenario.queues
        self.events: list[Event] = []
        self.clock = SystemClock()
        self.origin = 0.0
        self.gateway: int | None = None
        bullmq = self.workload.scenario.bullmq
        self.options = {
            "lockDuration": round(1000 * bullmq.lock_duration_s),
            "stalledInterval": round(1000 * bullmq.stalled_interval_s),
            "maxStalledCount": bullmq.max_stalled,
        }

    async def play(self, drain_at_s: Mapping[int, float]) -> AttemptLog:
        async with gateway(self.workload.scenario.downstreams) as self.gateway:
            return await self._play(drain_at_s)

    async def _play(self, drain_at_s: Mapping[int, float]) -> AttemptLog:
        self.connection = await connect(self.url)
        self.adapter = scripted_adapter(self.connection, self.workload)
        queues = self.workload.scenario.queues
        await set_limits(self.adapter, queues.items())
        self.origin = round(self.clock.now(), 3)
        await begin_schedulers(self.adapter, self.workload, self.origin)
        workers = [_Worker(self, number) for number in range(self.script.workers)]
        try:
            for number, worker in enumerate(workers):
                await worker.start()
                await self._idle((number + 1) * len(self.policies))
            pausing = pause_and_resume(self.adapter, queues.items(), self.origin)
            fates = [asyncio.ensure_future(pausing)]
            fates += [
                asyncio.ensure_future(self._crash(workers[crash["worker"]], crash))
                for crash in self.script.crashes
            ]
            fates += [
                asyncio.ensure_future(self._drain(workers[number], at_s))
                for number, at_s in drain_at_s.items()
            ]
            await self._arrivals()
            async with asyncio.timeout(30):
                while await self.adapter.unfinished():
                    await asyncio.sleep(0.01)
            await self._end(fates)
            for worker in workers:
                if worker.alive:
                    await worker.stop(grace_s=5)
        finally:
            for worker in workers:
                worker.end()
            await self.adapter.close()
        return with_slots(merge_events(self.events, self.origin), self.workload, self.origin)

    async def _end(self, fates: list[asyncio.Future[None]]) -> None:
        """Whatever was to happen to workers later does not matter any more."""
        await call_off(fates)
        for ended in await asyncio.gather(*fates, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    def draw(self, job: Job, attempt: int) -> float:
        """The uniform number of a retry's jitter."""
        number = number_of(job, self.workload, self.origin)
        drawn: float = self.workload.jitter(job.payload["kind"], attempt)[number]
        return drawn

    async def _arrivals(self) -> None:
        work = ScriptedWork(self.workload, self.clock, self.origin)
        for at_s, kind, number in zip(*(c.tolist() for c in self.workload.arrivals), strict=True):
            await self.clock.until(self.origin + at_s)
            await self.adapter.add(work.job(kind, number))

    async def _crash(self, worker: _Worker, crash: Mapping[str, Any]) -> None:
        await self.clock.until(self.origin + crash["at_s"])
        await worker.stop(grace_s=0)
        await self.clock.until(self.origin + crash["at_s"] + crash["down_s"])
        await worker.start()

    async def _drain(self, worker: _Worker, at_s: float) -> None:
        await self.clock.until(self.origin + at_s)
        await worker.stop(grace_s=10)

    async def _idle(self, consumers: int) -> None:
        """Wait until so many consumers wait in Redis: whoever did first is served first."""
        async with asyncio.timeout(5):
            while (await self.connection.client.info("clients"))["blocked_clients"] < consumers:
                await asyncio.sleep(0.002)


def assert_alike(model: pd.DataFrame, real: pd.DataFrame) -> None:
    """Assert that each queue's starts come as in the model, and that the same becomes of all."""
    assert in_order(real, model), (moments(model), moments(real))
    assert ends(real) == ends(model)


def starts(log: pd.DataFrame, queue: str = "q") -> list[tuple[str, int, int]]:
    """What was started in a queue, in order: job, attempt, run."""
    mine = [
        (at, key) for its, at, *key in _rows(log, "started_s") if its == queue and not isnan(at)
    ]
    return [tuple(key) for _, key in sorted(mine, key=lambda pair: pair[0])]


def _rows(log: pd.DataFrame, column: str) -> Iterator[tuple[Any, ...]]:
    """Of each row: its queue, a column, and which run of which job it is."""
    keys = ["queue", column, "job_id", "attempt", "run"]
    return zip(*(log[key].tolist() for key in keys), strict=True)


def moments(log: pd.DataFrame) -> dict[tuple[str, int, int], float]:
    """When each job, attempt and run was started."""
    log = log[log["started_s"].notna()]
    keys = log[["job_id", "attempt", "run"]].itertuples(index=False, name=None)
    return dict(zip(keys, log["started_s"], strict=True))


def in_order(log: pd.DataFrame, model: pd.DataFrame) -> bool:
    """Whether each queue's starts come as in the model: those of one moment, in any order."""
    at = moments(model)
    orders = [
        [at.get(key, -np.inf) for key in starts(log, queue)] for queue in log["queue"].unique()
    ]
    return all(order == sorted(order) for order in orders)


def ends(log: pd.DataFrame) -> dict[str, list[tuple[int, int, str]]]:
    """What became of each job: the attempt, run and outcome of each of its rows.

    Jobs that came to nothing are not in it.
    """
    found: dict[str, list[tuple[int, int, str]]] = {}
    for _, outcome, job, attempt, run in _rows(log, "outcome"):
        if outcome:
            found.setdefault(job, []).append((attempt, run, outcome))
    return {job: sorted(found[job]) for job in sorted(found)}
