"""A scenario and hand-made logs of both sides, for the tests of the comparison."""

from __future__ import annotations

from typing import Any

from hand import hand_log, row

from simqueue.record.attempt_log import AttemptLog
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario


def scenario(**more: Any) -> Scenario:
    """100 s of orders that last a second, an email after each; ``more`` are its other keys."""
    return build_scenario(
        {
            "name": "by hand",
            "duration_s": 100,
            "workers": {"count": 2, "concurrency": 1},
            "arrivals": {"order": {"rate_per_s": 0.5}},
            "queues": {
                "order": {"service": {"distribution": "constant", "mean_s": 1.0}},
                "payment": {},
                "email": {},
            },
            **more,
        }
    )


def crashing(*at_s: float, down_s: float = 5.0) -> Scenario:
    """Worker 0 dies at these times."""
    crashes = [{"at_s": at, "worker": 0, "down_s": down_s} for at in at_s]
    return scenario(workers={"count": 2, "concurrency": 1, "crashes": crashes})


def attempt(job: int, start: float, **more: Any) -> dict[str, Any]:
    """An attempt that came half a second before its start, and takes a second."""
    return row(job=job, times=(start - 0.5, start - 0.5, start, start + 1), **more)


def steady(
    jobs: int, *, service_s: float = 1.0, wait_s: float = 0.5, engine: str = "simpy"
) -> AttemptLog:
    """One order after another, all alike."""
    gap = 90 / jobs
    return hand_log(
        *(
            row(job=n, times=(n * gap, n * gap, n * gap + wait_s, n * gap + wait_s + service_s))
            for n in range(jobs)
        ),
        engine=engine,
    )
