"""Node's BullMQ watched live: old and new, paused, and while its Redis goes away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from companies import company, watched
from node_packages import newest
from redis_servers import RedisServer

from simqueue.workload.reading import read_scenario

#: Sixty jobs in two seconds and a half: each fourth fails once; a third goes before all others.
SENDING: dict[str, Any] = {
    "options": {"concurrency": 3},
    "takes_ms": 80,
    "jobs": [
        {
            "at_ms": 40 * number,
            "name": "vip" if number % 3 == 0 else "bulk",
            "opts": {
                "attempts": 3,
                "backoff": {"type": "fixed", "delay": 100},
                "priority": 1 if number % 3 == 0 else 10,
                "removeOnComplete": True,
            },
            "data": {"fails": int(number % 4 == 0)},
        }
        for number in range(60)
    ],
}
#: Each report waits for one to three pages; some letters are sent later.
FLOWS: dict[str, Any] = {
    "reports": {
        "options": {"concurrency": 2},
        "jobs": [
            {"at_ms": 100 * number, "children": [{"queue": "pages"}] * (1 + number % 3)}
            for number in range(20)
        ],
    },
    "pages": {"options": {"concurrency": 2}, "takes_ms": 30},
    "letters": {
        "options": {"concurrency": 2},
        "jobs": [{"at_ms": 50 * number, "opts": {"delay": 300}} for number in range(20)],
    },
}
#: Each fifth letter puts itself off once, one pauses its queue; two schedulers bring others.
LETTERS: dict[str, Any] = {
    "options": {"concurrency": 6, "limiter": {"max": 1000, "duration": 1000}},
    "takes_ms": 2,
    "schedulers": {"each:second": {"every": 500}, "cron 1": {"pattern": "* * * * * *"}},
    "jobs": [
        {
            "at_ms": 100 * number,
            "name": "letter",
            "opts": {"attempts": 2, "removeOnComplete": 100},
            "data": {
                "later_ms": 400 if number % 5 == 0 else 0,
                "pause_ms": 700 if number == 21 else 0,
                "fails": int(number == 10),
            },
        }
        for number in range(40)
    ],
}
#: A small worker and a large one.
PARCELS: dict[str, Any] = {
    "options": [{"concurrency": 1}, {"concurrency": 3}],
    "takes_ms": 120,
    "jobs": [{"at_ms": 28 * number} for number in range(140)],
}


@pytest.fixture
def server(redis_server: RedisServer) -> RedisServer:
    redis_server.clear()
    return redis_server


@pytest.mark.parametrize("major", [4, 6])
def test_every_attempt_is_found_whatever_the_version(
    server: RedisServer, node_modules: Path, tmp_path: Path, major: int
) -> None:
    queues = {"sending": SENDING, **FLOWS}
    with company(node_modules, server, queues, newest(major)) as its:
        made = watched(server, tmp_path / "out", its)

    assert Counter((one.job.queue, one.outcome) for one in made.day.attempts) == {
        ("sending", "completed"): 60,
        ("sending", "retried"): 15,
        ("reports", "completed"): 20,
        ("pages", "completed"): 39,
        ("letters", "completed"): 20,
    }
    assert made.estimates.language == "node"
    queues = made.scenario.queues
    assert {name: (one.priority, one.share) for name, one in queues["sending"].classes.items()} == {
        "vip": (1, pytest.approx(1 / 3, abs=1e-5)),
        "bulk": (10, pytest.approx(2 / 3, abs=1e-5)),
    }
    assert (queues["sending"].attempts, queues["sending"].backoff.delay_ms) == (3, 100)
    assert queues["reports"].children == {
        "pages": {"1": pytest.approx(0.35), "2": pytest.approx(0.35), "3": pytest.approx(0.3)}
    }
    assert queues["letters"].delay is not None
    assert queues["letters"].delay.mean == pytest.approx(0.3, abs=0.002)
    assert made.scenario.slots["sending"] == 3


def test_a_queue_is_paused_and_resumed_while_it_is_watched(
    server: RedisServer, node_modules: Path, tmp_path: Path
) -> None:
    paused = {"sending": {**SENDING, "paused": [600, 1400]}}
    with company(node_modules, server, paused) as its:
        made = watched(server, tmp_path / "out", its)

    (window,) = made.scenario.queues["sending"].paused
    assert window[1] - window[0] == pytest.approx(0.8, abs=0.2)
    assert not any(window[0] < one.started_s < window[1] for one in made.day.attempts)
    assert Counter(one.outcome for one in made.day.attempts) == {"completed": 60, "retried": 15}
    assert "paused from" in made.report()


def test_jobs_that_put_themselves_off_have_not_failed(
    server: RedisServer, node_modules: Path, tmp_path: Path
) -> None:
    with company(node_modules, server, {"letters": LETTERS, "parcels": PARCELS}) as its:
        made = watched(server, tmp_path / "out", its)
    letters = made.estimates.queues["letters"]
    ((from_s, to_s),) = made.day.asked["letters"]

    assert Counter(one.outcome for one in made.day.of_queue("letters"))["retried"] == 1
    assert Counter(one.job.queue for one in made.day.put_off) == {"letters": 9}
    assert to_s - from_s == pytest.approx(0.7, abs=0.1)
    assert max(job.due_s - job.enqueued_s for job in made.day.jobs.values()) < 1.2
    assert set(letters.schedulers.values()) == {"each:second", "cron 1"}
    assert letters.clock is None
    pools = {name: pool.queues for name, pool in made.scenario.pools.items() if name != "letters"}
    assert pools == {"parcels-x1": {"parcels": 1}, "parcels-x3": {"parcels": 3}}


@pytest.fixture
def own_redis(redis_server: RedisServer) -> Iterator[RedisServer]:
    """A Redis that the test may kill, where there is one; it forgets everything then."""
    server = RedisServer()
    try:
        yield server
    finally:
        server.stop()


def test_the_watch_goes_on_when_its_redis_comes_back(
    own_redis: RedisServer, node_modules: Path, tmp_path: Path
) -> None:
    """It comes back without its data: what was there is gone, and new jobs have its ids."""
    killed: list[float] = []

    def kill(seconds: float) -> None:
        if seconds > 1 and not killed:
            killed.append(seconds)
            own_redis.kill()
            own_redis.start()

    with company(node_modules, own_redis, {"sending": SENDING}) as its:
        made = watched(own_redis, tmp_path / "out", its, kill)

    assert killed
    assert read_scenario(tmp_path / "out" / "scenario.toml") == made.scenario
    assert max(one.started_s for one in made.day.attempts) > killed[0] + 1
    assert "gone without a word before they had ended" in made.report()
