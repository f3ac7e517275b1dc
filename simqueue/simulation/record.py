"""What a model writes down: packed rows, and how they become an attempt log."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from simqueue.results.attempt_log import ROW, UNFINISHED, AttemptLog
from simqueue.workload.workload import Workload, job_ids

if TYPE_CHECKING:
    from simqueue.simulation.model import Job

_PACKED = np.dtype(
    [
        ("kind", "i2"),
        ("number", "i4"),
        ("attempt", "i2"),
        ("run", "i2"),
        ("outcome", "i1"),
        ("worker", "i4"),
        ("slot", "i4"),
        ("enqueued_s", "f8"),
        ("ready_s", "f8"),
        ("started_s", "f8"),
        ("finished_s", "f8"),
    ]
)
_pack = struct.Struct("=hihhbiidddd").pack


class Record:
    """Attempts, 51 bytes each: with millions of them a Python object each would not fit."""

    def __init__(self) -> None:
        self._packed = bytearray()

    def add(
        self, job: Job, started: float, finished: float, outcome: int, worker: int, slot: int
    ) -> None:
        """Write down an attempt that ended; ``outcome`` is a code of the attempt log."""
        self._packed += _pack(
            job.kind, job.number, job.attempt, job.run, outcome, worker, slot,
            job.enqueued, job.ready, started, finished,
        )  # fmt: skip

    def log(self, workload: Workload, waiting: Iterable[Job] = ()) -> AttemptLog:
        """The attempts as a log, and after them the jobs still ``waiting`` when the run ended."""
        for job in waiting:
            self.add(job, np.nan, np.nan, UNFINISHED, -1, -1)
        packed = np.frombuffer(self._packed, dtype=_PACKED)
        kinds = workload.kinds
        root_of = {kind.queue: kind.number for kind in kinds if kind.parent < 0}
        queues = tuple(workload.scenario.queues)
        names = tuple(dict.fromkeys(kind.name for kind in kinds))
        first = packed["number"].astype(np.int64) * len(kinds)
        parent = np.array([kind.parent for kind in kinds])[packed["kind"]]
        rows = np.zeros(len(packed), dtype=ROW)
        rows["replication"] = workload.replication
        rows["result"] = -1
        rows["queue"] = np.array([queues.index(kind.queue) for kind in kinds])[packed["kind"]]
        rows["name"] = np.array([names.index(kind.name) for kind in kinds])[packed["kind"]]
        rows["job"] = first + packed["kind"]
        rows["flow"] = first + np.array([root_of[kind.stream] for kind in kinds])[packed["kind"]]
        rows["parent"] = np.where(parent < 0, -1, first + parent)
        for column in (
            *("attempt", "run", "outcome", "slot", "worker"),
            *("enqueued_s", "ready_s", "started_s", "finished_s"),
        ):
            rows[column] = packed[column]
        workers = max(int(packed["worker"].max(initial=0)) + 1, 1)
        return AttemptLog(
            engine="simpy",
            rows=rows,
            queues=queues,
            names=names,
            results=(),
            workers=tuple(str(number) for number in range(workers)),
            ids=partial(job_ids, workload),
        )
