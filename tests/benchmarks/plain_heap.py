"""BullMQ's order of jobs a second time: a heap of events in plain Python.

It shares no code with simqueue, and none with SimPy. What it knows of BullMQ is what its scripts
say: a slot that is free asks for a job; what is due by the end of that millisecond is moved to the
tail of the list first, a thousand at most (``moveToActive-11.lua``, ``promoteDelayedJobs.lua``); the
job at the head is taken, and worked on when it is due. A slot that finds nothing is told of the next
job at once, and of a retry when it is due. A retry without a wait goes to the tail itself, before the
slot that failed it asks again.
"""

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count
from math import floor

#: What comes first at one moment.
ENDS, IS_DUE, ARRIVES = range(3)
#: A microsecond: sums of floats are to fall into the millisecond that they would without rounding.
TINY_S = 1e-6

Table = Sequence[Sequence[float]]


def attempts_of(
    slots: int,
    tries: int,
    arrivals_s: Sequence[float],
    service_s: Table,
    fails: Table,
    backoff_s: Table,
) -> list[tuple[int, int, float, float, bool]]:
    """Every attempt as (job, number from 1, start, end, whether it is tried again), in order.

    The tables hold a row for each attempt and a column for each job.
    """
    order = count()
    events = [(at, ARRIVES, next(order), job, 1, at) for job, at in enumerate(arrivals_s)]
    waiting: deque[tuple[int, int, float]] = deque()
    due: list[tuple[int, int, float]] = []
    made = []
    free = slots
    while events:
        now, what, _, job, attempt, since = heappop(events)
        if what == ARRIVES:
            waiting.append((job, attempt, now))
        elif what == IS_DUE:
            due.append((job, attempt, since))
        else:
            free += 1
            again = attempt < tries and bool(fails[attempt - 1][job])
            made.append((job, attempt, since, now, again))
            at = now + backoff_s[attempt - 1][job]
            if again and at > now:
                millisecond = floor(1000 * (at + TINY_S)) / 1000 - TINY_S
                event = (max(millisecond, now), IS_DUE, next(order), job, attempt + 1, at)
                heappush(events, event)
            elif again:
                due.append((job, attempt + 1, now))
        # A slot that ends in the very millisecond sees what its own attempt has put there.
        while events and events[0][0] <= now and events[0][1] == IS_DUE:
            _, _, _, job, attempt, since = heappop(events)
            due.append((job, attempt, since))
        if free and what != ARRIVES:
            waiting.extend(due[:1000])
            del due[:1000]
        while free and waiting:
            free -= 1
            job, attempt, since = waiting.popleft()
            starts = max(now, since)
            ends = starts + service_s[attempt - 1][job]
            heappush(events, (ends, ENDS, next(order), job, attempt, starts))
    return made
