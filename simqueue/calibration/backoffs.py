"""What the options of jobs say of retries, or else what was seen of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from simqueue.calibration.days import Attempt
from simqueue.calibration.heads import Head, JobKey


def most_said(values: Sequence[Any], otherwise: Any) -> Any:
    """What most values are."""
    return Counter(values).most_common(1)[0][0] if values else otherwise


def backoff_of(heads: Sequence[Head], attempts: Sequence[Attempt]) -> dict[str, Any] | None:
    """The backoff of jobs, as a scenario's table: their options say it, or else the waits seen.

    BullMQ's own types are ``fixed`` and ``exponential``; what another name means only the workers
    know (a custom strategy), so a list of the waits that were seen stands for it.
    """
    said = most_said([repr(head.backoff) for head in heads], "None")
    found = next((head.backoff for head in heads if repr(head.backoff) == said), None)
    if found is None:
        return None
    if found["type"] in ("fixed", "exponential"):
        table = {"type": found["type"], "delay_ms": found["delay"] or 0.0}
        return {**table, "jitter": min(1.0, found["jitter"])} if found.get("jitter") else table
    waits = seen_waits(attempts)
    return {"type": "list", "delays_ms": waits} if waits else None


def seen_waits(attempts: Sequence[Attempt]) -> list[float]:
    """The median wait after each failed attempt, the first and so on, milliseconds."""
    by_job: dict[JobKey, list[Attempt]] = {}
    for one in attempts:
        by_job.setdefault(one.job, []).append(one)
    waits: dict[int, list[float]] = {}
    for tries in by_job.values():
        tries = sorted(tries, key=lambda one: one.started_s)
        for one, following in pairwise(tries):
            if one.outcome == "retried":
                wait_s = max(0.0, following.ready_s - one.finished_s)
                waits.setdefault(one.attempt, []).append(1000 * wait_s)
    return [round(float(np.median(waits[attempt])), 1) for attempt in sorted(waits)]
