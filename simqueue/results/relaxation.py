"""How long a queue takes to forget that it began empty.

A formula speaks of steady state. A run that starts empty and is short beside this time shows
shorter waits, however many replications it has.
"""

from __future__ import annotations

import math

from simqueue.results.theory import erlang_c


def mg1_relaxation_s(rate: float, mean_s: float, second: float, third: float) -> float:
    """Time in which the wait of M/G/1 comes near its mean, seconds.

    The deficit of the mean wait, summed up over all time after an empty start, over the mean.

    Parameters
    ----------
    rate
        Arrivals per second.
    mean_s, second, third
        First three raw moments of the service time.

    Notes
    -----
    For the work V(t) in M/G/1, d/dt E[V^2] = rate E[S^2] - 2 (1 - rho) E[V(t)]. Integrated from an
    empty start to steady state, the deficit is E[V^2] / (2 (1 - rho)), where E[V^2] = 2 E[V]^2 +
    rate E[S^3] / (3 (1 - rho)). Source: Takacs, *Introduction to the Theory of Queues*, 1962,
    section 1.5 (moments); for M/M/1 it gives 1 / (mu (1 - rho)^2), as Abate and Whitt, *Transient
    Behavior of the M/M/1 Queue: Starting at the Origin*, Queueing Systems 2 (1987).

    Examples
    --------
    >>> round(mg1_relaxation_s(0.8, 1.0, 2.0, 6.0), 9)
    25.0
    """
    spare = 1 - rate * mean_s
    wait = rate * second / (2 * spare)
    squared = 2 * wait**2 + rate * third / (3 * spare)
    return squared / (2 * spare) / wait if wait > 0 else 0.0


def mmc_relaxation_s(rate: float, mean_s: float, servers: int) -> float:
    """Time in which the wait of M/M/c comes near its mean, seconds.

    The deficit of the mean wait that an arrival would have, summed up over all time after an empty
    start, over the mean.

    Parameters
    ----------
    rate, mean_s, servers
        Arrivals per second, mean service time in seconds, servers.

    Notes
    -----
    The deficit solves Poisson's equation of the birth-and-death process of M/M/c, whose solution
    is a sum over its stationary probabilities. Source: Whitt, *Asymptotic Formulas for Markov
    Processes with Applications to Simulation*, Operations Research 40 (1992), section 4.

    Examples
    --------
    >>> round(mmc_relaxation_s(0.8, 1.0, 1), 6), round(mmc_relaxation_s(1.6, 1.0, 2), 2)
    (25.0, 14.17)
    """
    load = rate * mean_s
    rho, mean = load / servers, erlang_c(servers, load) / (servers - load)
    once, twice = rho / (1 - rho), rho / (1 - rho) ** 2
    # In terms of the share of time with just i in the system: that with more, and that with i or
    # fewer: the shares themselves would underflow.
    more = [once]
    for number in range(servers - 1, 0, -1):
        more.append(load / number * (1 + more[-1]))
    summed, fewer = 0.0, 0.0
    for number, above in enumerate(reversed(more)):
        fewer = 1 + fewer * number / load
        summed += 1 / (1 / fewer + 1 / above) / load  # either may be infinite
    # From as many as there are servers on, all is geometric.
    tail = once * (twice / servers - mean * once) + twice / servers * once
    return (summed + (servers - load) / load * tail) * mean_s


def deficit(relaxation_s: float, window: tuple[float, float]) -> float:
    """Share by which the mean of a window stays below steady state, after an empty start at 0.

    Parameters
    ----------
    relaxation_s
        See above; the approach is taken for exponential.
    window
        From and to, seconds.

    Examples
    --------
    >>> round(deficit(25.0, (0.0, 3600.0)), 4), round(deficit(25.0, (250.0, 3600.0)), 6)
    (0.0069, 0.0)
    """
    low, high = window
    if relaxation_s <= 0:
        return 0.0
    gone = math.exp(-low / relaxation_s) - math.exp(-high / relaxation_s)
    return relaxation_s * gone / (high - low)
