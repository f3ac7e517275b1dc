"""What was seen, as the rows of an attempt log."""

from __future__ import annotations

from typing import Any

from simqueue.calibration.days import Day
from simqueue.calibration.heads import JobKey
from simqueue.record.worker_events import ENGINE


def table_of(day: Day, classes: dict[JobKey, str]) -> list[dict[str, Any]]:
    """The rows of an attempt log; ``classes`` are the names of jobs' classes, if they have some.

    Jobs are in the order in which they came: of those of one millisecond, too.
    """
    rows = []
    slots = _slots(day)
    came = {key: number for number, key in enumerate(day.jobs)}
    order = sorted(enumerate(day.attempts), key=lambda pair: came[pair[1].job])
    for number, one in order:
        job = day.jobs[one.job]
        parent = job.head.parent if job.head else None
        rows.append(
            {
                "engine": ENGINE,
                "replication": 0,
                "queue": one.job.queue,
                "job_id": one.job.id,
                "flow": parent.id if parent else one.job.id,
                "parent_id": parent.id if parent else "",
                "name": job.name or one.job.queue,
                "attempt": one.attempt,
                "run": one.run,
                "enqueued_s": one.enqueued_s,
                "ready_s": one.ready_s,
                "started_s": one.started_s,
                "finished_s": one.finished_s,
                "outcome": one.outcome,
                "result": "",
                "worker": one.worker,
                "slot": slots.get(number, ""),
                "class": classes.get(one.job, ""),
                "priority": job.head.priority if job.head else 0,
            }
        )
    return rows


def _slots(day: Day) -> dict[int, int]:
    """Of each attempt whose worker is known: the lowest place of that worker which was free."""
    order = sorted(
        (one.started_s, number)
        for number, one in enumerate(day.attempts)
        if one.worker and one.started_s == one.started_s
    )
    busy: dict[str, list[float]] = {}
    found = {}
    for started_s, number in order:
        one = day.attempts[number]
        places = busy.setdefault(one.worker, [])
        ends_s = one.finished_s if one.finished_s == one.finished_s else float("inf")
        place = next((i for i, until_s in enumerate(places) if until_s <= started_s), len(places))
        places[place:] = [ends_s, *places[place + 1 :]]
        found[number] = place
    return found
