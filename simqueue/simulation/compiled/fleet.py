"""The worker processes where a schedule changes how many there are."""

from __future__ import annotations

import math

from simqueue.simulation.compiled import by_loops
from simqueue.simulation.compiled.jit import compiled
from simqueue.simulation.compiled.state import (
    NONE,
    UP,
    World,
    crews,
    lookers,
    slots,
    stays,
    workers,
)
from simqueue.simulation.compiled.stays import busy, gone
from simqueue.simulation.compiled.waiting import DUE, wait
from simqueue.simulation.compiled.worker import go_on


@compiled
def resize(w: World, crew: int, count: int) -> None:
    """Have so many workers in a pool: ask for more, or tell the newest to end."""
    its = crews(w, crew)
    while its.on < count:
        ask(w, crew)
    while its.on > count:
        newest = its.newest
        its.newest = stays(w, newest).before
        its.on -= 1
        dismiss(w, newest)


@compiled
def stay(w: World, crew: int, worker: int) -> int:
    """A worker is asked for, and one of those that there are to be."""
    number, its = w.stay_count, crews(w, crew)
    w.stay_count += 1
    new = stays(w, number)
    new.worker, new.asked = worker, w.now
    new.ready = new.drained = new.gone = math.nan
    new.before, its.newest = its.newest, number
    its.on += 1
    workers(w, worker).stay = number
    return number


@compiled
def place(w: World, worker: int) -> None:
    """A worker is there, and has a number."""
    workers(w, worker).number = w.worker_count
    w.worker_count += 1


@compiled
def ask(w: World, crew: int) -> None:
    """Ask for a worker more."""
    its = crews(w, crew)
    worker = its.first_worker
    while workers(w, worker).stay != NONE:
        worker += 1
    if workers(w, worker).number == NONE:
        place(w, worker)
        workers(w, worker).closed = True
    new = stay(w, crew, worker)
    if its.start_s:
        wait(w, stays(w, new).asked + its.start_s - w.now, DUE, UP, new, 0.0)
    else:
        up(w, new)


@compiled
def up(w: World, number: int) -> None:
    """A worker that was asked for takes jobs, unless it was dismissed meanwhile."""
    its = stays(w, number)
    if math.isnan(its.gone):
        its.ready = w.now
        come_up(w, its.worker, number)


@compiled
def come_up(w: World, worker: int, number: int) -> None:
    """Start a worker: a new process, which waits for jobs anew."""
    its = workers(w, worker)
    its.closed, its.loop_free_at = False, w.now
    start_anew(w, worker, number)
    for slot in range(its.first_slot, its.last_slot):
        if slots(w, slot).job == NONE and not slots(w, slot).telling:
            go_on(w, slot)


@compiled
def start_anew(w: World, worker: int, number: int) -> None:
    """Have consumers that are a new process's: each stay has its own."""
    its = workers(w, worker)
    for slot in range(its.first_slot, its.last_slot):
        looker = number * w.queue_count + slots(w, slot).queue
        slots(w, slot).looker = looker
        lookers(w, looker).worker = worker


@compiled
def begin(w: World) -> None:
    """Bring up the workers with which the run begins."""
    for crew in range(w.crew_count):
        its = crews(w, crew)
        for worker in range(its.first_worker, its.first_worker + its.begins_with):
            place(w, worker)
            number = stay(w, crew, worker)
            stays(w, number).ready = w.now
            start_anew(w, worker, number)


@compiled
def dismiss(w: World, number: int) -> None:
    """Tell a worker to end."""
    its = stays(w, number)
    its.drained = w.now
    if not math.isnan(its.ready):
        drain(w, its.worker)
    if not busy(w, its.worker):
        gone(w, number)


@compiled
def drain(w: World, worker: int) -> None:
    """Tell a worker to end: it takes no more jobs."""
    its = workers(w, worker)
    its.closed = True
    for slot in range(its.first_slot, its.last_slot):
        by_loops.leave(w, slot)
