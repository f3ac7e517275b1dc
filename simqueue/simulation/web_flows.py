"""Flows in training mode: a request does the children of its jobs before the jobs themselves."""

from __future__ import annotations

from math import nan
from typing import Protocol

import simpy

from simqueue.policies import Outcome
from simqueue.record.attempt_log import FAILED
from simqueue.simulation.core import Place
from simqueue.simulation.job import SimJob
from simqueue.simulation.packed import PackedRows
from simqueue.simulation.web import Caller
from simqueue.workload.workload import Workload


class Jobs(Protocol):
    """What flows need of the model."""

    env: simpy.Environment
    workload: Workload
    rows: PackedRows
    unfinished: int

    def settle(self, job: SimJob, outcome: Outcome, place: Place) -> None:
        """Give a job its final outcome."""


class Flows:
    """Parents whose children are done first, one after the other, by the same caller.

    What code without a queue would do: it asks for each child and then goes on. A child that fails
    is an exception, so the parent fails without being run, once its other children have been done;
    with any of the options that let a parent go on, the exception is caught.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        workload = self._workload = jobs.workload
        #: For each kind of children: that of the parent.
        self._parent_of = {
            child.number: kind.number for kind in workload.kinds
            for child in workload.children(kind.number)
        }  # fmt: skip
        self._parents: dict[tuple[int, int], SimJob] = {}
        self._doomed: set[SimJob] = set()

    def in_order(self, job: SimJob) -> list[SimJob]:
        """What is to be done for a job: its children, with theirs, and then the job."""
        kinds = self._workload.children_of(job.kind, job.number)
        self._jobs.unfinished += len(kinds)
        found = []
        for kind in kinds:
            found += self.in_order(SimJob(kind.number, job.number, job.enqueued))
        if kinds:
            job.ready = nan
            self._parents[job.kind, job.number] = job
        return [*found, job]

    def settled(self, job: SimJob, outcome: Outcome, place: Caller) -> None:
        """See to the parent of a job that has its final outcome, and to parents that cannot run."""
        self._parents.pop((job.kind, job.number), None)
        parent = self._parents.get((self._parent_of.get(job.kind, -1), job.number))
        if parent is not None:
            parent.ready = self._jobs.env.now
            queue = self._workload.kinds[parent.kind].queue
            rule = self._workload.scenario.queues[queue].child_failure
            if outcome == "failed" and rule in ("wait", "fail-parent"):
                self._doomed.add(parent)
        if place.to_do and place.to_do[0] in self._doomed:
            doomed = place.to_do.popleft()
            self._doomed.remove(doomed)
            number = place.process.number
            self._jobs.rows.add(doomed, nan, self._jobs.env.now, FAILED, number, place.number)
            self._jobs.settle(doomed, "failed", place)
