"""A producer who looks before adding: a bounded queue, against M/M/c/K and rule by rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from simqueue.experiments.run import simulate
from simqueue.workload.reading import build_scenario

REPLICATIONS = 20
WARMUP_S = 60.0


def states(servers: int, most: int, load: float) -> np.ndarray:
    """P(n in the system) for n to ``most``: at rate lambda up, at min(n, c) mu down."""
    found = np.ones(most + 1)
    for n in range(1, most + 1):
        found[n] = found[n - 1] * load / min(n, servers)
    return found / found.sum()


def constant(seconds: float) -> dict[str, Any]:
    return {"distribution": "constant", "mean_s": seconds}


@pytest.mark.parametrize(
    ("workers", "concurrency", "waiting", "rate"), [(1, 2, 4, 1.8), (3, 1, 2, 4.0), (1, 1, 1, 0.7)]
)
def test_as_many_are_turned_away_as_mmck_says(
    workers: int, concurrency: int, waiting: int, rate: float
) -> None:
    """One load is above 1: there is a steady state all the same, and no warning says otherwise."""
    scenario = build_scenario(
        {
            "seed": 4,
            "duration_s": 900,
            "warmup_s": WARMUP_S,
            "workers": {"count": workers, "concurrency": concurrency},
            "arrivals": {"q": {"rate_per_s": rate, "max_waiting": waiting}},
            "queues": {"q": {"service": {"distribution": "exponential", "mean_s": 1.0}}},
        }
    )
    done = simulate(scenario, REPLICATIONS)
    shares, waits = [], []
    for number in range(REPLICATIONS):
        log = done.log.replication(number).select("q", since_s=WARMUP_S)
        shares.append(len(log.select(outcome="refused")) / len(log))
        waits.append(float(log.waits().mean()))
    servers = workers * concurrency
    likely = states(servers, servers + waiting, rate)
    in_line = float(np.arange(waiting + 1) @ likely[servers:])

    for found, expected in (
        (shares, likely[-1]),
        (waits, in_line / (rate * (1 - likely[-1]))),
    ):
        error = np.std(found, ddof=1) / REPLICATIONS**0.5
        assert 0 < error < 0.1 * expected, "too few jobs to tell"
        assert abs(np.mean(found) - expected) < 4 * error
    queue = done.summary().queues["q"]
    assert queue.refused + queue.completed == queue.arrived
    assert done.summary().littles_law["q"].relative_error < 1e-9
    assert done.theory() == {"q": None}
    assert not any("no steady state" in words for words in done.warnings())


def run(**table: Any) -> pd.DataFrame:
    """One slot, a job of 10 s every second."""
    return simulate(
        build_scenario(
            {
                "duration_s": 5.5,
                "workers": {"concurrency": 1},
                "arrivals": {"q": {"interval_s": 1, "max_waiting": 2}},
                "queues": {"q": {"service": constant(10), "follow_up": {}}},
                **table,
            }
        )
    ).frame()


def test_who_runs_does_not_count_and_who_waits_does() -> None:
    """The first runs, two wait, the others are turned away at once."""
    frame = run().sort_values("enqueued_s")

    assert frame["outcome"].tolist() == ["completed"] * 3 + ["refused"] * 2
    refused = frame[frame["outcome"] == "refused"]
    assert refused["finished_s"].tolist() == refused["enqueued_s"].tolist() == [4.0, 5.0]
    assert refused["started_s"].isna().all()


def test_who_is_in_backoff_does_not_count() -> None:
    """All fail at once and are delayed: nobody waits, so nobody is turned away."""
    queue = {"failure_rate": 1.0, "attempts": 2, "backoff": {"delay_ms": 60_000}}

    assert (run(queues={"q": queue})["outcome"] != "refused").all()


def test_follow_ups_go_in_by_another_door() -> None:
    frame = run(
        arrivals={"a": {"interval_s": 1}, "q": {"interval_s": 100, "max_waiting": 1}},
        queues={"a": {"follow_up": {"completed": ["q"]}}, "q": {"service": constant(10)}},
    )

    assert frame[frame["queue"] == "q"]["outcome"].tolist() == ["completed"] * 5


@pytest.mark.parametrize("mode", ["bull-queue", "in-process"])
def test_who_was_turned_away_pays_nothing(mode: str) -> None:
    """The queue and the caller hold two that wait: three orders are taken, and three payments."""
    frame = run(
        mode=mode,
        caller={"max_waiting": 2},
        arrivals={
            "q": {"interval_s": 1, "max_waiting": 2},
            "pay": {"follows": "q", "think": constant(40)},
        },
        queues={"q": {"service": constant(10)}, "pay": {}},
    )

    paid = frame[frame["queue"] == "pay"]
    taken = frame[(frame["queue"] == "q") & (frame["outcome"] == "completed")]
    assert sorted(paid["flow"]) == sorted(taken["flow"])
    assert len(paid) == 3


def test_a_client_who_is_turned_away_knows_and_does_not_ask_again() -> None:
    """Patience ends after 3 s: those whose jobs wait ask again, and then the door is shut."""
    client = {"timeout_s": 3, "retries": 1}
    frame = run(arrivals={"q": {"interval_s": 1, "max_waiting": 2, "client": client}})
    again = frame[frame["name"].str.contains("again")]

    # The one at 1 s runs, those at 2 and 3 s wait: they ask again at 4, 5 and 6 s.
    assert again.sort_values("enqueued_s")["enqueued_s"].tolist() == [4.0, 5.0, 6.0]
    assert (again["outcome"] == "refused").all()
    assert len(frame) == 5 + 3
