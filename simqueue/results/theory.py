"""What queueing theory says, in closed form.

These formulas judge the simulators, so they share no code with them. Rates are per second and
times in seconds, though any one unit of time will do.
"""

from __future__ import annotations

import math

from simqueue.errors import SimqueueError


class NoSteadyState(SimqueueError):  # noqa: N818 - it says what there is not
    """Work comes in at least as fast as the slots can do it: the queue grows for ever."""


def erlang_b(servers: int, offered_load: float) -> float:
    """Probability that an arrival finds all servers busy and is lost (M/G/c/c).

    Parameters
    ----------
    servers
        Number of servers, 0 or more.
    offered_load
        Arrival rate times mean service time, in erlangs.

    Raises
    ------
    ValueError
        If either is negative.

    Notes
    -----
    By the recursion B(c) = a B(c-1) / (c + a B(c-1)), which stays in [0, 1] where factorials
    overflow. Source: Cooper, *Introduction to Queueing Theory*, 2nd ed. 1981, section 3.3;
    Erlang 1917.

    Examples
    --------
    >>> erlang_b(2, 1.0)
    0.2
    """
    if servers < 0 or not offered_load >= 0:
        raise ValueError(f"servers(={servers}) and offered_load(={offered_load}) must be >= 0")
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered_load * blocked / (server + offered_load * blocked)
    return blocked


def erlang_c(servers: int, offered_load: float) -> float:
    """Probability that an arrival has to wait (M/M/c).

    Parameters
    ----------
    servers
        Number of servers, 1 or more.
    offered_load
        Arrival rate times mean service time, in erlangs: below ``servers``.

    Raises
    ------
    ValueError
        If there is no server, or the load is negative.
    NoSteadyState
        If the load is not below the number of servers.

    Notes
    -----
    C = c B / (c - a (1 - B)). Source: Cooper, *Introduction to Queueing Theory*, 2nd ed. 1981,
    section 3.5; Gross and Harris, *Fundamentals of Queueing Theory*, 3rd ed. 1998, section 2.3.

    Examples
    --------
    >>> round(erlang_c(3, 2.0), 6)
    0.444444
    """
    if servers < 1:
        raise ValueError(f"servers(={servers}) must be at least 1")
    blocked = erlang_b(servers, offered_load)
    _steady(offered_load / servers)
    return servers * blocked / (servers - offered_load * (1 - blocked))


def mmc_wait_mean(arrival_rate: float, service_mean: float, servers: int) -> float:
    """Mean time that an arrival waits before its service starts (M/M/c), order of service or not.

    Parameters
    ----------
    arrival_rate
        Arrivals per second.
    service_mean
        Mean service time, seconds.
    servers
        Number of servers.

    Raises
    ------
    NoSteadyState
        If the load per server is 1 or more.

    Notes
    -----
    C / (c mu - lambda). Source: Gross and Harris, *Fundamentals of Queueing Theory*, 3rd ed.
    1998, section 2.3.
    """
    load = arrival_rate * service_mean
    return erlang_c(servers, load) * service_mean / (servers - load)


def mmc_wait_ccdf(t: float, arrival_rate: float, service_mean: float, servers: int) -> float:
    """Probability that an arrival waits longer than ``t`` (M/M/c, first come, first served).

    Parameters
    ----------
    t
        Seconds, 0 or more.
    arrival_rate, service_mean, servers
        As in `mmc_wait_mean`.

    Raises
    ------
    NoSteadyState
        If the load per server is 1 or more.

    Notes
    -----
    C exp(-(c mu - lambda) t). Source: Gross and Harris, *Fundamentals of Queueing Theory*, 3rd
    ed. 1998, section 2.3.
    """
    load = arrival_rate * service_mean
    waits = erlang_c(servers, load)
    return waits * math.exp(-(servers - load) * t / service_mean) if service_mean else 0.0


