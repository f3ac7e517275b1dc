"""Scripted work: handlers that take as long, and fail as often, as a workload says.

With them an adapter runs the very sample path that the simulator runs, so the two logs can be
laid side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

from simqueue.adapters.in_process import InProcessAdapter
from simqueue.clock import Clock, VirtualClock
from simqueue.errors import JobError
from simqueue.jobs import Job
from simqueue.policies import Outcome
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.recorder import Recorder
from simqueue.workload.workload import Workload


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
    """

    def __init__(self, workload: Workload, clock: Clock, origin: float = 0.0) -> None:
        self._workload = workload
        self._clock = clock
        self._origin = origin

    def job(self, kind: int, number: int, parent_id: str | None = None) -> Job:
        """The job of ``kind`` that descends from root arrival ``number``."""
        workload = self._workload
        its = workload.kinds[kind]
        return Job(
            queue=its.queue,
            name=its.name,
            id=workload.job_id(its, number),
            flow=workload.flow(its, number),
            parent_id=parent_id,
            payload={"kind": kind, "number": number},
        )

    async def handle(self, job: Job, attempt: int) -> str:
        """Take the time of this attempt.

        Raises
        ------
        JobError
            If the workload says that it fails, or it started in an outage.
        """
        kind, number = job.payload["kind"], job.payload["number"]
        drawn = self._workload.attempts(kind, attempt)
        started = self._clock.now() - self._origin
        self._clock.burn(drawn.cpu_s[number])
        if drawn.io_s[number] > 0:  # a handler without io does not let others in
            await self._clock.sleep(drawn.io_s[number])
        outages = self._workload.scenario.queues[job.queue].outages
        if any(start <= started < end for start, end in outages):
            raise JobError(f"attempt {attempt} of {job.id} started in an outage")
        if drawn.fails[number]:
            raise JobError(f"attempt {attempt} of {job.id} fails by the script")
        return ""

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
        kinds = self._workload.follow_ups(job.payload["kind"], outcome)
        return [self.job(kind.number, job.payload["number"], job.id) for kind in kinds]


async def run_in_process(workload: Workload) -> AttemptLog:
    """Run a workload through the in-process adapter: one caller, scripted work, virtual time.

    A request that comes in while the caller is busy waits its turn.
    """
    clock = VirtualClock()
    work = ScriptedWork(workload, clock)
    recorder = Recorder("in-process", origin=0.0)
    adapter = InProcessAdapter(work, clock, recorder)
    times, kinds, numbers = (column.tolist() for column in workload.arrivals)
    for time, kind, number in zip(times, kinds, numbers, strict=True):
        await clock.until(time)
        try:
            await adapter.add(work.job(kind, number), asked_at=time)
        except JobError:
            continue  # the script said so, and the log has it
    return recorder.log()
