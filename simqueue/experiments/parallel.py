"""Many independent runs on all cores of this machine, or on a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, TypeVar

from simqueue.errors import InputError, JobError
from simqueue.extras import naming_extras

Task = TypeVar("Task")
Done = TypeVar("Done")


def check_cores(cores: int | None) -> int:
    """How many processes to use; ``None``: as many as this machine lends us.

    Raises
    ------
    InputError
        If it is no number of processes.
    """
    if cores is None:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    if not isinstance(cores, int) or cores < 1:
        raise InputError(f"cores = {cores!r}: expected a whole number of at least 1")
    return cores


def run_all(
    work: Callable[[Task], Done],
    tasks: Sequence[Task],
    cores: int | None = None,
    cluster: str | None = None,
) -> Iterator[tuple[int, Done]]:
    """Do ``work`` on each task, and give what came of it as it comes: number of the task, result.

    Parameters
    ----------
    work
        A function of a module: it is sent to other processes.
    tasks
        What to do; begun in this order.
    cores
        Processes on this machine; by default as many as there are cores. With one, nothing leaves
        this process.
    cluster
        Address of a Dask scheduler, such as ``tcp://10.0.0.5:8786``; then ``cores`` is not asked.

    Raises
    ------
    InputError
        If ``cores`` is no number of processes.
    JobError
        If no cluster answers there.
    """
    if cluster is not None:
        yield from _on_cluster(work, tasks, cluster)
        return
    number = min(check_cores(cores), max(len(tasks), 1))
    if number == 1:
        for place, task in enumerate(tasks):
            yield place, work(task)
        return
    from joblib import Parallel, delayed

    # A process that waits while its neighbour simulates a long day is not to be given up.
    pool = Parallel(
        n_jobs=number, return_as="generator_unordered", batch_size=1, idle_worker_timeout=3600
    )
    with closing(pool(delayed(_numbered)(work, at, task) for at, task in enumerate(tasks))) as done:
        yield from done


def _numbered(work: Callable[[Task], Done], place: int, task: Task) -> tuple[int, Done]:
    return place, work(task)


def _on_cluster(
    work: Callable[[Task], Done], tasks: Sequence[Task], address: str
) -> Iterator[tuple[int, Done]]:
    distributed: Any
    with naming_extras("sweeps"):
        from dask import distributed
    try:
        client = distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise JobError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        futures = [client.submit(_numbered, work, *one, pure=False) for one in enumerate(tasks)]
        for future in distributed.as_completed(futures, loop=client.loop):
            yield future.result()
