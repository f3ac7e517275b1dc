"""Tiny scripts of jobs that both the real queue and the model play.

A script says when jobs come, how long each attempt takes and which attempts fail. Both engines get
them as one workload, and each writes its attempt log; what the rules of the queue decide, the order
of starts and the outcomes, can then be compared.

The real queue takes a few milliseconds for what the model does in none, and a busy machine more. So
a script must not hang on milliseconds: `is_clear` says whether it does.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import redis

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.adapters.scripted import ScriptedWork
from simqueue.clock import SystemClock
from simqueue.jobs import Job
from simqueue.policies import QueuePolicy
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.worker_events import Event, merge_events
from simqueue.simulation.engines import ENGINES
from simqueue.workers.process import WorkerProcess
from simqueue.workload.arrivals import Arrivals
from simqueue.workload.distributions import Floats
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Attempts, Kind, Workload

T = TypeVar("T")

#: A job is put back by the same look, be it that much late: the next is twice as far, seconds.
LATE_S = 0.4
#: How much longer arrivals and attempts may take, seconds, and how often that is tried.
SLOWER_S = (0.004, 0.008, 0.015, 0.03)
TRIES = 6


@dataclass(frozen=True)
class ScriptJob:
    """A job: when it comes, and what each attempt at it brings; the last one said is repeated.

    ``draws`` are the uniform numbers of its jitter.
    """

    at_s: float
    takes_s: Sequence[float] = (0.0,)
    fails: Sequence[bool] = (False,)
    cpu_s: Sequence[float] = (0.0,)
    draws: Sequence[float] = (0.0,)
    queue: str = "q"


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
    """

    jobs: Sequence[ScriptJob]
    policy: QueuePolicy = field(default_factory=QueuePolicy)
    workers: int = 1
    slots: int = 1
    follow_up: Mapping[str, Sequence[str]] = field(default_factory=dict)
    crashes: Sequence[Mapping[str, Any]] = ()
    bullmq: Mapping[str, Any] = field(default_factory=dict)

    def scenario(self) -> Scenario:
        """The scenario whose workload the script is."""
        fed = list(dict.fromkeys(job.queue for job in self.jobs))
        children = [child for queues in self.follow_up.values() for child in queues]
        queues = {queue: self.policy.model_dump() for queue in dict.fromkeys([*fed, *children])}
        queues[fed[0]]["follow_up"] = {key: list(names) for key, names in self.follow_up.items()}
        return build_scenario(
            {
                "duration_s": max(job.at_s for job in self.jobs) + 1,
                "workers": {
                    "count": self.workers,
                    "concurrency": self.slots,
                    "crashes": [dict(crash) for crash in self.crashes],
                },
                "arrivals": {queue: {"rate_per_s": 1} for queue in fed},
                "queues": queues,
                "bullmq": dict(self.bullmq),
            }
        )


class ScriptedWorkload(Workload):
    """A workload that a script has written instead of a generator of random numbers.

    With ``slower``, a generator and a number of seconds, all takes up to so much longer.
    """

    def __init__(
        self,
        scenario: Scenario,
        jobs: Sequence[ScriptJob],
        slower: tuple[np.random.Generator, float] | None = None,
    ) -> None:
        super().__init__(scenario)
        self._slower = slower
        self._of_queue: dict[str, list[ScriptJob]] = {}
        for job in jobs:
            self._of_queue.setdefault(job.queue, []).append(job)
        self._streams = {
            queue: Arrivals(self._longer([job.at_s for job in jobs]), None)
            for queue, jobs in self._of_queue.items()
        }

    @property
    def streams(self) -> dict[str, Arrivals]:  # type: ignore[override]
        """The arrivals that the script says."""
        return self._streams

    def _draw(self, kind: Kind, attempt: int) -> Attempts:
        jobs = self._of_queue[kind.stream]
        if kind.parent >= 0:
            jobs = [ScriptJob(0.0) for _ in jobs]

        def said(values: Callable[[ScriptJob], Sequence[float]]) -> list[float]:
            return [values(job)[min(attempt, len(values(job))) - 1] for job in jobs]

        return Attempts(
            cpu_s=np.array(said(lambda job: job.cpu_s), float).data,
            io_s=self._longer(said(lambda job: job.takes_s)).data,
            fails=np.array(said(lambda job: job.fails), np.uint8).data,
            jitter=np.array(said(lambda job: job.draws), float).data,
        )

    def _longer(self, seconds: Sequence[float]) -> Floats:
        if self._slower is None:
            return np.array(seconds, float)
        rng, most = self._slower
        return np.array(seconds) + rng.uniform(0, most, len(seconds))


