"""Sandboxed processors: slots whose jobs compute in child processes."""

from __future__ import annotations

from simqueue.simulation.compiled import cores
from simqueue.simulation.compiled.jit import compiled, compiled_where
from simqueue.simulation.compiled.state import (
    DONE,
    NONE,
    SENT,
    World,
    sandboxes,
    slots,
    workers,
)
from simqueue.simulation.compiled.state import cores as cores_of
from simqueue.simulation.compiled.waiting import DUE, FINISH, wait


@compiled_where("wide")
def send(w: World, slot: int) -> None:
    """Have the child process of a slot begin when the event loop has sent it the job."""
    begins = sandboxes(w, slot).begins
    if begins > w.now:
        wait(w, begins - w.now, DUE, SENT, slot, 0.0)
    else:
        begin(w, slot)


@compiled_where("wide")
def begin(w: World, slot: int) -> None:
    """Have the child process compute, on the cores that it shares with all others."""
    crew = workers(w, slots(w, slot).worker).crew
    cores.run(w, crew, slot, sandboxes(w, slot).cpu_s)


@compiled_where("wide")
def over(w: World, crew: int, timer: int) -> None:
    """End the cpu parts that are done, if it is still this timer that counts."""
    if cores_of(w, crew).timer != timer:
        return
    slot = cores.over(w, crew)
    while slot != NONE:
        following = sandboxes(w, slot).next
        computed(w, slot)
        slot = following


@compiled
def computed(w: World, slot: int) -> None:
    """The cpu part is over: the io part begins, which needs no core."""
    wait(w, sandboxes(w, slot).io_s, FINISH, DONE, slot, 0.0)
