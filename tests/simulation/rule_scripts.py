"""Scripts by number, each of which mixes three or more of the rules of who is next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
from script import SLOWER_S, Script, ScriptJob, is_clear

from simqueue.policies import Backoff, QueuePolicy

RULES = (
    "priorities", "delays", "limiter", "global concurrency", "pause", "lifo", "retries", "workers"
)  # fmt: skip
LEAST_RULES = 3
#: In virtual time nothing takes longer than it says, but for whole milliseconds.
EXACT_S = (0.001, 0.002)


def rules_of(number: int) -> tuple[str, ...]:
    """The rules that a script mixes."""
    for attempt in count():
        chosen = np.random.default_rng([number, attempt]).random(len(RULES)) < 0.5
        if chosen.sum() >= LEAST_RULES:
            return tuple(rule for rule, there in zip(RULES, chosen, strict=True) if there)
    raise AssertionError


def script_of(number: int) -> Script:
    """Five to twelve jobs for one to three workers with one to three slots each."""
    rng = np.random.default_rng([number, 2**20])
    rules = rules_of(number)

    def one_of(values: list[Any]) -> Any:
        return values[int(rng.integers(len(values)))]

    def seconds(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 4)

    attempts = one_of([2, 3]) if "retries" in rules else 1
    jobs = [
        ScriptJob(
            at_s=at_s,
            takes_s=(seconds(0.02, 0.35),),
            fails=tuple(bool(rng.random() < 0.4) for _ in range(attempts)),
            priority=one_of([0, 1, 2, 5]) if "priorities" in rules else 0,
            delay_s=one_of([0.0, round(seconds(0.05, 0.5), 3)]) if "delays" in rules else 0.0,
        )
        for at_s in sorted(seconds(0.1, 1.4) for _ in range(int(rng.integers(5, 13))))
    ]
    table: dict[str, Any] = {}
    if "limiter" in rules:
        table["limiter"] = {"max": one_of([1, 2, 3, 4]), "duration_s": round(seconds(0.2, 0.8), 3)}
    if "global concurrency" in rules:
        table["global_concurrency"] = one_of([1, 2, 3])
    if "pause" in rules:
        edges = sorted(seconds(0.1, 1.8) for _ in range(one_of([2, 4])))
        table["paused"] = [list(edges[i : i + 2]) for i in range(0, len(edges), 2)]
    return Script(
        jobs,
        QueuePolicy(
            attempts=attempts,
            backoff=Backoff(delay_ms=one_of([0.0, 1000 * round(seconds(0.05, 0.4), 3)])),
            lifo="lifo" in rules,
        ),
        workers=one_of([2, 3]) if "workers" in rules else 1,
        slots=one_of([1, 2, 3]),
        rules=table,
    )


def clear_scripts(
    first: int = 0, slower_s: Sequence[float] = SLOWER_S
) -> Iterator[tuple[int, Script]]:
    """Those whose order does not hang on so much time, with their numbers."""
    for number in count(first):
        script = script_of(number)
        if is_clear(script, slower_s):
            yield number, script
