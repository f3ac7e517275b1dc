"""Scripted work: handlers that take as long, and fail as often, as a workload says.

With them an adapter runs the very sample path that the simulator runs, so the two logs can be
laid side by side.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from simqueue.adapters.in_process import InProcessAdapter
from simqueue.clock import Clock, VirtualClock
from simqueue.errors import InputError, JobError
from simqueue.jobs import Job
from simqueue.policies import Outcome
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.recorder import Recorder
from simqueue.workload.attempts import FATAL
from simqueue.workload.callers import CallerSettings
from simqueue.workload.changes import key_of
from simqueue.workload.scenario import Scenario
from simqueue.workload.schedulers import Scheduler
from simqueue.workload.workload import Workload


class Call(Protocol):
    """What takes a place of a downstream, by its name, for some seconds."""

    async def __call__(self, name: str, seconds: float, timeout_s: float | None, /) -> None:
        """Call it.

        Raises
        ------
        JobError
            If it has no place, or that and the call take longer than ``timeout_s``.
        """


class Sandbox(Protocol):
    """What does cpu parts without the event loop."""

    async def burn(self, seconds: float) -> None:
        """Use so many seconds of cpu elsewhere."""


class ScriptedWork:
    """Work that a workload has written.

    Parameters
    ----------
    workload
        How long each attempt takes and which fail.
    clock
        What lets that time pass.
    origin
        The clock's time at the workload's second zero.
    call
        Calls the downstreams of the scenario. Without it each has a place for everybody, as it
        has for one caller.
    sandbox
        Does the cpu parts of sandboxed jobs; by default they are done here.
    """

    def __init__(
        self,
        workload: Workload,
        clock: Clock,
        origin: float = 0.0,
        call: Call | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        self._workload = workload
        self._sandbox = sandbox
        self._clock = clock
        self._origin = origin
        self._call = call

    def job(self, kind: int, number: int, parent_id: str | None = None) -> Job:
        """The job of ``kind`` that descends from root arrival ``number``, with its children."""
        workload = self._workload
        its = workload.kinds[kind]
        job_id = workload.job_id(its, number)
        return Job(
            queue=its.queue,
            name=its.name,
            id=job_id,
            flow=workload.flow(its, number),
            parent_id=parent_id,
            payload={"kind": kind, "number": number},
            children=tuple(
                self.job(child.number, number, job_id)
                for child in workload.children_of(kind, number)
            ),
        )

    async def handle(self, job: Job, attempt: int) -> str:
        """Take the time of this attempt.

        Raises
        ------
        InputError
            If the workload says that it fails so that no further attempt can succeed.
        JobError
            If it fails otherwise: by chance, in an outage, because its time is over.
        """
        kind, number = job.payload["kind"], self.number(job)
        started = self._clock.now() - self._origin
        cpu_s, io_s, fails = self._workload.brings(kind, number, attempt, started)
        if self._sandbox is not None and self._workload.scenario.queues[job.queue].sandbox:
            await self._sandbox.burn(cpu_s)
        else:
            self._clock.burn(cpu_s)
        if io_s > 0:  # a handler without io does not let others in
            await self._wait(job, io_s)
        if fails == FATAL:
            raise InputError(f"attempt {attempt} of {job.id} fails for good by the script")
        if fails:
            raise JobError(f"attempt {attempt} of {job.id} fails by the script")
        return ""

    async def _wait(self, job: Job, io_s: float) -> None:
        queue = self._workload.scenario.queues[job.queue]
        if queue.downstream is None or self._call is None:
            await self._clock.sleep(io_s)
            return
        await self._call(queue.downstream, io_s, queue.timeout_s)

    async def give_up(self, job: Job) -> str:  # noqa: ARG002
        """A script has no business to settle."""
        return ""

    def follow_ups(
        self,
        job: Job,
        outcome: Outcome,
        result: str,  # noqa: ARG002
    ) -> Sequence[Job]:
        """The jobs that the scenario says follow."""
        workload, number = self._workload, self.number(job)
        its = workload.kinds[job.payload["kind"]]
        parent = workload.job_id(its, number)
        kinds = workload.follow_ups(its.number, outcome)
        return [self.job(kind.number, number, parent) for kind in kinds]

    def number(self, job: Job) -> int:
        """The number of the root arrival that a job descends from."""
        return number_of(job, self._workload, self._origin)


def number_of(job: Job, workload: Workload, origin: float) -> int:
    """The number of a job's root arrival; that of a scheduler's job is its slot's.

    Parameters
    ----------
    job
        A job of the workload.
    workload
        What wrote it.
    origin
        Second zero, Unix time.
    """
    said: int | None = job.payload.get("number")
    if said is not None:
        return said
    return slot_of(job.id, workload.scheduled[job.payload["kind"]], origin)


def slot_of(job_id: str, scheduler: Scheduler, origin: float) -> int:
    """The slot of a scheduler's job, whose id is ``repeat:SCHEDULER:MILLISECONDS``."""
    since_ms = int(job_id.rpartition(":")[2]) - round(1000 * origin) - scheduler.first_ms
    return round(since_ms / scheduler.every_ms)


async def run_in_process(workload: Workload) -> AttemptLog:
    """Run a workload through the in-process adapter: one caller, scripted work, virtual time.

    A request that comes in while the caller is busy waits its turn. What a customer asks for next
    comes after the answer to what came first.

    Raises
    ------
    InputError
        If the scenario has more than one caller, a line that may be full, a crash or impatient
        clients: these are for the model.
    """
    _check_one_caller(workload.scenario)
    clock = VirtualClock()
    work = ScriptedWork(workload, clock)
    recorder = Recorder("in-process", origin=0.0)
    adapter = InProcessAdapter(work, clock, recorder, workload.scenario.queues)
    coming = list(zip(*(column.tolist() for column in workload.arrivals), strict=True))
    while coming:
        time, kind, number = heapq.heappop(coming)
        await clock.until(time)
        # A failure is no surprise: the script said so, and the log has it.
        with suppress(JobError, InputError):
            await adapter.add(work.job(kind, number), asked_at=time)
        for then in workload.next_requests.get(kind, ()):
            asks_at = clock.now() + then.think_s[number]
            if then.number[number] >= 0 and asks_at < then.until_s:
                heapq.heappush(coming, (asks_at, then.kind, then.number[number]))
    return recorder.log()


def _check_one_caller(scenario: Scenario) -> None:
    caller = CallerSettings().model_dump()
    for key, value in scenario.caller.model_dump().items():
        if value != caller[key]:
            raise InputError(
                f"scenario {scenario.name}: caller.{key}: the adapter runs here with one caller "
                "and no more; leave the key out, or simulate the scenario"
            )
    for queue, stream in scenario.arrivals.items():
        if stream.client is not None:
            raise InputError(
                f"scenario {scenario.name}: {key_of('arrivals', queue, 'client')}: impatient "
                "clients exist in the model only; leave the table out"
            )
