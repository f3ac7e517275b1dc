"""A worker's time in its pool, and its end."""

from __future__ import annotations

import math

from simqueue.simulation.compiled.jit import compiled
from simqueue.simulation.compiled.state import NONE, World, slots, stays, workers


@compiled
def busy(w: World, worker: int) -> bool:
    """Whether it has something to finish."""
    its = workers(w, worker)
    for slot in range(its.first_slot, its.last_slot):
        if slots(w, slot).job != NONE or slots(w, slot).telling:
            return True
    return False


@compiled
def gone(w: World, number: int) -> None:
    """A worker has ended."""
    its = stays(w, number)
    its.gone = w.now
    workers(w, its.worker).closed = True
    workers(w, its.worker).stay = NONE


@compiled
def leaves(w: World, worker: int) -> None:
    """A worker that was told to end has a slot less to wait for."""
    number = workers(w, worker).stay
    if not math.isnan(stays(w, number).drained) and not busy(w, worker):
        gone(w, number)
