"""Published cases: what others have found, found again here."""

import heapq
from functools import cache
from typing import Any

import numpy as np
import pytest

from simqueue.data import data_path
from simqueue.experiments.run import simulate
from simqueue.policies import Backoff
from simqueue.record.attempt_log import COMPLETED, FAILED
from simqueue.results.theory import attempts_mean
from simqueue.workload.changes import parse_set
from simqueue.workload.reading import build_scenario, read_scenario

TRIGGER_ENDS_S = 70.0


@cache
def answered(*settings: str) -> Any:
    """Share of the requests of each second that were answered within the client's patience."""
    scenario = read_scenario(data_path("storm.toml"), [parse_set(text) for text in settings])
    rows = simulate(scenario).log.rows
    took = rows["finished_s"] - rows["enqueued_s"]
    happy = np.unique(rows["flow"][(rows["outcome"] == COMPLETED) & (took <= 1.0)])
    first = rows[rows["parent"] < 0]
    seconds = first["enqueued_s"].astype(int)
    good = np.bincount(seconds, np.isin(first["flow"], happy), int(scenario.duration_s))
    return good / np.bincount(seconds, minlength=int(scenario.duration_s))


def recovery_s(share: Any) -> float:
    """Seconds from the trigger's end until 19 of 20 requests are answered, for ten seconds."""
    good = np.convolve(share >= 0.95, np.ones(10), "valid") == 10
    later = np.flatnonzero(good[int(TRIGGER_ENDS_S) :])
    return float(later[0]) if len(later) else np.inf


def rate(per_s: float) -> str:
    return f"arrivals.request.rate_per_s={per_s}"


@pytest.mark.parametrize("per_s", [100, 135])
def test_a_retry_storm_ends_by_itself_below_half_of_the_capacity(per_s: float) -> None:
    """Capacity 300 a second, one retry after a second, ten seconds away (HotOS 2021).

    While the backlog is older than a second everybody asks twice: 2 x rate must fit.
    The backlog of the outage drains at 300 - 2 x rate.
    """
    backlog = 2 * per_s * 10
    share = answered(rate(per_s), "duration_s=200")

    assert recovery_s(share) == pytest.approx(backlog / (300 - 2 * per_s), rel=0.25)


@pytest.mark.parametrize("per_s", [165, 200, 280])
def test_above_it_stays(per_s: float) -> None:
    share = answered(rate(per_s))

    assert share[:55].mean() > 0.99, "it was well before the trigger"
    assert share[200:340].mean() < 0.01, "five minutes later it is as bad as at first"


@pytest.mark.parametrize("per_s", [165, 200, 250])
def test_newest_first_is_back_in_about_a_second(per_s: float) -> None:
    assert recovery_s(answered(rate(per_s), "queues.request.lifo=true", "duration_s=120")) <= 2


def test_a_retry_budget_ends_it() -> None:
    """A tenth more load is all that clients may add: 1.1 x 250 fits into 300."""
    shares = answered(rate(250), "arrivals.request.client.budget=0.1", "duration_s=300")

    assert recovery_s(shares) < 200
    assert not np.isfinite(recovery_s(answered(rate(250))))


@pytest.mark.parametrize(("p", "attempts"), [(0.1, 3), (0.5, 3), (0.5, 5), (0.9, 8)])
def test_retries_amplify_as_the_geometric_series_says(p: float, attempts: int) -> None:
    """Attempts a job: (1 - p^N) / (1 - p), within four standard errors."""
    scenario = build_scenario(
        {
            "seed": 7,
            "duration_s": 20_000,
            "workers": {"concurrency": 50},
            "arrivals": {"q": {"rate_per_s": 1}},
            "queues": {
                "q": {
                    "attempts": attempts,
                    "failure_rate": p,
                    "backoff": {"type": "exponential", "delay_ms": 500, "jitter": 0.5},
                    "service": {"distribution": "constant", "mean_s": 0.1},
                }
            },
        }
    )
    rows = simulate(scenario).log.rows
    per_job = np.unique(rows["job"], return_counts=True)[1]

    error = per_job.std() / np.sqrt(len(per_job))
    assert abs(per_job.mean() - attempts_mean(p, attempts)) < 4 * error
    lost = (rows["outcome"] == FAILED).sum() / len(per_job)
    assert abs(lost - p**attempts) < 4 * np.sqrt(p**attempts / len(per_job))


