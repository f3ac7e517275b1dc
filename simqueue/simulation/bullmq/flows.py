"""Flows: parents that wait for their children, and what children that fail do to them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Protocol

import simpy

from simqueue.policies import Outcome
from simqueue.simulation.job import SimJob
from simqueue.workload.workload import Kind, Workload


class Jobs(Protocol):
    """What flows need of the model."""

    env: simpy.Environment
    workload: Workload
    doomed: set[SimJob]

    def put_together(self, jobs: Sequence[SimJob]) -> None:
        """Add jobs without children to their queues, in one transaction."""

    def children(self, job: SimJob, kinds: Sequence[Kind]) -> list[SimJob]:
        """The jobs of ``kinds`` that descend from ``job``."""

    def release(self, job: SimJob) -> None:
        """Put a parent into its queue's list."""


@dataclass
class Parent:
    """A job with children: those that it still depends on, and whether it waits for them."""

    job: SimJob
    pending: set[int]
    held: bool = True


class Flows:
    """The parents of a run and their dependencies.

    A parent and its children are added together (``FlowProducer``); it is in ``waiting-children``
    until it depends on no child any more, and then goes to the **head** of its list
    (``moveParentToWait`` in ``moveToFinished-14.lua`` pushes it where the next job is taken from).

    A child that has failed for good and has no option stays a dependency. It ceases to be one when
    it is removed: at once if its queue keeps no failed jobs, else when so many others have failed
    after it that the queue lets go of it (``removeParentDependencyKey``, which
    ``removeJobsByMaxCount`` calls).

    Attributes
    ----------
    held
        How many parents wait for children.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        workload = self._workload = jobs.workload
        self._queues = [workload.scenario.queues[kind.queue] for kind in workload.kinds]
        self._parents: dict[tuple[int, int], Parent] = {}
        #: For each kind of children: that of the parent.
        self._parent_of = {
            child.number: kind.number for kind in workload.kinds
            for child in workload.children(kind.number)
        }  # fmt: skip
        self._kept: dict[str, deque[SimJob]] = defaultdict(deque)
        self.held = 0

    def add(self, job: SimJob) -> bool:
        """Add the children of a job that is asked for; whether it has some and waits for them."""
        if not self._workload.children_of(job.kind, job.number):
            return False
        self._jobs.put_together(list(self._held_back(job)))
        return True

    def _held_back(self, job: SimJob) -> Iterator[SimJob]:
        """Have the parents of a tree wait; the jobs without children are left."""
        kinds = self._workload.children_of(job.kind, job.number)
        if not kinds:
            yield job
            return
        job.ready = nan
        self.held += 1
        self._parents[job.kind, job.number] = Parent(job, {kind.number for kind in kinds})
        for child in self._jobs.children(job, kinds):
            yield from self._held_back(child)

    def has_pending(self, job: SimJob) -> bool:
        """Whether a job depends on some child: BullMQ lets none complete that does."""
        parent = self._parents.get((job.kind, job.number))
        return parent is not None and bool(parent.pending)

    def waiting(self) -> Iterator[SimJob]:
        """The parents that wait for children."""
        yield from (parent.job for parent in self._parents.values() if parent.held)

    def settled(self, job: SimJob, outcome: Outcome, place: object) -> None:  # noqa: ARG002
        """See to the parent of a job that has its final outcome."""
        self._parents.pop((job.kind, job.number), None)
        parent = self._parent(job)
        if outcome == "completed":
            self._drop(parent, job)
            return
        if parent is not None:
            self._failed(parent, job)
        self._keep(job)

    def _parent(self, job: SimJob) -> Parent | None:
        kind = self._parent_of.get(job.kind)
        return None if kind is None else self._parents.get((kind, job.number))

    def _failed(self, parent: Parent, child: SimJob) -> None:
        """Do what the option says (``moveChildFromDependenciesIfNeeded``)."""
        what = self._queues[parent.job.kind].child_failure
        if what == "wait":
            return
        if what == "fail-parent" and parent.held:
            self._jobs.doomed.add(parent.job)
        self._drop(parent, child, at_once=what in ("fail-parent", "continue-parent"))

    def _drop(self, parent: Parent | None, child: SimJob, *, at_once: bool = False) -> None:
        """Let a parent depend on a child no more; without any dependency it is ready."""
        if parent is None or child.kind not in parent.pending:
            return
        parent.pending.remove(child.kind)
        if parent.held and (at_once or not parent.pending):
            parent.held = False
            self.held -= 1
            parent.job.ready = self._jobs.env.now
            self._jobs.release(parent.job)

    def _keep(self, job: SimJob) -> None:
        """Keep a failed job, and remove those that are too many."""
        queue = self._queues[job.kind]
        kept = self._kept[self._workload.kinds[job.kind].queue]
        kept.append(job)
        while len(kept) > queue.keep_failed:
            removed = kept.popleft()
            self._drop(self._parent(removed), removed)
