"""The event loop: whatever happens next, one thing after the other."""

from __future__ import annotations

import math
from collections.abc import Callable

from simqueue.simulation.compiled import by_loops, fleet, held_loops, one_loop, sandbox, schedulers
from simqueue.simulation.compiled.core import arrival, await_arrival
from simqueue.simulation.compiled.jit import (
    address_of,
    compiled,
    compiled_and_kept,
    inlined,
    sources,
)
from simqueue.simulation.compiled.state import (
    ADD,
    BEGIN,
    CALLED,
    COME,
    COMPUTED,
    DONE,
    DRAW,
    ENDED,
    FULL,
    HAND_OUT,
    HEAR,
    LATE,
    LONG,
    LOOK,
    ONE_LOOK,
    OVER,
    PAUSE,
    RESUME,
    SENT,
    STALL,
    STEP,
    UP,
    WAIT,
    WAKE,
    Records,
    World,
    events,
    lookers,
    openings,
    planned,
    wide,
)
from simqueue.simulation.compiled.waiting import DUE, drop_first, wait
from simqueue.simulation.compiled.worker import answered, done, fail_and_go_on

fail_and_go_on_at = address_of(fail_and_go_on, "wide")


@inlined
def happen(w: World, what: int, who: int, since: float) -> None:
    """Let something happen that was scheduled."""
    if what == DONE or (wide(w) and what == CALLED and answered(w, who, int(since))):
        done(w, who)
    elif what == BEGIN:
        by_loops.begin(w, who)
    elif what == HAND_OUT:
        by_loops.hand_out(w, who, 0.0)
    elif what == ONE_LOOK:
        one_loop.look(w, who)
    elif what == WAKE:
        held_loops.wake(w, who, since, 0.0)
    elif what == PAUSE:
        held_loops.pause(w, who)
    elif what == RESUME:
        held_loops.resume(w, who)
    elif what == STEP:
        fleet.resize(w, who, int(since))
    elif what == UP:
        fleet.up(w, who)
    elif wide(w) and what >= ADD:
        happen_widely(w, what, who, int(since))
    else:
        come_to(w, what, who, since)


@compiled
def happen_widely(w: World, what: int, who: int, number: int) -> None:
    """Let something happen that only a wide world has; or not, if a call has another timer now."""
    if what == ADD:
        schedulers.add(w, who, number)
    elif what == SENT:
        sandbox.begin(w, who)
    elif what == COMPUTED:
        sandbox.over(w, who, number)


@compiled
def come_to(w: World, what: int, who: int, since: float) -> None:
    """Let the event loop of a worker come to something."""
    if what == LOOK:
        held_loops.look(w, who)
    elif what == COME:
        held_loops.come_and_tell(w, who, 0.0)
    elif what == OVER:
        held_loops.over(w, who, since)
    else:
        if what == WAIT:
            on = held_loops.wait_in_redis(w, who)
        elif what == HEAR:
            on = held_loops.hear(w, who)
        else:
            on = held_loops.answered(w, who)
        if on:
            held_loops.tell_on(w, lookers(w, who).queue, 0.0)


@inlined
def has_room(w: World) -> bool:
    """Whether no table can be full after one thing more.

    It adds ``spare`` events and ``spare_rows`` rows at most, and adds or delays ``spare_jobs``
    jobs.
    """
    return (
        w.event_count + w.spare <= w.event_room
        and w.row_count + (w.spare_rows if wide(w) else 1) <= w.row_room
        and w.job_count + w.spare_jobs <= w.job_room
        and w.most_dues + w.spare_jobs <= w.dues_room
        and w.bucket_count + w.spare_jobs <= w.bucket_room
    )


@compiled
def plan(w: World, number: int) -> None:
    """Have something happen that is known beforehand."""
    one = planned(w, number)
    wait(w, one.at, DUE, one.what, one.who, one.count)


@compiled
def open_up(w: World) -> None:
    """Let the run begin: the workers that there are ask for jobs, one slot after the other."""
    await_arrival(w)
    for number in range(w.pause_count):
        plan(w, number)
    if wide(w):
        schedulers.begin(w)
    fleet.begin(w)
    for number in range(w.opening_count):
        by_loops.join(w, openings(w, number).slot)
    for number in range(w.pause_count, w.planned_count):
        plan(w, number)
    w.begun = True


def kept_for(sources: int) -> Callable[[Records, float, int], int]:
    """The rule that Python calls; ``sources`` is a part of the key by which numba keeps it."""

    @compiled_and_kept
    def run(world: Records, until: float, most: int) -> int:
        """Let everything happen before a moment, at most so many things; say why it stopped."""
        _ = sources
        w = world[0]
        w.fail_and_go_on = fail_and_go_on_at(w)
        if not w.begun:
            open_up(w)
        for _ in range(most):
            if w.wants:
                return DRAW
            if w.stalls:
                return STALL
            if not has_room(w):
                return FULL
            comes = w.arrives_at if w.arrived < w.arrival_count else math.inf
            first = events(w, 0)
            some = w.event_count > 0
            if some and (
                first.time < comes or (first.time == comes and first.order < w.arrives_as)
            ):
                if first.time >= until:
                    return LATE
                w.now = first.time
                what, who, since = first.what, first.who, first.since
                w.hole = True
                happen(w, what, who, since)
                drop_first(w)
            elif comes == math.inf:
                return ENDED
            else:
                if comes >= until:
                    return LATE
                w.now = comes
                arrival(w)
        return LONG

    return run


run = kept_for(sources())
