"""From attempts to numbers: slots, limiters, bursts of failures, classes, backoffs, schedules."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from story import BEGAN, Story

from simqueue.calibration.calibrate import calibrated
from simqueue.calibration.doubts import work_known_within
from simqueue.calibration.estimates import QueueEstimate, estimates_of
from simqueue.calibration.failures import bursts_of, rates_differ
from simqueue.calibration.limits import limiter_of
from simqueue.calibration.seen import Look
from simqueue.calibration.shapes import alike
from simqueue.experiments.run import simulate
from simqueue.planning.situations import with_traffic
from simqueue.workload.expected import fails_for_good


def estimate(story: Story, queue: str = "video") -> QueueEstimate:
    seen = story.seen()
    return estimates_of(seen, story.day()).queues[queue]


def busy(slots: int, jobs: int = 200, service_ms: int = 100) -> Story:
    """So many slots, one line, all jobs there from the beginning."""
    moments = []
    for number in range(jobs):
        started = number // slots * service_ms
        job = f"j{number}"
        moments += [
            (0, "added", job, {}),
            (0, "waiting", job, {}),
            (started, "active", job, {}),
            (started + service_ms, "completed", job, {}),
        ]
    order = {"added": 0, "waiting": 1, "completed": 2, "active": 3}
    story = Story()
    for at, what, job, more in sorted(moments, key=lambda one: (one[0], order[one[1]])):
        story.event(at, what, job, **more)
    return story.end(jobs // slots * service_ms)


@pytest.mark.parametrize("slots", [1, 3, 8])
def test_slots_are_as_many_as_were_busy_while_jobs_waited(slots: int) -> None:
    workers = estimate(busy(slots)).workers

    assert (workers.most * workers.concurrency, workers.reached) == (slots, True)


def test_slots_that_were_never_all_busy_are_not_known() -> None:
    story = Story()
    for number in range(50):
        story.run(f"{number}", 1000 * number, 1000 * number, 1000 * number + 100)
    workers = estimate(story.end(50_000)).workers

    assert (workers.busiest, workers.reached) == (1, False)


def test_workers_are_told_by_the_locks_of_their_jobs() -> None:
    story = busy(4)
    for number in range(200):
        story.worker(number // 4 * 100, f"j{number}", f"a-b-{number % 2}")
    workers = estimate(story).workers

    assert (workers.most, workers.concurrency, workers.source) == (2, 2, "locks")


def starts(most: int, window_ms: int, windows: int, every_ms: int) -> list[int]:
    """Starts of jobs that all wait, under a limiter."""
    return [
        BEGAN + window * (window_ms + 1) + number * every_ms
        for window in range(windows)
        for number in range(most)
    ]


@pytest.mark.parametrize(("most", "window_ms"), [(20, 1000), (5, 500), (3, 60_000), (1, 250)])
def test_a_limiter_of_the_workers_is_found_in_its_counter(most: int, window_ms: int) -> None:
    started = starts(most, window_ms, 12, 1)
    looks = [
        Look(at_ms=started[most * i] + most + 50, window=(most, window_ms - most - 50))
        for i in range(12)
    ]
    found = limiter_of(looks, started, [BEGAN] * len(started))

    assert found is not None
    assert (found.most, found.duration_s) == (most, window_ms / 1000)


def test_a_limiter_that_keeps_nobody_waiting_is_not_known() -> None:
    """Its counter is there, and the most starts of any window say nothing of the limit."""
    rng = np.random.default_rng(1)
    started = (BEGAN + np.sort(rng.random(3000)) * 300_000).tolist()
    looks = [Look(at_ms=int(started[i]) + 1, window=(1, 999)) for i in range(0, 3000, 100)]
    found = limiter_of(looks, started, started)

    assert found is not None
    assert found.reached == 0


def test_a_limiter_of_the_queue_is_written_down() -> None:
    found = limiter_of([Look(0, rate=(7, 250))], [], [])

    assert found is not None
    assert (found.most, found.duration_s) == (7, 0.25)


def test_without_a_counter_there_is_no_limiter() -> None:
    assert limiter_of([Look(0)], starts(20, 1000, 5, 1), [0] * 100) is None


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.4])
def test_chance_is_no_burst(seed: int, rate: float) -> None:
    failed = np.random.default_rng(seed).random(5000) < rate

    assert bursts_of(np.arange(5000.0), failed) == []


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("base", "inside", "edge"), [(0.0, 1.0, 1), (0.05, 0.9, 6), (0.02, 0.7, 12)]
)
def test_a_burst_is_found_where_it_was(seed: int, base: float, inside: float, edge: float) -> None:
    """Its edges as well as its first and last attempts can tell: some succeed by chance."""
    rng = np.random.default_rng(seed)
    failed = rng.random(3000) < base
    failed[1000:1200] = rng.random(200) < inside
    (burst,) = bursts_of(np.arange(3000.0), failed)

    assert burst.from_s == pytest.approx(1000, abs=edge)
    assert burst.to_s == pytest.approx(1200, abs=edge)
    assert burst.rate == pytest.approx(inside, abs=0.1)


def test_failures_are_counted_without_the_burst() -> None:
    story = Story().head("x", attempts=1)
    for number in range(1000):
        failed = 400 <= number < 500 or number % 50 == 0
        story.run(f"{number}", *[100 * number] * 2, 100 * number + 10,
                  outcome="failed" if failed else "completed")  # fmt: skip
    found = estimate(story.end(100_000))

    assert [(one.from_s, one.to_s) for one in found.bursts] == [(40.0, 50.1)] or [
        (one.from_s, one.to_s) for one in found.bursts
    ] == [(40.0, 50.0)]
    assert found.kinds[0].failure_rate == pytest.approx(0.02, abs=0.003)


def test_names_and_priorities_make_classes() -> None:
    story = Story()
    for number in range(300):
        kind = ("vip", 1) if number % 3 == 0 else ("bulk", 10)
        at = 100 * number
        story.head(f"{number}", name=kind[0], priority=kind[1], attempts=4 if kind[1] == 1 else 2)
        story.run(f"{number}", at, at, at + (20 if kind[0] == "vip" else 60))
    found = estimate(story.end(30_000))
    vip = next(one for one in found.kinds if one.kind.label == "vip")

    assert {one.kind.label: one.kind.priority for one in found.kinds} == {"vip": 1, "bulk": 10}
    assert (vip.jobs, vip.attempts) == (100, 4)
    assert vip.service_s.mean() == pytest.approx(0.02)


def test_policies_of_one_name_make_classes(tmp_path: Path) -> None:
    """But for rare ones, which are taken for what most jobs of the name say."""
    story = Story()
    quick, slow = ({"type": "fixed", "delay": delay} for delay in (100, 5000))
    for number in range(300):
        said = {"attempts": 2, "backoff": quick} if number % 3 else {"attempts": 5, "backoff": slow}
        said = {**said, "attempts": 9} if number % 50 == 0 else said
        story.head(f"{number}", name="send", **said)
        story.run(f"{number}", 100 * number, 100 * number, 100 * number + 40)
    made = calibrated(tmp_path / "out", story.end(30_000).write(tmp_path / "seen.jsonl"))
    queue = made.scenario.queues["video"]

    assert {
        name: (round(one.share * 300), part.attempts, part.backoff.delay_ms)
        for (name, one), (_, part) in zip(queue.classes.items(), queue.parts, strict=True)
    } == {"send-x2": (202, 2, 100), "send-x5": (98, 5, 5000)}
    assert "6 of 202 jobs say something else" in made.report()


def test_a_strategy_of_ones_own_is_a_list_of_the_waits_that_were_seen() -> None:
    story = Story()
    for number in range(30):
        job, at = f"{number}", 100_000 * number
        story.head(job, attempts=3, backoff={"type": "mine", "delay": None})
        story.run(job, at, at, at + 10, outcome="delayed")
        story.lines[-1]["due_ms"] = BEGAN + at + 1010
        story.event(at + 1010, "active", job)
        story.event(at + 1020, "delayed", job, due=at + 8020).event(at + 8020, "active", job)
        story.event(at + 8030, "completed", job)
    found = estimate(story.end(3_000_000))

    assert found.kinds[0].backoff == {"type": "list", "delays_ms": [1000.0, 7000.0]}


def test_a_failure_with_attempts_left_is_fatal() -> None:
    story = Story()
    for number in range(100):
        story.head(f"{number}", attempts=3)
        ends = "failed" if number % 10 == 0 else "completed"
        story.run(f"{number}", *[100 * number] * 2, 100 * number + 10, outcome=ends)
    found = estimate(story.end(10_000))

    assert found.fatal_rate == 1.0


def failing(share: int, again: int) -> Story:
    """Of each ``share`` jobs one fails; of these each ``again`` is done at its second attempt."""
    story = Story()
    for number in range(2000):
        job, at = f"{number}", 100 * number
        story.head(job, attempts=3)
        fails = number % share == 0
        done = fails and number // share % again == 0
        story.run(job, at, at, at + 10, outcome="waiting" if fails else "completed")
        if fails:
            story.lines[-1]["prev"] = "active"
            story.event(at + 20, "active", job)
            story.event(at + 30, "completed" if done else "waiting", job, prev="active")
        if fails and not done:
            story.event(at + 40, "active", job).event(at + 50, "failed", job)
    return story.end(200_100)


def test_jobs_that_fail_again_and_again_are_lost(tmp_path: Path) -> None:
    """A fiftieth fails, and most of these at each attempt: chance alone would lose none."""
    made = calibrated(tmp_path / "made", failing(50, 5).write(tmp_path / "seen.jsonl"))
    queue = made.scenario.queues["video"]

    assert queue.fails_of(1) == pytest.approx(0.02, abs=1e-4)
    assert queue.fails_of(2) == queue.fails_of(3) == pytest.approx(64 / 72, abs=1e-4)
    assert fails_for_good(queue) == pytest.approx(0.016, rel=0.05)
    assert "attempts after the first failed in 89% of the cases" in made.report()


def test_later_attempts_that_fail_as_often_have_no_rate_of_their_own() -> None:
    rng = np.random.default_rng(2)
    story = Story()
    for number in range(2000):
        job, at = f"{number}", 100 * number
        story.head(job, attempts=2).run(job, at, at, at + 10)
        if rng.random() < 0.1:
            story.lines[-1].update(event="waiting", prev="active")
            ends = "failed" if rng.random() < 0.1 else "completed"
            story.event(at + 20, "active", job).event(at + 30, ends, job)

    assert estimate(story.end(200_100)).later_failure is None


@settings(max_examples=20)
@given(st.integers(1, 60), st.integers(0, 59))
def test_a_scheduler_is_a_clock(every_s: int, first_s: int) -> None:
    story = Story()
    first = 1000 * (first_s % every_s)
    for number in range(20):
        job, due = f"repeat:x:{number}", first + 1000 * every_s * number
        story.head(job, scheduled=True)
        story.event(max(0, due - 1000 * every_s), "added", job)
        story.event(max(0, due - 1000 * every_s), "delayed", job, due=due)
        story.event(due, "waiting", job, prev="delayed").event(due, "active", job)
        story.event(due + 5, "completed", job)
    found = estimate(story.end(first + 1000 * every_s * 20))

    assert found.clock == (float(every_s), float(first_s % every_s))


def two_schedulers_beside_orders() -> Story:
    """One ticks every 2 s, one every 3 s; beside them 200 orders come, all within a minute."""
    story = Story()
    for name, every in (("two", 2000), ("three", 3000)):
        for slot in range(every, 60_000, every):
            job = f"repeat:{name}:{slot}"
            story.head(job, scheduled=True, name=name)
            story.event(slot - every, "added", job, name=name)
            story.event(slot - every, "delayed", job, due=slot)
            story.event(slot, "waiting", job, prev="delayed").event(slot + 1, "active", job)
            story.event(slot + 5, "completed", job)
    for number in range(200):
        at = 250 * number + 7 * (number % 9)
        story.head(f"{number}", name="encode").run(f"{number}", at, at, at + 40)
    return story.end(60_000)


def test_schedulers_beside_other_jobs_tick_as_they_ticked(tmp_path: Path) -> None:
    """Twice the traffic are twice the orders, and the same ticks; none of them is late."""
    path = two_schedulers_beside_orders().write(tmp_path / "seen.jsonl")
    made = calibrated(tmp_path / "made", path)
    ticks = [*range(2, 60, 2), *range(3, 60, 3)]
    busy = with_traffic(made.scenario, 2)
    log = simulate(busy, replications=5).log.frame().query("replication == 3")
    came = {name: log[log["class"] == name]["enqueued_s"] for name in ("two", "encode")}

    assert made.estimates.queues["video"].clock is None
    assert (
        sorted(made.estimates.queues["video"].schedulers.values()) == ["three"] * 19 + ["two"] * 29
    )
    assert sorted(came["two"]) == pytest.approx(range(2, 60, 2))
    assert len(log) - len(ticks) == pytest.approx(400, rel=0.15)
    assert "2 schedulers (three, two) brought 48 jobs" in made.report()


def test_jobs_that_are_added_long_before_they_are_due_count_from_then() -> None:
    story = Story()
    for number in range(50):
        at = 1000 * number
        story.event(at, "added", f"{number}").event(at, "delayed", f"{number}", due=at + 40_000)
        story.event(at + 40_000, "waiting", f"{number}", prev="delayed")
        story.event(at + 40_000, "active", f"{number}").event(at + 40_100, "completed", f"{number}")
    found = estimate(story.end(60_000))

    assert found.due
    assert found.arrivals[0][0] == 40.0
    assert not found.kinds[0].delays_s.any()


@pytest.mark.parametrize(
    ("children", "shares", "said"),
    [
        (("ab",), {2: 1.0}, 2),
        (("ab", "abcd", "abcd"), {2: 1 / 3, 4: 2 / 3}, {"2": 0.333333, "4": 0.666667}),
        (("", "a"), {0: 0.5, 1: 0.5}, {"0": 0.5, "1": 0.5}),
    ],
)
def test_children_come_with_their_parents(
    tmp_path: Path, children: tuple[str, ...], shares: dict[int, float], said: Any
) -> None:
    story = Story("report", "page")
    for number in range(30):
        at, job = 1000 * number, f"r{number}"
        story.event(at, "added", job)
        if not children[number % len(children)]:
            story.event(at, "active", job, prev="waiting").event(at + 20, "completed", job)
            continue
        story.event(at, "waiting-children", job)
        for child in children[number % len(children)]:
            story.head(f"{job}{child}", "page", parent=["report", job], child_failure="fail-parent")
            story.run(f"{job}{child}", at, at, at + 50, queue="page")
        story.event(at + 50, "waiting", job, prev="waiting-children")
        story.event(at + 50, "active", job).event(at + 70, "completed", job)
    story.end(40_000)
    report, page = estimate(story, "report"), estimate(story, "page")

    assert (report.children, report.child_failure) == ({"page": shares}, "fail-parent")
    assert page.arrivals == ()
    assert not report.due
    made = calibrated(tmp_path / "out", story.write(tmp_path / "seen.jsonl"))
    assert made.scenario.queues["report"].children == {"page": said}


def test_children_of_a_parent_that_nobody_saw_come_by_themselves() -> None:
    story = Story("page")
    for number in range(30):
        story.head(f"{number}", "page", parent=["report", f"r{number}"])
        story.run(f"{number}", 100 * number, 100 * number, 100 * number + 50, queue="page")

    assert len(estimate(story.end(4000), "page").arrivals) == 30


@pytest.mark.parametrize("seed", range(3))
def test_the_work_of_a_day_is_known_as_well_as_other_days_say(seed: int) -> None:
    """Days of a Poisson number of exponential times; the interval is of so many jobs as came."""
    rng = np.random.default_rng(seed)
    one = estimate(busy(2))
    within = []
    for number in rng.poisson(400, 4000):
        times = rng.exponential(size=number)
        day = replace(one, arrivals=tuple((0.0, None) for _ in range(number)),
                      kinds=(replace(one.kinds[0], service_s=times),))  # fmt: skip
        share = work_known_within(day)
        assert share is not None
        within.append(abs(400 / times.sum() - 1) <= share)

    assert 0.93 < np.mean(within) < 0.97


@pytest.mark.parametrize("seed", range(20))
def test_classes_that_fail_alike_are_not_told_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [4000, 900, 800]

    assert not rates_differ([(rng.binomial(n, 0.05), n) for n in sizes])
    assert rates_differ(
        [(rng.binomial(n, p), n) for n, p in zip(sizes, (0.05, 0.15, 0.05), strict=True)]
    )


def test_without_failures_no_rates_differ() -> None:
    assert not rates_differ([(0, 10), (0, 20)])
    assert not rates_differ([(0, 0)])
    assert not rates_differ([])


def test_a_few_attempts_are_not_sure_to_differ() -> None:
    """Two of three fail beside one of 51 once in 160 times by chance (Fisher's exact test)."""
    assert not rates_differ([(1, 51), (2, 3)])
    assert rates_differ([(1, 51), (6, 8)])


@pytest.mark.parametrize("seed", range(10))
def test_queues_of_the_same_hours_are_told_from_one_with_its_own(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def day(jobs: int, late: float) -> np.ndarray:
        """So many jobs of 600 s, of which a share comes in the second half."""
        return np.sort(rng.random(jobs) * 300 + 300 * (rng.random(jobs) < late))

    times = {"a": day(5000, 0.7), "b": day(4000, 0.7), "mine": day(3000, 0.3)}

    assert "mine" not in alike(times, 600)
    assert alike({"a": times["a"]}, 600) == set()
    assert alike({"a": times["a"], "none": np.empty(0)}, 600) == set()
