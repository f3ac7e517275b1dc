"""Packed rows: what an engine writes down, and how they become an attempt log."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import ROW, ROW_OF_CLASSES, UNFINISHED, AttemptLog
from simqueue.simulation.job import SimJob
from simqueue.workload.workload import Workload

#: An attempt as engines write it: numbers of the workload, codes of the attempt log, seconds.
PACKED = np.dtype(
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


class PackedRows:
    """Attempts, 51 bytes each: with millions of them a Python object each would not fit."""

    def __init__(self) -> None:
        self._packed = bytearray()

    def add(
        self, job: SimJob, started: float, finished: float, outcome: int, worker: int, slot: int
    ) -> None:
        """Write down an attempt that ended; ``outcome`` is a code of the attempt log."""
        self._packed += _pack(
            job.kind, job.number, job.attempt, job.run, outcome, worker, slot,
            job.enqueued, job.ready, started, finished,
        )  # fmt: skip

    def add_waiting(self, job: SimJob) -> None:
        """Write down a job that was still ready when the run ended."""
        self.add(job, np.nan, np.nan, UNFINISHED, -1, -1)

    def array(self) -> NDArray[Any]:
        """What was written, an element of `PACKED` each; while it is used, nothing can be added."""
        return np.frombuffer(self._packed, dtype=PACKED)

    def __len__(self) -> int:
        return len(self._packed) // PACKED.itemsize

    def copy(self) -> PackedRows:
        """The same rows, to which others can be added."""
        other = PackedRows()
        other._packed = bytearray(self._packed)
        return other

    def since(self, number: int) -> NDArray[Any]:
        """A copy of what was written after the first so many elements."""
        return np.frombuffer(bytes(self._packed[number * PACKED.itemsize :]), dtype=PACKED)


def log_of(packed: NDArray[Any], workload: Workload, engine: str) -> AttemptLog:
    """The attempt log that packed rows tell, whoever packed them.

    Parameters
    ----------
    packed
        Structured array of `PACKED`, in the order in which the attempts ended.
    workload
        What was run.
    engine
        Who ran it.
    """
    codes = codes_of(workload)
    first = packed["number"].astype(np.int64) * len(workload.kinds)
    parent = codes.parent[packed["kind"]]
    classed = has_classes(workload)
    rows = np.zeros(len(packed), dtype=ROW_OF_CLASSES if classed else ROW)
    rows["replication"] = workload.replication
    rows["result"] = -1
    classes = add_classes(rows, packed["kind"], packed["number"], workload) if classed else ()
    rows["queue"] = codes.queue[packed["kind"]]
    rows["name"] = codes.name[packed["kind"]]
    rows["job"] = first + packed["kind"]
    rows["flow"] = first + codes.root[packed["kind"]]
    rows["parent"] = np.where(parent < 0, -1, first + parent)
    for column in (
        *("attempt", "run", "outcome", "slot", "worker"),
        *("enqueued_s", "ready_s", "started_s", "finished_s"),
    ):
        rows[column] = packed[column]
    workers = max(int(packed["worker"].max(initial=0)) + 1, 1)
    return told(rows, workload, engine, tuple(map(str, range(workers))), classes)


class Codes(NamedTuple):
    """What an attempt log has for each kind of jobs, by their numbers.

    Attributes
    ----------
    queue, name
        Positions in the log's vocabularies.
    root, parent
        The kinds of the root arrival and of the parent; -1: there is none.
    """

    queue: NDArray[np.int64]
    name: NDArray[np.int64]
    root: NDArray[np.int64]
    parent: NDArray[np.int64]


def codes_of(workload: Workload) -> Codes:
    """What an attempt log has for each kind of jobs of a workload."""
    kinds = workload.kinds
    root_of = {kind.queue: kind.number for kind in kinds if kind.parent < 0}
    queues, names = list(workload.scenario.queues), names_of(workload)
    return Codes(
        np.array([queues.index(kind.queue) for kind in kinds]),
        np.array([names.index(kind.name) for kind in kinds]),
        np.array([root_of[kind.stream] for kind in kinds]),
        np.array([kind.parent for kind in kinds]),
    )


def names_of(workload: Workload) -> tuple[str, ...]:
    """The vocabulary of what jobs are called."""
    return tuple(dict.fromkeys(kind.name for kind in workload.kinds))


def has_classes(workload: Workload) -> bool:
    """Whether a log of the workload has the columns of classes."""
    return any(one.classes or one.prioritized for one in workload.scenario.queues.values())


def told(
    rows: NDArray[Any],
    workload: Workload,
    engine: str,
    workers: tuple[str, ...],
    classes: tuple[str, ...] = (),
) -> AttemptLog:
    """The attempt log that has these rows."""
    return AttemptLog(
        engine=engine,
        rows=rows,
        queues=tuple(workload.scenario.queues),
        names=names_of(workload),
        results=(),
        workers=workers,
        ids=workload.ids(),
        classes=classes,
    )


def add_classes(
    rows: NDArray[Any], kinds: NDArray[Any], numbers: NDArray[Any], workload: Workload
) -> tuple[str, ...]:
    """Write into rows of a log which class and which priority the jobs are of.

    Parameters
    ----------
    rows
        Of the log: a structured array of `ROW_OF_CLASSES`.
    kinds, numbers
        Which job each is of.
    workload
        What was run.

    Returns
    -------
    tuple
        The vocabulary of the classes.
    """
    queues = workload.scenario.queues
    words = tuple(dict.fromkeys(name for one in queues.values() for name in one.classes))
    rows["class"] = -1
    for kind in workload.kinds:
        queue = queues[kind.queue]
        if not queue.classes and not queue.prioritized:
            continue
        mine = kinds == kind.number
        rows["priority"][mine] = workload.priority_of(kind)[numbers[mine]]
        if (classes := workload.class_of(kind)) is not None:
            codes = np.array([words.index(name) for name in queue.classes])
            rows["class"][mine] = codes[classes][numbers[mine]]
    return words
