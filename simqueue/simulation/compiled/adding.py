"""Jobs get a place in memory, and are added to their queues."""

from __future__ import annotations

from simqueue.simulation.compiled import by_loops
from simqueue.simulation.compiled.jit import compiled, inlined
from simqueue.simulation.compiled.state import (
    NONE,
    World,
    delays,
    jobs,
    kinds,
    lines_of,
    queues,
)


@inlined
def new_job(w: World, kind: int, number: int, at: float) -> int:
    """The job of ``kind`` of root arrival ``number``, enqueued at a moment."""
    job = place_for_job(w)
    its, its_kind = jobs(w, job), kinds(w, kind)
    its.kind, its.number, its.attempt = kind, number, 1
    its.line = queues(w, its_kind.queue).first_line
    if its_kind.lines:
        its.line += lines_of(its_kind, number).value
    its.enqueued = its.ready = at
    return job


@inlined
def place_for_job(w: World) -> int:
    """A place for a job: that of one which is over, or a new one."""
    job = w.free_job
    if job == NONE:
        job = w.job_count
        w.job_count += 1
    else:
        w.free_job = jobs(w, job).next
    return int(job)


@inlined
def free(w: World, job: int) -> None:
    """Give away the place of a job that is over."""
    its = jobs(w, job)
    its.kind, its.next = NONE, w.free_job
    w.free_job = job


@inlined
def add(w: World, job: int) -> None:
    """Add a job to its queue; one with a delay, to the delayed set."""
    if delayed(w, job):
        delay_first(w, job)
    else:
        by_loops.put(w, kinds(w, jobs(w, job).kind).queue, job)


@inlined
def delayed(w: World, job: int) -> bool:
    """Whether a job has a delay."""
    its = jobs(w, job)
    kind = kinds(w, its.kind)
    return kind.delays != 0 and delays(kind, its.number).value > 0


@compiled
def delay_first(w: World, job: int) -> None:
    """Put a job that has a delay into the delayed set."""
    its = jobs(w, job)
    kind = kinds(w, its.kind)
    its.attempt = 0  # it is due for its first attempt as a retry is for its next
    by_loops.delay(w, kind.queue, job, delays(kind, its.number).value)
