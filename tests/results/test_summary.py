"""Summaries: a hand-made log worked out on paper, and a slow sampler for all others."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hand import NAN, QUEUES, hand_log, row
from hypothesis import given, settings
from hypothesis import strategies as st

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.queue_summary import Level
from simqueue.results.summary import summarise
from simqueue.workload.production import Crash

SLOTS = {"order": 2, "payment": 1, "email": 1}

# One order slot is busy from 0 to 4 with job 1. Job 2 waits from 1 to 4, fails at 6, is in
# backoff until 8, waits until 9, completes at 10. Job 3 arrives at 11 and starts at once; it fails
# for good at 13 and its flow's email, job 4, arrives then, waits until 15, takes 1.
HAND = hand_log(
    row(job=1, times=(0, 0, 0, 4)),
    row(job=2, times=(1, 1, 4, 6), outcome="retried"),
    row(job=2, times=(1, 8, 9, 10), attempt=2),
    row(job=3, times=(11, 11, 11, 13), outcome="failed"),
    row(job=4, queue="email", parent=3, flow=3, times=(13, 13, 15, 16)),
)


def test_every_number_of_a_hand_made_run():
    found = summarise(HAND, (0, 12), SLOTS)
    order = found.queues["order"]
    assert (order.arrived, order.completed, order.failed, order.attempts) == (3, 2, 1, 4)
    assert order.attempts_per_job == pytest.approx(4 / 3)
    assert order.throughput_per_s == pytest.approx(2 / 12)  # job 3 failed, and in the drain
    assert order.utilisation == pytest.approx((4 + 2 + 1 + 1) / (2 * 12))  # 11-12 of 11-13
    assert order.queue_length == Level(pytest.approx((3 + 1) / 12), 1)
    assert order.delayed == Level(pytest.approx(2 / 12), 1)
    waits = order.wait_s  # 0, 3, 1, 0
    assert (waits.mean, waits.p50, waits.max, waits.ci95) == (1.0, 0.5, 3.0, None)
    assert waits.p95 == pytest.approx(1 + 2 * 0.85)  # between the 3rd and the 4th of 4
    times = order.response_s  # 4, 9, 2
    assert (times.mean, times.p50, times.max) == (5.0, 4.0, 9.0)
    email = found.queues["email"]  # enqueued at 13, after the window
    assert (email.arrived, email.attempts_per_job, email.wait_s.mean) == (0, None, None)
    assert (email.utilisation, email.queue_length) == (0.0, Level(0.0, 0))


def test_flows_run_from_the_root_to_the_last_end():
    flows = summarise(HAND, (0, 12), SLOTS).flows
    assert list(flows) == ["order"]
    assert (flows["order"].flows, flows["order"].finished) == (3, 3)
    assert flows["order"].time_s.max == 9.0
    assert flows["order"].time_s.mean == pytest.approx((4 + 9 + 5) / 3)
    late = summarise(HAND, (11, 12), SLOTS).flows["order"]
    assert (late.flows, late.last_queue, late.time_s.mean) == (1, "email", 5.0)


def test_littles_law_holds_on_the_whole_run():
    laws = summarise(HAND, (0, 12), SLOTS).littles_law
    assert laws["order"].mean_waiting == pytest.approx(4 / 16)
    assert laws["order"].arrival_rate_per_s == pytest.approx(4 / 16)
    assert laws["order"].wait_mean_s == 1.0
    assert laws["email"].mean_waiting == pytest.approx(2 / 16)
    assert max(law.relative_error for law in laws.values()) < 1e-12


def test_warm_up_leaves_out_early_jobs_and_early_time():
    order = summarise(HAND, (2, 12), SLOTS).queues["order"]
    assert (order.arrived, order.attempts, order.failed) == (1, 1, 1)
    # Job 2 is not counted, but it waited and worked inside the window.
    assert order.queue_length == Level(pytest.approx((2 + 1) / 10), 1)
    assert order.utilisation == pytest.approx((2 + 2 + 1 + 1) / (2 * 10))
    assert order.throughput_per_s == pytest.approx(2 / 10)
    assert order.wait_s.mean == 0.0


def test_replications_add_their_counts_and_average_their_means():
    log = hand_log(
        row(job=1, times=(0, 0, 2, 3)),
        row(job=1, replication=1, times=(0, 0, 4, 5)),
        row(job=2, replication=1, times=(0, 0, 6, 9)),
    )
    order = summarise(log, (0, 10), SLOTS).queues["order"]
    assert (order.arrived, order.completed) == (3, 3)
    assert order.wait_s.mean == pytest.approx((2 + 5) / 2)  # not (2 + 4 + 6) / 3
    half = 12.7062047 * math.sqrt(4.5) / math.sqrt(2)
    assert half > 3.5  # and no wait is below zero
    assert order.wait_s.ci95 == pytest.approx((0.0, 3.5 + half))
    assert order.wait_s.p50 == 4.0
    assert order.queue_length == Level(pytest.approx((2 + 4 + 6) / 10 / 2), 2)
    assert order.throughput_per_s == pytest.approx(3 / 2 / 10)
    four = summarise(log, (0, 10), SLOTS, replications=4).queues["order"]
    assert four.throughput_per_s == pytest.approx(3 / 4 / 10)


def test_at_equal_times_departures_come_before_arrivals():
    log = hand_log(
        row(job=1, times=(0, 0, 2, 3)),
        row(job=2, times=(2, 2, 4, 5)),
        row(job=3, times=(3, 3, 3, 5)),
    )
    assert summarise(log, (0, 10), SLOTS).queues["order"].queue_length.max == 1


def test_what_had_not_happened_when_the_run_was_cut_off():
    log = hand_log(
        row(job=1, times=(0, 0, 1, NAN), outcome=""),
        row(job=2, times=(2, 2, NAN, NAN), outcome=""),
        row(job=3, times=(0, 0, 0, 4), outcome="retried"),
    )
    found = summarise(log, (0, 10), SLOTS)
    order = found.queues["order"]
    assert (order.arrived, order.completed, order.failed, order.attempts) == (3, 0, 0, 2)
    assert order.utilisation == pytest.approx((9 + 4) / 20)
    assert order.queue_length == Level(pytest.approx((1 + 8) / 10), 1)
    assert order.delayed == Level(pytest.approx(6 / 10), 1)
    assert order.wait_s.max == 1.0
    assert order.response_s.mean is None
    assert (found.flows["order"].flows, found.flows["order"].finished) == (3, 0)
    assert found.littles_law["order"].relative_error > 0.1


def test_a_stalled_attempt_gives_its_slot_back_when_the_slot_takes_another_job():
    log = hand_log(
        row(job=1, times=(0, 0, 0, 40), outcome="stalled", slot=0),
        row(job=2, times=(12, 12, 12, 13), slot=0),
        row(job=1, times=(0, 40, 40, 41), run=2, slot=0),
    )
    order = summarise(log, (0, 50), {"order": 1}).queues["order"]
    assert order.utilisation == pytest.approx((12 + 1 + 1) / 50)
    assert (order.arrived, order.attempts) == (2, 2)  # a rerun is the same attempt
    assert order.response_s.max == 41.0
    assert order.wait_s.max == 0.0


def test_a_job_that_failed_by_stalling_has_an_end_but_no_start():
    log = hand_log(
        row(job=1, times=(0, 0, 0, 5), outcome="stalled"),
        row(job=1, times=(0, 5, NAN, 7), run=2, outcome="failed"),
    )
    order = summarise(log, (0, 10), {"order": 1}).queues["order"]
    assert (order.failed, order.attempts, order.response_s.max) == (1, 1, 7.0)
    assert order.queue_length == Level(pytest.approx(0.2), 1)


def test_in_process_jobs_wait_for_the_caller_only():
    log = hand_log(
        row(job=1, times=(0, 0, 0, 2)),
        row(job=2, queue="email", parent=1, flow=1, times=(2, 2, 2, 3)),
        row(job=3, times=(1, 1, 3, 5)),
        engine="in-process",
    )
    found = summarise(log, (0, 10), dict.fromkeys(SLOTS, 1))
    assert found.queues["order"].utilisation == pytest.approx(0.4)
    assert found.queues["email"].utilisation == pytest.approx(0.1)
    assert found.queues["email"].queue_length.max == 0


TIMES = ("mean", "p50", "p95", "p99", "max", "ci95", "p50_ci95", "p95_ci95", "p99_ci95")


def test_an_empty_log_is_zeros_and_nulls_and_valid_json():
    table = summarise(hand_log(), (0, 10), {**SLOTS, "extra": 0}).as_dict({"order": {"model": "x"}})
    text = json.dumps(table, allow_nan=False)
    assert list(json.loads(text)["queues"]) == ["order", "payment", "email", "extra"]
    assert table["queues"]["order"] == {
        **dict.fromkeys(
            ("arrived", "completed", "failed", "refused", "lost", "unfinished", "attempts"), 0
        ),
        "failed_per_run": 0.0,
        "failed_per_run_ci95": None,
        "attempts_per_job": None,
        "throughput_per_s": 0.0,
        "throughput_per_s_ci95": None,
        "utilisation": 0.0,
        "utilisation_ci95": None,
        "queue_length": {"mean": 0.0, "max": 0, "ci95": None},
        "delayed": {"mean": 0.0, "max": 0, "ci95": None},
        "wait_s": dict.fromkeys(TIMES),
        "response_s": dict.fromkeys(TIMES),
        "theory": {"model": "x"},
    }
    assert table["queues"]["extra"]["utilisation"] is None
    assert table["flows"] == {}


def stalled(worker: int, start: float, put_back: float, **more: object) -> dict:
    """A run whose job was put back at ``put_back``."""
    times = (0, 0, start, put_back)
    return row(job=int(start), times=times, outcome="stalled", worker=worker, **more)


def test_a_dead_worker_is_not_busy():
    """It held its slot until it died, not until its job was put back."""
    log = hand_log(stalled(0, 1, 9), row(job=1, run=2, times=(0, 9, 9, 10), worker=1))
    kill = Crash(at_s=3, worker=0, down_s=100)
    assert summarise(log, (0, 10), {"order": 1}, crashes=[kill]).queues[
        "order"
    ].utilisation == pytest.approx(0.3)
    away = Crash(at_s=3, worker=0, down_s=100, drain=True)
    assert summarise(log, (0, 10), {"order": 1}, crashes=[away]).queues[
        "order"
    ].utilisation == pytest.approx(0.9)


def test_a_worker_without_a_known_death_lived_until_its_last_sign():
    log = hand_log(
        stalled(0, 1, 9), row(job=2, slot=1, times=(0, 0, 2, 4), worker=0, queue="email")
    )
    found = summarise(log, (0, 10), {"order": 1, "email": 1}).queues
    assert found["order"].utilisation == pytest.approx(0.3)
    assert found["email"].utilisation == pytest.approx(0.2)


@pytest.mark.parametrize("queue", ["order", "email"])
def test_a_queue_alone_is_summarised_as_among_all(queue):
    """Other queues' rows still tell until when a worker lived; flows need all queues."""
    log = hand_log(
        stalled(0, 1, 9), row(job=2, slot=1, times=(0, 0, 2, 4), worker=0, queue="email")
    )
    whole = summarise(log, (0, 10), SLOTS)
    alone = summarise(log, (0, 10), SLOTS, about=[queue])
    assert alone.queues == {queue: whole.queues[queue]}
    assert (alone.flows, alone.littles_law) == ({}, {})


