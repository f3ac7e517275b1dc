"""Cores that child processes share: egalitarian processor sharing in virtual time.

A cpu part on them is called by the number of the slot whose it is.
"""

from __future__ import annotations

import math

from simqueue.simulation.compiled.jit import compiled
from simqueue.simulation.compiled.state import COMPUTED, NONE, World, cores, sandboxes, shares
from simqueue.simulation.compiled.waiting import FINISH, sooner, wait

#: Rounding of sums of times: what is left of so little is nothing, seconds.
TINY_S = 1e-9


@compiled
def run(w: World, number: int, slot: int, seconds: float) -> None:
    """Start a part of so many seconds of cpu."""
    catch_up(w, number)
    its = cores(w, number)
    if not its.running:
        its.got = 0.0  # sums do not drift
    its.started += 1
    push(w, number, its.got + seconds, its.started, slot)
    look(w, number)


@compiled
def rate(w: World, number: int) -> float:
    """How many seconds of cpu each part gets a second."""
    its = cores(w, number)
    return 1.0 if its.running <= its.count else its.count / its.running


@compiled
def catch_up(w: World, number: int) -> None:
    """Give all parts what they have got since the last change."""
    its = cores(w, number)
    if its.running:
        its.got += (w.now - its.at) * rate(w, number)
    its.at = w.now


@compiled
def look(w: World, number: int) -> None:
    """Have the timer end when the next part does, or before."""
    its = cores(w, number)
    if not its.running:
        return
    left = max(shares(w, its.first_share).target - its.got, 0.0) / rate(w, number)
    due = w.now + left
    if due < its.due:
        its.due = due
        its.timer += 1
        wait(w, left, FINISH, COMPUTED, number, float(its.timer))


@compiled
def over(w: World, number: int) -> int:
    """End the parts that have got all they need: the first slot of a chain of theirs."""
    its = cores(w, number)
    its.due = math.inf
    catch_up(w, number)
    reached = its.got + TINY_S * rate(w, number)
    first = last = NONE
    while its.running and shares(w, its.first_share).target <= reached:
        slot = pop(w, number)
        sandboxes(w, slot).next = NONE
        if first == NONE:
            first = slot
        else:
            sandboxes(w, last).next = slot
        last = slot
    look(w, number)
    return first


@compiled
def push(w: World, number: int, target: float, order: int, slot: int) -> None:
    """Put a part into the heap: the lowest target is first."""
    its = cores(w, number)
    first, at = its.first_share, its.running
    its.running += 1
    while at > 0:
        above = shares(w, first + ((at - 1) >> 1))
        if sooner(above.target, above.order, target, order):
            break
        set_share(w, first + at, above.target, above.order, above.slot)
        at = (at - 1) >> 1
    set_share(w, first + at, target, order, slot)


@compiled
def pop(w: World, number: int) -> int:
    """Take the part with the lowest target from the heap: its slot."""
    its = cores(w, number)
    first, found, at = its.first_share, shares(w, its.first_share).slot, 0
    its.running -= 1
    last, moved = its.running, shares(w, its.first_share + its.running)
    while 2 * at + 1 < last:
        below = 2 * at + 1
        if below + 1 < last:
            one, other = shares(w, first + below), shares(w, first + below + 1)
            below += sooner(other.target, other.order, one.target, one.order)
        lower = shares(w, first + below)
        if sooner(moved.target, moved.order, lower.target, lower.order):
            break
        set_share(w, first + at, lower.target, lower.order, lower.slot)
        at = below
    set_share(w, first + at, moved.target, moved.order, moved.slot)
    return int(found)


@compiled
def set_share(w: World, place: int, target: float, order: int, slot: int) -> None:
    """Write a part into a place of the heap."""
    its = shares(w, place)
    its.target, its.order, its.slot = target, order, slot
