"""Whether runs meet the same arrivals, service times and failures.

Two runs that do differ in nothing but what is done about them. It is looked for in what was drawn
for them, and in what their logs say was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import SimqueueError
from simqueue.record.attempt_log import (
    COMPLETED,
    FAILED,
    NOT_DONE,
    RETRIED,
    STALLED,
    AttemptLog,
    Floats,
)
from simqueue.workload.arrivals import Follows
from simqueue.workload.production import NO_OVERHEAD
from simqueue.workload.workload import Kind, Workload

#: Rounding of times that are sums.
_ROUNDING_S = 1e-6


def check_draws(one: Workload, other: Workload, who: tuple[str, str]) -> None:
    """Make sure that two workloads bring the same roots, and the same first attempts of each job.

    Parameters
    ----------
    one, other
        The workloads of one replication.
    who
        What to call them.

    Raises
    ------
    SimqueueError
        Names the first draw that differs.
    """
    for what, mine, theirs in shared_draws(one, other):
        if len(mine) != len(theirs):
            raise SimqueueError(
                f"{who[0]} and {who[1]} cannot be set side by side: of {what} one has "
                f"{len(mine):,} and the other {len(theirs):,}"
            )
        differs = np.flatnonzero(mine != theirs)
        if len(differs):
            first = int(differs[0])
            raise SimqueueError(
                f"{who[0]} and {who[1]} cannot be set side by side: {what} differ, first for root "
                f"arrival {first + 1}: {mine[first]!s} and {theirs[first]!s}"
            )


def shared_draws(
    one: Workload, other: Workload
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """What two workloads should have in common: what it is, and what each of them has.

    Kinds of jobs, moments of arrivals, then what the first attempts at the jobs of each kind bring,
    an element for each root arrival.
    """
    names = [[(kind.queue, kind.name, kind.stream) for kind in each.kinds] for each in (one, other)]
    yield "kinds of jobs", np.array(sorted(names[0])), np.array(sorted(names[1]))
    for queue, stream in one.scenario.arrivals.items():
        what = "think times" if isinstance(stream, Follows) else "arrivals"
        yield f"{queue} {what}", one.streams[queue].times_s, other.streams[queue].times_s
    theirs = dict(zip(names[1], other.kinds, strict=True))
    for name, kind in zip(names[0], one.kinds, strict=True):
        if name not in theirs:
            continue
        drawn = one.attempts(kind.number, 1), other.attempts(theirs[name].number, 1)
        for what, field in (("cpu times", "cpu_s"), ("io times", "io_s"), ("failures", "fails")):
            mine, their = (np.asarray(getattr(each, field)) for each in drawn)
            yield f"{what} of the first attempts at {kind.name} jobs", mine, their


def check_log(log: AttemptLog, workload: Workload, who: str) -> None:
    """Make sure that a log has the jobs of its workload, and does to them what was drawn.

    Parameters
    ----------
    log
        One replication.
    workload
        What was run.
    who
        What to call it.

    Raises
    ------
    SimqueueError
        Names what is missing, or the first attempt that is not as it was drawn.
    """
    rows = log.rows
    turned_away = bool(np.isin(rows["outcome"], NOT_DONE).any())
    for kind in workload.kinds:
        of_kind = rows[rows["job"] % len(workload.kinds) == kind.number]
        follows = isinstance(workload.scenario.arrivals.get(kind.queue), Follows)
        if kind.parent < 0 and not (follows and turned_away):
            requests = len(np.unique(of_kind["job"]))
            brought = int(np.isfinite(workload.streams[kind.queue].times_s).sum())
            if requests != brought:
                raise SimqueueError(
                    f"{who}: the log has {requests:,} {kind.name} requests, and the workload "
                    f"brings {brought:,}"
                )
        for attempt in np.unique(of_kind["attempt"]).tolist():
            _check_attempts(of_kind[of_kind["attempt"] == attempt], workload, kind, attempt, who)


def _brought(
    workload: Workload, kind: Kind, attempt: int, number: NDArray[np.int64], started: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Seconds of cpu and io of attempts that started then, and whether they fail."""
    if kind.number not in workload.outages:
        drawn = workload.attempts(kind.number, attempt)
        least = np.asarray(drawn.cpu_s)[number] + np.asarray(drawn.io_s)[number]
        return least, np.asarray(drawn.fails)[number] > 0
    each = [
        workload.brings(kind.number, root, attempt, at)
        for root, at in zip(number.tolist(), started.tolist(), strict=True)
    ]
    least = np.array([one.cpu_s + one.io_s for one in each])
    return least, np.array([one.fails > 0 for one in each], bool)


def _check_attempts(
    rows: NDArray[np.void], workload: Workload, kind: Kind, attempt: int, who: str
) -> None:
    scenario = workload.scenario
    if scenario.queues[kind.queue].downstream is not None:
        return  # how long an attempt takes, and whether it fails, others have a say in
    number = rows["job"] // len(workload.kinds)
    took = rows["finished_s"] - rows["started_s"]
    least, fails = _brought(workload, kind, attempt, number, rows["started_s"])
    # Who stalled too often fails without having run; so may a job whose child has failed.
    stalled = np.isin(rows["job"], rows["job"][(rows["outcome"] == STALLED) | (rows["run"] > 1)])
    ended = np.isin(rows["outcome"], (COMPLETED, RETRIED, FAILED)) & ~stalled
    ended &= np.isfinite(rows["started_s"])
    if workload.children(kind.number):  # that children are pending makes an attempt fail
        fails = fails | (rows["outcome"] != COMPLETED)
    held_up = any(queue.has_cpu for queue in scenario.queues.values())
    held_up |= not scenario.in_process and scenario.bullmq.overhead != NO_OVERHEAD
    wrong = took < least - _ROUNDING_S if held_up else abs(took - least) > _ROUNDING_S
    wrong |= (rows["outcome"] == COMPLETED) == fails
    found = np.flatnonzero(ended & wrong)
    if len(found):
        first = found[0]
        ended_as = "completed" if rows["outcome"][first] == COMPLETED else "failed"
        raise SimqueueError(
            f"{who}: attempt {attempt} at {workload.job_id(kind, int(number[first]))} took "
            f"{took[first]:g} s and {ended_as}; drawn were {least[first]:g} s and "
            f"{'a failure' if fails[first] else 'no failure'}"
        )