def test_a_window_without_length_is_refused():
    with pytest.raises(ValueError, match="window"):
        summarise(HAND, (5, 5), SLOTS)


@st.composite
def runs(draw: st.DrawFn) -> AttemptLog:
    """Jobs at whole seconds, so that ties abound; some cut off, some stalled."""
    step = st.integers(0, 3)
    rows = []
    for job in range(draw(st.integers(0, 6))):
        at = enqueued = draw(st.integers(0, 12))
        base = row(
            job=job,
            replication=draw(st.integers(0, 1)),
            queue=draw(st.sampled_from(QUEUES[:2])),
            slot=job,
        )
        attempt = run = 1
        for turn in range(3):
            ready = at
            started = ready + draw(step)
            finished = started + draw(step)
            cut = draw(st.sampled_from(["", "", "", "waiting", "working"]))
            outcomes = ["completed", "failed"] if turn == 2 else ["completed", "retried", "stalled"]
            outcome = "" if cut else draw(st.sampled_from(outcomes))
            times = (
                enqueued,
                ready,
                NAN if cut == "waiting" else started,
                NAN if cut else finished,
            )
            rows.append(row(**base, times=times, outcome=outcome, attempt=attempt, run=run))
            if outcome == "retried":
                attempt, run, at = attempt + 1, 1, finished + draw(step)
            elif outcome == "stalled":
                run, at = run + 1, finished
            else:
                break
            if draw(st.sampled_from([False] * 4 + [True])):
                break  # cut off in backoff
    return hand_log(*draw(st.permutations(rows)))


