"""What a calibration cannot know, and what its misfit suggests: a sentence each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from simqueue.calibration.days import Attempt, Day
from simqueue.calibration.estimates import ENOUGH, Estimates, QueueEstimate
from simqueue.calibration.fit import Fit
from simqueue.calibration.seen import Seen
from simqueue.results.wording import count, duration

#: So far off, as a share and in seconds, a figure of the model's fits.
FITS, FITS_S = 0.10, 0.005
#: What is less of a response time, nobody has to explain.
_MATTERS = 0.02
#: Jobs that take so many times as long when many run at once as when few do.
_SLOWER = 1.3


def misfit(fit: Fit, measure: str, figure: str) -> float:
    """By which share a figure of the model's is off; 0 where it fits."""
    real, model = getattr(fit, measure)[figure]
    off = abs(model - real)
    return fit.error(measure, figure) if off > FITS_S and off > FITS * real else 0.0


def could_not_see(seen: Seen, day: Day, found: Estimates) -> list[str]:
    """What was not to be seen at all, or not this time."""
    return [
        *_of_the_watch(seen, day),
        *_of_the_queues(found),
        *_of_the_jobs(day),
        *_of_chance(found),
        *_of_the_workers(seen, found),
    ]


def suggestions(day: Day, found: Estimates, fits: Sequence[Fit]) -> list[str]:
    """What may be the reason where the model and the real queue differ."""
    told = []
    for fit in fits:
        off = misfit(fit, "wait_s", "mean") or misfit(fit, "wait_s", "p95")
        apart_s = abs(fit.wait_s["mean"][1] - fit.wait_s["mean"][0])
        matters = fit.jobs >= ENOUGH and apart_s > _MATTERS * fit.response_s["mean"][0]
        if fit.priority is None and off and matters:
            told.append(_why(fit.queue, off, found.queues[fit.queue]))
    for queue in found.queues:
        slower = slower_together(day.of_queue(queue))
        if slower is not None and slower > _SLOWER:
            told.append(
                f"{queue}: attempts take {slower:.1f} times as long when many run at once in a "
                "worker as when few do. Its handlers compute, or call something that slows down. "
                "With more traffic they will take longer than this scenario says: give their cpu "
                "part as `cpu`, and the rest as `service`."
            )
    return told


def slower_together(attempts: Sequence[Attempt]) -> float | None:
    """How many times as long attempts take with many beside them as with few; ``None``: unknown.

    Median times of the thirds that start beside the fewest and the most others of their worker.
    """
    ran = [one for one in attempts if one.outcome == "completed" and one.worker]
    if len(ran) < 4 * ENOUGH:
        return None
    beside = np.empty(len(ran))
    for worker in {one.worker for one in ran}:
        mine = [i for i, one in enumerate(ran) if one.worker == worker]
        starts = np.sort([ran[i].started_s for i in mine])
        ends = np.sort([ran[i].finished_s for i in mine])
        for i in mine:
            at = ran[i].started_s
            begun, over = np.searchsorted(starts, at, "left"), np.searchsorted(ends, at, "right")
            beside[i] = begun - over
    lasted = np.array([one.finished_s - one.started_s for one in ran])
    low, high = np.quantile(beside, (1 / 3, 2 / 3))
    few, many = lasted[beside <= low], lasted[beside >= high]
    if low >= high or min(len(few), len(many)) < ENOUGH or np.median(few) <= 0:
        return None
    return float(np.median(many) / np.median(few))


def _why(queue: str, off: float, one: QueueEstimate) -> str:
    if off < 0:
        return (
            f"{queue}: jobs waited longer than in the model ({off:+.0%}). Something was in their "
            "way that was not seen: a worker that was down or busy with another queue of its "
            "process, handlers that compute, fewer slots than there seemed to be."
        )
    more = "" if one.workers.reached else " All slots were never seen busy: there may be more."
    return (
        f"{queue}: jobs waited less than in the model ({off:+.0%}): there were more slots than was "
        f"seen, or workers came and went.{more}"
    )


def _of_the_watch(seen: Seen, day: Day) -> Iterator[str]:
    if seen.kept:
        yield (
            "Nothing was watched: these are jobs that the queues had kept. Of each only the last "
            "attempt is known, and none of the jobs that were removed: arrivals, failures and the "
            "most jobs at once are too low. Watch the queues for a day that you can trust."
        )
    for queue, at_ms in sorted({pair for watch in seen.watches for pair in watch.gaps}):
        at_s = (at_ms - seen.watches[0].began_ms) / 1000
        yield (
            f"{queue}: events were cut off at {at_s:,.0f} s before they were read: jobs are "
            "missing."
        )
    if len(seen.watches) > 1:
        yield f"What happened between the {len(seen.watches)} watches: it is cut out."
    if day.without_head:
        yield (
            f"{day.without_head:,} of {len(day.jobs):,} jobs were gone before they were looked at: "
            "their options are taken for those of other jobs of their name."
        )
    if day.vanished:
        yield (
            f"{day.vanished:,} jobs were gone without a word before they had ended: Redis lost "
            "what it held, or somebody emptied a queue. What was there beside them is not known."
        )
    if seen.torn:
        yield f"{seen.torn:,} lines of the observations are torn."


