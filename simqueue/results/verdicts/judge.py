"""What binds a run, and what it needs: all findings, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Sequence

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.event_loops import loop_groups
from simqueue.results.lost import lost_jobs
from simqueue.results.offered import Outlook
from simqueue.results.parents import in_vain
from simqueue.results.skipped import skipped
from simqueue.results.verdicts.callers import caller_verdicts
from simqueue.results.verdicts.deaths import death_verdict
from simqueue.results.verdicts.downstreams import downstream_verdicts
from simqueue.results.verdicts.loops import about_cores, about_loops, cores_verdict, loop_verdict
from simqueue.results.verdicts.queues import queue_verdict
from simqueue.results.verdicts.seen import Seen
from simqueue.results.verdicts.verdict import Verdict, is_much


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
    return _verdicts(Seen(log, outlook, window, replications))


def _verdicts(seen: Seen) -> list[Verdict]:
    lost = [
        Verdict(f"lost.{one.queue}", "lost", one.sentence, one.share)
        for one in lost_jobs(seen.log, seen.scenario, seen.window)
    ]
    lost += [
        Verdict(f"scheduler.{one.queue}", "scheduler", one.sentence, one.share)
        for one in skipped(seen.log, seen.scenario, seen.window)
    ]
    found = [one for one in lost if is_much(one)]
    found += [
        Verdict(f"children.{one.queue}", "children", one.sentence)
        for one in in_vain(seen.log, seen.scenario, seen.window)
    ]
    found += [verdict for crash in seen.deaths if (verdict := death_verdict(seen, crash))]
    groups = loop_groups(seen.scenario)
    loops = [verdict for group in groups if (verdict := loop_verdict(seen, group))]
    loops += [verdict for group in groups if (verdict := cores_verdict(seen, group))]
    loop = loops[0] if loops else None
    found += loops
    found += downstream_verdicts(seen)
    found += caller_verdicts(seen, loop) if seen.in_process else _queues(seen, loops)
    return found + [one for one in lost if not is_much(one)]


def _queues(seen: Seen, loops: Sequence[Verdict]) -> list[Verdict]:
    found = []
    held = {
        queue: verdict
        for verdict in loops
        for group in loop_groups(seen.scenario)
        if verdict.about in (about_loops(group), about_cores(group))
        for queue in group.shares
    }
    for queue in seen.scenario.queues:
        verdict = queue_verdict(seen, queue) if queue in seen.found else None
        loop = held.get(queue)
        # Where event loops or cores bind, a queue's slots are no advice unless its own work
        # is more than they can do.
        if verdict and (loop is None or (verdict.binds == "slots" and loop.short_s == ())):
            found.append(verdict)
    return found
