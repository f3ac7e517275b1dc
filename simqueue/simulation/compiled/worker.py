"""Slots of workers: an attempt ends, and makes room for the next."""

from __future__ import annotations

from simqueue.simulation.compiled import by_loops, downstream
from simqueue.simulation.compiled.attempts import FAILS, take_up
from simqueue.simulation.compiled.core import ended, fail_unrun
from simqueue.simulation.compiled.jit import compiled, compiled_where, inlined
from simqueue.simulation.compiled.lists import popleft, ready
from simqueue.simulation.compiled.queue import promote
from simqueue.simulation.compiled.state import (
    DONE,
    NONE,
    World,
    calls,
    has_calls,
    has_flows,
    lookers,
    queues,
    relations,
    slots,
    workers,
)
from simqueue.simulation.compiled.stays import leaves
from simqueue.simulation.compiled.waiting import FINISH, wait


@inlined
def next_job(w: World, slot: int) -> None:
    """Take the next job, or be idle; a parent that a child has doomed fails here, unrun."""
    its = slots(w, slot)
    queue = its.queue
    if workers(w, its.worker).closed:
        by_loops.left_alone(w, queue)
        leaves(w, its.worker)
        return
    if queues(w, queue).due:
        promote(w, queue)
    while ready(w, queue):
        job = popleft(w, queue)
        if has_flows(w) and relations(w, job).doomed:
            fail_unrun(w, slot, job)
            continue
        take_up(w, slot, job, 0.0)
        if w.computes:
            by_loops.fetched(w, its.looker)
        return
    by_loops.join(w, slot)


@compiled
def go_on(w: World, slot: int) -> None:
    """As `next_job`, for what is not on the way of every job."""
    next_job(w, slot)


@compiled
def fail_and_go_on(w: World, slot: int, job: int) -> None:
    """End a parent, a child of which has failed, and take the next job."""
    fail_unrun(w, slot, job)
    go_on(w, slot)


@compiled
def ask(w: World, slot: int) -> None:
    """Ask for a job, as who has failed has to; another slot may do so already."""
    its = slots(w, slot)
    if lookers(w, its.looker).looking and not workers(w, its.worker).closed:
        by_loops.join(w, slot)
    else:
        go_on(w, slot)


@inlined
def done(w: World, slot: int) -> None:
    """End the attempt when the event loop comes to it, and take the next job."""
    its = slots(w, slot)
    if has_calls(w) and calls(w, slot).asks:
        downstream.begin(w, slot)
        return
    free_at = workers(w, its.worker).loop_free_at
    if its.in_line and free_at > w.now:
        # It stands behind the cpu parts that wait now, not behind those that will come.
        its.in_line = False
        wait(w, free_at - w.now, FINISH, DONE, slot, 0.0)
        return
    if its.telling:  # Redis has heard of the failure
        its.telling = False
        ask(w, slot)
        return
    job = its.job
    its.job = NONE
    ended(w, slot, job)
    if its.failed and (w.failure_s > 0 or w.computes):
        its.telling = its.in_line = True
        wait(w, w.failure_s, FINISH, DONE, slot, 0.0)
    else:
        next_job(w, slot)


@compiled_where("wide")
def answered(w: World, slot: int, timer: int) -> bool:
    """End the io part, if this timer still counts: then the attempt ends in its turn."""
    if calls(w, slot).timer != timer:
        return False
    if downstream.end(w, slot):
        slots(w, slot).failed = FAILS
    slots(w, slot).in_line = True
    return True
