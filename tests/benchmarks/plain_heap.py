"""BullMQ's order of jobs a second time: a heap of events in plain Python.

It shares no code with simqueue, and none with SimPy. What it knows of BullMQ is what its scripts
say: a slot that is free asks for a job; what is due by then is moved to the tail of the list first
(``moveToActive-11.lua``, ``promoteDelayedJobs.lua``); the job at the head is taken. A slot that
finds nothing is told of the next job at once, and of a retry when it is due. A retry without a wait
goes to the tail itself, before the slot that failed it asks again.
"""

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush

#: What comes first at one moment.
ENDS, IS_DUE, ARRIVES = range(3)

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
    events = [(at, ARRIVES, job, 1, at) for job, at in enumerate(arrivals_s)]
    waiting: deque[tuple[int, int]] = deque()
    due: list[tuple[int, int]] = []
    made = []
    free = slots
    while events:
        now, what, job, attempt, started = heappop(events)
        if what == ARRIVES:
            waiting.append((job, attempt))
        elif what == IS_DUE:
            due.append((job, attempt))
        else:
            free += 1
            again = attempt < tries and bool(fails[attempt - 1][job])
            made.append((job, attempt, started, now, again))
            wait = backoff_s[attempt - 1][job]
            if again and wait > 0:
                heappush(events, (now + wait, IS_DUE, job, attempt + 1, now))
            elif again:
                due.append((job, attempt + 1))
        if free and what != ARRIVES:
            waiting.extend(due)
            due.clear()
        while free and waiting:
            free -= 1
            job, attempt = waiting.popleft()
            heappush(events, (now + service_s[attempt - 1][job], ENDS, job, attempt, now))
    return made
