"""Whether a queue has slots enough, and what makes its jobs wait if it has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simqueue.record.attempt_log import Floats
from simqueue.results.limits import limits_of
from simqueue.results.loads import varies
from simqueue.results.verdicts.deaths import aftermath
from simqueue.results.verdicts.seen import TINY, Seen, Waits, busiest, flat, short_windows
from simqueue.results.verdicts.verdict import Binds, Verdict
from simqueue.results.windows import JOBS_PER_WINDOW
from simqueue.results.wording import count, digits, duration, duration_up, percent


def queue_verdict(seen: Seen, name: str) -> Verdict:
    """Whether the slots are enough; if so, what else makes jobs wait."""
    slots = seen.scenario.slots[name]
    waits = seen.waits(seen.found[name])
    edges = seen.edges([name])
    places = seen.places(name, edges)
    if slots == 0:
        return Verdict(name, "slots", f"The {name} queue has no slots: nothing starts.")
    if waits is None:
        words = f"The {name} queue has {count(slots, 'slot')}: nothing started in this window."
        if not places.any():
            words = f"There is no worker for the {name} queue in this window: nothing starts."
        return Verdict(name, "nothing", words)
    limit = _limit(seen, name, waits, edges, places)
    if limit is not None:
        return limit
    load = seen.calm.load(name, edges)
    peak = busiest(load if seen.scenario.constant else load - places)
    expected = seen.needed(float(load[peak]), name)
    sure = seen.needed(seen.surely(load[peak], name, edges[peak : peak + 2]), name)
    needed = min(expected, sure)
    if needed > places[peak] and waits.worst > 0:
        least = "at least " if sure < expected else ""
        binds, words = _too_few(seen, name, f"{least}{count(needed, 'slot')}", needed, peak)
        words += f"{seen.reach(waits, edges, peak)}."
        short = short_windows(edges, load, places)
        return Verdict(name, binds, words, float(load[peak]), needed, short)
    binds, rest = _what_else(seen, name, waits, edges)
    if not rest and waits.worst > JOBS_PER_WINDOW * seen.offered.work_s[name]:
        binds = "bursts"
        rest = f"yet bursts make jobs wait up to {duration(waits.worst)}"
        rest += seen.elsewhere(waits, edges, peak)
    rest = f", {rest}" if rest else f": waits stay under {duration_up(waits.worst)}"
    words = f"{_enough(seen, name, needed, peak)}{rest}."
    return Verdict(name, binds, words, float(load[peak]), needed)


def _too_few(seen: Seen, name: str, wants: str, needed: int, peak: int) -> tuple[Binds, str]:
    """That a queue needs more slots than it has, and whose doing it is; what follows is said of it.

    ``wants`` is in words what it needs in the busiest window, ``peak``.
    """
    edges = seen.edges([name])
    load, places = seen.calm.load(name, edges), seen.places(name, edges)
    varying = not seen.scenario.constant
    words = f"The {name} queue needs {wants}"
    if varying or not flat(load):
        words += f" at {seen.scenario.moment(float(edges[peak]))}"
    slots = seen.scenario.slots[name]
    scalers = _scalers(seen, name) if needed <= slots else ""
    if not scalers:
        return "slots", f"{words}; it has {_number(places[peak])}{' then' if varying else ''}: "
    words += f" and may have {slots:,}, but {scalers} gives it {_number(places[peak])} then: "
    return "autoscaler", f"{words}it comes too late, and "


def _enough(seen: Seen, name: str, needed: int, peak: int) -> str:
    """That a queue has the slots that it needs."""
    edges = seen.edges([name])
    load, places = seen.calm.load(name, edges), seen.places(name, edges)
    when = seen.scenario.moment(float(edges[peak]))
    words = f"The {name} queue has {_number(places[peak])} slot{'s' if places[peak] != 1 else ''}"
    words += f" and needs {needed:,}"
    if not flat(load):
        return f"{words} at its busiest ({when})"
    return words if seen.scenario.constant else f"{words} when it has fewest to spare ({when})"


def _limit(seen: Seen, name: str, waits: Waits, edges: Floats, places: Floats) -> Verdict | None:
    """A limit of the queue's own that is tighter than its slots, if more comes than it lets."""
    if seen.in_process or waits.worst <= 0:
        return None
    settings = seen.scenario.queues[name]
    load = seen.calm.load(name, edges)
    short = load / np.maximum(places, TINY)
    for one in limits_of(name, settings, seen.calm, edges):
        peak = int(np.argmax(one.share))
        if not one.exceeded(varies=varies(seen.scenario, name)) or one.share[peak] < short[peak]:
            continue
        when = "" if flat(one.share) else f" at {seen.scenario.moment(float(edges[peak]))}"
        words = (
            f"No number of workers helps the {name} queue: {one.asked}{when}, {one.let}; "
            f"{seen.reach(waits, edges, peak)}."
        )
        return Verdict(
            name, one.binds, words, float(load[peak]), None, short_windows(edges, one.share, 1.0)
        )
    return None


