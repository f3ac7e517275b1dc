"""What queueing theory says, in closed form.

These formulas judge the simulators, so they share no code with them. Rates are per second and times
in seconds, though any one unit of time will do. Each docstring has the formula, between double
backticks, and its source: the course's formula sheet is made of them. λ is the arrival rate, s the
mean service time, μ = 1 / s, c the number of servers, a = λ s, ρ = a / c.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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
    ``B(0) = 1, B(c) = a B(c-1) / (c + a B(c-1))``: a recursion, which stays in [0, 1] where
    factorials overflow. Source: Cooper, *Introduction to Queueing Theory*, 2nd ed. 1981, section
    3.3; Erlang 1917.

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
    ``C = c B / (c - a (1 - B))``, with B of `erlang_b`. Source: Cooper, *Introduction to Queueing
    Theory*, 2nd ed. 1981, section 3.5; Gross and Harris, *Fundamentals of Queueing Theory*, 3rd ed.
    1998, section 2.3.

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


def mmck_blocked(servers: int, waiting: int, offered_load: float) -> float:
    """Probability that an arrival finds all servers busy and the line full (M/M/c/K).

    Parameters
    ----------
    servers
        Number of servers c, 1 or more.
    waiting
        How many may wait, K - c; with 0 it is `erlang_b`.
    offered_load
        Arrival rate times mean service time, in erlangs; any, as what is too much is turned away.

    Raises
    ------
    ValueError
        If there is no server, or one of the others is negative.

    Notes
    -----
    ``B(k+1) = ρ B(k) / (1 + ρ B(k))``, from k = c on: beyond c customers each state is ρ times as
    likely as the one before, so the recursion of `erlang_b` goes on with ρ. Source: Gross and
    Harris, *Fundamentals of Queueing Theory*, 3rd ed. 1998, chapter 2, queues with truncation
    (M/M/c/K).

    Examples
    --------
    >>> mmck_blocked(1, 1, 1.0) == 1 / 3  # three states, each as likely as the others
    True
    """
    if servers < 1 or waiting < 0:
        raise ValueError(f"servers(={servers}) must be >= 1 and waiting(={waiting}) >= 0")
    blocked, ratio = erlang_b(servers, offered_load), offered_load / servers
    for _ in range(waiting):
        blocked = ratio * blocked / (1 + ratio * blocked)
    return blocked


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
    ``W = C / (c μ - λ)``, with C of `erlang_c`. Source: Gross and Harris, *Fundamentals of Queueing
    Theory*, 3rd ed. 1998, section 2.3.
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
    ``P(wait > t) = C exp(-(c μ - λ) t)``, with C of `erlang_c`. Source: Gross and Harris,
    *Fundamentals of Queueing Theory*, 3rd ed. 1998, section 2.3.
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

    Notes
    -----
    ``t = ln(C / (1 - q)) / (c μ - λ)``, or 0 if C is at most 1 - q: `mmc_wait_ccdf`, solved for t.
    Source: Gross and Harris, *Fundamentals of Queueing Theory*, 3rd ed. 1998, section 2.3.
    """
    if not 0 <= q < 1:
        raise ValueError(f"q(={q}) must be at least 0 and less than 1")
    load = arrival_rate * service_mean
    waits = erlang_c(servers, load)
    if waits <= 1 - q:
        return 0.0
    return math.log(waits / (1 - q)) * service_mean / (servers - load)


