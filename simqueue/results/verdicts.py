"""What binds a run, and what it needs: a sentence each.

The need of a queue is the work that was asked of it (`simqueue.results.offered`), not what this
run happened to meet, and not the time that attempts were held up: more of what it names would not
raise it. What is said of waits and of lost jobs is this run's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simqueue.record.attempt_log import REFUSED, AttemptLog, Floats
from simqueue.results.event_loops import LoopGroup, loop_groups
from simqueue.results.history import History, histories
from simqueue.results.intervals import mean_ci95
from simqueue.results.limits import limits_of
from simqueue.results.loads import varies
from simqueue.results.lost import lost_jobs
from simqueue.results.offered import Outlook
from simqueue.results.parents import in_vain
from simqueue.results.presence import Presence
from simqueue.results.skipped import skipped
from simqueue.results.windows import JOBS_PER_WINDOW, window_edges
from simqueue.results.wording import count, digits, duration, duration_up, duration_within, percent
from simqueue.workload.arrivals import Trace
from simqueue.workload.expected import io_mean_s
from simqueue.workload.pools import Death

Binds = Literal[
    "lost",
    "children",
    "scheduler",
    "dead worker",
    "event loop",
    "cores",
    "downstream",
    "slots",
    "autoscaler",
    "limiter",
    "global concurrency",
    "pause",
    "outage",
    "clients",
    "bursts",
    "nothing",
]

#: Sums of floats: a load of 4 that comes out a hair above is 4.
_TINY = 1e-9
#: What findings of a queue are about, beside the queue itself.
_OF_A_QUEUE = ("lost.", "scheduler.", "children.")
#: Rounding of loads, as a share of them.
_ROUNDING = 1e-12
#: An event loop so busy, with attempts that take so many times their own work, is what binds.
_BUSY_LOOP, _HELD_UP = 0.5, 1.4
#: Fewer lost jobs than this share are a footnote.
_FEW_LOST = 0.001
#: A recorded window with n jobs might as well have had this many times the root of n fewer.
_NOISE = 2.0


@dataclass(frozen=True)
class Verdict:
    """One finding.

    Attributes
    ----------
    about
        A queue, ``caller``, ``event loop``, ``cores``, ``worker 0``, ``downstream.NAME``,
        ``lost.QUEUE``, ``children.QUEUE``, or ``scheduler.QUEUE``.
    binds
        What limits it.
    sentence
        The finding in words.
    load
        Slots' (or event loops') worth of work that comes in at the busiest time; of lost jobs
        and of a scheduler's missed slots their share; ``None`` where there is none of these.
    needed
        The fewest slots (or loops) that can keep up with that.
    short_s
        From and to of each window in which more comes in than can be done, seconds.
    """

    about: str
    binds: Binds
    sentence: str
    load: float | None = None
    needed: int | None = None
    short_s: tuple[tuple[float, float], ...] = ()


def judge(
    log: AttemptLog,
    outlook: Outlook,
    window: tuple[float, float],
    replications: int = 1,
) -> list[Verdict]:
    """Say what binds a run: first what was lost, then who is missing, then each queue.

    Parameters
    ----------
    log
        What came out.
    outlook
        What was asked for.
    window
        From and to, seconds: the warm-up and the drain left out.
    replications
        How many the log is of.
    """
    return _Judge(log, outlook, window, replications).verdicts()


@dataclass(frozen=True)
class _Waits:
    """The longest wait of each replication, and where the longest of all was."""

    longest: list[float]
    at_s: float

    @property
    def worst(self) -> float:
        return max(self.longest)

    def words(self, replications: int) -> str:
        """The longest wait: of this run, or on average over several."""
        mean, interval = mean_ci95(self.longest)
        if replications == 1 or mean is None or interval is None:
            return f"waits reach {duration(self.worst)}"
        return f"the longest wait of a run is {duration_within(mean, interval)}"


class _Judge:
    def __init__(
        self, log: AttemptLog, outlook: Outlook, window: tuple[float, float], runs: int
    ) -> None:
        scenario = self.scenario = outlook.scenario
        self.log, self.window, self.runs = log, window, runs
        self.found: dict[str, list[History]] = {}
        for one in histories(log, scenario.crashes):
            self.found.setdefault(one.queue, []).append(one)
        self.offered, self.calm = outlook.brought, outlook.calm
        self.in_process = scenario.in_process
        self.presence = Presence(log, scenario.worker_pools, runs)

    def verdicts(self) -> list[Verdict]:
        lost = [
            Verdict(f"lost.{one.queue}", "lost", one.sentence, one.share)
            for one in lost_jobs(self.log, self.scenario, self.window)
        ]
        lost += [
            Verdict(f"scheduler.{one.queue}", "scheduler", one.sentence, one.share)
            for one in skipped(self.log, self.scenario, self.window)
        ]
        found = [one for one in lost if _is_much(one)]
        found += [
            Verdict(f"children.{one.queue}", "children", one.sentence)
            for one in in_vain(self.log, self.scenario, self.window)
        ]
        found += [verdict for crash in self.crashes if (verdict := self._crash(crash))]
        groups = loop_groups(self.scenario)
        loops = [verdict for group in groups if (verdict := self._loop(group))]
        loops += [verdict for group in groups if (verdict := self._cores(group))]
        loop = loops[0] if loops else None
        found += loops
        found += self._downstreams()
        found += self._caller(loop) if self.in_process else self._queues(loops)
        return found + [one for one in lost if not _is_much(one)]

    def _queues(self, loops: Sequence[Verdict]) -> list[Verdict]:
        found = []
        held = {
            queue: verdict
            for verdict in loops
            for group in loop_groups(self.scenario)
            if verdict.about in (_about_loops(group), _about_cores(group))
            for queue in group.shares
        }
        for queue in self.scenario.queues:
            verdict = self._queue(queue) if queue in self.found else None
            loop = held.get(queue)
            # Where event loops or cores bind, a queue's slots are no advice unless its own work
            # is more than they can do.
            if verdict and (loop is None or (verdict.binds == "slots" and loop.short_s == ())):
                found.append(verdict)
        return found

    @property
    def crashes(self) -> Sequence[Death]:
        low, high = self.window
        crashes = [] if self.in_process else self.scenario.crashes
        return [one for one in crashes if one.at_s < high and one.at_s + one.down_s > low]

    def _edges(self, queues: Iterable[str]) -> Floats:
        least = max((self.offered.work_s[queue] for queue in queues), default=0.0)
        return window_edges(*self.window, least=JOBS_PER_WINDOW * least)

    def _waits(self, found: Sequence[History]) -> _Waits | None:
        longest: dict[int, float] = {}
        at, worst = 0.0, -1.0
        for one in found:
            inside = ~np.isnan(one.wait_s)
            inside &= (one.ready_s >= self.window[0]) & (one.ready_s < self.window[1])
            if not inside.any():
                continue
            waits = np.where(inside, one.wait_s, -1.0)
            place = int(np.argmax(waits))
            longest[one.replication] = max(longest.get(one.replication, 0.0), waits[place])
            if waits[place] > worst:
                worst, at = float(waits[place]), float(one.ready_s[place])
        return _Waits(list(longest.values()), at) if longest else None

    def _queue(self, name: str) -> Verdict:
        slots = self.scenario.slots[name]
        waits = self._waits(self.found[name])
        edges = self._edges([name])
        load = self.calm.load(name, edges)
        places = self._places(name, edges)
        subject = f"The {name} queue"
        if slots == 0:
            return Verdict(name, "slots", f"{subject} has no slots: nothing starts.")
        if waits is None:
            words = f"{subject} has {count(slots, 'slot')}: nothing started in this window."
            if not places.any():
                words = f"There is no worker for the {name} queue in this window: nothing starts."
            return Verdict(name, "nothing", words)
        limit = self._limit(name, waits, edges, places)
        if limit is not None:
            return limit
        peak = _busiest(load if self.scenario.constant else load - places)
        needed = self._needed(float(load[peak]), name)
        sure = self._needed(self._surely(load[peak], name, edges[peak : peak + 2]), name)
        when = self.scenario.moment(float(edges[peak]))
        least = "at least " if sure < needed else ""
        needed = min(needed, sure)
        varying = not self.scenario.constant
        if needed > places[peak] and waits.worst > 0:
            words = f"{subject} needs {least}{count(needed, 'slot')}"
            words += "" if _flat(load) and not varying else f" at {when}"
            scalers = self._scalers(name) if needed <= slots else ""
            if scalers:
                words += f" and may have {slots:,}, but {scalers} gives it {_number(places[peak])} "
                words += "then: it comes too late, and "
            else:
                words += f"; it has {_number(places[peak])}{' then' if varying else ''}: "
            words += f"{self._reach(waits, edges, peak)}."
            binds: Binds = "autoscaler" if scalers else "slots"
            short = _short(edges, load, places)
            return Verdict(name, binds, words, float(load[peak]), needed, short)
        enough = f"{subject} has {_number(places[peak])} slot{'s' if places[peak] != 1 else ''}"
        enough += f" and needs {needed:,}"
        enough += f" at its busiest ({when})" if not _flat(load) else ""
        enough += f" when it has fewest to spare ({when})" if _flat(load) and varying else ""
        binds, rest = self._what_else(name, waits, edges)
        if not rest:
            if waits.worst > JOBS_PER_WINDOW * self.offered.work_s[name]:
                binds = "bursts"
                rest = f"yet bursts make jobs wait up to {duration(waits.worst)}"
                rest += self._elsewhere(waits, edges, peak)
            else:
                return Verdict(
                    name, "nothing", f"{enough}: waits stay under {duration_up(waits.worst)}.",
                    float(load[peak]), needed,
                )  # fmt: skip
        return Verdict(name, binds, f"{enough}, {rest}.", float(load[peak]), needed)

    def _limit(self, name: str, waits: _Waits, edges: Floats, places: Floats) -> Verdict | None:
        """A limit of the queue's own that is tighter than its slots, if more comes than it lets."""
        if self.in_process or waits.worst <= 0:
            return None
        settings = self.scenario.queues[name]
        load = self.calm.load(name, edges)
        short = load / np.maximum(places, _TINY)
        for one in limits_of(name, settings, self.calm, edges):
            peak = int(np.argmax(one.share))
            if (
                not one.exceeded(varies=varies(self.scenario, name))
                or one.share[peak] < short[peak]
            ):
                continue
            when = "" if _flat(one.share) else f" at {self.scenario.moment(float(edges[peak]))}"
            words = (
                f"No number of workers helps the {name} queue: {one.asked}{when}, {one.let}; "
                f"{self._reach(waits, edges, peak)}."
            )
            return Verdict(
                name, one.binds, words, float(load[peak]), None, _short(edges, one.share, 1.0)
            )
        return None

    def _scalers(self, queue: str) -> str:
        """The autoscalers that decide how many slots a queue has, in words; empty: none."""
        pools = self.scenario.worker_pools.items()
        names = [name for name, one in pools if one.autoscale and one.slots_for(queue)]
        return f"the autoscaler of {' and '.join(names)}" if names else ""

    def _places(self, name: str, edges: Floats) -> Floats:
        """Slots that a queue had between each two edges."""
        if self.scenario.constant:
            return np.full(len(edges) - 1, float(self.scenario.slots[name]))
        return self.presence.slots(name, edges)

    def _what_else(self, name: str, waits: _Waits, edges: Floats) -> tuple[Binds, str]:
        """What makes jobs wait though the slots are enough, if it is known."""
        slots = self.scenario.slots[name]
        for crash in self.crashes:
            start, end = self._aftermath(crash, name)
            if start <= waits.at_s < end:
                words = f"but while worker {crash.worker} is away, and after, "
                return "dead worker", words + waits.words(self.runs)
        for start, end in self._pauses(name):
            if start <= waits.at_s < end + (end - start):
                words = f"but while it is paused ({self.scenario.moment(start)} to "
                words += f"{self.scenario.moment(end)}), and after, {waits.words(self.runs)}"
                return "pause", words
        stormy = self.offered.load(name, edges)
        if stormy.max() > self.calm.load(name, edges).max() * (1 + _TINY) and (
            stormy.max() >= slots
        ):
            at = _busiest(stormy)
            words = (
                f"but in and after its outage {self._storm(name)} bring "
                f"{digits(float(stormy[at]))} slots' worth of work at "
                f"{self.scenario.moment(float(edges[at]))}: "
            )
            return "outage", words + waits.words(self.runs)
        repeated, share = self._repeats(name)
        if repeated and share > 0.01:
            words = (
                f"but clients that lost patience sent {count(repeated, 'job')} again, "
                f"{percent(share)} of all that came: {waits.words(self.runs)}, and what helps is "
                "fewer repeats, not more slots"
            )
            return "clients", words
        return "nothing", ""

    def _pauses(self, name: str) -> Sequence[tuple[float, float]]:
        return () if self.in_process else self.scenario.queues[name].paused

    def _storm(self, name: str) -> str:
        """What brings work in an outage."""
        return "retries and attempts that hang" if name in self.offered.hang else "retries"

    def _downstreams(self) -> list[Verdict]:
        """The downstreams that more io parts are to call at once than they have places."""
        scenario, found = self.scenario, []
        for name, settings in scenario.downstreams.items():
            callers = [key for key, queue in scenario.queues.items() if queue.downstream == name]
            if not callers:
                continue
            edges = self._edges(callers)
            io_s = {key: io_mean_s(scenario.queues[key]) for key in callers}
            load = np.sum([self.calm.rate(key, edges) * io_s[key] for key in callers], axis=0)
            peak = _busiest(load)
            needed = max(self._needed(float(load[peak]), key) for key in callers)
            slots = (
                scenario.slots[callers[0]]
                if self.in_process
                else sum(scenario.slots[key] for key in callers)
            )
            if needed <= settings.places or slots <= settings.places:
                continue
            when = "" if _flat(load) else f" at {scenario.moment(float(edges[peak]))}"
            what = "wait in line" if settings.when_full == "wait" else "fail"
            words = (
                f"Downstream {name} is the limit: io parts need {count(needed, 'place')}{when}; it "
                f"has {settings.places:,}, and attempts that find them taken {what}. More slots "
                "would not help."
            )
            short = _short(edges, load, settings.places)
            found.append(
                Verdict(f"downstream.{name}", "downstream", words, float(load[peak]), needed, short)
            )
        return found

    def _repeats(self, name: str) -> tuple[int, float]:
        """How many jobs of a queue are repeats of impatient clients, and their share."""
        log = self.log
        again = [code for code, word in enumerate(log.names) if "-again-" in word]
        if not again:
            return 0, 0.0
        rows = log.of_queue(name)
        first = rows[(rows["attempt"] == 1) & (rows["run"] == 1)]
        repeats = int(np.isin(first["name"], again).sum())
        return repeats, repeats / max(len(first), 1)

    def _caller(self, loop: Verdict | None) -> list[Verdict]:
        callers = self.scenario.caller.callers
        edges = self._edges(self.scenario.queues)
        load = np.sum([self.calm.load(queue, edges) for queue in self.scenario.queues], axis=0)
        roots = [self.found[queue] for queue in self.scenario.arrivals if queue in self.found]
        waits = self._waits([one for found in roots for one in found])
        if waits is None:
            return []
        peak = _busiest(load)
        needed = max(self._needed(float(load[peak]), queue) for queue in self.scenario.queues)
        when = "" if _flat(load) else self.scenario.moment(float(edges[peak]))
        one = self.scenario.caller.processes == 1
        who = "The web process" if one else "The web processes"
        has, needs = ("has", "needs") if one else ("have", "need")
        full = bool((self.log.rows["outcome"] == REFUSED).any())
        if needed > callers and (waits.worst > 0 or full):
            if loop is not None and loop.short_s:
                return []
            words = f"{who} {needs} {count(needed, 'caller')}{when and f' at {when}'}; "
            words += f"{'it' if one else 'they'} {has} {callers:,}: "
            words += f"{self._reach(waits, edges, peak)}." if waits.worst > 0 else "nobody waits."
            short = _short(edges, load, callers)
            return [Verdict("caller", "slots", words, float(load[peak]), needed, short)]
        words = f"{who} {has} {count(callers, 'caller')} and {needs} {needed:,}"
        words += when and f" at its busiest ({when})"
        if waits.worst > JOBS_PER_WINDOW * max(self.offered.work_s.values()):
            words += f", yet bursts make requests wait up to {duration(waits.worst)}"
            words += f"{self._elsewhere(waits, edges, peak)}."
            return [Verdict("caller", "bursts", words, float(load[peak]), needed)]
        words += f": waits stay under {duration_up(waits.worst)}."
        return [Verdict("caller", "nothing", words, float(load[peak]), needed)]

    def _loop(self, group: LoopGroup) -> Verdict | None:
        """Whether some event loops bind: too much cpu, or so much that attempts are held up."""
        scenario, about = self.scenario, _about_loops(group)
        which = f" of {group.pool} workers" if group.pool else ""
        served = list(group.shares)
        with_cpu = [queue for queue in served if self.offered.cpu_s[queue] > 0]
        if not with_cpu:
            return None
        loops = group.loops
        edges = self._edges(with_cpu)
        load = group.load(self.calm, edges)
        peak = _busiest(load)
        when = "" if _flat(load) else f"at {scenario.moment(float(edges[peak]))} "
        needed = max(self._needed(float(load[peak]), queue) for queue in with_cpu)
        if needed > loops:
            words = (
                f"The event loop{which} is the limit: {when}the cpu parts of jobs need "
                f"{count(needed, 'loop')}, one of each worker; there "
                f"{'is' if loops == 1 else 'are'} {loops:,}. More slots would not help, more "
                "workers would."
            )
            short = _short(edges, load, loops)
            return Verdict(about, "event loop", words, float(load[peak]), needed, short)
        took, own = self._took([queue for queue in served if not self.offered.core[queue].any()])
        if load[peak] < _BUSY_LOOP * loops or took < _HELD_UP * own or not own:
            return None
        words = (
            f"The event loop{which} is {percent(float(load[peak]) / loops)} busy {when}"
            "with cpu parts: attempts take "
            f"{duration(took)} where their own cpu and io parts take {duration(own)}. A further "
            "worker would help, more slots would not."
        )
        return Verdict(about, "event loop", words, float(load[peak]), needed)

    def _cores(self, group: LoopGroup) -> Verdict | None:
        """Whether the cores bind that sandboxed cpu parts of a pool share."""
        cores, about = group.cores, _about_cores(group)
        which = f" of {group.pool} workers" if group.pool else ""
        served = [one for one in group.shares if self.offered.core[one].any()]
        if cores is None or not served:
            return None
        edges = self._edges(served)
        load = group.core_load(self.calm, edges)
        peak = _busiest(load)
        when = "" if _flat(load) else f"at {self.scenario.moment(float(edges[peak]))} "
        needed = max(self._needed(float(load[peak]), queue) for queue in served)
        if needed > cores:
            words = (
                f"The cores{which} are the limit: {when}the sandboxed cpu parts of jobs need "
                f"{count(needed, 'core')}; there {'is' if cores == 1 else 'are'} {cores:,}. More "
                "slots or workers on the same machine would not help, more cores would."
            )
            short = _short(edges, load, cores)
            return Verdict(about, "cores", words, float(load[peak]), needed, short)
        took, own = self._took(served)
        if load[peak] < _BUSY_LOOP * cores or took < _HELD_UP * own:
            return None
        words = (
            f"The cores{which} are {percent(float(load[peak]) / cores)} busy {when}with sandboxed "
            f"cpu parts, which share them: attempts take {duration(took)} where their own cpu and "
            f"io parts take {duration(own)}. A further core would help, more slots would not."
        )
        return Verdict(about, "cores", words, float(load[peak]), needed)

    def _took(self, queues: Sequence[str]) -> tuple[float, float]:
        """Mean seconds that attempts took, and those of their own work."""
        took = own = 0.0
        number = 0
        for queue in queues:
            for one in self.found.get(queue, []):
                work = one.work_s[one.work_s > 0]
                took += float(work.sum())
                own += len(work) * self.offered.work_s[queue]
                number += len(work)
        return (took / number, own / number) if number else (0.0, 0.0)

    def _crash(self, crash: Death) -> Verdict | None:
        scenario, pool = self.scenario, self.scenario.worker_pools[crash.pool]
        back = crash.at_s + crash.down_s
        from_to = f"for {duration(crash.down_s)} from {scenario.moment(crash.at_s)}"
        what = "is away (it was told to end)" if crash.drain else "is dead"
        about = f"worker {crash.worker}"
        if scenario.event_loops == 1:
            words = (
                f"Worker {crash.worker}, the only one, {what} {from_to}: nothing starts in that "
                "time, however many slots it has."
            )
            return Verdict(about, "dead worker", words)
        edges = np.array([max(crash.at_s, 0.0), min(back, scenario.duration_s)])
        if edges[1] <= edges[0]:
            return None
        for queue in filter(pool.slots_for, scenario.queues):
            left = int(self._places(queue, edges)[0]) - pool.slots_for(queue)
            load = float(self.calm.load(queue, edges)[0])
            if load >= left:
                words = (
                    f"While worker {crash.worker} {what}, {from_to}, the others have "
                    f"{count(max(left, 0), 'slot')} for {digits(load)} slots' worth of {queue} "
                    "work."
                )
                return Verdict(about, "dead worker", words, load)
        return None

    def _aftermath(self, crash: Death, queue: str) -> tuple[float, float]:
        """From when to when waits may be the crash's: until its jobs are back and done."""
        bullmq, pool = self.scenario.bullmq, self.scenario.worker_pools[crash.pool]
        back = crash.at_s + crash.down_s
        found = bullmq.lock_duration_s + 3 * bullmq.stalled_interval_s
        edges = np.array([0.0, self.scenario.duration_s])
        load = float(self.calm.load(queue, edges)[0])
        slots = self.scenario.slots[queue]
        away = pool.slots_for(queue) * crash.down_s
        spare = slots - load
        catching_up = away * load / slots / spare if spare > 0 else math.inf
        longest = max(one.attempts for one in self.scenario.queues.values())
        return crash.at_s - self.offered.work_s[queue] * longest, back + found + 2 * catching_up

    def _needed(self, load: float, queue: str) -> int:
        """The fewest places that can keep up with a load: more than it, unless nothing varies."""
        if varies(self.scenario, queue):
            return math.floor(load + _TINY) + 1
        return max(math.ceil(load - _TINY), 1)

    def _surely(self, load: float, queue: str, edges: Floats) -> float:
        """A load that is there beyond chance: recorded orders are one sample, rates are not."""
        recorded = any(
            isinstance(stream, Trace) and stream.scale == 1
            for stream in self.scenario.arrivals.values()
        )
        if not recorded:
            return float(load)
        jobs = float(self.calm.rate(queue, edges)[0] * np.diff(edges)[0])
        return float(load) * max(1 - _NOISE / math.sqrt(jobs), 0.0) if jobs > 0 else 0.0

    def _reach(self, waits: _Waits, edges: Floats, peak: int) -> str:
        return waits.words(self.runs) + self._elsewhere(waits, edges, peak)

    def _elsewhere(self, waits: _Waits, edges: Floats, peak: int) -> str:
        """When the longest wait was, if not near the busiest window."""
        start, end = float(edges[peak]), float(edges[peak + 1])
        if 2 * start - end <= waits.at_s < 2 * end - start:
            return ""
        return f" (at {self.scenario.moment(waits.at_s)})"


