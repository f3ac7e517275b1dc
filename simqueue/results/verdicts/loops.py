"""Whether event loops bind, or the cores that sandboxed cpu parts share."""

from __future__ import annotations

from collections.abc import Sequence

from simqueue.results.event_loops import LoopGroup
from simqueue.results.verdicts.seen import Seen, busiest, flat, short_windows
from simqueue.results.verdicts.verdict import Verdict
from simqueue.results.wording import count, duration, percent

#: An event loop so busy, with attempts that take so many times their own work, is what binds.
_BUSY_LOOP, _HELD_UP = 0.5, 1.4


def loop_verdict(seen: Seen, group: LoopGroup) -> Verdict | None:
    """Whether some event loops bind: too much cpu, or so much that attempts are held up."""
    scenario, about = seen.scenario, about_loops(group)
    which = f" of {group.pool} workers" if group.pool else ""
    served = list(group.shares)
    with_cpu = [queue for queue in served if seen.offered.cpu_s[queue] > 0]
    if not with_cpu:
        return None
    loops = group.loops
    edges = seen.edges(with_cpu)
    load = group.load(seen.calm, edges)
    peak = busiest(load)
    when = "" if flat(load) else f"at {scenario.moment(float(edges[peak]))} "
    needed = max(seen.needed(float(load[peak]), queue) for queue in with_cpu)
    if needed > loops:
        words = (
            f"The event loop{which} is the limit: {when}the cpu parts of jobs need "
            f"{count(needed, 'loop')}, one of each worker; there "
            f"{'is' if loops == 1 else 'are'} {loops:,}. More slots would not help, more "
            "workers would."
        )
        short = short_windows(edges, load, loops)
        return Verdict(about, "event loop", words, float(load[peak]), needed, short)
    took, own = _took(seen, [queue for queue in served if not seen.offered.core[queue].any()])
    if load[peak] < _BUSY_LOOP * loops or took < _HELD_UP * own or not own:
        return None
    words = (
        f"The event loop{which} is {percent(float(load[peak]) / loops)} busy {when}"
        "with cpu parts: attempts take "
        f"{duration(took)} where their own cpu and io parts take {duration(own)}. A further "
        "worker would help, more slots would not."
    )
    return Verdict(about, "event loop", words, float(load[peak]), needed)


def cores_verdict(seen: Seen, group: LoopGroup) -> Verdict | None:
    """Whether the cores bind that sandboxed cpu parts of a pool share."""
    cores, about = group.cores, about_cores(group)
    which = f" of {group.pool} workers" if group.pool else ""
    served = [one for one in group.shares if seen.offered.core[one].any()]
    if cores is None or not served:
        return None
    edges = seen.edges(served)
    load = group.core_load(seen.calm, edges)
    peak = busiest(load)
    when = "" if flat(load) else f"at {seen.scenario.moment(float(edges[peak]))} "
    needed = max(seen.needed(float(load[peak]), queue) for queue in served)
    if needed > cores:
        words = (
            f"The cores{which} are the limit: {when}the sandboxed cpu parts of jobs need "
            f"{count(needed, 'core')}; there {'is' if cores == 1 else 'are'} {cores:,}. More "
            "slots or workers on the same machine would not help, more cores would."
        )
        short = short_windows(edges, load, cores)
        return Verdict(about, "cores", words, float(load[peak]), needed, short)
    took, own = _took(seen, served)
    if load[peak] < _BUSY_LOOP * cores or took < _HELD_UP * own:
        return None
    words = (
        f"The cores{which} are {percent(float(load[peak]) / cores)} busy {when}with sandboxed "
        f"cpu parts, which share them: attempts take {duration(took)} where their own cpu and "
        f"io parts take {duration(own)}. A further core would help, more slots would not."
    )
    return Verdict(about, "cores", words, float(load[peak]), needed)


def _took(seen: Seen, queues: Sequence[str]) -> tuple[float, float]:
    """Mean seconds that attempts took, and those of their own work."""
    took = own = 0.0
    number = 0
    for queue in queues:
        for one in seen.found.get(queue, []):
            work = one.work_s[one.work_s > 0]
            took += float(work.sum())
            own += len(work) * seen.offered.work_s[queue]
            number += len(work)
    return (took / number, own / number) if number else (0.0, 0.0)


def about_loops(group: LoopGroup) -> str:
    """What a finding about event loops is filed under."""
    return f"event loop of {group.pool}" if group.pool else "event loop"


def about_cores(group: LoopGroup) -> str:
    """What a finding about cores is filed under."""
    return f"cores of {group.pool}" if group.pool else "cores"
