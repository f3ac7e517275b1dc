"""From what was seen to an attempt log: every attempt, and what is known of each job.

The rules are those of the ``XADD`` lines of BullMQ's scripts, which
`simqueue.operations.event_streams` has for counting.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import nan

from simqueue.calibration.days import Attempt, Day, Job
from simqueue.calibration.heads import Head, JobKey
from simqueue.calibration.seen import STALLED, Event, Run, Seen, There, Watch

#: Who starts again sooner did not wait for the end of a pause, seconds.
_PAUSE_S = 0.1


def day_of(seen: Seen) -> Day:
    """The jobs and attempts that were seen."""
    day = Day()
    for watch in seen.watches:
        _Reading(seen, watch, day).read()
        day.starts_s.append(day.lasted_s)
        day.lasted_s += watch.lasted_s
    _fill_in(day)
    for queue, windows in day.asked.items():
        day.pauses[queue] = _merged([*day.pauses[queue], *windows])
    off = {id(one) for one in day.put_off}
    day.attempts = [one for one in day.attempts if id(one) not in off]
    day.attempts.sort(key=lambda one: (one.outcome == "", one.finished_s))
    return day


def _merged(windows: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same windows, ascending, each moment in one of them at most."""
    found: list[tuple[float, float]] = []
    for from_s, to_s in sorted(windows):
        if found and from_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], to_s))
        else:
            found.append((from_s, to_s))
    return found


def _fill_in(day: Day) -> None:
    """Take jobs whose hash was gone for what others of their name, or else of their queue, are."""
    usual: dict[tuple[str, str], Counter[str]] = {}
    heads: dict[str, Head] = {}
    for job in day.jobs.values():
        if job.head is not None:
            alike = replace(job.head, name="", added_ms=None, parent=None, made=0)
            heads[repr(alike)] = alike
            for name in {job.name, ""}:
                usual.setdefault((job.key.queue, name), Counter())[repr(alike)] += 1
    for job in day.jobs.values():
        if job.head is None:
            day.without_head += 1
            queue = job.key.queue
            known = usual.get((queue, job.name)) or usual.get((queue, ""))
            if known:
                job.head = heads[known.most_common(1)[0][0]]


@dataclass
class _Open:
    """A job that has not ended, as its events tell.

    ``again`` are the attempts after which it was to run again, ``stalls`` and ``off`` how often it
    stalled and was put off.
    """

    job: Job
    ready_s: float = nan
    started_s: float = nan
    attempt: int = 1
    run: int = 1
    runs: dict[int, Run] = field(default_factory=dict)
    worker: str = ""
    ended: bool = False
    again: list[Attempt] = field(default_factory=list)
    stalls: int = 0
    off: int = 0


