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

#: Places for jobs, over all workers and queues: some 700 bytes each.
MAX_SLOTS = 1_000_000
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


def children_first(follow_ups: FollowUps) -> list[str]:
    """The queues, each after all queues that its jobs are followed in.

    Raises
    ------
    ValueError
        If jobs would go in a circle, or follow-ups go too deep.
    """
    children = {queue: {*completed, *failed} for queue, (completed, failed) in follow_ups.items()}
    try:
        order = list(graphlib.TopologicalSorter(children).static_order())
    except graphlib.CycleError as error:
        circle = error.args[1][::-1]
        raise ValueError(
            f"{key_of('queues', circle[0], 'follow_up')}: jobs would go in a circle, "
            f"{' -> '.join(circle)}"
        ) from None
    depth: dict[str, int] = {}
    for queue in order:
        depth[queue] = 1 + max((depth[child] for child in children[queue]), default=0)
        if depth[queue] > MAX_DEPTH:
            raise ValueError(
                f"{key_of('queues', queue, 'follow_up')}: follow-ups of follow-ups go "
                f"{depth[queue]} deep; at most {MAX_DEPTH}"
            )
    return order


def kinds_each(follow_ups: FollowUps) -> dict[str, float]:
    """Kinds of jobs that a job of each queue makes: its own, and one for each way on from it."""
    found: dict[str, float] = {}
    for queue in children_first(follow_ups):
        found[queue] = 1.0 + sum(found[child] for ways in follow_ups[queue] for child in ways)
    return found


def most_each(follow_ups: FollowUps, own: Mapping[str, float]) -> dict[str, float]:
    """What a job of each queue brings at most: ``own``, and that of the jobs that may follow."""
    found: dict[str, float] = {}
    for queue in children_first(follow_ups):
        # It either completes or fails.
        follows = (sum(found[child] for child in ways) for ways in follow_ups[queue])
        found[queue] = own[queue] + max(follows)
    return found


def check_slots(workers: int, concurrency: int, queues: int) -> None:
    """Refuse more slots than fit.

    Raises
    ------
    ValueError
        Says how many there would be.
    """
    slots = workers * concurrency * queues
    if slots > MAX_SLOTS:
        raise ValueError(
            f"workers: {workers:,} workers with {concurrency:,} slots for each of {queues:,} "
            f"queue{'s' * (queues > 1)} have {slots:,} slots; at most {MAX_SLOTS:,}"
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
            f"queues: follow-ups and clients' retries make {_count(kinds)} kinds of jobs (each way "
            f"from an arrival to a queue is one); at most {MAX_KINDS:,}"
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
