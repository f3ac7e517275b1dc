"""The models that `simulate` runs, with hands: what a person does to them while they run."""

from __future__ import annotations

import math

from simqueue.live.incoming import Incoming
from simqueue.live.workload import LiveWorkload
from simqueue.simulation.bullmq import BullMQ
from simqueue.simulation.bullmq.model import delays_of, priorities_of
from simqueue.simulation.core import Model
from simqueue.simulation.in_process import InProcess
from simqueue.simulation.job import SimJob
from simqueue.workload.attempts import FATAL


class Live(Model):
    """A model whose workload is not closed."""

    workload: LiveWorkload

    def __init__(self, workload: LiveWorkload) -> None:
        super().__init__(workload)
        self.incoming = Incoming(self)

    @property
    def over(self) -> bool:
        """Whether all jobs have come and have their final outcomes, as far as one knows."""
        return super().over and not self.incoming.pending

    def ask(self, kind: int, number: int, now: float) -> None:
        """Let a customer ask for a job, unless it stays away at the rate of now."""
        if self.incoming.comes(kind, number):
            super().ask(kind, number, now)

    def backoff_s(self, job: SimJob, failed: int) -> float | None:
        """How long a failed job waits, by the policy that it was added with; ``None``: for good."""
        if failed == FATAL:
            return None
        wait = self.workload.wait_s(job.kind, job.number, job.attempt, job.enqueued)
        return None if math.isnan(wait) else wait

    def grown(self) -> None:
        """There is more room for jobs than before."""

    def _brings_ever(self, job: SimJob, now: float) -> tuple[float, float, int]:
        # There may be an outage at any time.
        return self._brings_then(job, now)


class LiveBullMQ(Live, BullMQ):
    """Production mode."""

    def __init__(self, workload: LiveWorkload) -> None:
        super().__init__(workload)
        # Anybody may kill a worker: the timers run from the start, as with planned crashes.
        self._stalls.begin()

    @property
    def more_to_come(self) -> bool:
        """Whether some worker will have something to do yet: as long as somebody plays."""
        return True

    def grown(self) -> None:
        """There is more room for jobs than before."""
        self._delays_s = delays_of(self.workload)
        self._priorities = priorities_of(self.workload)


class LiveInProcess(Live, InProcess):
    """Training mode."""


def live_model(workload: LiveWorkload) -> LiveBullMQ | LiveInProcess:
    """The model of a workload, by the mode of its scenario."""
    return LiveInProcess(workload) if workload.scenario.in_process else LiveBullMQ(workload)
