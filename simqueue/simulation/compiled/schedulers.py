"""BullMQ's job schedulers: the jobs that they add."""

from __future__ import annotations

from simqueue.simulation.compiled import by_loops
from simqueue.simulation.compiled.adding import new_job
from simqueue.simulation.compiled.jit import compiled, compiled_where
from simqueue.simulation.compiled.slots_of_time import await_slot
from simqueue.simulation.compiled.state import World, jobs, kinds, slots_s


@compiled
def begin(w: World) -> None:
    """Have the first job of each scheduler added."""
    for kind in range(w.kind_count):
        if kinds(w, kind).every_ms:
            await_slot(w, kind, 0, w.now)


@compiled_where("wide")
def add(w: World, kind: int, slot: int) -> None:
    """Add the job of a slot: delayed until then, or to the list at once."""
    its_kind = kinds(w, kind)
    moment = slots_s(its_kind, slot).value
    job = new_job(w, kind, slot, moment)
    its = jobs(w, job)
    if moment > w.now:
        its.attempt = 0  # it is due for its first attempt as a retry is for its next
        by_loops.delay(w, its_kind.queue, job, moment - w.now)
        its.enqueued = its.ready
    else:
        by_loops.put(w, its_kind.queue, job)
