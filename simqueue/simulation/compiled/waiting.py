"""Time to wait, and what comes first among things that happen at one moment."""

from __future__ import annotations

from simqueue.simulation.compiled.jit import compiled, inlined
from simqueue.simulation.compiled.state import (
    World,
    dues,
    events,
    queues,
)

#: What comes first at one moment: an attempt ends, then a retry is due, then a job arrives.
FINISH, DUE, ARRIVAL = 1, 2, 3
#: Events are counted below the rank.
RANK_BITS = 56


@inlined
def order_of(w: World, rank: int) -> int:
    """A place among what happens at one moment: by rank, then whatever was scheduled first."""
    order = (rank << RANK_BITS) | w.scheduled
    w.scheduled += 1
    return order


@inlined
def sooner(time: float, order: int, other_time: float, other_order: int) -> int:
    """Whether one thing happens before another: 1 or 0, by arithmetic, as nobody can foresee it."""
    return (time < other_time) | ((time == other_time) & (order < other_order))


@inlined
def move_event(w: World, place: int, to: int) -> None:
    """Put an event into another place of the heap."""
    moved, there = events(w, place), events(w, to)
    there.time, there.order, there.since = moved.time, moved.order, moved.since
    there.what, there.who = moved.what, moved.who


@compiled
def wait(w: World, delay: float, rank: int, what: int, who: int, since: float) -> None:
    """Have something happen after ``delay`` seconds."""
    schedule(w, delay, rank, what, who, since)


@inlined
def schedule(w: World, delay: float, rank: int, what: int, who: int, since: float) -> None:
    """As `wait`, for what is on the way of every job."""
    time, order = w.now + delay, order_of(w, rank)
    at = sunk(w, time, order) if w.hole else risen(w, time, order)
    event = events(w, at)
    event.time, event.order, event.since, event.what, event.who = time, order, since, what, who


@inlined
def risen(w: World, time: float, order: int) -> int:
    """Make room in the heap for one event more: its place."""
    at = w.event_count
    w.event_count = at + 1
    while at > 0:
        above = (at - 1) >> 1
        higher = events(w, above)
        if sooner(higher.time, higher.order, time, order):
            break
        move_event(w, above, at)
        at = above
    return at


@inlined
def sunk(w: World, time: float, order: int) -> int:
    """Make room in the heap for an event in the place of the first, which is over: its place."""
    w.hole = False
    at, last = 0, w.event_count
    while True:
        below = 2 * at + 1
        if below >= last:
            break
        if below + 1 < last:
            one, other = events(w, below), events(w, below + 1)
            below += sooner(other.time, other.order, one.time, one.order)
        lower = events(w, below)
        if sooner(time, order, lower.time, lower.order):
            break
        move_event(w, below, at)
        at = below
    return at


@inlined
def drop_first(w: World) -> None:
    """Take the first event, which is over, from the heap if no other has taken its place."""
    if not w.hole:
        return
    w.event_count -= 1
    last = w.event_count
    moved = events(w, last)
    move_event(w, last, sunk(w, moved.time, moved.order))


@compiled
def push_due(w: World, queue: int, begins: float) -> None:
    """Remember a millisecond in which jobs of a queue are due."""
    its, first = queues(w, queue), queue * w.dues_room
    at = its.dues
    its.dues = at + 1
    w.most_dues = max(w.most_dues, at + 1)
    while at > 0 and begins < dues(w, first + ((at - 1) >> 1)).begins:
        dues(w, first + at).begins = dues(w, first + ((at - 1) >> 1)).begins
        at = (at - 1) >> 1
    dues(w, first + at).begins = begins


@compiled
def pop_due(w: World, queue: int) -> None:
    """Forget the first of these milliseconds."""
    its, first = queues(w, queue), queue * w.dues_room
    last = its.dues - 1
    its.dues = last
    moved, at = dues(w, first + last).begins, 0
    while 2 * at + 1 < last:
        below = 2 * at + 1
        if below + 1 < last and dues(w, first + below + 1).begins < dues(w, first + below).begins:
            below += 1
        if moved <= dues(w, first + below).begins:
            break
        dues(w, first + at).begins = dues(w, first + below).begins
        at = below
    dues(w, first + at).begins = moved