def run_model(script: Script) -> pd.DataFrame:
    """The attempt log of a script in the model."""
    return _modelled(ScriptedWorkload(script.scenario(), script.jobs))


def _modelled(workload: ScriptedWorkload) -> pd.DataFrame:
    return ENGINES["simpy"](workload).log.frame()


def is_clear(script: Script) -> bool:
    """Whether the order of starts stays as it is when things take some milliseconds longer.

    Where it does not, two moments are so close that the rules do not say what comes first.
    """
    scenario = script.scenario()
    order = starts(_modelled(ScriptedWorkload(scenario, script.jobs)))
    rng = np.random.default_rng(1)
    for most in SLOWER_S:
        for _ in range(TRIES):
            log = _modelled(ScriptedWorkload(scenario, script.jobs, (rng, most)))
            if starts(log) != order or (script.policy.lifo and _comes_between(log)):
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


def both(
    script: Script, url: str, *, in_order: bool = True, **options: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The logs of the model and of the real queue; the latter has up to three tries to agree.

    A rule that is wrong is wrong each time; a machine that was busy for a moment is not.
    """
    model = run_model(script)
    for _ in range(3):
        with redis.Redis.from_url(url) as server:
            server.flushall()
        real = run_real(script, url, **options)
        same = not in_order or starts(real) == starts(model)
        if same and ends(real) == ends(model) and _same_looks(real, model):
            break
    return model, real


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
        adapter = BullQueueAdapter(connection, play.policies, check=lambda _job: None)
        self._adapter = adapter
        self._process = WorkerProcess(
            connection,
            adapter,
            ScriptedWork(play.workload, HeldClock(), play.origin),
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
        self.policies = dict.fromkeys(self.workload.scenario.queues, script.policy)
        self.events: list[Event] = []
        self.clock = SystemClock()
        self.origin = 0.0
        bullmq = self.workload.scenario.bullmq
        self.options = {
            "lockDuration": round(1000 * bullmq.lock_duration_s),
            "stalledInterval": round(1000 * bullmq.stalled_interval_s),
            "maxStalledCount": bullmq.max_stalled,
        }

    async def play(self, drain_at_s: Mapping[int, float]) -> AttemptLog:
        self.connection = await connect(self.url)
        self.adapter = BullQueueAdapter(self.connection, self.policies, check=lambda _job: None)
        self.origin = self.clock.now()
        workers = [_Worker(self, number) for number in range(self.script.workers)]
        try:
            for number, worker in enumerate(workers):
                await worker.start()
                await self._idle((number + 1) * len(self.policies))
            fates = [
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
        return merge_events(self.events, self.origin)

    async def _end(self, fates: list[asyncio.Future[None]]) -> None:
        """Whatever was to happen to workers later does not matter any more."""
        for fate in fates:
            fate.cancel()
        for ended in await asyncio.gather(*fates, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    def draw(self, job: Job, attempt: int) -> float:
        """The uniform number of a retry's jitter."""
        drawn: float = self.workload.attempts(job.payload["kind"], attempt).jitter[
            job.payload["number"]
        ]
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


def starts(log: pd.DataFrame, queue: str = "q") -> list[tuple[str, int, int]]:
    """What was started in a queue, in order: job, attempt, run."""
    mine = log[(log["queue"] == queue) & log["started_s"].notna()]
    mine = mine.sort_values("started_s", kind="stable")
    return list(mine[["job_id", "attempt", "run"]].itertuples(index=False, name=None))


def ends(log: pd.DataFrame) -> dict[str, list[tuple[int, int, str]]]:
    """What became of each job: the attempt, run and outcome of each of its rows."""
    log = log.sort_values(["attempt", "run"])
    return {
        job: list(mine[["attempt", "run", "outcome"]].itertuples(index=False, name=None))
        for job, mine in sorted(log.groupby("job_id"), key=lambda pair: str(pair[0]))
    }
