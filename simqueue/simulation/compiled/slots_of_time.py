"""BullMQ's job schedulers: each job's start has the next one added, for its slot.

The rules of `simqueue.simulation.bullmq.schedulers` that the start of an attempt needs.
"""

from __future__ import annotations

import math

from simqueue.simulation.compiled.jit import compiled
from simqueue.simulation.compiled.lists import TINY_MS
from simqueue.simulation.compiled.state import ADD, World, kinds
from simqueue.simulation.compiled.waiting import ARRIVAL, wait


@compiled
def started(w: World, kind: int, slot: int, at: float) -> None:
    """The job that a scheduler added last starts at a moment: the next one is added."""
    await_slot(w, kind, slot_after(w, kind, slot, math.floor(1000 * at + TINY_MS)), at)


@compiled
def slot_after(w: World, kind: int, slot: int, now_ms: int) -> int:
    """The number of the next job's slot, as in `simqueue.workload.schedulers`."""
    first, every = kinds(w, kind).first_ms, kinds(w, kind).every_ms
    due_ms = first + every * (slot + 1)
    return int(slot + 1 if due_ms >= now_ms else (now_ms - first) // every + 1)


@compiled
def await_slot(w: World, kind: int, slot: int, at: float) -> None:
    """Have the job of a slot added at a moment, if there is such a slot."""
    its = kinds(w, kind)
    its.last = slot
    if slot < its.slot_count:
        w.unfinished += 1  # from now on: nobody may think that all is over
        wait(w, at - w.now, ARRIVAL, ADD, kind, float(slot))
