"""Workers of one queue that differ: their slots are seen by whose turn it is."""

from __future__ import annotations

import numpy as np
import pytest
from story import BEGAN, Story

from simqueue.calibration.attempts import Attempt
from simqueue.calibration.calibrate import calibrated
from simqueue.calibration.crews import Life, lives_of, sizes_of, whose
from simqueue.calibration.heads import JobKey


def by_turns(slots: list[int], rate: float, lasts_s: float, seed: int) -> dict[str, list[Attempt]]:
    """What workers do of whom the one starts the next job that has been free longest.

    Jobs that no worker has a slot for are lost: nobody has to wait here.
    """
    rng = np.random.default_rng(seed)
    line = list(range(len(slots)))
    running: list[list[float]] = [[] for _ in slots]
    found: dict[str, list[Attempt]] = {f"w-{number}": [] for number in line}
    now = 0.0
    while (now := now + rng.exponential(1 / rate)) < lasts_s:
        for ends in running:
            ends[:] = [end for end in ends if end > now]
        free = next((one for one in line if len(running[one]) < slots[one]), None)
        if free is None:
            continue
        line.remove(free)
        line.append(free)
        end = now + rng.lognormal(-1.5, 0.8)
        running[free].append(end)
        job = JobKey("q", f"{now}")
        found[f"w-{free}"].append(
            Attempt(job, 1, 1, now, now, now, end, "completed", f"w-{free}", "", False)
        )
    return found


def sizes(slots: list[int], rate: float, seed: int) -> list[int] | None:
    done = by_turns(slots, rate, 240.0, seed)
    return sizes_of(lives_of(done, sum(map(len, done.values()))))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("slots", [[1, 2, 7], [2, 8], [3, 3, 8]])
def test_workers_that_differ_are_told_apart(slots: list[int], seed: int) -> None:
    """None of them has to be full all the time; the largest need not be at all."""
    assert sizes(slots, 14.0, seed) == slots


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rate", [2.0, 8.0, 20.0])
def test_workers_that_are_alike_are_not_told_apart(rate: float, seed: int) -> None:
    """However rarely they are full, chance does not make them differ."""
    assert sizes([5, 5], rate, seed) is None
    assert sizes([4, 4, 4], rate, seed) is None


def test_what_no_lock_tells_proves_nothing() -> None:
    done = by_turns([2, 8], 14.0, 240.0, 1)

    assert not any(one.proven for one in lives_of(done, 2 * sum(map(len, done.values()))))


def test_a_connection_is_that_of_the_worker_who_lived_as_long() -> None:
    lives = [Life(1.0, 50.0, 2, True), Life(60.0, 99.0, 2, True), Life(1.0, 99.0, 8, True)]
    spans = {"old": (0.0, 52.0), "new": (58.0, 100.0), "long": (0.0, 100.0)}

    assert whose(lives, spans) == {"old": 0, "new": 1, "long": 2}
    assert whose(lives[:2], spans) is None


def test_a_small_worker_that_is_deployed_anew_is_gone_for_as_long(tmp_path) -> None:
    """Each size is a pool, with a schedule of its own, and the replay has both."""
    story = Story()
    done = by_turns([2, 8], 14.0, 240.0, 3)
    rows = sorted((one for mine in done.values() for one in mine), key=lambda one: one.started_s)
    away = {
        one.job.id
        for one in rows
        if one.worker == "w-0" and one.finished_s > 96 and one.started_s < 104
    }
    events = []
    for one in rows:
        if one.job.id in away:
            continue
        worker = "w-2" if one.worker == "w-0" and one.started_s > 104 else one.worker
        start, end = round(1000 * one.started_s), round(1000 * one.finished_s)
        events += [(start, 0, "added", one.job.id, ""), (start, 1, "active", one.job.id, worker)]
        events.append((end, 2, "completed", one.job.id, ""))
    for at, _, what, job, worker in sorted(events):
        story.event(at, what, job, name="send")
        if worker:
            story.worker(at, job, worker, begun=1)
    for at, there in ((0, "ab"), (100_000, "b"), (104_000, "bc")):
        clients = [[one, "video", "10.0.0.1", "", "ioredis"] for one in there]
        story.line(kind="clients", at_ms=BEGAN + at, clients=clients)
    made = calibrated(tmp_path / "made", story.end(240_000).write(tmp_path / "seen.jsonl"))
    pools = made.scenario.pools

    assert {name: (one.queues["video"], one.schedule) for name, one in pools.items()} == {
        "video-x2": (2, [(0.0, 1), (100.0, 0), (104.0, 1)]),
        "video-x8": (8, []),
    }
    assert (
        "1 from 0 s, 0 from 100 s, 1 from 104 s, with 2 slots each, and 1, with 8" in made.report()
    )