class _Reading:
    """Reads one watch into a day."""

    def __init__(self, seen: Seen, watch: Watch, day: Day) -> None:
        self._seen, self._watch, self._day = seen, watch, day
        self._zero_s = day.lasted_s - watch.began_ms / 1000
        self._open: dict[JobKey, _Open] = {}

    def read(self) -> None:
        """Take all jobs that were there, and all events."""
        for queue, events in self._watch.events.items():
            for there in self._watch.there[queue]:
                self._was_there(queue, there)
            self._pauses(queue, events)
            for event, following in pairwise([*events, Event(0, "")]):
                self._take(queue, event, following)
        for one in self._open.values():
            if not one.ended:
                self._write(one, nan, "", started_s=one.started_s)

    def _s(self, at_ms: float) -> float:
        return round(at_ms / 1000 + self._zero_s, 6)

    def _was_there(self, queue: str, there: There) -> None:
        now = self._day.lasted_s
        one = self._opened(JobKey(queue, there.job), now, carried=True)
        if one.job.head is not None:
            one.attempt = one.job.head.made + 1
        one.ready_s = now
        if there.state == "active":
            one.started_s = now
        elif there.state == "delayed" and there.due_ms is not None:
            one.ready_s = one.job.due_s = max(now, self._s(there.due_ms))
        one.job.children = there.state == "waiting-children"

    def _opened(self, key: JobKey, at_s: float, carried: bool = False, name: str = "") -> _Open:
        head = self._seen.heads.get(key)
        runs = {run.at_ms: run for run in self._watch.runs.get(key, ())}
        said, again = key, 1
        while (
            key in self._day.jobs
        ):  # the id of a job that has ended and been removed may come again
            again += 1
            key = JobKey(said.queue, f"{said.id}#{again}")
        job = Job(key, head, (head and head.name) or name, at_s, at_s, carried)
        one = self._open[said] = _Open(job, at_s, runs=runs)
        self._day.jobs[key] = job
        return one

    def _take(self, queue: str, event: Event, following: Event) -> None:
        if not event.job:
            return
        if event.event in ("duplicated", "deduplicated"):
            self._day.duplicates[queue] += 1
            return
        key, at_s = JobKey(queue, event.job), self._s(event.at_ms)
        one = self._open.get(key)
        what = event.event
        if one is not None and one.ended and event.prev == "waiting-children":
            one = self._opened(key, at_s, name=one.job.name)
        if what == "added":
            if one is not None and not one.ended:  # BullMQ adds no id twice
                self._day.vanished += 1
                self._write(one, nan, "", started_s=one.started_s)
            one = self._opened(key, at_s, name=event.name)
        elif what in ("waiting", "delayed", "waiting-children", "active") and one is None:
            # Its beginning was cut off, or BullMQ 3 did not say that it was added.
            one = self._opened(key, at_s, carried=event.prev not in ("", "waiting"))
            if what == "active":
                one.job.carried = True
        if one is not None:
            self._goes_on(one, event, at_s, following)

    def _goes_on(self, one: _Open, event: Event, at_s: float, following: Event) -> None:
        what = event.event
        runs = one.started_s == one.started_s
        if what == "waiting":
            if runs and event.prev in ("active", "failed"):
                stalled = following.event == "stalled" and following.job == event.job
                self._end(one, at_s, "stalled" if stalled else "retried")
            if one.ended:  # done again by hand
                one.ended, one.attempt, one.run = False, 1, one.run + 1
            late = event.prev == "delayed" and one.ready_s <= at_s
            one.ready_s = one.ready_s if late else at_s
        elif what == "delayed":
            if runs:
                self._end(one, at_s, "retried")
            elif one.ready_s == one.job.enqueued_s == one.job.due_s:
                one.job.due_s = max(at_s, self._s(event.due_ms or 0))
            one.ready_s = max(at_s, self._s(event.due_ms or 0))
        elif what == "waiting-children":
            if runs:  # its handler has added them: what it does after them is a job of its own
                self._write(one, at_s, "completed", started_s=one.started_s)
                one.started_s, one.ended = nan, True
                self._day.in_parts.add(one.job.key.queue)
            else:
                one.job.children = True
        elif what == "active":
            self._starts(one, event, at_s)
        elif what in ("completed", "failed"):
            if event.reason == STALLED:
                self._write(one, at_s, "failed", started_s=nan)
            elif runs:
                self._write(one, at_s, what, started_s=one.started_s, reason=event.reason)
            one.started_s, one.ended = nan, True
        elif what == "removed":
            one.ended = True

    def _starts(self, one: _Open, event: Event, at_s: float) -> None:
        if one.started_s == one.started_s:  # nobody said that it was put back
            self._end(one, at_s, "stalled")
            one.ready_s = at_s
        if event.made is not None:
            one.attempt = event.made + 1
        run = one.runs.get(event.at_ms)
        if run is not None and run.begun and not one.job.carried:
            self._take_back(one, run, at_s)
        one.started_s = at_s
        one.worker = run.worker if run is not None else ""

    def _take_back(self, one: _Open, run: Run, at_s: float) -> None:
        """See which of the runs so far were no attempts: more began than were made or stalled.

        Which of several is not known: the first ones are taken for them. Until it has run for the
        first time, a job that is put off is one that is delayed; one that was not delayed waited
        at the head of its line for the end of a pause.
        """
        off = one.again[: max(0, run.begun - 1 - run.made - one.stalls - one.off)]
        if not off:
            return
        one.off += len(off)
        self._day.put_off += off
        one.again = one.again[len(off) :]
        one.attempt -= len(off)
        delayed = one.ready_s > off[-1].finished_s
        if not delayed and at_s - off[-1].finished_s > _PAUSE_S:
            queue = one.job.key.queue
            self._day.asked.setdefault(queue, []).append((off[-1].finished_s, at_s))
        if one.again:
            return
        if delayed:
            one.job.due_s = one.ready_s
        else:
            one.ready_s = off[0].ready_s

    def _end(self, one: _Open, at_s: float, outcome: str) -> None:
        attempt = self._write(one, at_s, outcome, started_s=one.started_s)
        if outcome == "stalled":
            one.run, one.stalls = one.run + 1, one.stalls + 1
        else:
            one.attempt, one.run = one.attempt + 1, 1
            one.again.append(attempt)
        one.started_s = nan

    def _write(
        self, one: _Open, at_s: float, outcome: str, started_s: float, reason: str = ""
    ) -> Attempt:
        ready_s = min(one.ready_s, started_s) if started_s == started_s else one.ready_s
        attempt = Attempt(
            one.job.key,
            one.attempt,
            one.run,
            one.job.enqueued_s,
            ready_s,
            started_s,
            at_s,
            outcome,
            one.worker,
            reason,
            one.job.carried,
        )
        self._day.attempts.append(attempt)
        return attempt

    def _pauses(self, queue: str, events: list[Event]) -> None:
        """When the queue was paused, by its events and by the first look at it."""
        looks = self._watch.looks[queue]
        since = self._day.lasted_s if looks and looks[0].paused else None
        windows = self._day.pauses.setdefault(queue, [])
        for event in events:
            if event.event == "paused" and since is None:
                since = self._s(event.at_ms)
            elif event.event == "resumed" and since is not None:
                windows.append((since, self._s(event.at_ms)))
                since = None
        if since is not None:
            windows.append((since, self._day.lasted_s + self._watch.lasted_s))
