"""Flows: everything that came of one root arrival, from its enqueueing to the last job's end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.results.history import History
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
    queue = np.repeat(np.arange(len(run)), [len(history.jobs.job) for history in run])
    job, flow, enqueued, finished = (
        np.concatenate([getattr(history.jobs, name) for history in run])
        for name in ("job", "flow", "enqueued_s", "finished_s")
    )
    if (flow[1:] <= flow[:-1]).any():
        order = np.argsort(flow, kind="stable")
        queue, job, flow = queue[order], job[order], flow[order]
        enqueued, finished = enqueued[order], finished[order]
    elif (job == flow).all():  # each is a flow by itself
        return queue, enqueued, finished, queue
    first = np.flatnonzero(np.append(True, flow[1:] != flow[:-1]))
    root = np.maximum.reduceat(np.where(job == flow, queue, -1), first)
    ends = np.maximum.reduceat(finished, first)  # NaN, if one of them is
    is_last = finished == np.repeat(ends, np.diff(np.append(first, len(flow))))
    last = np.maximum.reduceat(np.where(is_last, queue, 0), first)
    # A log of a part of a run may lack root jobs: then the first to finish stands for it.
    lacking = np.flatnonzero(root < 0)
    if len(lacking):
        early = np.lexsort((finished, flow))  # NaN comes last
        root[lacking] = queue[early][first[lacking]]
    return root, np.minimum.reduceat(enqueued, first), ends, last
