"""Hand-made attempt logs."""

from __future__ import annotations

from typing import Any

import numpy as np

from simqueue.record.attempt_log import OUTCOMES, ROW, AttemptLog

QUEUES = ("order", "payment", "email")
NAN = float("nan")


def row(**given: Any) -> dict[str, Any]:
    """One row for `hand_log`."""
    return given


def hand_log(*rows: dict, queues: tuple[str, ...] = QUEUES, engine: str = "simpy") -> AttemptLog:
    """A log of ``rows``: queue, job, times (enqueued, ready, started, finished), outcome...

    Flow is the job itself unless it is given.
    """
    table = np.zeros(len(rows), dtype=ROW)
    for line, found in zip(table, rows, strict=True):
        given = {"attempt": 1, "run": 1, "replication": 0, "parent": -1, **found}
        enqueued, ready, started, finished = given.pop("times")
        line["queue"] = queues.index(given.pop("queue", "order"))
        line["outcome"] = OUTCOMES.index(given.pop("outcome", "completed"))
        line["flow"] = given.pop("flow", given["job"])
        line["enqueued_s"], line["ready_s"] = enqueued, ready
        line["started_s"], line["finished_s"] = started, finished
        for name, value in given.items():
            line[name] = value
    return AttemptLog(
        engine=engine,
        rows=table,
        queues=queues,
        names=("process-order",),
        results=("", "processing"),
        workers=("0", "1"),
        ids=lambda keys: [f"job-{key}" for key in keys],
    )


def big_log(n: int = 100_000, replications: int = 3, seed: int = 1) -> AttemptLog:
    """``n`` order jobs and as many payments and emails: three rows each, unrelated in time."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(3 * n, dtype=ROW)
    number = np.arange(n).repeat(3)
    rows["replication"] = number % replications
    rows["queue"] = np.tile([0, 1, 2], n)
    rows["job"] = np.arange(3 * n)
    rows["flow"] = 3 * number
    rows["parent"] = np.where(rows["queue"] == 2, rows["flow"], -1)
    rows["attempt"] = rows["run"] = 1
    enqueued = np.sort(rng.uniform(0, 86400, n))[number] + rows["queue"] * 10.0
    waits = rng.exponential(0.3, 3 * n) * (rng.random(3 * n) < 0.4)
    rows["enqueued_s"] = rows["ready_s"] = enqueued
    rows["started_s"] = enqueued + waits
    rows["finished_s"] = enqueued + waits + rng.lognormal(-1.5, 1.0, 3 * n)
    rows["outcome"] = 1
    rows["worker"] = rows["job"] % 2
    rows = rows[np.argsort(rows["finished_s"])]
    log = hand_log()
    return AttemptLog("simpy", rows, QUEUES, log.names, log.results, log.workers, log.ids)
