"""Flows: everything that came of one root arrival, from its enqueueing to the last job's end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.record.by_job import changed
from simqueue.results.history import History, JobOutcomes
from simqueue.results.statistics import Statistics, describe


@dataclass(frozen=True)
class FlowSummary:
    """All flows that start in one queue.

    Attributes
    ----------
    flows
        Root jobs enqueued in the window.
    finished
        Those of which every job has its final outcome.
    last_queue
        The queue in which most of them ended; ``None`` if none did.
    time_s
        Root enqueued to last finish, of those finished. A customer who pays later is waited for.
    """

    flows: int
    finished: int
    last_queue: str | None
    time_s: Statistics

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "flows": self.flows,
            "finished": self.finished,
            "last_queue": self.last_queue,
            "time_s": self.time_s.as_dict(),
        }


def summarise_flows(
    runs: Mapping[int, Sequence[History]], window: tuple[float, float]
) -> dict[str, FlowSummary]:
    """Summarise the flows of all replications, by the queue that they start in.

    Parameters
    ----------
    runs
        The histories of each replication.
    window
        A flow counts if its root job was enqueued in [from, to), seconds.
    """
    started: Counter[str] = Counter()
    ended_in: dict[str, Counter[str]] = {}
    times: dict[str, list[NDArray[np.float64]]] = {}
    for run in runs.values():
        names = [history.queue for history in run]
        roots, enqueued, finished, last = _flows(run)
        counted = np.flatnonzero((enqueued >= window[0]) & (enqueued < window[1]))
        for number, mine in grouped(roots, counted):
            whole = mine[~np.isnan(finished[mine])]
            queue = names[number]
            started[queue] += len(mine)
            times.setdefault(queue, []).append((finished - enqueued)[whole])
            ends = np.bincount(last[whole], minlength=len(names)).tolist()
            ended_in.setdefault(queue, Counter()).update(dict(zip(names, ends, strict=True)))
    return {
        queue: FlowSummary(
            flows=started[queue],
            finished=ended_in[queue].total(),
            last_queue=most_frequent(ended_in[queue]),
            time_s=describe(times[queue]),
        )
        for queue in started
    }


def grouped(
    numbers: NDArray[Any], places: NDArray[np.int64]
) -> list[tuple[int, NDArray[np.int64]]]:
    """The places at which each number stands, ascending."""
    found = numbers[places]
    some = np.flatnonzero(np.bincount(found)).tolist()
    if len(some) < 2:
        return [(number, places) for number in some]
    order = np.argsort(found, kind="stable")
    parts = np.split(places[order], np.flatnonzero(np.diff(found[order])) + 1)
    return list(zip(some, parts, strict=True))


def most_frequent(counts: Counter[str]) -> str | None:
    """The word that was counted most often, of several the first by name; ``None`` if none was."""
    return max(sorted(counts), key=counts.__getitem__) if counts.total() else None


def _flows(
    run: Sequence[History],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Of each flow: number of its root's queue, start, end (NaN: not over), last job's queue."""
    queues = [history.jobs for history in run]
    places, count = _numbered([jobs.flow for jobs in queues])
    root = np.full(count, -1)
    began, ended = np.full(count, np.inf), np.full(count, -np.inf)
    for number, (jobs, place) in enumerate(zip(queues, places, strict=True)):
        root[place[jobs.job == jobs.flow]] = number
        np.minimum.at(began, place, jobs.enqueued_s)
        with np.errstate(invalid="ignore"):  # NaN, if one of them is
            np.maximum.at(ended, place, jobs.finished_s)
    last = np.zeros(count, np.int64)
    for number, (jobs, place) in enumerate(zip(queues, places, strict=True)):
        last[place[jobs.finished_s == ended[place]]] = number
    _find_roots(root, queues, places)
    return root, began, ended, last


def _numbered(keys: Sequence[NDArray[np.int64]]) -> tuple[list[NDArray[np.int64]], int]:
    """Numbers in place of keys, equal ones for equal keys; and how many there are."""
    together = np.concatenate(keys)
    numbers = np.arange(len(together))
    if (together[1:] <= together[:-1]).any():
        order = np.argsort(together, kind="stable")  # quick where each queue's ascend, as most do
        numbers[order] = np.cumsum(changed(together[order])) - 1
    ends = np.cumsum([len(some) for some in keys])
    return np.split(numbers, ends[:-1]), int(numbers.max(initial=-1)) + 1


def _find_roots(
    root: NDArray[np.int64], queues: Sequence[JobOutcomes], places: Sequence[NDArray[np.int64]]
) -> None:
    """A log of a part of a run may lack root jobs: then the first to finish stands for it."""
    lacking = root < 0
    if not lacking.any():
        return
    ends = [np.where(np.isnan(jobs.finished_s), np.inf, jobs.finished_s) for jobs in queues]
    soonest = np.full(len(root), np.inf)
    for end, place in zip(ends, places, strict=True):
        np.minimum.at(soonest, place, end)
    for number in reversed(range(len(queues))):
        place = places[number]
        root[place[(ends[number] == soonest[place]) & lacking[place]]] = number
