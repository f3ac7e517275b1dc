"""Workers of one queue that differ: their slots are seen by whose turn it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from story import BEGAN, Story

from simqueue.calibration.calibrate import calibrated
from simqueue.calibration.crews import Life, absences, full_together, lives_of, sizes_of, whose
from simqueue.calibration.days import Attempt
from simqueue.calibration.heads import JobKey
from simqueue.workload.pools import Pool


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


def test_workers_that_have_all_slots_together_are_full() -> None:
    """Whoever has jobs in line shows all slots, and those who end in step take no turns."""
    lives = [Life(0.0, 9.0, 1, False), Life(0.0, 9.0, 3, False), Life(20.0, 29.0, 2, False)]

    assert [one.proven for one in full_together(lives, 4)] == [True, True, False]
    assert sizes_of(full_together(lives, 4)) == [1, 3, 3]
    assert full_together(lives, 5) == lives


def test_what_no_lock_tells_proves_nothing() -> None:
    done = by_turns([2, 8], 14.0, 240.0, 1)

    assert not any(one.proven for one in lives_of(done, 2 * sum(map(len, done.values()))))


def test_a_connection_is_that_of_the_worker_who_lived_as_long() -> None:
    lives = [Life(1.0, 50.0, 2, True), Life(60.0, 99.0, 2, True), Life(1.0, 99.0, 8, True)]
    spans = {"old": (0.0, 52.0), "new": (58.0, 100.0), "long": (0.0, 100.0)}

    assert whose(lives, spans) == {"old": 0, "new": 1, "long": 2}
    assert whose(lives[:2], spans) is None


def test_a_small_worker_that_is_deployed_anew_is_gone_for_as_long(tmp_path: Path) -> None:
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
    small, large = pools["video-x2"], pools["video-x8"]

    assert [(one.count, one.queues) for one in (small, large)] == [
        (1, {"video": 2}),
        (1, {"video": 8}),
    ]
    ((crash,), none) = small.crashes, large.crashes
    assert (crash.at_s, crash.drain, none) == (100.0, True, [])
    assert crash.down_s == pytest.approx(4.0, abs=0.3)
    report = made.report()
    assert "1 from 0 s, 0 from 100 s, 1 from 104 s, with 2 slots each, and 1, with 8" in report
    (plan,) = (line for line in report.splitlines() if line.startswith("    simqueue plan"))
    assert plan.endswith("--vary pools.video-x8.count")


def test_workers_that_are_gone_one_after_the_other_are_absences() -> None:
    schedule = ((0.0, 3), (10.0, 2), (12.0, 1), (13.0, 2), (15.0, 3), (90.0, 2))

    assert absences(schedule, 100.0) == [(10.0, 0, 5.0), (12.0, 1, 1.0), (90.0, 0, 10.0)]
    assert absences(((0.0, 4),), 100.0) == []


@pytest.mark.parametrize(
    "schedule", [((0.0, 2), (50.0, 3)), ((0.0, 3), (50.0, 1)), ((0.0, 1), (40.0, 4), (80.0, 1))]
)
def test_more_workers_or_fewer_for_long_are_a_schedule(
    schedule: tuple[tuple[float, int], ...],
) -> None:
    assert absences(schedule, 100.0) is None


def watched_from_the_start(there: dict[int, str], folder: Path) -> Pool:
    """The workers of a queue of whom so many were connected from these milliseconds on."""
    story = Story()
    for number in range(60):
        start = 4000 * number
        story.run(f"{number}", start, start, start + 300)
    for at, connected in there.items():
        clients = [[one, "video", "10.0.0.1", "", "ioredis"] for one in connected]
        story.line(kind="clients", at_ms=BEGAN + at, clients=clients)
    seen = story.end(240_000).write(folder / "seen.jsonl")
    return calibrated(folder / "made", seen).scenario.pools["video"]


@pytest.mark.parametrize("there", [{0: "", 700: "ab"}, {0: "", 1000: "a", 3000: "ab"}, {0: "ab"}])
def test_workers_that_come_as_the_watch_begins_are_a_number(
    there: dict[int, str], tmp_path: Path
) -> None:
    """Who starts both at once wants to plan with it, and a plan tries numbers."""
    pool = watched_from_the_start(there, tmp_path)

    assert (pool.count, pool.schedule, pool.crashes) == (2, [], [])


def test_a_worker_that_comes_later_is_not_there_before(tmp_path: Path) -> None:
    pool = watched_from_the_start({0: "a", 20_000: "ab"}, tmp_path)

    assert pool.steps == [(0.0, 1), (20.0, 2)]