def mmc_wait_quantile(q: float, arrival_rate: float, service_mean: float, servers: int) -> float:
    """Wait that a share ``q`` of the arrivals does not exceed (M/M/c, first come, first served).

    Parameters
    ----------
    q
        From 0 to less than 1: 0.95 gives the 95th percentile, seconds.
    arrival_rate, service_mean, servers
        As in `mmc_wait_mean`.

    Raises
    ------
    ValueError
        If ``q`` is out of range.
    NoSteadyState
        If the load per server is 1 or more.
    """
    if not 0 <= q < 1:
        raise ValueError(f"q(={q}) must be at least 0 and less than 1")
    load = arrival_rate * service_mean
    waits = erlang_c(servers, load)
    if waits <= 1 - q:
        return 0.0
    return math.log(waits / (1 - q)) * service_mean / (servers - load)


def mg1_wait_mean(arrival_rate: float, service_mean: float, service_scv: float) -> float:
    """Mean wait with one server and any service times (M/G/1).

    Parameters
    ----------
    arrival_rate
        Arrivals per second.
    service_mean
        Mean service time, seconds.
    service_scv
        Squared coefficient of variation of the service time: variance over squared mean.

    Raises
    ------
    NoSteadyState
        If the load is 1 or more.

    Notes
    -----
    Pollaczek-Khinchine: rho / (1 - rho) * (1 + scv) / 2 * mean. Source: Kleinrock, *Queueing
    Systems, vol. 1*, 1975, section 5.7.
    """
    load = _steady(arrival_rate * service_mean)
    return load / (1 - load) * (1 + service_scv) / 2 * service_mean


def md1_wait_mean(arrival_rate: float, service_time: float) -> float:
    """Mean wait with one server that always takes ``service_time`` (M/D/1): half that of M/M/1.

    Raises
    ------
    NoSteadyState
        If the load is 1 or more.
    """
    return mg1_wait_mean(arrival_rate, service_time, 0.0)


def attempts_mean(failure_rate: float, attempts: int) -> float:
    """Mean number of attempts of a job that has at most ``attempts``.

    The sum 1 + p + ... + p^(N-1) = (1 - p^N) / (1 - p), if each fails with probability
    ``failure_rate`` independently; N if every one fails.

    Raises
    ------
    ValueError
        If ``failure_rate`` is no probability or ``attempts`` is below 1.

    Examples
    --------
    >>> attempts_mean(0.5, 3)
    1.75
    >>> attempts_mean(1.0, 3)
    3.0
    """
    if not 0 <= failure_rate <= 1 or attempts < 1:
        raise ValueError(f"failure_rate(={failure_rate}) or attempts(={attempts}) out of range")
    if failure_rate == 1:
        return float(attempts)
    # Near 1 the quotient would lose every digit; expm1 and log1p keep them.
    if failure_rate == 0:
        return 1.0
    return math.expm1(attempts * math.log(failure_rate)) / (failure_rate - 1)


def retry_rate(arrival_rate: float, failure_rate: float, attempts: int) -> float:
    """Rate at which attempts, retries included, come to a queue: lambda (1 - p^N) / (1 - p).

    With Poisson arrivals and exponential service, this rate in M/M/c gives the exact mean wait of
    an attempt whatever the backoff: backoff is a station with infinitely many servers in a
    product-form network. Source: Baskett, Chandy, Muntz and Palacios, *Open, closed, and mixed
    networks of queues with different classes of customers*, Journal of the ACM 22 (1975).

    Parameters
    ----------
    arrival_rate
        Jobs per second.
    failure_rate
        Probability that an attempt fails.
    attempts
        Most attempts a job has, the first included.

    Raises
    ------
    ValueError
        If ``failure_rate`` is no probability or ``attempts`` is below 1.
    """
    return arrival_rate * attempts_mean(failure_rate, attempts)


def littles_law(arrival_rate: float, wait_mean: float) -> float:
    """Mean number waiting: L = lambda W, for any queue in any order.

    Source: Little, *A proof for the queuing formula L = lambda W*, Operations Research 9 (1961).
    """
    return arrival_rate * wait_mean


def _steady(load: float) -> float:
    if not load >= 0:
        raise ValueError(f"load(={load}) must be at least 0")
    if load >= 1:
        raise NoSteadyState(f"no steady state: the load is {load:.3g} per slot, it must be below 1")
    return load
