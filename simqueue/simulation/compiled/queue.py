"""A queue's lists: what is ready, what is due, and what waits for its time."""

from __future__ import annotations

import math

from simqueue.simulation.compiled.jit import compiled
from simqueue.simulation.compiled.lists import TINY_MS, append
from simqueue.simulation.compiled.state import (
    BEGIN,
    NONE,
    World,
    buckets,
    chains,
    jobs,
    kinds,
    queues,
)
from simqueue.simulation.compiled.waiting import DUE, wait

#: Retries that one fetch promotes at most.
PROMOTED_AT_ONCE = 1000


@compiled
def millisecond_of(moment: float) -> float:
    """When the millisecond of a moment begins; both are seconds."""
    return (math.floor(1000 * moment + TINY_MS) - TINY_MS) / 1000


@compiled
def next_attempt(w: World, job: int, now: float) -> None:
    """Be ready for the next attempt."""
    its = jobs(w, job)
    its.attempt += 1
    its.ready = now


@compiled
def retry(w: World, job: int) -> None:
    """Let the backoff of a job be over: it is due in the millisecond that has begun."""
    its = jobs(w, job)
    next_attempt(w, job, its.ready)
    queue = queues(w, kinds(w, its.kind).queue)
    its.next = NONE
    if queue.due:
        jobs(w, queue.due_tail).next = job
    else:
        queue.due_head = job
    queue.due_tail = job
    queue.due += 1


@compiled
def chain_of(w: World, queue: int, begins: float) -> int:
    """The chain in which the bucket of a millisecond is, if there is one."""
    return (math.floor(1000 * begins + 0.5) * 31 + queue) & (w.chain_count - 1)


@compiled
def bucket_of(w: World, queue: int, begins: float) -> int:
    """The bucket of a millisecond; -1: there is none."""
    bucket = chains(w, chain_of(w, queue, begins)).bucket
    while bucket != NONE:
        one = buckets(w, bucket)
        if one.begins == begins and one.queue == queue:
            break
        bucket = one.next
    return bucket


@compiled
def delay(w: World, queue: int, job: int, wait_s: float) -> int:
    """Put a job into the delayed set; a bucket, if it is the first of its millisecond."""
    now, its = w.now, jobs(w, job)
    its.ready = now + wait_s
    begins = millisecond_of(its.ready)
    if begins <= now:
        retry(w, job)
        return NONE
    its.next = NONE
    bucket = bucket_of(w, queue, begins)
    if bucket != NONE:
        jobs(w, buckets(w, bucket).tail).next = job
        buckets(w, bucket).tail = job
        return NONE
    bucket, chain = new_bucket(w), chain_of(w, queue, begins)
    new = buckets(w, bucket)
    new.begins, new.queue, new.head, new.tail, new.wakes = begins, queue, job, job, False
    new.next = chains(w, chain).bucket
    chains(w, chain).bucket = bucket
    wait(w, begins - now, DUE, BEGIN, bucket, 0.0)
    return bucket


@compiled
def new_bucket(w: World) -> int:
    """A place for a bucket: that of one which is over, or a new one."""
    bucket = w.free_bucket
    if bucket == NONE:
        bucket = w.bucket_count
        w.bucket_count += 1
    else:
        w.free_bucket = buckets(w, bucket).next
    return int(bucket)


@compiled
def begin(w: World, bucket: int) -> None:
    """Let a millisecond begin in which retries are due."""
    one = buckets(w, bucket)
    chain = chain_of(w, one.queue, one.begins)
    if chains(w, chain).bucket == bucket:
        chains(w, chain).bucket = one.next
    else:
        before = chains(w, chain).bucket
        while buckets(w, before).next != bucket:
            before = buckets(w, before).next
        buckets(w, before).next = one.next
    job = one.head
    while job != NONE:
        following = jobs(w, job).next
        retry(w, job)
        job = following
    one.queue, one.next = NONE, w.free_bucket
    w.free_bucket = bucket


@compiled
def promote(w: World, queue: int) -> None:
    """Move the jobs that are due to the tail, also where new jobs go to the head."""
    its = queues(w, queue)
    for _ in range(min(its.due, PROMOTED_AT_ONCE)):
        job = its.due_head
        its.due_head = jobs(w, job).next
        its.due -= 1
        append(w, queue, job)
