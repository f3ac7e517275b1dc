"""Clients that lose patience: the model's side of a scenario's ``client`` key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simqueue.simulation.waiting import DUE, Wait

if TYPE_CHECKING:
    from simqueue.simulation.model import Job, Model

#: Retries that a budget may save up.
MOST_SAVED = 10.0


class Clients:
    """Whoever sent the jobs and waits for an answer; without one in time, they send another job.

    The first job is not taken back: the queue does it all the same, for nobody. That is how a
    short trigger can leave a queue overloaded for good (Bronson et al., Metastable Failures in
    Distributed Systems, HotOS 2021).
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.resends = model.workload.resends
        self.answered: set[tuple[int, int]] = set()
        #: Retries that may be made, for each root kind with a budget.
        self.saved = {
            resend.root: MOST_SAVED
            for resend in self.resends.values()
            if resend.client.budget is not None
        }

    def ask(self, kind: int, number: int) -> None:
        """Send the job of a new request, and begin to wait for it."""
        self.model.arrive(kind, number)
        resend = self.resends.get(kind)
        if resend is None:
            return
        if kind in self.saved and resend.client.budget is not None:
            self.saved[kind] = min(MOST_SAVED, self.saved[kind] + resend.client.budget)
        self._wait(kind, number)

    def answer(self, job: Job) -> None:
        """Somebody may be waiting for the job that has just come to its end."""
        resend = self.resends.get(job.kind)
        if resend is not None:
            self.answered.add((resend.root, job.number))

    def _wait(self, kind: int, number: int) -> None:
        patience = Wait(self.model.env, self.resends[kind].client.timeout_s, DUE)
        patience.callbacks.append(lambda _: self._lose_patience(kind, number))

    def _lose_patience(self, kind: int, number: int) -> None:
        resend = self.resends[kind]
        if resend.again is None or (resend.root, number) in self.answered:
            return
        if resend.root in self.saved:
            if self.saved[resend.root] < 1:
                return
            self.saved[resend.root] -= 1
        self.model.arrive(resend.again, number)
        self._wait(resend.again, number)
