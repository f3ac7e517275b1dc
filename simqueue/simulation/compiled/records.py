"""What the records of a compiled run hold. Times are seconds."""

from __future__ import annotations

from typing import Any

import numpy as np

from simqueue.record.attempt_log import ROW

JOB = np.dtype(
    [
        *(("enqueued", "f8"), ("ready", "f8"), ("kind", "i8"), ("number", "i8")),
        *(("line", "i8"), ("attempt", "i8"), ("next", "i8")),
    ]
)
#: What a kind's jobs are followed by, and its queue's outages, are ranges of other tables.
#: ``delays`` and ``lines``: where in memory each job's are (0: none has a delay; all stand in the
#: queue's first line). ``slots``: where the moments of its scheduler's slots are, seconds, if it
#: has one; ``last``: the slot of the job that was added last (-1: there is no scheduler).
KIND = np.dtype(
    [
        *(("queue", "i8"), ("completed_from", "i8"), ("completed_to", "i8")),
        *(("failed_from", "i8"), ("failed_to", "i8"), ("outages_from", "i8"), ("outages_to", "i8")),
        *(("name", "i8"), ("root", "i8"), ("parent", "i8"), ("delays", "i8"), ("lines", "i8")),
        *(("last", "i8"), ("slots", "i8"), ("slot_count", "i8")),
        *(("first_ms", "i8"), ("every_ms", "i8")),
        # Of flows: all kinds below this one, which jobs have the child of this kind (where in
        # memory; 0: all), the parent of this kind that was added just now, and whether a queue is
        # to hear of the child of this kind.
        *(("family_from", "i8"), ("family_to", "i8"), ("has", "i8")),
        *(("holds", "i8"), ("tells", "i8")),
    ]
)
FOLLOW_UP = np.dtype([("kind", "i8")])
#: A job as a parent, and as a child. Parents are told apart by their stamps, counted from 1 (0: it
#: is none, or is over). ``failure``: its number among the failed jobs of its queue; ``doomed``: it
#: fails when a slot takes it, as a child has failed.
RELATION = np.dtype(
    [
        *(("stamp", "i8"), ("pending", "i8"), ("held", "?"), ("doomed", "?")),
        *(("parent", "i8"), ("parents_stamp", "i8"), ("failure", "i8"), ("depends", "?")),
    ],
    align=True,
)
#: Where in memory that is which the attempts of a number at jobs of a kind bring: as it was drawn,
#: not copied. ``state``: whether it was. ``cpu_step``...: 1, or 0 if it is the same for all jobs.
BLOCK = np.dtype(
    [
        *(("state", "i8"), ("cpu", "i8"), ("io", "i8"), ("backoff", "i8"), ("fails", "i8")),
        *(("cpu_step", "i8"), ("io_step", "i8"), ("backoff_step", "i8")),
    ]
)
#: The same for what an outage does to attempts: which it hits (0: all), how long their io parts
#: last (0: as long as without).
HIT = np.dtype([("hits", "i8"), ("io", "i8")])
FLOAT = np.dtype([("value", "f8")])
INTEGER = np.dtype([("value", "i8")])
BYTE = np.dtype([("value", "u1")])
OUTAGE = np.dtype([("from_s", "f8"), ("to_s", "f8")])
#: A plain list, or the jobs of one priority: the first to be taken, the last, and how many.
LINE = np.dtype([("head", "i8"), ("tail", "i8"), ("length", "i8"), ("priority", "i8")])
QUEUE = np.dtype(
    [
        *(("loops", "i8"), ("lifo", "?")),
        *(("first_line", "i8"), ("last_line", "i8"), ("ready", "i8")),
        *(("due_head", "i8"), ("due_tail", "i8"), ("due", "i8")),
        *(("idle_head", "i8"), ("idle_tail", "i8"), ("look_at", "f8")),
        *(("line_head", "i8"), ("line_tail", "i8")),
        *(("marker", "?"), ("due_marker", "?"), ("dues", "i8")),
        *(("limit", "i8"), ("limit_s", "f8"), ("at_most", "i8"), ("active", "i8")),
        *(("started", "i8"), ("window_ends", "f8"), ("limited_until", "f8")),
        *(("paused", "?"), ("wakes", "?"), ("told", "?")),
        # Of flows: what a child that fails does, how many failed jobs are kept, how many there
        # were, and those that are kept and on which a parent depends.
        *(("child_failure", "i8"), ("keep_failed", "i8"), ("failures", "i8")),
        *(("kept_head", "i8"), ("kept_tail", "i8")),
        # What its jobs call (-1: nothing), and how long an attempt may wait and call then.
        *(("downstream", "i8"), ("timeout_s", "f8")),
        ("sandbox", "?"),
    ],
    align=True,
)
SLOT = np.dtype(
    [
        *(("started", "f8"), ("job", "i8"), ("queue", "i8"), ("looker", "i8"), ("worker", "i8")),
        *(("number", "i8"), ("next", "i8"), ("failed", "i8")),
        *(("in_line", "?"), ("telling", "?"), ("idle", "?")),
    ],
    align=True,
)
#: The call of a slot: when it is cut off, how long its io part lasts, which of its timers counts,
#: who waits behind it, and whether it is to ask for a place behind the cpu part, or has one.
CALL = np.dtype(
    [
        *(("until", "f8"), ("io_s", "f8"), ("timer", "i8"), ("next", "i8")),
        *(("asks", "?"), ("inside", "?"), ("cut", "?")),
    ],
    align=True,
)
#: Its free places, whether calls wait for one, and those that do: the first and the last.
DOWNSTREAM = np.dtype([("free", "i8"), ("waits", "i8"), ("head", "i8"), ("tail", "i8")])
#: The child process of a slot: when the loop has sent it the job, and that job's times; and the
#: next of those that are done at a moment.
SANDBOX = np.dtype([("begins", "f8"), ("cpu_s", "f8"), ("io_s", "f8"), ("next", "i8")])
#: The cores that a pool's child processes share: see `simqueue.simulation.bullmq.cores`. The heap
#: of what runs on them begins at ``first_share``.
CORES = np.dtype(
    [
        *(("count", "i8"), ("running", "i8"), ("started", "i8"), ("got", "f8"), ("at", "f8")),
        *(("due", "f8"), ("timer", "i8"), ("first_share", "i8")),
    ]
)
SHARE = np.dtype([("target", "f8"), ("order", "i8"), ("slot", "i8")])
LOOKER = np.dtype(
    [
        *(("since", "f8"), ("heard", "f8"), ("again_at", "f8")),
        *(("queue", "i8"), ("worker", "i8"), ("idle_head", "i8"), ("idle_tail", "i8")),
        *(("next", "i8"), ("before", "i8"), ("known", "i8")),
        *(("looking", "?"), ("drained", "?"), ("in_line", "?")),
    ],
    align=True,
)
WORKER = np.dtype(
    [
        *(("loop_free_at", "f8"), ("number", "i8"), ("first_slot", "i8"), ("last_slot", "i8")),
        *(("stay", "i8"), ("crew", "i8"), ("closed", "?")),
    ],
    align=True,
)
EVENT = np.dtype([("time", "f8"), ("order", "i8"), ("since", "f8"), ("what", "i4"), ("who", "i4")])
#: A millisecond in which jobs of a queue are due.
BUCKET = np.dtype(
    [
        *(("begins", "f8"), ("head", "i8"), ("tail", "i8"), ("next", "i8"), ("queue", "i8")),
        ("wakes", "?"),
    ],
    align=True,
)
#: The first bucket of those with one hash; a millisecond in which jobs of a queue are due.
CHAIN = np.dtype([("bucket", "i8")])
DUE_AT = np.dtype([("begins", "f8")])
OPENING = np.dtype([("slot", "i8")])
#: What is to happen: a queue's pause begins or ends, a pool has so many workers from then on.
PLANNED = np.dtype([("at", "f8"), ("what", "i8"), ("who", "i8"), ("count", "f8")])
#: The workers of a pool: those that there are to be, as a chain of their stays, newest first.
CREW = np.dtype(
    [
        *(("start_s", "f8"), ("first_worker", "i8"), ("begins_with", "i8")),
        *(("on", "i8"), ("newest", "i8")),
    ]
)
STAY = np.dtype(
    [
        *(("asked", "f8"), ("ready", "f8"), ("drained", "f8"), ("gone", "f8")),
        *(("worker", "i8"), ("before", "i8")),
    ]
)
#: What each table holds.
TABLES = {
    "jobs": JOB,
    "relations": RELATION,
    "kinds": KIND,
    "follow_ups": FOLLOW_UP,
    "families": FOLLOW_UP,
    "moments": FLOAT,
    "arriving": INTEGER,
    "numbers": INTEGER,
    "blocks": BLOCK,
    "outages": OUTAGE,
    "hits": HIT,
    "queues": QUEUE,
    "lines": LINE,
    "slots": SLOT,
    "calls": CALL,
    "downstreams": DOWNSTREAM,
    "sandboxes": SANDBOX,
    "cores": CORES,
    "shares": SHARE,
    "lookers": LOOKER,
    "workers": WORKER,
    "crews": CREW,
    "stays": STAY,
    "openings": OPENING,
    "planned": PLANNED,
    "events": EVENT,
    "chains": CHAIN,
    "buckets": BUCKET,
    "dues": DUE_AT,
    "rows": ROW,
}
#: The virtual time, counts, what the queue itself costs, and where the tables are in memory.
_WORLD: list[Any] = [
    *(("now", "f8"), ("scheduled", "i8"), ("event_count", "i8"), ("row_count", "i8")),
    *(("unfinished", "i8"), ("arrived", "i8"), ("arrives_at", "f8"), ("arrives_as", "i8")),
    *(("loop_s", "f8"), ("service_s", "f8"), ("failure_s", "f8"), ("patience_s", "f8")),
    *(("pickup_s", "f8"), ("retry_s", "f8"), ("bucket_count", "i8"), ("free_bucket", "i8")),
    *(("job_count", "i8"), ("free_job", "i8")),
    *(("most_dues", "i8"), ("arrival_count", "i8"), ("attempts", "i8")),
    *(
        ("chain_count", "i8"),
        ("kind_count", "i8"),
        ("opening_count", "i8"),
        ("planned_count", "i8"),
        ("pause_count", "i8"),
    ),
    # How much there may be in tables, and how much one thing that happens adds at most.
    *(
        ("job_room", "i8"),
        ("event_room", "i8"),
        ("row_room", "i8"),
        ("dues_room", "i8"),
        ("bucket_room", "i8"),
        ("spare", "i8"),
        ("spare_jobs", "i8"),
        ("spare_rows", "i8"),
        ("replication", "i8"),
    ),
    *(
        ("queue_count", "i8"),
        ("crew_count", "i8"),
        ("worker_count", "i8"),
        ("stay_count", "i8"),
    ),
    ("calls", "?"),
    ("sandboxes", "?"),
    *(("held", "i8"), ("parents", "i8"), ("fail_and_go_on", "i8")),
    ("tables", "i8", (len(TABLES),)),
    *(
        ("hole", "?"),
        ("redis_wakes", "?"),
        ("computes", "?"),
        ("begun", "?"),
        ("wants", "?"),
        ("stalls", "?"),
        ("flows", "?"),
    ),
]
WORLD = np.dtype([*_WORLD, ("plain", "?")], align=True)
#: The same where some jobs have schedulers or children, call a downstream or are sandboxed. It is
#: of another type, for which rules are compiled once more, so that nobody else pays for these.
WIDE_WORLD = np.dtype([*_WORLD, ("wide", "?")], align=True)