def _of_the_queues(found: Estimates) -> Iterator[str]:
    if found.idle:
        yield f"No job was seen in: {', '.join(found.idle)}."
    for queue, one in found.queues.items():
        if one.attempts < 10 * ENOUGH:
            yield (
                f"{queue}: {one.attempts:,} attempts tell means, and little of the tail. Watch "
                "longer."
            )
        if one.due or one.clock:
            who = "by a scheduler" if one.clock else "long before they are due"
            yield (
                f"{queue}: jobs are added {who}. They count from the moment when they were due: "
                "`arrivals` are these moments, and there is no `delay`."
            )
        if one.limiter is not None and not one.limiter.reached:
            yield (
                f"{queue}: its limiter, whose windows last {one.limiter.duration_s:g} s, was never "
                "full: how many starts it allows is not known. The scenario has none; give it the "
                "one of your workers' options, or it lets more through than they do."
            )
        if one.stalled:
            yield (
                f"{queue}: {count(one.stalled, 'run')} stalled: a worker died or lost its lock. "
                "The scenario has no such crash: workers that go finish what they have."
            )
        yield from one.notes


def _of_the_jobs(day: Day) -> Iterator[str]:
    """What producers and handlers do that a scenario has no words for."""
    off: dict[str, list[float]] = {}
    for one in day.put_off:
        off.setdefault(one.job.queue, []).append(one.finished_s - one.started_s)
    for queue, lasted in off.items():
        asked = day.asked.get(queue, ())
        yield (
            f"{queue}: {count(len(lasted), 'run')} put the job off or paused the queue: these are "
            f"no attempts. They held slots for {duration(sum(lasted))} in all, which are not in "
            "the scenario; what a job was put off by before its first attempt is its `delay`."
        )
        if asked:
            yield (
                f"{queue}: handlers paused it {count(len(asked), 'time')} (`rateLimit`). The "
                "scenario has these pauses under `paused`: on each day at the same moments, and "
                "with more traffic no more of them."
            )
    for queue, number in day.duplicates.items():
        yield (
            f"{queue}: {count(number, 'job')} were not added because there was one like it. With "
            "twice the traffic fewer than twice as many would be added: the scenario adds twice as "
            "many."
        )
    lifo = Counter(job.key.queue for job in day.jobs.values() if job.head and job.head.lifo)
    for queue, number in lifo.items():
        jobs = sum(job.key.queue == queue for job in day.jobs.values())
        if number < jobs:
            what = "newest first" if 2 * number > jobs else "in line"
            yield (
                f"{queue}: {number:,} of {jobs:,} jobs are added at the head of the line (`lifo`). "
                f"The scenario has all of them {what}."
            )


def work_known_within(one: QueueEstimate) -> float | None:
    """By which share the work of a usual day may differ from that of this one; ``None``: unknown.

    Half of an interval of 95 %, if jobs come and last by chance alone: a sum of so many times as
    came, whose variance is that of a compound Poisson sum, has this one.
    """
    times = np.concatenate([kind.service_s for kind in one.kinds])
    jobs = sum(kind.jobs for kind in one.kinds)
    chance = len(one.arrivals) - len(one.schedulers)
    # Children come as their parents do: how they add up, the jobs alone do not say.
    if not chance or 2 * len(one.arrivals) < jobs or one.clock is not None or not times.any():
        return None
    spread = float((times**2).mean() / times.mean() ** 2)
    return 1.96 * math.sqrt(spread / len(one.arrivals))


def _of_chance(found: Estimates) -> Iterator[str]:
    known = {queue: work_known_within(one) for queue, one in found.queues.items()}
    said = [f"{queue} ±{within:.0%}" for queue, within in known.items() if within is not None]
    if said:
        yield (
            f"What chance did to this day: the work of a usual one is {', '.join(said)} of what "
            "came (in 95 of 100 cases). Where slots are nearly all busy, waits differ by a "
            "multiple of that."
        )


def _of_the_workers(seen: Seen, found: Estimates) -> Iterator[str]:
    if any("CLIENT LIST" in watch.cannot for watch in seen.watches):
        yield (
            "CLIENT LIST is not allowed: how many workers are connected, and which queues share a "
            "process, is guessed from the locks of jobs."
        )
    for queue, one in found.queues.items():
        workers = one.workers
        if not workers.reached:
            slots = workers.slots
            yield (
                f"{queue}: at most {count(workers.busiest, 'job')} ran at once, and none had to "
                f"wait for a slot: there may be more than the {slots} of the scenario. Set its "
                "slots to what your workers' `concurrency` says."
            )
        if workers.source == "nothing":
            yield f"{queue}: no lock and no connection of a worker was seen: one worker is assumed."
    if len(found.queues) > 1 and not any(one.workers.names for one in found.queues.values()):
        yield (
            "Which queues' workers are one process: each queue has a pool of its own, unless "
            "connections from several hosts tell. Put those together that are."
        )
    yield (
        "How much of an attempt is computing (`cpu`), and how many cores there are. All of it "
        "stands under `service`: right as long as workers' event loops are not busy."
    )


def finite(value: float) -> float | None:
    """What JSON can hold."""
    return value if math.isfinite(value) else None
