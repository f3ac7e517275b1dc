"""Who takes a job where no cpu part holds an event loop: the slot that has been idle longest."""

from __future__ import annotations

from simqueue.simulation.compiled.attempts import pick_up
from simqueue.simulation.compiled.jit import compiled, inlined
from simqueue.simulation.compiled.lists import add, popleft
from simqueue.simulation.compiled.queue import promote
from simqueue.simulation.compiled.state import (
    NONE,
    World,
    queues,
    slots,
)


@inlined
def join(w: World, slot: int) -> None:
    """A slot found nothing: it is idle from now on."""
    queue = queues(w, slots(w, slot).queue)
    slots(w, slot).next = NONE
    if queue.idle_head == NONE:
        queue.idle_head = slot
    else:
        slots(w, queue.idle_tail).next = slot
    queue.idle_tail = slot


@inlined
def longest_idle(w: World, queue: int) -> int:
    """Take the slot that has been idle longest."""
    slot = queues(w, queue).idle_head
    queues(w, queue).idle_head = slots(w, slot).next
    return slot


@compiled
def leave(w: World, slot: int) -> None:
    """A slot takes no more jobs, idle or not."""
    queue, before = queues(w, slots(w, slot).queue), NONE
    one = queue.idle_head
    while one not in (NONE, slot):
        before, one = one, slots(w, one).next
    if one == NONE:
        return
    if before == NONE:
        queue.idle_head = slots(w, slot).next
    else:
        slots(w, before).next = slots(w, slot).next
    if queue.idle_tail == slot:
        queue.idle_tail = before


@inlined
def put(w: World, queue: int, job: int) -> None:
    """Add a job; if a worker is idle, it picks the job up."""
    its = queues(w, queue)
    if its.idle_head == NONE or its.ready:
        add(w, queue, job)
    elif its.due:  # one of these may have a better priority
        add(w, queue, job)
        hand_out(w, queue, w.pickup_s)
    else:
        pick_up(w, longest_idle(w, queue), job, w.pickup_s)


@compiled
def hand_out(w: World, queue: int, after: float) -> None:
    """Let idle slots take what is ready, and what will be in this millisecond."""
    its = queues(w, queue)
    while its.idle_head != NONE and (its.ready or its.due):
        promote(w, queue)
        slot = longest_idle(w, queue)
        pick_up(w, slot, popleft(w, queue), after)
