"""A scenario, run for real and watched, comes back as the scenario that it was."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import redis
from redis_servers import RedisServer

from simqueue.calibration.calibrate import Calibration, calibrate
from simqueue.record.attempt_log import AttemptLog
from simqueue.validation.real import run_real
from simqueue.validation.server import Server
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

SCENARIO = {
    "name": "what is to be found",
    "duration_s": 40,
    "workers": {"count": 2, "concurrency": 3},
    "arrivals": {"invoices": {"rate_per_s": 16}, "mails": {"rate_per_s": 8}},
    "queues": {
        "invoices": {
            "attempts": 3,
            "backoff": {"type": "exponential", "delay_ms": 300},
            "service": {"distribution": "lognormal", "mean_s": 0.3, "cv": 1.0},
            "failure_rate": 0.1,
            "classes": {
                "vip": {"share": 0.3, "priority": 1},
                "bulk": {"share": 0.7, "priority": 5},
            },
        },
        "mails": {
            "attempts": 2,
            "service": {"distribution": "exponential", "mean_s": 0.2},
            "delay": {"distribution": "uniform", "low_s": 0.5, "high_s": 1.5},
            "limiter": {"max": 8, "duration_s": 1},
        },
    },
}


def both(server: RedisServer, folder: Path) -> tuple[AttemptLog, Calibration]:
    """The log of the real run, and what watching it gave."""
    scenario = build_scenario(SCENARIO)
    with redis.Redis(port=server.port) as client:
        client.flushall()
        for queue in scenario.queues:
            client.hset(f"bull:{queue}:meta", "opts.maxLenEvents", 10_000)
    over_s: list[float] = []

    def tell(seconds: float, _: int) -> None:
        """Ctrl-C ends the watch, when it has looked twice since the run was over."""
        if running.done():
            over_s.append(seconds)
            if seconds > over_s[0] + 2:
                signal.raise_signal(signal.SIGINT)

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(
            run_real, Workload(scenario), Server(server.url, "7", "given", "bull")
        )
        made = calibrate(server.url, folder, minutes=5, tell=tell)
        return running.result().log, made


@pytest.mark.slow
def test_what_was_told_is_found(redis_server: RedisServer, tmp_path: Path) -> None:
    real, made = both(redis_server, tmp_path / "out")
    scenario = made.scenario
    invoices, mails = scenario.queues["invoices"], scenario.queues["mails"]

    # Every attempt is found, and ends as it did.
    for queue in real.queues:
        theirs, ours = real.of_queue(queue), made.log.of_queue(queue)
        assert len(theirs) == len(ours)
        for outcome in np.unique(theirs["outcome"]):
            assert (theirs["outcome"] == outcome).sum() == (ours["outcome"] == outcome).sum()
    assert (invoices.attempts, mails.attempts) == (3, 2)
    assert (invoices.backoff.type, invoices.backoff.delay_ms) == ("exponential", 300)
    assert {one.priority: one.share for one in invoices.classes.values()} == {
        1: pytest.approx(0.3, abs=0.06),
        5: pytest.approx(0.7, abs=0.06),
    }
    assert scenario.slots["invoices"] == 6
    assert mails.limiter is not None
    assert (mails.limiter.max, mails.limiter.duration_s) == (8, 1)
    assert mails.delay is not None
    assert mails.delay.mean == pytest.approx(1.0, abs=0.1)
    held = real.of_queue("invoices")
    lasted = held["finished_s"] - held["started_s"]
    assert invoices.service.mean == pytest.approx(lasted[held["outcome"] == 1].mean(), rel=0.05)
    for fit in made.fits:
        assert abs(fit.error("response_s", "p95")) < 0.1
