"""Customers who ask for something else when they have been answered: the model's side of it."""

from __future__ import annotations

from functools import partial
from typing import Protocol

import simpy

from simqueue.simulation.job import SimJob
from simqueue.simulation.waiting import ARRIVAL, Wait
from simqueue.workload.workload import Workload


class Receiver(Protocol):
    """Whom customers ask: a model."""

    workload: Workload
    env: simpy.Environment

    def ask(self, kind: int, number: int, now: float) -> None:
        """Let a customer ask for a job."""


class Customers:
    """Each thinks after an answer and then asks for what comes next, once.

    Attributes
    ----------
    thinking
        How many have been answered and will ask again.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._asked: set[tuple[int, int]] = set()
        self.thinking = 0

    def answer(self, job: SimJob, *, turned_away: bool = False) -> None:
        """Tell a customer that the job has ended, or that nobody will do it."""
        now = self._receiver.env.now
        for one in self._receiver.workload.next_requests.get(job.kind, ()):
            key = one.kind, one.number[job.number]
            if key[1] < 0 or key in self._asked or (turned_away and not one.turned_away_too):
                continue
            self._asked.add(key)
            think_s = one.think_s[job.number]
            if now + think_s < one.until_s:
                self.thinking += 1
                Wait(self._receiver.env, think_s, ARRIVAL, partial(self._ask, *key))

    def _ask(self, kind: int, number: int, _: simpy.Event) -> None:
        self.thinking -= 1
        self._receiver.ask(kind, number, self._receiver.env.now)
