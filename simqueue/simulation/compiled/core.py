"""The jobs: they come, their attempts end, and something follows."""

from __future__ import annotations

import math

from simqueue.simulation.compiled import by_loops, flows
from simqueue.simulation.compiled.adding import add, free, new_job
from simqueue.simulation.compiled.attempts import FAILS, backoff_s
from simqueue.simulation.compiled.jit import compiled, compiled_where, inlined
from simqueue.simulation.compiled.queue import next_attempt, promote
from simqueue.simulation.compiled.state import (
    GATED_LOOPS,
    NONE,
    World,
    arriving,
    follow_ups,
    has_flows,
    jobs,
    kinds,
    moments,
    numbers,
    queues,
    rows,
    slots,
    workers,
)
from simqueue.simulation.compiled.waiting import ARRIVAL, order_of

#: Codes of the attempt log.
COMPLETED, RETRIED, FAILED = 1, 2, 3


@inlined
def arrive(w: World, kind: int, number: int) -> None:
    """Let the job of ``kind`` of root arrival ``number`` come in."""
    w.unfinished += 1
    put(w, new_job(w, kind, number, w.now))


@inlined
def put(w: World, job: int) -> None:
    """Add a job to its queue; one that has children waits for them first."""
    if not (has_flows(w) and flows.add(w, job)):
        add(w, job)


@inlined
def await_arrival(w: World) -> None:
    """Have the next job come that a request adds."""
    if w.arrived < w.arrival_count:
        w.arrives_at = moments(w, w.arrived).value
        w.arrives_as = order_of(w, ARRIVAL)


@inlined
def arrival(w: World) -> None:
    """Let it come, and await the one after it."""
    coming = w.arrived
    w.arrived += 1
    arrive(w, arriving(w, coming).value, numbers(w, coming).value)
    await_arrival(w)


@inlined
def ended(w: World, slot: int, job: int) -> None:
    """See to an attempt that came to its end.

    A job that depends on children cannot complete (-4 of ``moveToFinished-14.lua``).
    """
    if has_flows(w) and not slots(w, slot).failed and flows.has_pending(w, job):
        slots(w, slot).failed = FAILS
    if queues(w, slots(w, slot).queue).loops == GATED_LOOPS:
        by_loops.ended(w, slots(w, slot).queue)
    finish(w, slot, job)


@inlined
def finish(w: World, slot: int, job: int) -> None:
    """End an attempt: write it down, and see to the retry or to the jobs that follow."""
    failed = slots(w, slot).failed
    if not failed:
        write(w, slot, job, COMPLETED)
        settle(w, job, failed)
        return
    backoff = backoff_s(w, job, failed)
    if backoff == backoff:
        write(w, slot, job, RETRIED)
        postpone(w, job, backoff)
    else:
        write(w, slot, job, FAILED)
        settle(w, job, failed)


@inlined
def write(w: World, slot: int, job: int, outcome: int) -> None:
    """Write down an attempt that ended; ``outcome`` is a code of the attempt log."""
    its, place = jobs(w, job), slots(w, slot)
    kind, first = kinds(w, its.kind), its.number * w.kind_count
    row = rows(w, w.row_count)
    w.row_count += 1
    row.replication, row.queue, row.name, row.result = w.replication, kind.queue, kind.name, NONE
    row.job, row.flow = first + its.kind, first + kind.root
    row.parent = NONE if kind.parent == NONE else first + kind.parent
    row.attempt, row.run, row.outcome = its.attempt, 1, outcome
    row.worker, row.slot = workers(w, place.worker).number, place.number
    row.enqueued_s, row.ready_s = its.enqueued, its.ready
    row.started_s, row.finished_s = place.started, w.now


@inlined
def settle(w: World, job: int, failed: int) -> None:
    """Give a job its final outcome: see to the jobs that follow, and to its parent."""
    w.unfinished -= 1
    follow_up(w, job, failed)
    if not (has_flows(w) and flows.settled(w, job, failed)):
        free(w, job)


@compiled_where("wide")
def fail_unrun(w: World, slot: int, job: int) -> None:
    """End a job for good without its handler (``deferredFailure`` in ``worker.py``)."""
    flows.forgive(w, job)
    if queues(w, slots(w, slot).queue).loops == GATED_LOOPS:
        by_loops.ended(w, slots(w, slot).queue)
    slots(w, slot).started = math.nan
    write(w, slot, job, FAILED)
    settle(w, job, FAILS)


@inlined
def follow_up(w: World, job: int, failed: int) -> None:
    """Add the jobs that follow the final outcome of a job."""
    its = jobs(w, job)
    kind = kinds(w, its.kind)
    first, last = kind.completed_from, kind.completed_to
    if failed:
        first, last = kind.failed_from, kind.failed_to
    for place in range(first, last):
        arrive(w, follow_ups(w, place).kind, its.number)


@compiled
def postpone(w: World, job: int, wait_s: float) -> None:
    """Put a job that failed into the delayed set; without backoff, back in line at once."""
    queue = kinds(w, jobs(w, job).kind).queue
    if wait_s > 0:
        by_loops.delay(w, queue, job, wait_s)
        return
    promote(w, queue)
    next_attempt(w, job, w.now)
    by_loops.put(w, queue, job)
