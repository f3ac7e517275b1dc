"""Sandboxed processors: slots whose jobs compute in child processes."""

from __future__ import annotations

from simqueue.simulation.bullmq.cores import Cores, Share
from simqueue.simulation.bullmq.queue import Looker, Queue
from simqueue.simulation.bullmq.worker import Rules, Slot, Worker
from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait


class SandboxedSlot(Slot):
    """A slot with a child process, which does the cpu part; the worker's event loop stays free.

    The loop does no more than send the job (what the queue itself costs it) and hear of the end.
    The child's cpu part shares ``cores`` with those of all other children; io parts need no core.
    (BullMQ's ``sandbox.ts``: the child is kept for the slot's next job.)
    """

    def __init__(
        self,
        rules: Rules,
        queue: Queue,
        process: Worker,
        number: int,
        looker: Looker,
        cores: Cores,
    ) -> None:
        super().__init__(rules, queue, process, number, looker)
        self._cores = cores
        self._share: Share | None = None
        self._sent = 0

    def take(self, job: SimJob, now: float, at: float) -> None:
        """Start an attempt at a job ``at`` a moment: its cpu part begins when the loop sent it."""
        rules = self.rules
        self.job, self.started = job, at
        cpu, io, self.failed = rules.brings(job, at)
        begins = self.process.finish_at(at + rules.service_s, rules.loop_s, 0.0)
        self._in_line = True
        self._sent += 1
        sent = self._sent

        def computed() -> None:
            self._share = None
            self._ending.set(io)

        def begin() -> None:
            if sent == self._sent:  # the worker has not died meanwhile
                self._share = self._cores.run(cpu, computed)

        if begins > now:
            Wait(rules.env, begins - now, DUE, lambda _: begin())
        else:
            begin()

    def abandon(self) -> SimJob | None:
        """Die with the worker, and so does the child process."""
        self._sent += 1
        if self._share is not None:
            self._cores.give_up(self._share)
            self._share = None
        return super().abandon()
