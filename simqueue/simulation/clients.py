"""Clients that lose patience: the model's side of a scenario's ``client`` key."""

from __future__ import annotations

from typing import Protocol

import simpy

from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait
from simqueue.workload.workload import Workload

#: Retries that a budget may save up.
MOST_SAVED = 10.0


class Receiver(Protocol):
    """Who takes the jobs that clients send: a model."""

    workload: Workload
    env: simpy.Environment

    def arrive(self, kind: int, number: int, now: float) -> None:
        """Let a job come in."""


class Clients:
    """Whoever sent the jobs and waits for an answer; without one in time, they send another job.

    The first job is not taken back: the queue does it all the same, for nobody. That is how a
    short trigger can leave a queue overloaded for good (Bronson et al., Metastable Failures in
    Distributed Systems, HotOS 2021).
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._resends = receiver.workload.resends
        self._answered: set[tuple[int, int]] = set()
        #: Retries that may be made, for each root kind with a budget.
        self._saved = {
            resend.root: MOST_SAVED
            for resend in self._resends.values()
            if resend.client.budget is not None
        }

    def ask(self, kind: int, number: int, now: float) -> None:
        """Send the job of a new request, and begin to wait for it."""
        self._receiver.arrive(kind, number, now)
        resend = self._resends.get(kind)
        if resend is None:
            return
        if kind in self._saved and resend.client.budget is not None:
            self._saved[kind] = min(MOST_SAVED, self._saved[kind] + resend.client.budget)
        self._wait(kind, number)

    def answer(self, job: SimJob) -> None:
        """Somebody may be waiting for the job that has just come to its end."""
        resend = self._resends.get(job.kind)
        if resend is not None:
            self._answered.add((resend.root, job.number))

    def _wait(self, kind: int, number: int) -> None:
        patience_s = self._resends[kind].client.timeout_s
        Wait(self._receiver.env, patience_s, DUE, lambda _: self._lose_patience(kind, number))

    def _lose_patience(self, kind: int, number: int) -> None:
        resend = self._resends[kind]
        if resend.again is None or (resend.root, number) in self._answered:
            return
        if resend.root in self._saved:
            if self._saved[resend.root] < 1:
                return
            self._saved[resend.root] -= 1
        self._receiver.arrive(resend.again, number, self._receiver.env.now)
        self._wait(resend.again, number)
