"""What happened on a day that was watched: jobs, and attempts at them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from simqueue.calibration.heads import Head, JobKey


class Attempt(NamedTuple):
    """One attempt; seconds since the first watch began, breaks between watches cut out.

    ``outcome`` is a word of the attempt log; NaN stands for what has not happened. ``carried`` says
    that the job was there when the watch began: how long it had waited before is not counted.
    """

    job: JobKey
    attempt: int
    run: int
    enqueued_s: float
    ready_s: float
    started_s: float
    finished_s: float
    outcome: str
    worker: str
    reason: str
    carried: bool


@dataclass
class Job:
    """What is known of a job.

    Attributes
    ----------
    key, head
        Which it is, and what its hash said; ``None`` if that was gone before it was looked at.
    name
        Its kind; empty if nobody said it.
    enqueued_s, due_s
        When it came, and when it was due first; both 0 for what was there when a watch began.
    carried
        Whether it was there when a watch began.
    children
        Whether it waited for children before it was run.
    """

    key: JobKey
    head: Head | None
    name: str
    enqueued_s: float
    due_s: float
    carried: bool = False
    children: bool = False


@dataclass
class Day:
    """What happened, in jobs and attempts.

    Attributes
    ----------
    jobs
        By key; where an id came again after its job had ended, ``#2`` and so on is added to it.
    attempts
        In the order in which they ended; after them those that had not.
    pauses
        By queue: from and to, seconds.
    lasted_s
        How long was watched.
    starts_s
        When each watch began.
    without_head
        Jobs whose hash was gone before it was looked at: what is said of them is what is most often
        said of jobs of their name.
    vanished
        Jobs that had not ended when another came with the same id.
    put_off
        Runs in which a handler put its job off (``moveToDelayed``) or paused its queue
        (``rateLimit``): they are no attempts.
    asked
        By queue: pauses that handlers asked for (``rateLimit``), from and to, seconds; they are
        among ``pauses``, too.
    duplicates
        By queue: how often a job was not added because there was one like it.
    in_parts
        Queues whose handlers add children and wait for them: what comes before and what comes after
        is a job each here.
    """

    jobs: dict[JobKey, Job] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    pauses: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    lasted_s: float = 0.0
    starts_s: list[float] = field(default_factory=list)
    without_head: int = 0
    vanished: int = 0
    put_off: list[Attempt] = field(default_factory=list)
    asked: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    duplicates: Counter[str] = field(default_factory=Counter)
    in_parts: set[str] = field(default_factory=set)

    def of_queue(self, queue: str) -> list[Attempt]:
        """The attempts at the jobs of a queue."""
        return [one for one in self.attempts if one.job.queue == queue]
