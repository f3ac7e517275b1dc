"""M/M/c whose number of servers follows a schedule, against its own differential equations.

The probabilities of a birth-death process with rates that change over time obey Kolmogorov's
forward equations (Kleinrock, *Queueing Systems* I, section 2.5); they are solved numerically here,
and share no code with the model. While servers that were told to end finish their jobs, they are
counted beside the rest: a state is (jobs in the line and at the servers that stay, jobs of servers
that leave).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from simqueue.experiments.run import simulate
from simqueue.workload.reading import build_scenario

Floats = NDArray[np.float64]

#: Jobs that may be there: more never are.
MOST = 400
RUNS = 300
#: A mean over so many runs is within so many standard errors of what is expected, at 24 moments:
#: by chance it is not in one of several thousand tries.
SURE = 4.5


def run_mean(numbers: Floats) -> tuple[Floats, Floats]:
    """The mean over runs at each moment, and its standard error."""
    return numbers.mean(axis=0), numbers.std(axis=0, ddof=1) / np.sqrt(len(numbers))


def in_system(scenario: dict[str, Any], moments: Floats) -> Floats:
    """Jobs in the model, an element for each run and moment."""
    log = simulate(build_scenario(scenario), RUNS).log
    found = np.zeros((RUNS, len(moments)))
    for run in range(RUNS):
        rows = log.replication(run).rows
        came = np.searchsorted(np.sort(rows["enqueued_s"]), moments, side="right")
        found[run] = came - np.searchsorted(np.sort(rows["finished_s"]), moments, side="right")
    return found


def expected(
    rates: list[tuple[float, float]], servers: list[tuple[float, int]], moments: Floats
) -> Floats:
    """Mean number of jobs at each moment, service of mean 1, from an empty start.

    ``rates`` and ``servers`` say what holds from when on.
    """
    leaving = max(count for _, count in servers)
    jobs = np.arange(MOST)
    p = np.zeros((leaving + 1, MOST))
    p[0, 0] = 1.0
    edges = sorted({*(at for at, _ in (*rates, *servers)), float(moments[-1])})
    found = []
    before = servers[0][1]
    for start, end in pairwise(edges):
        rate = [value for at, value in rates if at <= start][-1]
        count = [value for at, value in servers if at <= start][-1]
        if count < before:
            p = left_behind(p, before, count)
        before = count
        busy = np.minimum(jobs, count)

        def change(_: float, flat: Floats, rate: float = rate, busy: Floats = busy) -> Floats:
            at = flat.reshape(leaving + 1, MOST)
            out = np.zeros_like(at)
            out[:, 1:] += rate * at[:, :-1]
            out[:, :-1] -= rate * at[:, :-1]
            done = busy * at
            out[:, :-1] += done[:, 1:]
            out -= done
            ends = np.arange(leaving + 1)[:, np.newaxis] * at
            out[:-1] += ends[1:]
            out -= ends
            return out.ravel()

        inside = moments[(moments > start) & (moments <= end)]
        asked = np.union1d(inside, [end])
        solved = solve_ivp(change, (start, end), p.ravel(), t_eval=asked, rtol=1e-8, atol=1e-10)
        states = solved.y.T.reshape(-1, leaving + 1, MOST)
        total = jobs + np.arange(leaving + 1)[:, np.newaxis]
        found += [float((state * total).sum()) for state in states[: len(inside)]]
        p = states[-1]
    return np.array(found)


def left_behind(p: Floats, before: int, count: int) -> Floats:
    """Servers are told to end: those that are busy take their jobs out of the line.

    All are busy here, but for a probability that is checked.
    """
    assert p[:, :before].sum() < 1e-3
    out = np.zeros_like(p)
    gone = before - count
    assert p[1:].sum() < 1e-6, "nobody may be leaving still"
    out[gone, : MOST - gone] = p[0, gone:]
    return out / out.sum()


def test_more_servers_step_by_step() -> None:
    """Two, too few, then four, then seven: empty at first, and steady at the end."""
    steps = [(0.0, 2), (10.0, 4), (25.0, 7)]
    moments = np.linspace(2, 48, 24)
    model, error = run_mean(
        in_system(
            {
                "duration_s": 48,
                "arrivals": {"q": {"rate_per_s": 4}},
                "queues": {"q": {"service": {"distribution": "exponential", "mean_s": 1}}},
                "pools": {"web": {"schedule": steps, "queues": {"q": 1}}},
            },
            moments,
        )
    )

    assert (np.abs(model - expected([(0, 4)], steps, moments)) < SURE * error).all()


def test_servers_that_take_a_while_to_start_come_later() -> None:
    """Asked for at 10 s and up at 15 s: as if the schedule had said 15 s."""
    moments = np.linspace(1, 30, 24)
    model, error = run_mean(
        in_system(
            {
                "duration_s": 30,
                "arrivals": {"q": {"rate_per_s": 4}},
                "queues": {"q": {"service": {"distribution": "exponential", "mean_s": 1}}},
                "pools": {"web": {"schedule": [[0, 2], [10, 6]], "start_s": 5, "queues": {"q": 1}}},
            },
            moments,
        )
    )

    assert (np.abs(model - expected([(0, 4)], [(0, 2), (15, 6)], moments)) < SURE * error).all()
    at_once = expected([(0, 4)], [(0, 2), (10, 6)], moments)
    assert not (np.abs(model - at_once) < SURE * error).all(), "the test could not tell"


def test_fewer_servers_end_what_they_have() -> None:
    """Six, overloaded, of whom three leave at 20 s, each when its job is done."""
    steps = [(0.0, 6), (20.0, 3)]
    rates = [(0.0, 12.0), (20.0, 1.0)]
    moments = np.linspace(2, 60, 24)
    model, error = run_mean(
        in_system(
            {
                "duration_s": 60,
                "arrivals": {"q": {"profile": rates}},
                "queues": {"q": {"service": {"distribution": "exponential", "mean_s": 1}}},
                "pools": {"web": {"schedule": steps, "queues": {"q": 1}}},
            },
            moments,
        )
    )

    assert (np.abs(model - expected(rates, steps, moments)) < SURE * error).all()
