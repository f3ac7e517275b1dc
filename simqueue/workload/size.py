"""How large a scenario is: what would fill all memory, or last for ever, is refused beforehand.

The limits are generous. Whoever meets one has most likely written milliseconds, or one factor of a
thousand too many.
"""

from __future__ import annotations

import graphlib
import math
from collections.abc import Mapping, Sequence

from simqueue.policies import QueuePolicy
from simqueue.workload.changes import key_of

#: Places for jobs, over all workers and queues, or all web processes: some 700 bytes each.
MAX_SLOTS = 1_000_000
#: Worker processes of all pools together.
MAX_WORKERS = 10_000
#: A kind of job is a way from an arrival to a queue.
MAX_KINDS = 10_000
#: Follow-ups of follow-ups.
MAX_DEPTH = 100
#: Expected attempts of one replication, some 450 bytes each with their summary.
MAX_ATTEMPTS = 20_000_000
#: Looks at locks: a million takes a second or more.
MAX_LOOKS = 100_000_000
#: A number of attempts that fewer jobs than this reach is reached by none.
_NOBODY = 1e-3


#: For each queue: the queues that its jobs are followed in when they complete, and when they fail.
FollowUps = Mapping[str, tuple[Sequence[str], Sequence[str]]]
#: For each queue: how many children its jobs have at most, by their queue.
Children = Mapping[str, Mapping[str, int]]
_NO_CHILDREN: Children = {}


def children_first(follow_ups: FollowUps, children: Children = _NO_CHILDREN) -> list[str]:
    """The queues, each after all queues that its jobs are followed in or have children in.

    Raises
    ------
    ValueError
        If jobs would go in a circle, or follow-ups go too deep.
    """
    added = {
        queue: {*completed, *failed, *children.get(queue, ())}
        for queue, (completed, failed) in follow_ups.items()
    }
    try:
        order = list(graphlib.TopologicalSorter(added).static_order())
    except graphlib.CycleError as error:
        circle = error.args[1][::-1]
        key = "children" if circle[1] in children.get(circle[0], ()) else "follow_up"
        raise ValueError(
            f"{key_of('queues', circle[0], key)}: jobs would go in a circle, {' -> '.join(circle)}"
        ) from None
    depth: dict[str, int] = {}
    for queue in order:
        depth[queue] = 1 + max((depth[child] for child in added[queue]), default=0)
        if depth[queue] > MAX_DEPTH:
            key, what = "follow_up", "follow-ups of follow-ups"
            if children.get(queue):
                key, what = "children", "children of children"
            raise ValueError(
                f"{key_of('queues', queue, key)}: {what} go {depth[queue]} deep; at most "
                f"{MAX_DEPTH}"
            )
    return order


def kinds_each(follow_ups: FollowUps, children: Children = _NO_CHILDREN) -> dict[str, float]:
    """Kinds of jobs that a job of each queue makes: its own, and one for each way on from it."""
    found: dict[str, float] = {}
    for queue in children_first(follow_ups, children):
        ways = sum(found[child] for ways in follow_ups[queue] for child in ways)
        found[queue] = 1.0 + ways + _together(found, children.get(queue))
    return found


def most_each(
    follow_ups: FollowUps, own: Mapping[str, float], children: Children = _NO_CHILDREN
) -> dict[str, float]:
    """What a job of each queue brings at most: ``own``, its children's, and what follows."""
    found: dict[str, float] = {}
    for queue in children_first(follow_ups, children):
        # It either completes or fails.
        follows = (sum(found[child] for child in ways) for ways in follow_ups[queue])
        found[queue] = own[queue] + max(follows) + _together(found, children.get(queue))
    return found


def _together(each: Mapping[str, float], children: Mapping[str, int] | None) -> float:
    """What some children bring, if one of each queue brings ``each``."""
    return sum(number * each[child] for child, number in (children or {}).items())


