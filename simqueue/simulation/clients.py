"""Clients that lose patience: the model's side of a scenario's ``client`` key."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

import simpy

from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import DUE, Wait
from simqueue.workload.workload import Workload

#: Retries that a budget may save up.
MOST_SAVED = 10


class Receiver(Protocol):
    """Who takes the jobs that clients send: a model."""

    workload: Workload
    env: simpy.Environment

    def arrive(self, kind: int, number: int, now: float) -> None:
        """Let a job come in."""


class Savings:
    """The retries that a budget allows, counted exactly: ten times 0.1 is one."""

    def __init__(self, budget: float) -> None:
        # What was written in the scenario, not the binary number next to it.
        each = Fraction(str(float(budget)))
        self._each, self._whole = each.numerator, each.denominator
        self._most = self._saved = MOST_SAVED * self._whole

    def add(self) -> None:
        """Save what a request allows."""
        self._saved = min(self._most, self._saved + self._each)

    def spend(self) -> bool:
        """Spend a retry, if a whole one is saved."""
        if self._saved < self._whole:
            return False
        self._saved -= self._whole
        return True


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
        #: For each root kind whose client has a budget.
        self._savings = {
            resend.root: Savings(resend.client.budget)
            for resend in self._resends.values()
            if resend.client.budget is not None
        }

    def ask(self, kind: int, number: int, now: float) -> None:
        """Send the job of a new request, and begin to wait for it."""
        self._receiver.arrive(kind, number, now)
        resend = self._resends.get(kind)
        if resend is None:
            return
        if kind in self._savings:
            self._savings[kind].add()
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
        if resend.root in self._savings and not self._savings[resend.root].spend():
            return
        self._receiver.arrive(resend.again, number, self._receiver.env.now)
        self._wait(resend.again, number)
