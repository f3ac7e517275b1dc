"""What an attempt brings, and how it starts."""

from __future__ import annotations

from typing import Any

from simqueue.simulation.compiled import sandbox
from simqueue.simulation.compiled.jit import compiled, inlined
from simqueue.simulation.compiled.slots_of_time import started
from simqueue.simulation.compiled.state import (
    DONE,
    NONE,
    World,
    blocks,
    calls,
    drawn_backoff,
    drawn_cpu,
    drawn_io,
    fail_and_go_on,
    fails,
    follow_ups,
    has_calls,
    has_flows,
    has_sandboxes,
    hit,
    hit_io_s,
    hits,
    jobs,
    kinds,
    outages,
    queues,
    relations,
    sandboxes,
    slots,
    wide,
    workers,
)
from simqueue.simulation.compiled.waiting import FINISH, schedule

#: How an attempt ends, as in `simqueue.workload.attempts`.
FAILS, FATAL = 1, 2
#: Attempts of a number: not drawn, to be drawn before anything else happens, drawn.
UNKNOWN, WANTED, DRAWN = range(3)


@inlined
def block_of(w: World, kind: int, attempt: int) -> Any:
    """Where it is said where the attempts of a number at jobs of a kind begin."""
    return blocks(w, kind * w.attempts + attempt)


@inlined
def brings(w: World, job: int, at: float) -> tuple[float, float, int]:
    """What an attempt brings that starts at a moment: seconds of cpu, of io, and how it ends."""
    its = jobs(w, job)
    block, kind = block_of(w, its.kind, its.attempt), kinds(w, its.kind)
    if wide(w) and kind.last == its.number:
        started(w, its.kind, its.number, at)
    cpu = drawn_cpu(block, its.number * block.cpu_step).value
    io = drawn_io(block, its.number * block.io_step).value
    for number in range(kind.outages_from, kind.outages_to):
        if outages(w, number).from_s <= at < outages(w, number).to_s:
            does = hits(w, number * w.attempts + its.attempt)
            if not does.hits or hit(does, its.number).value:
                return cpu, hit_io_s(does, its.number).value if does.io else io, FAILS
    return cpu, io, int(fails(block, its.number).value)


@inlined
def backoff_s(w: World, job: int, failed: int) -> float:
    """How long a job that has just failed waits; NaN: it is not tried again."""
    its = jobs(w, job)
    if failed == FATAL:
        return float("nan")
    block = block_of(w, its.kind, its.attempt)
    return float(drawn_backoff(block, its.number * block.backoff_step).value)


@inlined
def want(w: World, kind: int, attempt: int) -> None:
    """Have attempts drawn before the next thing happens, if they are not."""
    block = block_of(w, kind, attempt)
    if block.state == UNKNOWN:
        block.state = WANTED
        w.wants = True


@inlined
def want_what_follows(w: World, job: int, failed: int) -> None:
    """Have drawn what the end of an attempt may start."""
    its = jobs(w, job)
    kind = kinds(w, its.kind)
    if failed:
        backoff = backoff_s(w, job, failed)
        if backoff == backoff:
            want(w, its.kind, its.attempt + 1)
            return
        first, last = kind.failed_from, kind.failed_to
    else:
        first, last = kind.completed_from, kind.completed_to
    for place in range(first, last):
        want(w, follow_ups(w, place).kind, 1)


@compiled
def want_what_a_failure_starts(w: World, job: int) -> None:
    """Have drawn what follows if a job cannot complete, or its call is cut off."""
    want_what_follows(w, job, FAILS)


@inlined
def want_what_it_starts(w: World, job: int, failed: int, may_fail: bool) -> None:
    """Have drawn what follows; also if it fails after all."""
    want_what_follows(w, job, failed)
    if may_fail or (has_flows(w) and relations(w, job).pending):
        want_what_a_failure_starts(w, job)


@inlined
def finish_at(w: World, worker: int, now: float, cpu: float, io: float) -> float:
    """When an attempt that starts now will end: cpu waits for the loop, io overlaps."""
    process = workers(w, worker)
    free_at = now if now > process.loop_free_at else process.loop_free_at
    if cpu:  # an attempt that starts a little later does not hold the loop until then
        free_at = process.loop_free_at = free_at + cpu
    return free_at + io


@inlined
def take(w: World, slot: int, job: int, at: float) -> None:
    """Start an attempt at a job ``at`` a moment: now, or a little later if it was picked up.

    One that calls a downstream asks for a place when its cpu part is over. Of one that is
    sandboxed the cpu part begins when the loop has sent it.
    """
    its = slots(w, slot)
    its.job, its.started = job, at
    cpu, io, failed = brings(w, job, at)
    its.failed = failed
    begun = at + w.service_s
    if has_sandboxes(w) and queues(w, its.queue).sandbox:
        its.in_line = True
        want_what_it_starts(w, job, failed, False)
        process = sandboxes(w, slot)
        process.begins = finish_at(w, its.worker, begun, w.loop_s, 0.0)
        process.cpu_s, process.io_s = cpu, io
        sandbox.send(w, slot)
        return
    calling = has_calls(w) and queues(w, its.queue).downstream != NONE
    ends = finish_at(w, its.worker, begun, cpu + w.loop_s, 0.0 if calling else io)
    if workers(w, its.worker).loop_free_at - begun > w.patience_s:
        w.stalls = True
    its.in_line = io > 0 and not calling
    if calling:
        calls(w, slot).io_s, calls(w, slot).asks = io, io > 0
    want_what_it_starts(w, job, failed, calling)
    schedule(w, ends - w.now, FINISH, DONE, slot, 0.0)


@inlined
def pick_up(w: World, slot: int, job: int, after: float) -> None:
    """Take a job that an idle worker has heard of, ``after`` seconds from now."""
    if has_flows(w) and relations(w, job).doomed:
        fail_and_go_on(w, slot, job)
    else:
        take_up(w, slot, job, after)


@inlined
def take_up(w: World, slot: int, job: int, after: float) -> None:
    """Start an attempt at a job ``after`` seconds from now, or from when it is due."""
    now, due = w.now, jobs(w, job).ready
    take(w, slot, job, (due if due > now else now) + after)
