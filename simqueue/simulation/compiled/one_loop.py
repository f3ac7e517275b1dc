"""Who takes a job where there is one worker: one of its slots, when its event loop comes to it."""

from __future__ import annotations

import math

from simqueue.simulation.compiled.attempts import pick_up
from simqueue.simulation.compiled.free_loops import longest_idle
from simqueue.simulation.compiled.jit import compiled
from simqueue.simulation.compiled.lists import add, popleft
from simqueue.simulation.compiled.queue import promote
from simqueue.simulation.compiled.state import (
    NONE,
    ONE_LOOK,
    World,
    lookers,
    queues,
    slots,
    workers,
)
from simqueue.simulation.compiled.waiting import DUE, wait


@compiled
def turn(w: World, looker: int) -> float:
    """When a worker can ask for a job; in the past if it can now."""
    its = lookers(w, looker)
    if its.again_at > w.now:
        return float(its.again_at)
    return float(workers(w, its.worker).loop_free_at)


@compiled
def put(w: World, queue: int, job: int) -> None:
    """Add a job; if a slot is idle, the worker looks when its turn comes."""
    its = queues(w, queue)
    if its.idle_head != NONE and not its.ready:
        looker = slots(w, its.idle_head).looker
        at = turn(w, looker)
        if at <= w.now and its.due:  # one of these may have a better priority
            add(w, queue, job)
            hand_out(w, queue, w.pickup_s)
            return
        if at <= w.now:
            pick_up(w, longest_idle(w, queue), job, w.pickup_s)
            its_looker = lookers(w, looker)
            its_looker.again_at = workers(w, its_looker.worker).loop_free_at
            return
        look_later(w, queue, at)
    add(w, queue, job)


@compiled
def hand_out(w: World, queue: int, after: float) -> None:
    """Let idle slots take what is ready, one behind the cpu part of the other's."""
    its = queues(w, queue)
    while its.idle_head != NONE and (its.ready or its.due):
        at = turn(w, slots(w, its.idle_head).looker)
        if at > w.now:
            look_later(w, queue, at)
            return
        hand_one(w, queue, after)


@compiled
def hand_one(w: World, queue: int, after: float) -> None:
    """Let an idle slot take what is next."""
    promote(w, queue)
    slot = longest_idle(w, queue)
    pick_up(w, slot, popleft(w, queue), after)
    looker = lookers(w, slots(w, slot).looker)
    looker.again_at = workers(w, looker.worker).loop_free_at


@compiled
def look_later(w: World, queue: int, at: float) -> None:
    """Have the worker look when its turn comes."""
    its = queues(w, queue)
    if at < its.look_at:
        its.look_at = at
        wait(w, at - w.now, DUE, ONE_LOOK, queue, 0.0)


@compiled
def look(w: World, queue: int) -> None:
    """It is the worker's turn to ask, whatever stands behind it in its event loop by now."""
    its = queues(w, queue)
    its.look_at = math.inf
    if its.idle_head != NONE and (its.ready or its.due):
        hand_one(w, queue, 0.0)
    hand_out(w, queue, 0.0)
