"""Who asks for a job where cpu parts hold event loops: whom Redis tells, when its turn comes.

Where `simqueue.simulation.bullmq.held_loops` calls itself in a circle, which compiled rules do not,
a rule here gives back whether the marker is to be given away at once: whoever called does that.
`simqueue.simulation.bullmq.gated_loops` is here too, as what differs where a queue is gated.
"""

from __future__ import annotations

import math

from simqueue.simulation.compiled.attempts import pick_up
from simqueue.simulation.compiled.jit import compiled
from simqueue.simulation.compiled.line import (
    append_idle,
    append_looker,
    first_idle,
    longest,
    remove_looker,
)
from simqueue.simulation.compiled.lists import add, closed, popleft, ready, silent
from simqueue.simulation.compiled.queue import promote
from simqueue.simulation.compiled.state import (
    ANSWERED,
    COME,
    GATED_LOOPS,
    HEAR,
    LOOK,
    NONE,
    OVER,
    WAIT,
    World,
    dues,
    lookers,
    queues,
    slots,
    workers,
)
from simqueue.simulation.compiled.waiting import ARRIVAL, DUE, wait

#: Who has waited so long looks, told or not (``drainDelay`` in ``worker.py``), seconds.
DRAIN_DELAY_S = 5.0
#: A limited worker looks again after so long (``maximumRateLimitDelay`` in ``worker.ts``), seconds.
MAXIMUM_RATE_LIMIT_DELAY_S = 30.0


@compiled
def next_due(w: World, queue: int) -> float:
    """When the next retry is due."""
    return float(dues(w, queue * w.dues_room).begins) if queues(w, queue).dues else math.inf


@compiled
def answer_due(w: World, queue: int) -> float:
    """When the next retry is due, as who looks in vain is told."""
    if queues(w, queue).loops == GATED_LOOPS and closed(w, queue):
        return math.inf
    return next_due(w, queue)


@compiled
def put(w: World, queue: int, job: int) -> None:
    """Add a job, and tell the worker that has waited longest, if it may be had."""
    add(w, queue, job)
    put_all(w, queue)


@compiled
def put_all(w: World, queue: int) -> None:
    """Tell the worker that has waited longest of jobs that were added, if they may be had."""
    if not (queues(w, queue).loops == GATED_LOOPS and silent(w, queue)):
        tell(w, queue, w.pickup_s)


@compiled
def fetched(w: World, looker: int) -> None:
    """A slot has taken a job by itself: the next waiter is told, as for any job taken."""
    lookers(w, looker).drained = False
    tell(w, lookers(w, looker).queue, 0.0)


@compiled
def join(w: World, slot: int) -> None:
    """A slot found nothing: it is idle, and one slot of its worker waits in Redis."""
    number = slots(w, slot).looker
    looker = lookers(w, number)
    queue = looker.queue
    append_idle(w, slot)
    if not (looker.looking and slots(w, slot).failed):  # else it did not ask
        looker.drained = True
    if not looker.looking:
        looker.looking, looker.heard = True, answer_due(w, queue)
        in_vain(w, number)
    if queues(w, queue).loops == GATED_LOOPS and ready(w, queue):
        time_out(w, queue, math.inf)


@compiled
def wake(w: World, queue: int, millisecond: float, after: float) -> None:
    """End the waits of those who know that a retry was due in a millisecond."""
    first = last = NONE
    looker = queues(w, queue).line_head
    while looker != NONE:
        following = lookers(w, looker).next
        if lookers(w, looker).heard <= millisecond:
            remove_looker(w, looker)
            lookers(w, looker).known = NONE
            if first == NONE:
                first = looker
            else:
                lookers(w, last).known = looker
            last = looker
        looker = following
    looker = first
    while looker != NONE:
        following = lookers(w, looker).known
        come_and_tell(w, looker, after)
        looker = following
    if first == NONE:
        time_out(w, queue, math.inf)
    tell_on(w, queue, 0.0)


@compiled
def leave_due_marker(w: World, queue: int) -> None:
    """Leave a marker that tells when the next retry is due."""
    its = queues(w, queue)
    its.due_marker = its.line_head == NONE
    if its.line_head != NONE:
        in_turn(w, longest(w, queue, answer_due(w, queue)), HEAR)


@compiled
def tell(w: World, queue: int, after: float) -> None:
    """Leave a marker: for the worker that has waited longest, or for the next that waits."""
    queues(w, queue).marker = True
    tell_on(w, queue, after)


@compiled
def tell_on(w: World, queue: int, after: float) -> None:
    """Give the marker away, again and again if those who get it find jobs at once."""
    its = queues(w, queue)
    while its.marker and its.line_head != NONE:
        its.marker = False
        if come(w, longest(w, queue, answer_due(w, queue)), after):
            after = 0.0


@compiled
def in_turn(w: World, looker: int, what: int) -> None:
    """Do something when the event loop has done what is before it now."""
    held = workers(w, lookers(w, looker).worker).loop_free_at - w.now
    wait(w, held if held > 0 else 0.0, DUE, what, looker, 0.0)


@compiled
def come(w: World, looker: int, after: float) -> bool:
    """Have a worker ask for a job, ``after`` seconds from now or when its turn comes."""
    its = lookers(w, looker)
    free_at = workers(w, its.worker).loop_free_at
    if free_at <= w.now:
        return not ask(w, looker, after) and answered(w, looker)
    in_turn(w, looker, LOOK)
    time_out(w, its.queue, free_at)
    return False


