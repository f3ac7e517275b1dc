"""Calls of a downstream with limited places: the io parts of attempts that share them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import simpy

from simqueue.simulation.waiting import FINISH, Timer
from simqueue.workload.downstreams import Downstream
from simqueue.workload.workload import Workload


class Places:
    """The places of one downstream, and who waits for one of them."""

    def __init__(self, settings: Downstream) -> None:
        self._free = settings.places
        self.waits = settings.when_full == "wait"
        self.line: deque[Call] = deque()

    def take(self) -> bool:
        """Take a place, if one is free."""
        if not self._free:
            return False
        self._free -= 1
        return True

    def leave(self) -> None:
        """Let go of a place: whoever has waited longest has it now."""
        if self.line:
            self.line.popleft().enter()
        else:
            self._free += 1


class Called(NamedTuple):
    """What the jobs of a kind call: the places, and how long an attempt may wait and call."""

    places: Places
    timeout_s: float | None


def called_by(workload: Workload) -> dict[int, Called]:
    """What jobs call, by the kinds of those that do."""
    scenario = workload.scenario
    places = {name: Places(settings) for name, settings in scenario.downstreams.items()}
    queues = {kind.number: scenario.queues[kind.queue] for kind in workload.kinds}
    return {
        number: Called(places[queue.downstream], queue.timeout_s)
        for number, queue in queues.items()
        if queue.downstream is not None
    }


class Call:
    """One io part after the other of a slot or caller, each in a place downstream.

    Parameters
    ----------
    env
        SimPy's environment.
    over
        Told when one is over: whether it was cut off, or found no place.
    """

    def __init__(self, env: simpy.Environment, over: Callable[[bool], None]) -> None:
        self._env, self._over = env, over
        self._timer = Timer(env, FINISH, self._end)
        self._called: Called | None = None
        self._io_s = self._until = 0.0
        self._inside = self._cut = False

    def begin(self, called: Called, io_s: float) -> None:
        """Ask for a place, and hold it for ``io_s``."""
        self._called, self._io_s, self._cut = called, io_s, False
        self._inside = called.places.take()
        if self._inside:
            self._timer.set(io_s)
        elif not called.places.waits:
            self._cut = True
            self._timer.set(0.0)
        else:
            called.places.line.append(self)
            if called.timeout_s is not None:
                self._until = self._env.now + called.timeout_s
                self._timer.set(called.timeout_s)

    def enter(self) -> None:
        """Have a place, after some time in line."""
        assert self._called is not None
        self._inside = True
        if self._called.timeout_s is not None:
            self._forget_timer()
            left = self._until - self._env.now
            self._cut = self._io_s > left
            self._timer.set(left if self._cut else self._io_s)
        else:
            self._timer.set(self._io_s)

    def hang_up(self) -> None:
        """Die with the process: the place is free, or the line shorter."""
        if self._called is not None:
            self._forget_timer()
            self._let_go(self._called.places)

    def _end(self, _: simpy.Event) -> None:
        assert self._called is not None
        cut = self._cut or not self._inside
        self._let_go(self._called.places)
        self._over(cut)

    def _let_go(self, places: Places) -> None:
        self._called = None
        if self._inside:
            self._inside = False
            places.leave()
        elif self in places.line:
            places.line.remove(self)

    def _forget_timer(self) -> None:
        self._timer.cancel()
        self._timer = Timer(self._env, FINISH, self._end)
