"""Cores that child processes share: egalitarian processor sharing in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf

import simpy

from simqueue.simulation.waiting import FINISH, Wait

#: Rounding of sums of times: what is left of so little is nothing, seconds.
TINY_S = 1e-9


class Share:
    """A cpu part on the cores: what each part must have got when it is done, and what happens then.

    ``then`` is ``None`` once it has ended or was given up.
    """

    __slots__ = ("number", "target", "then")

    def __init__(self, target: float, number: int, then: Callable[[], None]) -> None:
        self.target, self.number = target, number
        self.then: Callable[[], None] | None = then

    def __lt__(self, other: Share) -> bool:
        return (self.target, self.number) < (other.target, other.number)


class Cores:
    """A machine's cores, which all cpu parts on it share evenly.

    With ``n`` parts on ``c`` cores each runs at the rate ``min(1, c / n)``: one part cannot use
    more than one core. All rates are equal, so the seconds that each part has got since a common
    zero are one number for all, and the part that ends next is the one with the lowest target: a
    heap and one timer (the virtual time of Parekh and Gallager, IEEE/ACM Transactions on Networking
    1(3), 1993). With one core it is M/G/1-PS (Kleinrock, Queueing Systems vol. 2, section 4.4).

    Parameters
    ----------
    env
        The virtual time.
    count
        How many cores there are.
    """

    def __init__(self, env: simpy.Environment, count: int) -> None:
        self._env, self._count = env, count
        self._running: list[Share] = []
        self._alive = self._started = 0
        self._got = self._at = 0.0
        self._timer: Wait | None = None
        self._due = inf

    def run(self, seconds: float, then: Callable[[], None]) -> Share:
        """Start a part of so many seconds of cpu; ``then`` is called at its end."""
        self._catch_up()
        if not self._alive:
            self._got = 0.0  # sums do not drift
        self._started += 1
        share = Share(self._got + seconds, self._started, then)
        heappush(self._running, share)
        self._alive += 1
        self._look()
        return share

    def give_up(self, share: Share) -> None:
        """Let a part end before its time, if it has not: nothing happens then."""
        if share.then is None:
            return
        self._catch_up()
        share.then = None
        self._alive -= 1
        self._look()

    @property
    def _rate(self) -> float:
        return 1.0 if self._alive <= self._count else self._count / self._alive

    def _catch_up(self) -> None:
        """Give all parts what they have got since the last change."""
        now = self._env.now
        if self._alive:
            self._got += (now - self._at) * self._rate
        self._at = now

    def _look(self) -> None:
        """Have the timer end when the next part does, or before."""
        running = self._running
        while running and running[0].then is None:
            heappop(running)
        if not running:
            return
        left = max(running[0].target - self._got, 0.0) / self._rate
        due = self._env.now + left
        if due < self._due:
            if self._timer is not None:
                self._timer.callbacks = []
            self._due = due
            self._timer = Wait(self._env, left, FINISH, self._over)

    def _over(self, _: simpy.Event) -> None:
        """End the parts that have got all they need; more may have come since the timer was set."""
        self._timer, self._due = None, inf
        self._catch_up()
        done: list[Callable[[], None]] = []
        running, reached = self._running, self._got + TINY_S * self._rate
        while running and (running[0].then is None or running[0].target <= reached):
            share = heappop(running)
            if share.then is not None:
                done.append(share.then)
                share.then = None
                self._alive -= 1
        self._look()
        for then in done:
            then()