@compiled
def come_and_tell(w: World, looker: int, after: float) -> None:
    """Have a worker ask for a job, and give away a marker that waited for it."""
    if come(w, looker, after):
        tell_on(w, lookers(w, looker).queue, 0.0)


@compiled
def look_only(w: World, looker: int) -> None:
    """The event loop has come to it; the marker is yet to be given away."""
    if not ask(w, looker, 0.0):
        in_vain(w, looker)


@compiled
def look(w: World, looker: int) -> None:
    """The event loop has come to it, whatever stands behind by now."""
    look_only(w, looker)
    tell_on(w, lookers(w, looker).queue, 0.0)


@compiled
def ask(w: World, looker: int, after: float) -> bool:
    """Ask for a job, and be told if there is none; the next slot asks behind the cpu part."""
    its = lookers(w, looker)
    if its.idle_head == NONE:
        its.looking = False
        return True
    promote(w, its.queue)
    its.drained = not ready(w, its.queue)
    if its.drained:
        its.heard = answer_due(w, its.queue)
        return False
    queues(w, its.queue).marker = True
    slot = first_idle(w, looker)
    pick_up(w, slot, popleft(w, its.queue), after)
    if its.idle_head != NONE:
        in_turn(w, looker, LOOK)
    else:
        its.looking = False
    return True


@compiled
def in_vain(w: World, looker: int) -> None:
    """Wait, but not before other queues' cpu parts of this moment have begun."""
    wait(w, 0.0, ARRIVAL, ANSWERED, looker, 0.0)


@compiled
def answered(w: World, looker: int) -> bool:
    """Wait, once the event loop has come to the answer that there is nothing."""
    if workers(w, lookers(w, looker).worker).loop_free_at > w.now:
        in_turn(w, looker, WAIT)
        return False
    return wait_in_redis(w, looker)


@compiled
def hear(w: World, looker: int) -> bool:
    """Hear when the next retry is due, and wait until then.

    Behind a gate, who has taken a job meanwhile asks all the same.
    """
    its = lookers(w, looker)
    if queues(w, its.queue).loops == GATED_LOOPS and not its.drained:
        look_only(w, looker)
        return True
    its.heard = next_due(w, its.queue)
    return wait_in_redis(w, looker)


@compiled
def wait_in_redis(w: World, looker: int) -> bool:
    """Wait, behind all others; a marker that is there ends that at once.

    If the limiter's window is full, sleep until it ends.
    """
    its, now = lookers(w, looker), w.now
    queue = queues(w, its.queue)
    if queue.loops == GATED_LOOPS:
        left = queue.limited_until - now
        if left > 0 and its.idle_head != NONE:
            wait(w, min(left, MAXIMUM_RATE_LIMIT_DELAY_S), DUE, COME, looker, 0.0)
            return False
    if queue.due_marker and not queue.marker:
        queue.due_marker = False
        its.heard = next_due(w, its.queue)
    if its.idle_head == NONE:
        its.looking = False
        return False
    if queue.due or its.heard <= now:
        look_only(w, looker)
    else:
        its.since = now
        append_looker(w, looker)
    return True


@compiled
def time_out(w: World, queue: int, before: float) -> None:
    """Let the first in line look when it has waited long enough, if that is before a moment."""
    first = queues(w, queue).line_head
    if first == NONE:
        return
    since, now = lookers(w, first).since, w.now
    left = DRAIN_DELAY_S - (now - since) % DRAIN_DELAY_S
    if now + left < before:
        wait(w, left, DUE, OVER, first, since)


@compiled
def over(w: World, looker: int, since: float) -> None:
    """Who was the first in line has waited long enough, if it has waited since then."""
    its = lookers(w, looker)
    if its.in_line and its.since == since:
        remove_looker(w, looker)
        come_and_tell(w, looker, 0.0)
        tell_on(w, its.queue, 0.0)


@compiled
def leave(w: World, slot: int) -> None:
    """A slot takes no more jobs, idle or not; what it was told is lost."""
    if not slots(w, slot).idle:
        return
    number = slots(w, slot).looker
    looker = lookers(w, number)
    forget_idle(w, slot)
    if looker.idle_head == NONE and looker.in_line:
        remove_looker(w, number)
        looker.looking = False
    if ready(w, looker.queue):
        time_out(w, looker.queue, math.inf)


@compiled
def forget_idle(w: World, slot: int) -> None:
    """Take a slot out of the idle ones of its worker."""
    looker = lookers(w, slots(w, slot).looker)
    before, one = NONE, looker.idle_head
    while one != slot:
        before, one = one, slots(w, one).next
    if before == NONE:
        looker.idle_head = slots(w, slot).next
    else:
        slots(w, before).next = slots(w, slot).next
    if looker.idle_tail == slot:
        looker.idle_tail = before
    slots(w, slot).idle = False


@compiled
def pause(w: World, queue: int) -> None:
    """A pause takes the markers away."""
    its = queues(w, queue)
    its.paused = True
    its.marker = its.due_marker = False


@compiled
def resume(w: World, queue: int) -> None:
    """A resume leaves a marker if jobs wait, and else one for the next that is due."""
    its = queues(w, queue)
    its.paused = False
    if its.ready:
        tell(w, queue, 0.0)
    elif its.due or its.dues:
        leave_due_marker(w, queue)
