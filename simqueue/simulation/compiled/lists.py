"""What is ready: a plain list, then a line for each priority; and what keeps jobs from starting."""

from __future__ import annotations

import math

from simqueue.simulation.compiled.jit import compiled, inlined
from simqueue.simulation.compiled.state import (
    GATED_LOOPS,
    NONE,
    World,
    jobs,
    lines,
    queues,
)

#: Rounding of sums of times: 1.6 s is millisecond 1600, however it was added up.
TINY_MS = 1e-3


@inlined
def append(w: World, queue: int, job: int) -> None:
    """Put a job at the tail of the list, or of its priority."""
    line = lines(w, jobs(w, job).line)
    jobs(w, job).next = NONE
    if line.length:
        jobs(w, line.tail).next = job
    else:
        line.head = job
    line.tail = job
    line.length += 1
    queues(w, queue).ready += 1


@compiled
def appendleft(w: World, queue: int, job: int) -> None:
    """Put a plain job at the head of the list; one with a priority, at the tail of that."""
    line = lines(w, jobs(w, job).line)
    if line.priority:
        append(w, queue, job)
        return
    jobs(w, job).next = line.head if line.length else NONE
    line.head = job
    if not line.length:
        line.tail = job
    line.length += 1
    queues(w, queue).ready += 1


@inlined
def add(w: World, queue: int, job: int) -> None:
    """Add a job to the list, where the queue's settings want it."""
    if queues(w, queue).lifo:
        appendleft(w, queue, job)
    else:
        append(w, queue, job)


@inlined
def popleft(w: World, queue: int) -> int:
    """Take the next job: the plain list comes first, then one priority after the other."""
    its = queues(w, queue)
    number = its.first_line
    while not lines(w, number).length:
        number += 1
    line = lines(w, number)
    job = line.head
    line.head = jobs(w, job).next
    line.length -= 1
    its.ready -= 1
    if its.loops == GATED_LOOPS:
        start(w, queue)
    return job


@inlined
def ready(w: World, queue: int) -> bool:
    """Whether there is a job that may be taken."""
    its = queues(w, queue)
    return its.ready > 0 and not (its.loops == GATED_LOOPS and closed(w, queue))


@compiled
def silent(w: World, queue: int) -> bool:
    """Whether a job that is added leaves no marker (``isQueuePausedOrMaxed``)."""
    its = queues(w, queue)
    return its.paused or (its.at_most > 0 and its.active >= its.at_most)


@compiled
def closed(w: World, queue: int) -> bool:
    """Whether nobody may take a job."""
    return silent(w, queue) or queues(w, queue).limited_until > w.now


@compiled
def start(w: World, queue: int) -> None:
    """Let a job be taken: it is active, and counts for the limiter."""
    its, now = queues(w, queue), w.now
    its.active += 1
    if not its.limit:
        return
    if now >= its.window_ends:
        its.started = 0
        its.window_ends = math.floor(1000 * now + TINY_MS) / 1000 + its.limit_s
    its.started += 1
    if its.started >= its.limit:
        its.limited_until = its.window_ends