def closed_response_mean(
    customers: int, think_mean: float, service_mean: float, servers: int
) -> float:
    """Mean response of customers who think, ask, and wait for the answer (M/M/c//N).

    Also known as the machine repair problem. By Little's law the throughput is ``customers`` over
    think and response time together.

    Parameters
    ----------
    customers
        How many there are, N: 1 or more.
    think_mean
        Mean time from an answer to the next request, seconds; its distribution does not matter.
    service_mean
        Mean of the exponential service time, seconds.
    servers
        Number of servers, 1 or more.

    Raises
    ------
    ValueError
        If there is no customer or no server, or a time is not above 0.

    Notes
    -----
    ``R = N / X - z, p(n+1) / p(n) = (N - n) s / (z min(n+1, c))``: z is the mean think time, X the
    throughput, and with n customers at the servers N - n think. Source: Gross and Harris,
    *Fundamentals of Queueing Theory*, 3rd ed. 1998, chapter 2, finite source queues. That any
    distribution of think times gives the same: Baskett, Chandy, Muntz and Palacios, Journal of the
    ACM 22 (1975).

    Examples
    --------
    >>> closed_response_mean(1, 8.0, 2.0, 1)  # alone, nobody waits
    2.0
    """
    if customers < 1 or servers < 1 or not (think_mean > 0 and service_mean > 0):
        raise ValueError(
            f"customers(={customers}) and servers(={servers}) must be at least 1, "
            f"think_mean(={think_mean}) and service_mean(={service_mean}) above 0"
        )
    # In logarithms: the ratios' product would overflow.
    logs = [0.0]
    for there in range(customers):
        ratio = (customers - there) / min(there + 1, servers) * service_mean / think_mean
        logs.append(logs[-1] + math.log(ratio))
    most = max(logs)
    weights = [math.exp(log - most) for log in logs]
    thinking = sum((customers - n) * weight for n, weight in enumerate(weights))
    return think_mean * sum(n * weight for n, weight in enumerate(weights)) / thinking


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
    ``W = ρ / (1 - ρ) (1 + cv²) / 2 s`` (Pollaczek-Khinchine). Source: Kleinrock, *Queueing
    Systems, vol. 1*, 1975, section 5.7.
    """
    load = _steady(arrival_rate * service_mean)
    return load / (1 - load) * (1 + service_scv) / 2 * service_mean


def md1_wait_mean(arrival_rate: float, service_time: float) -> float:
    """Mean wait with one server that always takes as long (M/D/1): half that of M/M/1.

    Parameters
    ----------
    arrival_rate
        Arrivals per second.
    service_time
        What each takes, seconds.

    Raises
    ------
    NoSteadyState
        If the load is 1 or more.

    Notes
    -----
    ``W = ρ / (1 - ρ) s / 2``: `mg1_wait_mean` without any spread. Source: Kleinrock, *Queueing
    Systems, vol. 1*, 1975, section 5.7.
    """
    return mg1_wait_mean(arrival_rate, service_time, 0.0)


def priority_wait_means(
    arrival_rates: Sequence[float], service_means: Sequence[float], service_scvs: Sequence[float]
) -> list[float]:
    """Mean wait of each class with one server that takes the best class first, and finishes it.

    Parameters
    ----------
    arrival_rates
        Of each class, arrivals per second; the best class comes first.
    service_means
        Of each class, mean service time in seconds.
    service_scvs
        Of each class, the squared coefficient of variation of the service time.

    Raises
    ------
    NoSteadyState
        If the load of all classes together is 1 or more.

    Notes
    -----
    ``W(k) = W0 / ((1 - σ(k-1)) (1 - σ(k))), W0 = Σ λ E[S²] / 2``: M/G/1, non-preemptive. σ(k) is
    the load of the classes up to k, and W0 the work left of whoever is being served. Source:
    Cobham, *Priority Assignment in Waiting Line Problems*, Operations Research 2 (1954) 70-76,
    equation 3; Kleinrock, *Queueing Systems, vol. 2*, 1976, section 3.6.

    Examples
    --------
    >>> priority_wait_means([0.25, 0.25], [1.0, 1.0], [1.0, 1.0])  # without: 1 second for all
    [0.6666666666666666, 1.3333333333333333]
    """
    classes = list(zip(arrival_rates, service_means, service_scvs, strict=True))
    left = sum(rate * mean**2 * (1 + scv) for rate, mean, scv in classes) / 2
    return _in_order_of_class(left, [rate * mean for rate, mean, _ in classes])


def mmc_priority_wait_means(
    arrival_rates: Sequence[float], service_mean: float, servers: int
) -> list[float]:
    """Mean wait of each class with several servers and exponential service, the same for all.

    Parameters
    ----------
    arrival_rates
        Of each class, arrivals per second; the best class comes first.
    service_mean
        Mean service time of every class, seconds.
    servers
        Number of servers, 1 or more.

    Raises
    ------
    NoSteadyState
        If the load is not below the number of servers.

    Notes
    -----
    ``W(k) = W0 / ((1 - σ(k-1)) (1 - σ(k))), W0 = C s / c``: as `priority_wait_means`, with W0 the
    mean time until the next server is free, if all are busy, and C of `erlang_c`. Source: Cobham,
    *Priority Assignment in Waiting Line Problems*, Operations Research 2 (1954), equation 5.
    """
    loads = [rate * service_mean / servers for rate in arrival_rates]
    left = erlang_c(servers, sum(loads) * servers) * service_mean / servers
    return _in_order_of_class(left, loads)


def _in_order_of_class(left: float, loads: Sequence[float]) -> list[float]:
    _steady(sum(loads))
    found, above = [], 0.0
    for load in loads:
        found.append(left / ((1 - above) * (1 - above - load)))
        above += load
    return found


def attempts_mean(failure_rate: float, attempts: int) -> float:
    """Mean number of attempts of a job that has at most ``attempts``.

    Each fails with probability p, whatever came before; if every one fails, that is N.

    Parameters
    ----------
    failure_rate
        p, from 0 to 1.
    attempts
        N, 1 or more.

    Raises
    ------
    ValueError
        If ``failure_rate`` is no probability or ``attempts`` is below 1.

    Notes
    -----
    ``(1 - p^N) / (1 - p)``, the sum 1 + p + ... + p^(N-1). Source: the geometric series, as in any
    textbook of analysis.

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
    """Rate at which attempts, retries included, come to a queue.

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

    Notes
    -----
    ``λ (1 - p^N) / (1 - p)``. With Poisson arrivals and exponential service, this rate in M/M/c
    gives the exact mean wait of an attempt whatever the backoff: backoff is a station with
    infinitely many servers in a product-form network. Source: Baskett, Chandy, Muntz and Palacios,
    *Open, closed, and mixed networks of queues with different classes of customers*, Journal of the
    ACM 22 (1975).
    """
    return arrival_rate * attempts_mean(failure_rate, attempts)


