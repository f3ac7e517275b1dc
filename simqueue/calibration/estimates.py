"""What each queue is like, by what was seen of it: the numbers that a scenario says."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.calibration.backoffs import backoff_of, most_said
from simqueue.calibration.classes import Kind, kinds_of
from simqueue.calibration.coming import (
    arrivals_of,
    children_of,
    clock_of,
    counts_from_due,
    families_of,
    is_scheduled,
    scheduler_of,
)
from simqueue.calibration.days import Attempt, Day, Job
from simqueue.calibration.failures import Burst, bursts_of, rates_differ
from simqueue.calibration.heads import JobKey
from simqueue.calibration.limits import SeenLimiter, global_concurrency_of, limiter_of
from simqueue.calibration.overheads import overhead_of
from simqueue.calibration.seen import Seen
from simqueue.calibration.workers import SeenWorkers, language_of, workers_of
from simqueue.results.wording import count

Floats = NDArray[np.float64]

#: With fewer values a distribution of its own would say little.
ENOUGH = 30


@dataclass(frozen=True)
class KindEstimate:
    """Jobs of a queue that are treated alike.

    Attributes
    ----------
    kind
        Which they are.
    jobs
        How many came.
    attempts
        Tries that each has in all.
    service_s
        How long attempts took that completed, seconds.
    failure_rate, tries
        Share of the attempts that failed, of so many; bursts of failures left out.
    delays_s
        Of each job that came: how long after that it was due, seconds.
    backoff
        The wait between two attempts, as a scenario's table.
    others
        How many of them say something else of attempts and backoff than most do.
    """

    kind: Kind
    jobs: int
    attempts: int
    service_s: Floats
    failure_rate: float
    tries: int
    delays_s: Floats
    backoff: dict[str, Any] | None
    others: int = 0


@dataclass(frozen=True)
class QueueEstimate:
    """One queue.

    Attributes
    ----------
    queue
        Its name.
    kinds
        Of its jobs, the most frequent first.
    arrivals
        When jobs came from outside, seconds, and which; children of a flow do not.
    attempts
        How many attempts ended.
    fatal_rate
        Share of the failures after which nothing was tried again though attempts were left.
    later_failure
        Share of the attempts after the first that failed, where they do so surely more or less
        often than first attempts; else ``None``. Then `KindEstimate.failure_rate` is that of first
        attempts alone.
    failed_s
        How long attempts took that failed, seconds.
    bursts
        When attempts failed together.
    reasons
        Classes of errors of final failures, and how often.
    limiter, global_concurrency, paused, lifo
        What keeps jobs waiting, and who is next.
    workers
        Who worked on it.
    children, child_failure
        A flow's: the shares of the jobs that come with so many jobs of which queues, and what the
        failure of these does.
    stalled
        Runs that nobody ended.
    due
        Whether arrivals are the moments when jobs were due, and not when they were added.
    clock
        Of the one job scheduler that brings all jobs: every so many seconds, and when first.
    schedulers
        Else of each arrival that a scheduler brings, which one.
    notes
        What one should know, a sentence each.
    """

    queue: str
    kinds: tuple[KindEstimate, ...]
    arrivals: tuple[tuple[float, JobKey], ...]
    attempts: int
    fatal_rate: float
    failed_s: Floats
    bursts: tuple[Burst, ...]
    reasons: dict[str, int]
    limiter: SeenLimiter | None
    global_concurrency: int | None
    paused: tuple[tuple[float, float], ...]
    lifo: bool
    workers: SeenWorkers
    children: dict[str, dict[int, float]]
    child_failure: str
    stalled: int
    due: bool
    clock: tuple[float, float] | None = None
    schedulers: dict[JobKey, str] = field(default_factory=dict)
    later_failure: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def gated(self) -> bool:
        """Whether jobs waited, or may have, although some slot was idle."""
        limited = self.limiter is not None and self.limiter.reached != 0
        return limited or self.global_concurrency is not None or bool(self.paused)


@dataclass(frozen=True)
class Estimates:
    """All queues that had jobs.

    Attributes
    ----------
    queues
        By name.
    kinds
        Of each job.
    idle
        Queues of which no job was seen.
    language
        What the workers are written in, if a lock was seen.
    overhead
        What the queue itself costs, seconds, by the names of a scenario's table; only what was
        seen often enough.
    """

    queues: dict[str, QueueEstimate]
    kinds: dict[JobKey, Kind]
    idle: tuple[str, ...]
    language: str | None
    overhead: dict[str, float] = field(default_factory=dict)


def estimates_of(seen: Seen, day: Day) -> Estimates:
    """What was seen, in numbers."""
    kinds = kinds_of(day)
    by_queue: dict[str, list[Attempt]] = {queue: [] for queue in seen.queues}
    for one in day.attempts:
        by_queue.setdefault(one.job.queue, []).append(one)
    families = families_of(day)
    found = {
        queue: _queue(seen, day, queue, attempts, kinds, families)
        for queue, attempts in by_queue.items()
        if attempts
    }
    idle = tuple(queue for queue in seen.queues if queue not in found)
    language = language_of(one.worker for one in day.attempts)
    overhead = overhead_of(
        day, {queue: one.workers for queue, one in found.items() if not one.gated}
    )
    return Estimates(found, kinds, idle, language, overhead)


def _queue(
    seen: Seen,
    day: Day,
    queue: str,
    attempts: list[Attempt],
    kinds: Mapping[JobKey, Kind],
    families: Mapping[JobKey, list[JobKey]],
) -> QueueEstimate:
    jobs = [job for job in day.jobs.values() if job.key.queue == queue]
    came = [job for job in jobs if not job.carried]
    ended = [one for one in attempts if one.outcome in ("completed", "retried", "failed")]
    ran = sorted((one for one in ended if not math.isnan(one.started_s)), key=_start)
    failed = np.array([one.outcome != "completed" for one in ran], dtype=bool)
    bursts = bursts_of(np.array([one.started_s for one in ran]), failed)
    in_burst = {id(one) for one in ran if any(b.from_s <= one.started_s < b.to_s for b in bursts)}
    looks = [look for watch in seen.watches for look in watch.looks.get(queue, ())]
    limiter = limiter_of(looks, *_starts_ms(seen, day, attempts))
    most = global_concurrency_of(looks)
    gated = most is not None or (limiter is not None and limiter.reached != 0)
    workers = workers_of(seen, day, queue, gated)
    chance = [one for one in ran if id(one) not in in_burst]
    later_failure = _later_failure(chance)
    usual = chance if later_failure is None else [one for one in chance if one.attempt == 1]
    due = counts_from_due(came, day.lasted_s)
    children, child_failure = children_of(day, queue, families)
    counts = Counter(kinds[job.key] for job in (came or jobs))
    own = tuple(
        _kind(kind, many, day, ran, usual, came, kinds, due) for kind, many in counts.most_common()
    )
    lost = [one for one in ran if one.outcome == "failed"]
    early = [one for one in lost if one.attempt < _attempts(day.jobs[one.job])]
    by_chance = sum(one.outcome != "completed" for one in chance)
    fatal = sum(id(one) not in in_burst for one in early)
    arrivals = arrivals_of(jobs, day, due, families)
    clock = clock_of(arrivals, jobs) if len(own) == 1 and not children else None
    scheduled = () if clock else arrivals
    schedulers = {key: who for _, key in scheduled if (who := scheduler_of(day.jobs[key]))}
    return QueueEstimate(
        queue=queue,
        kinds=own,
        arrivals=arrivals,
        attempts=len(ran),
        fatal_rate=fatal / by_chance if by_chance else 0.0,
        failed_s=_lasted([one for one in chance if one.outcome != "completed"]),
        bursts=tuple(bursts),
        reasons=dict(Counter(one.reason for one in lost if one.reason)),
        limiter=limiter,
        global_concurrency=most,
        paused=tuple(day.pauses.get(queue, ())),
        lifo=bool(jobs) and sum(bool(job.head and job.head.lifo) for job in jobs) * 2 > len(jobs),
        workers=workers,
        children=children,
        child_failure=child_failure,
        stalled=sum(one.outcome == "stalled" for one in attempts),
        due=due,
        clock=clock,
        schedulers=schedulers,
        later_failure=later_failure,
        notes=tuple(_notes(queue, own, queue in day.in_parts, schedulers)),
    )


def _starts_ms(
    seen: Seen, day: Day, attempts: Sequence[Attempt]
) -> tuple[list[float], list[float]]:
    """When attempts started, ascending, and since when each had waited: Unix time."""
    pairs = sorted((one.started_s, one.ready_s) for one in attempts if one.started_s > -1)
    zeros = [
        watch.began_ms - 1000 * start_s
        for watch, start_s in zip(seen.watches, day.starts_s, strict=True)
    ]
    offsets = [zeros[bisect_right(day.starts_s, started) - 1] for started, _ in pairs]
    both = list(zip(offsets, pairs, strict=True))
    return (
        [zero + 1000 * started for zero, (started, _) in both],
        [zero + 1000 * ready for zero, (_, ready) in both],
    )


def _kind(
    kind: Kind,
    jobs: int,
    day: Day,
    ran: Sequence[Attempt],
    chance: Sequence[Attempt],
    came: Sequence[Job],
    kinds: Mapping[JobKey, Kind],
    due: bool,
) -> KindEstimate:
    mine = [one for one in ran if kinds[one.job] == kind]
    usual = [one for one in chance if kinds[one.job] == kind]
    heads = [job.head for job in day.jobs.values() if job.head and kinds[job.key] == kind]
    mine_came = [job for job in came if kinds[job.key] == kind]
    delays = [
        0.0 if due or is_scheduled(job) else job.due_s - job.enqueued_s
        for job in mine_came
        if not job.children
    ]
    return KindEstimate(
        kind=kind,
        jobs=jobs,
        attempts=most_said([head.attempts for head in heads], 1),
        service_s=_lasted([one for one in mine if one.outcome == "completed"]),
        failure_rate=float(np.mean([one.outcome != "completed" for one in usual]))
        if usual
        else 0.0,
        tries=len(usual),
        delays_s=np.array(delays),
        backoff=backoff_of(heads, mine),
        others=_others([(head.attempts, repr(head.backoff)) for head in heads]),
    )


def _later_failure(chance: Sequence[Attempt]) -> float | None:
    """The share of failures after the first attempt, if it surely is not that of the first."""
    parts = [[one for one in chance if (one.attempt > 1) is later] for later in (False, True)]
    counts = [(float(sum(one.outcome != "completed" for one in mine)), len(mine)) for mine in parts]
    failed, all_of = counts[1]
    return failed / all_of if rates_differ(counts) else None


def _others(values: Sequence[Any]) -> int:
    return len(values) - max(Counter(values).values(), default=0)


def _start(one: Attempt) -> float:
    return one.started_s


def _attempts(job: Job) -> int:
    return job.head.attempts if job.head else 1


def _lasted(attempts: Sequence[Attempt]) -> Floats:
    return np.array([one.finished_s - one.started_s for one in attempts])


def _notes(
    queue: str, own: Sequence[KindEstimate], in_parts: bool, schedulers: Mapping[JobKey, str]
) -> Iterator[str]:
    """What is simpler in the scenario than it was."""
    if in_parts:
        yield (
            f"{queue}: handlers add children while they run, and wait for them. What they do "
            "before and after counts as a job each, and the children come by themselves: response "
            "times here are those of the parts."
        )
    if schedulers:
        names = sorted(set(schedulers.values()))
        who = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        yield (
            f"{queue}: {count(len(names), 'scheduler')} ({who}) brought "
            f"{count(len(schedulers), 'job')}. They come at the moments when they came, whatever "
            "`--traffic` says. Where the queue is so late that BullMQ skips a slot, the scenario "
            "skips none."
        )
    for kind in own:
        if kind.others:
            who = f", {kind.kind.label}" if len(own) > 1 else ""
            yield (
                f"{queue}{who}: {kind.others:,} of {kind.jobs:,} jobs say something else of "
                "attempts and backoff than most do; the scenario has what most say."
            )
