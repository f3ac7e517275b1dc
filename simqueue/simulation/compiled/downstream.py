"""Calls of a downstream with limited places: the io parts of attempts that share them."""

from __future__ import annotations

import math

from simqueue.simulation.compiled.jit import compiled, compiled_where
from simqueue.simulation.compiled.state import (
    CALLED,
    NONE,
    World,
    calls,
    downstreams,
    queues,
    slots,
)
from simqueue.simulation.compiled.waiting import FINISH, wait


@compiled_where("wide")
def begin(w: World, slot: int) -> None:
    """Ask for a place, and hold it as long as the io part lasts."""
    its, queue = calls(w, slot), queues(w, slots(w, slot).queue)
    places = downstreams(w, queue.downstream)
    its.asks = its.cut = its.inside = False
    if places.free:
        places.free -= 1
        its.inside = True
        set_timer(w, slot, its.io_s)
    elif not places.waits:
        its.cut = True
        set_timer(w, slot, 0.0)
    else:
        append(w, slot)
        its.until = w.now + queue.timeout_s
        if queue.timeout_s < math.inf:
            set_timer(w, slot, queue.timeout_s)


@compiled
def set_timer(w: World, slot: int, delay: float) -> None:
    """Let the call be over after ``delay`` seconds, and not when it was to be before."""
    its = calls(w, slot)
    its.timer += 1
    wait(w, delay, FINISH, CALLED, slot, float(its.timer))


@compiled
def append(w: World, slot: int) -> None:
    """Wait for a place, behind all others."""
    places = downstreams(w, queues(w, slots(w, slot).queue).downstream)
    calls(w, slot).next = NONE
    if places.head == NONE:
        places.head = slot
    else:
        calls(w, places.tail).next = slot
    places.tail = slot


@compiled
def enter(w: World, slot: int) -> None:
    """Have a place, after some time in line."""
    its = calls(w, slot)
    its.inside = True
    left = its.until - w.now
    its.cut = its.io_s > left
    set_timer(w, slot, left if its.cut else its.io_s)


@compiled
def end(w: World, slot: int) -> bool:
    """End a call; whether it was cut off, or found no place."""
    its = calls(w, slot)
    cut = its.cut or not its.inside
    let_go(w, slot)
    return cut


@compiled
def let_go(w: World, slot: int) -> None:
    """Let go of a place, or leave the line."""
    its = calls(w, slot)
    if its.inside:
        its.inside = False
        leave(w, queues(w, slots(w, slot).queue).downstream)
    elif not its.cut:
        remove(w, slot)


@compiled
def leave(w: World, number: int) -> None:
    """Let go of a place: whoever has waited longest has it now."""
    places = downstreams(w, number)
    first = places.head
    if first == NONE:
        places.free += 1
        return
    places.head = calls(w, first).next
    enter(w, first)


@compiled
def remove(w: World, slot: int) -> None:
    """Wait for a place no longer."""
    places = downstreams(w, queues(w, slots(w, slot).queue).downstream)
    before, one = NONE, places.head
    while one != slot:
        before, one = one, calls(w, one).next
    if before == NONE:
        places.head = calls(w, slot).next
    else:
        calls(w, before).next = calls(w, slot).next
    if places.tail == slot:
        places.tail = before