def littles_law(arrival_rate: float, wait_mean: float) -> float:
    """Mean number waiting, for any queue in any order.

    Parameters
    ----------
    arrival_rate
        Arrivals per second.
    wait_mean
        Mean wait, seconds; or response, for all that are there.

    Notes
    -----
    ``L = λ W``. Source: Little, *A proof for the queuing formula L = λW*, Operations Research 9
    (1961).
    """
    return arrival_rate * wait_mean


def mmpp_dispersion(t: float, rates: tuple[float, float], lasts: tuple[float, float]) -> float:
    """Index of dispersion of the counts of a two-state Markov-modulated Poisson process.

    The variance of the number of arrivals in any ``t`` seconds over its mean: 1 for a Poisson
    process, more for bursts.

    Parameters
    ----------
    t
        Seconds, above 0.
    rates
        Arrivals per second in each state.
    lasts
        Mean duration of each state, seconds.

    Notes
    -----
    ``1 + K (1 - (1 - exp(-r t)) / (r t)), K = 2 r1 r2 (λ1 - λ2)² / (r² (λ1 r2 + λ2 r1))``: the
    states bring λ1 and λ2, and are left at rates r1 and r2, r in all. Source:
    Heffes and Lucantoni, *A Markov Modulated Characterization of Packetized Voice and Data Traffic
    and Related Statistical Multiplexer Performance*, IEEE Journal on Selected Areas in
    Communications 4 (1986); Fischer and Meier-Hellstern, *The Markov-modulated Poisson process
    (MMPP) cookbook*, Performance Evaluation 18 (1993).

    Examples
    --------
    >>> mmpp_dispersion(10.0, (3.0, 3.0), (1.0, 2.0))
    1.0
    """
    (one, other), (left, back) = rates, (1 / lasts[0], 1 / lasts[1])
    total = left + back
    most = 2 * left * back * (one - other) ** 2 / (total**2 * (one * back + other * left))
    return 1 + most * (1 + math.expm1(-total * t) / (total * t))


def recovery_longest(lock_duration: float, stalled_interval: float) -> float:
    """Longest time from a worker's death until its jobs are put back.

    Some other worker must live, and its event loop have time. Jobs may come back at any moment
    before that, and then wait for a slot.

    Parameters
    ----------
    lock_duration
        D: what a job's lock lasts after its last renewal, seconds.
    stalled_interval
        I: how often each worker looks for stalled jobs, seconds.

    Notes
    -----
    ``max(3 I, D + I)``. At worst the worker dies just after it has looked itself, and after it has
    started a job and renewed its locks. Redis refuses every look for I after that one: a key that
    lives for I says so. A survivor looks every I, so its first look that is not refused comes up to
    I later: 2 I after the death. It marks the job. The next one, I later, puts back what was marked
    before and has no lock: 3 I. Where the lock still lasts by then, up to D after the death, the
    first look after its end does: D + I. Source: BullMQ, ``moveStalledJobsToWait-9.lua``.

    Examples
    --------
    >>> recovery_longest(30, 30), recovery_longest(300, 300), recovery_longest(120, 30)
    (90, 900, 150)
    """
    return max(3 * stalled_interval, lock_duration + stalled_interval)


def _steady(load: float) -> float:
    if not load >= 0:
        raise ValueError(f"load(={load}) must be at least 0")
    if load >= 1:
        raise NoSteadyState(f"no steady state: the load is {load:.3g} per slot, it must be below 1")
    return load