def _is_much(verdict: Verdict) -> bool:
    """Whether so many jobs were lost that it is the first thing to say."""
    return (verdict.load or 0.0) >= _FEW_LOST


def _busiest(load: Floats) -> int:
    """The window that brings most; the first of those that differ by rounding only."""
    return int(np.argmax(load >= load.max() - _ROUNDING * np.abs(load).max()))


def _flat(load: Floats) -> bool:
    """Whether no window is busier than the others, to speak of."""
    return bool(np.ptp(load) <= 0.05 * load.max())


def _about_cores(group: LoopGroup) -> str:
    return f"cores of {group.pool}" if group.pool else "cores"


def _about_loops(group: LoopGroup) -> str:
    return f"event loop of {group.pool}" if group.pool else "event loop"


def _number(places: float) -> str:
    """So many slots, on average if their number changed."""
    return f"{places:,.0f}" if places == round(places) else digits(float(places))


def _short(edges: Floats, load: Floats, places: float | Floats) -> tuple[tuple[float, float], ...]:
    """The windows in which more comes in than can be done."""
    return tuple(
        (float(edges[i]), float(edges[i + 1])) for i in np.flatnonzero(load >= places).tolist()
    )


def sentences(verdicts: Iterable[Verdict]) -> dict[str, str]:
    """The findings in words, by what they are about."""
    return {verdict.about: verdict.sentence for verdict in verdicts}


def concerning(verdicts: Sequence[Verdict], queues: Iterable[str]) -> list[Verdict]:
    """The findings that are not of one of these queues: they concern the others."""
    names = {f"{kind}{queue}" for queue in queues for kind in ("", *_OF_A_QUEUE)}
    return [one for one in verdicts if one.about not in names]


def shortest(verdicts: Sequence[Verdict], slots: Mapping[str, int]) -> Verdict | None:
    """The finding to put first: what was lost or limited, else the queue nearest to its limit."""
    limits = (one for one in verdicts if one.binds not in ("nothing", "bursts"))
    first = next((one for one in limits if one.binds != "lost" or _is_much(one)), None)
    calm = [one for one in verdicts if one.binds != "lost"]
    if first is not None or not calm:
        return first
    return max(calm, key=lambda one: (one.load or 0.0) / (slots.get(one.about, 0) or 1e-9))
