"""Flows: parents that wait for their children, and what children that fail do to them.

Where `simqueue.simulation.bullmq.flows` calls itself for the children of children, a rule here goes
through all kinds of jobs below a parent: whoever is above another comes first there.
"""

from __future__ import annotations

import math

from simqueue.simulation.compiled import by_loops, lists
from simqueue.simulation.compiled.adding import delay_first, delayed, free, new_job
from simqueue.simulation.compiled.jit import compiled, compiled_where
from simqueue.simulation.compiled.state import (
    NONE,
    World,
    families,
    has,
    jobs,
    kinds,
    queues,
    relations,
)

#: What a child that has failed for good does to its parent; all else lets go of it.
WAIT, FAIL_PARENT, CONTINUE_PARENT, LET_GO = range(4)


@compiled_where("wide")
def add(w: World, job: int) -> bool:
    """Add the children of a job that is asked for; whether it has some and waits for them."""
    its = jobs(w, job)
    if not has_children(w, its.kind, its.number):
        return False
    hold(w, job)
    held_back(w, job)
    put_together(w, its.kind)
    return True


@compiled
def has_children(w: World, kind: int, number: int) -> bool:
    """Whether the job of a kind of a root arrival has children."""
    its = kinds(w, kind)
    for place in range(its.family_from, its.family_to):
        member = kinds(w, families(w, place).kind)
        if member.parent == kind and is_there(member, number):
            return True
    return False


@compiled
def is_there(kind: World, number: int) -> bool:
    """Whether a parent has the child of a kind."""
    return not kind.has or has(kind, number).value != 0


@compiled
def hold(w: World, job: int) -> None:
    """Have a parent wait."""
    jobs(w, job).ready = math.nan
    w.held += 1
    w.parents += 1
    its = relations(w, job)
    its.held, its.stamp = True, w.parents
    kinds(w, jobs(w, job).kind).holds = job


@compiled
def held_back(w: World, job: int) -> None:
    """Have the parents of a tree wait; the jobs without children go to their lists."""
    its, number = kinds(w, jobs(w, job).kind), jobs(w, job).number
    for place in range(its.family_from, its.family_to):
        member = families(w, place).kind
        kind = kinds(w, member)
        parent, kind.holds = kinds(w, kind.parent).holds, NONE
        if parent == NONE or not is_there(kind, number):
            continue
        child = new_job(w, member, number, w.now)
        w.unfinished += 1
        depend(w, parent, child)
        if has_children(w, member, number):
            hold(w, child)
        elif delayed(w, child):
            delay_first(w, child)
        else:
            lists.add(w, kind.queue, child)
            kind.tells, queues(w, kind.queue).told = not queues(w, kind.queue).told, True


@compiled
def depend(w: World, parent: int, child: int) -> None:
    """Have a parent depend on a child."""
    relations(w, parent).pending += 1
    its = relations(w, child)
    its.depends, its.parent, its.parents_stamp = True, parent, relations(w, parent).stamp


@compiled
def put_together(w: World, kind: int) -> None:
    """Let workers hear of jobs that were added in one transaction: by queue, all are there."""
    its = kinds(w, kind)
    for place in range(its.family_from, its.family_to):
        member = kinds(w, families(w, place).kind)
        if member.tells:
            member.tells = queues(w, member.queue).told = False
            by_loops.put_all(w, member.queue)


@compiled
def has_pending(w: World, job: int) -> bool:
    """Whether a job depends on some child: BullMQ lets none complete that does."""
    return relations(w, job).pending > 0


@compiled_where("wide")
def settled(w: World, job: int, failed: int) -> bool:
    """See to the parent of a job that has its final outcome; whether the job is still needed."""
    its = relations(w, job)
    its.stamp = its.pending = 0
    if not failed:
        drop(w, job, False)
        return False
    if its.depends and relations(w, its.parent).stamp != its.parents_stamp:
        its.depends = False  # the parent is over
    if its.depends:
        fail(w, job)
    return keep(w, job)


@compiled
def fail(w: World, child: int) -> None:
    """Do to a parent what the option says (``moveChildFromDependenciesIfNeeded``)."""
    parent = relations(w, child).parent
    what = queues(w, kinds(w, jobs(w, parent).kind).queue).child_failure
    if what == WAIT:
        return
    if what == FAIL_PARENT and relations(w, parent).held:
        doom(w, parent)
    drop(w, child, what in (FAIL_PARENT, CONTINUE_PARENT))


@compiled
def doom(w: World, job: int) -> None:
    """Have a parent fail when a slot takes it.

    Many may do so at one moment: each needs room for all that follows, and for those above it.
    """
    relations(w, job).doomed = True
    need_room(w, w.kind_count)


@compiled
def forgive(w: World, job: int) -> None:
    """A parent that was to fail does so now."""
    relations(w, job).doomed = False
    need_room(w, -w.kind_count)


@compiled
def need_room(w: World, jobs: int) -> None:
    """Have one thing that happens add so many jobs more, at most."""
    w.spare_jobs += jobs
    w.spare_rows += jobs
    w.spare += 8 * jobs


@compiled
def drop(w: World, child: int, at_once: bool) -> None:
    """Let a parent depend on a child no more; without any dependency it is ready."""
    its = relations(w, child)
    if not its.depends:
        return
    its.depends = False
    parent = relations(w, its.parent)
    if parent.stamp != its.parents_stamp:
        return
    parent.pending -= 1
    if parent.held and (at_once or not parent.pending):
        parent.held = False
        w.held -= 1
        jobs(w, its.parent).ready = w.now
        release(w, its.parent)


@compiled
def release(w: World, job: int) -> None:
    """Have a parent be ready that has waited for its children."""
    if delayed(w, job):
        delay_first(w, job)
    else:
        by_loops.put_first(w, kinds(w, jobs(w, job).kind).queue, job)


@compiled
def keep(w: World, job: int) -> bool:
    """Keep a failed job, and remove the one that is too many; whether the job is still needed.

    Only those have to be known on which a parent depends.
    """
    queue = queues(w, kinds(w, jobs(w, job).kind).queue)
    queue.failures += 1
    needed = relations(w, job).depends
    if needed:
        relations(w, job).failure, jobs(w, job).next = queue.failures, NONE
        if queue.kept_head == NONE:
            queue.kept_head = job
        else:
            jobs(w, queue.kept_tail).next = job
        queue.kept_tail = job
    removed = queue.kept_head
    if removed == NONE or relations(w, removed).failure + queue.keep_failed > queue.failures:
        return needed
    queue.kept_head = jobs(w, removed).next
    drop(w, removed, False)
    if removed == job:
        return False
    free(w, removed)
    return needed
