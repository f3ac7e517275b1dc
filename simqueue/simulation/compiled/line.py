"""Workers that wait in Redis for a queue's jobs, in line, and their slots that are idle."""

from __future__ import annotations

from simqueue.simulation.compiled.jit import compiled
from simqueue.simulation.compiled.state import (
    NONE,
    World,
    lookers,
    queues,
    slots,
)

#: Who has waited so long looks, told or not (``drainDelay`` in ``worker.py``), seconds.
DRAIN_DELAY_S = 5.0


@compiled
def append_idle(w: World, slot: int) -> None:
    """A slot is idle, and the last of its worker to be."""
    looker = lookers(w, slots(w, slot).looker)
    slots(w, slot).next = NONE
    slots(w, slot).idle = True
    if looker.idle_head == NONE:
        looker.idle_head = slot
    else:
        slots(w, looker.idle_tail).next = slot
    looker.idle_tail = slot


@compiled
def first_idle(w: World, looker: int) -> int:
    """Take the slot of a worker that has been idle longest."""
    slot = lookers(w, looker).idle_head
    lookers(w, looker).idle_head = slots(w, slot).next
    slots(w, slot).idle = False
    return slot


@compiled
def append_looker(w: World, looker: int) -> None:
    """Wait behind all others."""
    its = lookers(w, looker)
    insert_after(w, looker, queues(w, its.queue).line_tail)


@compiled
def insert_after(w: World, looker: int, before: int) -> None:
    """Stand in line behind somebody; -1: be the first."""
    its = lookers(w, looker)
    queue = queues(w, its.queue)
    following = queue.line_head if before == NONE else lookers(w, before).next
    its.before, its.next, its.in_line = before, following, True
    if before == NONE:
        queue.line_head = looker
    else:
        lookers(w, before).next = looker
    if following == NONE:
        queue.line_tail = looker
    else:
        lookers(w, following).before = looker


@compiled
def remove_looker(w: World, looker: int) -> None:
    """Leave the line."""
    its = lookers(w, looker)
    queue = queues(w, its.queue)
    if its.before == NONE:
        queue.line_head = its.next
    else:
        lookers(w, its.before).next = its.next
    if its.next == NONE:
        queue.line_tail = its.before
    else:
        lookers(w, its.next).before = its.before
    its.in_line = False


@compiled
def longest(w: World, queue: int, due: float) -> int:
    """Take the first out of the line; whoever timed out since then waits anew, and hears ``due``.

    Those who waited longest are first, so that those who timed out are.
    """
    its, now = queues(w, queue), w.now
    looker = its.line_head
    if now - lookers(w, looker).since >= DRAIN_DELAY_S:
        first = looker
        its.line_head = its.line_tail = NONE
        while looker != NONE:
            one = lookers(w, looker)
            following = one.next
            if now - one.since >= DRAIN_DELAY_S:
                one.since += (now - one.since) // DRAIN_DELAY_S * DRAIN_DELAY_S
                one.heard = due
            before = its.line_tail
            while before != NONE and lookers(w, before).since > one.since:
                before = lookers(w, before).before
            insert_after(w, looker, before)
            looker = following
        first = its.line_head
        looker = first
    remove_looker(w, looker)
    return looker