def slowly(log: AttemptLog, queue: str, low: int, high: int, runs: int) -> dict:
    """Count heads in the middle of every second: all events are at whole seconds."""
    length, delayed, busy, most = 0, 0, 0, [0, 0]
    arrived, waits, responses = set(), {}, {}
    rows = [line for line in log.rows if log.queues[line["queue"]] == queue]
    for replication in range(2):
        mine = [line for line in rows if line["replication"] == replication]
        chains: dict[int, list] = {}
        for line in sorted(mine, key=lambda r: (r["attempt"], r["run"])):
            chains.setdefault(int(line["job"]), []).append(line)
        for second in range(low, high):
            now = second + 0.5
            waiting = working = backing = 0
            for chain in chains.values():
                for line, after in pairwise([*chain, None]):
                    started, finished = line["started_s"], line["finished_s"]
                    if line["ready_s"] < now and not (started < now or finished < now):
                        waiting += 1
                    if started < now and not finished < now:
                        working += 1
                    if line["outcome"] == 2 and finished < now:
                        backing += after is None or now < after["ready_s"]
            length, delayed, busy = length + waiting, delayed + backing, busy + working
            most = [max(most[0], waiting), max(most[1], backing)]
        for job, chain in chains.items():
            if low <= chain[0]["enqueued_s"] < high:
                arrived.add((replication, job))
                waits.setdefault(replication, []).extend(
                    line["started_s"] - line["ready_s"]
                    for line in chain
                    if not math.isnan(line["started_s"])
                )
                if chain[-1]["outcome"] in (1, 3):
                    responses.setdefault(replication, []).append(
                        chain[-1]["finished_s"] - chain[0]["enqueued_s"]
                    )
    span = high - low
    return {
        "arrived": len(arrived),
        "length": length / span / runs,
        "delayed": delayed / span / runs,
        "busy": busy / span / runs,
        "most": most,
        "wait": [float(np.mean(w)) for w in waits.values() if w],
        "response": [float(np.mean(r)) for r in responses.values() if r],
    }


@settings(max_examples=150, deadline=None)
@given(log=runs(), low=st.integers(0, 6), span=st.integers(1, 12))
def test_any_log_gives_what_a_slow_head_count_gives(log, low, span):
    window = (low, low + span)
    found = summarise(log, window, {"order": 1, "payment": 3}, replications=2, crashes=[])
    json.dumps(found.as_dict(), allow_nan=False)
    for queue, slots in (("order", 1), ("payment", 3)):
        one, slow = found.queues[queue], slowly(log, queue, *window, runs=2)
        assert one.arrived == slow["arrived"]
        assert one.queue_length.mean == pytest.approx(slow["length"])
        assert one.delayed.mean == pytest.approx(slow["delayed"])
        assert one.utilisation * slots == pytest.approx(slow["busy"])
        assert [one.queue_length.max, one.delayed.max] == slow["most"]
        for mean, means in (
            (one.wait_s.mean, slow["wait"]),
            (one.response_s.mean, slow["response"]),
        ):
            assert mean == (pytest.approx(np.mean(means)) if means else None)


def test_the_summary_needs_no_pandas():
    import subprocess
    import sys

    code = "import sys, simqueue.results.summary; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
