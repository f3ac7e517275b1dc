"""What a queue itself sets a limit to, whatever its workers could do: limiter, global concurrency.

No number of workers helps there, and the sentence says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simqueue.record.attempt_log import Floats
from simqueue.results.offered import Offered
from simqueue.results.wording import count, digits
from simqueue.workload.queues import QueueModel

#: Sums of floats: a rate of 20 that comes out a hair above is 20.
_TINY = 1e-9


@dataclass(frozen=True)
class Limit:
    """A limit of a queue's own, and what is asked of it.

    Attributes
    ----------
    binds
        ``limiter`` or ``global concurrency``.
    share
        What is asked between each two edges, as a share of what it lets through.
    let, asked
        Both in words: ``lets 20 a jobs start a second``, ``42 come``.
    """

    binds: Literal["limiter", "global concurrency"]
    share: Floats
    let: str
    asked: str

    def exceeded(self, *, varies: bool) -> bool:
        """Whether more comes, at some time, than it lets through; as much will do with chance."""
        most = float(self.share.max(initial=0.0))
        return most > 1 + _TINY or (varies and most >= 1 - _TINY)


def limits_of(name: str, queue: QueueModel, comes: Offered, edges: Floats) -> list[Limit]:
    """The limits of a queue, the tightest first.

    Parameters
    ----------
    name, queue
        Which.
    comes
        What is asked of it.
    edges
        Of the windows that are looked at, seconds.
    """
    found = []
    if queue.limiter is not None:
        most = queue.limiter.max / queue.limiter.duration_s
        rate = comes.rate(name, edges)
        found.append(
            Limit(
                "limiter",
                rate / most,
                f"the limiter lets {digits(most)} start",
                f"{digits(float(rate.max(initial=0.0)))} {name} jobs a second come",
            )
        )
    if queue.global_concurrency is not None:
        load = comes.load(name, edges)
        found.append(
            Limit(
                "global concurrency",
                load / queue.global_concurrency,
                f"the global concurrency lets {count(queue.global_concurrency, 'job')} be done at "
                "once",
                f"{name} jobs need {digits(float(load.max(initial=0.0)))} slots' worth of work",
            )
        )
    return sorted(found, key=lambda one: -float(one.share.max(initial=0.0)))