def calls(backoff: Backoff, clients: int, seed: int) -> int:
    """Writes until all clients have written one row under optimistic locking.

    Each reads a version, then writes; a write is refused if somebody wrote since that read, and
    its client backs off by our own rule. Each of the four ways over the network takes 10 ms,
    give or take 2.
    Source: M. Brooker, Exponential Backoff and Jitter, AWS Architecture Blog, 2015.
    """
    draw = np.random.default_rng(seed)
    version = made = 0
    events: list[tuple[float, int, int, int | None]] = []  # moment, client, attempt, version read

    def way() -> float:
        return abs(float(draw.normal(0.010, 0.002)))

    for client in range(clients):
        heapq.heappush(events, (way(), client, 1, None))
    while events:
        now, client, attempt, seen = heapq.heappop(events)
        if seen is None:
            heapq.heappush(events, (now + way() + way(), client, attempt, version))
            continue
        made += 1
        if seen == version:
            version += 1
        else:
            wait = backoff.wait_s(attempt, draw.random())
            heapq.heappush(events, (now + way() + wait + way(), client, attempt + 1, None))
    return made


def test_jitter_saves_calls() -> None:
    """100 clients contend: backoff saves calls, and jitter more than half of what is left."""
    rules = {
        "no backoff": Backoff(),
        "no jitter": Backoff(type="exponential", delay_ms=10, max_ms=2000),
        "equal": Backoff(type="exponential", delay_ms=10, max_ms=2000, jitter=0.5),
        "full": Backoff(type="exponential", delay_ms=10, max_ms=2000, jitter=1.0),
    }
    made = {n: np.mean([calls(rule, 100, seed) for seed in range(5)]) for n, rule in rules.items()}

    assert made["no jitter"] < made["no backoff"]
    assert max(made["full"], made["equal"]) < 0.5 * made["no jitter"]


def test_a_herd_without_jitter_comes_back_as_one() -> None:
    """The busiest second after the outage: jitter spreads what none brings at once."""
    busiest = {}
    for jitter in (0.0, 0.5, 1.0):
        setting = parse_set(f"queues.email.backoff.jitter={jitter}")
        rows = simulate(read_scenario(data_path("herd.toml"), [setting])).log.rows
        later = rows["started_s"][rows["started_s"] >= 20]
        busiest[jitter] = np.histogram(later, np.arange(20.0, 200))[0].max()

    assert busiest[0.0] > 4 * busiest[0.5] > 4 * busiest[1.0] > 0


def test_in_an_outage_the_backoff_decides_who_is_given_up() -> None:
    """Waits of 62 s outlast an outage of 60 s; 25 s or none do not."""
    given_up = {}
    for name, backoff in {
        "exponential": '{type="exponential",delay_ms=2000}',
        "fixed": '{type="fixed",delay_ms=5000}',
        "none": '{type="fixed",delay_ms=0}',
    }.items():
        setting = parse_set(f"queues.payment.backoff={backoff}")
        rows = simulate(read_scenario(data_path("outage.toml"), [setting])).log.rows
        given_up[name] = int((rows["outcome"] == FAILED).sum())

    # Who comes in the first 35 s (or 57 s) of the outage has no attempt left when it ends.
    assert given_up["fixed"] == pytest.approx(16 * 35, rel=0.1)
    assert given_up["none"] == pytest.approx(16 * 57.5, rel=0.1)
    assert given_up["exponential"] < 0.05 * given_up["fixed"]
