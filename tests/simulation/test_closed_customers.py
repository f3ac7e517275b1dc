"""Customers who wait for each answer, against the exact solution of a closed network.

N customers think for a time of any distribution of that mean (a station with infinitely many
servers) and are served by c slots, each for an exponential time: the machine-repair model,
M/M/c//N. Its states are a birth and death process, written out here: Gross and Harris, Fundamentals
of Queueing Theory, 3rd ed. 1998, chapter 2 (finite-source queues). That the think time's shape does
not matter: Baskett, Chandy, Muntz and Palacios, Journal of the ACM 22 (1975).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simqueue.experiments.run import Run, simulate
from simqueue.record.attempt_log import REFUSED
from simqueue.simulation.engines import ENGINES
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload

REPLICATIONS = 20
WARMUP_S = 100.0
SERVICE = {"distribution": "exponential", "mean_s": 1.0}
MODES = ("bull-queue", "in-process")


def exact(customers: int, slots: int, think_s: float, most: int | None = None) -> dict[str, float]:
    """Throughput and mean wait, with services of a second; at most ``most`` in the system."""
    room = customers if most is None else min(customers, most)
    likely = np.ones(room + 1)
    for n in range(1, room + 1):
        likely[n] = likely[n - 1] * (customers - n + 1) / think_s / min(n, slots)
    likely /= likely.sum()
    n = np.arange(room + 1)
    done = float(likely @ np.minimum(n, slots))
    asked = float(likely @ (customers - n)) / think_s
    return {
        "throughput": done,
        "wait": float(likely @ np.maximum(n - slots, 0)) / done,
        "refused": 1 - done / asked,
    }


def mva(customers: int, think_s: float) -> float:
    """Throughput with one slot, by mean value analysis (Reiser and Lavenberg, JACM 27, 1980)."""
    there = 0.0
    for n in range(1, customers + 1):
        response = 1.0 + there
        throughput = n / (think_s + response)
        there = throughput * response
    return throughput


def run(
    mode: str, customers: int, slots: int, think: dict[str, Any], seed: int = 1, **queue: Any
) -> Run:
    max_waiting = queue.pop("max_waiting", None)
    stream = {"customers": customers, "think": think}
    scenario = build_scenario(
        {
            "mode": mode,
            "seed": seed,
            "duration_s": 1500,
            "warmup_s": WARMUP_S,
            "workers": {"concurrency": slots},
            "caller": {"concurrency": slots},
            "arrivals": {"q": stream if max_waiting is None else {**stream, **max_waiting}},
            "queues": {"q": {"service": SERVICE, **queue}},
        }
    )
    return simulate(scenario, REPLICATIONS)


def within_four_errors(found: list[float], expected: float) -> None:
    error = np.std(found, ddof=1) / REPLICATIONS**0.5
    assert 0 < error < 0.05 * expected, "too few requests to tell"
    assert abs(np.mean(found) - expected) < 4 * error


def throughputs(done: Run, outcome: str = "completed") -> list[float]:
    low, high = done.window
    found = []
    for number in range(REPLICATIONS):
        rows = done.log.replication(number).select("q", outcome=outcome).rows
        found.append(float(((rows["finished_s"] >= low) & (rows["finished_s"] < high)).sum()))
    return [count / (high - low) for count in found]


def waits(done: Run) -> list[float]:
    low, high = done.window
    logs = (done.log.replication(number) for number in range(REPLICATIONS))
    return [float(log.waits("q", since_s=low, until_s=high).mean()) for log in logs]


THINKS = {
    "exponential": {"distribution": "exponential", "mean_s": 5.0},
    "constant": {"distribution": "constant", "mean_s": 5.0},
    "hyperexponential": {"distribution": "hyperexponential", "mean_s": 5.0, "cv": 2.0},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("customers", "slots", "think"),
    [
        (12, 2, "exponential"),
        (30, 3, "constant"),
        (24, 4, "hyperexponential"),
        (3, 3, "exponential"),
    ],
)
def test_throughput_and_wait_are_those_of_the_machine_repair_model(
    mode: str, customers: int, slots: int, think: str
) -> None:
    done = run(mode, customers, slots, THINKS[think])
    wanted = exact(customers, slots, 5.0)

    within_four_errors(throughputs(done), wanted["throughput"])
    if customers > slots:
        within_four_errors(waits(done), wanted["wait"])
    else:
        assert max(waits(done)) == 0.0
    assert done.summary().littles_law["q"].relative_error < 1e-9


@pytest.mark.parametrize("mode", MODES)
def test_one_slot_is_as_mean_value_analysis_says(mode: str) -> None:
    assert mva(6, 5.0) == pytest.approx(exact(6, 1, 5.0)["throughput"])
    within_four_errors(throughputs(run(mode, 6, 1, THINKS["exponential"])), mva(6, 5.0))


def test_both_modes_do_the_same_where_nothing_fails_and_nothing_follows() -> None:
    """The same requests at the same moments, whoever does the work."""
    queue, caller = (run(mode, 10, 2, THINKS["exponential"], seed=3).log.rows for mode in MODES)

    for column in ("job", "enqueued_s", "started_s", "finished_s"):
        np.testing.assert_allclose(queue[column], caller[column], rtol=0, atol=1e-9)


def test_backoff_is_part_of_what_a_customer_waits_for() -> None:
    """An attempt in two fails; the backoff is one more station with infinitely many servers."""
    done = run(
        "bull-queue", 40, 2, THINKS["exponential"],
        failure_rate=0.5, attempts=1000, backoff={"delay_ms": 3000},
    )  # fmt: skip
    # A job takes two attempts and one backoff on average: as thinking so much before each attempt.
    wanted = exact(40, 2, (5.0 + 3.0) / 2)

    within_four_errors(throughputs(done), wanted["throughput"] / 2)
    within_four_errors(waits(done), wanted["wait"])


@pytest.mark.parametrize("max_waiting", [1, 4])
def test_a_bounded_queue_turns_away_and_the_customer_thinks_again(max_waiting: int) -> None:
    done = run("bull-queue", 20, 2, THINKS["exponential"], max_waiting={"max_waiting": max_waiting})
    wanted = exact(20, 2, 5.0, most=2 + max_waiting)
    refused = throughputs(done, "refused")
    asked = [one + other for one, other in zip(refused, throughputs(done), strict=True)]

    within_four_errors(throughputs(done), wanted["throughput"])
    within_four_errors(
        [one / other for one, other in zip(refused, asked, strict=True)], wanted["refused"]
    )
    within_four_errors(waits(done), wanted["wait"])
    assert (done.log.rows["outcome"] == REFUSED).any()


def test_nobody_asks_twice_at_a_time_and_nobody_after_the_end() -> None:
    """Between two requests of a customer lie the end of the first and the time to think."""
    done = run("bull-queue", 5, 1, THINKS["constant"], failure_rate=0.3, attempts=2)
    rows = done.log.replication(0).rows
    last = {row["job"]: row for row in rows}
    come = sorted(last.values(), key=lambda row: row["enqueued_s"])

    assert come[-1]["enqueued_s"] < 1500
    # They all begin at once, one after the other, and each comes 5 s after an end.
    ends = np.sort([row["finished_s"] for row in come])
    np.testing.assert_allclose(
        np.sort([row["enqueued_s"] for row in come[5:]]) - 5.0, ends[: len(come) - 5], atol=1e-9
    )


def test_a_customer_whose_process_dies_asks_again() -> None:
    """All five are cut off at 4.5 s, know it, think for a second, and find nobody up until 10 s."""
    scenario = build_scenario(
        {
            "mode": "in-process",
            "duration_s": 20,
            "caller": {"concurrency": 5, "crashes": [{"at_s": 4.5, "down_s": 5.5}]},
            "arrivals": {"q": {"customers": 5, "think": {"distribution": "constant", "mean_s": 1}}},
            "queues": {"q": {"service": {"distribution": "constant", "mean_s": 10}}},
        }
    )
    frame = simulate(scenario).frame()

    counts = frame.groupby("outcome")["enqueued_s"].agg(["count", "min", "max"])
    assert counts.loc["lost"].tolist() == [5, 1.0, 1.0]
    assert counts.loc["refused"].tolist() == [25, 5.5, 9.5]
    assert counts.loc["completed"].tolist() == [5, 10.5, 10.5]


@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_is_cut_off_while_all_think_is_not_over(mode: str) -> None:
    """At 1.5 s the answer of 1 s has come, and the next request is for 3 s."""
    scenario = build_scenario(
        {
            "mode": mode,
            "duration_s": 10,
            "arrivals": {"q": {"customers": 1, "think": {"distribution": "constant", "mean_s": 2}}},
            "queues": {"q": {"service": {"distribution": "constant", "mean_s": 1}}},
        }
    )
    workload = Workload(scenario)

    assert ENGINES["simpy"](workload, until_s=1.5).cut_off_s == 1.5
    assert ENGINES["simpy"](workload, until_s=50.0).cut_off_s is None
