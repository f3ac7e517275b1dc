"""A slot whose jobs call a downstream: cpu part, place, io part."""

from __future__ import annotations

import simpy

from simqueue.simulation.bullmq.queue import Looker, Queue
from simqueue.simulation.bullmq.worker import Rules, Slot, Worker
from simqueue.simulation.downstream import Call, Called
from simqueue.simulation.job import SimJob
from simqueue.workload.attempts import FAILS


class CallingSlot(Slot):
    """A slot of a queue with a downstream, whose io parts need places there.

    When the cpu part is over it asks for one; the io part begins when it has it.
    """

    def __init__(
        self,
        rules: Rules,
        queue: Queue,
        process: Worker,
        number: int,
        looker: Looker,
        called: Called,
    ) -> None:
        self._called, self._call = called, Call(rules.env, self._answered)
        self._io_s, self._asks = 0.0, False
        super().__init__(rules, queue, process, number, looker)

    def take(self, job: SimJob, now: float, at: float) -> None:
        """Start an attempt: its cpu part, and then it asks for a place."""
        rules, process = self.rules, self.process
        self.job, self.started = job, at
        cpu, self._io_s, self.failed = rules.brings(job, at)
        begun = at + rules.service_s
        asks_at = process.finish_at(begun, cpu + rules.loop_s, 0.0)
        if process.loop_free_at - begun > rules.patience_s:
            rules.watch_locks()
        self._asks, self._in_line = self._io_s > 0, False
        self._ending.set(asks_at - now)

    def abandon(self) -> SimJob | None:
        """Die with the worker, and hang up."""
        self._call.hang_up()
        self._asks = False
        return super().abandon()

    def _done(self, event: simpy.Event) -> None:
        if not self._asks:
            super()._done(event)
            return
        self._asks = False
        self._call.begin(self._called, self._io_s)

    def _answered(self, cut: bool) -> None:
        """End the io part; the attempt ends when the event loop comes to that."""
        if cut:
            self.failed = FAILS
        self._in_line = True
        super()._done(self._ending)