def check_slots(pools: Mapping[str, tuple[int, int]]) -> None:
    """Refuse more slots than fit.

    Parameters
    ----------
    pools
        By the place in the scenario: how many workers, and the slots of each, over all queues.

    Raises
    ------
    ValueError
        Says how many there would be.
    """
    for place, (workers, each) in pools.items():
        if workers * each > MAX_SLOTS:
            raise ValueError(
                f"{place}: {workers:,} workers with {each:,} slots each have {workers * each:,} "
                f"slots; at most {MAX_SLOTS:,}"
            )
    workers = sum(workers for workers, _ in pools.values())
    slots = sum(workers * each for workers, each in pools.values())
    if workers > MAX_WORKERS or slots > MAX_SLOTS:
        raise ValueError(
            f"pools: {workers:,} workers in all have {slots:,} slots; at most {MAX_WORKERS:,} "
            f"workers and {MAX_SLOTS:,} slots"
        )


def check_callers(processes: int, each: int) -> None:
    """Refuse more callers than fit; each web process has ``each``.

    Raises
    ------
    ValueError
        Says how many there would be.
    """
    callers = processes * each
    if callers > MAX_SLOTS:
        raise ValueError(
            f"caller: {processes:,} processes with {each:,} callers each have {callers:,} callers; "
            f"at most {MAX_SLOTS:,}"
        )


def check_kinds(kinds: float) -> None:
    """Refuse more kinds of jobs than can be told apart.

    Raises
    ------
    ValueError
        Says how many there would be.
    """
    if kinds > MAX_KINDS:
        raise ValueError(
            f"queues: follow-ups, children and clients' retries make {_count(kinds)} kinds of "
            f"jobs (each way from an arrival to a queue is one); at most {MAX_KINDS:,}"
        )


def check_attempts(attempts: float) -> None:
    """Refuse more attempts than fit a run.

    Raises
    ------
    ValueError
        Says how many are expected.
    """
    if attempts > MAX_ATTEMPTS:
        raise ValueError(
            f"arrivals: {_count(attempts)} attempts are expected in one replication, retries and "
            f"follow-ups included; at most {MAX_ATTEMPTS:,}"
        )


def check_drawn_beside(queue: str, numbers: float) -> None:
    """Refuse arrivals for which more has to be drawn than fits, however few jobs they bring.

    Raises
    ------
    ValueError
        Says how much that is.
    """
    if numbers > MAX_ATTEMPTS:
        raise ValueError(
            f"{key_of('arrivals', queue)}: calm and burst would take turns {_count(numbers)} times "
            f"in duration_s; at most {MAX_ATTEMPTS:,}"
        )


def check_looks(workers: int, every_s: float, lasts_s: float) -> None:
    """Refuse a run that would look at locks for ever.

    Raises
    ------
    ValueError
        Says how often it would.
    """
    looks = workers * lasts_s / every_s
    if looks > MAX_LOOKS:
        raise ValueError(
            f"bullmq: after a crash each worker looks at its locks every {every_s:g} s; that is "
            f"{_count(looks)} times in the {_count(lasts_s)} s that the run may last; at most "
            f"{MAX_LOOKS:,}"
        )


def check_syncs(place: str, every_s: float, lasts_s: float) -> None:
    """Refuse an autoscaler that would look for ever.

    Raises
    ------
    ValueError
        Says how often it would.
    """
    if lasts_s / every_s > MAX_LOOKS:
        raise ValueError(
            f"{place}: an autoscaler that looks every {every_s:g} s does so "
            f"{_count(lasts_s / every_s)} times in the {_count(lasts_s)} s that the run may last; "
            f"at most {MAX_LOOKS:,}"
        )


def attempts_mean(failure_rate: float, attempts: int) -> float:
    """Attempts that a job is expected to need."""
    if failure_rate in (0.0, 1.0):
        return attempts if failure_rate else 1.0
    return -math.expm1(attempts * math.log(failure_rate)) / (1 - failure_rate)


def longest_backoffs_s(policy: QueuePolicy, failure_rate: float, jobs: float) -> float:
    """How long some of ``jobs`` jobs may spend between their attempts, seconds."""
    retries = policy.retries
    if 0 < failure_rate < 1 and jobs > 0:
        reached = math.log(_NOBODY / max(jobs, 1)) / math.log(failure_rate)
        retries = min(retries, math.ceil(reached))
    return sum(policy.waits_s()[:retries]) if failure_rate > 0 else 0.0


def _count(number: float) -> str:
    return f"{number:,.0f}" if number < 1e12 else f"{number:.3g}"
