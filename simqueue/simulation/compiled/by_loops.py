"""What is done to a queue, as the loops of its workers have it: here, what methods are there."""

from __future__ import annotations

from simqueue.simulation.compiled import free_loops, held_loops, one_loop, queue
from simqueue.simulation.compiled.jit import compiled, inlined
from simqueue.simulation.compiled.lists import appendleft
from simqueue.simulation.compiled.state import (
    FREE_LOOPS,
    GATED_LOOPS,
    HAND_OUT,
    NONE,
    ONE_LOOP,
    WAKE,
    World,
    buckets,
    jobs,
    lookers,
    queues,
    slots,
)
from simqueue.simulation.compiled.waiting import DUE, pop_due, push_due, wait

#: A backoff up to this long is ended by our consumer's own clock, seconds.
SHORT_BACKOFF_S = 2.0


@inlined
def put(w: World, number: int, job: int) -> None:
    """Add a job; if a worker is idle, it hears of it."""
    loops = queues(w, number).loops
    if loops == FREE_LOOPS:
        free_loops.put(w, number, job)
    elif loops == ONE_LOOP:
        one_loop.put(w, number, job)
    else:
        held_loops.put(w, number, job)


@compiled
def put_all(w: World, number: int) -> None:
    """Let idle workers hear of jobs that were added in one transaction: all are there."""
    if queues(w, number).loops <= ONE_LOOP:
        hand_out(w, number, w.pickup_s)
    else:
        held_loops.put_all(w, number)


@compiled
def put_first(w: World, number: int, job: int) -> None:
    """Add a job at the head of the list."""
    appendleft(w, number, job)
    put_all(w, number)


@inlined
def join(w: World, slot: int) -> None:
    """A slot found nothing: it is idle from now on."""
    if queues(w, slots(w, slot).queue).loops <= ONE_LOOP:
        free_loops.join(w, slot)
    else:
        held_loops.join(w, slot)


@compiled
def leave(w: World, slot: int) -> None:
    """A slot takes no more jobs, idle or not."""
    if queues(w, slots(w, slot).queue).loops <= ONE_LOOP:
        free_loops.leave(w, slot)
    else:
        held_loops.leave(w, slot)


@inlined
def fetched(w: World, looker: int) -> None:
    """A slot has taken a job by itself, with the end of the one before."""
    if queues(w, lookers(w, looker).queue).loops > ONE_LOOP:
        held_loops.fetched(w, looker)


@compiled
def ended(w: World, number: int) -> None:
    """A job is active no more: it ended."""
    queues(w, number).active -= 1


@compiled
def left_alone(w: World, number: int) -> None:
    """Whoever ended a job takes no other: the next look is that of who has waited long."""
    if queues(w, number).loops == GATED_LOOPS:
        held_loops.time_out(w, number, float("inf"))


@compiled
def delay(w: World, number: int, job: int, wait_s: float) -> None:
    """Put a job into the delayed set for ``wait_s`` seconds."""
    its = queues(w, number)
    bucket = queue.delay(w, number, job, wait_s)
    if its.loops <= ONE_LOOP:
        return
    if bucket != NONE:
        push_due(w, number, buckets(w, bucket).begins)
    held_loops.leave_due_marker(w, number)
    if its.wakes and jobs(w, job).attempt and wait_s <= SHORT_BACKOFF_S:
        bucket = queue.bucket_of(w, number, queue.millisecond_of(jobs(w, job).ready))
        if bucket != NONE:
            buckets(w, bucket).wakes = True


@compiled
def begin(w: World, bucket: int) -> None:
    """Let a millisecond begin in which retries are due: timers end of those who know."""
    one = buckets(w, bucket)
    number, begins, wakes = one.queue, one.begins, one.wakes
    queue.begin(w, bucket)
    if queues(w, number).loops <= ONE_LOOP:
        if w.redis_wakes:
            wait(w, w.retry_s, DUE, HAND_OUT, number, 0.0)
        else:
            hand_out(w, number, w.retry_s)
        return
    pop_due(w, number)
    if w.redis_wakes:
        wait(w, w.retry_s, DUE, WAKE, number, begins)
    else:
        held_loops.wake(w, number, begins, w.retry_s)
    if wakes:
        held_loops.tell(w, number, w.retry_s)


@compiled
def hand_out(w: World, number: int, after: float) -> None:
    """Let idle slots take what is ready, and what will be in this millisecond."""
    if queues(w, number).loops == FREE_LOOPS:
        free_loops.hand_out(w, number, after)
    else:
        one_loop.hand_out(w, number, after)
