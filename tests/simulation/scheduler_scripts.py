"""Scripts by number in which a job scheduler feeds one queue, and requests another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
from script import SLOWER_S, Script, ScriptJob, is_clear

from simqueue.policies import Backoff, QueuePolicy

QUEUES = ("q", "r")


def script_of(number: int, least_offset_s: float = 0.0) -> Script:
    """A scheduler whose jobs often take longer than from one slot to the next, some by far.

    Parameters
    ----------
    number
        Which.
    least_offset_s
        When the first slot is at the earliest, seconds.
    """
    rng = np.random.default_rng([number, 2**21])

    def one_of(values: list[Any]) -> Any:
        return values[int(rng.integers(len(values)))]

    def seconds(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 4)

    def some(queue: str, at_s: float, longest_s: float) -> ScriptJob:
        fails = tuple(bool(rng.random() < 0.3) for _ in range(3))
        return ScriptJob(at_s, (seconds(0.01, longest_s),), fails, queue=queue)

    scheduled = [some("q", 0.0, one_of([0.2, 0.2, 0.9])) for _ in range(one_of([3, 5, 7]))]
    asked = sorted(seconds(0.1, 3.0) + least_offset_s for _ in range(5))
    offset_s = least_offset_s + one_of([0.0, round(seconds(0.01, 0.6), 3)])
    return Script(
        [*scheduled, *(some("r", at_s, 0.3) for at_s in asked)],
        QueuePolicy(
            attempts=one_of([1, 2, 3]),
            backoff=Backoff(delay_ms=one_of([0.0, 57.0, 130.0])),
            lifo=bool(rng.random() < 0.3),
        ),
        workers=one_of([1, 2]),
        slots=one_of([1, 1, 2, 3]),
        follow_up={"completed": ["r"]} if rng.random() < 0.5 else {},
        rules=_rules(rng, least_offset_s),
        schedulers={"q": {"every_s": round(seconds(0.1, 0.5), 3), "offset_s": offset_s}},
    )


def _rules(rng: np.random.Generator, after_s: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rng.random() < 0.3:
        edges = rng.uniform([0.2, 1.1], [1.0, 2.0]) + after_s
        found["paused"] = [np.round(edges, 3).tolist()]
    if rng.random() < 0.2:
        found["global_concurrency"] = 1
    if rng.random() < 0.3:
        window_s = round(float(rng.uniform(0.2, 0.6)), 3)
        found["limiter"] = {"max": int(rng.integers(1, 3)), "duration_s": window_s}
    return found


def clear_scripts(
    first: int = 0, slower_s: Sequence[float] = SLOWER_S, least_offset_s: float = 0.0
) -> Iterator[tuple[int, Script]]:
    """Those whose order does not hang on so much time, with their numbers."""
    for number in count(first):
        script = script_of(number, least_offset_s)
        if is_clear(script, slower_s, QUEUES):
            yield number, script
