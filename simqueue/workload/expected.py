"""What an attempt is expected to bring: how long its io part lasts, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simqueue.workload.distributions import Constant, Distribution, Empirical, Exponential
from simqueue.workload.outages import Outage
from simqueue.workload.queues import QueueModel
from simqueue.workload.size import attempts_mean

#: Points between which a distribution function is followed; from the last, down by so much.
_POINTS, _DOWN_TO = 4_000, 1e-9


@dataclass(frozen=True)
class Expected:
    """Of one attempt.

    Attributes
    ----------
    io_s
        Mean of its io part, seconds.
    fails, fatal
        Probability that it fails, and that no retry can help then.
    """

    io_s: float
    fails: float
    fatal: float

    @property
    def retried(self) -> float:
        """Probability that it fails and is tried again, if attempts are left."""
        return self.fails - self.fatal

    def hit(self, outage: Outage, timeout_s: float | None) -> Expected:
        """Of an attempt that starts in an outage."""
        rate, hang = outage.rate, outage.hang
        hangs_s = self.io_s if hang is None else mean_up_to(hang, timeout_s)
        return Expected(
            io_s=(1 - rate) * self.io_s + rate * hangs_s,
            fails=self.fails + rate * (1 - self.fails),
            fatal=self.fatal * (1 - rate),
        )


def expected(queue: QueueModel, attempt: int = 1) -> Expected:
    """Of the ``attempt``-th attempt at a job of a queue that starts outside of outages."""
    p, most, service = queue.fails_of(attempt), queue.timeout_s, queue.times_of(attempt).service
    failing = queue.failure_service or service
    io_s = mean_up_to(service, most)
    if queue.failure_service is not None:
        io_s = (1 - p) * io_s + p * mean_up_to(failing, most)
    if most is None:
        return Expected(io_s, p, p * queue.fatal_rate)
    return Expected(
        io_s,
        fails=p + (1 - p) * share_beyond(service, most),
        fatal=p * (1 - share_beyond(failing, most)) * queue.fatal_rate,
    )


def attempts_of(queue: QueueModel, *, single: bool = False) -> float:
    """Attempts that a job of a queue needs on average, over its classes.

    ``single``: as in in-process mode, where nothing is tried again.
    """
    return sum(s * _job(one, 1 if single else one.attempts)[0] for s, one in queue.parts)


def fails_for_good(queue: QueueModel, *, single: bool = False) -> float:
    """Probability that a job of a queue fails for good, over its classes; see `attempts_of`."""
    return sum(s * _job(one, 1 if single else one.attempts)[1] for s, one in queue.parts)


def _job(queue: QueueModel, most: int) -> tuple[float, float]:
    """Of a job that may have ``most`` attempts: how many it needs, and whether it fails for good.

    It does so by a fatal failure, or after its last attempt. The last of the attempts that differ
    stands for all after it.
    """
    made, needed, fails = 1.0, 0.0, 0.0
    differing = min(most, 1 + len(queue.later_attempts))
    for attempt in range(1, differing):
        ends = expected(queue, attempt)
        needed, fails = needed + made, fails + made * ends.fatal
        made *= ends.retried
    ends, left = expected(queue, differing), most - differing + 1
    rest = attempts_mean(ends.retried, left)
    return needed + made * rest, fails + made * (ends.fatal * rest + ends.retried**left)


def retried_at_most(queue: QueueModel) -> float:
    """The highest probability that an attempt at a job of a queue is tried again."""
    return max(
        expected(one, attempt).retried
        for _, one in queue.parts
        for attempt in range(1, 2 + len(queue.later_attempts))
    )


def retries(queue: QueueModel) -> bool:
    """Whether any job of a queue may come again."""
    return any(one.attempts > 1 and expected(one).retried > 0 for _, one in queue.parts)


def io_mean_s(queue: QueueModel) -> float:
    """Mean of the io part of a first attempt, over the classes of a queue's jobs, seconds."""
    return sum(share * expected(one).io_s for share, one in queue.parts)


def work_mean_s(queue: QueueModel) -> float:
    """Mean of what a first attempt takes, cpu and io, over the classes of jobs, seconds."""
    return sum(share * (expected(one).io_s + one.cpu.mean) for share, one in queue.parts)


def share_beyond(distribution: Distribution, seconds: float) -> float:
    """Probability that a duration is longer than ``seconds``."""
    return 1 - float(distribution.cdf(np.array([seconds]))[0])


def mean_up_to(distribution: Distribution, most: float | None) -> float:
    """Mean of a duration that is cut off after ``most`` seconds; ``None``: it never is.

    That is the integral of 1 - F from 0 to ``most``; for an exponential m (1 - exp(-most / m)).
    """
    if most is None:
        return distribution.mean
    if isinstance(distribution, Constant):
        return min(distribution.mean_s, most)
    if isinstance(distribution, Empirical):
        return float(np.minimum(distribution.values, most).mean())
    if isinstance(distribution, Exponential):
        return distribution.mean_s * float(-np.expm1(-most / distribution.mean_s))
    at = np.concatenate([[0.0], np.geomspace(most * _DOWN_TO, most, _POINTS)])
    beyond = 1 - distribution.cdf(at)
    return float(np.sum(np.diff(at) * (beyond[1:] + beyond[:-1]) / 2))