def _scalers(seen: Seen, queue: str) -> str:
    """The autoscalers that decide how many slots a queue has, in words; empty: none."""
    pools = seen.scenario.worker_pools.items()
    names = [name for name, one in pools if one.autoscale and one.slots_for(queue)]
    return f"the autoscaler of {' and '.join(names)}" if names else ""


def _what_else(seen: Seen, name: str, waits: Waits, edges: Floats) -> tuple[Binds, str]:
    """What makes jobs wait though the slots are enough, if it is known."""
    slots = seen.scenario.slots[name]
    for crash in seen.deaths:
        start, end = aftermath(seen, crash, name)
        if start <= waits.at_s < end:
            words = f"but while worker {crash.worker} is away, and after, "
            return "dead worker", words + waits.words(seen.runs)
    for start, end in _pauses(seen, name):
        if start <= waits.at_s < end + (end - start):
            words = f"but while it is paused ({seen.scenario.moment(start)} to "
            words += f"{seen.scenario.moment(end)}), and after, {waits.words(seen.runs)}"
            return "pause", words
    stormy = seen.offered.load(name, edges)
    if stormy.max() > seen.calm.load(name, edges).max() * (1 + TINY) and (stormy.max() >= slots):
        at = busiest(stormy)
        words = (
            f"but in and after its outage {_storm(seen, name)} bring "
            f"{digits(float(stormy[at]))} slots' worth of work at "
            f"{seen.scenario.moment(float(edges[at]))}: "
        )
        return "outage", words + waits.words(seen.runs)
    repeated, share = _repeats(seen, name)
    if repeated and share > 0.01:
        words = (
            f"but clients that lost patience sent {count(repeated, 'job')} again, "
            f"{percent(share)} of all that came: {waits.words(seen.runs)}, and what helps is "
            "fewer repeats, not more slots"
        )
        return "clients", words
    return "nothing", ""


def _pauses(seen: Seen, name: str) -> Sequence[tuple[float, float]]:
    return () if seen.in_process else seen.scenario.queues[name].paused


def _storm(seen: Seen, name: str) -> str:
    """What brings work in an outage."""
    return "retries and attempts that hang" if name in seen.offered.hang else "retries"


def _repeats(seen: Seen, name: str) -> tuple[int, float]:
    """How many jobs of a queue are repeats of impatient clients, and their share."""
    log = seen.log
    again = [code for code, word in enumerate(log.names) if "-again-" in word]
    if not again:
        return 0, 0.0
    rows = log.of_queue(name)
    first = rows[(rows["attempt"] == 1) & (rows["run"] == 1)]
    repeats = int(np.isin(first["name"], again).sum())
    return repeats, repeats / max(len(first), 1)


def _number(places: float) -> str:
    """So many slots, on average if their number changed."""
    return f"{places:,.0f}" if places == round(places) else digits(float(places))
